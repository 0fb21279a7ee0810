/** `/v1/reports`: members report records; homes and the coordinator see to them. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../../protocol/ids.ts'
import { REPORT_SECONDS } from '../../../protocol/limits.ts'
import { parseTalkId, REPORT_REASONS } from '../../../protocol/talk.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { ReportRow } from '../../core/talk/report-rows.ts'
import type { ReportDesk } from '../../core/talk/report.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { mount, takeRows } from '../operation.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { limit, recordId, seconds, siteId } from './shapes.ts'

const tag = 'Reports'

const DIRECTIONS = ['in', 'out', 'desk'] as const
const STATES = ['open', 'handled', 'escalated'] as const

const report = z.object({
  id: z.string(),
  direction: z
    .enum(DIRECTIONS)
    .describe('in: about a member of this site; out: by one; desk: at the coordinator'),
  home: siteId.describe('the site of the reported record'),
  record: recordId.describe('the reported record'),
  reporter: siteId.describe('the site whose member reports'),
  reason: z.enum(REPORT_REASONS),
  time: seconds,
  state: z.enum(STATES).describe('escalated: the home did nothing, and the coordinator has it'),
})

function shownOf({ id, direction, home, record, reporter, reason, time, state }: ReportRow) {
  return { id, direction, home, record, reporter, reason, time, state }
}

function parseCursor(cursor: string | undefined): { time: number; id: string } | null {
  if (cursor === undefined) return null
  const [time = '', id = ''] = cursor.split('-')
  if (!/^\d{1,12}$/.test(time)) throw new ProtocolError('malformed', '/cursor', 'a cursor')
  return { time: Number(time), id: at('/cursor', () => parseTalkId(id)) }
}

/** Mounts what both roles have: the list, and the mark that a report was seen to. */
export function mountReportDesk(
  door: Door,
  desk: ReportDesk,
  roles: { look: readonly string[]; act: readonly string[] },
): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/reports',
      roles: roles.look,
      tag,
      summary: 'Reports, the newest first',
      description: 'They hold ids, sites, a reason and times: nothing of what was written.',
      query: z.strictObject({
        limit,
        cursor: z.string().max(60).optional(),
        state: z.enum(STATES).optional(),
        direction: z.enum(DIRECTIONS).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ reports: z.array(report), next: z.string().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const before = parseCursor(query.cursor)
      const { state, direction } = query
      const rows = await desk.list({
        limit: query.limit,
        ...(state && { state }),
        ...(direction && { direction }),
        ...(before && { before }),
      })
      const last = rows.length < query.limit ? undefined : rows.at(-1)
      const next = last === undefined ? null : `${last.time}-${last.id}`
      return c.json({ reports: rows.map(shownOf), next })
    },
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/reports/{report}',
      roles: roles.act,
      tag,
      summary: 'Say that a report was seen to',
      body: z.strictObject({ state: z.literal('handled') }),
      answers: {
        204: { description: 'It is handled; the reporting site learns it' },
        404: { description: 'There is no such report to this node' },
      },
    },
    async (c) => {
      await desk.handle(c.req.param('report') ?? '', actorIn(c))
      return c.body(null, 204)
    },
  )
}

/** Mounts the resource of a site. */
export function mountReports(door: Door, { site }: SitePorts): void {
  const { reports } = site.talk
  const given = z.strictObject({
    member: z.string().describe("the site's own id of the member who reports; it is not told"),
    home: siteId,
    record: recordId,
    reason: z.enum(REPORT_REASONS),
  })
  mount(
    door,
    {
      method: 'post',
      path: '/v1/reports',
      roles: WRITE,
      tag,
      summary: 'Report a record of another site',
      description:
        `Goes to the home of the record; if that does nothing within ${REPORT_SECONDS / 3600} hours, ` +
        'to the coordinator. No content goes along, and not who reports.',
      body: given,
      answers: {
        201: { description: 'It is on its way', schema: report },
        404: { description: 'No such member, or no such record that may be shown here now' },
      },
    },
    async (c, { body }) => {
      const row = await reports.create({
        id: at('/member', () => parseMemberId(body.member)),
        home: at('/home', () => parseSiteId(body.home)),
        record: at('/record', () => parseRecordId(body.record)),
        reason: body.reason,
      })
      return c.json(shownOf(row), 201)
    },
  )
  mountReportDesk(door, reports, { look: READ, act: WRITE })
}
