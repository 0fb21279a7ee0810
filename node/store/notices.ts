/** Withdrawal notices. What names a person comes and goes sealed. */
import type { SiteId } from '../../protocol/ids.ts'
import type {
  NoticeFilter,
  NoticeReader,
  NoticeRow,
  NoticeState,
  NoticeWriter,
} from '../core/oversight/notice-rows.ts'
import type { WithdrawalNoticeTable } from './desk-tables.ts'
import {
  joinWords,
  packRecords,
  plainBytes,
  run,
  splitWords,
  unpackRecords,
  type Tx,
} from './transaction.ts'

function rowOf(row: WithdrawalNoticeTable): NoticeRow {
  return {
    id: row.id,
    channel: row.channel,
    digest: plainBytes(row.digest),
    receivedAt: row.received_at,
    site: row.site,
    state: row.state,
    sealed: row.sealed === null ? null : plainBytes(row.sealed),
    confirmedAt: row.confirmed_at,
    deadline: row.deadline,
    dueAt: row.due_at,
    attempts: row.attempts,
    records: unpackRecords(row.records),
    orders: splitWords(row.orders).map(Number),
    closedAt: row.closed_at,
    reason: row.reason,
  }
}

async function one(tx: Tx, sql: string, value: string | Uint8Array): Promise<NoticeRow | null> {
  const [row] = await run<WithdrawalNoticeTable>(tx, sql, [value])
  return row === undefined ? null : rowOf(row)
}

async function list(tx: Tx, { states, site, before, limit }: NoticeFilter): Promise<NoticeRow[]> {
  let query = tx.db
    .selectFrom('withdrawal_notices')
    .selectAll()
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  if (states !== undefined) query = query.where('state', 'in', states)
  if (site !== undefined) query = query.where('site', '=', site)
  if (before !== undefined)
    query = query.where((where) =>
      where.or([
        where('received_at', '<', before.time),
        where.and([where('received_at', '=', before.time), where('id', '<', before.id)]),
      ]),
    )
  return (await query.execute()).map(rowOf)
}

async function due(tx: Tx, now: number, limit: number): Promise<NoticeRow[]> {
  const sql = 'select * from withdrawal_notices where due_at <= ? order by due_at, id limit ?'
  return (await run<WithdrawalNoticeTable>(tx, sql, [now, limit])).map(rowOf)
}

async function counts(tx: Tx): ReturnType<NoticeReader['counts']> {
  const sql = 'select state, count(*) as count from withdrawal_notices group by state'
  const rows = await run<{ state: NoticeState; count: number }>(tx, sql, [])
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

async function save(tx: Tx, row: NoticeRow): Promise<void> {
  const columns = {
    site: row.site,
    state: row.state,
    sealed: row.sealed,
    confirmed_at: row.confirmedAt,
    deadline: row.deadline,
    due_at: row.dueAt,
    attempts: row.attempts,
    records: packRecords(row.records),
    orders: joinWords(row.orders.map(String)),
    closed_at: row.closedAt,
    reason: row.reason,
  }
  const { id, channel, digest, receivedAt } = row
  await tx.db
    .insertInto('withdrawal_notices')
    .values({ id, channel, digest, received_at: receivedAt, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

async function hurry(tx: Tx, site: SiteId, now: number): Promise<void> {
  await tx.db
    .updateTable('withdrawal_notices')
    .set({ due_at: now })
    .where('site', '=', site)
    .where('state', 'in', ['requested', 'overdue'])
    .where('due_at', '>', now)
    .execute()
}

/** The notices inside one transaction. */
export function noticesIn(tx: Tx): NoticeWriter {
  return {
    get: (id) => one(tx, 'select * from withdrawal_notices where id = ?', id),
    byDigest: (digest) => one(tx, 'select * from withdrawal_notices where digest = ?', digest),
    list: (filter) => list(tx, filter),
    due: (now, limit) => due(tx, now, limit),
    counts: () => counts(tx),
    save: (row) => save(tx, row),
    hurry: (site, now) => hurry(tx, site, now),
  }
}
