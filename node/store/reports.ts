/** Reports of members by members: ids, sites, a reason from a list, times. */
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { recordIdBytes as idBytes, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import type { ReportRow, ReportWriter } from '../core/talk/report-rows.ts'
import type { ReportTable } from './schema.ts'
import { findSite, internSite, run, siteOf, type Tx } from './transaction.ts'

async function rowsOf(tx: Tx, rows: readonly ReportTable[]): Promise<ReportRow[]> {
  const found: ReportRow[] = []
  for (const row of rows)
    found.push({
      id: toHex(row.id),
      direction: row.direction,
      home: await siteOf(tx, row.home),
      record: recordIdOf(row.record),
      reporter: await siteOf(tx, row.reporter),
      reason: row.reason,
      time: row.time,
      state: row.state,
      dueAt: row.due_at,
      closedAt: row.closed_at,
    })
  return found
}

async function get(tx: Tx, reporter: SiteId, id: string): Promise<ReportRow | null> {
  const site = await findSite(tx, reporter)
  if (site === null) return null
  const rows = await run<ReportTable>(tx, 'select * from reports where reporter = ? and id = ?', [
    site,
    fromHex(id),
  ])
  return (await rowsOf(tx, rows))[0] ?? null
}

async function withId(tx: Tx, id: string): Promise<ReportRow[]> {
  const rows = await tx.db.selectFrom('reports').selectAll().where('id', '=', fromHex(id)).execute()
  return rowsOf(tx, rows)
}

async function list(tx: Tx, ...[filter]: Parameters<ReportWriter['list']>): Promise<ReportRow[]> {
  const { direction, state, before, limit } = filter
  let query = tx.db
    .selectFrom('reports')
    .selectAll()
    .orderBy('time', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  if (direction !== undefined) query = query.where('direction', '=', direction)
  if (state !== undefined) query = query.where('state', '=', state)
  if (before !== undefined)
    query = query.where((where) =>
      where.or([
        where('time', '<', before.time),
        where.and([where('time', '=', before.time), where('id', '<', fromHex(before.id))]),
      ]),
    )
  return rowsOf(tx, await query.execute())
}

async function due(tx: Tx, now: number, limit: number): Promise<ReportRow[]> {
  const rows = await run<ReportTable>(
    tx,
    'select * from reports where due_at is not null and due_at <= ? order by due_at limit ?',
    [now, limit],
  )
  return rowsOf(tx, rows)
}

async function countOpen(tx: Tx, reporter: SiteId): Promise<number> {
  const site = await findSite(tx, reporter)
  if (site === null) return 0
  const [row] = await run<{ count: number }>(
    tx,
    "select count(*) as count from reports where reporter = ? and state = 'open'",
    [site],
  )
  return row?.count ?? 0
}

async function save(tx: Tx, row: ReportRow): Promise<void> {
  const changing = { state: row.state, due_at: row.dueAt, closed_at: row.closedAt }
  await tx.db
    .insertInto('reports')
    .values({
      id: fromHex(row.id),
      direction: row.direction,
      home: await internSite(tx, row.home),
      record: idBytes(row.record),
      reporter: await internSite(tx, row.reporter),
      reason: row.reason,
      time: row.time,
      ...changing,
    })
    .onConflict((conflict) => conflict.columns(['reporter', 'id']).doUpdateSet(changing))
    .execute()
}

async function prune(tx: Tx, before: number): Promise<void> {
  await tx.db.deleteFrom('reports').where('closed_at', '<', before).execute()
}

/** The reports inside one transaction. */
export function reportsIn(tx: Tx): ReportWriter {
  return {
    get: (reporter, id) => get(tx, reporter, id),
    withId: (id) => withId(tx, id),
    list: (filter) => list(tx, filter),
    due: (now, limit) => due(tx, now, limit),
    countOpen: (reporter) => countOpen(tx, reporter),
    save: (row) => save(tx, row),
    prune: (before) => prune(tx, before),
  }
}
