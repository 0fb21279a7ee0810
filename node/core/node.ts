/** What every node does, whatever its role: writes one log, follows the others, answers for both. */
import { decodeEntry } from '../../protocol/entry.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import type { Report, SyncReply } from '../../protocol/wire.ts'
import type { Identity } from './identity.ts'
import type { Applied } from './log/apply.ts'
import { createCheckpoints, type Checkpoints } from './log/checkpoints.ts'
import { createExchange, type Exchange } from './log/exchange.ts'
import { createFollower, type Follower } from './log/follower.ts'
import type { ForkFound } from './log/fork.ts'
import { createHeartbeat } from './log/heartbeat.ts'
import { createReadiness, type Readiness } from './log/readiness.ts'
import { createReceipts, type Receipts } from './log/receipt.ts'
import { AWAY_BEATS } from './log/silence.ts'
import { serveEntries } from './log/serve.ts'
import { createLogWriter, type Appended, type LogWriter } from './log/writer.ts'
import type {
  Blobs,
  Clock,
  Crypto,
  Events,
  Network,
  NetworkHandlers,
  Random,
  Vault,
} from './ports.ts'
import { createEraser, type Eraser } from './record/erase.ts'
import { createEvidenceDesk, type EvidenceDesk } from './record/evidence.ts'
import type { Store } from './store.ts'
import { createTasks, reasonOf, type Tasks } from './tasks.ts'
import { createView, isKnown, type View } from './view.ts'

export interface NodePorts {
  clock: Clock
  random: Random
  crypto: Crypto
  store: Store
  vault: Vault
  blobs: Blobs
  network: Network
  events: Events
}
export interface NodeSettings {
  identity: Identity
  /** The configured verifier key of the coordinator's log. */
  coordinatorKey: VerifierKey
  /** Seconds between two looks at what is due; heartbeats are no closer than the terms say. */
  tickSeconds: number
  /** Seconds between two exchanges of heads with each peer. */
  exchangeSeconds: number
  /** Seconds between two signs of life on a presence stream; 5 where it is not given. */
  beatSeconds?: number
}

/** What a role adds. */
export interface RoleHooks {
  /** Entries were applied (null: only a heartbeat came). Must not wait for the network. */
  progressed: (log: SiteId, applied: Applied | null) => void
  forked: (fork: ForkFound) => Promise<void>
  report: (from: SiteId, report: Report) => Promise<void>
  writable: () => Promise<void>
  connected: (site: SiteId) => void
  /** Called at each tick, before the heartbeat. */
  tick: () => Promise<void>
  bodies: NetworkHandlers['bodies']
  pictures: NetworkHandlers['pictures']
  audit: NetworkHandlers['audit']
  talk: NetworkHandlers['talk']
  presence: NetworkHandlers['presence']
}

export interface Node {
  settings: NodeSettings
  view: View
  tasks: Tasks
  checkpoints: Checkpoints
  writer: LogWriter
  follower: Follower
  receipts: Receipts
  readiness: Readiness
  exchange: Exchange
  eraser: Eraser
  evidence: EvidenceDesk
  handlers: NetworkHandlers
  heartbeat: () => Promise<void>
  /** After an own append is durable: announces, erases what it ended, then says so by heartbeat. */
  published: (appended: Appended) => Promise<void>
  /** Brings erasures and receipts up to date, aside. */
  settle: () => void
  start: () => Promise<void>
  stop: () => Promise<void>
}

/** Loads what the node knew before its restart into a view. */
export async function loadView(
  { store, clock }: Pick<NodePorts, 'store' | 'clock'>,
  { network, site }: Identity,
): Promise<View> {
  return store.read(async (tx) => {
    const logs = await tx.logs.all()
    const size = logs.find((log) => log.site === network)?.size ?? 0
    const entries = (await tx.logs.entries(network, 0, size)).map(decodeEntry)
    const frozen = (await tx.desk.forks()).map(({ log }) => log)
    return createView({ network, self: site, clock }, { logs, entries, frozen })
  })
}

