/**
 * Frames on a libp2p stream: the length as u32, big-endian, then that many bytes. A fixed width
 * instead of a varint, because there is then one encoding of each length and nothing to parse.
 */
import { setImmediate } from 'node:timers/promises'
import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { concatBytes } from '../../protocol/bytes.ts'
import { invariant, ProtocolError } from '../../protocol/errors.ts'
import { AHEAD_BYTES } from './bounds.ts'
import { NetworkFault } from './faults.ts'
import { createByteQueue, type ByteQueue } from './queue.ts'

/** Bytes of the length in front of each frame. */
export const HEADER_BYTES = 4

/** How long a frame may take and how long it may be. */
export interface FrameBounds {
  maxBytes: number
  idleMillis: number
  /** How long its first byte may take, where that is another time. */
  waitMillis?: number
}

export interface FrameReader {
  /**
   * The next frame, or null where the peer ended the stream between two frames. The bytes may
   * share memory with what was received; nothing else uses that memory.
   *
   * @throws ProtocolError `too_large`, before anything is allocated for the frame
   * @throws NetworkFault `timeout` for a frame not complete in time, `truncated`, or `closed`
   */
  next: (bounds: FrameBounds) => Promise<Uint8Array | null>
}

/**
 * Reads frames from `stream`, at most {@link AHEAD_BYTES} and one window ahead of the caller: libp2p
 * would else widen the window for as long as data comes. The caller aborts the stream after an
 * error.
 */
export function createFrameReader(stream: Stream): FrameReader {
  const queue = createByteQueue()
  const state: ReadState = { wanted: 0, ended: stream.readableEnded, fault: null, wake: null }
  // The peer may have reset the stream while its protocol was negotiated; the event is past then.
  if (stream.status === 'reset' || stream.status === 'aborted')
    state.fault = new NetworkFault('closed')
  else if (stream.status === 'closed' && stream.readBufferLength === 0) state.ended = true
  listen(stream, queue, state)
  const expire = (): void => {
    state.fault ??= new NetworkFault('timeout')
    state.wake?.()
  }

  /** Waits for `count` bytes; false where the stream ends with none. */
  async function fill(count: number): Promise<boolean> {
    state.wanted = count
    while (queue.size() < count) {
      if (state.fault !== null) throw state.fault
      if (state.ended && queue.size() === 0) return false
      if (state.ended) throw new NetworkFault('truncated')
      const { promise, resolve } = Promise.withResolvers<void>()
      state.wake = resolve
      resume(stream, state)
      await promise
      state.wake = null
    }
    return true
  }

  return {
    next: async ({ maxBytes, idleMillis, waitMillis }) => {
      let timer = setTimeout(expire, waitMillis ?? idleMillis)
      try {
        if (waitMillis !== undefined) {
          if (!(await fill(1))) return null
          clearTimeout(timer)
          timer = setTimeout(expire, idleMillis)
        }
        // One deadline for the whole frame: a byte now and then must not extend it.
        if (!(await fill(HEADER_BYTES))) return null
        const header = queue.take(HEADER_BYTES)
        const length = new DataView(header.buffer, header.byteOffset).getUint32(0)
        if (length > maxBytes)
          throw new ProtocolError('too_large', '', `a frame of at most ${maxBytes} bytes`)
        if (!(await fill(length))) throw new NetworkFault('truncated')
        return queue.take(length)
      } finally {
        clearTimeout(timer)
        state.wanted = 0
      }
    },
  }
}

interface ReadState {
  /** Bytes that somebody waits for. */
  wanted: number
  /** Nothing more will come. */
  ended: boolean
  fault: Error | null
  wake: (() => void) | null
}

