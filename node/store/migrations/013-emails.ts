/** Members are found by a keyed hash of their e-mail address too. After 012, which copies the table. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const emails: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('members').addColumn('email_key', 'blob').execute()
    await db.schema
      .createIndex('members_email')
      .on('members')
      .column('email_key')
      .where(sql<boolean>`email_key is not null`)
      .execute()
  },
}