function createTicker(
  ports: NodePorts,
  settings: NodeSettings,
  parts: {
    view: View
    due: { beat: () => Promise<void>; exchange: () => void; settle: () => void }
    tick: () => Promise<void>
  },
): { tick: () => Promise<void>; beatSoon: () => void } {
  const { clock } = ports
  let beatAt: number | null = null
  let exchangedAt: number | null = null
  const isDue = (last: number | null, seconds: number): boolean =>
    // A clock that jumped back must not silence the node until it has caught up.
    last === null || clock.now() < last || clock.now() - last >= seconds

  const tick = async (): Promise<void> => {
    await parts.tick()
    if (isDue(exchangedAt, settings.exchangeSeconds)) {
      exchangedAt = clock.now()
      parts.due.exchange()
    }
    if (isDue(beatAt, parts.view.registry().terms.heartbeatSeconds)) {
      beatAt = clock.now()
      await parts.due.beat()
    }
    parts.due.settle()
  }
  return {
    tick,
    beatSoon: () => {
      beatAt = null
    },
  }
}

function createHandlers(
  node: Pick<Node, 'view' | 'follower' | 'exchange' | 'receipts' | 'tasks' | 'settle'>,
  ports: NodePorts,
  hooks: RoleHooks,
): NetworkHandlers {
  const { view, follower, exchange, receipts, tasks } = node
  const { events, store, crypto } = ports

  async function take(from: SiteId, report: Report): Promise<void> {
    if (report.kind !== 'receipt') {
      await hooks.report(from, report)
      return
    }
    try {
      await receipts.take(from, report.log, report.note)
    } catch (error) {
      // The sender may have entries that have not reached this node yet.
      if (!(error instanceof ProtocolError) || error.code !== 'not_ready') throw error
      if (report.log === view.self) throw error
      await follower.pull(report.log, from)
      await receipts.take(from, report.log, report.note)
    }
  }

  return {
    mayConnect: (site) => site === view.network || isKnown(view, site),
    announcement: async (from, announcement) =>
      from === announcement.log ? follower.announcement(from, announcement) : 'reject',
    sync: async function* sync(from, request): AsyncIterable<SyncReply> {
      if (request.kind === 'heads')
        yield await exchange.answer(from, request.heads, request.addresses)
      else yield* serveEntries({ store, crypto }, request.log, request.from)
    },
    bodies: hooks.bodies,
    pictures: hooks.pictures,
    audit: hooks.audit,
    talk: hooks.talk,
    presence: hooks.presence,
    report: async (from, report) => {
      try {
        await take(from, report)
        return { kind: 'taken' }
      } catch (error) {
        events.emit({
          type: 'peer.failed',
          site: from,
          action: report.kind,
          reason: reasonOf(error),
        })
        return { kind: 'refused' }
      }
    },
    connected: (site) => {
      receipts.forget(site)
      tasks.background('exchange', () => exchange.with(site))
      hooks.connected(site)
      node.settle()
    },
  }
}

