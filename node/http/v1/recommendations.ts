/** `/v1/members/{id}/recommendations`: people of other sites who fit a member, and why. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId } from '../../../protocol/ids.ts'
import { FIELDS } from '../../../protocol/vocabulary.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { RecommendRequest } from '../../core/record/recommend.ts'
import { REASON_CODES } from '../../core/record/recommend/reasons.ts'
import { WISH_FIELDS, type Wishes } from '../../core/record/recommend/score.ts'
import type { Door } from '../app.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { READ, type SitePorts } from './ports.ts'
import { recordId } from './shapes.ts'
import { visible, withPictures } from './visible.ts'

const tag = 'Recommendations'
const MOST = 100
const DEFAULT = 20
const MOST_SEEN = 10_000
const HALF_EQUATOR_KM = 20_038

const limit = z.int().min(1).max(MOST).default(DEFAULT)
const wishes = z.strictObject(
  Object.fromEntries(
    WISH_FIELDS.map((field) => [field, z.array(FIELDS[field].schema).min(1).optional()]),
  ),
) as unknown as z.ZodType<Wishes>

const question = z.strictObject({
  limit,
  radiusKm: z.int().min(1).max(HALF_EQUATOR_KM).optional().describe('not farther away'),
  seen: z.array(recordId).max(MOST_SEEN).default([]).describe('records to leave out'),
  wishes: wishes
    .optional()
    .describe(
      "the member's wishes beyond the profile: values of a field, any of which will do. Race and " +
        'religion count only where they are passed here and the other consents to sharing them. ' +
        'Used for this answer alone',
    ),
})

const recommendation = visible.extend({
  score: z.number().describe('how well each meets the wishes of the other, from 0 to 1'),
  reasons: z
    .array(z.looseObject({ code: z.enum(REASON_CODES), text: z.string().describe('in English') }))
    .describe('by the code and its values a site says it in its own language'),
})
const answers = {
  200: {
    description: 'The best first; fewer than asked for where no more fit',
    schema: z.object({ recommendations: z.array(recommendation) }),
  },
  404: { description: 'There is no such member with a live record' },
  422: { description: "The member's consent does not cover recommendations" },
}
const description =
  'Who fits the wishes and is fitted by them, of those who have consented to be recommended. The ' +
  'same all day (UTC), others tomorrow. Ask again before you show it.'

/** A member is named by the path here. */
function atId(error: unknown): unknown {
  return error instanceof ProtocolError && error.path === '/member'
    ? new ProtocolError(error.code, '/id', error.expected)
    : error
}

/** Mounts the resource. */
export function mountRecommendations(door: Door, { site }: SitePorts): void {
  const answer = async (
    c: OperationContext,
    asked: Omit<RecommendRequest, 'member'>,
  ): Promise<Response> => {
    const member = parseMemberId(c.req.param('id'))
    takeRows(door, c, asked.limit)
    try {
      const recommendations = await site.recommender.recommend({ member, ...asked })
      return c.json({ recommendations: await withPictures(site, recommendations) })
    } catch (error) {
      throw atId(error)
    }
  }
  const path = '/v1/members/{id}/recommendations'
  mount(
    door,
    {
      method: 'get',
      path,
      roles: READ,
      tag,
      summary: 'Recommend people to a member',
      description,
      query: z.strictObject({ limit }),
      answers,
    },
    (c, { query }) => answer(c, query),
  )
  mount(
    door,
    {
      method: 'post',
      path,
      roles: READ,
      tag,
      summary: 'Recommend people to a member, by further wishes',
      description: `${description} What a member wishes for is nothing for an address: it is in the body.`,
      body: question,
      shownBody: {
        schema: question,
        example: { limit: 10, radiusKm: 200, wishes: { smoking: ['never'] } },
      },
      answers,
    },
    (c, { body: { seen, radiusKm, wishes: wished, ...rest } }) =>
      answer(c, {
        ...rest,
        seen: at('/seen', () => seen.map(parseRecordId)),
        ...(radiusKm !== undefined && { radiusKm }),
        ...(wished && { wishes: wished }),
      }),
  )
}
