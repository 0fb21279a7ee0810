/** What the old module has removed: own members, records that it was given, and what nobody knows. */
import { reasonOf } from '../../tasks.ts'
import { createLock } from '../../lock.ts'
import type { Events } from '../../ports.ts'
import type { Store } from '../../store.ts'
import type { Deliveries } from '../delivery/deliveries.ts'
import type { Holds } from '../members/holds.ts'

export interface Removals {
  /**
   * Takes ids that the module says it has removed; 0 is one of its users that has none. The module
   * says so once, whatever comes of it: they are durable before anything is done with them, and
   * what fails is tried again.
   */
  take: (ids: readonly number[]) => Promise<void>
  /** Removals that fitted nothing, since the start. */
  unknown: () => number
  /** Tries again what has failed. */
  tick: () => Promise<void>
}

/** Setting with the ids that are not dealt with yet. */
const WAITING = 'bridge-removals'
const BATCH = 500

/** Creates the taker, with what the last run has left. */
export async function createRemovals(ports: {
  store: Store
  events: Events
  holds: Pick<Holds, 'removed'>
  deliveries: Pick<Deliveries, 'removed'>
}): Promise<Removals> {
  const { store, events, holds, deliveries } = ports
  const lock = createLock()
  const left = (await store.read((tx) => tx.desk.setting(WAITING))) ?? ''
  const waiting = new Set<number>(left === '' ? [] : left.split(',').map(Number))
  let unknown = 0

  const save = (): Promise<void> =>
    store.write((tx) => tx.desk.setSetting(WAITING, [...waiting].join(',')))

  async function work(): Promise<void> {
    if (waiting.size === 0) return
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, BATCH)
      const strange = await deliveries.removed(await holds.removed(batch))
      for (const id of batch) waiting.delete(id)
      if (strange.length === 0) continue
      unknown += strange.length
      events.emit({ type: 'bridge.unknown', count: strange.length })
    }
    await save()
  }

  return {
    take: (ids) =>
      lock(async () => {
        if (ids.length === 0) return
        for (const id of ids) waiting.add(id)
        await save()
        try {
          await work()
        } catch (error) {
          events.emit({ type: 'task.failed', task: 'bridge removals', reason: reasonOf(error) })
        }
      }),
    unknown: () => unknown,
    tick: () => lock(work),
  }
}
