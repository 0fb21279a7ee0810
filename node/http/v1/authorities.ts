/** `/v1/authority-disclosures`: what authorities ask for, who has approved, what was handed out. */
import { z } from '@hono/zod-openapi'
import { toHex } from '../../../protocol/bytes.ts'
import { at } from '../../../protocol/errors.ts'
import { parseMemberId } from '../../core/record/member.ts'
import {
  APPROVALS,
  type Authorities,
  type AuthorityDisclosure,
} from '../../core/request/authority.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { ADMIN, READ, type SitePorts } from './ports.ts'
import { limit, seconds } from './shapes.ts'

const tag = 'Disclosures to authorities'
const PATH = '/v1/authority-disclosures'

const shape = z.object({
  id: z.string(),
  subject: z.enum(['member', 'owner']),
  customer: z.string().nullable(),
  authority: z.string(),
  basis: z.string(),
  proposedAt: seconds,
  proposedBy: z.string(),
  approvals: z.array(z.object({ actor: z.string(), time: seconds })),
  state: z.enum(['proposed', 'approved', 'exported', 'declined']),
  exportedAt: seconds.nullable(),
  digest: z.string().nullable().describe('SHA-256 of the file that was handed out'),
})
const line = (chars: number) =>
  z
    .string()
    .min(3)
    .max(chars)
    .regex(/^\P{Cc}+$/u, 'text on one line')

/** Fields of a proposal that both roles have. */
export const newDisclosure = {
  authority: line(200).describe('the authority, with its department'),
  basis: line(300).describe('the law, and the file number'),
}
/** What a proposal answers. */
export const disclosureAnswers = {
  201: { description: 'It waits for approvals', schema: shape },
}

/** A disclosure as it is shown. */
export function shownDisclosure(row: AuthorityDisclosure): object {
  return { ...row, digest: row.digest === null ? null : toHex(row.digest) }
}

const idOf = (c: OperationContext): string => c.req.param('id') ?? ''

/** Mounts what both roles have. */
export function mountAuthorityDesk(
  door: Door,
  authorities: Authorities,
  roles: { look: readonly string[]; act: readonly string[] },
): void {
  mount(
    door,
    {
      method: 'get',
      path: PATH,
      roles: roles.look,
      tag,
      summary: 'Disclosures to authorities, the newest first',
      query: z.strictObject({ limit }),
      answers: {
        200: { description: 'A page', schema: z.object({ disclosures: z.array(shape) }) },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const rows = await authorities.list(query.limit)
      return c.json({ disclosures: rows.map(shownDisclosure) })
    },
  )
  const answers = {
    200: { description: 'As it is now', schema: shape },
    409: { description: 'Not in this state, or approved by the same person before' },
  }
  for (const [step, summary] of [
    ['approve', `Approve it; ${APPROVALS} different people have to`],
    ['decline', 'Decline it: nothing leaves'],
  ] as const)
    mount(
      door,
      { method: 'post', path: `${PATH}/{id}/${step}`, roles: roles.act, tag, summary, answers },
      async (c) => c.json(shownDisclosure(await authorities[step](actorIn(c), idOf(c)))),
    )
  mount(
    door,
    {
      method: 'post',
      path: `${PATH}/{id}/export`,
      roles: roles.act,
      tag,
      summary: 'Hand it out, once',
      description: 'The row says so, durably, before the file leaves.',
      answers: {
        200: { description: 'The file', schema: z.record(z.string(), z.unknown()) },
        409: { description: 'Not approved by two, or handed out already' },
      },
    },
    async (c) => {
      const file = await authorities.export(actorIn(c), idOf(c))
      return c.body(new Uint8Array(file), 200, {
        'content-type': 'application/json',
        'content-disposition': 'attachment; filename="disclosure.json"',
      })
    },
  )
}

/** Mounts the resource of a site. */
export function mountAuthorities(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: PATH,
      roles: ADMIN,
      tag,
      summary: 'Propose to disclose what is kept of a member',
      body: z.strictObject({ ...newDisclosure, member: z.string() }),
      answers: disclosureAnswers,
    },
    async (c, { body }) => {
      const member = at('/member', () => parseMemberId(body.member))
      const { authority, basis } = body
      const memberKey = site.memberKeyOf(member)
      const what = { subject: 'member', memberKey, member, authority, basis } as const
      return c.json(shownDisclosure(await site.authorities.propose(actorIn(c), what)), 201)
    },
  )
  mountAuthorityDesk(door, site.authorities, { look: READ, act: ADMIN })
}
