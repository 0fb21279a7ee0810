/** Judges what has become due: withdrawals, gaps, silences; and writes down what was witnessed. */
import { isoTimeOf } from '../../../protocol/dates.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { AuditedPair, AuditedWithdrawal } from '../audit-rows.ts'
import { AWAY_BEATS } from '../log/silence.ts'
import type { Clock } from '../ports.ts'
import type { LogState, Store, WriteTransaction } from '../store.ts'
import { deadlineOf, isRunning, membersAt, wasMember, type Calendar } from './calendar.ts'
import type { NewFinding } from './finding.ts'
import type { FindingName, Findings } from './findings.ts'
import { createRaiser, gapDue } from './raise.ts'

export interface Judge {
  /** Forks and rollbacks: they are proven, whatever the time is. */
  facts: () => Promise<void>
  /** What is late by now; nothing while the coordinator itself is not heard. */
  times: () => Promise<void>
}

const BATCH = 200

const silenceName = (site: SiteId, since: number): FindingName => ({
  kind: 'lapsed-heartbeat',
  site,
  subject: `${site}/${since}`,
})

/** What was raised since the start, so that what lasts is not written at each look. */
export interface Raised {
  isNew: (name: FindingName) => boolean
  add: (name: FindingName) => void
}

const nameText = ({ kind, site, subject }: FindingName): string => `${kind} ${site} ${subject}`

/** Creates an empty memory of what was raised. */
export function createRaised(): Raised {
  const names = new Set<string>()
  return {
    isNew: (name) => !names.has(nameText(name)),
    add: (name) => void names.add(nameText(name)),
  }
}

