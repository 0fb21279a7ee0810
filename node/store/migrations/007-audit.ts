/** What the coordinator's audit keeps: when receipts came, silences, deadlines, findings. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** When each receipt was kept first, and in which order: what a cosigner says of the time is his word. */
async function placeReceipts(db: Kysely<unknown>): Promise<void> {
  for (const column of ['received_at', 'place'])
    await db.schema
      .alterTable('receipts')
      .addColumn(column, 'integer', (col) => col.notNull().defaultTo(0))
      .execute()
  await sql`update receipts set received_at = time, place = placed.place from (
    select log, cosigner, size, row_number() over (order by time, size, log, cosigner) as place
    from receipts) as placed where receipts.log = placed.log and
    receipts.cosigner = placed.cosigner and receipts.size = placed.size`.execute(db)
  await db.schema.createIndex('receipts_place').on('receipts').column('place').unique().execute()
}

/** Witnessed, and kept for good. */
async function createFacts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('silences')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('since', 'integer', (col) => col.notNull())
    .addColumn('until', 'integer', (col) => col.notNull())
    .addColumn('note_before', 'text', (col) => col.notNull())
    .addColumn('note_after', 'text', (col) => col.notNull())
    .execute()
  await db.schema
    .createIndex('silences_site')
    .on('silences')
    .columns(['site', 'since'])
    .unique()
    .execute()
  await db.schema
    .createTable('rollbacks')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('log', 'integer', (col) => col.notNull())
    .addColumn('size', 'integer', (col) => col.notNull())
    .addColumn('since', 'integer', (col) => col.notNull())
    .addColumn('first_note', 'text', (col) => col.notNull())
    .addColumn('second_note', 'text', (col) => col.notNull())
    .execute()
  await db.schema
    .createIndex('rollbacks_log')
    .on('rollbacks')
    .columns(['log', 'size'])
    .unique()
    .execute()
  // How the other history leads to its checkpoint, where that is longer than ours.
  await db.schema.alterTable('forks').addColumn('branch', 'text').execute()
}

/** Follows from logs, receipts and facts. */
async function createBook(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('audit_position')
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('receipts', 'integer', (col) => col.notNull())
    .addColumn('silences', 'integer', (col) => col.notNull())
    .execute()
  await db.schema
    .createTable('audit_logs')
    .addColumn('log', 'integer', (col) => col.primaryKey())
    .addColumn('read', 'integer', (col) => col.notNull())
    .addColumn('witnessed', 'integer', (col) => col.notNull())
    .addColumn('stopped_at', 'integer')
    .execute()
  await db.schema
    .createTable('audit_withdrawals')
    .addColumn('log', 'integer', (col) => col.notNull())
    .addColumn('idx', 'integer', (col) => col.notNull())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('record', 'blob')
    .addColumn('reason', 'text')
    .addColumn('time', 'integer', (col) => col.notNull())
    .addColumn('witnessed_at', 'integer')
    .addColumn('due_at', 'integer')
    .addColumn('required', 'integer', (col) => col.notNull())
    .addColumn('received', 'integer', (col) => col.notNull())
    .addColumn('last_at', 'integer')
    .addColumn('judged', 'integer', (col) => col.notNull())
    .addPrimaryKeyConstraint('audit_withdrawals_key', ['log', 'idx'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createIndex('audit_withdrawals_due')
    .on('audit_withdrawals')
    .columns(['due_at', 'log', 'idx'])
    .where(sql<boolean>`judged = 0`)
    .execute()
  await db.schema
    .createTable('audit_pairs')
    .addColumn('log', 'integer', (col) => col.notNull())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('covered', 'integer', (col) => col.notNull())
    .addColumn('gap_size', 'integer')
    .addColumn('gap_at', 'integer')
    .addColumn('gap_judged', 'integer', (col) => col.notNull())
    .addColumn('late_idx', 'integer')
    .addColumn('late_size', 'integer')
    .addPrimaryKeyConstraint('audit_pairs_key', ['log', 'site'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema
    .createIndex('audit_pairs_gap')
    .on('audit_pairs')
    .columns(['gap_at', 'log', 'site'])
    .where(sql<boolean>`gap_judged = 0`)
    .execute()
  await db.schema
    .createTable('audit_steps')
    .addColumn('log', 'integer', (col) => col.notNull())
    .addColumn('site', 'integer', (col) => col.notNull())
    .addColumn('size', 'integer', (col) => col.notNull())
    .addColumn('at', 'integer', (col) => col.notNull())
    .addPrimaryKeyConstraint('audit_steps_key', ['log', 'site', 'size'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

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
    await placeReceipts(db)
    await createFacts(db)
    await createBook(db)
    await createFindings(db)
  },
}
