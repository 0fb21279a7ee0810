/** Follows the logs of others: verifies, applies, spots two histories, and never trusts a relay. */
import { decodeEntry, isSiteEntry, type Entry } from '../../../protocol/entry.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { isBelievable } from '../../../protocol/lease.ts'
import { rootAt, rootOf, verifyConsistency, type CompactRange } from '../../../protocol/merkle.ts'
import type { Announcement } from '../../../protocol/wire.ts'
import type { Clock, Crypto, Events, GossipVerdict, Network } from '../ports.ts'
import type { LogReader, LogState, Store, WriteTransaction } from '../store.ts'
import { isKnown, type View } from '../view.ts'
import { applyCoordinatorEntries, applySiteEntries, assertWriter, type Applied } from './apply.ts'
import type { Checkpoints, OpenedCheckpoint } from './checkpoints.ts'
import { findFork, type ForkFound } from './fork.ts'
import { createIrregularities } from './irregularity.ts'
import { extendTree, withNodes } from './tree.ts'
import { logStateOf } from './writer.ts'

export interface FollowerPorts {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'sync'>
  events: Events
  checkpoints: Checkpoints
  /** Called after entries are durable, or a heartbeat is new. */
  onProgress: (log: SiteId, applied: Applied | null) => void
  /** Called when a log is known to be longer than what is here. */
  onGap: (log: SiteId) => void
  onFork: (fork: ForkFound) => Promise<void>
}

export interface Follower {
  /** A gossiped announcement, whose author the connection layer has checked to be the log's site. */
  announcement: (from: SiteId, announcement: Announcement) => Promise<GossipVerdict>
  /**
   * Asks `source` for what is missing of a log, and applies it.
   *
   * @throws ProtocolError where the source sends what does not verify, native errors of the network
   */
  pull: (log: SiteId, source: SiteId) => Promise<void>
}

interface Chunk {
  from: number
  entries: Uint8Array[]
  /** The signed checkpoint that they lead to. */
  opened: OpenedCheckpoint
  /** Refuses a range that does not lead to the signed checkpoint. */
  check: (range: CompactRange) => void
}

/** Whether some entry ends records: then a full disk must not be in its way. */
function ends(entries: readonly Entry[]): boolean {
  return entries.some(({ type }) => type === 'withdraw' || type === 'order' || type === 'expel')
}

/** Applies verified entries, in the transaction that keeps them. */
async function apply(
  view: View,
  tx: WriteTransaction,
  log: SiteId,
  { from, entries }: { from: number; entries: readonly Entry[] },
): Promise<Applied> {
  if (log === view.network)
    return applyCoordinatorEntries(
      tx,
      view.self,
      entries.flatMap((entry) => (isSiteEntry(entry) ? [] : [entry])),
    )
  const orders = view.registry().orders.filter((order) => order.site === log)
  const applied = await applySiteEntries(tx, log, entries.filter(isSiteEntry), {
    from,
    orders,
    wanted: true,
  })
  if (applied.requirements === null) return applied
  // A home that excludes this site ends what is held here. Where it does not, ask anew: it may
  // have lifted an exclusion, of which this node may have heard only by what was withheld.
  if (applied.requirements.excludes.includes(view.self)) await tx.bodies.doom(log, 'all')
  else await tx.records.wantAll(log)
  return applied
}

