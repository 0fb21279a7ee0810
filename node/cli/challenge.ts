/** `dpn challenge` and `dpn probe`: what auditors ask sites, and what came of it. */
import type { Command } from 'commander'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { parseLimit } from './member.ts'
import { table, timeText, UsageError, type Outcome } from './outcome.ts'

interface ListOptions extends ApiOptions {
  limit: string
  cursor?: string
  site?: string
  state?: string
}
interface Rate {
  site: string
  passed: number
  failed: number
  low: number
  high: number
  waiting: number
}

const COUNT = '4'

function queryOf(options: ListOptions, siteName: 'site' | 'target'): string {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  const { cursor, site, state } = options
  for (const [name, value] of Object.entries({ cursor, [siteName]: site, state }))
    if (value !== undefined) query.set(name, value)
  return query.toString()
}

function countOf(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new UsageError('--count: expected a number from 1 to 16')
  return Number(text)
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

async function rates(client: Client, path: string): Promise<Outcome> {
  const json = await client.get<{ rates: Rate[] }>(path)
  const header = ['SITE', 'PASSED', 'FAILED', 'WAITING', '95 % FROM', 'TO']
  const rows = json.rates.map(({ site, passed, failed, waiting, low, high }) => [
    site,
    String(passed),
    String(failed),
    String(waiting),
    percent(low),
    percent(high),
  ])
  return { json: { ...json }, lines: table([header, ...rows]) }
}

async function challenges(client: Client, options: ListOptions): Promise<Outcome> {
  const page = await client.get<{
    challenges: {
      site: string
      index: number
      draw: number
      state: string
      reason: string | null
      drawnAt: number
      dueAt: number
    }[]
    next: number | null
  }>(`/v1/challenges?${queryOf(options, 'site')}`)
  const header = ['SITE', 'INDEX', 'DRAW', 'STATE', 'REASON', 'DRAWN', 'DUE']
  const rows = page.challenges.map((row) => [
    row.site,
    String(row.index),
    String(row.draw),
    row.state,
    row.reason ?? '-',
    timeText(row.drawnAt),
    timeText(row.dueAt),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function probes(client: Client, options: ListOptions): Promise<Outcome> {
  const page = await client.get<{
    probes: {
      target: string
      home: string
      index: number
      state: string
      answer: string | null
      via: string | null
      decidedAt: number | null
    }[]
    next: number | null
  }>(`/v1/probes?${queryOf(options, 'target')}`)
  const header = ['SITE', 'HOME', 'INDEX', 'STATE', 'ANSWER', 'ASKED BY', 'DECIDED']
  const rows = page.probes.map((row) => [
    row.target,
    row.home,
    String(row.index),
    row.state,
    row.answer ?? '-',
    row.via ?? 'coordinator',
    timeText(row.decidedAt),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

function withList(command: Command): Command {
  return withApi(command)
    .option('--limit <rows>', 'rows of a page, at most 200', '50')
    .option('--cursor <cursor>', 'where the page before has ended')
    .option('--site <site>', 'of this site alone')
}

function addChallenges(program: Command, shell: Shell): void {
  const challenge = program
    .command('challenge')
    .description('consents that sites have to open, drawn so that nobody chooses')
  withExamples(
    withList(challenge.command('list').description('what was drawn, the newest first')).option(
      '--state <state>',
      'waiting, passed, ended, superseded, failed or void',
    ),
    'dpn challenge list --state failed',
  ).action((options: ListOptions) =>
    performWith(shell, options, (client) => challenges(client, options)),
  )
  withExamples(
    withApi(challenge.command('rates').description('how often each site has passed')),
    'dpn challenge rates',
  ).action((options: ApiOptions) =>
    performWith(shell, options, (client) => rates(client, '/v1/challenges/rates')),
  )
  withExamples(
    withApi(challenge.command('demand <site>'))
      .description('draw from one site now; it is recorded')
      .option('--count <count>', 'publishes, at most 16', COUNT),
    'dpn challenge demand amor.example --count 8',
  ).action((site: string, options: ApiOptions & { count: string }) =>
    performWith(shell, options, async (client) => {
      const body = { site, count: countOf(options.count) }
      const json = await client.send<{ draw: number; drawn: number }>(
        'POST',
        '/v1/challenges',
        body,
      )
      return { json: { ...json }, lines: [`Drew ${json.drawn} of ${site}: entry ${json.draw}.`] }
    }),
  )
}

function addProbes(program: Command, shell: Shell): void {
  const probe = program
    .command('probe')
    .description('sites that are asked for records that have ended')
  withExamples(
    withList(probe.command('list').description('what was asked, the newest first')).option(
      '--state <state>',
      'waiting, passed, failed or unanswered',
    ),
    'dpn probe list --site amor.example',
  ).action((options: ListOptions) =>
    performWith(shell, options, (client) => probes(client, options)),
  )
  withExamples(
    withApi(probe.command('rates').description('how often each site has passed')),
    'dpn probe rates',
  ).action((options: ApiOptions) =>
    performWith(shell, options, (client) => rates(client, '/v1/probes/rates')),
  )
  withExamples(
    withApi(probe.command('demand <site>'))
      .description('probe one site within the next hour; it is recorded')
      .option('--count <count>', 'records, at most 16', COUNT),
    'dpn probe demand amor.example',
  ).action((site: string, options: ApiOptions & { count: string }) =>
    performWith(shell, options, async (client) => {
      const body = { target: site, count: countOf(options.count) }
      const json = await client.send<{ planned: number }>('POST', '/v1/probes', body)
      return { json: { ...json }, lines: [`${json.planned} probes of ${site} are planned.`] }
    }),
  )
}

/** Adds the commands. */
export function addChallenge(program: Command, shell: Shell): void {
  addChallenges(program, shell)
  addProbes(program, shell)
}
