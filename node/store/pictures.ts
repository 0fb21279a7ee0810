/** Pictures of records: which ones a held body names, and in which slots their files are. */
import {
  pictureIdBytes,
  pictureIdOf,
  recordIdBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type {
  FilledPicture,
  NamedPictures,
  PictureRow,
  PictureSlots,
  PictureWriter,
} from '../core/store.ts'
import type { PictureTable } from './schema.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  placeholders,
  plainBytes,
  run,
  runRows,
  tuples,
  type Tx,
  type Value,
} from './transaction.ts'

function slotsOf({ small_slot: small, large_slot: large }: PictureTable): PictureSlots | null {
  return small === null || large === null ? null : { small, large }
}

function rowOf(home: SiteId, row: PictureTable & { id: number }): PictureRow {
  return {
    id: row.id,
    home,
    record: recordIdOf(row.record),
    index: row.idx,
    picture: pictureIdOf(row.picture),
    place: row.place,
    slots: slotsOf(row),
    digest: row.digest === null ? null : plainBytes(row.digest),
  }
}

type Row = PictureTable & { id: number }
const KEPT = 'select * from pictures where doomed = 0 and loose = 0 and home = ?'

async function select(
  tx: Tx,
  home: SiteId,
  condition: string,
  values: readonly Value[],
): Promise<PictureRow[]> {
  const site = await findSite(tx, home)
  if (site === null) return []
  const rows = await run<Row>(tx, `${KEPT} and ${condition}`, [site, ...values])
  return rows.map((row) => rowOf(home, row))
}

const BY_RECORDS = cachedText((count) => `${KEPT} and record in (${placeholders(count)})`)

async function getOfRecords(
  tx: Tx,
  home: SiteId,
  records: readonly RecordId[],
): Promise<PictureRow[]> {
  const site = await findSite(tx, home)
  if (site === null) return []
  const found = await lookUp<Row>(tx, BY_RECORDS, [site], records.map(recordIdBytes))
  const rows = found.map((row) => rowOf(home, row))
  return rows.toSorted((a, b) =>
    a.record === b.record ? a.place - b.place : a.record < b.record ? -1 : 1,
  )
}

async function getDoomed(tx: Tx, limit: number): ReturnType<PictureWriter['doomed']> {
  const rows = await run<Row>(tx, 'select * from pictures where doomed = 1 order by id limit ?', [
    limit,
  ])
  return rows.map((row) => ({ id: row.id, slots: slotsOf(row) }))
}

async function getSlots(tx: Tx): Promise<number[]> {
  const rows = await run<{ small_slot: number; large_slot: number }>(
    tx,
    'select small_slot, large_slot from pictures where small_slot is not null',
    [],
  )
  return rows.flatMap((row) => [row.small_slot, row.large_slot])
}

async function hasLoose(tx: Tx, home: SiteId): Promise<boolean> {
  const site = await findSite(tx, home)
  if (site === null) return false
  const rows = await run(
    tx,
    'select 1 from pictures where home = ? and loose = 1 and doomed = 0 limit 1',
    [site],
  )
  return rows.length > 0
}

const DROP_UNNAMED = cachedText(
  (count) =>
    'update pictures set doomed = 1 where home = ? and doomed = 0 and ' +
    `record in (${placeholders(count)}) and not exists (select 1 from bodies ` +
    'where bodies.home = pictures.home and bodies.idx = pictures.idx and bodies.doomed = 0)',
)
const NAME = cachedText(
  (count) =>
    'insert into pictures (home, record, idx, place, picture, loose, doomed) values ' +
    `${tuples(count, 7)} on conflict (home, record, picture) where doomed = 0 ` +
    'do update set idx = excluded.idx, place = excluded.place, loose = 0',
)

/**
 * First those that are named get the new index, then what is still under an index without a held
 * body goes: so a picture that stays is never doomed in between.
 */
