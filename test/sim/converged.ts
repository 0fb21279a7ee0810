/** What must hold when nothing goes wrong any more: the first thing that does not. */
import type { SiteId } from '../../protocol/ids.ts'
import { recordsOf, registryOf } from './knowledge.ts'
import { recordRefusal } from './naive.ts'
import { bodyRows } from './storage.ts'
import type { Websites } from './website.ts'
import { NETWORK, type SimNode, type World } from './world.ts'

function isMember(world: World, site: SiteId): boolean {
  const { members: known } = registryOf(world.node(NETWORK).known, NETWORK)
  return site === NETWORK || (known.get(site)?.status ?? 'expelled') !== 'expelled'
}

/** Honest nodes that have not been expelled. */
function members(world: World): SimNode[] {
  return world.nodes.filter((node) => node.isHonest && isMember(world, node.site))
}

function logsDiffer(world: World): string | null {
  const nodes = members(world)
  for (const { site: log } of world.nodes) {
    if (!isMember(world, log) && log !== NETWORK) continue
    const lines = nodes.map((node) => node.known.logs.get(log) ?? [])
    if (!world.isTrusted(log)) continue
    const size = world.node(log).known.logs.get(log)?.length ?? 0
    for (const [at, node] of nodes.entries())
      if (lines[at]?.length !== size)
        return `${node.name} has ${lines[at]?.length} of ${size} lines of ${log}`
  }
  return null
}

/** Where honest nodes hold two histories, or the coordinator has the proof, a log is suspended. */
function forksUnpunished(world: World): string | null {
  const { members: known } = registryOf(world.node(NETWORK).known, NETWORK)
  for (const { site: log } of world.nodes) {
    if (world.isTrusted(log) || known.get(log)?.status !== 'admitted') continue
    const lines = members(world).map((node) => node.known.logs.get(log) ?? [])
    const isForked = lines.some((a) =>
      lines.some((b) => a.some(({ hex }, at) => (b[at]?.hex ?? hex) !== hex)),
    )
    const isProven = world.node(NETWORK).known.forked.has(log)
    if (isForked || isProven) return `${log} shows two histories and is not suspended`
  }
  return null
}

async function receiptsMissing(world: World): Promise<string | null> {
  for (const home of members(world)) {
    const lines = home.known.logs.get(home.site) ?? []
    const last = lines.findLastIndex(({ entry }) =>
      ['withdraw', 'order', 'expel'].includes(entry.type),
    )
    for (const node of members(world)) {
      if (node === home || last < 0) continue
      for (const keeper of new Set([home, world.node(NETWORK)])) {
        if (keeper === node) continue
        const rows = await keeper.database.db
          .selectFrom('receipts')
          .innerJoin('sites as l', 'l.id', 'receipts.log')
          .innerJoin('sites as c', 'c.id', 'receipts.cosigner')
          .select('size')
          .where('l.name', '=', home.site)
          .where('c.name', '=', node.site)
          .execute()
        if (!rows.some(({ size }) => size > last))
          return `${keeper.name} waits for ${node.name}'s receipt for ${home.site} above ${last}`
      }
    }
  }
  return null
}

async function pendingWork(world: World): Promise<string | null> {
  for (const node of members(world)) {
    const core = node.process?.core?.node ?? node.process?.coordinator?.node
    if (core === undefined) return `${node.name} is not running`
    const { db } = node.database
    const rows = await bodyRows(db)
    if (rows.some(({ doomed }) => doomed)) return `${node.name} has doomed bodies`
    const waiting = await db.selectFrom('pending_withdrawals').selectAll().execute()
    if (waiting.length > 0) return `${node.name} has withdrawals that wait for the log`
    if (!core.writer.isWritable()) return `${node.name} cannot write its log`
    const unreported = await db
      .selectFrom('ledger')
      .innerJoin('sites', 'sites.id', 'ledger.home')
      .select('sites.name as home')
      .where('reported', '=', 0)
      .execute()
    const open = unreported.find(({ home }) => isMember(world, home) && world.isTrusted(home))
    if (open !== undefined) return `${node.name} has not told ${open.home} of a disclosure`
  }
  return null
}

