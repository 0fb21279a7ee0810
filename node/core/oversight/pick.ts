/** Picks at random what is asked of whom: records that have ended, and who asks for them. */
import { decodeEntry } from '../../../protocol/entry.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Clock, Random } from '../ports.ts'
import type { ReadTransaction } from '../store.ts'
import type { View } from '../view.ts'

/** Logs looked into for each record that is wanted. */
const MOST_LOGS = 32

export interface Picker {
  /** A random number from 0 up to `most` (exclusive), which is at most 2^40. */
  below: (most: number) => number
  shuffled: <T>(items: readonly T[]) => T[]
  /** Some record that has ended, and that the target must not have any more; null where none is met. */
  ended: (tx: ReadTransaction, target: SiteId) => Promise<{ home: SiteId; index: number } | null>
}

/** Creates the picker of the coordinator. */
export function createPicker(ports: { view: View; clock: Clock; random: Random }): Picker {
  const { view, clock, random } = ports

  function below(most: number): number {
    let value = 0
    for (const byte of random.bytes(6)) value = value * 256 + byte
    return value % most
  }

  /** Whether the target has said, or had the time to see to it, that the record is gone. */
  async function isSettled(
    tx: ReadTransaction,
    { target, home, endIndex }: { target: SiteId; home: SiteId; endIndex: number },
  ): Promise<boolean> {
    if (target === home || (await tx.receipts.largest(home, target)) > endIndex) return true
    const bytes = (await tx.logs.entriesAt(home, [endIndex])).get(endIndex)
    if (bytes === undefined) return false
    const { erasureDeadlineSeconds } = view.registry().terms
    return decodeEntry(bytes).time + erasureDeadlineSeconds < clock.now()
  }

  function shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: below(2 ** 40) }))
    return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item)
  }

  return {
    below,
    shuffled,
    ended: async (tx, target) => {
      const logs = (await tx.logs.all()).filter(
        ({ site, size }) => site !== view.network && size > 0 && !view.frozen.has(site),
      )
      for (const { site: home, size } of shuffled(logs).slice(0, MOST_LOGS)) {
        const [after] = await tx.records.ended(home, below(size) - 1, 1)
        const found = after ?? (await tx.records.ended(home, -1, 1))[0]
        if (found === undefined || found.index < 0 || found.endIndex === null) continue
        const { index, endIndex } = found
        if (await isSettled(tx, { target, home, endIndex })) return { home, index }
      }
      return null
    },
  }
}
