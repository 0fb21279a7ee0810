/** `/v1/events`: what the website is told, as it happens; and how it says that it has a message. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Listener } from '../../core/hub.ts'
import { EVENT_TYPES, LIVE_TYPES, NOTICE_TYPES } from '../../core/website.ts'
import type { Door } from '../app.ts'
import { mount, type OperationContext } from '../operation.ts'
import { HttpProblem } from '../problem.ts'
import { createEventStream, type EventStream, type Frame } from '../sse.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'

const tag = 'Events'
/** Streams open at once, and of one key. */
const MOST_STREAMS = 64
const MOST_OF_KEY = 8
/** Durable events read at once. */
const BATCH = 16
const HEARTBEAT_MILLIS = 15_000
const RETRY_SECONDS = '5'

const list = Object.entries({ ...NOTICE_TYPES, ...LIVE_TYPES })
  .map(([type, words]) => `- \`${type}\`: ${words}`)
  .join('\n')

const DESCRIPTION = `Server-sent events. First comes \`ready\`, with the place where the stream begins as its id; or, with
\`Last-Event-ID\`, what has come since. Where that is no longer kept \`gap\` comes instead: list anew
what you keep of the Network. Data is JSON: ids, never content, but for messages.

${list}

Messages and presence have no id: they are kept nowhere, and are not sent again. A message is for
keys that may write, and its sender waits until you acknowledge it. A comment comes every 15 seconds.
The stream ends when its key is revoked; who does not read is cut off.`

interface Open {
  key: string
  stream: EventStream
}

function countOf(open: ReadonlySet<Open>, key: string): number {
  return [...open].filter((one) => one.key === key).length
}

function admitStream(open: ReadonlySet<Open>, key: string): void {
  if (open.size < MOST_STREAMS && countOf(open, key) < MOST_OF_KEY) return
  throw new HttpProblem(
    'too_many_requests',
    `at most ${MOST_OF_KEY} streams of one key, and ${MOST_STREAMS} in all`,
    { 'retry-after': RETRY_SECONDS },
  )
}

/** Mounts the resource. */
export function mountEvents(door: Door, ports: SitePorts): void {
  const { site, access } = ports
  const { feed, hub } = site
  const open = new Set<Open>()
  feed.onNews(() => {
    for (const { stream } of open) stream.wake()
  })
  access.onRevoke((id) => {
    for (const { key, stream } of open) if (key === id) stream.end()
  })
  ports.onClose?.(() => {
    for (const { stream } of open) stream.end()
  })

  /** Durable frames from a place on. */
  function reader(start: number, isResumed: boolean, wants: (type: string) => boolean) {
    let cursor = start
    let isFirst = !isResumed
    return async (): Promise<Frame[]> => {
      if (isFirst) {
        isFirst = false
        return [{ event: 'ready', data: {}, id: feed.idOf(cursor) }]
      }
      for (;;) {
        const part = await feed.read(cursor, BATCH)
        if (part.kind === 'gap') {
          cursor = part.cursor
          return [{ event: 'gap', data: {}, id: feed.idOf(cursor) }]
        }
        cursor = part.events.at(-1)?.cursor ?? cursor
        const frames = part.events
          .filter(({ type }) => wants(type))
          .map(({ type, data, id }): Frame => ({ event: type, data, id }))
        if (frames.length > 0 || part.events.length === 0) return frames
      }
    }
  }

  async function openStream(c: OperationContext, types: readonly string[] | undefined) {
    const key = c.get('key')
    if (key === undefined) throw new HttpProblem('unauthorized', 'a valid API key')
    admitStream(open, key.id)
    const wants = (type: string): boolean => types === undefined || types.includes(type)
    const mayWrite = (WRITE as readonly string[]).includes(key.role)
    const last = c.req.header('last-event-id')
    const start = last === undefined ? await feed.newest() : feed.cursorOf(last)
    const listener: Listener = {
      wants: (type) => wants(type) && (type !== 'message' || mayWrite),
      give: async ({ type, ...data }) =>
        stream.push({ event: type, data }) ? 'handed' : 'refused',
    }
    // Looked at again: others may have come while the place was looked up.
    admitStream(open, key.id)
    const stream = createEventStream({
      next: reader(start, last !== undefined, wants),
      onEnd: () => {
        leave()
        open.delete(one)
      },
      cut: () => c.env?.outgoing?.destroy(),
      heartbeatMillis: ports.heartbeatMillis ?? HEARTBEAT_MILLIS,
    })
    const leave = hub.listen(listener)
    const one: Open = { key: key.id, stream }
    open.add(one)
    // The key may have been revoked after it was checked, and before it could be noticed here.
    if ((await access.list()).find(({ id }) => id === key.id)?.revokedAt !== null) stream.end()
    return stream.body
  }

  mount(
    door,
    {
      method: 'get',
      path: '/v1/events',
      roles: READ,
      tag,
      summary: 'A stream of events',
      description: DESCRIPTION,
      query: z.strictObject({
        type: z
          .array(z.enum(EVENT_TYPES as [string, ...string[]]))
          .max(EVENT_TYPES.length)
          .optional()
          .describe('may be repeated; all types without it'),
      }),
      answers: { 200: { description: 'A stream without an end', type: 'text/event-stream' } },
    },
    async (c, { query }) => {
      const body = await openStream(c, query.type)
      // Proxies that hold back a stream would make it useless.
      return c.body(body, 200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'x-accel-buffering': 'no',
      })
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/messages/{id}/ack',
      roles: WRITE,
      hasOwnLimits: true,
      tag,
      summary: 'Acknowledge a message that came as an event',
      description:
        'Once you have it safely: its sender is told that it is delivered. Over a webhook the answer ' +
        '2xx says the same.',
      answers: {
        204: { description: 'The sender is told' },
        404: { description: 'It does not wait any more: the sender was told that you are away' },
      },
    },
    (c) => {
      if (!hub.acknowledge(c.req.param('id') ?? '')) {
        // It answers nothing: who guesses pays for it.
        door.perKey.take(c.get('key')?.id ?? '')
        throw new ProtocolError('not_found', '/id', 'the id of a message that waits')
      }
      return c.body(null, 204)
    },
  )
}
