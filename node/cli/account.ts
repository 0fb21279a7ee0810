/** `dpn account` and `dpn acts`: people at the coordinator, and what they have done. */
import type { Command } from 'commander'
import { folderPath } from '../roles/config.ts'
import { createClient, type Client } from './client.ts'
import {
  perform,
  performWith,
  withApi,
  withExamples,
  withFolder,
  type ApiOptions,
  type Shell,
} from './command.ts'
import { parseLimit } from './member.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Row {
  id: string
  role: string
  sites: string[]
  email: string
  createdAt: number
  seenAt: number | null
  disabledAt: number | null
}
interface CreateOptions extends ApiOptions {
  data?: string
  role: string
  site: string[]
}

const part = (text: string): string => encodeURIComponent(text)

function made(row: Row, link: string | null): Outcome {
  const said =
    link === null
      ? [`${row.email} is invited by mail.`]
      : [link, 'This link signs in once, within 15 minutes: give it to nobody but the person.']
  return {
    json: { ...row, link },
    lines: [...said, `Account ${row.id} (${row.role}) is made.`],
  }
}

/** On the folder of a stopped node: how the first person of all comes in. */
async function createOffline(
  { around }: Shell,
  email: string,
  options: CreateOptions,
): Promise<Outcome> {
  const { createAccount } = await import('../roles/offline.ts')
  const folder = folderPath(around.env, options.data)
  try {
    const { role, site: sites } = options
    const { account, link } = await createAccount(folder, around.env, { email, role, sites })
    return made(account, link)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.name === 'ProtocolError') throw new UsageError(error.message, { cause: error })
    if (error.message.includes('in use by another process'))
      throw new FailureError(`${error.message}: stop the node, or pass --url and a --key`, {
        cause: error,
      })
    throw error
  }
}

async function create(shell: Shell, email: string, options: CreateOptions): Promise<Outcome> {
  const isOnline = options.url !== undefined || Boolean(shell.around.env['DPN_URL'])
  if (!isOnline) return createOffline(shell, email, options)
  const client = createClient(shell.around, options)
  const body = { email, role: options.role, sites: options.site }
  const { link, ...row } = await client.send<Row & { link: string | null }>(
    'POST',
    '/v1/accounts',
    body,
  )
  return made(row, link)
}

async function list(client: Client, options: { limit: string; cursor?: string }) {
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  if (options.cursor !== undefined) query.set('cursor', options.cursor)
  const page = await client.get<{ accounts: Row[]; next: string | null }>(
    `/v1/accounts?${query.toString()}`,
  )
  const header = ['ID', 'ROLE', 'ADDRESS', 'SITES', 'MADE', 'LAST SEEN', 'STATE']
  const rows = page.accounts.map((row) => [
    row.id,
    row.role,
    row.email,
    row.sites.join(' '),
    timeText(row.createdAt),
    timeText(row.seenAt),
    row.disabledAt === null ? 'in use' : 'disabled',
  ])
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

async function change(client: Client, id: string, body: object, said: string): Promise<Outcome> {
  const row = await client.send<Row>('PUT', `/v1/accounts/${part(id)}`, body)
  return { json: { ...row }, lines: [`Account ${id} ${said}; its sessions have ended.`] }
}

interface ActRow {
  id: number
  time: number
  actor: { kind: string; id: string; role: string }
  act: string
  subject: string
  hash: string
}

async function acts(
  client: Client,
  options: { limit: string; cursor?: string; verify?: boolean },
): Promise<Outcome> {
  if (options.verify === true) {
    const json = await client.get<{ count: number; brokenAt: number | null }>(
      '/v1/acts/verification',
    )
    const line =
      json.brokenAt === null
        ? `${json.count} lines, each of which follows from the one before.`
        : `Line ${json.brokenAt} does not follow from the one before: the log was changed.`
    return { json: { ...json }, lines: [line], failed: json.brokenAt !== null }
  }
  const query = new URLSearchParams({ limit: String(parseLimit(options.limit)) })
  if (options.cursor !== undefined) query.set('cursor', options.cursor)
  const page = await client.get<{ acts: ActRow[]; next: number | null }>(
    `/v1/acts?${query.toString()}`,
  )
  const rows = page.acts.map(({ id, time, actor, act, subject, hash }) => [
    String(id),
    timeText(time),
    `${actor.kind} ${actor.id}`,
    actor.role,
    act,
    subject,
    hash.slice(0, 16),
  ])
  const header = ['LINE', 'TIME', 'WHO', 'ROLE', 'ACT', 'SUBJECT', 'HASH']
  const more = page.next === null ? [] : [`More: --cursor ${page.next}`]
  return { json: { ...page }, lines: [...table([header, ...rows]), ...more] }
}

const collect = (value: string, before: string[]): string[] => [...before, value]

function addChanges(account: Command, shell: Shell): void {
  withExamples(
    withApi(account.command('role <id> <role>')).description(
      'give an account another role: staff, dpo, auditor or owner',
    ),
    'dpn account role 0011223344556677 auditor',
  ).action((id: string, role: string, options: ApiOptions) =>
    performWith(shell, options, (client) => change(client, id, { role }, `is ${role} now`)),
  )
  for (const [verb, disabled, said] of [
    ['disable', true, 'opens nothing'],
    ['enable', false, 'can be used again'],
  ] as const)
    withExamples(
      withApi(account.command(`${verb} <id>`)).description(`${verb} an account`),
      `dpn account ${verb} 0011223344556677`,
    ).action((id: string, options: ApiOptions) =>
      performWith(shell, options, (client) => change(client, id, { disabled }, said)),
    )
  withExamples(
    withApi(account.command('remove <id>')).description(
      'remove an account and all that is kept of its person',
    ),
    'dpn account remove 0011223344556677',
  ).action((id: string, options: ApiOptions) =>
    performWith(shell, options, async (client) => {
      await client.send('DELETE', `/v1/accounts/${part(id)}`)
      return { json: { id, removed: true }, lines: [`Account ${id} is removed.`] }
    }),
  )
}

/** Adds the commands. */
export function addAccount(program: Command, shell: Shell): void {
  const account = program
    .command('account')
    .description('people at the coordinator: staff, auditors, site owners')
  withExamples(
    withFolder(withApi(account.command('create <email>')))
      .description(
        'make an account, on the data folder of a stopped coordinator or with --url on a running one',
      )
      .requiredOption('--role <role>', 'staff, dpo, auditor or owner')
      .option('--site <site>', 'a site that the person owns; may be repeated', collect, []),
    'dpn account create anna@desk.example --role staff',
    'dpn account create owner@amor.example --role owner --site amor.example --url https://dpn.example',
  ).action((email: string, options: CreateOptions) =>
    perform(shell, options, () => create(shell, email, options)),
  )
  withExamples(
    withApi(account.command('list'))
      .description('accounts')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended'),
    'dpn account list',
  ).action((options: ApiOptions & { limit: string; cursor?: string }) =>
    performWith(shell, options, (client) => list(client, options)),
  )
  addChanges(account, shell)
  withExamples(
    withApi(program.command('acts'))
      .description('the access log of the coordinator, the newest first')
      .option('--limit <rows>', 'rows of a page, at most 200', '50')
      .option('--cursor <cursor>', 'where the page before has ended')
      .option('--verify', 'go through the whole chain instead'),
    'dpn acts --verify',
  ).action((options: ApiOptions & { limit: string; cursor?: string; verify?: boolean }) =>
    performWith(shell, options, (client) => acts(client, options)),
  )
}
