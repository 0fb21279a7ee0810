/** The sweep over site owners (policy §6): two years after the last contact the minimum is left. */
import { NODE_ACTOR, type Actor } from '../people/actor.ts'
import type { Clock } from '../ports.ts'
import { monthsBefore, RETENTION_MONTHS } from '../request/period.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { CustomerRow } from './customer-rows.ts'

const BATCH = 200
const SWEEP_SECONDS = 86_400
/** Setting that says when the sweep has run. */
const SWEPT = 'retention-swept'

/** What a sweep does, or would do. */
export interface Swept {
  /** Ids of those of whom address and order numbers stay. */
  shrunk: string[]
  /** Ids of those of whom nothing stays: they have ordered nothing. */
  removed: string[]
}

export interface Retention {
  /** What a sweep would do now. */
  due: () => Promise<Swept>
  sweep: (actor: Actor) => Promise<Swept>
  /** Sweeps once a day. */
  run: () => Promise<void>
}

/** Creates the sweep. */
export function createRetention(ports: {
  store: Store
  clock: Clock
  shrinkIn: (tx: WriteTransaction, actor: Actor, row: CustomerRow) => Promise<'shrunk' | 'removed'>
}): Retention {
  const { store, clock, shrinkIn } = ports

  /** Rows whose two years are over. */
  async function* idle(): AsyncGenerator<CustomerRow[]> {
    const before = monthsBefore(clock.now(), RETENTION_MONTHS)
    for (let after = ''; ;) {
      const from = after
      const rows = await store.read((tx) => tx.customers.idle(before, from, BATCH))
      if (rows.length > 0) yield rows
      if (rows.length < BATCH) return
      after = rows.at(-1)?.id ?? ''
    }
  }
  async function sweep(actor: Actor): Promise<Swept> {
    const swept: Swept = { shrunk: [], removed: [] }
    for await (const rows of idle())
      await store.write(async (tx) => {
        for (const row of rows) swept[await shrinkIn(tx, actor, row)].push(row.id)
      }, 'erase')
    return swept
  }

  return {
    due: async () => {
      const due: Swept = { shrunk: [], removed: [] }
      for await (const rows of idle())
        for (const { id, hasOrders } of rows) due[hasOrders ? 'shrunk' : 'removed'].push(id)
      return due
    },
    sweep,
    run: async () => {
      const last = Number((await store.read((tx) => tx.desk.setting(SWEPT))) ?? 0)
      const now = clock.now()
      if (now >= last && now - last < SWEEP_SECONDS) return
      await sweep(NODE_ACTOR)
      await store.write((tx) => tx.desk.setSetting(SWEPT, String(now)))
    },
  }
}
