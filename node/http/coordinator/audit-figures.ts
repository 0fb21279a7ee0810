/** `/v1/audit`: how withdrawals stand, how long they took, member by member. */
import { z } from '@hono/zod-openapi'
import { parseSize } from '../../../protocol/checkpoint.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import {
  WITHDRAWAL_ORDERS,
  WITHDRAWAL_STATES,
  type ListedWithdrawal,
  type WithdrawalFilter,
} from '../../core/audit-rows.ts'
import type { Overview } from '../../core/oversight/figures.ts'
import type { Door } from '../app.ts'
import { answerCsv } from '../csv.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { limit, recordId, seconds, siteId } from '../v1/shapes.ts'
import { LOOK, siteIn, type CoordinatorPorts } from './ports.ts'

const tag = 'Audit'

const states = z.object(
  Object.fromEntries(WITHDRAWAL_STATES.map((state) => [state, z.int()])) as Record<
    (typeof WITHDRAWAL_STATES)[number],
    z.ZodInt
  >,
)
const overviewShape = z.object({
  now: seconds,
  states: states.describe('withdrawals by state'),
  complete: z.int().describe('withdrawals with all receipts'),
  histogram: z
    .array(z.object({ seconds: z.int(), count: z.int() }))
    .describe('how many of them had the last receipt within so many seconds'),
  days: z.array(
    z.object({
      day: z.int().describe('days since 1970-01-01'),
      count: z.int(),
      medianSeconds: z.int(),
      p95Seconds: z.int(),
      maxSeconds: z.int(),
      deadlineSeconds: z.int(),
    }),
  ),
})
const siteShape = z.object({
  site: siteId,
  withdrawals: z.int(),
  complete: z.int(),
  late: z.int(),
  overdue: z.int(),
  medianSeconds: z.int().nullable(),
  maxSeconds: z.int().nullable(),
})
const withdrawalShape = z.object({
  log: siteId.describe('whose log it stands in'),
  index: z.int(),
  kind: z.enum(['withdraw', 'order', 'expel']),
  site: siteId.describe('the home of what ends'),
  record: recordId.nullable(),
  reason: z.string().nullable(),
  time: seconds,
  witnessedAt: seconds.nullable().describe('when the coordinator cosigned it'),
  dueAt: seconds.nullable(),
  required: z.int(),
  received: z.int(),
  lastAt: seconds.nullable(),
  state: z.enum(WITHDRAWAL_STATES),
  seconds: z.int().nullable().describe('from the entry to the last receipt'),
})
const cell = z.object({
  site: siteId,
  receivedAt: seconds.nullable().describe('null where no receipt was received'),
})
const format = z.enum(['json', 'csv']).default('json')
const findingCounts = z.array(
  z.object({ kind: z.string(), severity: z.string(), state: z.string(), count: z.int() }),
)

const DAY_COLUMNS = [
  'day',
  'count',
  'medianSeconds',
  'p95Seconds',
  'maxSeconds',
  'deadlineSeconds',
] as const
const COLUMNS = [
  'log',
  'index',
  'kind',
  'site',
  'record',
  'reason',
  'time',
  'witnessedAt',
  'dueAt',
  'required',
  'received',
  'lastAt',
  'state',
  'seconds',
] as const satisfies readonly (keyof ListedWithdrawal)[]

/** The series over time as a table. */
function daysCsv(c: OperationContext, file: string, { days }: Overview): Response {
  return answerCsv(
    c,
    file,
    DAY_COLUMNS,
    days.map((day) => DAY_COLUMNS.map((name) => day[name])),
  )
}

function mountOverview(door: Door, ports: CoordinatorPorts): void {
  const { figures, findings } = ports.coordinator
  mount(
    door,
    {
      method: 'get',
      path: '/v1/audit/overview',
      roles: LOOK,
      tag,
      summary: 'How all withdrawals stand, how long they took, and how each site does',
      query: z.strictObject({ format }),
      answers: {
        200: {
          description: 'The figures; as CSV the series by day',
          schema: overviewShape.extend({ sites: z.array(siteShape), findings: findingCounts }),
        },
      },
    },
    async (c, { query }) => {
      const overview = await figures.overview(null)
      if (query.format === 'csv') return daysCsv(c, 'erasure-times', overview)
      const counts = await findings.totals(null)
      return c.json({ ...overview, sites: await figures.sites(), findings: counts })
    },
  )
}

