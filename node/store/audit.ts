/** The audit's book: facts that were witnessed, and what follows from logs and receipts. */
import { recordIdBytes, type SiteId } from '../../protocol/ids.ts'
import type {
  AuditedLog,
  AuditedPair,
  AuditedWithdrawal,
  AuditPosition,
  AuditWriter,
  PairName,
  RollbackRow,
  SilenceRow,
  Span,
} from '../core/audit-rows.ts'
import { figuresIn, numberOf, withdrawalOf } from './audit-figures.ts'
import type { AuditPairTable, AuditWithdrawalTable, SilenceTable } from './schema.ts'
import {
  cachedText,
  internSite,
  run,
  runRows,
  siteOf,
  tuples,
  type Tx,
  type Value,
} from './transaction.ts'

/** Tables that follow from the logs. */
const DERIVED = [
  'audit_position',
  'audit_logs',
  'audit_withdrawals',
  'audit_pairs',
  'audit_steps',
] as const

async function withdrawalsOf(
  tx: Tx,
  rows: readonly AuditWithdrawalTable[],
): Promise<AuditedWithdrawal[]> {
  const found: AuditedWithdrawal[] = []
  for (const row of rows) found.push(await withdrawalOf(tx, row))
  return found
}

async function pairsOf(tx: Tx, rows: readonly AuditPairTable[]): Promise<AuditedPair[]> {
  const found: AuditedPair[] = []
  for (const row of rows)
    found.push({
      log: await siteOf(tx, row.log),
      site: await siteOf(tx, row.site),
      covered: row.covered,
      gapSize: row.gap_size,
      gapAt: row.gap_at,
      isGapJudged: row.gap_judged === 1,
      lateIndex: row.late_idx,
      lateSize: row.late_size,
    })
  return found
}

async function silencesOf(
  tx: Tx,
  rows: readonly (SilenceTable & { id: number })[],
): Promise<(SilenceRow & { id: number })[]> {
  const found = []
  for (const { id, site, since, until, note_before, note_after } of rows) {
    const notes: [string, string] = [note_before, note_after]
    found.push({ id, site: await siteOf(tx, site), since, until, notes })
  }
  return found
}

async function addSilence(tx: Tx, row: SilenceRow): Promise<void> {
  await run(
    tx,
    'insert into silences (site, since, until, note_before, note_after) values (?, ?, ?, ?, ?) ' +
      'on conflict (site, since) do nothing',
    [await internSite(tx, row.site), row.since, row.until, ...row.notes],
  )
}

async function addRollback(tx: Tx, row: RollbackRow): Promise<void> {
  await run(
    tx,
    'insert into rollbacks (log, size, since, first_note, second_note) values (?, ?, ?, ?, ?) ' +
      'on conflict (log, size) do nothing',
    [await internSite(tx, row.log), row.size, row.since, ...row.notes],
  )
}

async function getRollbacks(tx: Tx): Promise<RollbackRow[]> {
  const rows = await tx.db.selectFrom('rollbacks').selectAll().orderBy('since').execute()
  const found: RollbackRow[] = []
  for (const { log, size, since, first_note, second_note } of rows)
    found.push({ log: await siteOf(tx, log), size, since, notes: [first_note, second_note] })
  return found
}

async function getPosition(tx: Tx): Promise<AuditPosition> {
  const sql = 'select receipts, silences from audit_position'
  const [row] = await run<AuditPosition>(tx, sql, [])
  return row ?? { receipts: 0, silences: 0 }
}

async function setPosition(tx: Tx, position: Partial<AuditPosition>): Promise<void> {
  const { receipts, silences } = { ...(await getPosition(tx)), ...position }
  await run(
    tx,
    'insert into audit_position (id, receipts, silences) values (1, ?, ?) on conflict (id) ' +
      'do update set receipts = excluded.receipts, silences = excluded.silences',
    [receipts, silences],
  )
}

async function getLogs(tx: Tx): Promise<AuditedLog[]> {
  const rows = await tx.db.selectFrom('audit_logs').selectAll().execute()
  const found: AuditedLog[] = []
  for (const { log, read, witnessed, stopped_at } of rows)
    found.push({ log: await siteOf(tx, log), read, witnessed, stoppedAt: stopped_at })
  return found
}

async function saveLog(tx: Tx, row: AuditedLog): Promise<void> {
  await run(
    tx,
    'insert into audit_logs (log, read, witnessed, stopped_at) values (?, ?, ?, ?) on conflict ' +
      '(log) do update set read = excluded.read, witnessed = excluded.witnessed, ' +
      'stopped_at = excluded.stopped_at',
    [await internSite(tx, row.log), row.read, row.witnessed, row.stoppedAt],
  )
}

const INSERT_WITHDRAWALS = cachedText(
  (rows) =>
    'insert into audit_withdrawals (log, idx, kind, site, record, reason, time, required, ' +
    `received, judged) values ${tuples(rows, 10)} on conflict (log, idx) do nothing`,
)

