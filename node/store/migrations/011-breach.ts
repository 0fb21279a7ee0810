/** Breaches at the coordinator's desk, and what sites say of them in their logs. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const breach: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('breaches')
      .addColumn('id', 'text', (col) => col.notNull())
      .addColumn('site', 'text', (col) => col.notNull())
      .addColumn('known_at', 'integer', (col) => col.notNull())
      .addColumn('opened_at', 'integer', (col) => col.notNull())
      .addColumn('draft', 'text', (col) => col.notNull())
      .addColumn('authority', 'text')
      .addPrimaryKeyConstraint('breaches_key', ['id'])
      .modifyEnd(sql`without rowid`)
      .execute()
    await db.schema
      .createTable('breach_marks')
      .addColumn('breach', 'text', (col) => col.notNull())
      .addColumn('mark', 'text', (col) => col.notNull())
      .addColumn('time', 'integer', (col) => col.notNull())
      .addPrimaryKeyConstraint('breach_marks_key', ['breach', 'mark'])
      .modifyEnd(sql`without rowid`)
      .execute()
    await db.schema
      .createTable('told')
      .addColumn('breach', 'text', (col) => col.notNull())
      .addColumn('site', 'integer', (col) => col.notNull())
      .addColumn('affected', 'integer', (col) => col.notNull())
      .addColumn('told', 'integer', (col) => col.notNull())
      .addColumn('time', 'integer', (col) => col.notNull())
      .addColumn('idx', 'integer', (col) => col.notNull())
      .addPrimaryKeyConstraint('told_key', ['breach', 'site'])
      .modifyEnd(sql`without rowid`)
      .execute()
    // Asked for when a site that others' records had gone to has been breached.
    await db.schema.createIndex('ledger_partner').on('ledger').columns(['partner', 'id']).execute()
  },
}
