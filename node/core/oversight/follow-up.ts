/** How far every withdrawal has come, member by member, against the deadline. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { EvidenceDesk, Progress } from '../record/evidence.ts'

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
export function createFollowUp(ports: {
  /** Where the entries stand that end records of a log, from `above` (exclusive). */
  indexes: (log: SiteId, above: number, limit: number) => Promise<number[]>
  evidence: EvidenceDesk
}): FollowUp {
  const { evidence } = ports
  return {
    withdrawals: async (log, above, limit) => {
      const indexes = await ports.indexes(log, above, limit)
      const withdrawals: Progress[] = []
      for (const index of indexes) withdrawals.push(await evidence.progress(log, index))
      return { withdrawals, next: indexes.length < limit ? null : (indexes.at(-1) ?? null) }
    },
  }
}
