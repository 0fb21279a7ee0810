/** The ledger: what of which record versions went to whom, when, through whom. */
import { toHex } from '../../protocol/bytes.ts'
import { invariant } from '../../protocol/errors.ts'
import {
  RECORD_ID_BYTES,
  recordIdBytes as idBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type { LedgerRow, LedgerWriter } from '../core/store.ts'
import type { LedgerTable } from './schema.ts'
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

/** By the number that stands for it. */
const WHATS: readonly LedgerRow['what'][] = ['body', 'pictures', 'consent']
const INDEX_BYTES = 4
const VERSION_BYTES = RECORD_ID_BYTES + INDEX_BYTES
const INDEX_LIMIT = 2 ** (8 * INDEX_BYTES)

function packVersions(versions: LedgerRow['versions']): Uint8Array {
  const bytes = new Uint8Array(versions.length * VERSION_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [place, { record, index }] of versions.entries()) {
    invariant(index >= 0 && index < INDEX_LIMIT, 'an index fits four bytes')
    bytes.set(idBytes(record), place * VERSION_BYTES)
    view.setUint32(place * VERSION_BYTES + RECORD_ID_BYTES, index)
  }
  return bytes
}

function unpackVersions(bytes: Uint8Array, only?: RecordId): LedgerRow['versions'] {
  const versions: LedgerRow['versions'] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; at += VERSION_BYTES) {
    const id = bytes.subarray(at, at + RECORD_ID_BYTES)
    if (only === undefined || toHex(id) === only)
      versions.push({ record: recordIdOf(id), index: view.getUint32(at + RECORD_ID_BYTES) })
  }
  return versions
}

async function ledgerRowOf(
  tx: Tx,
  row: LedgerTable,
  versions: LedgerRow['versions'],
): Promise<LedgerRow> {
  return {
    home: await siteOf(tx, row.home),
    partner: await siteOf(tx, row.partner),
    what: WHATS[row.what] ?? 'body',
    time: row.time,
    versions,
    via: row.via === null ? null : await siteOf(tx, row.via),
  }
}

async function getOfRecord(tx: Tx, home: SiteId, record: RecordId): Promise<LedgerRow[]> {
  const id = await findSite(tx, home)
  if (id === null) return []
  const rows = await run<LedgerTable>(
    tx,
    'select * from ledger where home = ? and instr(versions, ?) > 0 order by time, id',
    [id, idBytes(record)],
  )
  const found: LedgerRow[] = []
  for (const row of rows) {
    // A match may straddle two versions, so the unpacked ones decide.
    const versions = unpackVersions(row.versions, record)
    if (versions.length > 0) found.push(await ledgerRowOf(tx, row, versions))
  }
  return found
}

async function getUnreported(tx: Tx, limit: number): Promise<(LedgerRow & { id: number })[]> {
  const rows = await run<LedgerTable & { id: number }>(
    tx,
    'select * from ledger where reported = 0 order by id limit ?',
    [limit],
  )
  const found: (LedgerRow & { id: number })[] = []
  for (const row of rows)
    found.push({ ...(await ledgerRowOf(tx, row, unpackVersions(row.versions))), id: row.id })
  return found
}

async function getTotals(tx: Tx): ReturnType<LedgerWriter['totals']> {
  const rows = await tx.db
    .selectFrom('ledger')
    .select(['home', 'partner'])
    .select((select) => select.fn.sum<number>('count').as('versions'))
    .where('what', '=', WHATS.indexOf('body'))
    .groupBy(['home', 'partner'])
    .execute()
  const totals: Awaited<ReturnType<LedgerWriter['totals']>> = []
  for (const row of rows)
    totals.push({
      home: await siteOf(tx, row.home),
      partner: await siteOf(tx, row.partner),
      versions: row.versions,
    })
  return totals
}

async function addRow(tx: Tx, row: LedgerRow): Promise<void> {
  // Only what this node served of others' records is to be reported, to their homes.
  const reported = row.home === tx.own || row.via !== null ? 1 : 0
  await run(
    tx,
    'insert into ledger (home, partner, time, via, reported, versions, count, what) ' +
      'values (?, ?, ?, ?, ?, ?, ?, ?)',
    [
      await internSite(tx, row.home),
      await internSite(tx, row.partner),
      row.time,
      row.via === null ? null : await internSite(tx, row.via),
      reported,
      packVersions(row.versions),
      row.versions.length,
      WHATS.indexOf(row.what),
    ],
  )
}

const SET_REPORTED = cachedText(
  (count) => `update ledger set reported = 1 where id in (${placeholders(count)})`,
)

/** The ledger inside one transaction. */
export function ledgerIn(tx: Tx): LedgerWriter {
  return {
    ofRecord: (home, record) => getOfRecord(tx, home, record),
    unreported: (limit) => getUnreported(tx, limit),
    totals: () => getTotals(tx),
    add: (row) => addRow(tx, row),
    setReported: async (ids) => void (await lookUp(tx, SET_REPORTED, [], ids)),
  }
}
