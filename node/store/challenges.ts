/** Challenges and what came of them. */
import { recordIdBytes as idBytes, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import type { ChallengeRow, ChallengeState, ChallengeWriter } from '../core/challenge-rows.ts'
import type { ChallengeTable } from './schema.ts'
import { findSite, internSite, plainBytes, run, siteOf, type Tx } from './transaction.ts'

async function rowOf(tx: Tx, row: ChallengeTable): Promise<ChallengeRow> {
  return {
    id: row.id,
    draw: row.draw,
    site: await siteOf(tx, row.site),
    index: row.idx,
    record: recordIdOf(plainBytes(row.record)),
    state: row.state,
    reason: row.reason,
    drawnAt: row.drawn_at,
    dueAt: row.due_at,
    retryAt: row.retry_at,
    tries: row.tries,
    decidedAt: row.decided_at,
    openedIndex: row.opened_idx,
    digest: row.digest === null ? null : plainBytes(row.digest),
  }
}

async function rowsOf(tx: Tx, rows: readonly ChallengeTable[]): Promise<ChallengeRow[]> {
  const found: ChallengeRow[] = []
  for (const row of rows) found.push(await rowOf(tx, row))
  return found
}

async function due(tx: Tx, now: number, farOff: number, limit: number): Promise<ChallengeRow[]> {
  const sql =
    'select * from challenges where retry_at is not null and (retry_at <= ? or retry_at > ?) ' +
    'order by retry_at, id limit ?'
  return rowsOf(tx, await run<ChallengeTable>(tx, sql, [now, farOff, limit]))
}

async function get(tx: Tx, id: number): Promise<ChallengeRow | null> {
  const rows = await run<ChallengeTable>(tx, 'select * from challenges where id = ?', [id])
  return (await rowsOf(tx, rows))[0] ?? null
}

async function list(
  tx: Tx,
  ...[filter]: Parameters<ChallengeWriter['list']>
): Promise<ChallengeRow[]> {
  const { site, state, draw, before, limit } = filter
  let query = tx.db.selectFrom('challenges').selectAll().orderBy('id', 'desc').limit(limit)
  if (site !== undefined) query = query.where('site', '=', (await findSite(tx, site)) ?? -1)
  if (state !== undefined) query = query.where('state', '=', state)
  if (draw !== undefined) query = query.where('draw', '=', draw)
  if (before !== undefined) query = query.where('id', '<', before)
  return rowsOf(tx, await query.execute())
}

async function counts(tx: Tx): ReturnType<ChallengeWriter['counts']> {
  const rows = await run<{ site: number; state: ChallengeState; count: number }>(
    tx,
    'select site, state, count(*) as count from challenges group by site, state',
    [],
  )
  const found: { site: SiteId; state: ChallengeState; count: number }[] = []
  for (const { site, state, count } of rows)
    found.push({ site: await siteOf(tx, site), state, count })
  return found
}

async function add(tx: Tx, rows: readonly Omit<ChallengeRow, 'id'>[]): Promise<void> {
  for (const row of rows)
    await run(
      tx,
      'insert into challenges (draw, site, idx, record, state, reason, drawn_at, due_at, retry_at, ' +
        'tries, decided_at, opened_idx, digest) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        row.draw,
        await internSite(tx, row.site),
        row.index,
        idBytes(row.record),
        row.state,
        row.reason,
        row.drawnAt,
        row.dueAt,
        row.retryAt,
        row.tries,
        row.decidedAt,
        row.openedIndex,
        row.digest,
      ],
    )
}

async function save(tx: Tx, row: ChallengeRow): Promise<void> {
  await run(
    tx,
    'update challenges set state = ?, reason = ?, retry_at = ?, tries = ?, decided_at = ?, ' +
      'opened_idx = ?, digest = ? where id = ?',
    [
      row.state,
      row.reason,
      row.retryAt,
      row.tries,
      row.decidedAt,
      row.openedIndex,
      row.digest,
      row.id,
    ],
  )
}

/** The challenges inside one transaction. */
export function challengesIn(tx: Tx): ChallengeWriter {
  return {
    due: (now, farOff, limit) => due(tx, now, farOff, limit),
    get: (id) => get(tx, id),
    list: (filter) => list(tx, filter),
    counts: () => counts(tx),
    add: (rows) => add(tx, rows),
    save: (row) => save(tx, row),
  }
}
