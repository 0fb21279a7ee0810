/** Lets one message of a pair at a time through, in the order in which they came. */

export interface PairTurns {
  /** Runs `task` when all earlier ones of this pair have ended; null where too many wait. */
  run: <T>(pair: string, task: () => Promise<T>) => Promise<T> | null
}

/** @param waiting tasks of one pair, the running one included */
export function createPairTurns(waiting: number): PairTurns {
  const pairs = new Map<string, { count: number; last: Promise<unknown> }>()
  return {
    run: (pair, task) => {
      const held = pairs.get(pair) ?? { count: 0, last: Promise.resolve() }
      if (held.count >= waiting) return null
      held.count += 1
      pairs.set(pair, held)
      const result = held.count === 1 ? task() : held.last.then(task, task)
      const ended = (): void => {
        held.count -= 1
        if (held.count === 0) pairs.delete(pair)
      }
      held.last = result.then(ended, ended)
      return result
    },
  }
}
