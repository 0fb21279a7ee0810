/** `dpn notice`: withdrawals that members have sent by e-mail, at the coordinator. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Row {
  id: string
  channel: string
  receivedAt: number
  site: string | null
  state: string
  deadline: number | null
  records: string[]
  orders: number[]
  isLate: boolean
}
interface Full extends Row {
  content: {
    candidates: { address: string; how: string }[]
    address: string | null
    subject: string
    excerpt: string
  } | null
}
interface ListOptions extends ApiOptions {
  limit: string
  cursor?: string
  state?: string
  site?: string
}

const part = (text: string): string => encodeURIComponent(text)

/** An address from an option, or from standard input, where no list of processes shows it. */
export function addressOf(option: string | undefined): { address?: string } {
  if (option === undefined) return {}
  return { address: option === '-' ? readFileSync(0, 'utf8').trim() : option }
}

function outcomeOf(row: Row): Outcome {
  const late = row.isLate ? ', LATE' : ''
  const by = row.deadline === null ? '' : `, by ${timeText(row.deadline)}`
  return {
    json: { ...row },
    lines: [`notice ${row.id}: ${row.state}, of ${row.site ?? 'no site yet'}${by}${late}`],
  }
}

async function list(client: Client, options: ListOptions): Promise<Outcome> {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  const { cursor, state, site } = options
  for (const [name, value] of Object.entries({ cursor, state, site }))
    if (value !== undefined) query.set(name, value)
  const page = await client.get<{ notices: Row[]; next: string | null }>(
    `/v1/notices?${query.toString()}`,
  )
  const header = ['ID', 'STATE', 'SITE', 'RECEIVED', 'DEADLINE', 'CHANNEL', 'RECORDS']
  const rows = page.notices.map((row) => [
    row.id,
    row.isLate ? `${row.state}, LATE` : row.state,
    row.site ?? '-',
    timeText(row.receivedAt),
    timeText(row.deadline),
    row.channel,
    String(row.records.length),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function show(client: Client, id: string): Promise<Outcome> {
  const row = await client.get<Full>(`/v1/notices/${part(id)}`)
  const { content } = row
  const said =
    content === null
      ? ['Nothing of the person is kept any more.']
      : [
          ...content.candidates.map(({ address, how }) => `  ${address} (${how})`),
          `chosen: ${content.address ?? 'nobody yet'}`,
          content.subject,
          content.excerpt,
        ]
  return { json: { ...row }, lines: [...outcomeOf(row).lines, ...said] }
}

async function take(client: Client, path: string): Promise<Outcome> {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new UsageError(`${path} cannot be read`, { cause: error })
  }
  return outcomeOf(await client.upload<Row>('/v1/notices/eml', new Uint8Array(bytes)))
}

function addSteps(notice: Command, shell: Shell): void {
  withExamples(
    withApi(notice.command('confirm <id>'))
      .description('confirm whom a notice is about: the home is asked from then on')
      .option('--site <site>', 'the site of the member, where it was not found')
      .option('--address <address>', 'the e-mail address of the member; - reads standard input'),
    'dpn notice confirm n-0f3c… --site amor.example',
  ).action((id: string, options: ApiOptions & { site?: string; address?: string }) =>
    performWith(shell, options, async (client) => {
      const site = options.site === undefined ? {} : { site: options.site }
      const body = { ...site, ...addressOf(options.address) }
      return outcomeOf(await client.send<Row>('POST', `/v1/notices/${part(id)}/confirm`, body))
    }),
  )
  withExamples(
    withApi(notice.command('order <id>'))
      .description('order the end of a record, where the home does not act')
      .option('--record <record>', 'this record')
      .option('--all', 'all that the site has published so far'),
    'dpn notice order n-0f3c… --record 0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  ).action((id: string, options: ApiOptions & { record?: string; all?: boolean }) =>
    performWith(shell, options, async (client) => {
      const { record, all } = options
      if ((record === undefined) === (all !== true))
        throw new UsageError('Expected either --record <record> or --all')
      const body = record === undefined ? { all: true } : { record }
      return outcomeOf(await client.send<Row>('POST', `/v1/notices/${part(id)}/order`, body))
    }),
  )
  withExamples(
    withApi(notice.command('close <id>'))
      .description('close a notice that leads to no withdrawal')
      .requiredOption('--reason <reason>', 'not-a-withdrawal, cannot-be-matched or duplicate'),
    'dpn notice close n-0f3c… --reason duplicate',
  ).action((id: string, options: ApiOptions & { reason: string }) =>
    performWith(shell, options, async (client) => {
      const body = { reason: options.reason }
      return outcomeOf(await client.send<Row>('POST', `/v1/notices/${part(id)}/close`, body))
    }),
  )
}

/** Adds the commands. */
export function addNotice(program: Command, shell: Shell): void {
  const notice = program
    .command('notice')
    .description('withdrawals by e-mail, which sites forward to the coordinator')
  withExamples(
    withApi(notice.command('list'))
      .description('notices, the newest first')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended')
      .option('--state <state>', 'received, parsed, requested, unmatched, overdue, answered, …')
      .option('--site <site>', 'of this site'),
    'dpn notice list --state parsed',
  ).action((options: ListOptions) => performWith(shell, options, (client) => list(client, options)))
  withExamples(
    withApi(notice.command('take <file>')).description('take a forwarded mail from an .eml file'),
    'dpn notice take forwarded.eml',
  ).action((file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => take(client, file)),
  )
  withExamples(
    withApi(notice.command('show <id>')).description('a notice, with whom it may be about'),
    'dpn notice show n-0f3c…',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, (client) => show(client, id)),
  )
  addSteps(notice, shell)
}
