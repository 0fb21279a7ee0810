/** Opens the SQLite database: settings, migrations, integrity; transactions and upkeep. */
import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect, type SqliteStatement } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { invariant } from '../../protocol/errors.ts'
import { createPrivate } from './folder.ts'
import { init } from './migrations/001-init.ts'
import { pictures } from './migrations/002-pictures.ts'
import { search } from './migrations/003-search.ts'
import { talk } from './migrations/004-talk.ts'
import { feed } from './migrations/005-feed.ts'
import { acts } from './migrations/006-acts.ts'
import { audit } from './migrations/007-audit.ts'
import { challenges } from './migrations/008-challenges.ts'
import { desk } from './migrations/009-desk.ts'
import { people } from './migrations/010-people.ts'
import { breach } from './migrations/011-breach.ts'
import { rows } from './migrations/012-rows.ts'
import { emails } from './migrations/013-emails.ts'
import { bridge } from './migrations/014-bridge.ts'
import type { Schema } from './schema.ts'
import type { Value } from './transaction.ts'

/** In the header of the file, so that a restore can tell our backups from other databases. */
export const APPLICATION_ID = 0x64706e31

const MIGRATIONS: Record<string, Migration> = {
  '001-init': init,
  '002-pictures': pictures,
  '003-search': search,
  '004-talk': talk,
  '005-feed': feed,
  '006-acts': acts,
  '007-audit': audit,
  '008-challenges': challenges,
  '009-desk': desk,
  '010-people': people,
  '011-breach': breach,
  '012-rows': rows,
  '013-emails': emails,
  '014-bridge': bridge,
}
const MEMORY = ':memory:'
const BUSY_MILLISECONDS = 200
/** Record ids are random, so that every index is written all over. */
const CACHE_KIB = 32 * 1024
/**
 * WAL pages of 4 KiB after which SQLite moves them into the database by itself. A batch of 1,000
 * members writes about a thousand: SQLite's own limit would move and sync them for every batch.
 */
const CHECKPOINT_PAGES = 8192
/** Statements kept prepared; beyond that, the texts made by filters push each other out. */
const STATEMENTS = 256

export interface Database {
  /** A query on it inside `transact` would wait for ever: use the one handed to `work`. */
  db: Kysely<Schema>
  /** Runs one statement given as text, inside a transaction or outside; rows where it has some. */
  query: (sql: string, values: readonly Value[]) => unknown[]
  /** Durable when it resolves; rolled back when `work` rejects. The caller runs one at a time. */
  transact: <T>(work: (db: Kysely<Schema>) => Promise<T>) => Promise<T>
  /** Moves the write-ahead log into the database and empties it; false where a reader is in the way. */
  checkpoint: () => boolean
  /** Writes every page anew. */
  vacuum: () => void
  /** The whole database as bytes; only of one in memory. */
  serialize: () => Uint8Array
  close: () => Promise<void>
}

/** Prepared statements by their text. Kysely prepares before each run, which costs more than most. */
function createStatements(sqlite: Sqlite.Database): (sql: string) => SqliteStatement {
  const statements = new Map<string, SqliteStatement>()
  return (sql) => {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = sqlite.prepare(sql)
      if (statements.size >= STATEMENTS) {
        const oldest = statements.keys().next()
        if (oldest.done !== true) statements.delete(oldest.value)
      }
      statements.set(sql, statement)
    }
    return statement
  }
}

function configure(sqlite: Sqlite.Database, path: string): void {
  if (path !== MEMORY) {
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    sqlite.pragma('mmap_size = 0')
  }
  sqlite.pragma('secure_delete = ON')
  sqlite.pragma('temp_store = MEMORY')
  sqlite.pragma(`cache_size = -${CACHE_KIB}`)
  sqlite.pragma('foreign_keys = ON')
  sqlite.pragma('trusted_schema = OFF')
}

/** @throws Error where SQLite finds the file damaged */
function checkIntegrity(sqlite: Sqlite.Database): void {
  const found: unknown = sqlite.pragma('quick_check(1)', { simple: true })
  if (found !== 'ok') throw new Error(String(found))
}

/** Whether the table of migrations names just ours: to ask that costs far less than to migrate. */
function isUpToDate(sqlite: Sqlite.Database): boolean {
  const found = sqlite
    .prepare("select count(*) from sqlite_master where name = 'kysely_migration'")
    .pluck()
    .get()
  if (found === 0) return false
  const done: unknown[] = sqlite.prepare('select name from kysely_migration').pluck().all()
  const names = Object.keys(MIGRATIONS)
  return done.length === names.length && names.every((name) => done.includes(name))
}

async function migrate(sqlite: Sqlite.Database, db: Kysely<Schema>): Promise<void> {
  if (isUpToDate(sqlite)) return
  const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw error instanceof Error ? error : new Error('migration failed')
}

function assemble(sqlite: Sqlite.Database, path: string): Database {
  const prepare = createStatements(sqlite)
  const close = (): void => void sqlite.close()
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: { prepare, close } }) })
  return {
    db,
    query(sql, values) {
      const statement = prepare(sql)
      if (statement.reader) return statement.all(values)
      statement.run(values)
      return []
    },
    transact: (work) =>
      db.connection().execute(async (connection) => {
        sqlite.exec('begin immediate')
        try {
          const result = await work(connection)
          sqlite.exec('commit')
          return result
        } catch (error) {
          // A full disk makes SQLite roll back by itself, and a second rollback would hide why.
          if (sqlite.inTransaction) sqlite.exec('rollback')
          throw error
        }
      }),
    checkpoint() {
      // The first column is 1 where a reader or writer was in the way.
      return sqlite.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0
    },
    vacuum: () => void sqlite.exec('vacuum'),
    serialize() {
      invariant(path === MEMORY, 'only a database in memory is serialised')
      return sqlite.serialize()
    },
    close: () => db.destroy(),
  }
}

let emptyDatabase: Uint8Array | undefined

/** Migrates once in this process, since simulations open thousands. */
async function openMemory(bytes?: Uint8Array): Promise<Database> {
  const start = bytes ?? emptyDatabase
  const sqlite = new Sqlite(start === undefined ? MEMORY : Buffer.from(start))
  configure(sqlite, MEMORY)
  const database = assemble(sqlite, MEMORY)
  await migrate(sqlite, database.db)
  if (start === undefined) {
    sqlite.pragma(`application_id = ${APPLICATION_ID}`)
    emptyDatabase = database.serialize()
  }
  return database
}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param source a file's path, `:memory:`, or what `serialize` gave, for one in memory
 * @throws Error where the file is damaged or no database
 */
export async function openDatabase(source: string | Uint8Array): Promise<Database> {
  if (typeof source !== 'string') return openMemory(source)
  if (source === MEMORY) return openMemory()
  createPrivate(source)
  const sqlite = new Sqlite(source, { timeout: BUSY_MILLISECONDS })
  try {
    configure(sqlite, source)
    checkIntegrity(sqlite)
    const database = assemble(sqlite, source)
    await migrate(sqlite, database.db)
    sqlite.pragma(`application_id = ${APPLICATION_ID}`)
    return database
  } catch (cause) {
    sqlite.close()
    throw new Error(
      `The database ${source} cannot be opened: ${String(cause)}. If it is damaged, restore a backup.`,
      { cause },
    )
  }
}
