/** Bounds how many requests run at once under one key. */
import { NetworkFault } from './faults.ts'

export interface Slots {
  /**
   * Waits for a slot under `key`; the returned function frees it.
   *
   * @throws NetworkFault `busy` where too many wait already
   */
  take: (key: string) => Promise<() => void>
}

/** At most `running` at once and `waiting` behind them, under each key. */
export function createSlots(running: number, waiting: number): Slots {
  const byKey = new Map<string, { running: number; queue: (() => void)[] }>()

  function free(key: string): void {
    const held = byKey.get(key)
    if (held === undefined) return
    const next = held.queue.shift()
    if (next !== undefined) {
      next()
      return
    }
    held.running -= 1
    if (held.running === 0) byKey.delete(key)
  }

  return {
    take: async (key) => {
      const held = byKey.get(key) ?? { running: 0, queue: [] }
      byKey.set(key, held)
      if (held.running < running) held.running += 1
      else if (held.queue.length >= waiting) throw new NetworkFault('busy')
      else await new Promise<void>((resolve) => held.queue.push(resolve))
      let taken = true
      return () => {
        if (taken) free(key)
        taken = false
      }
    },
  }
}
