/** Accounts of the coordinator's people, how they sign in, and the mail to them. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

async function createAccounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('accounts')
    .addColumn('id', 'text', (col) => col.notNull())
    .addColumn('role', 'text', (col) => col.notNull())
    .addColumn('sites', 'text', (col) => col.notNull())
    .addColumn('email', 'blob', (col) => col.notNull())
    .addColumn('email_key', 'blob', (col) => col.notNull().unique())
    .addColumn('source', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('seen_at', 'integer')
    .addColumn('disabled_at', 'integer')
    .addPrimaryKeyConstraint('accounts_key', ['id'])
    .modifyEnd(sql`without rowid`)
    .execute()
}

/** Links and sessions are alike: a hash that opens something until it ends. */
async function createSignIn(db: Kysely<unknown>): Promise<void> {
  for (const table of ['links', 'sessions'])
    await db.schema
      .createTable(table)
      .addColumn('hash', 'blob', (col) => col.notNull())
      .addColumn('account', 'text', (col) => col.notNull())
      .addColumn('method', 'text')
      .addColumn('created_at', 'integer', (col) => col.notNull())
      .addColumn('expires_at', 'integer', (col) => col.notNull())
      .addPrimaryKeyConstraint(`${table}_key`, ['hash'])
      .modifyEnd(sql`without rowid`)
      .execute()
  await db.schema.createIndex('links_account').on('links').column('account').execute()
  await db.schema.createIndex('sessions_account').on('sessions').column('account').execute()
  await db.schema
    .createTable('passkeys')
    .addColumn('id', 'blob', (col) => col.notNull())
    .addColumn('account', 'text', (col) => col.notNull())
    .addColumn('public_key', 'blob', (col) => col.notNull())
    .addColumn('counter', 'integer', (col) => col.notNull())
    .addColumn('transports', 'text', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('used_at', 'integer')
    .addPrimaryKeyConstraint('passkeys_key', ['id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema.createIndex('passkeys_account').on('passkeys').column('account').execute()
}

async function createMail(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('mail')
    .addColumn('id', 'text', (col) => col.notNull())
    .addColumn('kind', 'text', (col) => col.notNull())
    .addColumn('about', 'text', (col) => col.notNull())
    .addColumn('account', 'text', (col) => col.notNull())
    .addColumn('sealed', 'blob')
    .addColumn('state', 'text', (col) => col.notNull())
    .addColumn('attempts', 'integer', (col) => col.notNull())
    .addColumn('created_at', 'integer', (col) => col.notNull())
    .addColumn('expires_at', 'integer', (col) => col.notNull())
    .addColumn('due_at', 'integer')
    .addColumn('closed_at', 'integer')
    .addColumn('answer', 'text')
    .addPrimaryKeyConstraint('mail_key', ['id'])
    .modifyEnd(sql`without rowid`)
    .execute()
  await db.schema.createIndex('mail_due').on('mail').column('due_at').execute()
  await db.schema.createIndex('mail_about').on('mail').column('about').execute()
  await db.schema.createIndex('mail_account').on('mail').column('account').execute()
}

export const people: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createAccounts(db)
    await createSignIn(db)
    await createMail(db)
  },
}
