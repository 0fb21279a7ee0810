/** Breaches: the coordinator's desk, what its clock has done, and the word of sites. */
import type { BreachId } from '../../protocol/breach.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { BreachRow, BreachWriter, ToldRow } from '../core/oversight/breach-rows.ts'
import type { BreachMarkTable, BreachTable, ToldTable } from './people-tables.ts'
import { internSite, run, siteOf, type Tx } from './transaction.ts'

function breachOf(row: BreachTable): BreachRow {
  return {
    id: row.id as BreachId,
    site: row.site as SiteId,
    knownAt: row.known_at,
    openedAt: row.opened_at,
    draft: JSON.parse(row.draft) as BreachRow['draft'],
    authority:
      row.authority === null ? null : (JSON.parse(row.authority) as BreachRow['authority']),
  }
}

async function save(tx: Tx, row: BreachRow): Promise<void> {
  const columns = {
    site: row.site,
    known_at: row.knownAt,
    opened_at: row.openedAt,
    draft: JSON.stringify(row.draft),
    authority: row.authority === null ? null : JSON.stringify(row.authority),
  }
  await tx.db
    .insertInto('breaches')
    .values({ id: row.id, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

async function saveTold(tx: Tx, row: ToldRow): Promise<void> {
  const columns = { affected: row.affected, told: row.told, time: row.time, idx: row.index }
  await tx.db
    .insertInto('told')
    .values({ breach: row.breach, site: await internSite(tx, row.site), ...columns })
    .onConflict((conflict) => conflict.columns(['breach', 'site']).doUpdateSet(columns))
    .execute()
}

async function toldOf(tx: Tx, id: BreachId): Promise<ToldRow[]> {
  const rows = await run<ToldTable>(tx, 'select * from told where breach = ?', [id])
  const found: ToldRow[] = []
  for (const { site, affected, told, time, idx } of rows)
    found.push({ breach: id, site: await siteOf(tx, site), affected, told, time, index: idx })
  return found
}

/** The breaches inside one transaction. */
export function breachesIn(tx: Tx): BreachWriter {
  return {
    get: async (id) => {
      const [row] = await run<BreachTable>(tx, 'select * from breaches where id = ?', [id])
      return row === undefined ? null : breachOf(row)
    },
    all: async () => {
      const sql = 'select * from breaches order by known_at desc, id'
      return (await run<BreachTable>(tx, sql, [])).map(breachOf)
    },
    marks: async (id) => {
      const sql = 'select * from breach_marks where breach = ?'
      const rows = await run<BreachMarkTable>(tx, sql, [id])
      return new Map(rows.map(({ mark, time }) => [mark, time]))
    },
    told: (id) => toldOf(tx, id),
    save: (row) => save(tx, row),
    mark: async (id, mark, time) => {
      await tx.db
        .insertInto('breach_marks')
        .values({ breach: id, mark, time })
        .onConflict((conflict) => conflict.columns(['breach', 'mark']).doNothing())
        .execute()
    },
    saveTold: (row) => saveTold(tx, row),
  }
}
