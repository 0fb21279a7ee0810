/** What discovery filters and sorts by: traits of bodies, and when a record was first published. */
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { decodeEntry } from '../../../protocol/entry.ts'

const PAGE = 1000

async function addColumns(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('records')
    .addColumn('joined_at', 'integer', (col) => col.notNull().defaultTo(0))
    .execute()
  for (const name of ['picture', 'joined_at', 'published_at'])
    await db.schema
      .alterTable('bodies')
      .addColumn(name, 'integer', (col) => col.notNull().defaultTo(0))
      .execute()
  await db.schema
    .alterTable('bodies')
    .addColumn('languages', 'text', (col) => col.notNull().defaultTo(''))
    .execute()
  for (const name of ['height_cm', 'weight_kg'])
    await db.schema.alterTable('bodies').addColumn(name, 'integer').execute()
  // Null where the traits are not known: bodies that were kept before are read again by the node.
  await db.schema.alterTable('bodies').addColumn('choices', 'text').execute()
}

/** By the entries: a record joined when its first version was published. */
async function findJoined(db: Kysely<unknown>): Promise<void> {
  for (let [log, above] = [-1, -1]; ;) {
    const { rows } = await sql<{ log: number; idx: number; record: Uint8Array; bytes: Uint8Array }>`
      select entries.log, entries.idx, record, bytes from entries
      join records on records.log = entries.log and records.first_idx = entries.idx
      where (entries.log, entries.idx) > (${log}, ${above})
      order by entries.log, entries.idx limit ${PAGE}`.execute(db)
    for (const row of rows) {
      const { time } = decodeEntry(row.bytes)
      await sql`update records set joined_at = ${time}
        where log = ${row.log} and record = ${row.record}`.execute(db)
    }
    const last = rows.at(-1)
    if (last === undefined) return
    log = last.log
    above = last.idx
  }
}

export const search: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await addColumns(db)
    await sql`update records set joined_at = published_at`.execute(db)
    await findJoined(db)
    await sql`update bodies set
      published_at = coalesce((select published_at from records where records.log = bodies.home
        and records.record = bodies.record), 0),
      joined_at = coalesce((select joined_at from records where records.log = bodies.home
        and records.record = bodies.record), 0)`.execute(db)
  },
}
