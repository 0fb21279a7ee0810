/** Hosts of a small network on 127.0.0.1, with handlers that record what they are asked. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { identify } from '@libp2p/identify'
import { multiaddr } from '@multiformats/multiaddr'
import { gossipsub, type GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { vi } from 'vitest'
import type { Event, NetworkHandlers } from '../../node/core/ports.ts'
import { createHost, type Host, type HostOptions } from '../../node/network/host.ts'
import { PING } from '../../node/network/node.ts'
import { peerOfKey } from '../../node/network/peers.ts'
import { toHex } from '../../protocol/bytes.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { announceTopic } from '../../protocol/wire.ts'

export const NETWORK = parseSiteId('network.example')

/** The same seed for the same site in every test. */
export function seedOf(site: SiteId, generation = 0): Uint8Array {
  const seed = new Uint8Array(32).fill(generation)
  seed.set(new TextEncoder().encode(site).subarray(0, 31), 1)
  return seed
}

export async function publicKeyOf(site: SiteId, generation = 0): Promise<Uint8Array> {
  return (await generateKeyPairFromSeed('Ed25519', seedOf(site, generation))).publicKey.raw
}

/** A registry that tests change as they like. */
export interface Members {
  admit: (site: SiteId, generation?: number) => Promise<void>
  expel: (site: SiteId) => void
  siteOfKey: (key: Uint8Array) => SiteId | null
  keyOf: (site: SiteId) => Uint8Array | null
}

export async function members(...sites: SiteId[]): Promise<Members> {
  const keys = new Map<SiteId, Uint8Array>()
  const made: Members = {
    admit: async (site, generation = 0) => void keys.set(site, await publicKeyOf(site, generation)),
    expel: (site) => void keys.delete(site),
    siteOfKey: (key) => {
      for (const [site, held] of keys) if (toHex(held) === toHex(key)) return site
      return null
    },
    keyOf: (site) => keys.get(site) ?? null,
  }
  for (const site of sites) await made.admit(site)
  return made
}

export interface TestHost {
  host: Host
  events: Event[]
  site: SiteId
}

/** A started host; `handlers` replace those that answer nothing. */
export async function aHost(
  site: SiteId,
  registry: Members,
  handlers: Partial<NetworkHandlers> = {},
  options: Partial<HostOptions> = {},
): Promise<TestHost> {
  const events: Event[] = []
  const host = await createHost({
    logSeed: seedOf(site),
    network: NETWORK,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    maxConnections: 50,
    siteOfKey: registry.siteOfKey,
    keyOf: registry.keyOf,
    inboundPerSecond: 1_000,
    handlers: {
      mayConnect: (asked) => registry.keyOf(asked) !== null,
      announcement: async () => 'accept',
      async *sync() {
        yield { kind: 'unknown' }
      },
      async *bodies(_from, request) {
        yield { answers: request.indexes.map((index) => ({ kind: 'gone', index })) }
      },
      async *pictures(_from, { wishes }) {
        for (const wish of wishes.keys()) yield { kind: 'gone' as const, wish }
      },
      report: async () => ({ kind: 'taken' }),
      audit: async () => ({ kind: 'refused' }),
      talk: async () => ({ kind: 'delivered' }),
      async *presence() {},
      connected: () => undefined,
      ...handlers,
    },
    events: { emit: (event) => void events.push(event) },
    ...options,
  })
  await host.start()
  return { host, events, site }
}

/** Tells `one` where `other` is and waits until both see the connection. */
export async function meet(one: TestHost, other: TestHost): Promise<void> {
  one.host.learnAddresses([{ site: other.site, addresses: other.host.ownAddresses() }])
  await one.host.dial(other.site)
  await vi.waitFor(() => {
    if (!other.host.connected().includes(one.site)) throw new Error('not connected yet')
  })
}

/** A libp2p node without our bounds, under the key of `site`. */
export async function aBareNode(
  site: SiteId,
  generation = 0,
): Promise<Libp2p<{ pubsub: GossipSub }>> {
  return createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seedOf(site, generation)),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      pubsub: gossipsub({ allowedTopics: [announceTopic(NETWORK)], floodPublish: true }),
    },
  })
}

/** Connects a bare node to a host. */
export async function reach(
  node: Libp2p<{ pubsub: GossipSub }>,
  { host, site }: TestHost,
  generation = 0,
): Promise<Connection> {
  const peer = peerOfKey(await publicKeyOf(site, generation)).toString()
  const [address] = host.ownAddresses()
  const connection = await node.dial(multiaddr(`${address}/p2p/${peer}`))
  // Only an answer shows that the other side has let us in.
  const stream = await connection.newStream(PING)
  stream.abort(new Error('answered'))
  return connection
}

/** Whether a host refuses a bare node. */
export async function refuses(
  host: TestHost,
  node: Libp2p<{ pubsub: GossipSub }>,
): Promise<boolean> {
  try {
    await reach(node, host)
    return false
  } catch {
    return true
  }
}

/** Resolves when `condition` holds. */
export function until(condition: () => boolean, what: string): Promise<void> {
  return vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not yet: ${what}`)
    },
    { timeout: 15_000, interval: 20 },
  )
}

/** All that an iteration gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}
