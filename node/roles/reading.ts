/** Reads bodies for the search in the background: all at the start, then what has come since. */
import { setImmediate } from 'node:timers/promises'
import type { NodePorts } from '../core/node.ts'
import { createBodyReader } from '../core/search/reader.ts'
import { reasonOf } from '../core/tasks.ts'
import type { Steps } from './lifetime.ts'

/** Seconds after which a new body can be found by its words at the latest, while there is time. */
const LOOK_SECONDS = 1

/** Begins to read; the node answers everything else meanwhile. */
export function keepReading({ store, vault, clock, events }: NodePorts, steps: Steps): void {
  const reader = createBodyReader({ store, vault, pause: () => setImmediate() })
  const read = (): Promise<void> =>
    reader.run().catch((error: unknown) => {
      events.emit({ type: 'task.failed', task: 'read bodies', reason: reasonOf(error) })
    })
  const cancel = clock.every(LOOK_SECONDS, read)
  void read()
  steps.add(async () => {
    cancel()
    await reader.stop().catch(() => undefined)
  })
}
