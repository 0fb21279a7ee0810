/**
 * Real libp2p nodes on 127.0.0.1 exchange everything the Network port offers, and those that may
 * not take part are kept out.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import type { HostOptions } from '../../node/network/host.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { announcementCodec, announceTopic, type Announcement } from '../../protocol/wire.ts'
import {
  aBareNode,
  aHost,
  all,
  meet,
  members,
  NETWORK,
  reach,
  refuses,
  seedOf,
  until,
  type Members,
  type TestHost,
} from './hosts.ts'

const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')
const CARO = parseSiteId('caro.example')
const STRANGER = parseSiteId('stranger.example')

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(
  site: typeof AMOR,
  registry: Members,
  handlers: Partial<NetworkHandlers> = {},
  options: Partial<HostOptions> = {},
): Promise<TestHost> {
  const made = await aHost(site, registry, handlers, options)
  cleanups.push(made.host.stop)
  return made
}

async function bare(site: typeof AMOR): ReturnType<typeof aBareNode> {
  const node = await aBareNode(site)
  cleanups.push(async () => node.stop())
  return node
}

function anAnnouncement(log: typeof AMOR, note = 'a note'): Announcement {
  return { log, note, from: 3, entries: [new Uint8Array([1, 2, 3])] }
}

describe('gossip', () => {
  it('carries an announcement to all members, with its author', async () => {
    const registry = await members(AMOR, BRIO, CARO)
    const heard: [string, string, string][] = []
    const listener = (at: string): Partial<NetworkHandlers> => ({
      announcement: async (from, { log, note }) => {
        if (note === 'a note') heard.push([at, from, log])
        return 'accept'
      },
    })
    const amor = await start(AMOR, registry)
    const brio = await start(BRIO, registry, listener(BRIO))
    const caro = await start(CARO, registry, listener(CARO))
    // Caro does not know amor: what it hears, brio has forwarded.
    await meet(brio, amor)
    await meet(caro, brio)
    await expect
      .poll(
        async () => {
          await amor.host.announce(anAnnouncement(AMOR))
          return new Set(heard.map(([at]) => at)).size
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe(2)
    expect(new Set(heard.map(([, from, log]) => `${from} ${log}`))).toEqual(
      new Set([`${AMOR} ${AMOR}`]),
    )
  })

  it('refuses to send an announcement that is too large', async () => {
    const amor = await start(AMOR, await members(AMOR))
    const entries = Array.from({ length: 40 }, () => new Uint8Array(4_000))
    await expect(amor.host.announce({ ...anAnnouncement(AMOR), entries })).rejects.toMatchObject({
      code: 'too_large',
    })
  })

  it("rejects announcements about another's log, and cuts off who goes on", async () => {
    const registry = await members(AMOR, BRIO, CARO)
    const heard: Announcement[] = []
    const amor = await start(AMOR, registry, {
      announcement: async (_from, announcement) => {
        heard.push(announcement)
        return 'accept'
      },
    })
    const liar = await bare(BRIO)
    liar.services.pubsub.subscribe(announceTopic(NETWORK))
    const connection = await reach(liar, amor)
    const publish = (announcement: Announcement): Promise<unknown> =>
      liar.services.pubsub
        .publish(announceTopic(NETWORK), announcementCodec.encode(announcement))
        .catch(() => undefined)
    await expect
      .poll(
        async () => {
          await publish(anAnnouncement(BRIO, 'own'))
          return heard.length
        },
        { timeout: 15_000, interval: 100 },
      )
      .toBeGreaterThan(0)
    await expect
      .poll(
        async () => {
          await publish(anAnnouncement(CARO, 'forged'))
          return connection.status
        },
        { timeout: 15_000, interval: 50 },
      )
      .not.toBe('open')
    expect(heard.every(({ log }) => log === BRIO)).toBe(true)
    expect(amor.host.connected()).toEqual([])
    expect(await refuses(amor, liar)).toBe(true)
  })
})

describe('streams', () => {
  it('carries sync, bodies and reports, each with who asks', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry, {
      async *sync(from, request) {
        if (request.kind === 'heads') {
          yield { kind: 'heads', heads: [{ log: from, size: 7, heartbeat: 0 }], peers: [] }
          return
        }
        yield { kind: 'checkpoint', note: 'checkpoint' }
        for (let index = request.from; index < request.from + 3; index++)
          yield { kind: 'entries', from: index, entries: [new Uint8Array([index])], proof: [] }
      },
      async *bodies(_from, { indexes }) {
        for (const index of indexes)
          yield { answers: [{ kind: 'body', index, body: new Uint8Array(1_000).fill(index) }] }
      },
      report: async (from, report) => ({
        kind: report.kind === 'receipt' && report.log === from ? 'taken' : 'refused',
      }),
    })
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    expect(await all(brio.host.sync(AMOR, { kind: 'heads', heads: [], addresses: [] }))).toEqual([
      { kind: 'heads', heads: [{ log: BRIO, size: 7, heartbeat: 0 }], peers: [] },
    ])
    const entries = await all(brio.host.sync(AMOR, { kind: 'entries', log: AMOR, from: 4 }))
    expect(entries.map(({ kind }) => kind)).toEqual(['checkpoint', 'entries', 'entries', 'entries'])
    const bodies = await all(
      brio.host.bodies(AMOR, { home: AMOR, indexes: [1, 2], requirements: 0, registry: 0 }),
    )
    expect(bodies.flatMap(({ answers }) => answers)).toEqual([
      { kind: 'body', index: 1, body: new Uint8Array(1_000).fill(1) },
      { kind: 'body', index: 2, body: new Uint8Array(1_000).fill(2) },
    ])
    const note = 'a receipt'
    expect(await brio.host.report(AMOR, { kind: 'receipt', log: BRIO, note })).toEqual({
      kind: 'taken',
    })
    expect(await brio.host.report(AMOR, { kind: 'receipt', log: AMOR, note })).toEqual({
      kind: 'refused',
    })
  })

  it('dials a known site that is not connected when it is asked', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const brio = await start(BRIO, registry)
    brio.host.learnAddresses([{ site: AMOR, addresses: amor.host.ownAddresses() }])
    expect(
      await all(brio.host.bodies(AMOR, { home: AMOR, indexes: [5], requirements: 0, registry: 0 })),
    ).toEqual([{ answers: [{ kind: 'gone', index: 5 }] }])
  })

  it('fails at once for a site without an address', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    await expect(
      all(amor.host.bodies(BRIO, { home: BRIO, indexes: [1], requirements: 0, registry: 0 })),
    ).rejects.toMatchObject({
      reason: 'unreachable',
    })
    expect(amor.events).toContainEqual({
      type: 'peer.failed',
      site: BRIO,
      action: 'bodies',
      reason: 'unreachable',
    })
  })
})

describe('members only', () => {
  it('refuses a stranger, inbound and outbound', async () => {
    const registry = await members(AMOR)
    const amor = await start(AMOR, registry)
    const stranger = await bare(STRANGER)
    expect(await refuses(amor, stranger)).toBe(true)
    // Amor is told that brio lives where the stranger does.
    await registry.admit(BRIO)
    const addresses = stranger.getMultiaddrs().map((address) => address.toString())
    amor.host.learnAddresses([
      { site: BRIO, addresses: addresses.map((address) => address.replace(/\/p2p\/.*/, '')) },
    ])
    await expect(amor.host.dial(BRIO)).rejects.toMatchObject({ reason: 'unreachable' })
    expect(amor.host.connected()).toEqual([])
    await until(() => stranger.getConnections().length === 0, 'no connection')
  })

  it('cuts an expelled site and does not let it return', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const brio = await bare(BRIO)
    const connection = await reach(brio, amor)
    await until(() => amor.host.connected().includes(BRIO), 'connected')
    registry.expel(BRIO)
    // Without a call, too: the sweep finds it.
    await until(() => connection.status !== 'open', 'cut')
    expect(amor.host.connected()).toEqual([])
    expect(await refuses(amor, brio)).toBe(true)
  })

  it('disconnects at once when told to', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const brio = await start(BRIO, registry)
    await meet(brio, amor)
    registry.expel(BRIO)
    await amor.host.disconnect(BRIO)
    expect(amor.host.connected()).toEqual([])
    await until(() => brio.host.connected().length === 0, 'the other side saw it')
  })

  it('connects with the new key after a rotation, and not with the old one', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const before = await start(BRIO, registry)
    await meet(before, amor)
    await registry.admit(BRIO, 1)
    await amor.host.disconnect(BRIO)
    await until(() => before.host.connected().length === 0, 'the other side saw it')
    await expect(before.host.dial(AMOR)).rejects.toMatchObject({ name: 'NetworkFault' })
    const after = await start(BRIO, registry, {}, { logSeed: seedOf(BRIO, 1) })
    await meet(after, amor)
  })
})

describe('dialling', () => {
  it('tells of a connection once per site, and again after it was lost', async () => {
    const registry = await members(AMOR, BRIO)
    const told: string[] = []
    const amor = await start(AMOR, registry, { connected: (site) => void told.push(site) })
    const first = await start(BRIO, registry)
    const listen = first.host.ownAddresses()
    amor.host.learnAddresses([{ site: BRIO, addresses: listen }])
    first.host.learnAddresses([{ site: AMOR, addresses: amor.host.ownAddresses() }])
    await until(() => told.length === 1 && first.host.connected().length === 1, 'connected')
    await first.host.stop()
    await until(() => amor.host.connected().length === 0, 'lost')
    await start(BRIO, registry, {}, { listen })
    await until(() => told.length === 2, 'connected again')
    expect(told).toEqual([BRIO, BRIO])
    expect(amor.host.connected()).toEqual([BRIO])
  })

  it('does not dial itself', async () => {
    const registry = await members(AMOR, BRIO)
    const amor = await start(AMOR, registry)
    const brio = await start(BRIO, registry)
    amor.host.learnAddresses([{ site: AMOR, addresses: amor.host.ownAddresses() }])
    await meet(amor, brio)
    expect(amor.events).toEqual([])
  })
})
