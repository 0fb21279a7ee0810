/** The desk: notices, people's requests, site owners, disclosures to authorities; people sealed. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createNotices(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('withdrawal_notices')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('channel', 'text', (col) => col.notNull())
    .addColumn('digest', 'blob', (col) => col.notNull().unique())
    .addColumn('received_at', 'integer', (col) => col.notNull())
    .addColumn('site', 'text')
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('sealed', 'blob')
    .addColumn('confirmed_at', 'integer')
    .addColumn('deadline', 'integer')
    .addColumn('due_at', 'integer')
    .addColumn('attempts', 'integer', (col) => col.notNull())
    .addColumn('records', 'blob', (col) => col.notNull())
    .addColumn('orders', 'text', (col) => col.notNull())
    .addColumn('closed_at', 'integer')
    .addColumn('reason', 'text')
    .execute()
  await db.schema
    .createIndex('withdrawal_notices_time')
    .on('withdrawal_notices')
    .columns(['received_at', 'id'])
    .execute()
  await db.schema
    .createIndex('withdrawal_notices_due')
    .on('withdrawal_notices')
    .column('due_at')
    .where(sql<boolean>`due_at is not null`)
    .execute()
}

async function createRequests(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('requests')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('subject', 'text', (col) => col.notNull())
    .addColumn('member_key', 'blob')
    .addColumn('customer', 'text')
    .addColumn('site', 'text')
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('channel', 'text', (col) => col.notNull())
    .addColumn('received_at', 'integer', (col) => col.notNull())
    .addColumn('due_at', 'integer', (col) => col.notNull())
    .addColumn('extension', 'text')
    .addColumn('identity', 'text', (col) => col.notNull())
    .addColumn('method', 'text')
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('reason', 'text')
    .addColumn('kept', 'text', (col) => col.notNull())
    .addColumn('closed_at', 'integer')
    .addColumn('sealed', 'blob')
    .addColumn('tell_at', 'integer')
    .addColumn('attempts', 'integer', (col) => col.notNull())
    .addColumn('steps', 'text', (col) => col.notNull())
    .execute()
  await db.schema
    .createIndex('requests_time')
    .on('requests')
    .columns(['received_at', 'id'])
    .execute()
  await db.schema
    .createIndex('requests_tell')
    .on('requests')
    .column('tell_at')
    .where(sql<boolean>`tell_at is not null`)
    .execute()
  await db.schema
    .createTable('restrictions')
    .addColumn('member_key', 'blob', (col) => col.primaryKey())
    .addColumn('request', 'text', (col) => col.notNull())
    .addColumn('since', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createTable('answered_requests')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('records', 'blob', (col) => col.notNull())
    .addColumn('time', 'integer', (col) => col.notNull())
    .execute()
  await db.schema
    .createTable('authority_disclosures')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('subject', 'text', (col) => col.notNull())
    .addColumn('member_key', 'blob')
    .addColumn('customer', 'text')
    .addColumn('authority', 'text', (col) => col.notNull())
    .addColumn('basis', 'text', (col) => col.notNull())
    .addColumn('proposed_at', 'integer', (col) => col.notNull())
    .addColumn('proposed_by', 'text', (col) => col.notNull())
    .addColumn('approvals', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('exported_at', 'integer')
    .addColumn('digest', 'blob')
    .addColumn('sealed', 'blob')
    .execute()
}

async function createCustomers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('customers')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('site', 'text')
    .addColumn('email_key', 'blob', (col) => col.notNull().unique())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('last_contact_at', 'integer', (col) => col.notNull())
    .addColumn('has_orders', 'integer', (col) => col.notNull())
    .addColumn('shrunk_at', 'integer')
    .addColumn('objected_at', 'integer')
    .addColumn('restricted_at', 'integer')
    .addColumn('sealed', 'blob', (col) => col.notNull())
    .execute()
  await db.schema
    .createTable('application_notes')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('site', 'text', (col) => col.notNull())
    .addColumn('time', 'integer', (col) => col.notNull())
    .addColumn('actor', 'text', (col) => col.notNull())
    .addColumn('sealed', 'blob', (col) => col.notNull())
    .execute()
}

export const desk: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createNotices(db)
    await createRequests(db)
    await createCustomers(db)
  },
}
