/** What auditors look at first: how withdrawals stand, how long they took, who was late. */
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf, termsAt, type Registry } from '../../../protocol/registry.ts'
import type {
  DayFigures,
  ListedWithdrawal,
  SiteFigures,
  WithdrawalPage,
  WithdrawalState,
} from '../audit-rows.ts'
import type { Clock } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'
import { membersAt } from './calendar.ts'

/** Bounds of the distribution of erasure times, in seconds: a minute to a week. */
export const HISTOGRAM_SECONDS: readonly number[] = [
  60,
  5 * 60,
  15 * 60,
  3600,
  4 * 3600,
  12 * 3600,
  24 * 3600,
  48 * 3600,
  72 * 3600,
  7 * DAY_SECONDS,
]
/** Days of the series over time. */
const SERIES_DAYS = 366

/** One member's receipt for a withdrawal. */
export interface MatrixCell {
  site: SiteId
  /** Unix seconds at which it came; null where none was received. */
  receivedAt: number | null
}
/** How withdrawals stand, of all sites or of one. */
export interface Overview {
  now: number
  /** Of withdrawals, by state. */
  states: Record<WithdrawalState, number>
  /** Seconds to the last receipt: how many complete ones took at most so long, and all of them. */
  histogram: { seconds: number; count: number }[]
  complete: number
  days: (DayFigures & { deadlineSeconds: number })[]
}

export interface Figures {
  /** @param site null for the whole Network */
  overview: (site: SiteId | null) => Promise<Overview>
  /** How each site's withdrawals stand. */
  sites: () => Promise<SiteFigures[]>
  list: (page: WithdrawalPage) => Promise<{ withdrawals: ListedWithdrawal[]; total: number }>
  /** @throws ProtocolError `not_found` */
  withdrawal: (
    log: SiteId,
    index: number,
  ) => Promise<{ withdrawal: ListedWithdrawal; receipts: MatrixCell[] }>
  /** The receipts of several withdrawals of one log, by member. */
  matrix: (log: SiteId, indexes: readonly number[]) => Promise<Map<number, MatrixCell[]>>
  /** How far a site's receipts reach in each log. */
  receiptsBy: (
    site: SiteId,
  ) => Promise<{ log: SiteId; signed: number; witnessed: number; missingSince: number | null }[]>
}

/** Creates the reader of the audit's figures. */
export function createFigures(ports: {
  network: SiteId
  registry: () => Registry
  store: Store
  clock: Clock
}): Figures {
  const { network, registry, store, clock } = ports

  /** Everybody whose receipt counts, the coordinator first. */
  async function cellsOf(tx: ReadTransaction, row: ListedWithdrawal): Promise<MatrixCell[]> {
    const { log, index, witnessedAt } = row
    if (witnessedAt === null) return []
    const received = await tx.audit.receiptsOf(log, index)
    const members = membersAt({ registry: registry() }, witnessedAt)
    return [
      { site: network, receivedAt: witnessedAt },
      ...members.map(({ site }) => ({ site, receivedAt: received.get(site)?.at ?? null })),
    ]
  }

  return {
    overview: (site) =>
      store.read(async (tx) => {
        const now = clock.now()
        const from = now - SERIES_DAYS * DAY_SECONDS
        const states = await tx.audit.counts(site === null ? {} : { site }, now)
        const counts = await tx.audit.histogram(site, HISTOGRAM_SECONDS)
        const days = await tx.audit.days(site, from)
        return {
          now,
          states,
          histogram: HISTOGRAM_SECONDS.map((seconds, at) => ({ seconds, count: counts[at] ?? 0 })),
          complete: states.complete + states.late,
          days: days.map((day) => ({
            ...day,
            deadlineSeconds: termsAt(registry(), (day.day + 1) * DAY_SECONDS - 1)
              .erasureDeadlineSeconds,
          })),
        }
      }),
    sites: () => store.read((tx) => tx.audit.sites(clock.now())),
    list: (page) =>
      store.read(async (tx) => {
        const now = clock.now()
        const { log, site, state } = page.filter
        const of = { ...(log !== undefined && { log }), ...(site !== undefined && { site }) }
        const counts = await tx.audit.counts(of, now)
        const total =
          state === undefined ? Object.values(counts).reduce((a, b) => a + b, 0) : counts[state]
        return { withdrawals: await tx.audit.list(page, now), total }
      }),
    withdrawal: (log, index) =>
      store.read(async (tx) => {
        const withdrawal = await tx.audit.withdrawal(log, index, clock.now())
        if (withdrawal === null)
          throw new ProtocolError('not_found', '/index', 'an entry that ends records')
        return { withdrawal, receipts: await cellsOf(tx, withdrawal) }
      }),
    matrix: (log, indexes) =>
      store.read(async (tx) => {
        const found = new Map<number, MatrixCell[]>()
        for (const index of indexes) {
          const row = await tx.audit.withdrawal(log, index, clock.now())
          if (row !== null) found.set(index, await cellsOf(tx, row))
        }
        return found
      }),
    receiptsBy: async (site) => {
      if (memberOf(registry(), site) === undefined)
        throw new ProtocolError('not_found', '/site', 'a site that was ever admitted')
      return store.read(async (tx) => {
        const logs = new Map((await tx.audit.logs()).map((row) => [row.log, row.witnessed]))
        const pairs = await tx.audit.pairs({ site })
        return pairs.map(({ log, covered, gapAt }) => ({
          log,
          signed: covered,
          witnessed: logs.get(log) ?? 0,
          missingSince: gapAt,
        }))
      })
    },
  }
}
