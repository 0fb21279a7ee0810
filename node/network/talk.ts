/**
 * The talk protocol: one long-lived stream to each site that somebody writes to, on which frames
 * and their answers overlap. A stream for each message would cost a negotiation each time.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { TALK_ANSWER_BYTES, TALK_BYTES, TALK_WINDOW } from '../../protocol/limits.ts'
import {
  TALK_PROTOCOL,
  talkCallCodec,
  talkReplyCodec,
  type TalkAnswer,
  type TalkRequest,
} from '../../protocol/talk.ts'
import { TALK_ANSWER_MILLIS, TALK_IDLE_MILLIS, TALK_WAITING } from './bounds.ts'
import { BadRequest, open, type Deadlines } from './exchange.ts'
import { NetworkFault } from './faults.ts'
import { createFrameReader, createFrameWriter, type FrameBounds } from './frames.ts'
import { createSlots } from './slots.ts'

export interface TalkPorts {
  /** A connection to the site, made now if need be. */
  connect: (site: SiteId) => Promise<Connection>
  deadlines: Pick<Deadlines, 'idleMillis'>
  /** The site answers as no honest node does. */
  struck: (site: SiteId) => void
}

type Waiting = PromiseWithResolvers<TalkAnswer>

/** One stream that this side has opened. */
interface Line {
  ask: (request: TalkRequest) => Promise<TalkAnswer>
}

function faultOf(error: unknown): Error {
  return error instanceof Error ? error : new NetworkFault('closed', { cause: error })
}

/**
 * @param ended called once, when the stream takes no more
 */
function createLine(
  stream: Stream,
  { idleMillis }: TalkPorts['deadlines'],
  ended: (error: Error | null) => void,
): Line {
  const waiting = new Map<number, Waiting>()
  const reader = createFrameReader(stream)
  const write = createFrameWriter(stream, { maxBytes: TALK_BYTES, idleMillis })
  let next = 0
  let fault: Error | null = null

  function end(error: Error | null): void {
    if (fault !== null) return
    fault = error ?? new NetworkFault('closed')
    stream.abort(fault)
    ended(error)
    for (const { reject } of waiting.values()) reject(fault)
    waiting.clear()
  }
  async function read(): Promise<void> {
    const bounds = { maxBytes: TALK_ANSWER_BYTES, idleMillis, waitMillis: TALK_IDLE_MILLIS }
    for (;;) {
      const bytes = await reader.next(bounds)
      if (bytes === null) throw new NetworkFault('closed')
      const { n, answer } = talkReplyCodec.decode(bytes)
      const pending = waiting.get(n)
      if (pending === undefined) throw new ProtocolError('malformed', '/n', 'a frame that waits')
      waiting.delete(n)
      pending.resolve(answer)
    }
  }
  read().catch((error: unknown) => end(faultOf(error)))

  return {
    ask: async (request) => {
      if (fault !== null) throw fault
      const n = next
      next += 1
      const pending = Promise.withResolvers<TalkAnswer>()
      waiting.set(n, pending)
      // An honest node answers in time, if only to say that its website does not.
      const timer = setTimeout(() => end(new NetworkFault('timeout')), TALK_ANSWER_MILLIS)
      try {
        write(talkCallCodec.encode({ n, request })).catch((error: unknown) => end(faultOf(error)))
        return await pending.promise
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Creates the asking side: a line to each site, opened when it is needed. */
export function createTalkLines(
  ports: TalkPorts,
): (site: SiteId, request: TalkRequest) => Promise<TalkAnswer> {
  const { connect, deadlines, struck } = ports
  const lines = new Map<SiteId, Promise<Line>>()
  const slots = createSlots(TALK_WINDOW, TALK_WAITING)

  function lineTo(site: SiteId): Promise<Line> {
    const known = lines.get(site)
    if (known !== undefined) return known
    const drop = (): void => {
      if (lines.get(site) === made) lines.delete(site)
    }
    const made = (async () => {
      const stream = await open(await connect(site), TALK_PROTOCOL, deadlines.idleMillis)
      return createLine(stream, deadlines, (error) => {
        drop()
        if (error instanceof ProtocolError) struck(site)
      })
    })()
    lines.set(site, made)
    made.catch(drop)
    return made
  }

  return async (site, request) => {
    const free = await slots.take(site)
    try {
      return await (await lineTo(site)).ask(request)
    } finally {
      free()
    }
  }
}

/**
 * Answers the frames of one inbound stream until it ends. As many as the window run at once; the
 * next one is not read before one of them is answered.
 *
 * @throws BadRequest for what no honest node sends; NetworkFault; or what `answer` throws
 */
export async function serveTalk(
  stream: Stream,
  answer: (request: TalkRequest) => Promise<TalkAnswer>,
  { idleMillis }: Pick<Deadlines, 'idleMillis'>,
): Promise<void> {
  const reader = createFrameReader(stream)
  const read: FrameBounds = { maxBytes: TALK_BYTES, idleMillis, waitMillis: 2 * TALK_IDLE_MILLIS }
  const write = createFrameWriter(stream, { maxBytes: TALK_ANSWER_BYTES, idleMillis })
  const running = new Set<Promise<void>>()
  /** What went wrong first in one of them. */
  const broken: { fault: Error | null } = { fault: null }

  async function handle(bytes: Uint8Array): Promise<void> {
    try {
      const { n, request } = talkCallCodec.decode(bytes)
      await write(talkReplyCodec.encode({ n, answer: await answer(request) }))
    } catch (error) {
      broken.fault ??= error instanceof ProtocolError ? new BadRequest(error) : faultOf(error)
      stream.abort(new NetworkFault('closed'))
    }
  }
  try {
    for (;;) {
      const bytes = await reader.next(read)
      if (bytes === null || broken.fault !== null) break
      const one = handle(bytes).finally(() => running.delete(one))
      running.add(one)
      if (running.size >= TALK_WINDOW) await Promise.race(running)
    }
    await Promise.all(running)
    if (broken.fault !== null) throw broken.fault
    await stream.close({ signal: AbortSignal.timeout(idleMillis) })
  } catch (error) {
    stream.abort(new NetworkFault('closed'))
    // Counted as served until what it began has ended.
    await Promise.all(running)
    if (broken.fault !== null) throw broken.fault
    throw error instanceof ProtocolError ? new BadRequest(error) : error
  }
}
