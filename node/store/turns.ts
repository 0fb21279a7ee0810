/** Lets one transaction at a time onto the connection. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { invariant } from '../../protocol/errors.ts'

export interface Turns {
  /** Runs `work` when it is its turn. A turn asked for inside of one would never come: it is a bug. */
  run: <T>(kind: 'read' | 'write', work: () => Promise<T>) => Promise<T>
}

/**
 * Makes the queue of one connection. Where both wait, a write and a read take turns: a withdrawal
 * has at most one read before it, however many are asked for, and reads are not shut out either.
 */
export function createTurns(): Turns {
  const waiting = { read: [] as (() => void)[], write: [] as (() => void)[] }
  /** The turn that a call is made in. What it has begun may go on after its end. */
  const inside = new AsyncLocalStorage<{ isRunning: boolean }>()
  let busy = false
  let last: 'read' | 'write' = 'read'

  function next(): void {
    const first = last === 'read' ? 'write' : 'read'
    const kind = waiting[first].length > 0 ? first : last
    const start = waiting[kind].shift()
    busy = start !== undefined
    last = kind
    start?.()
  }

  return {
    async run(kind, work) {
      invariant(
        inside.getStore()?.isRunning !== true,
        'inside a transaction only the one that was handed out is asked',
      )
      if (busy) await new Promise<void>((resolve) => waiting[kind].push(resolve))
      else {
        busy = true
        last = kind
      }
      const turn = { isRunning: true }
      try {
        return await inside.run(turn, work)
      } finally {
        turn.isRunning = false
        next()
      }
    },
  }
}
