/**
 * Server-sent events (WHATWG HTML §9.2) at the pace of their reader: what can be read again is
 * fetched when there is room for it, what cannot waits in a bounded queue.
 */

/** One event on its way. */
export interface Frame {
  event: string
  data: object
  /** Absent for what cannot be resumed. */
  id?: string
}
export interface EventStream {
  body: ReadableStream<Uint8Array>
  /** Queues a live frame; false where the stream has ended, or ends because its queue is full. */
  push: (frame: Frame) => boolean
  /** Says that `next` may have something. */
  wake: () => void
  /** Ends the stream for its reader. */
  end: () => void
}

/** Live frames, and their bytes, that wait for a reader at most. */
const QUEUE_FRAMES = 256
const QUEUE_BYTES = 1024 * 1024
const COMMENT = ':\n\n'

function textOf({ event, data, id }: Frame): string {
  const head = id === undefined ? '' : `id: ${id}\n`
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/**
 * Creates a stream.
 *
 * @param ports.next the next durable frames; none where there are none for now
 * @param ports.onEnd called once, however the stream ends
 * @param ports.cut breaks the connection of a reader that does not read
 */
export function createEventStream(ports: {
  next: () => Promise<readonly Frame[]>
  onEnd: () => void
  cut: () => void
  heartbeatMillis: number
}): EventStream {
  const { next, onEnd, cut } = ports
  const encoder = new TextEncoder()
  let queue: Uint8Array[] = []
  let bytes = 0
  let hasNews = true
  let isBeatDue = false
  let isOver = false
  /** Set while the reader waits for more. */
  let awake: (() => void) | null = null

  function wake(): void {
    awake?.()
    awake = null
  }
  function end(): void {
    if (isOver) return
    isOver = true
    clearInterval(timer)
    queue = []
    wake()
    onEnd()
  }
  function giveUp(): void {
    end()
    cut()
  }
  const timer = setInterval(() => {
    // Since the last beat it has read nothing: its connection is dead, or means to hold this one.
    if (isBeatDue && awake === null) giveUp()
    isBeatDue = true
    wake()
  }, ports.heartbeatMillis)
  timer.unref()

  async function take(): Promise<string | Uint8Array | null> {
    for (;;) {
      if (isOver) return null
      const live = queue.shift()
      if (live !== undefined) {
        bytes -= live.length
        return live
      }
      if (hasNews) {
        hasNews = false
        const frames = await next()
        // Asked again until there is nothing: what was not wanted lies behind the reader now.
        if (frames.length > 0) {
          hasNews = true
          return frames.map(textOf).join('')
        }
        continue
      }
      if (isBeatDue) {
        isBeatDue = false
        return COMMENT
      }
      await new Promise<void>((resolve) => {
        awake = resolve
      })
    }
  }

  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        // A store that closes under the last streams ends them as well.
        const part = await take().catch(() => null)
        if (part === null) {
          end()
          controller.close()
        } else controller.enqueue(typeof part === 'string' ? encoder.encode(part) : part)
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )

  return {
    body,
    push: (frame) => {
      if (isOver) return false
      const part = encoder.encode(textOf(frame))
      if (queue.length >= QUEUE_FRAMES || bytes + part.length > QUEUE_BYTES) {
        giveUp()
        return false
      }
      queue.push(part)
      bytes += part.length
      wake()
      return true
    },
    wake: () => {
      hasNews = true
      wake()
    },
    end,
  }
}
