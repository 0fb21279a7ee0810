/** `dpn bridge owner-key`, `sign`, `import`: the owner's signed lists of consents. */
import { existsSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { createClient, type Client } from './client.ts'
import {
  perform,
  performWith,
  withApi,
  withExamples,
  withJson,
  type ApiOptions,
  type JsonOption,
  type Shell,
} from './command.ts'
import { FailureError, UsageError, type Outcome } from './outcome.ts'
import { readInput } from './verify.ts'

/** A problem with what was given is wrong usage here: nothing has left this machine. */
function asUsage<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (
      error instanceof Error &&
      (error.name === 'ProtocolError' || error.name === 'OperatorError')
    )
      throw new UsageError(`${file}: ${error.message}`, { cause: error })
    throw error
  }
}

/** Writes a file that only its owner can read, and overwrites none. */
function writeNew(path: string, text: string): void {
  if (existsSync(path)) throw new FailureError(`${path} is there already`)
  writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true })
}

async function ownerKey(
  path: string,
  site: string | undefined,
  client: Client | null,
): Promise<Outcome> {
  const { makeOwnerKey, verifierKeyOf } = await import('../roles/consent-list.ts')
  const isNew = !existsSync(path)
  if (isNew) {
    if (site === undefined) throw new UsageError('--site: expected the domain name of the site')
    writeNew(
      path,
      asUsage('--site', () => makeOwnerKey(site)),
    )
  }
  const text = readInput(path)
  const key = asUsage(path, () => verifierKeyOf(text))
  await client?.send('PUT', '/v1/bridge/owner-key', { key })
  return {
    json: { file: path, key, made: isNew, registered: client !== null },
    lines: [
      key,
      ...(isNew ? [`The private key is in ${path}: keep it away from the website.`] : []),
      client === null
        ? 'The node does not know this key yet: --register tells it.'
        : 'The node takes lists by this key from now on, and by no other.',
    ],
  }
}

async function sign(path: string, { key, out }: { key: string; out?: string }): Promise<Outcome> {
  const { signList, verifierKeyOf } = await import('../roles/consent-list.ts')
  const privateKey = readInput(key)
  asUsage(key, () => verifierKeyOf(privateKey))
  const list = readInput(path)
  const { note, lines } = asUsage(path, () => signList(list, privateKey))
  const target = out ?? `${path}.signed`
  writeNew(target, note)
  return {
    json: { file: target, lines },
    lines: [`Signed ${lines} lines: ${target}. Keep it: the node keeps its hash alone.`],
  }
}

interface Line extends Record<string, unknown> {
  line?: number
  localId?: number
  outcome?: 'published' | 'unknown'
  problem?: { code?: string; pointer?: string; expected?: string }
}

/** Where and why, never what stood there. */
function complaintOf({ line = 0, localId = 0, problem }: Line): string {
  if (problem === undefined) return `line ${line}: ${localId}: the module has not sent this member`
  const { code = 'refused', pointer = '', expected = 'another value' } = problem
  return `line ${line}: ${code}${pointer === '' ? '' : ` at ${pointer}`}: expected ${expected}`
}

async function importList(client: Client, path: string): Promise<Outcome> {
  const note = readInput(path)
  const lines = (await client.lines('/v1/bridge/consents', note, 'text/plain')) as Line[]
  const published = lines.filter(({ outcome }) => outcome === 'published').length
  const unknown = lines.filter(({ outcome }) => outcome === 'unknown').length
  const refused = lines.length - published - unknown
  const others = lines.filter(({ outcome }) => outcome !== 'published')
  return {
    failed: others.length > 0,
    json: { lines: lines.length, published, unknown, refused, others },
    lines: [
      ...others.map(complaintOf),
      `${lines.length} lines: ${published} published, ${unknown} unknown, ${refused} refused.`,
    ],
  }
}

const LIST_HELP = `
A line of the list:
  {"localId": 12, "scopes": ["discovery", "pictures"], "givenAt": 1767225600,
   "channel": "web", "notice": {"url": "https://amor.example/notice",
   "version": "2018-06-19", "language": "en", "hash": "<SHA-256 of the text shown>"},
   "evidence": "form 7, row 1204"}
"evidence" says where you keep the proof, without personal data; "email" may stand
beside it. The notice has to be one that the Network's terms accept.`

/** Adds the commands below `dpn bridge`. */
export function addBridgeLists(bridge: Command, shell: Shell): void {
  withExamples(
    withApi(bridge.command('owner-key <file>'))
      .description('make the key that signs lists of consents, or show the one in the file')
      .option('--site <domain>', 'the site that it is for; for a new key')
      .option('--register', 'tell the node; an admin key is needed'),
    'dpn bridge owner-key owner.key --site amor.example',
    'DPN_API_KEY=dpn_admin_… dpn bridge owner-key owner.key --register',
  ).action((file: string, options: ApiOptions & { site?: string; register?: boolean }) =>
    perform(shell, options, () =>
      ownerKey(
        file,
        options.site,
        options.register === true ? createClient(shell.around, options) : null,
      ),
    ),
  )
  withExamples(
    withJson(bridge.command('sign <file>'))
      .description('sign a list of consents, offline')
      .requiredOption('--key <file>', 'the private key that "owner-key" has made')
      .option('--out <file>', 'where to; <file>.signed without it'),
    'dpn bridge sign consents.ndjson --key owner.key',
  )
    .addHelpText('after', LIST_HELP)
    .action((file: string, options: JsonOption & { key: string; out?: string }) =>
      perform(shell, options, () => sign(file, options)),
    )
  withExamples(
    withApi(bridge.command('import <file>')).description(
      'hand in a signed list; exit code 1 where a line published nobody',
    ),
    'DPN_API_KEY=dpn_admin_… dpn bridge import consents.ndjson.signed',
  ).action((file: string, options: ApiOptions) =>
    performWith(shell, options, (client) => importList(client, file)),
  )
}
