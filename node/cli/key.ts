/** `dpn key`: API keys, on the data folder of a stopped node or through the API of a running one. */
import type { Command } from 'commander'
import { folderPath } from '../roles/config.ts'
import { createClient, type Client } from './client.ts'
import {
  perform,
  withApi,
  withExamples,
  withFolder,
  type ApiOptions,
  type Shell,
} from './command.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'

interface Options extends ApiOptions {
  data?: string
  role?: string
}
interface KeyRow {
  id: string
  name: string
  role: string
  createdAt: number
  revokedAt: number | null
}

/** Where keys are kept: a folder, or a running node. */
interface Keys {
  create: (name: string, role: string) => Promise<{ key: KeyRow; secret: string }>
  list: () => Promise<KeyRow[]>
  revoke: (id: string) => Promise<void>
}

function keysThrough(client: Client): Keys {
  return {
    create: async (name, role) => {
      const made = await client.send<KeyRow & { secret: string }>('POST', '/v1/keys', {
        name,
        role,
      })
      const { secret, ...key } = made
      return { key, secret }
    },
    list: async () => (await client.get<{ keys: KeyRow[] }>('/v1/keys')).keys,
    revoke: async (id) => {
      await client.send('DELETE', `/v1/keys/${encodeURIComponent(id)}`)
    },
  }
}

/** With an address the node is asked, else its folder is opened, for which it must be stopped. */
async function withKeys<T>(
  { around }: Shell,
  options: Options,
  work: (keys: Keys) => Promise<T>,
): Promise<T> {
  if (options.url !== undefined || around.env['DPN_URL'])
    return work(keysThrough(createClient(around, options)))
  const folder = folderPath(around.env, options.data)
  const { withAccess } = await import('../roles/offline.ts')
  try {
    return await withAccess(folder, around.env, work)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.name === 'ProtocolError') throw new UsageError(error.message, { cause: error })
    if (error.message.includes('in use by another process'))
      throw new FailureError(
        `${error.message}: stop the node, or pass --url and the --key of an administrator`,
        { cause: error },
      )
    throw error
  }
}

async function create(keys: Keys, name: string, role: string): Promise<Outcome> {
  const { key, secret } = await keys.create(name, role)
  return {
    json: { ...key, secret },
    lines: [secret, `Key ${key.id} (${key.role}) is shown this once: keep it now.`],
  }
}

async function list(keys: Keys): Promise<Outcome> {
  const rows = await keys.list()
  const cells = rows.map(({ id, name, role, createdAt, revokedAt }) => [
    id,
    role,
    timeText(createdAt),
    revokedAt === null ? 'in use' : `revoked ${timeText(revokedAt)}`,
    name,
  ])
  return { json: { keys: rows }, lines: table([['ID', 'ROLE', 'MADE', 'STATE', 'NAME'], ...cells]) }
}

async function revoke(keys: Keys, id: string): Promise<Outcome> {
  await keys.revoke(id)
  return { json: { id, revoked: true }, lines: [`Key ${id} opens nothing any more.`] }
}

/** Adds the commands. */
export function addKey(program: Command, shell: Shell): void {
  const key = program
    .command('key')
    .description('API keys: on the data folder of a stopped node, or with --url on a running one')
  const add = (usage: string, description: string): Command =>
    withFolder(withApi(key.command(usage))).description(description)

  withExamples(
    add('create <name>', 'make a key; it is shown this once').requiredOption(
      '--role <role>',
      'admin, write or read; of a coordinator: staff, dpo or auditor',
    ),
    'dpn key create website --role write',
    'DPN_API_KEY=dpn_admin_… dpn key create report --role read --url http://127.0.0.1:8080',
  ).action((name: string, options: Options) =>
    perform(shell, options, () =>
      withKeys(shell, options, (keys) => create(keys, name, options.role ?? '')),
    ),
  )
  withExamples(add('list', 'list the keys, never their secrets'), 'dpn key list').action(
    (options: Options) => perform(shell, options, () => withKeys(shell, options, list)),
  )
  withExamples(
    add('revoke <id>', 'end a key, from the next request on'),
    'dpn key revoke 1a2b',
  ).action((id: string, options: Options) =>
    perform(shell, options, () => withKeys(shell, options, (keys) => revoke(keys, id))),
  )
}
