/**
 * What a site's own heartbeats say against it: that it was silent, that its log went back. Only the
 * coordinator notes it, as facts for the audit; at other nodes nothing happens.
 */
import type { SiteId } from '../../../protocol/ids.ts'
import { termsAt } from '../../../protocol/registry.ts'
import type { Clock } from '../ports.ts'
import type { LogState, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { Checkpoints, OpenedCheckpoint } from './checkpoints.ts'
import { receiptNote } from './receipt.ts'
import { noteSilence } from './silence.ts'

export interface Irregularities {
  /** A newer heartbeat takes the place of the one in `state`. */
  silence: (
    tx: WriteTransaction,
    state: LogState,
    next: { note: string; heartbeat: number },
  ) => Promise<void>
  /** A checkpoint of this log came that is smaller than what is here, and agrees with it. */
  rollback: (log: SiteId, opened: OpenedCheckpoint) => Promise<void>
}

/** Creates the notes of a node. */
export function createIrregularities(ports: {
  view: View
  store: Store
  clock: Clock
  checkpoints: Checkpoints
}): Irregularities {
  const { view, store, clock, checkpoints } = ports
  const isCoordinator = view.self === view.network

  return {
    silence: async (tx, state, next) => {
      if (!isCoordinator) return
      const registry = view.registry()
      // The terms may have changed while the site was silent: the shorter of the two counts.
      const before = termsAt(registry, state.heartbeat ?? 0)
      const seconds = Math.min(before.hideAfterSeconds, registry.terms.hideAfterSeconds)
      await noteSilence(tx, state, next, seconds)
    },
    rollback: async (log, opened) => {
      const since = isCoordinator ? checkpoints.heartbeatOf(log, opened, clock.now()) : null
      if (since === null) return
      await store.write(async (tx) => {
        // The newest heartbeat may be on a note that has taken the place of the one that counts.
        const larger = await tx.receipts.next(log, log, opened.checkpoint.size)
        if (larger === null || larger.time >= since) return
        const note = await tx.receipts.checkpoint(log, larger.size)
        if (note === null) return
        const notes: [string, string] = [
          receiptNote(note, larger.line),
          checkpoints.bareNote(log, opened),
        ]
        await tx.audit.addRollback({ log, size: larger.size, since, notes })
      })
    },
  }
}
