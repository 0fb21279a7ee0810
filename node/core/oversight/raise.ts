/** Raises what receipts have shown to be late, and says when they came. */
import { isoTimeOf } from '../../../protocol/dates.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { AuditedPair, AuditedWithdrawal, PairName } from '../audit-rows.ts'
import type { WriteTransaction } from '../store.ts'
import { deadlineOf, isRunning, spansOf, wasMember, type Calendar } from './calendar.ts'
import type { Findings, FindingName } from './findings.ts'

export interface Raiser {
  /** A receipt has closed a gap: it may have lasted too long. */
  gapEnded: (pair: AuditedPair, at: number) => Promise<void>
  /** A gap has lasted too long. */
  gapLasted: (pair: AuditedPair, since: number) => Promise<void>
  /** Whether a member's receipt for a withdrawal was not there in time. */
  isLate: (site: SiteId, withdrawal: AuditedWithdrawal, at: number | null) => boolean
  /** A member's receipt was not there in time. */
  late: (
    name: PairName,
    withdrawal: AuditedWithdrawal,
    receipt: { size: number; at: number } | null,
  ) => Promise<void>
  /** A receipt has come that may end what was late; returns the pair as it is then. */
  lateEnded: (pair: AuditedPair, at: number) => Promise<AuditedPair>
}

/** Withdrawals looked at in one go. */
const BATCH = 100

const lateName = (log: SiteId, site: SiteId, index: number): FindingName => ({
  kind: 'overdue-erasure',
  site,
  subject: `${log}/${index}`,
})
const gapName = (log: SiteId, site: SiteId, size: number): FindingName => ({
  kind: 'missing-receipts',
  site,
  subject: `${log}/${size}`,
})
const received = (at: number): string => `receipt received at ${isoTimeOf(at)}`

/** When a gap has lasted too long; null where it never does. */
export function gapDue(calendar: Calendar, { log, site, gapAt }: AuditedPair): number | null {
  const member = memberOf(calendar.registry, site)
  const admitted = member?.admissions[0]?.from
  if (member === undefined || admitted === undefined || gapAt === null) return null
  const due = deadlineOf(calendar, Math.max(gapAt, admitted), 'eraseAfterSeconds')
  return wasMember(member, due) && isRunning(calendar, log, due) ? due : null
}

/** Creates the raiser inside one transaction. */
export function createRaiser(ports: {
  tx: WriteTransaction
  findings: Pick<Findings, 'raise' | 'cure'>
  calendar: Calendar
}): Raiser {
  const { tx, findings, calendar } = ports

  function isLate(site: SiteId, withdrawal: AuditedWithdrawal, at: number | null): boolean {
    const { log, witnessedAt, dueAt } = withdrawal
    const member = memberOf(calendar.registry, site)
    if (member === undefined || witnessedAt === null || dueAt === null) return false
    return (
      (at === null || at > dueAt) &&
      wasMember(member, witnessedAt) &&
      dueAt < (member.expelledAt ?? Infinity) &&
      isRunning(calendar, log, dueAt)
    )
  }

  async function raiseLate(site: SiteId, withdrawal: AuditedWithdrawal): Promise<void> {
    const { log, index, kind, time, witnessedAt, dueAt } = withdrawal
    if (witnessedAt === null || dueAt === null) return
    await findings.raise(tx, {
      ...lateName(log, site, index),
      severity: 'serious',
      since: dueAt,
      evidence: { log, index, entry: kind, time, witnessedAt, dueAt },
    })
  }

  /** A withdrawal in the gap that was overdue first has a finding, which is the graver one. */
  async function gapLasted(pair: AuditedPair, since: number): Promise<void> {
    const { log, site, covered, gapSize, gapAt } = pair
    const member = memberOf(calendar.registry, site)
    if (member === undefined || gapSize === null || gapAt === null) return
    const range = { from: covered, to: Number.MAX_SAFE_INTEGER }
    if (await tx.audit.hasDue(log, range, since, spansOf(member))) return
    await findings.raise(tx, {
      ...gapName(log, site, gapSize),
      severity: 'minor',
      since,
      evidence: { log, size: gapSize, signed: covered, witnessedAt: gapAt, dueAt: since },
    })
  }

  async function firstLate(pair: AuditedPair): Promise<AuditedWithdrawal | null> {
    const { log, site, covered } = pair
    for (let offset = 0; ; offset += BATCH) {
      const rows = await tx.audit.judged(log, covered, offset, BATCH)
      const found = rows.find((row) => isLate(site, row, null))
      if (found !== undefined) return found
      if (rows.length < BATCH) return null
    }
  }

  return {
    isLate,
    gapLasted,
    gapEnded: async (pair, at) => {
      const due = gapDue(calendar, pair)
      if (due === null || at <= due || pair.gapSize === null) return
      if (!pair.isGapJudged) await gapLasted(pair, due)
      await findings.cure(tx, gapName(pair.log, pair.site, pair.gapSize), at, received(at))
    },
    late: async (name, withdrawal, receipt) => {
      const { log, site } = name
      const pair = await tx.audit.pair(name)
      if (pair === null) return
      const size = receipt?.size ?? null
      // One finding for all that one receipt has to answer: it is cumulative.
      if (pair.lateIndex !== null && pair.lateSize === size) return
      await raiseLate(site, withdrawal)
      if (receipt !== null)
        await findings.cure(
          tx,
          lateName(log, site, withdrawal.index),
          receipt.at,
          received(receipt.at),
        )
      await tx.audit.savePair({ ...pair, lateIndex: withdrawal.index, lateSize: size })
    },
    lateEnded: async (pair, at) => {
      const { log, site, covered, lateIndex, lateSize } = pair
      if (lateIndex === null || lateSize !== null || covered <= lateIndex) return pair
      await findings.cure(tx, lateName(log, site, lateIndex), at, received(at))
      const further = await firstLate(pair)
      if (further === null) return { ...pair, lateSize: covered }
      await raiseLate(site, further)
      return { ...pair, lateIndex: further.index }
    },
  }
}
