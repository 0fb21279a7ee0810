/** The one queue of events. Between two of them every promise that can settle has settled. */

interface Timed {
  time: number
  order: number
  run: () => void
}

const isBefore = (a: Timed, b: Timed): boolean =>
  a.time < b.time || (a.time === b.time && a.order < b.order)

/** Lets every microtask run: nothing in a simulated node waits for anything else. */
export function drain(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

export interface Queue {
  /** Seconds of true time, with fractions. */
  now: () => number
  /** Runs `run` in `seconds`; earlier calls first where the times are equal. */
  after: (seconds: number, run: () => void) => void
  /** Runs events up to a time, calling `afterEach` when all that an event started is quiet. */
  runUntil: (time: number, afterEach: () => Promise<void>) => Promise<void>
  /** Events run so far. */
  count: () => number
}

/** Makes a queue at `start`. A binary heap, since late events are many. */
export function createQueue(start: number): Queue {
  const heap: Timed[] = []
  let now = start
  let order = 0
  let count = 0

  function swap(i: number, j: number): void {
    const [a, b] = [heap[i], heap[j]]
    if (a === undefined || b === undefined) return
    heap[i] = b
    heap[j] = a
  }
  function push(item: Timed): void {
    heap.push(item)
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(item, above)) return
      swap(at, parent)
      at = parent
    }
  }
  function pop(): Timed | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const [a, b] = [heap[child], heap[least]]
        if (a !== undefined && b !== undefined && isBefore(a, b)) least = child
      }
      if (least === at) return first
      swap(at, least)
      at = least
    }
  }

  return {
    now: () => now,
    count: () => count,
    after: (seconds, run) => {
      order += 1
      push({ time: now + Math.max(0, seconds), order, run })
    },
    runUntil: async (time, afterEach) => {
      await drain()
      await afterEach()
      while ((heap[0]?.time ?? Infinity) <= time) {
        const event = pop()
        if (event === undefined) break
        now = event.time
        count += 1
        event.run()
        await drain()
        await afterEach()
      }
      now = Math.max(now, time)
    },
  }
}
