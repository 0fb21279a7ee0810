/** `/v1/findings`: what the audit has found, and what people say about it. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { FINDING_ORDERS, type FindingFilter } from '../../core/finding-rows.ts'
import {
  FINDING_KINDS,
  FINDING_STATES,
  SEVERITIES,
  type Finding,
} from '../../core/oversight/finding.ts'
import type { Door } from '../app.ts'
import { answerCsv } from '../csv.ts'
import { mount, takeRows } from '../operation.ts'
import { problemResponse } from '../problem.ts'
import { limit, seconds, siteId } from '../v1/shapes.ts'
import { ACT, actorOf, LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Findings'

/** A finding as the interface shows it. */
export const findingShape = z.object({
  id: z.string(),
  kind: z.enum(FINDING_KINDS),
  site: siteId,
  subject: z.string().describe('what it is about: a log and an index, the id of a challenge'),
  severity: z.enum(SEVERITIES),
  since: seconds,
  foundAt: seconds,
  evidence: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string()).readonly()])),
  state: z.enum(FINDING_STATES),
  owner: z.string().nullable().describe('id of the account or key that looks after it'),
  curedAt: seconds.nullable().describe('when what was missing came'),
})
const historyShape = z.array(
  z.object({
    time: seconds,
    actor: z.object({ kind: z.string(), id: z.string(), role: z.string() }),
    state: z.enum(FINDING_STATES),
    note: z.string(),
  }),
)
/** How a table is filtered, sorted and paged. */
const listQuery = z.strictObject({
  kind: z.enum(FINDING_KINDS).optional(),
  site: z.string().max(253).optional(),
  state: z.enum(FINDING_STATES).optional(),
  sort: z.enum(FINDING_ORDERS).default('since'),
  order: z.enum(['asc', 'desc']).default('desc'),
  offset: z.int().min(0).max(1_000_000).default(0).describe('rows before the page'),
  limit,
  format: z.enum(['json', 'csv']).default('json'),
})

const COLUMNS = [
  'id',
  'kind',
  'site',
  'subject',
  'severity',
  'since',
  'foundAt',
  'state',
  'owner',
  'curedAt',
] as const satisfies readonly (keyof Finding)[]

function mountList(door: Door, { coordinator }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/findings',
      roles: LOOK,
      tag,
      summary: 'What the audit has found',
      query: listQuery,
      answers: {
        200: {
          description: 'A page, and how many there are in all; as CSV where it is asked for',
          schema: z.object({ findings: z.array(findingShape), total: z.int() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const { kind, state, sort, order, offset } = query
      const filter: FindingFilter = {
        ...(kind !== undefined && { kind }),
        ...(state !== undefined && { state }),
        ...(query.site !== undefined && { site: at('/site', () => parseSiteId(query.site ?? '')) }),
      }
      const page = { filter, order: sort, isDescending: order === 'desc', offset }
      const found = await coordinator.findings.list({ ...page, limit: query.limit })
      if (query.format === 'json') return c.json(found)
      const rows = found.findings.map((row) => COLUMNS.map((name) => row[name]))
      return answerCsv(c, 'findings', COLUMNS, rows)
    },
  )
}

/** Mounts the resource. */
export function mountFindings(door: Door, ports: CoordinatorPorts): void {
  const { findings } = ports.coordinator
  mountList(door, ports)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/findings/{finding}',
      roles: LOOK,
      tag,
      summary: 'One finding with its history',
      answers: {
        200: { description: 'It', schema: findingShape.extend({ history: historyShape }) },
      },
    },
    async (c) => {
      const { finding, history } = await findings.get(c.req.param('finding') ?? '')
      return c.json({ ...finding, history })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/findings/{finding}/evidence',
      roles: LOOK,
      tag,
      summary: 'The file that bears out a finding',
      description:
        'Anybody can check it offline with the verifier key of the coordinator alone. What was not ' +
        'received the coordinator states under its signature.',
      answers: {
        200: { description: 'A file', schema: z.record(z.string(), z.unknown()) },
        404: { description: 'Findings of this kind have no such file' },
        409: { description: 'not_ready: what it takes is not here yet' },
      },
    },
    async (c) => {
      const { finding } = await findings.get(c.req.param('finding') ?? '')
      try {
        return c.body(await ports.coordinator.findingFiles.file(finding), 200, {
          'content-type': 'application/json',
          'content-disposition': `attachment; filename="${finding.kind}-${finding.id}.json"`,
        })
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
  mount(
    door,
    {
      method: 'patch',
      path: '/v1/findings/{finding}',
      roles: ACT,
      tag,
      summary: 'Explain, confirm, close or reopen a finding, take it over, or note something',
      description:
        'Staff explain and take over; the data protection officer also confirms, closes and ' +
        'reopens. The history keeps every change, so a note names no person.',
      body: z.strictObject({
        state: z.enum(FINDING_STATES).optional(),
        owner: z.string().max(64).nullable().optional().describe('id of an account or key'),
        note: z.string(),
      }),
      answers: {
        200: { description: 'As it is now', schema: findingShape },
        409: { description: 'The role may not make this change' },
      },
    },
    async (c, { body }) => {
      const { state, owner, note } = body
      const request = {
        note,
        ...(state !== undefined && { state }),
        ...(owner !== undefined && { owner }),
      }
      return c.json(await findings.change(actorOf(c), c.req.param('finding') ?? '', request))
    },
  )
}
