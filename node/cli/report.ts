/** `dpn report`: members who report records, and reports that have come. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, timeText, type Outcome } from './outcome.ts'

interface Row {
  id: string
  direction: string
  home: string
  record: string
  reporter: string
  reason: string
  time: number
  state: string
}
interface ListOptions extends ApiOptions {
  limit: string
  cursor?: string
  state?: string
  direction?: string
}

async function send(
  client: Client,
  body: { member: string; home: string; record: string; reason: string },
): Promise<Outcome> {
  const row = await client.send<Row>('POST', '/v1/reports', body)
  return { json: { ...row }, lines: [`report ${row.id} is on its way to ${row.home}`] }
}

async function list(client: Client, options: ListOptions): Promise<Outcome> {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  const { cursor, state, direction } = options
  for (const [name, value] of Object.entries({ cursor, state, direction }))
    if (value !== undefined) query.set(name, value)
  const page = await client.get<{ reports: Row[]; next: string | null }>(
    `/v1/reports?${query.toString()}`,
  )
  const header = ['ID', 'DIRECTION', 'HOME', 'RECORD', 'REPORTER', 'REASON', 'TIME', 'STATE']
  const rows = page.reports.map((row) => [
    row.id,
    row.direction,
    row.home,
    row.record,
    row.reporter,
    row.reason,
    timeText(row.time),
    row.state,
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function handle(client: Client, id: string): Promise<Outcome> {
  await client.send('PUT', `/v1/reports/${encodeURIComponent(id)}`, { state: 'handled' })
  return { json: { id, state: 'handled' }, lines: [`report ${id} is handled`] }
}

/** Adds the commands. */
export function addReport(program: Command, shell: Shell): void {
  const report = program.command('report').description('reports of records that misbehave')
  withExamples(
    withApi(report.command('send <member> <home> <record> <reason>')).description(
      'report a record of another site: scam, spam, harassment, hate, sexual-content, ' +
        'impersonation, under-age or other',
    ),
    'dpn report send 42 brio.example 0f1e2d3c4b5a69788796a5b4c3d2e1f0 scam',
  ).action((member: string, home: string, record: string, reason: string, options: ApiOptions) =>
    performWith(shell, options, (client) => send(client, { member, home, record, reason })),
  )
  withExamples(
    withApi(report.command('list'))
      .description('reports, the newest first; at the coordinator those that homes left lying')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended')
      .option('--state <state>', 'open, handled or escalated')
      .option('--direction <direction>', 'in or out'),
    'dpn report list --direction in --state open',
  ).action((options: ListOptions) => performWith(shell, options, (client) => list(client, options)))
  withExamples(
    withApi(report.command('handle <id>')).description('say that a report was seen to'),
    'dpn report handle 7d5d0f8a3c2b1e4f9a8b7c6d5e4f3a2b',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, (client) => handle(client, id)),
  )
}
