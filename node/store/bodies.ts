/** Held bodies: ciphertext, and in clear the columns that search needs. */
import {
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type {
  BodyColumns,
  BodyWriter,
  Doomed,
  GatedColumns,
  HeldBody,
  PairColumns,
} from '../core/store.ts'
import { columnsOf, GATED_COLUMNS, gatedColumnsOf, TRAIT_COLUMNS, traitValues } from './columns.ts'
import { followDoomed, followStale } from './pictures.ts'
import type { Bit, BodyTable } from './schema.ts'
import {
  cachedText,
  findSite,
  internSite,
  joinWords,
  lookUp,
  placeholders,
  plainBytes,
  run,
  runRows,
  siteOf,
  tuples,
  type IndexedRow,
  type Tx,
  type Value,
} from './transaction.ts'

type HeldRow = BodyTable & { bytes: Uint8Array }

function bodyOf(home: SiteId, row: HeldRow): HeldBody {
  const sealed = { slot: row.slot, ciphertext: plainBytes(row.bytes) }
  return { ...columnsOf(row), home, sealed }
}

const HELD = 'select bodies.*, bytes from bodies join ciphertexts on body = id where doomed = 0'
const BY_INDEXES = cachedText((count) => `${HELD} and home = ? and idx in (${placeholders(count)})`)

async function getAtIndexes(tx: Tx, home: SiteId, indexes: readonly number[]): Promise<HeldBody[]> {
  const id = await findSite(tx, home)
  if (id === null) return []
  const rows = await lookUp<HeldRow>(tx, BY_INDEXES, [id], indexes)
  return rows.map((row) => bodyOf(home, row))
}

async function getOfRecord(tx: Tx, home: SiteId, record: RecordId): Promise<HeldBody | null> {
  const id = await findSite(tx, home)
  if (id === null) return null
  const [row] = await run<HeldRow>(
    tx,
    `${HELD} and home = ? and idx =
      (select idx from records where log = ? and record = ? and live = 1)`,
    [id, id, idBytes(record)],
  )
  return row === undefined ? null : bodyOf(home, row)
}

const OF_RECORDS = cachedText(
  (count) =>
    'select bodies.* from bodies where doomed = 0 and home = ? and idx in (select idx from records ' +
    `where log = ? and live = 1 and record in (${placeholders(count)}))`,
)

async function getOfRecords(
  tx: Tx,
  home: SiteId,
  records: readonly RecordId[],
): Promise<BodyColumns[]> {
  const id = await findSite(tx, home)
  if (id === null) return []
  return (await lookUp<BodyTable>(tx, OF_RECORDS, [id, id], records.map(idBytes))).map(columnsOf)
}

/** By a subquery: for a join SQLite first fills a Bloom filter, which costs ten times the look-up. */
const LIVE_BODY =
  'from bodies where doomed = 0 and bodies.home = ? and idx = ' +
  '(select idx from records where log = ? and record = ? and live = 1)'
/** One statement for all, since every message asks it, on both sides. */
const OF_PAIR =
  `select home, ${GATED_COLUMNS.join(', ')}, (select count(*) from blocks where blocks.record = ? and blocks.home = ? and blocked = ?) ` +
  `as blocked ${LIVE_BODY} union all select home, ${GATED_COLUMNS.join(', ')}, 0 ${LIVE_BODY}`

type PairRow = Pick<BodyTable, 'home' | (typeof GATED_COLUMNS)[number]> & { blocked: number }

async function getOfPair(
  tx: Tx,
  own: RecordId,
  home: SiteId,
  other: RecordId,
): Promise<PairColumns> {
  const [self, partner] = [await findSite(tx, tx.own), await findSite(tx, home)]
  if (self === null || partner === null) return { own: null, other: null, isBlocked: false }
  const [ownBytes, otherBytes] = [idBytes(own), idBytes(other)]
  const rows = await run<PairRow>(tx, OF_PAIR, [
    ownBytes,
    partner,
    otherBytes,
    self,
    self,
    ownBytes,
    partner,
    partner,
    otherBytes,
  ])
  const columns = (site: number): GatedColumns | null => {
    const row = rows.find((one) => one.home === site)
    return row === undefined ? null : gatedColumnsOf(row)
  }
  const isBlocked = rows.some(({ blocked }) => blocked > 0)
  return { own: columns(self), other: columns(partner), isBlocked }
}

async function getColumns(
  tx: Tx,
  home: SiteId,
  above: number,
  limit: number,
): Promise<BodyColumns[]> {
  const id = await findSite(tx, home)
  if (id === null) return []
  const rows = await run<BodyTable>(
    tx,
    'select * from bodies where home = ? and idx > ? and doomed = 0 order by idx limit ?',
    [id, above, limit],
  )
  return rows.map(columnsOf)
}

async function getDoomed(tx: Tx, limit: number): ReturnType<BodyWriter['doomed']> {
  const rows = await run<{ home: number; idx: number; slot: number }>(
    tx,
    'select home, idx, slot from bodies where doomed = 1 order by id limit ?',
    [limit],
  )
  const doomed: Awaited<ReturnType<BodyWriter['doomed']>> = []
  for (const { home, idx, slot } of rows)
    doomed.push({ home: await siteOf(tx, home), index: idx, slot })
  return doomed
}

async function getSlots(tx: Tx): Promise<number[]> {
  return (await run<{ slot: number }>(tx, 'select slot from bodies', [])).map((row) => row.slot)
}

const COLUMNS =
  'home, idx, record, slot, doomed, expires, scopes, excludes, gender, seeks, seeks_age_min, ' +
  'seeks_age_max, birth_day, age_years, aged_on, language, country, latitude_tenths, ' +
  `longitude_tenths, ${TRAIT_COLUMNS.join(', ')}`
const COLUMN_COUNT = COLUMNS.split(',').length

const INSERT = cachedText(
  (count) =>
    `insert into bodies (${COLUMNS}, published_at, joined_at) with given (${COLUMNS}) as (values ` +
    `${tuples(count, COLUMN_COUNT)}) select given.*, records.published_at, records.joined_at ` +
    'from given cross join records where records.log = given.home and ' +
    'records.record = given.record and records.idx = given.idx and records.live = 1 ' +
    'on conflict (home, idx) do nothing returning id, idx, published_at, joined_at',
)
const INSERT_CIPHERTEXTS = cachedText(
  (count) => `insert into ciphertexts (body, bytes) values ${tuples(count, 2)}`,
)
/** Also of bodies that were held before: they need not be asked for again. */
const CLEAR_WANTED = cachedText(
  (count) =>
    'update records indexed by records_idx set wanted = 0 where log = ? and wanted = 1 and ' +
    'exists (select 1 from bodies ' +
    'where home = records.log and bodies.idx = records.idx and doomed = 0) and ' +
    `idx in (${placeholders(count)})`,
)

function valuesOf(home: number, body: Omit<HeldBody, 'home'>): Value[] {
  const { facts } = body
  return [
    home,
    body.index,
    idBytes(body.record),
    body.sealed.slot,
    0,
    body.expires,
    joinWords(body.scopes),
    joinWords(body.excludes),
    facts.gender,
    joinWords(facts.seeks),
    facts.seeksAgeMin,
    facts.seeksAgeMax,
    facts.birthDay,
    facts.ageYears,
    facts.agedOn,
    facts.language,
    facts.country,
    facts.latitudeTenths,
    facts.longitudeTenths,
    ...traitValues(body.traits),
  ]
}

type KeptRow = { id: number } & Pick<BodyTable, 'idx' | 'published_at' | 'joined_at'>

async function insertBodies(
  tx: Tx,
  home: SiteId,
  bodies: readonly Omit<HeldBody, 'home'>[],
): Promise<number[]> {
  const site = await internSite(tx, home)
  const kept = await runRows<Omit<HeldBody, 'home'>, KeptRow>(tx, bodies, INSERT, (body) =>
    valuesOf(site, body),
  )
  const rows = new Map(kept.map((row) => [row.idx, row]))
  const ciphertexts: [number, Uint8Array][] = []
  const indexed: IndexedRow[] = []
  for (const { sealed, excludes: _excludes, ...columns } of bodies) {
    const row = rows.get(columns.index)
    if (row === undefined) continue
    const { id, published_at: publishedAt, joined_at: joinedAt } = row
    ciphertexts.push([id, sealed.ciphertext])
    indexed.push({ id, home, ...columns, publishedAt, joinedAt })
  }
  if (home !== tx.own) tx.changes.push({ kind: 'kept', bodies: indexed })
  await runRows(tx, ciphertexts, INSERT_CIPHERTEXTS, (row) => row)
  await lookUp(
    tx,
    CLEAR_WANTED,
    [site],
    bodies.map((body) => body.index),
  )
  return kept.map((row) => row.idx)
}

const SET_TRAITS = `update bodies set ${TRAIT_COLUMNS.map((name) => `${name} = ?`).join(', ')} where
  home = ? and idx = ?`

async function setTraits(
  tx: Tx,
  home: SiteId,
  bodies: Parameters<BodyWriter['setTraits']>[1],
): Promise<void> {
  const site = await internSite(tx, home)
  for (const { index, traits } of bodies)
    await run(tx, SET_TRAITS, [...traitValues(traits), site, index])
}

const DOOMED =
  'returning record, idx, exists (select 1 from records where records.log = bodies.home and ' +
  'records.record = bodies.record and records.live = 1 and records.idx > bodies.idx) as superseded'
const DOOM = cachedText(
  (count) =>
    'update bodies set doomed = 1 where home = ? and doomed = 0 and ' +
    `idx in (${placeholders(count)}) ${DOOMED}`,
)

type DoomedRow = Pick<BodyTable, 'record' | 'idx'> & { superseded: Bit }

/** What an update has doomed; it leaves the index together with its rows. */
function left(tx: Tx, home: SiteId, rows: readonly DoomedRow[]): Doomed[] {
  const doomed = rows.map(({ record, idx, superseded }) => ({
    record: recordIdOf(record),
    index: idx,
    isSuperseded: superseded === 1,
  }))
  if (home !== tx.own && doomed.length > 0) {
    const bodies = doomed.map(({ record, index }) => ({ home, record, index }))
    tx.changes.push({ kind: 'gone', bodies })
  }
  return doomed.map(({ record, isSuperseded }) => ({ record, isSuperseded }))
}

async function doom(tx: Tx, home: SiteId, indexes: readonly number[] | 'all'): Promise<Doomed[]> {
  const site = await internSite(tx, home)
  const rows =
    indexes === 'all'
      ? await run<DoomedRow>(
          tx,
          `update bodies set doomed = 1 where home = ? and doomed = 0 ${DOOMED}`,
          [site],
        )
      : await lookUp<DoomedRow>(tx, DOOM, [site], indexes)
  await followDoomed(tx, site, indexes)
  return left(tx, home, rows)
}

async function doomStale(tx: Tx, home: SiteId): Promise<Doomed[]> {
  const site = await internSite(tx, home)
  const rows = await run<DoomedRow>(
    tx,
    `update bodies set doomed = 1 where home = ? and doomed = 0 and not exists (select 1 from
      records where records.log = bodies.home and records.record = bodies.record and
      records.idx = bodies.idx and records.live = 1) ${DOOMED}`,
    [site],
  )
  await followStale(tx, site)
  return left(tx, home, rows)
}

/** Only doomed rows: the core may name a body whose record was published anew meanwhile. */
const REMOVE = cachedText(
  (count) => `delete from bodies where home = ? and doomed = 1 and idx in (${placeholders(count)})`,
)

async function remove(tx: Tx, bodies: Parameters<BodyWriter['remove']>[0]): Promise<void> {
  const indexes = new Map<SiteId, number[]>()
  for (const { home, index } of bodies) {
    const list = indexes.get(home)
    if (list === undefined) indexes.set(home, [index])
    else list.push(index)
  }
  for (const [home, list] of indexes) await lookUp(tx, REMOVE, [await internSite(tx, home)], list)
}

/** The bodies inside one transaction. */
export function bodiesIn(tx: Tx): BodyWriter {
  return {
    atIndexes: (home, indexes) => getAtIndexes(tx, home, indexes),
    ofRecord: (home, record) => getOfRecord(tx, home, record),
    ofRecords: (home, records) => getOfRecords(tx, home, records),
    ofPair: (own, home, other) => getOfPair(tx, own, home, other),
    columns: (home, above, limit) => getColumns(tx, home, above, limit),
    doomed: (limit) => getDoomed(tx, limit),
    slots: () => getSlots(tx),
    insert: (home, bodies) => insertBodies(tx, home, bodies),
    setTraits: (home, bodies) => setTraits(tx, home, bodies),
    doom: (home, indexes) => doom(tx, home, indexes),
    doomStale: (home) => doomStale(tx, home),
    remove: (bodies) => remove(tx, bodies),
  }
}
