/** What the coordinator's audit keeps: findings with their history. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createFindings(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('findings')
    .addColumn('id', 'text', (col) => col.notNull())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('subject', 'text', (col) => col.notNull())
    .addColumn('severity', 'text', (col) => col.notNull())
    .addColumn('since', 'integer', (col) => col.notNull())
    .addColumn('found_at', 'integer', (col) => col.notNull())
    .addColumn('evidence', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('owner', 'text')
    .addColumn('cured_at', 'integer')
    .addPrimaryKeyConstraint('findings_key', ['id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createTable('finding_changes')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('finding', 'text', (col) => col.notNull())
    .addColumn('time', 'integer', (col) => col.notNull())
    .addColumn('actor_kind', 'text', (col) => col.notNull())
    .addColumn('actor', 'text', (col) => col.notNull())
    .addColumn('role', 'text', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('note', 'text', (col) => col.notNull())
    .execute()
  await db.schema
    .createIndex('finding_changes_finding')
    .on('finding_changes')
    .column('finding')
    .execute()
}

export const audit: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createFindings(db)
  },
}
