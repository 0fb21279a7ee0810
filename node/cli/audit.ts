/** `dpn audit`: how withdrawals stand at the coordinator, for the whole Network or one site. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, timeText, type Outcome } from './outcome.ts'

interface Overview {
  states: Record<string, number>
  complete: number
  histogram: { seconds: number; count: number }[]
  sites?: {
    site: string
    withdrawals: number
    complete: number
    late: number
    overdue: number
    medianSeconds: number | null
    maxSeconds: number | null
  }[]
  receipts?: { log: string; signed: number; witnessed: number; missingSince: number | null }[]
}
interface Row {
  log: string
  index: number
  kind: string
  time: number
  dueAt: number | null
  required: number
  received: number
  state: string
  seconds: number | null
}
interface ListOptions extends ApiOptions {
  limit: string
  offset?: string
  site?: string
  state?: string
  sort?: string
  order?: string
}

const part = (text: string): string => encodeURIComponent(text)
const secondsText = (value: number | null): string => (value === null ? '-' : `${value} s`)

function overviewLines({ states, complete, histogram, sites, receipts }: Overview): string[] {
  const head = table(Object.entries(states).map(([state, count]) => [state, String(count)]))
  const times = histogram.map(({ seconds, count }) => [
    `within ${seconds} s`,
    `${count}/${complete}`,
  ])
  const bySite = (sites ?? []).map((row) => [
    row.site,
    String(row.withdrawals),
    String(row.complete),
    String(row.late),
    String(row.overdue),
    secondsText(row.medianSeconds),
    secondsText(row.maxSeconds),
  ])
  const header = ['SITE', 'WITHDRAWALS', 'COMPLETE', 'LATE', 'OVERDUE', 'MEDIAN', 'MAX']
  const byLog = (receipts ?? []).map((row) => [
    row.log,
    String(row.signed),
    String(row.witnessed),
    timeText(row.missingSince),
  ])
  return [
    ...head,
    ...table(times),
    ...(sites === undefined ? [] : table([header, ...bySite])),
    ...(receipts === undefined
      ? []
      : table([['LOG', 'SIGNED', 'WITNESSED', 'MISSING SINCE'], ...byLog])),
  ]
}

async function overview(client: Client, site: string | undefined): Promise<Outcome> {
  const path = site === undefined ? '/v1/audit/overview' : `/v1/audit/sites/${part(site)}`
  const json = await client.get<Overview>(path)
  return { json: { ...json }, lines: overviewLines(json) }
}

async function list(client: Client, options: ListOptions): Promise<Outcome> {
  const { offset, site, state, sort, order } = options
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  for (const [name, value] of Object.entries({ offset, site, state, sort, order }))
    if (value !== undefined) query.set(name, value)
  const page = await client.get<{ withdrawals: Row[]; total: number }>(
    `/v1/audit/withdrawals?${query.toString()}`,
  )
  const rows = page.withdrawals.map((row) => [
    row.log,
    String(row.index),
    row.kind,
    timeText(row.time),
    timeText(row.dueAt),
    `${row.received}/${row.required}`,
    row.state,
    secondsText(row.seconds),
  ])
  const header = ['LOG', 'ENTRY', 'KIND', 'TIME', 'DUE', 'RECEIPTS', 'STATE', 'TOOK']
  const lines = [...table([header, ...rows]), `${page.withdrawals.length} of ${page.total}`]
  return { json: { ...page }, lines }
}

async function show(client: Client, site: string, index: string): Promise<Outcome> {
  const json = await client.get<Row & { receipts: { site: string; receivedAt: number | null }[] }>(
    `/v1/audit/withdrawals/${part(site)}/${part(index)}`,
  )
  const { kind, time, state, dueAt, received, required, receipts } = json
  return {
    json: { ...json },
    lines: [
      `${kind}, entry ${index} of the log of ${site}, ${timeText(time)}`,
      `${state}: ${received}/${required} receipts received, due by ${timeText(dueAt)}`,
      ...table(receipts.map((one) => [`  ${one.site}`, timeText(one.receivedAt)])),
    ],
  }
}

/** Adds the commands. */
export function addAudit(program: Command, shell: Shell): void {
  const audit = program.command('audit').description('how withdrawals stand, at the coordinator')
  withExamples(
    withApi(audit.command('overview [site]')).description('the whole Network, or one site'),
    'dpn audit overview',
    'dpn audit overview amor.example',
  ).action((site: string | undefined, options: ApiOptions) =>
    performWith(shell, options, (client) => overview(client, site)),
  )
  withExamples(
    withApi(audit.command('withdrawals'))
      .description('withdrawals, orders and expulsions of all logs')
      .option('--site <site>', 'of this home')
      .option('--state <state>', 'unwitnessed, awaited, overdue, complete, late or stopped')
      .option('--sort <column>', 'time, site, due, received, seconds or state')
      .option('--order <order>', 'asc or desc')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--offset <rows>', 'rows before the page'),
    'dpn audit withdrawals --state overdue',
  ).action((options: ListOptions) => performWith(shell, options, (client) => list(client, options)))
  withExamples(
    withApi(audit.command('withdrawal <site> <index>')).description(
      'one entry of a log, with the receipt of each member',
    ),
    'dpn audit withdrawal amor.example 17',
  ).action((site: string, index: string, options: ApiOptions) =>
    performWith(shell, options, (client) => show(client, site, index)),
  )
}
