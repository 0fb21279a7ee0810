/** The node's own heartbeat: its cosignature, with the time, on its own newest checkpoint. */
import { cosign, addCosignature } from '../../../protocol/cosignature.ts'
import { signCheckpoint } from '../../../protocol/checkpoint.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { formatNote, parseNote } from '../../../protocol/note.ts'
import { rootOf } from '../../../protocol/merkle.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { Store } from '../store.ts'
import { reasonOf } from '../tasks.ts'
import type { Eraser } from '../record/erase.ts'
import type { Checkpoints } from './checkpoints.ts'
import { keepOwnReceipt } from './receipt.ts'
import { noteSilence } from './silence.ts'
import { logStateOf, type LogWriter } from './writer.ts'

/** Erasures that may come in between before the heartbeat is left to the next round. */
const ATTEMPTS = 3

/**
 * Creates the function that makes and gossips a heartbeat. It says two things with one signature:
 * this site is alive, and it holds nothing that its log withdrew. So pending erasures are finished
 * first, and it is not made while the log may be behind.
 */
export function createHeartbeat(ports: {
  identity: Identity
  writer: LogWriter
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'announce'>
  events: Events
  checkpoints: Checkpoints
  eraser: Pick<Eraser, 'flush' | 'isClean'>
  /** Seconds without a heartbeat of its own after which a coordinator was away. */
  awaySeconds: () => number
}): () => Promise<void> {
  const { identity, writer, store, clock, crypto, network, events, checkpoints, eraser } = ports
  const { site, origin } = identity

  function isSigned(note: string): boolean {
    try {
      checkpoints.open(site, note)
      return true
    } catch (error) {
      if (error instanceof ProtocolError) return false
      throw error
    }
  }

  /** Null where something came to be erased since the flush. */
  async function make(): Promise<{ note: string; size: number } | null> {
    return store.write(async (tx) => {
      const state = await logStateOf(tx, site)
      const { size, range, note: stored } = state
      if (!(await eraser.isClean(tx, site))) return null
      // After a rotation the newest checkpoint may still be signed by the old key.
      const signed = stored !== null && isSigned(stored) ? stored : null
      const unsigned =
        signed ??
        signCheckpoint(
          { origin, size, root: rootOf(range, crypto.sha256) },
          identity.logSeed,
          crypto.sign,
        ).text
      const time = clock.now()
      const { text, signatures } = parseNote(unsigned)
      const cosignature = cosign({
        checkpointText: text,
        time,
        key: identity.witnessKey,
        seed: identity.witnessSeed,
        signer: crypto.sign,
      })
      // Only the log's signature and the heartbeat travel on: receipts have their own way.
      const bare = { text, signatures: signatures.filter(({ name }) => name === origin) }
      const note = formatNote(addCosignature(bare, cosignature))
      if (site === identity.network)
        await noteSilence(tx, state, { note, heartbeat: time }, ports.awaySeconds())
      await tx.logs.saveCheckpoint(site, note, time)
      if (size > (await tx.receipts.largest(site, site)))
        await keepOwnReceipt(tx, site, {
          size,
          time,
          receivedAt: time,
          note,
          signature: cosignature,
        })
      return { note, size }
    })
  }

  return async () => {
    let made: Awaited<ReturnType<typeof make>> = null
    for (let attempts = 0; made === null && attempts < ATTEMPTS; attempts += 1) {
      if (!writer.isWritable()) return
      await eraser.flush()
      made = await make()
    }
    if (made === null) return
    // Best effort and not waited for, as in the writer.
    network
      .announce({ log: site, note: made.note, from: made.size, entries: [] })
      .catch((error: unknown) => {
        events.emit({ type: 'peer.failed', site, action: 'announce', reason: reasonOf(error) })
      })
  }
}
