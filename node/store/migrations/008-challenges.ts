/** Challenges and probes with their verdicts; the ledger tells of consents that were opened, too. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createChallenges(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('challenges')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('draw', 'integer', (col) => col.notNull())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('idx', 'integer', (col) => col.notNull())
    .addColumn('record', 'blob', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('reason', 'text')
    .addColumn('drawn_at', 'integer', (col) => col.notNull())
    .addColumn('due_at', 'integer', (col) => col.notNull())
    .addColumn('retry_at', 'integer')
    .addColumn('tries', 'integer', (col) => col.notNull())
    .addColumn('decided_at', 'integer')
    .addColumn('opened_idx', 'integer')
    .addColumn('digest', 'blob')
    .addUniqueConstraint('challenges_place', ['draw', 'site', 'idx'])
    .execute()
  await db.schema
    .createIndex('challenges_retry')
    .on('challenges')
    .column('retry_at')
    .where(sql<boolean>`retry_at is not null`)
    .execute()
  await db.schema
    .createIndex('challenges_site')
    .on('challenges')
    .columns(['site', 'state'])
    .execute()
}

async function createProbes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('probes')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('target', 'integer', (col) => col.notNull())
    .addColumn('home', 'integer', (col) => col.notNull())
    .addColumn('idx', 'integer', (col) => col.notNull())
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('answer', 'text')
    .addColumn('via', 'integer')
    .addColumn('statement', 'text')
    .addColumn('planned_at', 'integer', (col) => col.notNull())
    .addColumn('due_at', 'integer', (col) => col.notNull())
    .addColumn('retry_at', 'integer')
    .addColumn('tries', 'integer', (col) => col.notNull())
    .addColumn('decided_at', 'integer')
    .execute()
  await db.schema
    .createIndex('probes_retry')
    .on('probes')
    .column('retry_at')
    .where(sql<boolean>`retry_at is not null`)
    .execute()
  await db.schema.createIndex('probes_target').on('probes').columns(['target', 'state']).execute()
}

export const challenges: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createChallenges(db)
    await createProbes(db)
    await db.schema.alterTable('ledger').renameColumn('pictures', 'what').execute()
  },
}