async function bodiesDiffer(world: World, websites: Websites): Promise<string | null> {
  const nodes = members(world).filter(({ site }) => site !== NETWORK)
  const held = new Map<SimNode, Set<string>>()
  for (const node of nodes)
    held.set(
      node,
      new Set((await bodyRows(node.database.db)).map((row) => `${row.home} ${row.index}`)),
    )
  for (const node of nodes) {
    const expected = world.judge.expected(node)
    const shown = new Set(await websites.read(node))
    for (const [record, { home, index }] of expected) {
      const isThere = nodes.some((other) => held.get(other)?.has(`${home} ${index}`))
      // After a restore nobody may have the body any more: then its website has to send it again.
      if (isThere && !shown.has(record))
        return `${node.name} does not show ${record} (${home} ${index})`
    }
    for (const record of shown)
      if (!expected.has(record)) return `${node.name} shows ${record}, which it should not`
    const told = untold(node, shown)
    if (told !== null) return told
    const stale = staleBody(world, node, held.get(node) ?? new Set())
    if (stale !== null) return stale
  }
  return null
}

/** What a website that has read the feed takes to be shown, and what is: both have to be the same. */
function untold({ name, told }: SimNode, shown: ReadonlySet<string>): string | null {
  const believed = new Set<string>()
  for (const one of told.records) {
    const [home = '', record = ''] = one.split(' ')
    if (!told.hidden.has(home)) believed.add(record)
  }
  for (const record of shown)
    if (!believed.has(record)) return `${name} shows ${record}, of which it has not told`
  for (const record of believed)
    if (!shown.has(record)) return `${name} has told of ${record}, which it does not show`
  return null
}

/** A body that its holder's own requirements, or the member, do not let it keep. */
function staleBody(world: World, node: SimNode, held: ReadonlySet<string>): string | null {
  const { known, site } = node
  const registry = registryOf(known, NETWORK)
  for (const name of held) {
    const [home = '', index = ''] = name.split(' ')
    const from = home as SiteId
    if (from === site || !isMember(world, from)) continue
    const body = world.judge.bodyOf(node, from, Number(index))
    const live = [...recordsOf(known, registry, from).values()].some(
      (record) => record.index === Number(index),
    )
    if (body === null || !live) continue
    const now = node.now()
    const question = { known, network: NETWORK, self: site, home: from, partner: site, now }
    const refused = recordRefusal(question, Number(index), body)
    if (refused !== null) return `${node.name} keeps ${home} ${index}: ${refused}`
  }
  return null
}

function ledgerIncomplete(world: World): string | null {
  for (const holder of members(world))
    for (const line of holder.known.ledger) {
      const [home = ''] = line.split(' ')
      if (home === holder.site || !world.isTrusted(home as SiteId)) continue
      if (!isMember(world, home as SiteId)) continue
      // What a home learnt after its last backup is lost with its disk.
      if (world.node(home as SiteId).restores > 0) continue
      if (!world.node(home as SiteId).known.ledger.has(line))
        return `${home} does not know that ${holder.name} gave out ${line}`
    }
  return null
}

export interface Difference {
  invariant: number
  what: string
}

/** What still differs between the network and its ideal; null where nothing does. */
export async function differs(world: World, websites: Websites): Promise<Difference | null> {
  const checks: [invariant: number, check: () => Promise<string | null> | string | null][] = [
    [13, () => pendingWork(world)],
    [4, () => world.judge.unfulfilled((site) => isMember(world, site))],
    [10, () => forksUnpunished(world)],
    [13, () => logsDiffer(world)],
    [4, () => receiptsMissing(world)],
    [15, () => bodiesDiffer(world, websites)],
    [6, () => ledgerIncomplete(world)],
  ]
  for (const [invariant, check] of checks) {
    const what = await check()
    if (what !== null) return { invariant, what }
  }
  return null
}