function listen(stream: Stream, queue: ByteQueue, state: ReadState): void {
  stream.addEventListener('message', ({ data }: StreamMessageEvent) => {
    for (const chunk of data instanceof Uint8Array ? [data] : data) queue.push(chunk)
    const enough = queue.size() >= Math.max(state.wanted, AHEAD_BYTES)
    if (enough && stream.readStatus === 'readable') stream.pause()
    if (queue.size() >= state.wanted) state.wake?.()
  })
  stream.addEventListener('end', () => {
    state.ended = true
    state.wake?.()
  })
  stream.addEventListener('close', ({ error }: StreamCloseEvent) => {
    if (error !== undefined) state.fault ??= new NetworkFault('closed', { cause: error })
    else if (stream.readBufferLength === 0) state.ended = true
    state.wake?.()
  })
}

function resume(stream: Stream, state: ReadState): void {
  if (stream.readStatus !== 'paused') return
  try {
    stream.resume()
  } catch (cause) {
    // The window update after the last bytes may find the connection gone; the bytes are here.
    if (!state.ended) state.fault ??= new NetworkFault('closed', { cause })
  }
  state.wake?.()
}

/** `payload` as a frame. */
export function frame(payload: Uint8Array): Uint8Array {
  // Copied into one piece: two sends would cost a muxer frame and a cipher call for four bytes.
  const bytes = new Uint8Array(HEADER_BYTES + payload.length)
  new DataView(bytes.buffer).setUint32(0, payload.length)
  bytes.set(payload, HEADER_BYTES)
  return bytes
}

/**
 * Writes a frame and waits until less than {@link AHEAD_BYTES} are unsent.
 *
 * @throws NetworkFault `timeout` where the peer does not take it in time, or `closed`
 */
export async function writeFrame(
  stream: Stream,
  payload: Uint8Array,
  { maxBytes, idleMillis }: FrameBounds,
): Promise<void> {
  invariant(payload.length <= maxBytes, 'our frames are within their bound')
  if (stream.writeStatus !== 'writable') throw new NetworkFault('closed')
  stream.send(frame(payload))
  if (stream.writeBufferLength >= AHEAD_BYTES) await drained(stream, idleMillis)
}

/** Writes one frame; settles as {@link writeFrame} does. */
export type FrameWriter = (payload: Uint8Array) => Promise<void>

/**
 * Creates a writer for many small frames: those that are ready in one turn of the event loop leave in
 * one piece. Each piece costs both sides a muxer frame, a window update, a cipher call and a system
 * call, which is more than a small frame itself costs.
 */
export function createFrameWriter(
  stream: Stream,
  { maxBytes, idleMillis }: FrameBounds,
): FrameWriter {
  let waiting: Uint8Array[] = []
  let sent: Promise<void> | null = null

  async function send(): Promise<void> {
    await setImmediate()
    const bytes = concatBytes(...waiting)
    waiting = []
    sent = null
    if (stream.writeStatus !== 'writable') throw new NetworkFault('closed')
    stream.send(bytes)
    if (stream.writeBufferLength >= AHEAD_BYTES) await drained(stream, idleMillis)
  }

  return (payload) => {
    invariant(payload.length <= maxBytes, 'our frames are within their bound')
    waiting.push(frame(payload))
    sent ??= send()
    return sent
  }
}

/**
 * libp2p's own `onDrain` resolves at once after its first use, so we look at the buffer after each
 * event that may have emptied it.
 */
async function drained(stream: Stream, idleMillis: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const look = (): void => {
    // The stream sends on in a microtask after `drain`.
    queueMicrotask(() => {
      if (stream.writeBufferLength < AHEAD_BYTES) resolve()
    })
  }
  const closed = ({ error }: StreamCloseEvent): void =>
    reject(new NetworkFault('closed', { cause: error }))
  const timer = setTimeout(() => reject(new NetworkFault('timeout')), idleMillis)
  stream.addEventListener('drain', look)
  stream.addEventListener('idle', look)
  stream.addEventListener('close', closed)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    stream.removeEventListener('drain', look)
    stream.removeEventListener('idle', look)
    stream.removeEventListener('close', closed)
  }
}
