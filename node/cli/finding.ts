/** `dpn finding`: what the coordinator's audit has found, and what people say about it. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Row {
  id: string
  kind: string
  site: string
  subject: string
  severity: string
  since: number
  state: string
  owner: string | null
  curedAt: number | null
}
interface Full extends Row {
  evidence: Record<string, unknown>
  history: {
    time: number
    actor: { kind: string; id: string }
    state: string
    note: string
  }[]
}
interface ListOptions extends ApiOptions {
  limit: string
  offset?: string
  kind?: string
  site?: string
  state?: string
  sort?: string
  order?: string
}

const part = (text: string): string => encodeURIComponent(text)

async function list(client: Client, options: ListOptions): Promise<Outcome> {
  const { offset, kind, site, state, sort, order } = options
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  for (const [name, value] of Object.entries({ offset, kind, site, state, sort, order }))
    if (value !== undefined) query.set(name, value)
  const page = await client.get<{ findings: Row[]; total: number }>(
    `/v1/findings?${query.toString()}`,
  )
  const rows = page.findings.map((row) => [
    row.id,
    row.kind,
    row.site,
    row.subject,
    row.severity,
    timeText(row.since),
    row.state,
  ])
  const header = ['ID', 'KIND', 'SITE', 'SUBJECT', 'SEVERITY', 'SINCE', 'STATE']
  const lines = [...table([header, ...rows]), `${page.findings.length} of ${page.total}`]
  return { json: { ...page }, lines }
}

async function show(client: Client, id: string): Promise<Outcome> {
  const json = await client.get<Full>(`/v1/findings/${part(id)}`)
  const facts = Object.entries(json.evidence).map(([name, value]) => [
    `  ${name}`,
    typeof value === 'string' ? value.split('\n').join(' | ') : JSON.stringify(value),
  ])
  return {
    json: { ...json },
    lines: [
      `${json.kind} of ${json.site}: ${json.subject}`,
      `${json.severity}, since ${timeText(json.since)}, ${json.state}`,
      ...table(facts),
      ...table(
        json.history.map(({ time, actor, state, note }) => [
          timeText(time),
          actor.kind === 'node' ? 'node' : `${actor.kind} ${actor.id}`,
          state,
          note,
        ]),
      ),
    ],
  }
}

async function evidence(client: Client, id: string, file: string): Promise<Outcome> {
  const text = await client.text(`/v1/findings/${part(id)}/evidence`)
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (cause) {
    throw new FailureError(`${file} cannot be made, or is there already`, { cause })
  }
  return { json: { id, file }, lines: [`written to ${file}; check it with dpn verify`] }
}

async function change(
  client: Client,
  id: string,
  options: { state?: string; owner?: string; note: string },
): Promise<Outcome> {
  const { state, owner, note } = options
  if (note === '') throw new UsageError('--note: expected why, in words')
  const body = { note, ...(state && { state }), ...(owner && { owner }) }
  const json = await client.send<Row>('PATCH', `/v1/findings/${part(id)}`, body)
  return { json: { ...json }, lines: [`finding ${id} is ${json.state}`] }
}

/** Adds the commands. */
export function addFinding(program: Command, shell: Shell): void {
  const finding = program.command('finding').description("findings of the coordinator's audit")
  withExamples(
    withApi(finding.command('list'))
      .description('what was found, the newest first')
      .option('--kind <kind>', 'overdue-erasure, fork, rolled-back, lapsed-heartbeat …')
      .option('--site <site>', 'about this site')
      .option('--state <state>', 'open, explained, confirmed or closed')
      .option('--sort <column>', 'since, kind, site, severity, state or owner')
      .option('--order <order>', 'asc or desc')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--offset <rows>', 'rows before the page'),
    'dpn finding list --state open --sort severity',
  ).action((options: ListOptions) => performWith(shell, options, (client) => list(client, options)))
  withExamples(
    withApi(finding.command('show <id>')).description('one finding with facts and history'),
    'dpn finding show 7d5d0f8a3c2b1e4f9a8b7c6d5e4f3a2b',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, (client) => show(client, id)),
  )
  withExamples(
    withApi(finding.command('evidence <id> <file>')).description(
      'save the file that bears it out; check it with dpn verify',
    ),
    'dpn finding evidence 7d5d0f8a3c2b1e4f9a8b7c6d5e4f3a2b finding.json',
  ).action((id: string, file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => evidence(client, id, file)),
  )
  withExamples(
    withApi(finding.command('change <id>'))
      .description('explain, confirm, close or reopen it, take it over, or note something')
      .option('--state <state>', 'open, explained, confirmed or closed')
      .option('--owner <id>', 'id of the key or account that looks after it')
      .requiredOption('--note <text>', 'why; it names no person'),
    'dpn finding change 7d5d0f8a3c2b1e4f9a8b7c6d5e4f3a2b --state explained --note "a disk failed"',
  ).action((id: string, options: ApiOptions & { state?: string; owner?: string; note: string }) =>
    performWith(shell, options, (client) => change(client, id, options)),
  )
}
