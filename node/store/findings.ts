/** Findings of the audit, and the lines of their histories. */
import { sql, type SelectQueryBuilder } from 'kysely'
import type { FindingFilter, FindingPage, FindingWriter } from '../core/finding-rows.ts'
import type { Finding, FindingChange } from '../core/oversight/finding.ts'
import type { FindingTable, Schema } from './schema.ts'
import { findSite, internSite, run, siteOf, type Tx } from './transaction.ts'

async function findingOf(tx: Tx, row: FindingTable): Promise<Finding> {
  const { id, kind, subject, severity, since, state, owner } = row
  const evidence: Finding['evidence'] = JSON.parse(row.evidence)
  return {
    id,
    kind,
    site: await siteOf(tx, row.site),
    subject,
    severity,
    since,
    foundAt: row.found_at,
    evidence,
    state,
    owner,
    curedAt: row.cured_at,
  }
}

async function get(tx: Tx, id: string): Promise<Finding | null> {
  const [row] = await run<FindingTable>(tx, 'select * from findings where id = ?', [id])
  return row === undefined ? null : findingOf(tx, row)
}

type Query = SelectQueryBuilder<Schema, 'findings', object>

async function filtered(tx: Tx, { kind, site, state }: FindingFilter): Promise<Query> {
  let query: Query = tx.db.selectFrom('findings')
  if (kind !== undefined) query = query.where('kind', '=', kind)
  // No row has the number -1: of a site that no row names there is no finding.
  if (site !== undefined) query = query.where('site', '=', (await findSite(tx, site)) ?? -1)
  if (state !== undefined) query = query.where('state', '=', state)
  return query
}

/** The worst is the greatest. */
const SEVERITY = sql<number>`case severity when 'critical' then 3 when 'serious' then 2 else 1 end`
const STATE = sql<number>`case state when 'open' then 1 when 'explained' then 2
  when 'confirmed' then 3 else 4 end`

async function list(tx: Tx, page: FindingPage): Promise<Finding[]> {
  const { order, isDescending, offset, limit } = page
  const direction = isDescending ? 'desc' : 'asc'
  const query = (await filtered(tx, page.filter)).selectAll()
  const sorted =
    order === 'severity'
      ? query.orderBy(SEVERITY, direction)
      : order === 'state'
        ? query.orderBy(STATE, direction)
        : order === 'site'
          ? query.orderBy(sql`(select name from sites where sites.id = site)`, direction)
          : query.orderBy(order, direction)
  const rows = await sorted.orderBy('id').limit(limit).offset(offset).execute()
  const findings: Finding[] = []
  for (const row of rows) findings.push(await findingOf(tx, row))
  return findings
}

async function count(tx: Tx, filter: FindingFilter): Promise<number> {
  const query = await filtered(tx, filter)
  const row = await query.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst()
  return row?.count ?? 0
}

async function totals(
  tx: Tx,
  site: Parameters<FindingWriter['totals']>[0],
): ReturnType<FindingWriter['totals']> {
  return (await filtered(tx, site === null ? {} : { site }))
    .select(({ fn }) => ['kind', 'severity', 'state', fn.countAll<number>().as('count')])
    .groupBy(['kind', 'severity', 'state'])
    .orderBy('kind')
    .orderBy('state')
    .execute()
}

async function history(tx: Tx, id: string): Promise<FindingChange[]> {
  const rows = await tx.db
    .selectFrom('finding_changes')
    .selectAll()
    .where('finding', '=', id)
    .orderBy('id')
    .execute()
  return rows.map(({ time, actor_kind, actor, role, state, note }) => ({
    time,
    actor: { kind: actor_kind, id: actor, role },
    state,
    note,
  }))
}

async function add(tx: Tx, finding: Finding): Promise<boolean> {
  const { id, kind, site, subject, severity, since, foundAt, evidence, state, owner, curedAt } =
    finding
  const rows = await run(
    tx,
    'insert into findings (id, kind, site, subject, severity, since, found_at, evidence, state, ' +
      'owner, cured_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do nothing ' +
      'returning id',
    [
      id,
      kind,
      await internSite(tx, site),
      subject,
      severity,
      since,
      foundAt,
      JSON.stringify(evidence),
      state,
      owner,
      curedAt,
    ],
  )
  return rows.length > 0
}

async function setState(tx: Tx, ...[id, change]: Parameters<FindingWriter['setState']>) {
  const { state, owner, curedAt } = change
  await tx.db
    .updateTable('findings')
    .set({
      ...(state !== undefined && { state }),
      ...(owner !== undefined && { owner }),
      ...(curedAt !== undefined && { cured_at: curedAt }),
    })
    .where('id', '=', id)
    .execute()
}

async function addChange(tx: Tx, finding: string, change: FindingChange): Promise<void> {
  const { time, actor, state, note } = change
  await tx.db
    .insertInto('finding_changes')
    .values({
      finding,
      time,
      actor_kind: actor.kind,
      actor: actor.id,
      role: actor.role,
      state,
      note,
    })
    .execute()
}

/** The findings inside one transaction. */
export function findingsIn(tx: Tx): FindingWriter {
  return {
    get: (id) => get(tx, id),
    list: (page) => list(tx, page),
    count: (filter) => count(tx, filter),
    totals: (site) => totals(tx, site),
    history: (id) => history(tx, id),
    add: (finding) => add(tx, finding),
    setState: (id, change) => setState(tx, id, change),
    addChange: (id, change) => addChange(tx, id, change),
  }
}
