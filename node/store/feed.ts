/** The feed: what the website is told, in order; and what it was told of, and may be told anew. */
import { invariant } from '../../protocol/errors.ts'
import {
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import { RECORDS_PER_ROW, type Aside, type FeedRow, type FeedWriter } from '../core/feed-rows.ts'
import type { Notice } from '../core/website.ts'
import type { FeedTable } from './schema.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  packRecords,
  placeholders,
  run,
  runRows,
  siteOf,
  tuples,
  unpackRecords,
  type Tx,
  type Value,
} from './transaction.ts'

/** Ids, domain names, numbers, words of a list: nothing that a person wrote fits in here. */
const WORD = /^[\w.:-]{1,253}$/

interface Group {
  type: string
  fields: string
  records: RecordId[]
}

/** Neighbours that differ in their record alone become one row. */
function groupsOf(notices: readonly Notice[]): Group[] {
  const groups: Group[] = []
  for (const notice of notices) {
    const { type, ...rest } = notice
    const { record, ...others } = { record: null, ...rest }
    for (const value of Object.values(others))
      invariant(typeof value === 'number' || WORD.test(value), 'a notice holds ids and words only')
    const fields = JSON.stringify(others)
    const last = groups.at(-1)
    const isSame =
      last?.type === type && last.fields === fields && last.records.length < RECORDS_PER_ROW
    if (record !== null && isSame) last.records.push(record)
    else groups.push({ type, fields, records: record === null ? [] : [record] })
  }
  return groups
}

async function newest(tx: Tx): Promise<number> {
  const [row] = await run<{ id: number }>(tx, 'select id from feed order by id desc limit 1', [])
  return row?.id ?? 0
}

const INSERT = cachedText(
  (count) => `insert into feed (id, time, type, fields, records) values ${tuples(count, 5)}`,
)

async function add(tx: Tx, notices: readonly Notice[], time: number): Promise<void> {
  if (notices.length === 0) return
  let id = await newest(tx)
  const rows = groupsOf(notices).map(({ type, fields, records }): readonly Value[] => {
    id += 1
    return [id, time, type, fields, packRecords(records)]
  })
  await runRows(tx, rows, INSERT, (row) => row)
}

async function after(tx: Tx, id: number, limit: number): Promise<FeedRow[]> {
  const rows = await run<FeedTable>(tx, 'select * from feed where id > ? order by id limit ?', [
    id,
    limit,
  ])
  return rows.map((row) => ({
    id: row.id,
    time: row.time,
    type: row.type as Notice['type'],
    fields: JSON.parse(row.fields) as FeedRow['fields'],
    records: unpackRecords(row.records),
  }))
}

const PUT_ASIDE = cachedText(
  (count) =>
    `insert into feed_aside (home, record, since) values ${tuples(count, 3)} ` +
    'on conflict (home, record) do update set since = excluded.since',
)
const TAKE = 'delete from feed_aside where'
const TAKE_RECORDS = cachedText(
  (count) => `${TAKE} home = ? and record in (${placeholders(count)}) returning home, record`,
)
const TAKE_INDEXES = cachedText(
  (count) =>
    `${TAKE} home = ? and record in (select record from records indexed by records_idx where ` +
    `log = ? and idx in (${placeholders(count)})) returning home, record`,
)

interface AsideRow {
  home: number
  record: Uint8Array
}

async function takeRows(tx: Tx, which: Aside): Promise<AsideRow[]> {
  if ('until' in which)
    return run<AsideRow>(tx, `${TAKE} since <= ? returning home, record`, [which.until])
  const home = await findSite(tx, which.home)
  if (home === null) return []
  if ('records' in which)
    return lookUp<AsideRow>(tx, TAKE_RECORDS, [home], which.records.map(idBytes))
  if ('indexes' in which) return lookUp<AsideRow>(tx, TAKE_INDEXES, [home, home], which.indexes)
  if ('all' in which) return run<AsideRow>(tx, `${TAKE} home = ? returning home, record`, [home])
  return run<AsideRow>(
    tx,
    `${TAKE} home = ? and not exists (select 1 from records where log = feed_aside.home and
      records.record = feed_aside.record and live = 1) returning home, record`,
    [home],
  )
}

async function takeAside(tx: Tx, which: Aside): ReturnType<FeedWriter['takeAside']> {
  const taken: { home: SiteId; record: RecordId }[] = []
  for (const { home, record } of await takeRows(tx, which))
    taken.push({ home: await siteOf(tx, home), record: recordIdOf(record) })
  return taken
}

async function hiddenHomes(tx: Tx): Promise<SiteId[]> {
  const homes: SiteId[] = []
  for (const { home } of await run<{ home: number }>(tx, 'select home from hidden_homes', []))
    homes.push(await siteOf(tx, home))
  return homes
}

async function setHidden(tx: Tx, home: SiteId, isHidden: boolean): Promise<void> {
  const id = await internSite(tx, home)
  if (isHidden)
    await run(tx, 'insert into hidden_homes (home) values (?) on conflict (home) do nothing', [id])
  else await run(tx, 'delete from hidden_homes where home = ?', [id])
}

async function holds(tx: Tx, home: SiteId): Promise<boolean> {
  const id = await findSite(tx, home)
  if (id === null) return false
  const rows = await run(tx, 'select 1 from bodies where home = ? and doomed = 0 limit 1', [id])
  return rows.length > 0
}

/** From the oldest on, up to the first that is young enough: so that no hole comes to be. */
async function purge(tx: Tx, time: number, count: number): Promise<void> {
  const last = await newest(tx)
  const [young] = await run<{ id: number }>(
    tx,
    'select id from feed where time >= ? order by id limit 1',
    [time],
  )
  const keep = Math.min(last, Math.max(young?.id ?? last, last - count + 1))
  await run(tx, 'delete from feed where id < ?', [keep])
}

/** The feed inside one transaction. */
export function feedIn(tx: Tx): FeedWriter {
  return {
    after: (id, limit) => after(tx, id, limit),
    newest: () => newest(tx),
    hiddenHomes: () => hiddenHomes(tx),
    isAside: async (until) =>
      (await run(tx, 'select 1 from feed_aside where since <= ? limit 1', [until])).length > 0,
    holds: (home) => holds(tx, home),
    add: (notices, time) => add(tx, notices, time),
    putAside: async (home, records, time) => {
      const site = await internSite(tx, home)
      await runRows(tx, records, PUT_ASIDE, (record) => [site, idBytes(record), time])
    },
    takeAside: (which) => takeAside(tx, which),
    setHidden: (home, isHidden) => setHidden(tx, home, isHidden),
    purge: (time, count) => purge(tx, time, count),
  }
}
