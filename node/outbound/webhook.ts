/** Calls addresses of the operator. */
import type { IncomingMessage } from 'node:http'
import type { Outbound } from '../core/ports.ts'
import { createCaller, type Resolve } from './call.ts'

export interface OutboundOptions {
  /** Whether loopback and private addresses may be called, and those without TLS. */
  allowPrivate: boolean
  /** The system's by default. */
  resolve?: Resolve
  /** Milliseconds for one call as a whole, from the name to the end of the answer. */
  timeoutMillis?: number
  /** Certificates to trust in place of those of the system, as PEM. */
  ca?: string
}

const TIMEOUT_MILLIS = 8000
/** Bytes of an answer that are read: only its status counts. */
const ANSWER_BYTES = 64 * 1024

/** Reads the answer to its end, but not longer than it is allowed to be. */
function readBounded(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    response.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > ANSWER_BYTES) response.destroy()
    })
    // The status has come: however the rest ends, it is the answer.
    response.on('error', () => resolve())
    response.on('close', () => resolve())
  })
}

/** Creates the adapter; `close` ends what is under way. */
export function createOutbound(options: OutboundOptions): Outbound & { close: () => void } {
  const { allowPrivate, timeoutMillis = TIMEOUT_MILLIS } = options
  const caller = createCaller({ ...options, timeoutMillis })

  return {
    post: async (sent) => {
      // Without TLS anybody on the way could read a message: only where there is no way.
      const call = { ...sent, method: 'POST', allowPrivate, allowClear: false } as const
      const called = await caller.call(call, async (response) => {
        // Read to its end, so that a website that answers before it has done is not cut off.
        await readBounded(response)
        return response.statusCode ?? 0
      })
      return called.kind === 'failed' ? called : { kind: 'answered', status: called.answer }
    },
    close: caller.close,
  }
}
