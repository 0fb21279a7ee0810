/** Probes and what came of them. */
import type { SiteId } from '../../protocol/ids.ts'
import type { ProbeRow, ProbeState, ProbeWriter } from '../core/challenge-rows.ts'
import type { ProbeTable } from './schema.ts'
import { findSite, internSite, run, siteOf, type Tx } from './transaction.ts'

async function rowOf(tx: Tx, row: ProbeTable): Promise<ProbeRow> {
  return {
    id: row.id,
    target: await siteOf(tx, row.target),
    home: await siteOf(tx, row.home),
    index: row.idx,
    state: row.state,
    answer: row.answer,
    via: row.via === null ? null : await siteOf(tx, row.via),
    statement: row.statement,
    plannedAt: row.planned_at,
    dueAt: row.due_at,
    retryAt: row.retry_at,
    tries: row.tries,
    decidedAt: row.decided_at,
  }
}

async function rowsOf(tx: Tx, rows: readonly ProbeTable[]): Promise<ProbeRow[]> {
  const found: ProbeRow[] = []
  for (const row of rows) found.push(await rowOf(tx, row))
  return found
}

async function due(tx: Tx, now: number, farOff: number, limit: number): Promise<ProbeRow[]> {
  const sql =
    'select * from probes where retry_at is not null and (retry_at <= ? or retry_at > ?) ' +
    'order by retry_at, id limit ?'
  return rowsOf(tx, await run<ProbeTable>(tx, sql, [now, farOff, limit]))
}

async function get(tx: Tx, id: number): Promise<ProbeRow | null> {
  const rows = await run<ProbeTable>(tx, 'select * from probes where id = ?', [id])
  return (await rowsOf(tx, rows))[0] ?? null
}

async function list(tx: Tx, ...[filter]: Parameters<ProbeWriter['list']>): Promise<ProbeRow[]> {
  const { target, state, before, limit } = filter
  let query = tx.db.selectFrom('probes').selectAll().orderBy('id', 'desc').limit(limit)
  if (target !== undefined) query = query.where('target', '=', (await findSite(tx, target)) ?? -1)
  if (state !== undefined) query = query.where('state', '=', state)
  if (before !== undefined) query = query.where('id', '<', before)
  return rowsOf(tx, await query.execute())
}

async function counts(tx: Tx): ReturnType<ProbeWriter['counts']> {
  const rows = await run<{ target: number; state: ProbeState; count: number }>(
    tx,
    'select target, state, count(*) as count from probes group by target, state',
    [],
  )
  const found: { site: SiteId; state: ProbeState; count: number }[] = []
  for (const { target, state, count } of rows)
    found.push({ site: await siteOf(tx, target), state, count })
  return found
}

async function add(tx: Tx, rows: readonly Omit<ProbeRow, 'id'>[]): Promise<void> {
  for (const row of rows)
    await run(
      tx,
      'insert into probes (target, home, idx, state, answer, via, statement, planned_at, due_at, ' +
        'retry_at, tries, decided_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        await internSite(tx, row.target),
        await internSite(tx, row.home),
        row.index,
        row.state,
        row.answer,
        row.via === null ? null : await internSite(tx, row.via),
        row.statement,
        row.plannedAt,
        row.dueAt,
        row.retryAt,
        row.tries,
        row.decidedAt,
      ],
    )
}

async function save(tx: Tx, row: ProbeRow): Promise<void> {
  await run(
    tx,
    'update probes set state = ?, answer = ?, via = ?, statement = ?, retry_at = ?, tries = ?, ' +
      'decided_at = ? where id = ?',
    [
      row.state,
      row.answer,
      row.via === null ? null : await internSite(tx, row.via),
      row.statement,
      row.retryAt,
      row.tries,
      row.decidedAt,
      row.id,
    ],
  )
}

/** The probes inside one transaction. */
export function probesIn(tx: Tx): ProbeWriter {
  return {
    due: (now, farOff, limit) => due(tx, now, farOff, limit),
    get: (id) => get(tx, id),
    list: (filter) => list(tx, filter),
    counts: () => counts(tx),
    add: (rows) => add(tx, rows),
    save: (row) => save(tx, row),
  }
}
