/** Who has blocked whom: ids of records, and nothing else. */
import {
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type { BlockRow, BlockWriter } from '../core/store.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  placeholders,
  run,
  siteOf,
  type Tx,
} from './transaction.ts'

type Row = { record: Uint8Array; home: number; blocked: Uint8Array; time: number }

async function rowsOf(tx: Tx, rows: readonly Row[]): Promise<BlockRow[]> {
  const found: BlockRow[] = []
  for (const { record, home, blocked, time } of rows)
    found.push({
      record: recordIdOf(record),
      home: await siteOf(tx, home),
      blocked: recordIdOf(blocked),
      time,
    })
  return found
}

const OF_MANY = cachedText(
  (count) =>
    `select record, home, blocked, time from blocks where record in (${placeholders(count)})`,
)

async function ofMany(tx: Tx, records: readonly RecordId[]): Promise<BlockRow[]> {
  return rowsOf(tx, await lookUp<Row>(tx, OF_MANY, [], records.map(idBytes)))
}

async function has(tx: Tx, record: RecordId, home: SiteId, blocked: RecordId): Promise<boolean> {
  const site = await findSite(tx, home)
  if (site === null) return false
  const rows = await run(tx, 'select 1 from blocks where record = ? and home = ? and blocked = ?', [
    idBytes(record),
    site,
    idBytes(blocked),
  ])
  return rows.length > 0
}

const LIVE_IN = cachedText(
  (count) =>
    `select log from records where record = ? and live = 1 and log in (${placeholders(count)})`,
)

/** Log by log, each by its key: there is no index of records over all logs. */
async function homesOf(tx: Tx, record: RecordId): Promise<SiteId[]> {
  const logs = await run<{ log: number }>(tx, 'select log from logs', [])
  const rows = await lookUp<{ log: number }>(
    tx,
    LIVE_IN,
    [idBytes(record)],
    logs.map(({ log }) => log),
  )
  const homes: SiteId[] = []
  for (const { log } of rows) homes.push(await siteOf(tx, log))
  return homes
}

async function add(tx: Tx, row: BlockRow): Promise<void> {
  await tx.db
    .insertInto('blocks')
    .values({
      record: idBytes(row.record),
      home: await internSite(tx, row.home),
      blocked: idBytes(row.blocked),
      time: row.time,
    })
    .onConflict((conflict) => conflict.columns(['record', 'home', 'blocked']).doNothing())
    .execute()
}

async function remove(tx: Tx, record: RecordId, blocked: RecordId): Promise<void> {
  await tx.db
    .deleteFrom('blocks')
    .where('record', '=', idBytes(record))
    .where('blocked', '=', idBytes(blocked))
    .execute()
}

async function prune(tx: Tx): Promise<void> {
  await run(tx, 'delete from blocks where record not in (select record from members)', [])
  await run(
    tx,
    `delete from blocks where not exists (select 1 from records where records.log = blocks.home and
      records.record = blocks.blocked and live = 1)`,
    [],
  )
}

/** The blocks inside one transaction. */
export function blocksIn(tx: Tx): BlockWriter {
  return {
    ofMany: (records) => ofMany(tx, records),
    has: (record, home, blocked) => has(tx, record, home, blocked),
    homesOf: (record) => homesOf(tx, record),
    add: (row) => add(tx, row),
    remove: (record, blocked) => remove(tx, record, blocked),
    prune: () => prune(tx),
  }
}