async function addWithdrawals(
  tx: Tx,
  rows: Parameters<AuditWriter['addWithdrawals']>[0],
): Promise<void> {
  const bound: Value[][] = []
  for (const { log, index, kind, site, record, reason, time } of rows)
    bound.push([
      await internSite(tx, log),
      index,
      kind,
      await internSite(tx, site),
      record === null ? null : recordIdBytes(record),
      reason,
      time,
      0,
      0,
      0,
    ])
  await runRows(tx, bound, INSERT_WITHDRAWALS, (row) => row)
}

/** `(witnessed_at >= ? and witnessed_at < ?) or …` */
function inSpans(spans: readonly Span[]): string {
  if (spans.length === 0) return 'false'
  return `(${spans.map(() => '(witnessed_at >= ? and witnessed_at < ?)').join(' or ')})`
}
const spanValues = (spans: readonly Span[]): number[] =>
  spans.flatMap(({ from, until }) => [from, until])

async function witness(
  tx: Tx,
  ...[site, { from, to }, { at, dueAt, required }]: Parameters<AuditWriter['witness']>
): Promise<void> {
  await run(
    tx,
    'update audit_withdrawals set witnessed_at = ?, due_at = ?, required = ?, received = 1, ' +
      'last_at = ? where log = ? and idx >= ? and idx < ? and witnessed_at is null',
    [at, dueAt, required, at, await internSite(tx, site), from, to],
  )
}

const STEP_AT =
  '(select at from audit_steps where audit_steps.log = audit_withdrawals.log and ' +
  'audit_steps.site = ? and size > idx order by size limit 1)'

async function count(
  tx: Tx,
  ...[{ log, site }, { from, to }, spans, isExtra]: Parameters<AuditWriter['count']>
): Promise<void> {
  await run(
    tx,
    `update audit_withdrawals set received = received + 1, required = required + ?,
      last_at = max(last_at, ${STEP_AT})
      where log = ? and idx >= ? and idx < ? and ${inSpans(spans)}`,
    [
      isExtra ? 1 : 0,
      await internSite(tx, site),
      await internSite(tx, log),
      from,
      to,
      ...spanValues(spans),
    ],
  )
}

async function excuse(
  tx: Tx,
  { log }: PairName,
  from: number,
  spans: readonly Span[],
): Promise<void> {
  await run(
    tx,
    `update audit_withdrawals set required = required - 1 where log = ? and idx >= ? and
      ${inSpans(spans)}`,
    [await internSite(tx, log), from, ...spanValues(spans)],
  )
}

async function addStep(
  tx: Tx,
  ...[{ log, site }, from, { size, at }]: Parameters<AuditWriter['addStep']>
): Promise<void> {
  const logId = await internSite(tx, log)
  await run(
    tx,
    'insert into audit_steps (log, site, size, at) select ?, ?, ?, ? where exists (select 1 from ' +
      'audit_withdrawals where log = ? and idx >= ? and idx < ?) on conflict do nothing',
    [logId, await internSite(tx, site), size, at, logId, from, size],
  )
}

async function savePair(tx: Tx, row: AuditedPair): Promise<void> {
  await run(
    tx,
    'insert into audit_pairs (log, site, covered, gap_size, gap_at, gap_judged, late_idx, ' +
      'late_size) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (log, site) do update set ' +
      'covered = excluded.covered, gap_size = excluded.gap_size, gap_at = excluded.gap_at, ' +
      'gap_judged = excluded.gap_judged, late_idx = excluded.late_idx, ' +
      'late_size = excluded.late_size',
    [
      await internSite(tx, row.log),
      await internSite(tx, row.site),
      row.covered,
      row.gapSize,
      row.gapAt,
      row.isGapJudged ? 1 : 0,
      row.lateIndex,
      row.lateSize,
    ],
  )
}

async function openGaps(tx: Tx, log: SiteId, size: number, at: number): Promise<void> {
  await run(
    tx,
    'update audit_pairs set gap_size = ?, gap_at = ?, gap_judged = 0 where log = ? and ' +
      'covered < ? and gap_size is null',
    [size, at, await internSite(tx, log), size],
  )
}

async function receiptsOf(
  tx: Tx,
  site: SiteId,
  index: number,
): Promise<Map<SiteId, { size: number; at: number }>> {
  const rows = await run<{ site: number; size: number; at: number }>(
    tx,
    'select p.site, s.size, s.at from audit_pairs p join audit_steps s on s.log = p.log and ' +
      's.site = p.site and s.size = (select min(size) from audit_steps where log = p.log and ' +
      'site = p.site and size > ?) where p.log = ? and p.covered > ?',
    [index, await numberOf(tx, site), index],
  )
  const found = new Map<SiteId, { size: number; at: number }>()
  for (const { site: by, size, at } of rows) found.set(await siteOf(tx, by), { size, at })
  return found
}

