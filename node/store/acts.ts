/** The access log: rows are added at its end, and nothing else. */
import type { ActRow, ActWriter } from '../core/people/act-rows.ts'
import type { ActTable } from './schema.ts'
import { plainBytes, run, type Tx } from './transaction.ts'

function rowOf({ id, time, actor_kind, actor, role, act, subject, hash }: ActTable): ActRow {
  return {
    id,
    time,
    actor: { kind: actor_kind, id: actor, role },
    act,
    subject,
    hash: plainBytes(hash),
  }
}

async function append(tx: Tx, { id, time, actor, act, subject, hash }: ActRow): Promise<void> {
  await tx.db
    .insertInto('acts')
    .values({
      id,
      time,
      actor_kind: actor.kind,
      actor: actor.id,
      role: actor.role,
      act,
      subject,
      hash,
    })
    .execute()
}

/** The access log's part of a transaction. */
export function actsIn(tx: Tx): ActWriter {
  return {
    append: (row) => append(tx, row),
    last: async () => {
      const [row] = await run<ActTable>(tx, 'select * from acts order by id desc limit 1', [])
      return row === undefined ? null : rowOf(row)
    },
    above: async (id, limit) => {
      const sql = 'select * from acts where id > ? order by id limit ?'
      return (await run<ActTable>(tx, sql, [id, limit])).map(rowOf)
    },
    below: async (id, limit) => {
      const sql = 'select * from acts where id < ? order by id desc limit ?'
      const from = id ?? Number.MAX_SAFE_INTEGER
      return (await run<ActTable>(tx, sql, [from, limit])).map(rowOf)
    },
  }
}
