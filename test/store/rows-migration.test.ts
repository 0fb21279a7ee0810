import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, it } from 'vitest'
import { init } from '../../node/store/migrations/001-init.ts'
import { pictures } from '../../node/store/migrations/002-pictures.ts'
import { search } from '../../node/store/migrations/003-search.ts'
import { rows } from '../../node/store/migrations/012-rows.ts'

const record = (byte: number): Buffer => Buffer.alloc(16, byte)

describe('the migration of members and records', () => {
  it('keeps every row, every constraint, and finds them by their indexes', async () => {
    const sqlite = new Sqlite(':memory:')
    await using db = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
    for (const migration of [init, pictures, search]) await migration.up(db)
    const insertRecord =
      'insert into records (log, record, first_idx, idx, version, live, end_idx, wanted, ' +
      'published_at, expires, joined_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
    const insertMember = 'insert into members (member_key, record, input_digest) values (?, ?, ?)'
    const states = [
      [1, record(9), 0, 2, 2, 1, null, 1, 70, 90, 60],
      [1, record(4), 1, 1, 1, 0, 3, 0, 50, 80, 50],
      [2, record(9), 0, 0, 1, 1, null, 0, 40, 95, 40],
    ]
    for (const state of states) sqlite.prepare(insertRecord).run(...state)
    const member = [Buffer.alloc(32, 7), record(9), Buffer.alloc(32, 8)]
    sqlite.prepare(insertMember).run(...member)
    const all = (): unknown[] => [
      sqlite.prepare('select * from records order by log, record').all(),
      sqlite.prepare('select * from members').all(),
    ]
    const before = all()
    await rows.up(db)
    expect(all()).toEqual(before)
    expect(() => sqlite.prepare(insertRecord).run(...(states[0] ?? []))).toThrow('UNIQUE')
    expect(() => sqlite.prepare(insertMember).run(...member)).toThrow('UNIQUE')
    expect(() => sqlite.prepare(insertMember).run(Buffer.alloc(32, 1), null, null)).toThrow(
      'NOT NULL',
    )
    const plan = sqlite
      .prepare('explain query plan select * from records where log = ? and record in (?, ?)')
      .all(1, record(9), record(4))
    expect(JSON.stringify(plan)).toContain('records_record (log=? AND record=?)')
  })
})
