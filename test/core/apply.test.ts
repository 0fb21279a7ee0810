/**
 * The logs of a site and of the coordinator reach a node in any order to each other. Method: random
 * logs, interleaved in two random ways, each applied to a store of its own.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyCoordinatorEntries, applySiteEntries } from '../../node/core/log/apply.ts'
import type { RecordState } from '../../node/core/store.ts'
import type { Order, SiteEntry } from '../../protocol/entry.ts'
import { NOW } from '../fixtures/people.ts'
import { aStore } from '../store/builders.ts'
import { recordNumber } from './puppet.ts'
import { A, B } from './world.ts'

const RECORDS = [1, 2, 3].map(recordNumber)
const record = fc.constantFrom(...RECORDS)
const time = fc.integer({ min: NOW, max: NOW + 1000 })

const publish = fc
  .record({ record, version: fc.integer({ min: 1, max: 3 }), time })
  .map((parts): SiteEntry => ({
    type: 'publish',
    profile: new Uint8Array(32),
    consent: new Uint8Array(32),
    expires: parts.time + 86_400,
    ...parts,
  }))
const withdraw = fc
  .record({ record, time })
  .map((parts): SiteEntry => ({ type: 'withdraw', reason: 'erased', notice: '', ...parts }))
const entries = fc.array(fc.oneof({ weight: 3, arbitrary: publish }, withdraw), { maxLength: 8 })
const orders = fc.array(
  fc
    .record({ record: fc.oneof(record, fc.constant(null)), size: fc.nat(8), time })
    .map((parts): Order => ({ type: 'order', site: A, notice: '', ...parts })),
  { maxLength: 3 },
)

/** The states after both logs came in, `turns` saying which brings its next line. */
async function statesAfter(
  logs: { entries: readonly SiteEntry[]; orders: readonly Order[] },
  turns: readonly boolean[],
): Promise<RecordState[]> {
  const store = await aStore()
  let [site, coordinator] = [0, 0]
  for (const isSite of [...turns, ...logs.entries.map(() => true), ...logs.orders.map(() => false)])
    await store.write(async (tx) => {
      const [entry, order] = [logs.entries[site], logs.orders[coordinator]]
      if (isSite && entry !== undefined) {
        const context = { from: site, orders: logs.orders.slice(0, coordinator), wanted: true }
        await applySiteEntries(tx, A, [entry], context)
        site += 1
      } else if (!isSite && order !== undefined) {
        await applyCoordinatorEntries(tx, B, [order])
        coordinator += 1
      }
    })
  const states = await store.read((tx) => tx.records.getMany(A, RECORDS))
  return states.toSorted((a, b) => (a.record < b.record ? -1 : 1))
}

describe('the entries of two logs', () => {
  it('give one state, whichever comes first', async () => {
    const turns = fc.array(fc.boolean(), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(entries, orders, turns, turns, async (lines, commands, one, other) => {
        const logs = { entries: lines, orders: commands }
        expect(await statesAfter(logs, one)).toEqual(await statesAfter(logs, other))
      }),
      { numRuns: 200 },
    )
  })
})
