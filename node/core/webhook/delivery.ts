/** Calls the website's endpoints: notices in order until they are taken, live events at once. */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Feed } from '../feed.ts'
import type { WebhookRow } from '../feed-rows.ts'
import type { Hub } from '../hub.ts'
import type { Clock, Crypto, Events, Outbound, OutboundAnswer, Random } from '../ports.ts'
import type { Tasks } from '../tasks.ts'
import type { LiveEvent } from '../website.ts'
import { createEndpoints, openSecret, UNTRIED, type Endpoints } from './endpoints.ts'
import { signCall, type Call } from './signature.ts'

/** Seconds of waiting after each failure in a row; the last one repeats. */
const RETRY_SECONDS = [5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600]
const LONGEST_SECONDS = 4 * 3600
/** Seconds of failure, without a success in between, after which an endpoint is disabled. */
export const GIVE_UP_SECONDS = 5 * 86_400
/** Events read at once. */
const BATCH = 64
/** Live events on their way to one endpoint; beyond that they are lost to it. */
const LIVE_AT_ONCE = 32
/** Seconds between two looks at which endpoints are due. */
const LOOK_SECONDS = 1
/** The endpoint is gone for good (Standard Webhooks). */
const GONE = 410

export interface Webhooks extends Endpoints {
  /** Calls an endpoint now with an event of the type `ping`. @throws ProtocolError `not_found` */
  test: (id: string) => Promise<OutboundAnswer>
  start: () => Promise<void>
  stop: () => void
}

function isTaken(answer: OutboundAnswer): boolean {
  return answer.kind === 'answered' && answer.status >= 200 && answer.status < 300
}
/** Why a call failed, in a word of a closed list. */
function wordOf(answer: OutboundAnswer): string {
  return answer.kind === 'failed' ? answer.reason : `status-${answer.status}`
}
function wants({ types }: Pick<WebhookRow, 'types'>, type: string): boolean {
  return types.length === 0 || types.includes(type)
}

function callOfLive(event: LiveEvent, now: number, random: Random): Call {
  const { type, ...data } = event
  if (event.type === 'message') return { id: `msg_${event.id}`, type, time: event.time, data }
  return { id: `live_${toHex(random.bytes(16))}`, type, time: now, data }
}

