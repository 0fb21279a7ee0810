/** Blocks and reports: ids, sites, reasons and times. Of what members write nothing is kept. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createBlocks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('blocks')
    .addColumn('record', 'blob', (col) => col.notNull())
    .addColumn('home', 'integer', (col) => col.notNull())
    .addColumn('blocked', 'blob', (col) => col.notNull())
    .addColumn('time', 'integer', (col) => col.notNull())
    .addPrimaryKeyConstraint('blocks_key', ['record', 'home', 'blocked'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

async function createReports(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('reports')
    .addColumn('id', 'blob', (col) => col.notNull())
    .addColumn('direction', 'text', (col) => col.notNull())
    .addColumn('home', 'integer', (col) => col.notNull())
    .addColumn('record', 'blob', (col) => col.notNull())
    .addColumn('reporter', 'integer', (col) => col.notNull())
    .addColumn('reason', 'text', (col) => col.notNull())
    .addColumn('time', 'integer', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('due_at', 'integer')
    .addColumn('closed_at', 'integer')
    .addPrimaryKeyConstraint('reports_key', ['reporter', 'id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createIndex('reports_due')
    .on('reports')
    .column('due_at')
    .where(sql<boolean>`due_at is not null`)
    .execute()
  await db.schema.createIndex('reports_time').on('reports').columns(['time', 'id']).execute()
}

export const talk: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createBlocks(db)
    await createReports(db)
  },
}
