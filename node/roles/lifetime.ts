/** Starting in order, stopping in reverse, and the signals that ask for it. */

import { setTimeout as delay } from 'node:timers/promises'

/** Seconds that a stop may take before the process ends anyway. */
const STOP_SECONDS = 5
/** Milliseconds for requests under way: streams of events would never end by themselves. */
const REQUEST_MILLIS = 1500

/** A node that runs. */
export interface Running {
  /** Base address of the HTTP interface. */
  url: string
  /** Addresses of the libp2p host, without the peer id. */
  addresses: string[]
  /** Base address at which the old module finds the bridge; null where there is none. */
  bridgeUrl: string | null
  /** Resolves when the node must start again, with keys that have taken the place of the old ones. */
  replaced: Promise<void>
  stop: () => Promise<void>
}

/** Steps taken back in reverse; a step that fails does not keep the others from running. */
export interface Steps {
  add: (undo: () => unknown) => void
  undo: () => Promise<void>
}

/** Collects what has to be undone. */
export function createSteps(): Steps {
  const undos: (() => unknown)[] = []
  return {
    add: (undo) => void undos.push(undo),
    undo: async () => {
      const failures: unknown[] = []
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await undo()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'The node did not stop cleanly')
    },
  }
}

/**
 * Runs a node until SIGTERM or SIGINT, then stops it; starts it again when its keys are replaced.
 * Ends the process when stopping takes too long or a second signal comes.
 */
export async function runUntilSignal(start: () => Promise<Running>): Promise<void> {
  let signals = 0
  const signalled = new Promise<'signal'>((resolve) => {
    const heard = (): void => {
      signals += 1
      if (signals > 1) process.exit(1)
      resolve('signal')
    }
    process.on('SIGTERM', heard)
    process.on('SIGINT', heard)
  })
  for (;;) {
    const running = await start()
    const why = await Promise.race([signalled, running.replaced.then(() => 'replaced' as const)])
    const deadline = setTimeout(() => process.exit(1), STOP_SECONDS * 1000)
    deadline.unref()
    await running.stop()
    clearTimeout(deadline)
    if (why === 'signal') return
  }
}

/** Takes no more requests, and waits a moment for those under way. */
export async function closeServed({ close }: { close: () => Promise<void> }): Promise<void> {
  await Promise.race([close(), delay(REQUEST_MILLIS, undefined, { ref: false })])
}
