/** Logs as far as they are applied: sizes, entries, tiles, newest checkpoint, requirements. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { decodeRange, EMPTY_RANGE, encodeRange } from '../../protocol/merkle.ts'
import type { LogState, LogWriter, PublishedRequirements } from '../core/store.ts'
import type { LogTable } from './schema.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  placeholders,
  plainBytes,
  run,
  runRows,
  siteOf,
  tuples,
  type Tx,
} from './transaction.ts'

function requirementsOf(json: string | null): PublishedRequirements | null {
  if (json === null) return null
  const published: PublishedRequirements = JSON.parse(json)
  return published
}

async function logOf(tx: Tx, row: LogTable): Promise<LogState> {
  const { size, note, heartbeat } = row
  return {
    site: await siteOf(tx, row.log),
    size,
    range: decodeRange(row.range, size),
    note,
    heartbeat,
    requirements: requirementsOf(row.requirements),
  }
}

async function getLog(tx: Tx, site: SiteId): Promise<LogState | null> {
  const log = await findSite(tx, site)
  if (log === null) return null
  const [row] = await run<LogTable>(tx, 'select * from logs where log = ?', [log])
  return row === undefined ? null : logOf(tx, row)
}

async function getLogs(tx: Tx): Promise<LogState[]> {
  const rows = await run<LogTable>(tx, 'select * from logs order by log', [])
  const logs: LogState[] = []
  for (const row of rows) logs.push(await logOf(tx, row))
  return logs
}

async function getEntries(tx: Tx, site: SiteId, from: number, to: number): Promise<Uint8Array[]> {
  const log = await findSite(tx, site)
  if (log === null) return []
  const rows = await run<{ bytes: Uint8Array }>(
    tx,
    'select bytes from entries where log = ? and idx >= ? and idx < ? order by idx',
    [log, from, to],
  )
  return rows.map((row) => plainBytes(row.bytes))
}

const ENTRIES_AT = cachedText(
  (count) => `select idx, bytes from entries where log = ? and idx in (${placeholders(count)})`,
)

async function getEntriesAt(
  tx: Tx,
  site: SiteId,
  indexes: readonly number[],
): Promise<Map<number, Uint8Array>> {
  const log = await findSite(tx, site)
  if (log === null) return new Map()
  const rows = await lookUp<{ idx: number; bytes: Uint8Array }>(tx, ENTRIES_AT, [log], indexes)
  return new Map(rows.map((row) => [row.idx, plainBytes(row.bytes)]))
}

async function getTile(
  tx: Tx,
  site: SiteId,
  level: number,
  index: number,
): Promise<Uint8Array | null> {
  const log = await findSite(tx, site)
  if (log === null) return null
  const [row] = await run<{ hashes: Uint8Array }>(
    tx,
    'select hashes from tiles where log = ? and level = ? and idx = ?',
    [log, level, index],
  )
  return row === undefined ? null : plainBytes(row.hashes)
}

/** The log's number; its row is made where there is none. */
async function ensureLog(tx: Tx, site: SiteId): Promise<number> {
  const log = await internSite(tx, site)
  await run(
    tx,
    'insert into logs (log, size, range) values (?, 0, ?) on conflict (log) do nothing',
    [log, encodeRange(EMPTY_RANGE)],
  )
  return log
}

const INSERT_ENTRIES = cachedText(
  (count) => `insert into entries (log, idx, bytes) values ${tuples(count, 3)}`,
)
const SAVE_TILES = cachedText(
  (count) =>
    `insert into tiles (log, level, idx, hashes) values ${tuples(count, 4)} on conflict ` +
    '(log, level, idx) do update set hashes = excluded.hashes',
)

async function append(
  tx: Tx,
  site: SiteId,
  { from, entries, range, tiles }: Parameters<LogWriter['append']>[1],
): Promise<void> {
  const log = await ensureLog(tx, site)
  // Compare and set in one statement: the caller has read the size earlier, and two may race.
  const moved = await run(
    tx,
    'update logs set size = ?, range = ? where log = ? and size = ? returning log',
    [from + entries.length, encodeRange(range), log, from],
  )
  if (moved.length === 0)
    throw new ProtocolError('conflict', '/from', 'the present size of the log')
  await runRows(tx, [...entries.entries()], INSERT_ENTRIES, ([offset, bytes]) => [
    log,
    from + offset,
    bytes,
  ])
  await runRows(tx, tiles, SAVE_TILES, (tile) => [log, tile.level, tile.index, tile.hashes])
}

async function saveCheckpoint(
  tx: Tx,
  site: SiteId,
  note: string,
  heartbeat: number | null,
): Promise<void> {
  const log = await ensureLog(tx, site)
  await run(tx, 'update logs set note = ?, heartbeat = ? where log = ?', [note, heartbeat, log])
}

async function saveRequirements(
  tx: Tx,
  site: SiteId,
  published: PublishedRequirements,
): Promise<void> {
  const log = await ensureLog(tx, site)
  await run(tx, 'update logs set requirements = ? where log = ?', [JSON.stringify(published), log])
}

/** The logs inside one transaction. */
export function logsIn(tx: Tx): LogWriter {
  return {
    get: (site) => getLog(tx, site),
    all: () => getLogs(tx),
    entries: (site, from, to) => getEntries(tx, site, from, to),
    entriesAt: (site, indexes) => getEntriesAt(tx, site, indexes),
    tile: (site, level, index) => getTile(tx, site, level, index),
    append: (site, batch) => append(tx, site, batch),
    saveCheckpoint: (site, note, heartbeat) => saveCheckpoint(tx, site, note, heartbeat),
    saveRequirements: (site, published) => saveRequirements(tx, site, published),
  }
}
