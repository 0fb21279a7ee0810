/** Cosignatures on checkpoints, and the checkpoints that have some. */
import type { SiteId } from '../../protocol/ids.ts'
import type { ReceiptRow, ReceiptWriter } from '../core/store.ts'
import type { ReceiptTable } from './schema.ts'
import { findSite, internSite, run, siteOf, type Tx } from './transaction.ts'

async function receiptOf(tx: Tx, row: ReceiptTable): Promise<ReceiptRow> {
  const { size, time, line, received_at: receivedAt } = row
  const [log, cosigner] = [await siteOf(tx, row.log), await siteOf(tx, row.cosigner)]
  return { log, cosigner, size, time, line, receivedAt }
}

async function getRows(
  tx: Tx,
  site: SiteId,
  { which, bound }: { which: '=' | '>='; bound: number },
): Promise<ReceiptRow[]> {
  const log = await findSite(tx, site)
  if (log === null) return []
  const rows = await run<ReceiptTable>(
    tx,
    `select * from receipts where log = ? and size ${which} ? order by size, cosigner`,
    [log, bound],
  )
  const receipts: ReceiptRow[] = []
  for (const row of rows) receipts.push(await receiptOf(tx, row))
  return receipts
}

async function getAfter(
  tx: Tx,
  place: number,
  limit: number,
): Promise<(ReceiptRow & { place: number })[]> {
  const sql = 'select * from receipts where place > ? order by place limit ?'
  const found: (ReceiptRow & { place: number })[] = []
  for (const row of await run<ReceiptTable>(tx, sql, [place, limit]))
    found.push({ ...(await receiptOf(tx, row)), place: row.place })
  return found
}

async function getNext(
  tx: Tx,
  site: SiteId,
  cosigner: SiteId,
  size: number,
): Promise<ReceiptRow | null> {
  const log = await findSite(tx, site)
  const by = await findSite(tx, cosigner)
  if (log === null || by === null) return null
  const [row] = await run<ReceiptTable>(
    tx,
    'select * from receipts where log = ? and cosigner = ? and size > ? order by size limit 1',
    [log, by, size],
  )
  return row === undefined ? null : receiptOf(tx, row)
}

async function getByCosigner(
  tx: Tx,
  site: SiteId,
  cosigner: SiteId,
  page: { above: number; limit: number },
): Promise<{ size: number; time: number }[]> {
  const log = await findSite(tx, site)
  const by = await findSite(tx, cosigner)
  if (log === null || by === null) return []
  return run<{ size: number; time: number }>(
    tx,
    'select size, time from receipts where log = ? and cosigner = ? and size > ? ' +
      'order by size limit ?',
    [log, by, page.above, page.limit],
  )
}

async function getCheckpoint(tx: Tx, site: SiteId, size: number): Promise<string | null> {
  const log = await findSite(tx, site)
  if (log === null) return null
  const sql = 'select note from checkpoints where log = ? and size = ?'
  const [row] = await run<{ note: string }>(tx, sql, [log, size])
  return row?.note ?? null
}

async function getLargest(tx: Tx, site: SiteId, cosigner: SiteId): Promise<number> {
  const log = await findSite(tx, site)
  const by = await findSite(tx, cosigner)
  if (log === null || by === null) return 0
  const sql = 'select max(size) as size from receipts where log = ? and cosigner = ?'
  const [row] = await run<{ size: number | null }>(tx, sql, [log, by])
  return row?.size ?? 0
}

async function saveCheckpoint(tx: Tx, site: SiteId, size: number, note: string): Promise<void> {
  await run(
    tx,
    'insert into checkpoints (log, size, note) values (?, ?, ?) ' +
      'on conflict (log, size) do update set note = excluded.note',
    [await internSite(tx, site), size, note],
  )
}

async function saveReceipt(tx: Tx, row: ReceiptRow): Promise<void> {
  await run(
    tx,
    'insert into receipts (log, cosigner, size, time, line, received_at, place) values ' +
      '(?, ?, ?, ?, ?, ?, (select coalesce(max(place), 0) + 1 from receipts)) on conflict ' +
      '(log, cosigner, size) do update set time = excluded.time, line = excluded.line',
    [
      await internSite(tx, row.log),
      await internSite(tx, row.cosigner),
      row.size,
      row.time,
      row.line,
      row.receivedAt,
    ],
  )
}

/** The receipts inside one transaction. */
export function receiptsIn(tx: Tx): ReceiptWriter {
  return {
    ofLog: (log, minimumSize) => getRows(tx, log, { which: '>=', bound: minimumSize }),
    atSize: (log, size) => getRows(tx, log, { which: '=', bound: size }),
    byCosigner: (log, cosigner, above, limit) => getByCosigner(tx, log, cosigner, { above, limit }),
    checkpoint: (log, size) => getCheckpoint(tx, log, size),
    largest: (log, cosigner) => getLargest(tx, log, cosigner),
    after: (place, limit) => getAfter(tx, place, limit),
    next: (log, cosigner, size) => getNext(tx, log, cosigner, size),
    saveCheckpoint: (log, size, note) => saveCheckpoint(tx, log, size, note),
    save: (row) => saveReceipt(tx, row),
  }
}
