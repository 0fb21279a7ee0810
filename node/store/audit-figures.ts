/** What people look at of the audit: lists, counts, distributions; all reckoned by the database. */
import type {
  AuditedWithdrawal,
  AuditReader,
  ListedWithdrawal,
  SiteFigures,
  WithdrawalFilter,
  WithdrawalOrder,
  WithdrawalState,
} from '../core/audit-rows.ts'
import { recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { DAY_SECONDS } from '../../protocol/dates.ts'
import type { AuditWithdrawalTable } from './schema.ts'
import { findSite, run, siteOf, type Tx, type Value } from './transaction.ts'

/** No row has it. */
const NOBODY = -1

/** The number of a site in rows; of a site that no row names there is nothing to be found. */
export async function numberOf(tx: Tx, site: SiteId): Promise<number> {
  return (await findSite(tx, site)) ?? NOBODY
}

/** A row of the withdrawals as the core knows it. */
export async function withdrawalOf(tx: Tx, row: AuditWithdrawalTable): Promise<AuditedWithdrawal> {
  const { kind, reason, time, required, received } = row
  return {
    log: await siteOf(tx, row.log),
    index: row.idx,
    kind,
    site: await siteOf(tx, row.site),
    record: row.record === null ? null : recordIdOf(row.record),
    reason,
    time,
    witnessedAt: row.witnessed_at,
    dueAt: row.due_at,
    required,
    received,
    lastAt: row.last_at,
  }
}

/** From the entry to the last receipt. An entry that is dated ahead began when it was seen. */
const SECONDS = `case when w.received >= w.required and w.witnessed_at is not null
  then max(0, w.last_at - min(w.time, w.witnessed_at)) end`
/** Takes the present time. */
const STATE = `case when w.witnessed_at is null then 'unwitnessed'
  when w.received >= w.required then case when w.last_at > w.due_at then 'late' else 'complete' end
  when l.stopped_at is not null and l.stopped_at <= w.due_at then 'stopped'
  when w.due_at < ? then 'overdue' else 'awaited' end`
const FROM = 'from audit_withdrawals w left join audit_logs l on l.log = w.log'

const ORDERS: Record<WithdrawalOrder, string> = {
  time: 'w.time',
  site: '(select name from sites where sites.id = w.site)',
  due: 'w.due_at',
  received: 'w.received',
  seconds: 'seconds',
  state: 'state',
}

type Row = AuditWithdrawalTable & { state: WithdrawalState; seconds: number | null }

async function listedOf(tx: Tx, row: Row): Promise<ListedWithdrawal> {
  const { state, seconds } = row
  return { ...(await withdrawalOf(tx, row)), state, seconds }
}

async function condition(
  tx: Tx,
  { log, site }: Pick<WithdrawalFilter, 'log' | 'site'>,
): Promise<{ text: string; values: Value[] }> {
  const parts = ['true']
  const values: Value[] = []
  for (const [column, name] of [
    ['w.log', log],
    ['w.site', site],
  ] as const) {
    if (name === undefined) continue
    parts.push(`${column} = ?`)
    values.push(await numberOf(tx, name))
  }
  return { text: parts.join(' and '), values }
}

async function list(
  tx: Tx,
  ...[{ filter, order, isDescending, offset, limit }, now]: Parameters<AuditReader['list']>
): Promise<ListedWithdrawal[]> {
  const { text, values } = await condition(tx, filter)
  const { state } = filter
  const rows = await run<Row>(
    tx,
    `select * from (select w.*, ${SECONDS} as seconds, ${STATE} as state,
      ${ORDERS[order] === order ? '0' : ORDERS[order]} as place ${FROM} where ${text})
      where ${state === undefined ? 'true' : 'state = ?'}
      order by ${ORDERS[order] === order ? order : 'place'} ${isDescending ? 'desc' : 'asc'}, log, idx
      limit ? offset ?`,
    [now, ...values, ...(state === undefined ? [] : [state]), limit, offset],
  )
  const found: ListedWithdrawal[] = []
  for (const row of rows) found.push(await listedOf(tx, row))
  return found
}

async function one(
  tx: Tx,
  ...[log, index, now]: Parameters<AuditReader['withdrawal']>
): Promise<ListedWithdrawal | null> {
  const [row] = await run<Row>(
    tx,
    `select w.*, ${SECONDS} as seconds, ${STATE} as state ${FROM} where w.log = ? and w.idx = ?`,
    [now, await numberOf(tx, log), index],
  )
  return row === undefined ? null : listedOf(tx, row)
}

async function counts(
  tx: Tx,
  ...[filter, now]: Parameters<AuditReader['counts']>
): Promise<Record<WithdrawalState, number>> {
  const { text, values } = await condition(tx, filter)
  const rows = await run<{ state: WithdrawalState; count: number }>(
    tx,
    `select ${STATE} as state, count(*) as count ${FROM} where ${text} group by 1`,
    [now, ...values],
  )
  const found = { unwitnessed: 0, awaited: 0, overdue: 0, complete: 0, late: 0, stopped: 0 }
  for (const { state, count } of rows) found[state] = count
  return found
}

async function histogram(
  tx: Tx,
  ...[site, bounds]: Parameters<AuditReader['histogram']>
): Promise<number[]> {
  const { text, values } = await condition(tx, site === null ? {} : { site })
  const sums = bounds.map((_, at) => `coalesce(sum(seconds <= ?), 0) as b${at}`)
  const [row] = await run<Record<string, number>>(
    tx,
    `select ${sums.join(', ')} from (select ${SECONDS} as seconds ${FROM} where ${text})`,
    [...bounds, ...values],
  )
  return bounds.map((_, at) => row?.[`b${at}`] ?? 0)
}

/** The value at a share of a ranked group, by the nearest rank. */
const quantile = (percent: number, name: string): string =>
  `max(case when place = (n * ${percent} + 99) / 100 then seconds end) as ${name}`

async function days(tx: Tx, ...[site, from]: Parameters<AuditReader['days']>) {
  const { text, values } = await condition(tx, site === null ? {} : { site })
  return run<Awaited<ReturnType<AuditReader['days']>>[number]>(
    tx,
    `select day, max(n) as count, ${quantile(50, 'medianSeconds')}, ${quantile(95, 'p95Seconds')},
      max(seconds) as maxSeconds from (
        select day, seconds, row_number() over (partition by day order by seconds) as place,
          count(*) over (partition by day) as n from (
            select w.witnessed_at / ${DAY_SECONDS} as day, ${SECONDS} as seconds ${FROM}
            where ${text} and w.witnessed_at >= ?)
        where seconds is not null)
      group by day order by day`,
    [...values, from],
  )
}

type SiteRow = Omit<SiteFigures, 'site'> & { site: number }

async function sites(tx: Tx, now: number): Promise<SiteFigures[]> {
  const rows = await run<SiteRow>(
    tx,
    `select site, count(*) as withdrawals, sum(state = 'complete') as complete,
      sum(state = 'late') as late, sum(state = 'overdue') as overdue,
      ${quantile(50, 'medianSeconds')}, max(seconds) as maxSeconds from (
        select site, state, seconds, row_number() over (partition by site, seconds is null
          order by seconds) as place, count(seconds) over (partition by site) as n from (
            select w.site, ${SECONDS} as seconds, ${STATE} as state ${FROM}))
      group by site`,
    [now],
  )
  const found: SiteFigures[] = []
  for (const row of rows) found.push({ ...row, site: await siteOf(tx, row.site) })
  return found.toSorted((a, b) => (a.site < b.site ? -1 : 1))
}

async function indexes(tx: Tx, ...[log, above, limit]: Parameters<AuditReader['indexes']>) {
  const rows = await run<{ idx: number }>(
    tx,
    'select idx from audit_withdrawals where log = ? and idx > ? order by idx limit ?',
    [await numberOf(tx, log), above, limit],
  )
  return rows.map(({ idx }) => idx)
}

/** The figures inside one transaction. */
export function figuresIn(
  tx: Tx,
): Pick<
  AuditReader,
  'withdrawal' | 'list' | 'indexes' | 'counts' | 'histogram' | 'days' | 'sites'
> {
  return {
    withdrawal: (...claim) => one(tx, ...claim),
    list: (...claim) => list(tx, ...claim),
    indexes: (...claim) => indexes(tx, ...claim),
    counts: (...claim) => counts(tx, ...claim),
    histogram: (...claim) => histogram(tx, ...claim),
    days: (...claim) => days(tx, ...claim),
    sites: (now) => sites(tx, now),
  }
}