/** Builds a node on its ports. Nothing happens before `start`. */
export function createNode(
  ports: NodePorts,
  settings: NodeSettings,
  view: View,
  hooks: RoleHooks,
): Node {
  const { store, vault, blobs, clock, crypto, network, events } = ports
  const { identity, coordinatorKey } = settings
  const tasks = createTasks(events)
  const checkpoints = createCheckpoints({ view, crypto, coordinatorKey })
  const writer = createLogWriter({ identity, view, crypto, network, events })
  const eraser = createEraser({ store, vault, blobs, events })
  const beat = createHeartbeat({
    identity,
    writer,
    store,
    clock,
    crypto,
    network,
    events,
    checkpoints,
    eraser,
    awaySeconds: () => AWAY_BEATS * view.registry().terms.heartbeatSeconds + 1,
  })
  const onFork = async (fork: ForkFound): Promise<void> => {
    if (view.frozen.has(fork.log)) return
    view.freeze(fork.log)
    await store.write((tx) => tx.desk.addFork({ ...fork, foundAt: clock.now() }))
    events.emit({ type: 'log.forked', log: fork.log, size: fork.size })
    await hooks.forked(fork)
  }
  const receipts = createReceipts({
    identity,
    view,
    store,
    clock,
    crypto,
    network,
    events,
    checkpoints,
    eraser,
    onFork,
    onSigned: () => {
      // Evidence needs a registry that is not older than the coordinator's receipt in it.
      if (view.self === view.network) ticker.beatSoon()
    },
  })
  const settle = tasks.coalesced('settle', async () => {
    await eraser.flush()
    await receipts.sendDue()
  })
  const follower: Follower = createFollower({
    view,
    store,
    clock,
    crypto,
    network,
    events,
    checkpoints,
    onFork,
    onProgress: (log, applied) => {
      if (applied !== null && applied.withdrawals > 0) receipts.hurry(log)
      settle()
      hooks.progressed(log, applied)
      if (log !== view.network || applied === null) return
      for (const site of network.connected())
        if (site !== view.network && !isKnown(view, site))
          tasks.background('disconnect', () => network.disconnect(site))
      tasks.background('decide', () => readiness.decide())
    },
    onGap: (log) => {
      tasks.background('pull', () => pullFromAnybody(log))
    },
  })
  const readiness = createReadiness({
    view,
    store,
    clock,
    events,
    writer,
    follower,
    onWritable: async () => {
      await hooks.writable()
      await beat()
    },
  })
  const exchange = createExchange({
    view,
    store,
    network,
    events,
    follower,
    readiness,
    background: tasks.background,
  })

  /** Tries the log's own site, then whoever is connected, until one brings what is missing. */
  async function pullFromAnybody(log: SiteId): Promise<void> {
    const connected = network.connected()
    const sources = connected.toSorted((a, b) => Number(b === log) - Number(a === log))
    for (const source of sources) {
      const before = (await store.read((tx) => tx.logs.get(log)))?.size ?? 0
      try {
        await follower.pull(log, source)
      } catch (error) {
        events.emit({ type: 'peer.failed', site: source, action: 'pull', reason: reasonOf(error) })
      }
      const after = (await store.read((tx) => tx.logs.get(log)))?.size ?? 0
      if (after > before) return
    }
  }

  const ticker = createTicker(ports, settings, {
    view,
    tick: async () => {
      await readiness.decide()
      await hooks.tick()
    },
    due: {
      beat,
      settle,
      exchange: () => {
        for (const site of network.connected())
          tasks.background('exchange', () => exchange.with(site))
      },
    },
  })
  const tick = tasks.coalesced('tick', ticker.tick)
  let cancel: (() => void) | null = null

  return {
    settings,
    view,
    tasks,
    checkpoints,
    writer,
    follower,
    receipts,
    readiness,
    exchange,
    eraser,
    evidence: createEvidenceDesk({ view, store, crypto }),
    handlers: createHandlers({ view, follower, exchange, receipts, tasks, settle }, ports, hooks),
    heartbeat: beat,
    published: async (appended) => {
      await writer.released(appended)
      const doomed = await store.read((tx) => tx.bodies.doomed(1))
      // Without a heartbeat on its newest checkpoint a log proves no life to who comes just now.
      if (doomed.length > 0 || view.self === view.network) await beat()
      else ticker.beatSoon()
    },
    settle,
    start: async () => {
      // What a crash interrupted is finished before anything is served.
      await eraser.recover()
      await exchange.start()
      await readiness.decide()
      cancel = clock.every(settings.tickSeconds, async () => {
        tick()
      })
      tick()
    },
    stop: async () => {
      cancel?.()
      await tasks.stop()
    },
  }
}
