/** Mail that waits, sealed; and a record of what was sent. */
import type { MailRow, MailWriter } from '../core/people/rows.ts'
import type { MailTable } from './people-tables.ts'
import { plainBytes, run, type Tx } from './transaction.ts'

function mailOf(row: MailTable): MailRow {
  return {
    id: row.id,
    kind: row.kind,
    about: row.about,
    account: row.account,
    sealed: row.sealed === null ? null : plainBytes(row.sealed),
    state: row.state,
    attempts: row.attempts,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    dueAt: row.due_at,
    closedAt: row.closed_at,
    answer: row.answer,
  }
}

async function list(tx: Tx, ...[filter]: Parameters<MailWriter['list']>): Promise<MailRow[]> {
  let query = tx.db
    .selectFrom('mail')
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit)
  for (const name of ['kind', 'about', 'account', 'state'] as const) {
    const value = filter[name]
    if (value !== undefined) query = query.where(name, '=', value)
  }
  const { before } = filter
  if (before !== undefined)
    query = query.where((where) =>
      where.or([
        where('created_at', '<', before.createdAt),
        where.and([where('created_at', '=', before.createdAt), where('id', '<', before.id)]),
      ]),
    )
  return (await query.execute()).map(mailOf)
}

async function save(tx: Tx, row: MailRow): Promise<void> {
  const columns = {
    kind: row.kind,
    about: row.about,
    account: row.account,
    sealed: row.sealed,
    state: row.state,
    attempts: row.attempts,
    created_at: row.createdAt,
    expires_at: row.expiresAt,
    due_at: row.dueAt,
    closed_at: row.closedAt,
    answer: row.answer,
  }
  await tx.db
    .insertInto('mail')
    .values({ id: row.id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

/** Mail inside one transaction. */
export function mailIn(tx: Tx): MailWriter {
  return {
    get: async (id) => {
      const [row] = await run<MailTable>(tx, 'select * from mail where id = ?', [id])
      return row === undefined ? null : mailOf(row)
    },
    due: async (now, limit) => {
      const sql = 'select * from mail where due_at <= ? order by due_at, id limit ?'
      return (await run<MailTable>(tx, sql, [now, limit])).map(mailOf)
    },
    countWaiting: async () => {
      const sql = 'select count(*) as count from mail where due_at is not null'
      const [row] = await run<{ count: number }>(tx, sql, [])
      return row?.count ?? 0
    },
    list: (filter) => list(tx, filter),
    save: (row) => save(tx, row),
    drop: async (account, now) => {
      await tx.db
        .updateTable('mail')
        .set({ sealed: null, state: 'expired', due_at: null, closed_at: now })
        .where('account', '=', account)
        .where('due_at', 'is not', null)
        .execute()
    },
    prune: async (kinds, before) => {
      await tx.db
        .deleteFrom('mail')
        .where('kind', 'in', [...kinds])
        .where('closed_at', '<', before)
        .execute()
    },
  }
}
