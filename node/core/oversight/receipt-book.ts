/** Enters receipts into the audit's book, in the order in which they came. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { Member } from '../../../protocol/registry.ts'
import type { AuditedLog, AuditedPair, PairName } from '../audit-rows.ts'
import type { ReceiptRow, WriteTransaction } from '../store.ts'
import { deadlineOf, membersAt, spansOf, type Calendar } from './calendar.ts'
import type { Findings } from './findings.ts'
import { createRaiser } from './raise.ts'

export interface ReceiptBook {
  /** Takes one receipt; returns how far its log is then. */
  take: (log: AuditedLog, receipt: ReceiptRow) => Promise<AuditedLog>
}

/** The state of a member that has signed nothing of a log. */
export function emptyPair({ log, site }: PairName): AuditedPair {
  const gap = { gapSize: null, gapAt: null, isGapJudged: false }
  return { log, site, covered: 0, ...gap, lateIndex: null, lateSize: null }
}

/** Begins to expect receipts of members for a log that the coordinator has cosigned. */
export async function expectReceipts(
  tx: WriteTransaction,
  network: SiteId,
  log: SiteId,
  members: readonly Member[],
): Promise<void> {
  const first = await tx.receipts.next(log, network, 0)
  const gap = { gapSize: first?.size ?? null, gapAt: first?.receivedAt ?? null }
  for (const { site } of members)
    if ((await tx.audit.pair({ log, site })) === null)
      await tx.audit.savePair({ ...emptyPair({ log, site }), ...gap })
}

/** Opens the book inside one transaction. */
export function createReceiptBook(ports: {
  tx: WriteTransaction
  network: SiteId
  findings: Pick<Findings, 'raise' | 'cure'>
  calendar: Calendar
}): ReceiptBook {
  const { tx, network, calendar } = ports
  const raiser = createRaiser(ports)

  /** The coordinator's own: from now on the time runs for all that is below it. */
  async function witness(log: AuditedLog, { size, receivedAt: at }: ReceiptRow) {
    if (size <= log.witnessed) return log
    const range = { from: log.witnessed, to: size }
    const dueAt = deadlineOf(calendar, at, 'erasureDeadlineSeconds')
    const members = membersAt(calendar, at).filter(({ expelledAt }) => expelledAt === null)
    const required = 1 + members.length
    await tx.audit.witness(log.log, range, { at, dueAt, required })
    if (log.witnessed === 0)
      await expectReceipts(tx, network, log.log, [...calendar.registry.members.values()])
    for (const { site, covered } of await tx.audit.pairsAbove(log.log, log.witnessed)) {
      const member = calendar.registry.members.get(site)
      if (member === undefined) continue
      const isExtra = member.expelledAt !== null
      const reached = { from: range.from, to: Math.min(covered, size) }
      await tx.audit.count({ log: log.log, site }, reached, spansOf(member), isExtra)
    }
    await tx.audit.openGaps(log.log, size, at)
    return { ...log, witnessed: size }
  }

  async function endGap(pair: AuditedPair, log: AuditedLog, size: number, at: number) {
    if (pair.gapSize === null || size < pair.gapSize) return pair
    await raiser.gapEnded(pair, at)
    const next = size < log.witnessed ? await tx.receipts.next(log.log, network, size) : null
    return {
      ...pair,
      gapSize: next?.size ?? null,
      gapAt: next?.receivedAt ?? null,
      isGapJudged: false,
    }
  }

  return {
    take: async (log, receipt) => {
      const { cosigner: site, size, receivedAt: at } = receipt
      if (site === network) return witness(log, receipt)
      const member = calendar.registry.members.get(site)
      // What comes from an expelled site no longer counts, in whatever order the logs are read.
      if (member === undefined || at >= (member.expelledAt ?? Infinity)) return log
      const name = { log: log.log, site }
      const pair = (await tx.audit.pair(name)) ?? emptyPair(name)
      if (size <= pair.covered) return log
      const range = { from: pair.covered, to: size }
      await tx.audit.addStep(name, range.from, { size, at })
      await tx.audit.count(name, range, spansOf(member), member.expelledAt !== null)
      const after = await endGap(pair, log, size, at)
      await tx.audit.savePair(await raiser.lateEnded({ ...after, covered: size }, at))
      return log
    },
  }
}
