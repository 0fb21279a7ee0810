/** Silences: heartbeats that were missing for too long, noted when the next one comes. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { WriteTransaction } from '../store.ts'

/** Heartbeats that a coordinator may miss before it counts as away: a clock is no metronome. */
export const AWAY_BEATS = 2

/**
 * Notes that a site was silent, in the transaction that keeps the heartbeat which ends it: the one
 * before is gone after that. Only the coordinator asks for it.
 *
 * @param state the log as it was before
 * @param next the checkpoint that takes the place of the one before, and the time of its heartbeat
 * @param seconds that a site may be silent
 */
export async function noteSilence(
  tx: Pick<WriteTransaction, 'audit'>,
  state: { site: SiteId; heartbeat: number | null; note: string | null },
  next: { note: string; heartbeat: number },
  seconds: number,
): Promise<void> {
  const { site, heartbeat: since, note } = state
  if (since === null || next.heartbeat - since < seconds) return
  await tx.audit.addSilence({ site, since, until: next.heartbeat, notes: [note ?? '', next.note] })
}
