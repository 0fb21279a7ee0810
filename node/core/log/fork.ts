/** Tells a lying relay from a log with two histories, by reading the log from its beginning. */
import { equalBytes, toBase64 } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Branch } from '../../../protocol/finding-file.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import {
  appendLeaves,
  EMPTY_RANGE,
  leafHash,
  rootOf,
  verifyConsistency,
} from '../../../protocol/merkle.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { Store } from '../store.ts'
import { reasonOf } from '../tasks.ts'
import type { View } from '../view.ts'
import type { Checkpoints } from './checkpoints.ts'
import { logStateOf } from './writer.ts'

/** Two histories of one log: our newest checkpoint of it, and one that contradicts our entries. */
export interface ForkFound {
  log: SiteId
  /** Size at which the other checkpoint contradicts ours. */
  size: number
  notes: [string, string]
  /** How the other history goes on from that size, where it is the longer one. */
  branch?: Branch
}

function branchOf(parts: Record<keyof Branch, readonly Uint8Array[]>): Branch {
  return {
    range: parts.range.map(toBase64),
    leaves: parts.leaves.map(toBase64),
    proof: parts.proof.map(toBase64),
  }
}

/**
 * Reads a log from `source` from the beginning and compares its root at our size with ours.
 *
 * @returns the fork, or null where the source merely sent rubbish or agrees
 * @throws ProtocolError where the source's own entries do not lead to its checkpoint
 */
export async function findFork(
  ports: {
    store: Store
    crypto: Crypto
    checkpoints: Checkpoints
    network: Pick<Network, 'sync'>
  },
  log: SiteId,
  source: SiteId,
): Promise<ForkFound | null> {
  const { store, crypto, checkpoints, network } = ports
  const { sha256 } = crypto
  const state = await store.read((tx) => logStateOf(tx, log))
  const ours = rootOf(state.range, sha256)
  let range = EMPTY_RANGE
  let differs = false
  let opened: ReturnType<Checkpoints['open']> | null = null
  let branch: Branch | null = null
  for await (const reply of network.sync(source, { kind: 'entries', log, from: 0 })) {
    if (reply.kind === 'checkpoint') opened = checkpoints.open(log, reply.note)
    if (reply.kind !== 'entries' || opened === null) continue
    const leaves = reply.entries.map((entry) => leafHash(entry, sha256))
    const upToOurs = leaves.slice(0, Math.max(0, state.size - range.size))
    const middle = appendLeaves(range, upToOurs, sha256)
    const after = leaves.slice(upToOurs.length)
    if (middle.size === state.size && !differs) {
      differs = !equalBytes(rootOf(middle, sha256), ours)
      const parts = { range: middle.hashes, leaves: after, proof: reply.proof }
      if (differs) branch = branchOf(parts)
    }
    range = appendLeaves(middle, after, sha256)
    verifyConsistency(
      {
        oldSize: range.size,
        newSize: opened.checkpoint.size,
        proof: reply.proof,
        oldRoot: rootOf(range, sha256),
        newRoot: opened.checkpoint.root,
      },
      sha256,
    )
  }
  if (opened === null || range.size < opened.checkpoint.size)
    throw new ProtocolError('malformed', '', 'every entry up to the checkpoint')
  if (!differs) return null
  const notes: [string, string] = [state.note ?? '', checkpoints.bareNote(log, opened)]
  return { log, size: state.size, notes, ...(branch !== null && { branch }) }
}

/** Tells the coordinator of the forks that this node has found. */
export interface ForkReports {
  /** Reports what the coordinator has not been told lately. */
  run: () => Promise<void>
  /** A connection with the coordinator is new: it may have been away, or restored. */
  again: () => void
}

/**
 * Creates the reports of forks. A fork is told once in each interval of heartbeats until the
 * registry shows that the coordinator has acted on it: it may be out of reach when the fork is
 * found, or have too little of the log to see it.
 */
export function createForkReports(ports: {
  view: View
  store: Store
  clock: Pick<Clock, 'now'>
  network: Pick<Network, 'report' | 'connected'>
  events: Events
}): ForkReports {
  const { view, store, clock, network, events } = ports
  /** When each was told last. */
  const told = new Map<SiteId, number>()
  const isToldLately = (log: SiteId): boolean => {
    const ago = clock.now() - (told.get(log) ?? -Infinity)
    return ago >= 0 && ago < view.registry().terms.heartbeatSeconds
  }

  return {
    run: async () => {
      const untold = [...view.frozen].filter(
        (log) => !isToldLately(log) && view.registry().members.get(log)?.status === 'admitted',
      )
      if (untold.length === 0 || !network.connected().includes(view.network)) return
      const forks = await store.read((tx) => tx.desk.forks())
      for (const { log, notes } of forks.filter((fork) => untold.includes(fork.log))) {
        try {
          await network.report(view.network, { kind: 'fork', log, notes })
          told.set(log, clock.now())
        } catch (error) {
          const reason = reasonOf(error)
          events.emit({ type: 'peer.failed', site: view.network, action: 'fork', reason })
        }
      }
    },
    again: () => {
      told.clear()
    },
  }
}
