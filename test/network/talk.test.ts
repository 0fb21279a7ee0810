/** The talk and presence protocols over real libp2p: order, overlap, bounds, a relay in between. */
import { afterEach, describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import { frame } from '../../node/network/frames.ts'
import { peerOfKey } from '../../node/network/peers.ts'
import { parseSiteId, type RecordId, type SiteId } from '../../protocol/ids.ts'
import { TALK_BYTES, TALK_WINDOW } from '../../protocol/limits.ts'
import {
  TALK_PROTOCOL,
  talkCallCodec,
  talkReplyCodec,
  type PresenceReply,
  type TalkAnswer,
  type TalkMessage,
  type TalkRequest,
} from '../../protocol/talk.ts'
import {
  aBareNode,
  aHost,
  members,
  meet,
  publicKeyOf,
  reach,
  until,
  type Members,
  type TestHost,
} from './hosts.ts'

const RELAY = parseSiteId('relay.example')
const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})
async function started(
  site: SiteId,
  registry: Members,
  handlers: Partial<NetworkHandlers> = {},
  options: Parameters<typeof aHost>[3] = {},
): Promise<TestHost> {
  const made = await aHost(site, registry, handlers, options)
  stops.push(made.host.stop)
  return made
}

const hex = (n: number): string => n.toString(16).padStart(32, '0')
const aMessage = (n: number, text = `text ${n}`): TalkMessage => ({
  kind: 'message',
  id: hex(n),
  from: hex(1) as RecordId,
  to: hex(2) as RecordId,
  time: 1_772_323_200,
  content: { kind: 'text', text },
})
const textOf = (request: TalkRequest): string =>
  request.kind === 'message' && request.content.kind === 'text' ? request.content.text : ''
const DELIVERED: TalkAnswer = { kind: 'delivered' }

async function aPair(handlers: Partial<NetworkHandlers>) {
  const registry = await members(AMOR, BRIO)
  const amor = await started(AMOR, registry)
  const brio = await started(BRIO, registry, handlers)
  await meet(amor, brio)
  return { registry, amor, brio }
}

describe('talk', () => {
  it('carries messages in order, and answers each by itself', async () => {
    const taken: [SiteId, string][] = []
    const first = Promise.withResolvers<TalkAnswer>()
    const { amor } = await aPair({
      talk: (from, request) => {
        taken.push([from, textOf(request)])
        // The first is answered last.
        return taken.length === 1 ? first.promise : Promise.resolve(DELIVERED)
      },
    })
    const all = Array.from({ length: 200 }, (_, n) => amor.host.talk(BRIO, aMessage(n)))
    expect(await all.at(-1)).toEqual(DELIVERED)
    first.resolve({ kind: 'refused', reason: 'held' })
    expect(await all[0]).toEqual({ kind: 'refused', reason: 'held' })
    await Promise.all(all)
    expect(taken).toEqual(all.map((_, n) => [AMOR, `text ${n}`]))
  })

  it('runs as many at once as the window, and no more', async () => {
    let running = 0
    let most = 0
    const open: (() => void)[] = []
    const { amor } = await aPair({
      talk: async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise<void>((resolve) => {
          open.push(resolve)
        })
        running -= 1
        return DELIVERED
      },
    })
    const all = Array.from({ length: 2 * TALK_WINDOW }, (_, n) => amor.host.talk(BRIO, aMessage(n)))
    await until(() => open.length === TALK_WINDOW, 'the window is full')
    for (let done = 0; done < 2 * TALK_WINDOW; done += 1) {
      await until(() => open.length > 0, 'one more runs')
      open.shift()?.()
    }
    expect(await Promise.all(all)).toEqual(all.map(() => DELIVERED))
    expect(most).toBe(TALK_WINDOW)
  })

  it('fails what is under way when the other side goes, and begins anew when it is back', async () => {
    const { amor, brio, registry } = await aPair({ talk: () => new Promise(() => undefined) })
    const pending = amor.host.talk(BRIO, aMessage(1))
    pending.catch(() => undefined)
    await brio.host.stop()
    await expect(pending).rejects.toMatchObject({ name: 'NetworkFault' })
    await expect(amor.host.talk(BRIO, aMessage(2))).rejects.toMatchObject({ name: 'NetworkFault' })
    const again = await started(BRIO, registry)
    await meet(amor, again)
    expect(await amor.host.talk(BRIO, aMessage(3))).toEqual(DELIVERED)
  })

  it('says nothing to the operator of a message that fails', async () => {
    const { amor, brio } = await aPair({
      talk: async () => ({ kind: 'refused', reason: 'blocked' }),
    })
    await amor.host.talk(BRIO, aMessage(1))
    await brio.host.stop()
    await expect(amor.host.talk(BRIO, aMessage(2))).rejects.toMatchObject({ name: 'NetworkFault' })
    const told = JSON.stringify([...amor.events, ...brio.events])
    expect(told).not.toContain(hex(1))
    expect(amor.events.filter((event) => 'action' in event && event.action !== 'dial')).toEqual([])
  })

  it.each([
    ['a frame beyond the bound', frame(new Uint8Array(TALK_BYTES + 1))],
    ['bytes that are no frame', frame(new Uint8Array([0xff, 0xff]))],
    [
      'a text beyond the bound',
      frame(talkCallCodec.encode({ n: 0, request: aMessage(0, 'a'.repeat(16 * 1024 + 1)) })),
    ],
    ['an answer for a question', frame(talkReplyCodec.encode({ n: 0, answer: DELIVERED }))],
  ])('strikes a site that sends %s, and hands nothing on', async (_what, bytes) => {
    const registry = await members(AMOR, BRIO)
    const taken: unknown[] = []
    const amor = await started(AMOR, registry, {
      talk: async (_from, request) => {
        taken.push(request)
        return DELIVERED
      },
    })
    const bare = await aBareNode(BRIO)
    stops.push(() => Promise.resolve(bare.stop()))
    for (let time = 0; time < 3; time += 1) {
      const connection = await reach(bare, amor)
      const stream = await connection.newStream(TALK_PROTOCOL)
      stream.send(bytes)
      await until(() => stream.status !== 'open' || connection.status !== 'open', 'it is cut')
    }
    await until(() => !amor.host.connected().includes(BRIO), 'it is out')
    expect(taken).toEqual([])
  })

  it('strikes a site that answers what nobody has asked', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await started(AMOR, registry)
    const bare = await aBareNode(BRIO)
    stops.push(() => Promise.resolve(bare.stop()))
    await bare.handle(TALK_PROTOCOL, (stream) => {
      stream.send(frame(talkReplyCodec.encode({ n: 9, answer: DELIVERED })))
    })
    for (let time = 0; time < 3; time += 1) {
      await reach(bare, amor)
      await until(() => amor.host.connected().includes(BRIO), 'connected')
      await expect(amor.host.talk(BRIO, aMessage(0))).rejects.toMatchObject({ code: 'malformed' })
    }
    await until(() => !amor.host.connected().includes(BRIO), 'it is out')
  })
})

