/** What the website is told: notices in their order, and the endpoints of webhooks. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createFeed(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('feed')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('time', 'integer', (col) => col.notNull())
    .addColumn('type', 'text', (col) => col.notNull())
    .addColumn('fields', 'text', (col) => col.notNull())
    .addColumn('records', 'blob', (col) => col.notNull())
    .execute()
  await db.schema
    .createTable('feed_aside')
    .addColumn('home', 'integer', (col) => col.notNull())
    .addColumn('record', 'blob', (col) => col.notNull())
    .addColumn('since', 'integer', (col) => col.notNull())
    .addPrimaryKeyConstraint('feed_aside_key', ['home', 'record'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createTable('hidden_homes')
    .addColumn('home', 'integer', (col) => col.primaryKey())
    .execute()
}

async function createWebhooks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('webhooks')
    .addColumn('id', 'text', (col) => col.notNull())
    .addColumn('url', 'text', (col) => col.notNull())
    .addColumn('secret', 'blob', (col) => col.notNull())
    .addColumn('types', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('cursor', 'integer', (col) => col.notNull())
    .addColumn('failures', 'integer', (col) => col.notNull())
    .addColumn('failing_since', 'integer')
    .addColumn('retry_at', 'integer', (col) => col.notNull())
    .addColumn('last_success_at', 'integer')
    .addColumn('last_failure', 'text')
    .addColumn('disabled_at', 'integer')
    .addPrimaryKeyConstraint('webhooks_key', ['id'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

export const feed: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createFeed(db)
    await createWebhooks(db)
  },
}
