/** The bridge: members that the old module has sent, in sealed holds, and whom it was given. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createMembers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('bridge_members')
    .addColumn('member_key', 'blob', (col) => col.primaryKey())
    .addColumn('net_id', 'integer', (col) => col.unique())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('refusal', 'text')
    .addColumn('losses', 'text', (col) => col.notNull())
    .addColumn('slot', 'integer')
    .addColumn('received_at', 'integer', (col) => col.notNull())
    .addColumn('changed_at', 'integer', (col) => col.notNull())
    .addColumn('expires_at', 'integer')
    .addColumn('handed', 'integer', (col) => col.notNull())
    .addColumn('bare_at', 'integer')
    .addColumn('pictures_at', 'integer')
    .modifyEnd(sql`without rowid`)
    .execute()
  // Apart from the rows, which are read often: a hold is read when it changes.
  await db.schema
    .createTable('bridge_holds')
    .addColumn('slot', 'integer', (col) => col.primaryKey())
    .addColumn('ciphertext', 'blob', (col) => col.notNull())
    .addColumn('doomed', 'integer', (col) => col.notNull().defaultTo(0))
    .execute()
  await db.schema
    .createIndex('bridge_holds_doomed')
    .on('bridge_holds')
    .column('slot')
    .where(sql<boolean>`doomed = 1`)
    .execute()
  await db.schema
    .createIndex('bridge_members_untold')
    .on('bridge_members')
    .columns(['handed', 'member_key'])
    .where(sql<boolean>`state = 'published'`)
    .execute()
  for (const column of ['expires_at', 'pictures_at', 'bare_at'])
    await db.schema
      .createIndex(`bridge_members_${column}`)
      .on('bridge_members')
      .column(column)
      .where(sql<boolean>`${sql.ref(column)} is not null`)
      .execute()
  await db.schema
    .createTable('bridge_links')
    .addColumn('hash', 'blob', (col) => col.primaryKey())
    .addColumn('member_key', 'blob', (col) => col.notNull())
    .addColumn('sealed_id', 'blob', (col) => col.notNull())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('expires_at', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createIndex('bridge_links_member')
    .on('bridge_links')
    .column('member_key')
    .execute()
}

async function createDeliveries(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('bridge_deliveries')
    .addColumn('net_id', 'integer', (col) => col.primaryKey())
    .addColumn('home', 'integer', (col) => col.notNull())
    .addColumn('record', 'blob', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('idx', 'integer', (col) => col.notNull())
    .addColumn('offered_at', 'integer', (col) => col.notNull())
    .addColumn('tries', 'integer', (col) => col.notNull())
    .addColumn('gallery', 'blob', (col) => col.notNull())
    .addColumn('due_at', 'integer')
    .execute()
  await db.schema
    .createIndex('bridge_deliveries_due')
    .on('bridge_deliveries')
    .column('due_at')
    .where(sql<boolean>`due_at is not null`)
    .execute()
  await db.schema
    .createIndex('bridge_deliveries_state')
    .on('bridge_deliveries')
    .columns(['state', 'net_id'])
    .execute()
  await db.schema
    .createIndex('bridge_deliveries_record')
    .on('bridge_deliveries')
    .columns(['home', 'record'])
    .unique()
    .execute()
  await db.schema
    .createTable('bridge_removals')
    .addColumn('net_id', 'integer', (col) => col.primaryKey())
    .addColumn('since', 'integer', (col) => col.notNull())
    .addColumn('is_queued', 'integer', (col) => col.notNull())
    .execute()
}

export const bridge: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createMembers(db)
    await createDeliveries(db)
  },
}
