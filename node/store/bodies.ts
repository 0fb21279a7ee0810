/** Held bodies: ciphertext, and in clear the columns that search needs. */
import { addYears, ageOnDay, dayNumber, isoDateOfDay } from '../../protocol/dates.ts'
import type { Scope } from '../../protocol/consent.ts'
import {
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type { BodyColumns, BodyFilter, BodyWriter, HeldBody, PairColumns } from '../core/store.ts'
import type { BodyTable } from './schema.ts'
import {
  cachedText,
  findSite,
  findSites,
  internSite,
  joinWords,
  lookUp,
  placeholders,
  plainBytes,
  run,
  runRows,
  siteOf,
  splitWords,
  tuples,
  type Tx,
  type Value,
} from './transaction.ts'

type HeldRow = BodyTable & { bytes: Uint8Array }

function columnsOf(row: BodyTable): BodyColumns {
  return {
    record: recordIdOf(row.record),
    index: row.idx,
    expires: row.expires,
    scopes: splitWords<Scope>(row.scopes),
    excludes: splitWords<SiteId>(row.excludes),
    facts: {
      gender: row.gender,
      seeks: splitWords(row.seeks),
      seeksAgeMin: row.seeks_age_min,
      seeksAgeMax: row.seeks_age_max,
      birthDay: row.birth_day,
      ageYears: row.age_years,
      agedOn: row.aged_on,
      language: row.language,
      country: row.country,
      latitudeTenths: row.latitude_tenths,
      longitudeTenths: row.longitude_tenths,
    },
  }
}

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
  `select bodies.*, (select count(*) from blocks where blocks.record = ? and blocks.home = ? and blocked = ?) ` +
  `as blocked ${LIVE_BODY} union all select bodies.*, 0 as blocked ${LIVE_BODY}`

async function getOfPair(
  tx: Tx,
  own: RecordId,
  home: SiteId,
  other: RecordId,
): Promise<PairColumns> {
  const [self, partner] = [await findSite(tx, tx.own), await findSite(tx, home)]
  if (self === null || partner === null) return { own: null, other: null, isBlocked: false }
  const [ownBytes, otherBytes] = [idBytes(own), idBytes(other)]
  const rows = await run<BodyTable & { blocked: number }>(tx, OF_PAIR, [
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
  const columns = (site: number): BodyColumns | null => {
    const row = rows.find((one) => one.home === site)
    return row === undefined ? null : columnsOf(row)
  }
  const isBlocked = rows.some(({ blocked }) => blocked > 0)
  return { own: columns(self), other: columns(partner), isBlocked }
}

/** The latest day of birth of who is at least `years` old on `today`, as `ageOnDay` counts. */
function bornBy(today: number, years: number): number {
  let day = dayNumber(addYears(isoDateOfDay(today), -years)) + 1
  while (ageOnDay(day, today) < years) day -= 1
  return day
}

/** What a filter asks besides the home, as SQL and its values. */
function conditionOf(filter: BodyFilter): { sql: string; values: Value[] } {
  const { genders, countries, languages, ageMin, ageMax, today, after } = filter
  const terms = ['doomed = 0']
  const values: Value[] = []
  for (const [column, list] of Object.entries({
    gender: genders,
    country: countries,
    language: languages,
  })) {
    if (list === undefined) continue
    // An empty list accepts nothing, and not every database knows the empty parentheses.
    terms.push(list.length === 0 ? '1 = 0' : `${column} in (${placeholders(list.length)})`)
    values.push(...list)
  }
  if (ageMin !== undefined) {
    terms.push('case when birth_day is null then age_years >= ? else birth_day <= ? end')
    values.push(ageMin, bornBy(today, ageMin))
  }
  if (ageMax !== undefined) {
    terms.push('case when birth_day is null then age_years <= ? else birth_day > ? end')
    values.push(ageMax, bornBy(today, ageMax + 1))
  }
  if (after !== undefined) {
    terms.push('records.record > ?')
    values.push(idBytes(after))
  }
  return { sql: terms.join(' and '), values }
}

const BY_IDS = cachedText((count) => `${HELD} and id in (${placeholders(count)})`)
const byRecord = (a: { record: string }, b: { record: string }): number =>
  a.record < b.record ? -1 : 1

/**
 * Home by home, since one query over all would sort them all. Through the records, which are in this
 * order already: an index of the bodies would cost each insert a page.
 */
async function listBodies(tx: Tx, filter: BodyFilter): Promise<HeldBody[]> {
  const { sql, values } = conditionOf(filter)
  const found: { id: number; record: RecordId }[] = []
  for (const home of await findSites(tx, filter.homes)) {
    const rows = await run<{ id: number; record: Uint8Array }>(
      tx,
      'select id, bodies.record from records join bodies on home = log and bodies.idx = ' +
        `records.idx where log = ? and live = 1 and ${sql} order by records.record limit ?`,
      [home, ...values, filter.limit],
    )
    for (const { id, record } of rows) found.push({ id, record: recordIdOf(record) })
  }
  const ids = found.toSorted(byRecord).slice(0, filter.limit)
  const rows = await lookUp<HeldRow>(
    tx,
    BY_IDS,
    [],
    ids.map((row) => row.id),
  )
  const bodies: HeldBody[] = []
  for (const row of rows) bodies.push(bodyOf(await siteOf(tx, row.home), row))
  return bodies.toSorted(byRecord)
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
  'longitude_tenths'
const COLUMN_COUNT = COLUMNS.split(',').length

const INSERT = cachedText(
  (count) =>
    `insert into bodies (${COLUMNS}) with given (${COLUMNS}) as (values ` +
    `${tuples(count, COLUMN_COUNT)}) select * from given where exists (select 1 from records ` +
    'where records.log = given.home and records.record = given.record and ' +
    'records.idx = given.idx and records.live = 1) ' +
    'on conflict (home, idx) do nothing returning id, idx',
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
  ]
}

async function insertBodies(
  tx: Tx,
  home: SiteId,
  bodies: readonly Omit<HeldBody, 'home'>[],
): Promise<number[]> {
  const site = await internSite(tx, home)
  const kept = await runRows<Omit<HeldBody, 'home'>, { id: number; idx: number }>(
    tx,
    bodies,
    INSERT,
    (body) => valuesOf(site, body),
  )
  const ids = new Map(kept.map(({ id, idx }) => [idx, id]))
  const ciphertexts: [number, Uint8Array][] = []
  for (const { index, sealed } of bodies) {
    const id = ids.get(index)
    if (id !== undefined) ciphertexts.push([id, sealed.ciphertext])
  }
  await runRows(tx, ciphertexts, INSERT_CIPHERTEXTS, (row) => row)
  await lookUp(
    tx,
    CLEAR_WANTED,
    [site],
    bodies.map((body) => body.index),
  )
  return kept.map((row) => row.idx)
}

const DOOM = cachedText(
  (count) => `update bodies set doomed = 1 where home = ? and idx in (${placeholders(count)})`,
)

async function doom(tx: Tx, home: SiteId, indexes: readonly number[] | 'all'): Promise<void> {
  const site = await internSite(tx, home)
  if (indexes === 'all')
    await run(tx, 'update bodies set doomed = 1 where home = ? and doomed = 0', [site])
  else await lookUp(tx, DOOM, [site], indexes)
}

async function doomStale(tx: Tx, home: SiteId): Promise<void> {
  await run(
    tx,
    `update bodies set doomed = 1 where home = ? and doomed = 0 and not exists (select 1 from
      records where records.log = bodies.home and records.record = bodies.record and
      records.idx = bodies.idx and records.live = 1)`,
    [await internSite(tx, home)],
  )
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
    list: (filter) => listBodies(tx, filter),
    columns: (home, above, limit) => getColumns(tx, home, above, limit),
    doomed: (limit) => getDoomed(tx, limit),
    slots: () => getSlots(tx),
    insert: (home, bodies) => insertBodies(tx, home, bodies),
    doom: (home, indexes) => doom(tx, home, indexes),
    doomStale: (home) => doomStale(tx, home),
    remove: (bodies) => remove(tx, bodies),
  }
}
