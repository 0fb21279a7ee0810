/** `dpn member`: put, list and withdraw members of this site, and what is below it. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import type { Client } from './client.ts'
import { addImport } from './import.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'
import { addPicture } from './picture.ts'
import { addRecommendations } from './recommendations.ts'
import { readInput } from './verify.ts'

interface MemberRow {
  id: string
  record: string
  version: number
  publishedAt: number
  consent: { scopes: string[] }
}
interface Page {
  members: MemberRow[]
  next: string | null
}

/** Reads JSON that the user has named by a file. */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readInput(path)) as unknown
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path}: expected JSON`, { cause: error })
  }
}

/** Checks a count of rows. */
export function parseLimit(text: string): number {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > 200)
    throw new UsageError('--limit: expected a whole number from 1 to 200')
  return limit
}

async function put(client: Client, id: string, path: string): Promise<Outcome> {
  const json = await client.send('PUT', `/v1/members/${encodeURIComponent(id)}`, readJsonFile(path))
  const { outcome, record, keptBack } = json
  const kept = Array.isArray(keptBack) && keptBack.length > 0 ? keptBack.join(', ') : 'nothing'
  return { json, lines: [`${String(outcome)}: record ${String(record)}; kept back: ${kept}`] }
}

async function list(client: Client, limit: number, cursor: string | undefined): Promise<Outcome> {
  const query = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) })
  const page = await client.get<Page>(`/v1/members?${query.toString()}`)
  const rows = page.members.map(({ id, record, version, publishedAt, consent }) => [
    id,
    record,
    String(version),
    timeText(publishedAt),
    consent.scopes.join(' '),
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  const header = ['ID', 'RECORD', 'VERSION', 'PUBLISHED', 'SCOPES']
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function withdraw(client: Client, ids: string[], reason: string, notice: string) {
  const json = await client.send<{
    withdrawn: { id: string; record: string; index: number | null }[]
    unknown: string[]
  }>('POST', '/v1/withdrawals', { ids, reason, notice })
  const outcome: Outcome = {
    failed: json.unknown.length > 0,
    json,
    lines: [
      ...json.withdrawn.map(
        ({ id, record, index }) =>
          `${id}: record ${record} is withdrawn, ` +
          (index === null ? 'its entry waits for the log' : `entry ${index}`),
      ),
      ...json.unknown.map((id) => `${id}: has no live record`),
    ],
  }
  return outcome
}

async function opening(
  client: Client,
  id: string,
  file: string,
  { auditor, days }: { auditor: string; days: string },
): Promise<Outcome> {
  const wish = { auditor, days: Number(days) }
  const path = `/v1/members/${encodeURIComponent(id)}/openings`
  const made = await client.send('POST', path, wish)
  try {
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    throw new FailureError(`${file} cannot be made, or is there already`, { cause })
  }
  return {
    json: { id, file, auditor },
    lines: [
      `Wrote ${file} for ${auditor}, who is in the list of this member's recipients now.`,
      'It is personal data: hand it over on a way that only the auditor can read.',
    ],
  }
}

async function setPresence(client: Client, id: string, state: string): Promise<Outcome> {
  const path = `/v1/members/${encodeURIComponent(id)}/presence`
  const json = await client.send<{ state: string; until: number | null }>('PUT', path, { state })
  const until = json.until === null ? '' : ` until ${timeText(json.until)}`
  return { json, lines: [`${id} is ${json.state}${until}`] }
}

async function setBlock(
  client: Client,
  method: 'PUT' | 'DELETE',
  id: string,
  record: string,
): Promise<Outcome> {
  const path = `/v1/members/${encodeURIComponent(id)}/blocks/${encodeURIComponent(record)}`
  await client.send(method, path)
  const isBlocked = method === 'PUT'
  const line = isBlocked ? `${id} has blocked ${record}` : `${id} does not block ${record} any more`
  return { json: { id, record, blocked: isBlocked }, lines: [line] }
}

/** Adds presence and blocks. */
function addTalk(member: Command, shell: Shell): void {
  withExamples(
    withApi(member.command('presence <id> <state>')).description(
      'say that a member is online, offline or invisible; it has to be said again in time',
    ),
    'dpn member presence 42 online',
  ).action((id: string, state: string, options: ApiOptions) =>
    performWith(shell, options, (client) => setPresence(client, id, state)),
  )
  withExamples(
    withApi(member.command('block <id> <record>')).description(
      'no message passes between the member and the record any more',
    ),
    'dpn member block 42 0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  ).action((id: string, record: string, options: ApiOptions) =>
    performWith(shell, options, (client) => setBlock(client, 'PUT', id, record)),
  )
  withExamples(
    withApi(member.command('unblock <id> <record>')).description('take a block back'),
    'dpn member unblock 42 0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  ).action((id: string, record: string, options: ApiOptions) =>
    performWith(shell, options, (client) => setBlock(client, 'DELETE', id, record)),
  )
}

/** Adds the commands. */
export function addMember(program: Command, shell: Shell): void {
  const member = program.command('member').description('members of this site')
  withExamples(
    withApi(member.command('put <id> <file>')).description(
      'publish or update one member from a JSON file with profile and consent',
    ),
    'dpn member put 42 lotte.json',
  ).action((id: string, file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => put(client, id, file)),
  )
  addImport(member, shell)
  addPicture(member, shell)
  addRecommendations(member, shell)
  addTalk(member, shell)
  withExamples(
    withApi(member.command('list'))
      .description('members with a live record')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended'),
    'dpn member list --limit 200',
  ).action((options: ApiOptions & { limit: string; cursor?: string }) =>
    performWith(shell, options, (client) =>
      list(client, parseLimit(options.limit), options.cursor),
    ),
  )
  withExamples(
    withApi(member.command('opening <id> <file>'))
      .description('write the consent of one member into a file that proves it to one auditor')
      .requiredOption('--auditor <domain>', 'domain name of whom it is for')
      .option('--days <days>', 'for how long it may be used, at most 90', '14'),
    'dpn member opening 42 opening.json --auditor dpa.example --days 7',
  ).action((id: string, file: string, options: ApiOptions & { auditor: string; days: string }) =>
    performWith(shell, options, (client) => opening(client, id, file, options)),
  )
  withExamples(
    withApi(member.command('withdraw <id...>'))
      .description('withdraw members everywhere; exit code 1 where one has no live record')
      .option('--reason <reason>', 'consent-withdrawn, erased or ineligible', 'consent-withdrawn')
      .option('--notice <id>', 'your id of the notice that asked for it; no personal data', ''),
    'dpn member withdraw 42 --reason erased --notice ticket-17',
  ).action((ids: string[], options: ApiOptions & { reason: string; notice: string }) =>
    performWith(shell, options, (client) => withdraw(client, ids, options.reason, options.notice)),
  )
}