/** Creates the judge of one run. */
export function createJudge(ports: {
  network: SiteId
  store: Store
  clock: Clock
  findings: Pick<Findings, 'raise' | 'cure'>
  calendar: Calendar
  raised: Raised
}): Judge {
  const { network, store, clock, findings, calendar, raised } = ports
  const raiserOn = (tx: WriteTransaction) => createRaiser({ tx, findings, calendar })

  async function judgeWithdrawal(tx: WriteTransaction, row: AuditedWithdrawal): Promise<void> {
    const { log, index, witnessedAt } = row
    if (witnessedAt === null) return
    const dueAt = deadlineOf(calendar, witnessedAt, 'erasureDeadlineSeconds')
    if (dueAt !== row.dueAt) await tx.audit.setDue(log, index, dueAt)
    if (dueAt > clock.now()) return
    await tx.audit.setJudged(log, index)
    const isInTime = row.received >= row.required && (row.lastAt ?? 0) <= dueAt
    if (isInTime || !isRunning(calendar, log, dueAt)) return
    const raiser = raiserOn(tx)
    const receipts = await tx.audit.receiptsOf(log, index)
    for (const { site } of membersAt(calendar, witnessedAt)) {
      const receipt = receipts.get(site) ?? null
      if (raiser.isLate(site, { ...row, dueAt }, receipt?.at ?? null))
        await raiser.late({ log, site }, { ...row, dueAt }, receipt)
    }
  }

  async function judgeWithdrawals(): Promise<void> {
    for (;;) {
      const rows = await store.read((tx) => tx.audit.due(clock.now(), BATCH))
      if (rows.length === 0) return
      await store.write(async (tx) => {
        for (const row of rows) await judgeWithdrawal(tx, row)
      })
    }
  }

  async function judgeGaps(): Promise<void> {
    const { termsSince, terms } = calendar.registry
    const shortest = Math.min(
      ...[terms, ...termsSince.map((one) => one.terms)].map((one) => one.eraseAfterSeconds),
    )
    const now = clock.now()
    let above: AuditedPair | null = null
    for (;;) {
      const gaps = await store.read((tx) => tx.audit.gaps(now - shortest, above, BATCH))
      const due = gaps.flatMap((pair) => {
        const since = gapDue(calendar, pair)
        return since === null || since > now ? [] : [{ pair, since }]
      })
      if (due.length > 0)
        await store.write(async (tx) => {
          for (const { pair, since } of due) {
            await raiserOn(tx).gapLasted(pair, since)
            await tx.audit.savePair({ ...pair, isGapJudged: true })
          }
        })
      above = gaps.at(-1) ?? null
      if (gaps.length < BATCH) return
    }
  }

  /** When a silence that began with this heartbeat is a finding; null where it never is. */
  function silenceDue(site: SiteId, since: number): number | null {
    const member = memberOf(calendar.registry, site)
    if (member === undefined) return null
    const due = deadlineOf(calendar, since, 'hideAfterSeconds')
    return wasMember(member, due) && isRunning(calendar, site, due) ? due : null
  }

  async function raiseSilence(tx: WriteTransaction, site: SiteId, since: number, due: number) {
    await findings.raise(tx, {
      ...silenceName(site, since),
      severity: 'minor',
      since: due,
      evidence: { lastHeartbeat: since, dueAt: due },
    })
  }

  /** Silences that are over: noted when the site was heard again. */
  async function judgePastSilences(): Promise<void> {
    for (;;) {
      const { silences: place } = await store.read((tx) => tx.audit.position())
      const rows = await store.read((tx) => tx.audit.silences(place, BATCH))
      const last = rows.at(-1)
      if (last === undefined) return
      await store.write(async (tx) => {
        for (const { site, since, until } of rows) {
          const due = site === network ? null : silenceDue(site, since)
          if (due === null || until <= due) continue
          await raiseSilence(tx, site, since, due)
          const note = `heartbeat received, signed at ${isoTimeOf(until)}`
          await findings.cure(tx, silenceName(site, since), until, note)
        }
        await tx.audit.setPosition({ silences: last.id })
      })
    }
  }

  async function judgeSilences(logs: readonly LogState[]): Promise<void> {
    const due = logs.flatMap(({ site, heartbeat }) => {
      if (site === network || heartbeat === null) return []
      const since = silenceDue(site, heartbeat)
      return since === null || since > clock.now() ? [] : [{ site, heartbeat, since }]
    })
    const fresh = due.filter(({ site, heartbeat }) => raised.isNew(silenceName(site, heartbeat)))
    if (fresh.length === 0) return
    await store.write(async (tx) => {
      for (const { site, heartbeat, since } of fresh) await raiseSilence(tx, site, heartbeat, since)
    })
    for (const { site, heartbeat } of fresh) raised.add(silenceName(site, heartbeat))
  }

  /** The first fork of a log counts: from then on it is frozen. */
  async function facts(): Promise<void> {
    const { forks, rollbacks } = await store.read(async (tx) => ({
      forks: await tx.desk.forks(),
      rollbacks: await tx.audit.rollbacks(),
    }))
    const found: NewFinding[] = [
      ...forks.map(({ log, size, notes, foundAt }): NewFinding => ({
        kind: 'fork',
        site: log,
        subject: log,
        severity: 'critical',
        since: foundAt,
        evidence: { size, notes },
      })),
      ...rollbacks.map(({ log, size, since, notes }): NewFinding => ({
        kind: 'rolled-back',
        site: log,
        subject: `${log}/${size}`,
        severity: 'serious',
        since,
        evidence: { size, notes },
      })),
    ]
    const fresh = found.filter((one) => raised.isNew(one))
    if (fresh.length === 0) return
    await store.write(async (tx) => {
      for (const one of fresh) await findings.raise(tx, one)
    })
    for (const one of fresh) raised.add(one)
  }

  /** While its own heartbeat is old the coordinator cannot say who else is late. */
  async function times(): Promise<void> {
    const logs = await store.read((tx) => tx.logs.all())
    const own = logs.find(({ site }) => site === network)?.heartbeat ?? null
    const { heartbeatSeconds } = calendar.registry.terms
    if (own === null || clock.now() - own > AWAY_BEATS * heartbeatSeconds) return
    await judgeWithdrawals()
    await judgeGaps()
    await judgePastSilences()
    await judgeSilences(logs)
  }

  return { facts, times }
}
