/** Site owners, and what staff write about applications. Whatever names a person is sealed. */
import type {
  CustomerFilter,
  CustomerRow,
  CustomerWriter,
  ReviewWriter,
} from '../core/oversight/customer-rows.ts'
import type { CustomerTable } from './desk-tables.ts'
import { plainBytes, run, type Tx } from './transaction.ts'

function rowOf(row: CustomerTable): CustomerRow {
  return {
    id: row.id,
    site: row.site,
    emailKey: plainBytes(row.email_key),
    createdAt: row.created_at,
    lastContactAt: row.last_contact_at,
    hasOrders: row.has_orders === 1,
    shrunkAt: row.shrunk_at,
    objectedAt: row.objected_at,
    restrictedAt: row.restricted_at,
    sealed: plainBytes(row.sealed),
  }
}

async function one(tx: Tx, sql: string, value: string | Uint8Array): Promise<CustomerRow | null> {
  const [row] = await run<CustomerTable>(tx, sql, [value])
  return row === undefined ? null : rowOf(row)
}

async function list(tx: Tx, { site, after, limit }: CustomerFilter): Promise<CustomerRow[]> {
  let query = tx.db.selectFrom('customers').selectAll().orderBy('id').limit(limit)
  if (site !== undefined) query = query.where('site', '=', site)
  if (after !== undefined) query = query.where('id', '>', after)
  return (await query.execute()).map(rowOf)
}

async function save(tx: Tx, row: CustomerRow): Promise<void> {
  const columns = {
    site: row.site,
    email_key: row.emailKey,
    last_contact_at: row.lastContactAt,
    has_orders: row.hasOrders ? (1 as const) : (0 as const),
    shrunk_at: row.shrunkAt,
    objected_at: row.objectedAt,
    restricted_at: row.restrictedAt,
    sealed: row.sealed,
  }
  await tx.db
    .insertInto('customers')
    .values({ id: row.id, created_at: row.createdAt, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

const IDLE =
  'select * from customers where shrunk_at is null and last_contact_at < ? and id > ? ' +
  'order by id limit ?'

/** The site owners inside one transaction. */
export function customersIn(tx: Tx): CustomerWriter {
  return {
    get: (id) => one(tx, 'select * from customers where id = ?', id),
    byEmail: (emailKey) => one(tx, 'select * from customers where email_key = ?', emailKey),
    list: (filter) => list(tx, filter),
    idle: async (before, after, limit) =>
      (await run<CustomerTable>(tx, IDLE, [before, after, limit])).map(rowOf),
    save: (row) => save(tx, row),
    remove: async (id) => {
      await tx.db.deleteFrom('customers').where('id', '=', id).execute()
    },
  }
}

/** The review notes inside one transaction. */
export function reviewsIn(tx: Tx): ReviewWriter {
  return {
    of: async (site) => {
      const rows = await tx.db
        .selectFrom('application_notes')
        .selectAll()
        .where('site', '=', site)
        .orderBy('id')
        .execute()
      return rows.map((row) => ({ ...row, sealed: plainBytes(row.sealed) }))
    },
    add: async (row) => {
      await tx.db.insertInto('application_notes').values(row).execute()
    },
  }
}