function mountSite(door: Door, ports: CoordinatorPorts): void {
  const { figures, findings, node } = ports.coordinator
  mount(
    door,
    {
      method: 'get',
      path: '/v1/audit/sites/{site}',
      roles: LOOK,
      tag,
      summary: 'One site: its own withdrawals, and how far its receipts reach in each log',
      query: z.strictObject({ format }),
      answers: {
        200: {
          description: 'The figures; as CSV the series by day',
          schema: overviewShape.extend({
            site: siteId,
            findings: findingCounts,
            receipts: z.array(
              z.object({
                log: siteId,
                signed: z.int().describe('the largest size that it has cosigned'),
                witnessed: z.int().describe('the largest size that the coordinator has'),
                missingSince: seconds.nullable(),
              }),
            ),
          }),
        },
      },
    },
    async (c, { query }) => {
      const site = siteIn(c.req.param('site'))
      if (memberOf(node.view.registry(), site) === undefined)
        throw new ProtocolError('not_found', '/site', 'a site that was ever admitted')
      const overview = await figures.overview(site)
      if (query.format === 'csv') return daysCsv(c, `erasure-times-${site}`, overview)
      const counts = await findings.totals(site)
      const receipts = await figures.receiptsBy(site)
      return c.json({ ...overview, site, findings: counts, receipts })
    },
  )
}

function mountWithdrawals(door: Door, { coordinator: { figures } }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/audit/withdrawals',
      roles: LOOK,
      tag,
      summary: 'Withdrawals, orders and expulsions of all logs, sorted and filtered',
      query: z.strictObject({
        site: z.string().max(253).optional().describe('the home of what ends'),
        state: z.enum(WITHDRAWAL_STATES).optional(),
        sort: z.enum(WITHDRAWAL_ORDERS).default('time'),
        order: z.enum(['asc', 'desc']).default('desc'),
        offset: z.int().min(0).max(10_000_000).default(0).describe('rows before the page'),
        limit,
        format,
      }),
      answers: {
        200: {
          description: 'A page, and how many there are in all; as CSV where it is asked for',
          schema: z.object({ withdrawals: z.array(withdrawalShape), total: z.int() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const { state, sort, order, offset } = query
      const filter: WithdrawalFilter = {
        ...(state !== undefined && { state }),
        ...(query.site !== undefined && { site: at('/site', () => parseSiteId(query.site ?? '')) }),
      }
      const page = { filter, order: sort, isDescending: order === 'desc', offset }
      const found = await figures.list({ ...page, limit: query.limit })
      if (query.format === 'json') return c.json(found)
      const rows = found.withdrawals.map((row) => COLUMNS.map((name) => row[name]))
      return answerCsv(c, 'withdrawals', COLUMNS, rows)
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/audit/withdrawals/{site}/{index}',
      roles: LOOK,
      tag,
      summary: 'One withdrawal of a log, with the receipt of each member',
      query: z.strictObject({ format }),
      answers: {
        200: {
          description: 'It, and when each receipt came',
          schema: withdrawalShape.extend({ receipts: z.array(cell) }),
        },
      },
    },
    async (c, { query }) => {
      const site = siteIn(c.req.param('site'))
      const index = at('/index', () => parseSize(c.req.param('index') ?? ''))
      const { withdrawal, receipts } = await figures.withdrawal(site, index)
      if (query.format === 'json') return c.json({ ...withdrawal, receipts })
      const rows = receipts.map((one) => [one.site, one.receivedAt])
      return answerCsv(c, `receipts-${site}-${index}`, ['site', 'receivedAt'], rows)
    },
  )
}

/** Mounts the figures of the audit. */
export function mountAuditFigures(door: Door, ports: CoordinatorPorts): void {
  mountOverview(door, ports)
  mountSite(door, ports)
  mountWithdrawals(door, ports)
}
