/** Pictures of records, and which disclosures were of pictures. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const pictures: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('pictures')
      .addColumn('id', 'integer', (col) => col.primaryKey())
      .addColumn('home', 'integer', (col) => col.notNull())
      .addColumn('idx', 'integer', (col) => col.notNull())
      .addColumn('record', 'blob', (col) => col.notNull())
      .addColumn('place', 'integer', (col) => col.notNull())
      .addColumn('picture', 'blob', (col) => col.notNull())
      .addColumn('small_slot', 'integer')
      .addColumn('large_slot', 'integer')
      .addColumn('digest', 'blob')
      .addColumn('loose', 'integer', (col) => col.notNull())
      .addColumn('doomed', 'integer', (col) => col.notNull())
      .execute()
    await db.schema
      .createIndex('pictures_picture')
      .on('pictures')
      .columns(['home', 'record', 'picture'])
      .unique()
      .where(sql<boolean>`doomed = 0`)
      .execute()
    await db.schema.createIndex('pictures_idx').on('pictures').columns(['home', 'idx']).execute()
    await db.schema
      .createIndex('pictures_wanted')
      .on('pictures')
      .columns(['home', 'id'])
      .where(sql<boolean>`small_slot is null and doomed = 0`)
      .execute()
    await db.schema
      .createIndex('pictures_loose')
      .on('pictures')
      .column('home')
      .where(sql<boolean>`loose = 1`)
      .execute()
    await db.schema
      .createIndex('pictures_doomed')
      .on('pictures')
      .column('id')
      .where(sql<boolean>`doomed = 1`)
      .execute()
    await db.schema
      .alterTable('ledger')
      .addColumn('pictures', 'integer', (col) => col.notNull().defaultTo(0))
      .execute()
  },
}
