/** The access log of the coordinator's people. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const acts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('acts')
      .addColumn('id', 'integer', (col) => col.primaryKey())
      .addColumn('time', 'integer', (col) => col.notNull())
      .addColumn('actor_kind', 'text', (col) => col.notNull())
      .addColumn('actor', 'text', (col) => col.notNull())
      .addColumn('role', 'text', (col) => col.notNull())
      .addColumn('act', 'text', (col) => col.notNull())
      .addColumn('subject', 'text', (col) => col.notNull())
      .addColumn('hash', 'blob', (col) => col.notNull())
      .execute()
  },
}