/** Creates the webhooks of a site. */
export function createWebhooks(ports: {
  feed: Feed
  hub: Hub
  clock: Clock
  random: Random
  crypto: Crypto
  outbound: Outbound
  events: Events
  tasks: Tasks
  /** Seals the signing secrets. */
  key: Uint8Array
}): Webhooks {
  const { feed, hub, clock, random, crypto, outbound, events, tasks, key } = ports
  const { store } = feed
  /** The endpoints as of the last look, for live events: these do not wait for the disk. */
  let known: WebhookRow[] = []
  const busy = new Set<string>()
  const live = new Map<string, number>()
  const ends: (() => void)[] = []

  async function call(row: WebhookRow, one: Call): Promise<OutboundAnswer> {
    const secret = openSecret(crypto, key, row)
    return outbound.post(signCall(one, { url: row.url, secret, now: clock.now(), crypto }))
  }

  /** Changes an endpoint, unless it was removed or set anew while it was called. */
  async function update(
    before: WebhookRow,
    changes: Partial<WebhookRow>,
  ): Promise<WebhookRow | null> {
    return store.write(async (tx) => {
      const row = await tx.webhooks.get(before.id)
      if (row === null) return null
      // The operator has changed it meanwhile: what its old address answered is of no account.
      const isSame = row.url === before.url && row.failures === before.failures
      const changed = isSame ? { ...row, ...changes } : row
      await tx.webhooks.save(changed)
      return changed
    })
  }

  async function failed(row: WebhookRow, answer: OutboundAnswer): Promise<void> {
    const now = clock.now()
    // A clock that jumped back must not add to the days of failure, nor take from them.
    const since = Math.min(row.failingSince ?? now, now)
    const wait = RETRY_SECONDS[Math.min(row.failures, RETRY_SECONDS.length - 1)] ?? 0
    const reason = wordOf(answer)
    const isGone = answer.kind === 'answered' && answer.status === GONE
    const isOver = isGone || now - since >= GIVE_UP_SECONDS
    await update(row, {
      failures: row.failures + 1,
      failingSince: since,
      retryAt: now + wait,
      lastFailure: reason,
      disabledAt: isOver ? now : null,
    })
    events.emit({ type: 'webhook.failed', webhook: row.id, reason })
    if (isOver) events.emit({ type: 'webhook.disabled', webhook: row.id, reason })
  }
  function succeeded(row: WebhookRow, cursor: number): Promise<WebhookRow | null> {
    return update(row, { ...UNTRIED, cursor, lastSuccessAt: clock.now() })
  }

  /** Also where a clock that jumped back would make the wait an endless one. */
  function isDue({ retryAt, disabledAt }: WebhookRow): boolean {
    const wait = retryAt - clock.now()
    return disabledAt === null && (wait <= 0 || wait > LONGEST_SECONDS)
  }

  /** What one endpoint is told next: calls, each with the cursor behind it. */
  async function nextCalls(row: WebhookRow): Promise<{ cursor: number; call: Call | null }[]> {
    const part = await feed.read(row.cursor, BATCH)
    if (part.kind === 'gap') {
      const id = `${feed.idOf(part.cursor)}-gap`
      const told = { id, type: 'gap', time: clock.now(), data: {} }
      return [{ cursor: part.cursor, call: told }]
    }
    return part.events.map(({ cursor, id, type, time, data }) => ({
      cursor,
      call: wants(row, type) ? { id, type, time, data } : null,
    }))
  }

  /** Tells one endpoint what it has not had, until there is no more or a call fails. */
  async function catchUp(id: string): Promise<void> {
    let row = await store.read((tx) => tx.webhooks.get(id))
    while (row !== null && isDue(row)) {
      const calls = await nextCalls(row)
      const last = calls.at(-1)
      if (last === undefined) return
      for (const { cursor, call: one } of calls) {
        if (row === null || row.disabledAt !== null) return
        if (one === null) continue
        const answer = await call(row, one)
        if (!isTaken(answer)) {
          await failed(row, answer)
          return
        }
        row = await succeeded(row, cursor)
      }
      // Behind what it does not want there is nothing to call for.
      if (row !== null && row.cursor < last.cursor) row = await update(row, { cursor: last.cursor })
    }
  }

  async function look(): Promise<void> {
    known = await store.read((tx) => tx.webhooks.all())
    const newest = await feed.newest()
    for (const row of known) {
      const { id } = row
      if (row.cursor === newest || !isDue(row) || busy.has(id)) continue
      busy.add(id)
      tasks.background('webhook', async () => {
        try {
          await catchUp(id)
        } finally {
          busy.delete(id)
        }
      })
    }
  }
  const lookSoon = tasks.coalesced('webhooks', look)

  /** Live events go to every endpoint at once; the first to take a message has it. */
  async function give(event: LiveEvent): Promise<'taken' | 'refused'> {
    const one = callOfLive(event, clock.now(), random)
    const rows = known.filter((row) => row.disabledAt === null && wants(row, event.type))
    const calls = rows.map(async (row) => {
      const running = live.get(row.id) ?? 0
      if (running >= LIVE_AT_ONCE) throw new Error('too many at once')
      live.set(row.id, running + 1)
      try {
        const answer = await call(row, one)
        if (isTaken(answer)) return
        events.emit({ type: 'webhook.failed', webhook: row.id, reason: wordOf(answer) })
        throw new Error('not taken')
      } finally {
        live.set(row.id, (live.get(row.id) ?? 1) - 1)
      }
    })
    return Promise.any(calls).then(
      () => 'taken' as const,
      () => 'refused' as const,
    )
  }

  const endpoints = createEndpoints({ feed, clock, random, crypto, key, onChange: lookSoon })
  return {
    ...endpoints,
    test: async (id) => {
      const row = await store.read((tx) => tx.webhooks.get(id))
      if (row === null) throw new ProtocolError('not_found', '/id', 'the id of a webhook')
      const data = { webhook: id }
      const ping = { id: `ping_${toHex(random.bytes(16))}`, type: 'ping', time: clock.now(), data }
      return call(row, ping)
    },
    start: async () => {
      await look()
      const listener = {
        wants: (type: LiveEvent['type']) =>
          known.some((row) => row.disabledAt === null && wants(row, type)),
        give,
      }
      ends.push(
        hub.listen(listener),
        feed.onNews(lookSoon),
        clock.every(LOOK_SECONDS, async () => lookSoon()),
      )
    },
    stop: () => {
      for (const end of ends.splice(0)) end()
    },
  }
}
