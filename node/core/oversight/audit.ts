/**
 * The audit: follows every log from its entries and cosignatures alone, and raises findings. What
 * it knows follows from logs, receipts in the order in which they came, and the facts that were
 * witnessed (forks, rollbacks, silences); dropped and made anew it comes to the same findings.
 *
 * A receipt is cumulative, so that one row a withdrawal and one a receipt that was a member's first
 * for some withdrawal are enough for the whole matrix.
 */
import { decodeEntry, siteEntryType, type Entry } from '../../../protocol/entry.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { emptyRegistry, foldRegistry } from '../../../protocol/registry.ts'
import type { AuditedLog } from '../audit-rows.ts'
import { createLock } from '../lock.ts'
import type { Clock } from '../ports.ts'
import type { ReceiptRow, Store, WriteTransaction } from '../store.ts'
import type { Calendar } from './calendar.ts'
import type { Findings } from './findings.ts'
import { createJudge, createRaised } from './judge.ts'
import { createReceiptBook, expectReceipts } from './receipt-book.ts'

export interface Audit {
  /** Looks at all that is new, and raises what has become due. */
  run: () => Promise<void>
  /** Forgets what it has made of the logs and makes it anew. Findings and their histories stay. */
  rebuild: () => Promise<void>
}

/** Entries read at once; a withdrawal among a thousand publishes costs no more than its row. */
const ENTRIES = 2000
/** Entries without a withdrawal after which the place is written down all the same. */
const UNSAVED = 50_000
const RECEIPTS = 500

const fresh = (log: SiteId): AuditedLog => ({ log, read: 0, witnessed: 0, stoppedAt: null })

type NewWithdrawal = Parameters<WriteTransaction['audit']['addWithdrawals']>[0][number]

function withdrawalOf(log: SiteId, index: number, entry: Entry): NewWithdrawal | null {
  const { type: kind, time } = entry
  if (kind === 'withdraw')
    return { log, index, kind, site: log, record: entry.record, reason: entry.reason, time }
  if (kind === 'order')
    return { log, index, kind, site: entry.site, record: entry.record, reason: 'order', time }
  return kind === 'expel'
    ? { log, index, kind, site: entry.site, record: null, reason: null, time }
    : null
}

/** The withdrawals among entries of a site's log: the others are not taken apart. */
function endingsIn(log: SiteId, from: number, entries: readonly Uint8Array[]): NewWithdrawal[] {
  return entries.flatMap((bytes, offset) => {
    if (siteEntryType(bytes) !== 'withdraw') return []
    return withdrawalOf(log, from + offset, decodeEntry(bytes)) ?? []
  })
}

