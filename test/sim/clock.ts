/** The clock of a simulated process: its node's time, and timers that end with the process. */
import type { Clock } from '../../node/core/ports.ts'
import type { Dice } from './dice.ts'
import { Crashed } from './disk.ts'
import type { Judged } from './judged.ts'
import type { Port } from './network.ts'
import type { Queue } from './queue.ts'

/** The clock that a process of a node is given. */
export function clockOf(
  { queue, dice }: { queue: Queue; dice: Dice },
  node: Judged,
  process: Pick<Port, 'isDead'>,
): Clock {
  return {
    now: () => {
      if (process.isDead()) throw new Crashed()
      const now = node.now()
      node.earliest = Math.min(node.earliest, now)
      node.latest = Math.max(node.latest, now)
      return now
    },
    every: (seconds, task) => {
      let isOn = true
      const round = (): void => {
        if (!isOn || process.isDead()) return
        task().catch(() => undefined)
        queue.after(seconds, round)
      }
      queue.after(dice.next() * seconds, round)
      return () => {
        isOn = false
      }
    },
  }
}
