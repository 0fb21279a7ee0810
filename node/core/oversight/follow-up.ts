/** How far every withdrawal has come, member by member, against the deadline. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { EvidenceDesk, Progress } from '../record/evidence.ts'
import type { Store } from '../store.ts'

export interface FollowUp {
  /**
   * Withdrawals of a log in the order of their entries.
   *
   * @param above index of the entry after which to begin; -1 for the first
   */
  withdrawals: (
    log: SiteId,
    above: number,
    limit: number,
  ) => Promise<{ withdrawals: Progress[]; next: number | null }>
}

/** Creates the follow-up of withdrawals. */
export function createFollowUp(ports: { store: Store; evidence: EvidenceDesk }): FollowUp {
  const { store, evidence } = ports
  return {
    withdrawals: async (log, above, limit) => {
      const ended = await store.read((tx) => tx.records.ended(log, above, limit))
      const indexes = ended.flatMap(({ endIndex }) => endIndex ?? [])
      const withdrawals: Progress[] = []
      for (const index of indexes) withdrawals.push(await evidence.progress(log, index))
      return { withdrawals, next: ended.length < limit ? null : (indexes.at(-1) ?? null) }
    },
  }
}
