/** `/v1/members/{id}/openings`: shows one auditor the consent of one member. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { OPENING_SECONDS } from '../../../protocol/limits.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { problemResponse } from '../problem.ts'
import { ADMIN, type SitePorts } from './ports.ts'

const DAY_SECONDS = 86_400
const MOST_DAYS = OPENING_SECONDS / DAY_SECONDS

/** Mounts the resource. */
export function mountOpenings(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/members/{id}/openings',
      roles: ADMIN,
      tag: 'Members',
      summary: 'Show an auditor the consent of one member',
      description:
        'A file in which the consent record opens the commitment in the log, signed for one auditor ' +
        'and until a time; nothing of the profile is in it. It is personal data and never part of ' +
        "evidence. The auditor becomes one of the member's recipients.",
      body: z.strictObject({
        auditor: z.string().max(253).describe('domain name of whom it is for'),
        days: z.int().min(1).max(MOST_DAYS).default(14),
      }),
      answers: {
        200: { description: 'A file', schema: z.record(z.string(), z.unknown()) },
        409: { description: 'not_ready: receipts for the entry are missing' },
      },
    },
    async (c, { body }) => {
      const id = parseMemberId(c.req.param('id'))
      const auditor = at('/auditor', () => parseSiteId(body.auditor))
      try {
        const file = await site.openings.make(id, { auditor, seconds: body.days * DAY_SECONDS })
        return c.body(file, 200, {
          'content-type': 'application/json',
          'content-disposition': 'attachment; filename="opening.json"',
        })
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
}
