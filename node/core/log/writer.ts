/** Appends to the node's own log, inside the caller's transaction; never forks, also after a restore. */
import type { CoordinatorEntry, Entry, SiteEntry } from '../../../protocol/entry.ts'
import { encodeEntry, isSiteEntry } from '../../../protocol/entry.ts'
import { signCheckpoint } from '../../../protocol/checkpoint.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { GOSSIP_BYTES } from '../../../protocol/limits.ts'
import { memberOf } from '../../../protocol/registry.ts'
import { EMPTY_RANGE, rootOf } from '../../../protocol/merkle.ts'
import type { Identity } from '../identity.ts'
import type { Crypto, Events, Network } from '../ports.ts'
import type { LogState, WriteTransaction } from '../store.ts'
import { reasonOf } from '../tasks.ts'
import type { View } from '../view.ts'
import { applyCoordinatorEntries, applySiteEntries, type Applied } from './apply.ts'
import { extendTree } from './tree.ts'

/** What a committed append has to tell the others. */
export interface Appended {
  from: number
  size: number
  entries: Uint8Array[]
  note: string
  applied: Applied
  /** For {@link LogWriter.released}: what to fold into the view after the commit. */
  decoded: readonly Entry[]
}

/** Whether the log could not be written: a state of the node, and not a fault of what was asked. */
export function isNotReady(error: unknown): boolean {
  return error instanceof ProtocolError && error.code === 'not_ready'
}

export interface LogWriter {
  /** Whether the log may be written: others have confirmed that it is not behind. */
  isWritable: () => boolean
  setWritable: (writable: boolean) => void
  /** @throws ProtocolError `not_ready` while the log may not be written */
  assertWritable: () => void
  /**
   * Appends entries of this node. Their effects (records ended, bodies doomed) are in the same
   * transaction; `bodiesHere` says that the caller stores the bodies of its publishes itself.
   *
   * @throws ProtocolError `not_ready` while the log may not be written
   */
  append: (
    tx: WriteTransaction,
    entries: readonly (SiteEntry | CoordinatorEntry)[],
  ) => Promise<Appended>
  /** Call after the transaction is durable: updates the view, announces to the network. */
  released: (appended: Appended) => Promise<void>
}

const EMPTY_STATE = { size: 0, range: EMPTY_RANGE, note: null, heartbeat: null, requirements: null }

/** The state of a log, of size 0 where it is not there yet. */
export async function logStateOf(
  tx: { logs: { get: (site: LogState['site']) => Promise<LogState | null> } },
  site: LogState['site'],
): Promise<LogState> {
  return (await tx.logs.get(site)) ?? { site, ...EMPTY_STATE }
}

/** The entries to gossip along: all if they fit beside the note, else none (partners sync). */
function carried(appended: Appended): { from: number; entries: Uint8Array[] } {
  const bytes = appended.entries.reduce((sum, entry) => sum + entry.length + 4, 0)
  const room = GOSSIP_BYTES - appended.note.length - 1024
  return bytes <= room
    ? { from: appended.from, entries: appended.entries }
    : { from: appended.size, entries: [] }
}

/** Creates the writer of the node's own log. */
export function createLogWriter(ports: {
  identity: Identity
  view: View
  crypto: Crypto
  network: Pick<Network, 'announce'>
  events: Events
}): LogWriter {
  const { identity, view, crypto, network, events } = ports
  const { site, origin, logSeed } = identity
  const isCoordinator = site === identity.network
  let writable = false

  /** After a rotation the old keys sign nothing more; the node starts again with the new ones. */
  function isCurrentKey(): boolean {
    const current = memberOf(view.registry(), site)?.keys.at(-1)
    return current === undefined || equalBytes(current.logKey, identity.logKey.publicKey)
  }

  const isWritable = (): boolean => writable && isCurrentKey()

  function assertWritable(): void {
    if (isWritable()) return
    throw new ProtocolError(
      'not_ready',
      '',
      'an admitted site, whose log the coordinator or a partner has confirmed since the start',
    )
  }

  async function apply(
    tx: WriteTransaction,
    from: number,
    entries: readonly (SiteEntry | CoordinatorEntry)[],
  ): Promise<Applied> {
    if (isCoordinator)
      return applyCoordinatorEntries(
        tx,
        site,
        entries.filter((entry): entry is CoordinatorEntry => !isSiteEntry(entry)),
      )
    const orders = view.registry().orders.filter((order) => order.site === site)
    return applySiteEntries(tx, site, entries.filter(isSiteEntry), { from, orders, wanted: false })
  }

  return {
    isWritable,
    assertWritable,
    setWritable: (value) => {
      writable = value
    },
    append: async (tx, entries) => {
      assertWritable()
      const state = await logStateOf(tx, site)
      const bytes = entries.map(encodeEntry)
      const { range, tiles } = await extendTree(tx.logs, site, state.range, bytes, crypto.sha256)
      await tx.logs.append(site, { from: state.size, entries: bytes, range, tiles })
      const applied = await apply(tx, state.size, entries)
      const checkpoint = { origin, size: range.size, root: rootOf(range, crypto.sha256) }
      const { text: note } = signCheckpoint(checkpoint, logSeed, crypto.sign)
      await tx.logs.saveCheckpoint(site, note, state.heartbeat)
      return { from: state.size, size: range.size, entries: bytes, note, applied, decoded: entries }
    },
    released: async (appended) => {
      const { size, note, applied } = appended
      if (isCoordinator) view.fold(appended.decoded)
      if (applied.requirements !== null) view.setRequirements(site, applied.requirements)
      events.emit({ type: 'log.appended', log: site, size, entries: appended.entries.length })
      // Best effort and not waited for: a slow link must not hold up what comes next, least of all
      // a withdrawal.
      network.announce({ log: site, note, ...carried(appended) }).catch((error: unknown) => {
        events.emit({ type: 'peer.failed', site, action: 'announce', reason: reasonOf(error) })
      })
    },
  }
}
