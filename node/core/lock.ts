/** Runs tasks one after another; work in bulk gives way to all else. */

/**
 * Runs `task` when no other one runs: in the order of their calls, but bulk work only when nothing
 * else waits.
 */
export type Lock = <T>(task: () => Promise<T>, kind?: 'bulk') => Promise<T>

/** Creates a lock. It goes on to the next task however the one before has ended. */
export function createLock(): Lock {
  const urgent: (() => void)[] = []
  const bulk: (() => void)[] = []
  let isHeld = false

  return async (task, kind) => {
    if (isHeld) await new Promise<void>((go) => (kind === 'bulk' ? bulk : urgent).push(go))
    isHeld = true
    try {
      return await task()
    } finally {
      // Handed on, not let go: else a newcomer could slip in before whoever is woken.
      const next = urgent.shift() ?? bulk.shift()
      isHeld = next !== undefined
      next?.()
    }
  }
}