/** Creates the follower of all logs. */
export function createFollower(ports: FollowerPorts): Follower {
  const { view, store, clock, crypto, network, events, checkpoints } = ports
  const irregularities = createIrregularities(ports)
  const pulling = new Map<string, Promise<void>>()

  /** Applies a chunk, or the part of it that is new; returns the log's size afterwards. */
  async function commit(log: SiteId, chunk: Chunk): Promise<number> {
    const decoded = chunk.entries.map(decodeEntry)
    assertWriter(decoded, log === view.network)
    const done = await store.write(
      async (tx) => {
        const state = await logStateOf(tx, log)
        // Another source may have brought a part of the chunk while this one was on its way.
        const known = state.size - chunk.from
        if (known < 0) throw new ProtocolError('malformed', '/from', 'entries without a gap')
        if (known >= decoded.length) return { size: state.size, fresh: [], applied: null }
        const fresh = decoded.slice(known)
        const bytes = chunk.entries.slice(known)
        const grown = await extendTree(tx.logs, log, state.range, bytes, crypto.sha256)
        chunk.check(grown.range)
        await tx.logs.append(log, { from: state.size, entries: bytes, ...grown })
        const applied = await apply(view, tx, log, { from: state.size, entries: fresh })
        // In the same transaction: a node that dies now and holds entries without their checkpoint
        // could not show them to a home that has lost them, which would then write others.
        if (grown.range.size === chunk.opened.checkpoint.size)
          await tx.logs.saveCheckpoint(
            log,
            checkpoints.signedNote(log, chunk.opened),
            state.heartbeat,
          )
        return { size: grown.range.size, fresh, applied }
      },
      ends(decoded) ? 'erase' : undefined,
    )
    if (done.applied === null) return done.size
    if (log === view.network) view.fold(done.fresh)
    if (done.applied.requirements !== null) view.setRequirements(log, done.applied.requirements)
    events.emit({
      type: 'log.applied',
      log,
      size: done.size,
      entries: done.fresh.length,
      withdrawals: done.applied.withdrawals,
    })
    ports.onProgress(log, done.applied)
    return done.size
  }

  /** The root of a log's first `size` entries, at most as many as are here. */
  async function rootIn(logs: LogReader, state: LogState, size: number): Promise<Uint8Array> {
    const { sha256 } = crypto
    if (size === state.size) return rootOf(state.range, sha256)
    return withNodes(logs, state.site, (nodes) => rootAt(size, nodes, sha256), sha256)
  }

  /** Compares a signed checkpoint of at most our size with our tree; true where they agree. */
  async function agrees(log: SiteId, state: LogState, opened: OpenedCheckpoint): Promise<boolean> {
    const { size, root } = opened.checkpoint
    const own = await store.read((tx) => rootIn(tx.logs, state, size))
    if (equalBytes(own, root)) return true
    await ports.onFork({ log, size, notes: [state.note ?? '', checkpoints.bareNote(log, opened)] })
    return false
  }

  /** Keeps the newest checkpoint and heartbeat of a log that is applied up to it. */
  async function keepCheckpoint(log: SiteId, opened: OpenedCheckpoint): Promise<boolean> {
    const heartbeat = checkpoints.heartbeatOf(log, opened, clock.now())
    let fork: ForkFound | null = null
    const news = await store.write(async (tx) => {
      const { size, root } = opened.checkpoint
      const state = await logStateOf(tx, log)
      if (size > state.size) return false
      // Another source may have brought other entries up to this size, or beyond, while these were
      // on their way; whoever signs what is kept here would confirm a history that he does not have.
      if (!equalBytes(await rootIn(tx.logs, state, size), root)) {
        fork = { log, size, notes: [state.note ?? '', checkpoints.bareNote(log, opened)] }
        return false
      }
      if (size < state.size) return false
      const isNewer =
        heartbeat !== null &&
        (state.heartbeat === null ||
          heartbeat > state.heartbeat ||
          // Kept while a clock was wrong: it must not shut out those of the present.
          !isBelievable(state.heartbeat, clock.now()))
      const stored = state.note === null ? null : checkpoints.open(log, state.note)
      const isLarger = stored === null || stored.checkpoint.size < state.size
      // An append and its heartbeat may follow another heartbeat in one second: without the newer
      // note there would be nothing to sign a receipt on until the next one.
      const isFirst =
        heartbeat !== null && heartbeat === state.heartbeat && stored?.note.signatures.length === 1
      if (!isNewer && !isLarger && !isFirst) return false
      const note = checkpoints.bareNote(log, opened)
      if (isNewer) await irregularities.silence(tx, state, { note, heartbeat })
      await tx.logs.saveCheckpoint(log, note, isNewer ? heartbeat : state.heartbeat)
      return true
    })
    if (fork !== null) {
      await ports.onFork(fork)
      return false
    }
    const heard = heartbeat !== null && view.heard(log, heartbeat)
    if (news || heard) ports.onProgress(log, null)
    return news || heard
  }

  async function takeAnnouncement(
    announcement: Announcement,
    opened: OpenedCheckpoint,
  ): Promise<GossipVerdict> {
    const { log, from, entries } = announcement
    const { size, root } = opened.checkpoint
    const state = await store.read((tx) => logStateOf(tx, log))
    if (size <= state.size && !(await agrees(log, state, opened))) return 'accept'
    if (size < state.size) {
      await irregularities.rollback(log, opened)
      return 'ignore'
    }
    if (size > state.size) {
      // With a gap in between the entries cannot be checked here.
      if (from > state.size || from + entries.length !== size) {
        ports.onGap(log)
        return 'accept'
      }
      await commit(log, {
        from,
        entries,
        opened,
        check: (range) => {
          if (!equalBytes(rootOf(range, crypto.sha256), root))
            throw new ProtocolError('bad_proof', '/entries', 'entries that the checkpoint covers')
        },
      })
    }
    return (await keepCheckpoint(log, opened)) || size > state.size ? 'accept' : 'ignore'
  }

  async function pullNow(log: SiteId, source: SiteId): Promise<void> {
    const state = await store.read((tx) => logStateOf(tx, log))
    let size = state.size
    let opened: OpenedCheckpoint | null = null
    for await (const reply of network.sync(source, { kind: 'entries', log, from: size })) {
      if (reply.kind === 'unknown') return
      if (reply.kind === 'checkpoint' && opened === null) {
        opened = checkpoints.open(log, reply.note)
        if (opened.checkpoint.size <= size && !(await agrees(log, state, opened))) return
      } else if (reply.kind === 'entries' && opened !== null) {
        size = await commit(log, chunkOf(reply, opened))
      } else throw new ProtocolError('malformed', '/kind', 'a checkpoint, then entries')
    }
    if (opened === null || size < opened.checkpoint.size)
      throw new ProtocolError('malformed', '', 'every entry up to the checkpoint')
    await keepCheckpoint(log, opened)
  }

  function chunkOf(
    reply: { from: number; entries: Uint8Array[]; proof: Uint8Array[] },
    opened: OpenedCheckpoint,
  ): Chunk {
    const { checkpoint } = opened
    const { from, entries, proof } = reply
    if (entries.length === 0 || from + entries.length > checkpoint.size)
      throw new ProtocolError('malformed', '/entries', 'entries below the checkpoint')
    return {
      from,
      entries,
      opened,
      check: (range) => {
        verifyConsistency(
          {
            oldSize: range.size,
            newSize: checkpoint.size,
            proof,
            oldRoot: rootOf(range, crypto.sha256),
            newRoot: checkpoint.root,
          },
          crypto.sha256,
        )
      },
    }
  }

  async function pull(log: SiteId, source: SiteId): Promise<void> {
    try {
      await pullNow(log, source)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      events.emit({ type: 'log.refused', log, from: source, code: error.code })
      // Either the source lied, or the log has two histories: its whole history tells which.
      const fork =
        error.code === 'bad_proof' ? await findFork(ports, log, source).catch(() => null) : null
      if (fork === null) throw error
      await ports.onFork(fork)
    }
  }

  return {
    announcement: async (from, announcement) => {
      const { log } = announcement
      if (!isKnown(view, log) || view.frozen.has(log)) return 'ignore'
      try {
        const opened = checkpoints.open(log, announcement.note)
        return await takeAnnouncement(announcement, opened)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        events.emit({ type: 'log.refused', log, from, code: error.code })
        // A heartbeat from the future may as well be this node's clock.
        return error.code === 'out_of_range' && error.path === '/time' ? 'ignore' : 'reject'
      }
    },
    pull: async (log, source) => {
      if (view.frozen.has(log)) return
      // One pull for each log and source: a slow source must not keep others from bringing news.
      const name = `${log} ${source}`
      const running =
        pulling.get(name) ??
        pull(log, source).finally(() => {
          pulling.delete(name)
        })
      pulling.set(name, running)
      await running
    },
  }
}
