/** One request frame, then reply frames until the end: what all our stream protocols are. */
import type { Connection, Stream, StreamCloseEvent } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import { FRAME_BYTES } from '../../protocol/limits.ts'
import type { Codec } from '../../protocol/wire.ts'
import { NetworkFault } from './faults.ts'
import { createFrameReader, writeFrame } from './frames.ts'

/** One stream protocol. */
export interface Exchange<Request, Reply> {
  protocol: string
  request: Codec<Request>
  requestBytes: number
  reply: Codec<Reply>
  replyBytes: number
}

/** The times a stream may take, in milliseconds. */
export interface Deadlines {
  /** For each frame. */
  idleMillis: number
  /** For the whole stream. */
  streamMillis: number
}

/** Bytes of a reply frame where the protocol has no smaller bound. */
export const REPLY_BYTES = FRAME_BYTES

/**
 * Opens a stream, writes `request` and yields the replies. A consumer that stops early, or throws,
 * aborts the stream.
 *
 * @throws ProtocolError where the peer breaks the protocol, NetworkFault where it is slow or gone
 */
export async function* ask<Request, Reply>(
  exchange: Exchange<Request, Reply>,
  connection: Connection,
  request: Request,
  { idleMillis, streamMillis }: Deadlines,
): AsyncGenerator<Reply, void, undefined> {
  const stream = await open(connection, exchange.protocol, idleMillis)
  const timer = setTimeout(() => stream.abort(new NetworkFault('timeout')), streamMillis)
  let reason: Error = new NetworkFault('cancelled')
  let complete = false
  try {
    const reader = createFrameReader(stream)
    const bytes = exchange.request.encode(request)
    await writeFrame(stream, bytes, { maxBytes: exchange.requestBytes, idleMillis })
    await closeWriting(stream, idleMillis)
    for (;;) {
      const reply = await reader.next({ maxBytes: exchange.replyBytes, idleMillis })
      if (reply === null) break
      yield exchange.reply.decode(reply)
    }
    complete = true
  } catch (error) {
    reason = error instanceof Error ? error : new NetworkFault('closed', { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
    if (!complete) stream.abort(reason)
  }
}

/**
 * Opens a stream.
 *
 * @throws NetworkFault `unreachable`
 */
export async function open(
  connection: Connection,
  protocol: string,
  millis: number,
): Promise<Stream> {
  try {
    return await connection.newStream(protocol, {
      signal: AbortSignal.timeout(millis),
      runOnLimitedConnection: true,
    })
  } catch (cause) {
    throw new NetworkFault('unreachable', { cause })
  }
}

async function closeWriting(stream: Stream, millis: number): Promise<void> {
  try {
    await stream.close({ signal: AbortSignal.timeout(millis) })
  } catch (cause) {
    throw new NetworkFault('closed', { cause })
  }
}

/**
 * Reads the request from an inbound stream and writes what `answer` gives. Whatever goes wrong
 * aborts the stream, without a word to the peer on why, and is thrown.
 *
 * @throws BadRequest where the peer broke the protocol; NetworkFault; or what `answer` throws
 */
export async function serve<Request, Reply>(
  exchange: Exchange<Request, Reply>,
  stream: Stream,
  answer: (request: Request) => AsyncIterable<Reply>,
  { idleMillis, streamMillis }: Deadlines,
): Promise<void> {
  const timer = setTimeout(() => stream.abort(new NetworkFault('timeout')), streamMillis)
  try {
    const request = await readRequest(exchange, stream, idleMillis)
    if (request === null) throw new NetworkFault('truncated')
    // Whatever follows the request is dropped as it comes, not kept.
    await stream.closeRead()
    const bounds = { maxBytes: exchange.replyBytes, idleMillis }
    for await (const reply of untilClosed(stream, answer(request)))
      await writeFrame(stream, exchange.reply.encode(reply), bounds)
    await closeWriting(stream, idleMillis)
  } catch (error) {
    stream.abort(new NetworkFault('closed'))
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** A peer's request that breaks the protocol; no honest node sends one. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly error: ProtocolError

  constructor(error: ProtocolError) {
    super('bad request', { cause: error })
    this.error = error
  }
}

async function readRequest<Request, Reply>(
  exchange: Exchange<Request, Reply>,
  stream: Stream,
  idleMillis: number,
): Promise<Request | null> {
  try {
    const bounds = { maxBytes: exchange.requestBytes, idleMillis }
    const bytes = await createFrameReader(stream).next(bounds)
    return bytes === null ? null : exchange.request.decode(bytes)
  } catch (error) {
    throw error instanceof ProtocolError ? new BadRequest(error) : error
  }
}

/** Iterates `replies` until the peer resets the stream; then the iterator is told to return. */
async function* untilClosed<Reply>(
  stream: Stream,
  replies: AsyncIterable<Reply>,
): AsyncGenerator<Reply, void, undefined> {
  const { promise: closed, reject } = Promise.withResolvers<never>()
  // The rejection may come when nobody waits for it.
  closed.catch(() => undefined)
  const onClose = ({ error }: StreamCloseEvent): void =>
    reject(new NetworkFault('closed', { cause: error }))
  stream.addEventListener('close', onClose)
  if (stream.status !== 'open') reject(new NetworkFault('closed'))
  const iterator = replies[Symbol.asyncIterator]()
  let done = false
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), closed])
      if (next.done === true) {
        done = true
        return
      }
      yield next.value
    }
  } finally {
    stream.removeEventListener('close', onClose)
    // Awaited, so that the request counts as served until its work has really ended.
    if (!done) await iterator.return?.()
  }
}