async function hasDue(
  tx: Tx,
  ...[log, { from, to }, time, spans]: Parameters<AuditWriter['hasDue']>
): Promise<boolean> {
  const rows = await run(
    tx,
    `select 1 from audit_withdrawals where log = ? and idx >= ? and idx < ? and due_at <= ? and
      ${inSpans(spans)} limit 1`,
    [await numberOf(tx, log), from, to, time, ...spanValues(spans)],
  )
  return rows.length > 0
}

async function getPairs(
  tx: Tx,
  { log, site }: { log?: SiteId; site?: SiteId },
): Promise<AuditedPair[]> {
  let query = tx.db.selectFrom('audit_pairs').selectAll()
  if (log !== undefined) query = query.where('log', '=', await numberOf(tx, log))
  if (site !== undefined) query = query.where('site', '=', await numberOf(tx, site))
  return pairsOf(tx, await query.execute())
}

async function getPair(tx: Tx, { log, site }: PairName): Promise<AuditedPair | null> {
  const rows = await run<AuditPairTable>(
    tx,
    'select * from audit_pairs where log = ? and site = ?',
    [await numberOf(tx, log), await numberOf(tx, site)],
  )
  return (await pairsOf(tx, rows))[0] ?? null
}

/** Deadlines that have passed and were not looked at; the literals let the index be used. */
const DUE =
  'select * from audit_withdrawals where judged = 0 and due_at <= ? order by due_at, log, idx limit ?'
const JUDGED =
  'select * from audit_withdrawals where log = ? and idx >= ? and judged = 1 order by due_at, idx ' +
  'limit ? offset ?'
const GAPS =
  'select * from audit_pairs where gap_judged = 0 and gap_at <= ? and (gap_at, log, site) > ' +
  '(?, ?, ?) order by gap_at, log, site limit ?'
const ABOVE = 'select * from audit_pairs where log = ? and covered > ?'

async function getGaps(
  tx: Tx,
  ...[time, above, limit]: Parameters<AuditWriter['gaps']>
): Promise<AuditedPair[]> {
  const from =
    above === null
      ? [-1, 0, 0]
      : [above.gapAt, await numberOf(tx, above.log), await numberOf(tx, above.site)]
  return pairsOf(tx, await run(tx, GAPS, [time, ...from, limit]))
}

/** The audit's part of a transaction. */
export function auditIn(tx: Tx): AuditWriter {
  return {
    ...figuresIn(tx),
    silences: async (above, limit) =>
      silencesOf(
        tx,
        await run(tx, 'select * from silences where id > ? order by id limit ?', [above, limit]),
      ),
    silencesOf: async (site) =>
      silencesOf(
        tx,
        await run(tx, 'select * from silences where site = ? order by since', [
          await numberOf(tx, site),
        ]),
      ),
    rollbacks: () => getRollbacks(tx),
    position: () => getPosition(tx),
    logs: () => getLogs(tx),
    pair: (name) => getPair(tx, name),
    pairs: (filter) => getPairs(tx, filter),
    due: async (now, limit) => withdrawalsOf(tx, await run(tx, DUE, [now, limit])),
    judged: async (log, from, offset, limit) =>
      withdrawalsOf(tx, await run(tx, JUDGED, [await numberOf(tx, log), from, limit, offset])),
    hasDue: (...claim) => hasDue(tx, ...claim),
    receiptsOf: (log, index) => receiptsOf(tx, log, index),
    pairsAbove: async (log, size) =>
      pairsOf(tx, await run(tx, ABOVE, [await numberOf(tx, log), size])),
    gaps: (...claim) => getGaps(tx, ...claim),
    addSilence: (row) => addSilence(tx, row),
    addRollback: (row) => addRollback(tx, row),
    setPosition: (position) => setPosition(tx, position),
    saveLog: (row) => saveLog(tx, row),
    addWithdrawals: (rows) => addWithdrawals(tx, rows),
    witness: (...claim) => witness(tx, ...claim),
    count: (...claim) => count(tx, ...claim),
    excuse: (name, from, spans) => excuse(tx, name, from, spans),
    addStep: (...claim) => addStep(tx, ...claim),
    savePair: (row) => savePair(tx, row),
    openGaps: (log, size, at) => openGaps(tx, log, size, at),
    setDue: async (log, index, dueAt) => {
      const sql = 'update audit_withdrawals set due_at = ? where log = ? and idx = ?'
      await run(tx, sql, [dueAt, await internSite(tx, log), index])
    },
    setJudged: async (log, index) => {
      const sql = 'update audit_withdrawals set judged = 1 where log = ? and idx = ?'
      await run(tx, sql, [await internSite(tx, log), index])
    },
    clear: async () => {
      for (const table of DERIVED) await tx.db.deleteFrom(table).execute()
    },
  }
}
