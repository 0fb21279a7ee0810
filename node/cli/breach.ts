/** `dpn breach`: the breach desk of the coordinator, and what a site does about a breach. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit, readJsonFile } from './member.ts'
import { table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Notice {
  phase: string
  time: number
  index: number
}
/** A breach as either role shows it; what only one of them has is optional. */
interface Row {
  id: string
  site: string
  notices: Notice[]
  knownAt?: number
  steps?: { step: string; dueAt: number; doneAt: number | null }[]
  mails?: Record<string, number>
  unreached?: string[]
  words?: { site: string; dueAt: number; affected: number | null; told: number | null }[]
  affected?: number
  duty?: string
  told?: { told: number } | null
}

const part = (text: string): string => encodeURIComponent(text)
const noticesText = (notices: readonly Notice[]): string =>
  notices.map(({ phase, time }) => `${phase} ${timeText(time)}`).join(', ') || 'none yet'

function linesOf(row: Row): string[] {
  const lines = [`${row.id}: ${row.site}`, `  notices: ${noticesText(row.notices)}`]
  if (row.knownAt !== undefined) lines.push(`  known since: ${timeText(row.knownAt)}`)
  for (const { step, dueAt, doneAt } of row.steps ?? [])
    lines.push(
      `  ${step}: ${doneAt === null ? `due ${timeText(dueAt)}` : `done ${timeText(doneAt)}`}`,
    )
  if (row.mails !== undefined)
    lines.push(
      `  mails: ${Object.entries(row.mails)
        .map(([state, count]) => `${count} ${state}`)
        .join(', ')}`,
    )
  for (const site of row.unreached ?? []) lines.push(`  nobody to write to: ${site}`)
  for (const { site, dueAt, affected: concerned, told } of row.words ?? [])
    lines.push(
      told === null
        ? `  ${site}: has until ${timeText(dueAt)} to say that it has told its members`
        : `  ${site}: says that it has told ${told} members; ${concerned ?? 0} are concerned`,
    )
  if (row.duty !== undefined)
    lines.push(
      `  members concerned: ${row.affected ?? 0}`,
      `  ${{ tell: 'tell them, then run "dpn breach told"', done: `told ${row.told?.told ?? 0}`, none: 'nothing to do' }[row.duty] ?? ''}`,
    )
  return lines
}

const outcomeOf = (row: Row): Outcome => ({ json: { ...row }, lines: linesOf(row) })

/** A time given as unix seconds or as ISO 8601; now where it is left out. */
function parseTime(text: string | undefined): number {
  const millis = text === undefined ? Date.now() : Date.parse(text)
  const seconds = text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : millis / 1000
  if (Number.isNaN(seconds)) throw new UsageError('Expected a time such as 2026-03-01T09:30:00Z')
  return Math.floor(seconds)
}

function addDesk(breach: Command, shell: Shell): void {
  withExamples(
    withApi(breach.command('open <site>'))
      .description('coordinator: open a breach at a site, or at the network itself')
      .option('--known <time>', 'when somebody became aware; now if left out'),
    'dpn breach open amor.example --known 2026-03-01T09:30:00Z',
  ).action((site: string, options: ApiOptions & { known?: string }) =>
    performWith(shell, options, async (client) => {
      const body = { site, knownAt: parseTime(options.known) }
      return outcomeOf(await client.send('POST', '/v1/breaches', body))
    }),
  )
  withExamples(
    withApi(breach.command('draft <id> <file>')).description(
      'coordinator: write what the next notice says, from a JSON file',
    ),
    'dpn breach draft 00112233445566778899aabbccddeeff notice.json',
  ).action((id: string, file: string, options: ApiOptions) =>
    performWith(shell, options, async (client) =>
      outcomeOf(await client.send('PUT', `/v1/breaches/${part(id)}/draft`, readJsonFile(file))),
    ),
  )
  withExamples(
    withApi(breach.command('declare <id>'))
      .description('coordinator: tell all sites by a signed entry, and their owners by mail')
      .requiredOption('--phase <phase>', 'initial, update or final'),
    'dpn breach declare 00112233445566778899aabbccddeeff --phase initial',
  ).action((id: string, options: ApiOptions & { phase: string }) =>
    performWith(shell, options, async (client) => {
      const body = { phase: options.phase }
      return outcomeOf(await client.send('POST', `/v1/breaches/${part(id)}/notices`, body))
    }),
  )
  withExamples(
    withApi(breach.command('authority <id>'))
      .description('coordinator: record that the supervisory authority was told, or why not')
      .option('--time <time>', 'when; now if left out')
      .option('--reference <number>', "the authority's own number")
      .option('--reason <text>', 'why it need not be told, or was told late'),
    'dpn breach authority 00112233445566778899aabbccddeeff --reference "LfD 17/2026"',
  ).action(
    (id: string, options: ApiOptions & { time?: string; reference?: string; reason?: string }) =>
      performWith(shell, options, async (client) => {
        const { reference = null, reason = null } = options
        const body = { time: parseTime(options.time), reference, reason }
        return outcomeOf(await client.send('PUT', `/v1/breaches/${part(id)}/authority`, body))
      }),
  )
}

interface Affected {
  record: string
  id: string | null
  firstAt: number
  lastAt: number
  pictures: boolean
}

async function affected(
  client: Client,
  id: string,
  options: { limit: string; cursor?: string },
): Promise<Outcome> {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  if (options.cursor !== undefined) query.set('cursor', options.cursor)
  const page = await client.get<{ members: Affected[]; next: string | null }>(
    `/v1/breaches/${part(id)}/affected?${query.toString()}`,
  )
  const rows = page.members.map((one) => [
    one.id ?? '-',
    one.record,
    timeText(one.firstAt),
    timeText(one.lastAt),
    one.pictures ? 'yes' : 'no',
  ])
  const header = ['MEMBER', 'RECORD', 'FIRST GIVEN', 'LAST GIVEN', 'PICTURES']
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

function addSite(breach: Command, shell: Shell): void {
  withExamples(
    withApi(breach.command('affected <id>'))
      .description('site: your members whose data the breached site has got')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended'),
    'dpn breach affected 00112233445566778899aabbccddeeff',
  ).action((id: string, options: ApiOptions & { limit: string; cursor?: string }) =>
    performWith(shell, options, (client) => affected(client, id, options)),
  )
  withExamples(
    withApi(breach.command('told <id> <members>')).description(
      'site: say, in your log, how many members you have told',
    ),
    'dpn breach told 00112233445566778899aabbccddeeff 412',
  ).action((id: string, members: string, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      if (!/^\d{1,9}$/.test(members)) throw new UsageError('Expected a number of members')
      const body = { told: Number(members) }
      return outcomeOf(await client.send('POST', `/v1/breaches/${part(id)}/told`, body))
    }),
  )
}

/** Adds the commands. */
export function addBreach(program: Command, shell: Shell): void {
  const breach = program.command('breach').description('breaches of personal data')
  withExamples(
    withApi(breach.command('list')).description('breaches, the newest first'),
    'dpn breach list',
  ).action((options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      const json = await client.get<{ breaches: Row[] }>('/v1/breaches')
      const lines = json.breaches.flatMap(linesOf)
      return { json: { ...json }, lines: lines.length === 0 ? ['No breach is known.'] : lines }
    }),
  )
  addDesk(breach, shell)
  addSite(breach, shell)
}
