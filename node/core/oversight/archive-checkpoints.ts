/**
 * Which checkpoints of a log an archive of evidence has. Members sign a checkpoint every few
 * minutes, and a hundred signatures on each make most of an archive's size: so one that shows the
 * same for more withdrawals takes the place of those before it.
 */
import { requiredCosigners } from '../../../protocol/evidence.ts'
import { invariant } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { createLedgerOfReceipts, type Owed } from '../../../protocol/archive/log-check.ts'
import type { Registry } from '../../../protocol/registry.ts'
import type { Store } from '../store.ts'

/** A checkpoint that the coordinator has cosigned. */
export interface Candidate {
  size: number
  /** Unix seconds of the coordinator's cosignature. */
  time: number
  required: SiteId[]
  /** Unix seconds of the cosignatures of those who are required. */
  times: ReadonlyMap<SiteId, number>
}

const PAGE = 256

/**
 * All of them, by size.
 *
 * @param until unix seconds; what the coordinator cosigned later is left out
 */
export async function* candidatesOf(
  store: Pick<Store, 'read'>,
  { registry, log, until }: { registry: Registry; log: SiteId; until: number },
): AsyncGenerator<Candidate> {
  for (let above = 0; ;) {
    const from = above
    const page = await store.read(async (tx) => {
      const signed = await tx.receipts.byCosigner(log, registry.network, from, PAGE)
      const candidates: Candidate[] = []
      for (const { size, time } of signed) {
        if (time > until || (await tx.receipts.checkpoint(log, size)) === null) continue
        const required = requiredCosigners(registry, time).map(({ site }) => site)
        const members = new Set(required)
        const rows = await tx.receipts.atSize(log, size)
        const times = new Map(
          rows
            .filter(({ cosigner }) => members.has(cosigner))
            .map((row) => [row.cosigner, row.time]),
        )
        candidates.push({ size, time, required, times })
      }
      return { candidates, count: signed.length, last: signed.at(-1)?.size ?? from }
    })
    yield* page.candidates
    if (page.count < PAGE) return
    above = page.last
  }
}

/** How many required signatures a candidate lacks that were given by `time`. */
function missingBy(candidate: Candidate, time: number): number {
  let given = 0
  for (const each of candidate.times.values()) if (each <= time) given += 1
  return candidate.required.length - given
}

export interface Chooser {
  /** The next candidate in the order of size; null after the last. */
  next: () => Promise<Candidate | null>
  /**
   * Whether the candidate that `next` gave last belongs in the archive. If so it is counted in.
   *
   * @param fresh withdrawals below it that are below no chosen one
   */
  choose: (fresh: Owed | null) => Promise<boolean>
}

/** Goes through the candidates of one log, looking as far ahead as the deadline. */
export function createChooser(
  candidates: AsyncGenerator<Candidate>,
  deadlineSeconds: number,
): Chooser {
  const ledger = createLedgerOfReceipts(deadlineSeconds)
  const ahead: Candidate[] = []
  let current: Candidate | null = null
  let hasEnded = false

  async function peek(place: number): Promise<Candidate | null> {
    while (ahead.length <= place && !hasEnded) {
      const next = await candidates.next()
      if (next.done === true) hasEnded = true
      else ahead.push(next.value)
    }
    return ahead[place] ?? null
  }

  /** Whether a later one has, by the deadline, no fewer of the signatures. */
  async function isOutdone(candidate: Candidate, due: number): Promise<boolean> {
    const missing = missingBy(candidate, due)
    for (let place = 0; ; place += 1) {
      const later = await peek(place)
      if (later === null || later.time > due) return false
      if (missingBy(later, due) <= missing) return true
    }
  }

  return {
    next: async () => {
      const found = await peek(0)
      current = found
      ahead.shift()
      return found
    },
    choose: async (fresh) => {
      invariant(current !== null, 'a candidate is chosen before there is one')
      const { required, times } = current
      const members = new Set(required)
      const settles = [...ledger.owed.keys()].some((site) => times.has(site) || !members.has(site))
      if (!settles && fresh === null) return false
      if (!settles && fresh !== null && (await isOutdone(current, fresh.since + deadlineSeconds)))
        return false
      ledger.take(fresh, required, times)
      return true
    },
  }
}
