/** Work done aside: coalesced, its failures reported, and awaited at the end. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Events } from './ports.ts'

export interface Tasks {
  /** Runs a task aside; a failure becomes an event. */
  background: (name: string, task: () => Promise<void>) => void
  /**
   * A function that runs `task` aside, once at a time: calls while it runs make it run once more,
   * however many they are.
   */
  coalesced: (name: string, task: () => Promise<void>) => () => void
  /** Takes no more tasks and waits for those under way. */
  stop: () => Promise<void>
}

/** Why something failed, in a word that holds no data: the protocol's code, or the error's name. */
export function reasonOf(error: unknown): string {
  if (error instanceof ProtocolError) return error.code
  // The network names its faults by a reason of a closed list.
  if (error instanceof Error && 'reason' in error && typeof error.reason === 'string')
    return error.reason
  return error instanceof Error ? error.name : 'unknown'
}

/** Creates the runner of background tasks. */
export function createTasks(events: Events): Tasks {
  const running = new Set<Promise<void>>()
  let isStopped = false

  function background(name: string, task: () => Promise<void>): void {
    if (isStopped) return
    const run = task()
      .catch((error: unknown) => {
        if (!isStopped) events.emit({ type: 'task.failed', task: name, reason: reasonOf(error) })
      })
      .finally(() => {
        running.delete(run)
      })
    running.add(run)
  }

  return {
    background,
    coalesced: (name, task) => {
      let isRunning = false
      let again = false
      return () => {
        again = true
        if (isRunning || isStopped) return
        isRunning = true
        background(name, async () => {
          try {
            do {
              again = false
              await task()
            } while (again)
          } finally {
            isRunning = false
          }
        })
      }
    },
    stop: async () => {
      isStopped = true
      while (running.size > 0) await Promise.all(running)
    },
  }
}
