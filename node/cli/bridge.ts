/** `dpn bridge`: the bridge to an older Dating Pro module, and the members that it sends. */
import { existsSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { addBridgeLists } from './bridge-lists.ts'
import type { Client } from './client.ts'
import { performWith, withApi, withExamples, type ApiOptions, type Shell } from './command.ts'
import { FailureError, table, timeText, UsageError, type Outcome } from './outcome.ts'
import { readInput } from './verify.ts'

interface State {
  module: {
    paired: boolean
    windowUntil: number | null
    lastSeenAt: number | null
    canRemove: string
  }
  fast: { connected: boolean; dropped: Record<string, number> }
  members: Record<string, number>
  deliveries: Record<string, number>
  lastZeroAt: number | null
  oldestRemovalAt: number | null
  ownerKey: string | null
  warnings: { word: string; explanation: string }[]
}
interface Member {
  localId: number
  state: string
  netId: number | null
  refusal: string | null
  losses: { field: string; reason: string }[]
  receivedAt: number
  expiresAt: number | null
}
interface Link {
  localId: number
  url: string
}

const MOST_ID = 0x7f_ff_ff_ff

/** The site's own ids, as given on the command line. */
function idsOf(texts: readonly string[]): number[] {
  return texts.map((text) => {
    const id = /^\d{1,10}$/.test(text) ? Number(text) : 0
    if (id < 1 || id > MOST_ID) throw new UsageError('expected ids: whole numbers from 1')
    return id
  })
}

const countsText = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ') || 'none'

async function status(client: Client): Promise<Outcome> {
  const state = await client.get<State>('/v1/bridge')
  const { module, fast, members, deliveries, warnings } = state
  const window =
    module.windowUntil === null ? '' : `, pairing until ${timeText(module.windowUntil)}`
  return {
    json: { ...state },
    lines: [
      `module:      ${module.paired ? 'paired' : 'not paired'}${window}`,
      `last call:   ${timeText(module.lastSeenAt)}`,
      `can remove:  ${module.canRemove}`,
      `fast:        ${fast.connected ? 'connected' : 'not connected'}; dropped: ${countsText(fast.dropped)}`,
      `members:     ${countsText(members)}`,
      `delivered:   ${countsText(deliveries)}`,
      `removals:    ${state.oldestRemovalAt === null ? 'none waits' : `the oldest waits since ${timeText(state.oldestRemovalAt)}`}`,
      `unnamed:     ${state.lastZeroAt === null ? 'no withdrawal' : `the last withdrawal ${timeText(state.lastZeroAt)}`} without a name`,
      `owner's key: ${state.ownerKey ?? 'none'}`,
      ...warnings.map(({ word, explanation }) => `! ${word}: ${explanation}`),
    ],
  }
}

async function pair(client: Client): Promise<Outcome> {
  const { until } = await client.send<{ until: number }>('POST', '/v1/bridge/pairing')
  return {
    json: { until },
    lines: [`Until ${timeText(until)} the module may ask for its key, on its own page.`],
  }
}

async function makeKey(client: Client): Promise<Outcome> {
  const { key } = await client.send<{ key: string }>('POST', '/v1/bridge/key')
  return {
    json: { key },
    lines: [key, 'Enter it into the module: it is shown this once, and any key before it is void.'],
  }
}

/** Pages of members, all of them. */
async function* membersOf(client: Client, state: string | undefined): AsyncGenerator<Member> {
  let after: string | null = null
  do {
    const query = new URLSearchParams({
      limit: '200',
      ...(state !== undefined && { state }),
      ...(after !== null && { after }),
    })
    const page: { members: Member[]; next: string | null } = await client.get(
      `/v1/bridge/members?${query.toString()}`,
    )
    yield* page.members
    after = page.next
  } while (after !== null)
}

const lossText = ({ refusal, losses }: Member): string =>
  [
    ...(refusal === null ? [] : [`refused: ${refusal}`]),
    ...losses.map(({ field, reason }) => `${field}: ${reason}`),
  ].join(', ')

async function list(client: Client, state: string | undefined): Promise<Outcome> {
  const members: Member[] = []
  for await (const member of membersOf(client, state)) members.push(member)
  const cells = members.map((member) => [
    String(member.localId),
    member.state,
    timeText(member.receivedAt),
    timeText(member.expiresAt),
    lossText(member),
  ])
  const head = ['ID', 'STATE', 'RECEIVED', 'UNTIL', 'LOST OR REFUSED']
  return { json: { members }, lines: table([head, ...cells]) }
}

async function linksOf(
  client: Client,
  wanted: { localIds: number[] } | { state: string },
): Promise<Link[]> {
  const made: Link[] = []
  let after: string | null = null
  do {
    const page: { links: Link[]; next: string | null } = await client.send(
      'POST',
      '/v1/bridge/links',
      { ...wanted, ...(after !== null && { after }) },
    )
    made.push(...page.links)
    after = page.next
  } while (after !== null)
  return made
}

async function links(
  client: Client,
  ids: readonly string[],
  { state, csv }: { state?: string; csv?: string },
): Promise<Outcome> {
  if (ids.length > 0 === (state !== undefined))
    throw new UsageError('expected ids, or --state held, or --state suspended')
  // Found out first: links that are made void those before, and would be lost with the file.
  if (csv !== undefined && csv !== '-' && existsSync(csv))
    throw new FailureError(`${csv} is there already`)
  const made = await linksOf(client, state === undefined ? { localIds: idsOf(ids) } : { state })
  const rows = ['id,url', ...made.map(({ localId, url }) => `${localId},${url}`)]
  if (csv === undefined) {
    const cells = made.map(({ localId, url }) => [String(localId), url])
    return { json: { links: made }, lines: table([['ID', 'LINK'], ...cells]) }
  }
  if (csv === '-') return { json: { links: made }, lines: rows }
  // Whoever reads it can decide for each of these members.
  writeFileSync(csv, `${rows.join('\n')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  return {
    json: { file: csv, links: made.length },
    lines: [
      `Wrote ${made.length} links to ${csv}. Send each to its member alone, then delete the file.`,
    ],
  }
}

async function decide(
  client: Client,
  ids: readonly string[],
  act: 'withdraw' | 'keep',
): Promise<Outcome> {
  const done: number[] = []
  for (const id of idsOf(ids)) {
    await client.send('POST', `/v1/bridge/members/${id}/${act}`).catch((error: unknown) => {
      if (!(error instanceof FailureError)) throw error
      throw new FailureError(`${id}: ${error.message}. Done before it: ${done.length}`, {
        cause: error,
      })
    })
    done.push(id)
  }
  const said = act === 'withdraw' ? 'withdrawn' : 'shown again'
  return { json: { [act]: done }, lines: done.map((id) => `${id} is ${said}.`) }
}

/**
 * Who is here, and not among the users of the website: the module has told of a deletion, or of a
 * withdrawal, while this node did not answer.
 */
async function compare(
  client: Client,
  path: string,
  { withdraw = false }: { withdraw?: boolean },
): Promise<Outcome> {
  const users = new Set(idsOf(readInput(path).split(/\s+/).filter(Boolean)))
  // A query that has failed must not be the end of everybody.
  if (users.size === 0) throw new UsageError(`${path}: expected at least one id`)
  const missing: number[] = []
  for await (const { localId } of membersOf(client, undefined))
    if (!users.has(localId)) missing.push(localId)
  missing.sort((a, b) => a - b)
  if (!withdraw)
    return {
      failed: missing.length > 0,
      json: { missing },
      lines: [
        ...missing.map((id) => `${id} is here, and not in ${path}.`),
        `${missing.length} are here, and not there.`,
      ],
    }
  const { lines } = await decide(client, missing.map(String), 'withdraw')
  return { json: { missing, withdraw: missing }, lines }
}

async function removals(client: Client, done: readonly string[] | undefined): Promise<Outcome> {
  if (done === undefined) {
    const listed = await client.get<{ removals: { netId: number; since: number }[] }>(
      '/v1/bridge/removals?limit=200',
    )
    const cells = listed.removals.map(({ netId, since }) => [String(netId), timeText(since)])
    return { json: listed, lines: table([['NET ID', 'SINCE'], ...cells]) }
  }
  const netIds = idsOf(done)
  const said = await client.send<{ removed: number[]; unknown: number[] }>(
    'POST',
    '/v1/bridge/removals',
    { netIds },
  )
  return {
    json: said,
    lines: [
      ...said.removed.map((id) => `${id} is done.`),
      ...said.unknown.map((id) => `${id} stands for nothing.`),
    ],
  }
}

/** Adds the commands. */
export function addBridge(program: Command, shell: Shell): void {
  const bridge = program
    .command('bridge')
    .description('a site that runs Dating Pro: its module, and the members that it sends')
  const make = (usage: string, description: string): Command =>
    withApi(bridge.command(usage)).description(description)

  withExamples(make('status', 'how it is, and what to look after'), 'dpn bridge status').action(
    (options: ApiOptions) => performWith(shell, options, status),
  )
  withExamples(
    make('pair', 'open the window in which the module may ask for its key'),
    'dpn bridge pair',
  ).action((options: ApiOptions) => performWith(shell, options, pair))
  withExamples(
    make('key', 'make a key to be entered by hand; one before it is void'),
    'dpn bridge key',
  ).action((options: ApiOptions) => performWith(shell, options, makeKey))
  withExamples(
    make('members', 'list who was sent, and what was lost or refused').option(
      '--state <state>',
      'held, refused, published or suspended',
    ),
    'dpn bridge members --state refused',
  ).action((options: ApiOptions & { state?: string }) =>
    performWith(shell, options, (client) => list(client, options.state)),
  )
  withExamples(
    make('links [ids...]', 'make links to the consent page, one for each member')
      .option('--state <state>', 'for all who are held, or suspended')
      .option('--csv <file>', 'write id,url to a file that only you can read; - for here'),
    'dpn bridge links --state held --csv links.csv',
    'dpn bridge links 12 17',
  ).action((ids: string[], options: ApiOptions & { state?: string; csv?: string }) =>
    performWith(shell, options, (client) => links(client, ids, options)),
  )
  withExamples(
    make('withdraw <ids...>', 'withdraw members, or wipe what is held of them'),
    'dpn bridge withdraw 12',
  ).action((ids: string[], options: ApiOptions) =>
    performWith(shell, options, (client) => decide(client, ids, 'withdraw')),
  )
  withExamples(
    make('compare <file>', 'find who is here and no user of the website any more')
      .option('--withdraw', 'and withdraw them')
      .addHelpText(
        'after',
        `
The file has the ids of all users of the website who may be on the Network, one on
each line. The module tells of a deletion once: while the node is down it is lost.
Exit code 1 where somebody is found and not withdrawn.`,
      ),
    'dpn bridge compare ids.txt',
    'dpn bridge compare ids.txt --withdraw',
  ).action((file: string, options: ApiOptions & { withdraw?: boolean }) =>
    performWith(shell, options, (client) => compare(client, file, options)),
  )
  withExamples(
    make('keep <ids...>', 'show hidden members again, who did not mean to leave'),
    'dpn bridge keep 12 17',
  ).action((ids: string[], options: ApiOptions) =>
    performWith(shell, options, (client) => decide(client, ids, 'keep')),
  )
  withExamples(
    make('removals', 'list what the module was told to remove and has not confirmed').option(
      '--done <net ids...>',
      'say that no user of the website has these numbers any more',
    ),
    'dpn bridge removals',
    'dpn bridge removals --done 1745938273',
  ).action((options: ApiOptions & { done?: string[] }) =>
    performWith(shell, options, (client) => removals(client, options.done)),
  )
  addBridgeLists(bridge, shell)
}
