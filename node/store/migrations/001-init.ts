/** The first tables. Never edited once released: a change is a migration of its own. */
import { sql, type CreateTableBuilder, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

type Columns = readonly (readonly [
  name: string,
  type: 'integer' | 'text' | 'blob',
  null?: 'null',
])[]

type Builder = CreateTableBuilder<string, string>

function withColumns(builder: Builder, columns: Columns): Builder {
  let rest = builder
  for (const [name, type, nullable] of columns)
    rest = rest.addColumn(name, type, (col) => (nullable === 'null' ? col : col.notNull()))
  return rest
}

/** Rows live in the index of the key: no second tree, and rows of one log lie side by side. */
async function clustered(
  db: Kysely<unknown>,
  name: string,
  key: [string, ...string[]],
  columns: Columns,
): Promise<void> {
  await withColumns(db.schema.createTable(name), columns)
    .addPrimaryKeyConstraint(`${name}_key`, key)
    .modifyEnd(sql`without rowid`)
    .execute()
}

/** Rows in the order of their insertion, each with a number of its own. */
async function numbered(db: Kysely<unknown>, name: string, columns: Columns): Promise<void> {
  const builder = db.schema.createTable(name).addColumn('id', 'integer', (col) => col.primaryKey())
  await withColumns(builder, columns).execute()
}

async function createLogs(db: Kysely<unknown>): Promise<void> {
  await numbered(db, 'sites', [['name', 'text']])
  await db.schema.createIndex('sites_name').on('sites').column('name').unique().execute()
  await clustered(
    db,
    'logs',
    ['log'],
    [
      ['log', 'integer'],
      ['size', 'integer'],
      ['range', 'blob'],
      ['note', 'text', 'null'],
      ['heartbeat', 'integer', 'null'],
      ['requirements', 'text', 'null'],
    ],
  )
  await clustered(
    db,
    'entries',
    ['log', 'idx'],
    [
      ['log', 'integer'],
      ['idx', 'integer'],
      ['bytes', 'blob'],
    ],
  )
  await clustered(
    db,
    'tiles',
    ['log', 'level', 'idx'],
    [
      ['log', 'integer'],
      ['level', 'integer'],
      ['idx', 'integer'],
      ['hashes', 'blob'],
    ],
  )
  await clustered(
    db,
    'receipts',
    ['log', 'cosigner', 'size'],
    [
      ['log', 'integer'],
      ['cosigner', 'integer'],
      ['size', 'integer'],
      ['time', 'integer'],
      ['line', 'text'],
    ],
  )
  await db.schema.createIndex('receipts_size').on('receipts').columns(['log', 'size']).execute()
  await clustered(
    db,
    'checkpoints',
    ['log', 'size'],
    [
      ['log', 'integer'],
      ['size', 'integer'],
      ['note', 'text'],
    ],
  )
}

async function createRecords(db: Kysely<unknown>): Promise<void> {
  await clustered(
    db,
    'records',
    ['log', 'record'],
    [
      ['log', 'integer'],
      ['record', 'blob'],
      ['first_idx', 'integer'],
      ['idx', 'integer'],
      ['version', 'integer'],
      ['live', 'integer'],
      ['end_idx', 'integer', 'null'],
      ['wanted', 'integer'],
      ['published_at', 'integer'],
      ['expires', 'integer'],
    ],
  )
  await db.schema.createIndex('records_idx').on('records').columns(['log', 'idx']).execute()
  await db.schema
    .createIndex('records_wanted')
    .on('records')
    .columns(['log', 'idx'])
    .where(sql<boolean>`wanted = 1`)
    .execute()
  await db.schema
    .createIndex('records_end')
    .on('records')
    .columns(['log', 'end_idx'])
    .where(sql<boolean>`end_idx is not null`)
    .execute()
  await db.schema
    .createIndex('records_expires')
    .on('records')
    .columns(['log', 'expires'])
    .where(sql<boolean>`live = 1`)
    .execute()
  await clustered(
    db,
    'pending_withdrawals',
    ['record'],
    [
      ['record', 'blob'],
      ['reason', 'text'],
      ['time', 'integer'],
      ['notice', 'text'],
    ],
  )
}

async function createBodies(db: Kysely<unknown>): Promise<void> {
  await numbered(db, 'bodies', [
    ['home', 'integer'],
    ['idx', 'integer'],
    ['record', 'blob'],
    ['slot', 'integer'],
    ['doomed', 'integer'],
    ['expires', 'integer'],
    ['scopes', 'text'],
    ['excludes', 'text'],
    ['gender', 'text'],
    ['seeks', 'text'],
    ['seeks_age_min', 'integer'],
    ['seeks_age_max', 'integer'],
    ['birth_day', 'integer', 'null'],
    ['age_years', 'integer', 'null'],
    ['aged_on', 'integer', 'null'],
    ['language', 'text'],
    ['country', 'text'],
    ['latitude_tenths', 'integer', 'null'],
    ['longitude_tenths', 'integer', 'null'],
  ])
  await db.schema.createIndex('bodies_idx').on('bodies').columns(['home', 'idx']).unique().execute()
  await db.schema
    .createIndex('bodies_doomed')
    .on('bodies')
    .column('id')
    .where(sql<boolean>`doomed = 1`)
    .execute()
  await db.schema
    .createTable('ciphertexts')
    .addColumn('body', 'integer', (col) =>
      col.primaryKey().references('bodies.id').onDelete('cascade'),
    )
    .addColumn('bytes', 'blob', (col) => col.notNull())
    .execute()
}

async function createMembers(db: Kysely<unknown>): Promise<void> {
  await clustered(
    db,
    'members',
    ['member_key'],
    [
      ['member_key', 'blob'],
      ['record', 'blob'],
      ['input_digest', 'blob'],
    ],
  )
  await db.schema.createIndex('members_record').on('members').column('record').unique().execute()
  await numbered(db, 'notices', [['notice', 'text']])
  await db.schema.createIndex('notices_notice').on('notices').column('notice').unique().execute()
  await numbered(db, 'consents', [
    ['member_key', 'blob'],
    ['record', 'blob'],
    ['kind', 'text'],
    ['time', 'integer'],
    ['notice', 'integer'],
    ['scopes', 'text'],
    ['channel', 'text'],
    ['expires', 'integer'],
  ])
  await db.schema.createIndex('consents_member').on('consents').column('member_key').execute()
  await numbered(db, 'ledger', [
    ['home', 'integer'],
    ['partner', 'integer'],
    ['time', 'integer'],
    ['via', 'integer', 'null'],
    ['reported', 'integer'],
    ['versions', 'blob'],
    ['count', 'integer'],
  ])
  await db.schema.createIndex('ledger_home').on('ledger').columns(['home', 'partner']).execute()
  await db.schema
    .createIndex('ledger_unreported')
    .on('ledger')
    .column('id')
    .where(sql<boolean>`reported = 0`)
    .execute()
}

async function createDesk(db: Kysely<unknown>): Promise<void> {
  await clustered(
    db,
    'api_keys',
    ['id'],
    [
      ['id', 'text'],
      ['name', 'text'],
      ['role', 'text'],
      ['hash', 'blob'],
      ['created_at', 'integer'],
      ['revoked_at', 'integer', 'null'],
    ],
  )
  await db.schema.createIndex('api_keys_hash').on('api_keys').column('hash').unique().execute()
  await clustered(
    db,
    'applications',
    ['site'],
    [
      ['site', 'text'],
      ['log_key', 'blob'],
      ['witness_key', 'blob'],
      ['site_type', 'text'],
      ['jurisdiction', 'text'],
      ['contact', 'text'],
      ['applied_at', 'integer'],
      ['state', 'text'],
    ],
  )
  await numbered(db, 'forks', [
    ['log', 'integer'],
    ['size', 'integer'],
    ['first_note', 'text'],
    ['second_note', 'text'],
    ['found_at', 'integer'],
  ])
  await clustered(
    db,
    'settings',
    ['name'],
    [
      ['name', 'text'],
      ['value', 'text'],
    ],
  )
}

export const init: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createLogs(db)
    await createRecords(db)
    await createBodies(db)
    await createMembers(db)
    await createDesk(db)
  },
}