async function name(tx: Tx, home: SiteId, versions: readonly NamedPictures[]): Promise<void> {
  if (versions.length === 0) return
  const site = await internSite(tx, home)
  const rows = versions.flatMap(({ record, index, pictures }) =>
    pictures.map(({ picture, place }): Value[] => [
      site,
      recordIdBytes(record),
      index,
      place,
      pictureIdBytes(picture),
      0,
      0,
    ]),
  )
  await runRows(tx, rows, NAME, (row) => row)
  const records = versions.map(({ record }) => recordIdBytes(record))
  await lookUp(tx, DROP_UNNAMED, [site], records)
}

const FILL =
  'update pictures set small_slot = ?, large_slot = ?, digest = ? where home = ? and record = ? ' +
  'and picture = ? and doomed = 0 and loose = 0 and small_slot is null and exists ' +
  '(select 1 from bodies where bodies.home = pictures.home and bodies.idx = pictures.idx ' +
  'and bodies.doomed = 0) returning id'

async function fill(
  tx: Tx,
  home: SiteId,
  filled: readonly FilledPicture[],
): Promise<FilledPicture[]> {
  const site = await internSite(tx, home)
  const kept: FilledPicture[] = []
  for (const one of filled) {
    const { record, picture, slots, digest } = one
    const done = await run(tx, FILL, [
      slots.small,
      slots.large,
      digest,
      site,
      recordIdBytes(record),
      pictureIdBytes(picture),
    ])
    if (done.length > 0) kept.push(one)
  }
  return kept
}

const REMOVE = cachedText(
  (count) => `delete from pictures where doomed = 1 and id in (${placeholders(count)})`,
)

/** The pictures inside one transaction. */
export function picturesIn(tx: Tx): PictureWriter {
  return {
    ofRecords: (home, records) => getOfRecords(tx, home, records),
    get: async (home, record, picture) =>
      (
        await select(tx, home, 'record = ? and picture = ?', [
          recordIdBytes(record),
          pictureIdBytes(picture),
        ])
      ).at(0) ?? null,
    wanted: (home, above, limit) =>
      select(tx, home, 'small_slot is null and id > ? order by id limit ?', [above, limit]),
    hasLoose: (home) => hasLoose(tx, home),
    doomed: (limit) => getDoomed(tx, limit),
    slots: () => getSlots(tx),
    name: (home, versions) => name(tx, home, versions),
    fill: (home, filled) => fill(tx, home, filled),
    doomLoose: async (home) =>
      void (await run(
        tx,
        'update pictures set doomed = 1 where home = ? and loose = 1 and doomed = 0',
        [await internSite(tx, home)],
      )),
    remove: async (ids) => void (await lookUp(tx, REMOVE, [], ids)),
  }
}

/** Makes loose, or dooms, what the bodies at these indexes name; call it when they are doomed. */
const FOLLOW = cachedText(
  (count) =>
    'update pictures set loose = 1, doomed = case when exists (select 1 from records where ' +
    'records.log = pictures.home and records.record = pictures.record and live = 1 and ' +
    'records.idx > pictures.idx) then 0 else 1 end where home = ? and doomed = 0 and ' +
    `idx in (${placeholders(count)})`,
)
/** A record that ends before the body of its newest version has come: that one named nothing here. */
const END_LOOSE =
  'update pictures set doomed = 1 where home = ? and loose = 1 and doomed = 0 and not exists ' +
  '(select 1 from records where records.log = pictures.home and ' +
  'records.record = pictures.record and live = 1)'

/** Lets the pictures of doomed bodies follow them. */
export async function followDoomed(
  tx: Tx,
  site: number,
  indexes: readonly number[] | 'all',
): Promise<void> {
  if (indexes === 'all') {
    await run(tx, 'update pictures set doomed = 1 where home = ? and doomed = 0', [site])
    return
  }
  await lookUp(tx, FOLLOW, [site], indexes)
  await run(tx, END_LOOSE, [site])
}

/** Dooms every picture that no held body names. */
export async function followStale(tx: Tx, site: number): Promise<void> {
  await run(
    tx,
    'update pictures set doomed = 1 where home = ? and doomed = 0 and not exists (select 1 from ' +
      'bodies where bodies.home = pictures.home and bodies.idx = pictures.idx and ' +
      'bodies.doomed = 0)',
    [site],
  )
}