/** Creates the audit of a coordinator. */
export function createAudit(ports: {
  /** The coordinator's name, and that of its log. */
  network: SiteId
  store: Store
  clock: Clock
  findings: Pick<Findings, 'raise' | 'cure'>
}): Audit {
  const { network, store, clock, findings } = ports
  const lock = createLock()
  let logs: Map<SiteId, AuditedLog> | null = null
  let registry = emptyRegistry(network)
  let raised = createRaised()

  /** What was known before the restart: the registry as far as the coordinator's log was read. */
  async function load(): Promise<Map<SiteId, AuditedLog>> {
    if (logs !== null) return logs
    const rows = await store.read((tx) => tx.audit.logs())
    const known = new Map(rows.map((row) => [row.log, row]))
    const { read } = known.get(network) ?? fresh(network)
    registry = emptyRegistry(network)
    for (let from = 0; from < read; from += ENTRIES) {
      const to = Math.min(from + ENTRIES, read)
      const entries = await store.read((tx) => tx.logs.entries(network, from, to))
      for (const bytes of entries) registry = foldRegistry(registry, decodeEntry(bytes))
    }
    logs = known
    return known
  }

  /** Who joins owes receipts for what is there; who is expelled owes none that has not come. */
  async function fold(tx: WriteTransaction, known: Map<SiteId, AuditedLog>, entry: Entry) {
    const before = registry
    registry = foldRegistry(registry, entry)
    if (entry.type !== 'admit' && entry.type !== 'expel') return
    const member = registry.members.get(entry.site)
    const old = before.members.get(entry.site)
    if (member === undefined || (old !== undefined && old.expelledAt === member.expelledAt)) return
    for (const { log, witnessed } of known.values()) {
      if (witnessed === 0) continue
      if (old === undefined) await expectReceipts(tx, network, log, [member])
      else {
        const { covered } = (await tx.audit.pair({ log, site: entry.site })) ?? { covered: 0 }
        await tx.audit.excuse({ log, site: entry.site }, covered, old.admissions)
      }
    }
  }

  async function readLog(known: Map<SiteId, AuditedLog>, log: SiteId, size: number) {
    let row = known.get(log) ?? fresh(log)
    let saved = row.read
    while (row.read < size) {
      const from = row.read
      const to = Math.min(from + ENTRIES, size)
      const entries = await store.read((tx) => tx.logs.entries(log, from, to))
      row = { ...row, read: to }
      const decoded = log === network ? entries.map(decodeEntry) : []
      const endings =
        log === network
          ? decoded.flatMap((entry, offset) => withdrawalOf(log, from + offset, entry) ?? [])
          : endingsIn(log, from, entries)
      const isDue = to === size || to - saved >= UNSAVED
      if (decoded.length > 0 || endings.length > 0 || isDue) {
        const now = row
        const earlier = registry
        try {
          await store.write(async (tx) => {
            registry = earlier
            await tx.audit.addWithdrawals(endings)
            for (const entry of decoded) await fold(tx, known, entry)
            await tx.audit.saveLog(now)
          })
        } catch (error) {
          registry = earlier
          throw error
        }
        saved = to
      }
      known.set(log, row)
    }
  }

  async function readEntries(known: Map<SiteId, AuditedLog>): Promise<void> {
    const states = await store.read((tx) => tx.logs.all())
    // The coordinator's first: it says who is a member, and when terms began.
    const ordered = states.toSorted(
      (a, b) => Number(b.site === network) - Number(a.site === network),
    )
    for (const { site, size } of ordered) await readLog(known, site, size)
  }

  /** Logs that are signed no more: of a site that forked, or was expelled. */
  async function noteStops(known: Map<SiteId, AuditedLog>): Promise<void> {
    const stops = new Map<SiteId, number>()
    const stop = (log: SiteId, time: number): void =>
      void stops.set(log, Math.min(time, stops.get(log) ?? Infinity))
    for (const { log, foundAt } of await store.read((tx) => tx.desk.forks())) stop(log, foundAt)
    for (const { site, expelledAt } of registry.members.values())
      if (expelledAt !== null) stop(site, expelledAt)
    for (const [log, stoppedAt] of stops) {
      const row = known.get(log) ?? fresh(log)
      if (row.stoppedAt === stoppedAt) continue
      await store.write((tx) => tx.audit.saveLog({ ...row, stoppedAt }))
      known.set(log, { ...row, stoppedAt })
    }
  }

  async function calendarOf(known: ReadonlyMap<SiteId, AuditedLog>): Promise<Calendar> {
    return {
      registry,
      away: await store.read((tx) => tx.audit.silencesOf(network)),
      stopped: new Map(
        [...known.values()].flatMap(({ log, stoppedAt }) =>
          stoppedAt === null ? [] : [[log, stoppedAt] as const],
        ),
      ),
    }
  }

  /** Takes the receipts of logs that are read as far as they reach; true where one waits for that. */
  async function readReceipts(known: Map<SiteId, AuditedLog>): Promise<boolean> {
    let { receipts: place } = await store.read((tx) => tx.audit.position())
    for (;;) {
      const rows = await store.read((tx) => tx.receipts.after(place, RECEIPTS))
      const isReadable = ({ log, size }: ReceiptRow): boolean => size <= (known.get(log)?.read ?? 0)
      const wait = rows.findIndex((row) => !isReadable(row))
      const ready = wait < 0 ? rows : rows.slice(0, wait)
      const last = ready.at(-1)
      if (last !== undefined) {
        const calendar = await calendarOf(known)
        const moved = await store.write(async (tx) => {
          const book = createReceiptBook({ tx, network, findings, calendar })
          const drafts = new Map<SiteId, AuditedLog>()
          for (const row of ready) {
            const log = drafts.get(row.log) ?? known.get(row.log) ?? fresh(row.log)
            drafts.set(row.log, await book.take(log, row))
          }
          for (const draft of drafts.values())
            if (draft !== known.get(draft.log)) await tx.audit.saveLog(draft)
          await tx.audit.setPosition({ receipts: last.place })
          return drafts
        })
        for (const [log, row] of moved) known.set(log, row)
        place = last.place
      }
      if (wait >= 0) return true
      if (rows.length < RECEIPTS) return false
    }
  }

  async function runOnce(): Promise<void> {
    const known = await load()
    do {
      await readEntries(known)
      await noteStops(known)
    } while (await readReceipts(known))
    const judge = createJudge({
      network,
      store,
      clock,
      findings,
      raised,
      calendar: await calendarOf(known),
    })
    await judge.facts()
    await judge.times()
  }

  return {
    run: () => lock(runOnce),
    rebuild: () =>
      lock(async () => {
        await store.write((tx) => tx.audit.clear())
        logs = null
        raised = createRaised()
        await runOnce()
      }),
  }
}