describe('presence', () => {
  it('comes frame by frame, until the watcher has enough', async () => {
    let isOver = false
    const replies: PresenceReply[] = [
      { isAll: true, online: [hex(1) as RecordId], offline: [] },
      { isAll: false, online: [], offline: [hex(1) as RecordId] },
    ]
    const { amor } = await aPair({
      async *presence() {
        try {
          yield* replies
          await new Promise(() => undefined)
        } finally {
          isOver = true
        }
      },
    })
    const seen: PresenceReply[] = []
    for await (const reply of amor.host.presence(BRIO)) {
      seen.push(reply)
      if (seen.length === replies.length) break
    }
    expect(seen).toEqual(replies)
    expect(isOver).toBe(false)
  })
})

async function relayed(options: { relayedBytes?: bigint } = {}) {
  const registry = await members(RELAY, AMOR, BRIO)
  const relay = await started(RELAY, registry, {}, { relay: 'server', ...options })
  const peer = peerOfKey(await publicKeyOf(RELAY)).toString()
  const through = `${relay.host.ownAddresses()[0]}/p2p/${peer}/p2p-circuit`
  const taken: string[] = []
  const amor = await started(
    AMOR,
    registry,
    {
      talk: async (_from, request) => {
        taken.push(textOf(request))
        return DELIVERED
      },
      async *presence() {
        yield { isAll: true, online: [hex(1) as RecordId], offline: [] }
      },
    },
    { relay: 'client', listen: [through] },
  )
  await until(() => amor.host.ownAddresses().length > 0, 'reserved')
  const brio = await started(BRIO, registry, {}, { relay: 'client', listen: [] })
  brio.host.learnAddresses([{ site: AMOR, addresses: amor.host.ownAddresses() }])
  return { relay, amor, brio, taken }
}

describe('a relay', () => {
  it('carries messages and presence between two sites, one without an open port', async () => {
    const { amor, brio, relay, taken } = await relayed()
    for (let n = 0; n < 20; n += 1)
      expect(await brio.host.talk(AMOR, aMessage(n))).toEqual(DELIVERED)
    expect(taken).toHaveLength(20)
    const seen: PresenceReply[] = []
    for await (const reply of brio.host.presence(AMOR)) seen.push(reply)
    expect(seen).toEqual([{ isAll: true, online: [hex(1)], offline: [] }])
    expect(amor.host.connected()).toContain(BRIO)
    expect(relay.events).toEqual([])
  })

  it('cuts a connection that has carried its share, and lets the pair begin again', async () => {
    const { brio, taken } = await relayed({ relayedBytes: 256n * 1024n })
    const failed: unknown[] = []
    for (let n = 0; n < 40; n += 1)
      await brio.host.talk(AMOR, aMessage(n, 'a'.repeat(16 * 1024))).catch((error: unknown) => {
        failed.push(error)
      })
    expect(failed.length).toBeGreaterThan(0)
    expect(taken.length).toBeGreaterThan(16)
  })
})
