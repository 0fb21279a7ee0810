/** What the logs say of each record, which bodies are still to be asked for, pending withdrawals. */
import {
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type { PendingWithdrawal, RecordCounts, RecordState, RecordWriter } from '../core/store.ts'
import type { RecordTable } from './schema.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  placeholders,
  run,
  runRows,
  tuples,
  type Tx,
} from './transaction.ts'

function stateOf(row: RecordTable): RecordState {
  return {
    record: recordIdOf(row.record),
    firstIndex: row.first_idx,
    index: row.idx,
    version: row.version,
    live: row.live === 1,
    endIndex: row.end_idx,
    publishedAt: row.published_at,
    joinedAt: row.joined_at,
    expires: row.expires,
  }
}

const BY_RECORDS = cachedText(
  (count) => `select * from records where log = ? and record in (${placeholders(count)})`,
)

async function getRecords(
  tx: Tx,
  home: SiteId,
  records: readonly RecordId[],
): Promise<RecordState[]> {
  const log = await findSite(tx, home)
  if (log === null) return []
  const rows = await lookUp<RecordTable>(tx, BY_RECORDS, [log], records.map(idBytes))
  return rows.map(stateOf)
}

/**
 * Named, since SQLite without statistics (which we do not let it keep: they hold copies of keys)
 * takes the first column of the primary key alone to be good enough, and would read the whole log.
 */
const INDEX = 'indexed by records_idx'
const BY_INDEXES = cachedText(
  (count) => `select * from records ${INDEX} where log = ? and idx in (${placeholders(count)})`,
)

async function getAtIndexes(
  tx: Tx,
  home: SiteId,
  indexes: readonly number[],
): Promise<RecordState[]> {
  const log = await findSite(tx, home)
  if (log === null) return []
  return (await lookUp<RecordTable>(tx, BY_INDEXES, [log], indexes)).map(stateOf)
}

async function getWanted(
  tx: Tx,
  home: SiteId,
  above: number,
  limit: number,
): Promise<RecordState[]> {
  const log = await findSite(tx, home)
  if (log === null) return []
  const rows = await run<RecordTable>(
    tx,
    'select * from records where log = ? and wanted = 1 and idx > ? order by idx limit ?',
    [log, above, limit],
  )
  return rows.map(stateOf)
}

async function getExpired(
  tx: Tx,
  home: SiteId,
  now: number,
  limit: number,
): Promise<RecordState[]> {
  const log = await findSite(tx, home)
  if (log === null) return []
  const rows = await run<RecordTable>(
    tx,
    'select * from records where log = ? and live = 1 and expires <= ? order by expires limit ?',
    [log, now, limit],
  )
  return rows.map(stateOf)
}

async function getEnded(
  tx: Tx,
  home: SiteId,
  above: number,
  limit: number,
): Promise<RecordState[]> {
  const log = await findSite(tx, home)
  if (log === null) return []
  const rows = await run<RecordTable>(
    tx,
    'select * from records where log = ? and end_idx > ? order by end_idx limit ?',
    [log, above, limit],
  )
  return rows.map(stateOf)
}

async function countRecords(tx: Tx, home: SiteId): Promise<RecordCounts> {
  const log = await findSite(tx, home)
  if (log === null) return { live: 0, withdrawn: 0, held: 0 }
  const [row] = await run<RecordCounts & { known: number }>(
    tx,
    `select (select count(*) from records where log = ?) as known,
      (select count(*) from records where log = ? and live = 1) as live,
      (select count(*) from bodies where home = ? and doomed = 0) as held`,
    [log, log, log],
  )
  const { known, live, held } = row ?? { known: 0, live: 0, held: 0 }
  return { live, withdrawn: known - live, held }
}

const SAVE = cachedText(
  (count) =>
    'insert into records (log, record, first_idx, idx, version, live, end_idx, wanted, published_at, ' +
    `expires, joined_at) values ${tuples(count, 11)} on conflict (log, record) do update set ` +
    'first_idx = excluded.first_idx, idx = excluded.idx, version = excluded.version, ' +
    'live = excluded.live, end_idx = excluded.end_idx, wanted = excluded.wanted, published_at = excluded.published_at, ' +
    'expires = excluded.expires, joined_at = excluded.joined_at',
)

async function saveRecords(
  tx: Tx,
  home: SiteId,
  states: readonly RecordState[],
  wanted: boolean,
): Promise<void> {
  const log = await internSite(tx, home)
  await runRows(tx, states, SAVE, (state) => [
    log,
    idBytes(state.record),
    state.firstIndex,
    state.index,
    state.version,
    state.live ? 1 : 0,
    state.endIndex,
    state.live && wanted ? 1 : 0,
    state.publishedAt,
    state.expires,
    state.joinedAt,
  ])
}

async function endBelow(tx: Tx, home: SiteId, size: number): Promise<void> {
  const log = await internSite(tx, home)
  await run(tx, 'update records set live = 0, wanted = 0 where log = ? and first_idx < ?', [
    log,
    size,
  ])
}

const SET_ASKED = cachedText(
  (count) =>
    `update records ${INDEX} set wanted = 0 where log = ? and idx in (${placeholders(count)})`,
)

async function setAsked(tx: Tx, home: SiteId, indexes: readonly number[]): Promise<void> {
  await lookUp(tx, SET_ASKED, [await internSite(tx, home)], indexes)
}

async function wantAll(tx: Tx, home: SiteId): Promise<void> {
  await run(
    tx,
    `update records set wanted = 1 where log = ? and live = 1 and not exists (select 1 from bodies
      where home = records.log and bodies.idx = records.idx and doomed = 0)`,
    [await internSite(tx, home)],
  )
}

async function getPending(tx: Tx): Promise<PendingWithdrawal[]> {
  const rows = await tx.db
    .selectFrom('pending_withdrawals')
    .selectAll()
    .orderBy('time')
    .orderBy('record')
    .execute()
  return rows.map((row) => ({
    record: recordIdOf(row.record),
    reason: row.reason,
    time: row.time,
    notice: row.notice,
  }))
}

async function addPending(tx: Tx, pending: PendingWithdrawal): Promise<void> {
  // The first one stands: asking twice must not move the time at which the member asked.
  await tx.db
    .insertInto('pending_withdrawals')
    .values({ ...pending, record: idBytes(pending.record) })
    .onConflict((conflict) => conflict.column('record').doNothing())
    .execute()
}

async function removePending(tx: Tx, record: RecordId): Promise<void> {
  await tx.db.deleteFrom('pending_withdrawals').where('record', '=', idBytes(record)).execute()
}

/** The records inside one transaction. */
export function recordsIn(tx: Tx): RecordWriter {
  return {
    get: async (home, record) => (await getRecords(tx, home, [record]))[0] ?? null,
    getMany: (home, records) => getRecords(tx, home, records),
    atIndexes: (home, indexes) => getAtIndexes(tx, home, indexes),
    wanted: (home, above, limit) => getWanted(tx, home, above, limit),
    expired: (home, now, limit) => getExpired(tx, home, now, limit),
    ended: (home, above, limit) => getEnded(tx, home, above, limit),
    counts: (home) => countRecords(tx, home),
    pendingWithdrawals: () => getPending(tx),
    save: (home, states, wanted) => saveRecords(tx, home, states, wanted),
    endBelow: (home, size) => endBelow(tx, home, size),
    setAsked: (home, indexes) => setAsked(tx, home, indexes),
    wantAll: (home) => wantAll(tx, home),
    addPending: (pending) => addPending(tx, pending),
    removePending: (record) => removePending(tx, record),
  }
}
