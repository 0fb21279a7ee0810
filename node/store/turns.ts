/** Lets one transaction at a time onto the connection. */

export interface Turns {
  /** Runs `work` when it is its turn. */
  run: <T>(kind: 'read' | 'write', work: () => Promise<T>) => Promise<T>
}

/**
 * Makes the queue of one connection. Where both wait, a write and a read take turns: a withdrawal
 * has at most one read before it, however many are asked for, and reads are not shut out either.
 */
export function createTurns(): Turns {
  const waiting = { read: [] as (() => void)[], write: [] as (() => void)[] }
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
      if (busy) await new Promise<void>((resolve) => waiting[kind].push(resolve))
      else {
        busy = true
        last = kind
      }
      try {
        return await work()
      } finally {
        next()
      }
    },
  }
}
