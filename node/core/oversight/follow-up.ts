/** How far every withdrawal has come, member by member, against the deadline. */
import { decodeEntry } from '../../../protocol/entry.ts'
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

async function endsAbove(store: Store, log: SiteId, above: number, limit: number) {
  const ended = await store.read((tx) => tx.records.ended(log, above, limit))
  return ended.flatMap(({ endIndex }) => endIndex ?? [])
}

/** Orders and expulsions end records too, by entries of the coordinator's own log. */
async function commandsAbove(store: Store, network: SiteId, above: number, limit: number) {
  const entries = await store.read(async (tx) => {
    const size = (await tx.logs.get(network))?.size ?? 0
    return tx.logs.entries(network, above + 1, size)
  })
  return entries
    .flatMap((bytes, offset) => {
      const { type } = decodeEntry(bytes)
      return type === 'order' || type === 'expel' ? [above + 1 + offset] : []
    })
    .slice(0, limit)
}

/** Creates the follow-up of withdrawals. */
export function createFollowUp(ports: {
  /** The coordinator's name, whose log holds orders instead of withdrawals. */
  network: SiteId
  store: Store
  evidence: EvidenceDesk
}): FollowUp {
  const { network, store, evidence } = ports
  return {
    withdrawals: async (log, above, limit) => {
      const indexes =
        log === network
          ? await commandsAbove(store, network, above, limit)
          : await endsAbove(store, log, above, limit)
      const withdrawals: Progress[] = []
      for (const index of indexes) withdrawals.push(await evidence.progress(log, index))
      return { withdrawals, next: indexes.length < limit ? null : (indexes.at(-1) ?? null) }
    },
  }
}
