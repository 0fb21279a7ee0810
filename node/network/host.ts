/** The libp2p node behind the Network port: who may connect, who is dialled, what is asked. */
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Events, Network, NetworkHandlers } from '../core/ports.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { ADDRESSES } from '../../protocol/limits.ts'
import { askAudit } from './audit.ts'
import { askBodies } from './bodies.ts'
import { createAddressBook, type AddressBook } from './book.ts'
import {
  CONNECTIONS_PER_SITE,
  DIAL_MILLIS,
  HANDSHAKE_MILLIS,
  IDLE_MILLIS,
  REQUESTS,
  STREAM_MILLIS,
  SWEEP_MILLIS,
  WAITING,
} from './bounds.ts'
import { createDialer, type Dialer } from './dialer.ts'
import type { Deadlines } from './exchange.ts'
import { NetworkFault, reasonOf } from './faults.ts'
import { joinGossip, leaveGossip, publish } from './gossip.ts'
import { createLinks, type Links } from './links.ts'
import { createNode, PING, withoutPeerId, type Gate } from './node.ts'
import { watchPresence } from './presence.ts'
import { peerOfKey, siteOfPeer, type SiteOfKey } from './peers.ts'
import { askPictures } from './pictures.ts'
import { askReport } from './report.ts'
import { registerProtocols } from './serving.ts'
import { createSlots } from './slots.ts'
import { createStrikes, type Strikes } from './strikes.ts'
import { askSync } from './sync.ts'
import { createTalkLines } from './talk.ts'

export interface HostOptions {
  /** Seed of the Ed25519 log key, 32 bytes: it is the libp2p identity. */
  logSeed: Uint8Array
  network: SiteId
  /** Multiaddrs to listen on. */
  listen: readonly string[]
  /** Multiaddrs to tell others instead, where they differ. */
  announce?: readonly string[]
  /** About members + 20. */
  maxConnections: number
  /** The site with this log key by the registry as it is now, or null. */
  siteOfKey: SiteOfKey
  /** The log key of a site now, or null. */
  keyOf: (site: SiteId) => Uint8Array | null
  handlers: NetworkHandlers
  events: Events
  /** Relays for members that cannot be reached (circuit relay v2), or is reached through one. */
  relay?: 'server' | 'client'
  /** Milliseconds for a frame and for a stream. */
  deadlines?: Partial<Deadlines>
  /** Bytes that a relay carries on one connection. */
  relayedBytes?: bigint
  /** Inbound connections a second from one address, for hosts that share one. */
  inboundPerSecond?: number
}

/** A network that can be started and stopped; disposing it stops it. */
export interface Host extends Network, AsyncDisposable {
  start: () => Promise<void>
  stop: () => Promise<void>
  /**
   * Connects to a site whose address is known.
   *
   * @throws NetworkFault `unreachable`
   */
  dial: (site: SiteId) => Promise<void>
}

/** What the parts of a host share. */
interface Context {
  options: HostOptions
  node: Libp2p<{ pubsub: GossipSub }>
  deadlines: Deadlines
  links: Links
  book: AddressBook
  dialer: Dialer
  strikes: Strikes
  /** Outbound connections: settles when the other side is known to have let us in. */
  confirmations: WeakMap<Connection, Promise<void>>
  memberOfPeer: (peer: PeerId) => SiteId | null
}

function nowMillis(): number {
  return performance.now()
}

/** A host that is not started yet: it listens to nobody and dials nobody. */
export async function createHost(options: HostOptions): Promise<Host> {
  const { handlers, events, siteOfKey } = options
  const privateKey = await generateKeyPairFromSeed('Ed25519', options.logSeed)
  const links = createLinks()
  const strikes = createStrikes(nowMillis)
  const mayConnect = (site: SiteId): boolean => handlers.mayConnect(site) && !strikes.out(site)
  const memberOfPeer = (peer: PeerId): SiteId | null => {
    const site = siteOfPeer(peer, siteOfKey)
    return site !== null && mayConnect(site) ? site : null
  }
  const gate: Gate = {
    allows: (peer) => memberOfPeer(peer) !== null,
    hasRoom: (peer) => {
      const site = memberOfPeer(peer)
      return site !== null && links.count(site) < CONNECTIONS_PER_SITE
    },
    strikesOf: (peer) => {
      const site = siteOfPeer(peer, siteOfKey)
      return site === null ? 0 : strikes.count(site)
    },
  }
  const node = await createNode({ ...options, privateKey, gate })
  const book = createAddressBook(handlers.mayConnect)
  const confirmations = new WeakMap<Connection, Promise<void>>()
  const dialer = createDialer({
    sites: book.sites,
    isConnected: (site) => links.of(site) !== null,
    mayConnect: (site) => mayConnect(site) && !isSelf(options, privateKey, site),
    connect: (site) => connect({ node, book, links, confirmations, keyOf: options.keyOf }, site),
    leads: (site) => leads(options, node.peerId, site),
    nowMillis,
    events,
  })
  const deadlines = { idleMillis: IDLE_MILLIS, streamMillis: STREAM_MILLIS, ...options.deadlines }
  const context: Context = {
    options,
    node,
    deadlines,
    links,
    book,
    dialer,
    strikes,
    confirmations,
    memberOfPeer,
  }
  return { ...lifetime(context), ...network(context), dial: dialer.dial }
}

function isSelf(options: HostOptions, { publicKey }: PrivateKey, site: SiteId): boolean {
  const key = options.keyOf(site)
  return key !== null && equalBytes(key, publicKey.raw)
}

/** Either side computes the same, so that one of them waits for the other's dial. */
function leads(options: HostOptions, self: PeerId, site: SiteId): boolean {
  const key = options.keyOf(site)
  return key === null || self.toString() < peerOfKey(key).toString()
}

async function connect(
  { node, book, links, confirmations, keyOf }: ConnectPorts,
  site: SiteId,
): Promise<void> {
  const key = keyOf(site)
  const addresses = book.of(site)
  if (key === null || addresses.length === 0) throw new NetworkFault('unreachable')
  const peer = peerOfKey(key).toString()
  const targets = addresses.map((address) => multiaddr(address).encapsulate(`/p2p/${peer}`))
  try {
    const connection = await node.dial(targets, { signal: AbortSignal.timeout(DIAL_MILLIS) })
    await confirmations.get(connection)
    if (connection.direction === 'outbound') book.proved(site, withoutPeerId(connection.remoteAddr))
  } catch (cause) {
    throw new NetworkFault('unreachable', { cause })
  }
  // It may have been cut meanwhile.
  if (links.of(site) === null) throw new NetworkFault('closed')
}

type ConnectPorts = Pick<Context, 'node' | 'book' | 'links' | 'confirmations'> &
  Pick<HostOptions, 'keyOf'>

/**
 * Waits for a first answer. libp2p takes the other side's consent for granted, and has a connection
 * open before the gater there has decided.
 */
async function confirm(connection: Connection): Promise<void> {
  const signal = AbortSignal.timeout(HANDSHAKE_MILLIS)
  const stream = await connection.newStream(PING, { signal, runOnLimitedConnection: true })
  stream.abort(new NetworkFault('cancelled'))
}

/** Counts against a site what no honest node does, and cuts it off when it is too much. */
function strike({ strikes, links }: Pick<Context, 'strikes' | 'links'>, site: SiteId): void {
  strikes.add(site)
  if (strikes.out(site)) links.cut((held) => held === site)
}

function lifetime(context: Context): Pick<Host, 'start' | 'stop'> & AsyncDisposable {
  const { node, options, links, dialer, confirmations, memberOfPeer } = context
  const { handlers, events, network: name } = options
  const struck = (site: SiteId): void => strike(context, site)
  let sweeping: NodeJS.Timeout | null = null

  function opened({ detail: connection }: CustomEvent<Connection>): void {
    const site = memberOfPeer(connection.remotePeer)
    if (site === null) {
      connection.abort(new NetworkFault('cancelled'))
      return
    }
    if (connection.direction === 'inbound') {
      hold(site, connection)
      return
    }
    const confirmation = confirm(connection).then(() => hold(site, connection))
    confirmations.set(connection, confirmation)
    confirmation.catch((error: Error) => connection.abort(error))
  }
  function hold(site: SiteId, connection: Connection): void {
    if (connection.status !== 'open' || !links.add(site, connection)) return
    dialer.made(site)
    // Told after libp2p has finished with the connection, so that it can be used at once.
    setImmediate(() => {
      if (links.of(site) !== null) handlers.connected(site)
    })
  }
  function closed({ detail: connection }: CustomEvent<Connection>): void {
    const site = links.remove(connection)
    if (site !== null) dialer.lost(site)
  }
  function sweep(): void {
    links.cut((site, { remotePeer }) => memberOfPeer(remotePeer) !== site)
    dialer.sweep()
  }
  async function start(): Promise<void> {
    node.addEventListener('connection:open', opened)
    node.addEventListener('connection:close', closed)
    await registerProtocols({ ...context, handlers, events, struck })
    await node.start()
    joinGossip(node.services.pubsub, {
      network: name,
      memberOfPeer,
      announcement: handlers.announcement,
      forged: struck,
    })
    dialer.start()
    sweeping = setInterval(sweep, SWEEP_MILLIS)
    sweep()
  }
  async function stop(): Promise<void> {
    if (sweeping === null) return
    clearInterval(sweeping)
    sweeping = null
    dialer.stop()
    leaveGossip(node.services.pubsub, name)
    await node.stop()
  }
  return { start, stop, [Symbol.asyncDispose]: stop }
}

function network(context: Context): Network {
  const { node, options, links, book, dialer, deadlines } = context
  const slots = createSlots(REQUESTS, WAITING)

  /** A connection to `site`, dialled if need be. */
  async function reach(site: SiteId): Promise<Connection> {
    if (links.of(site) === null) await dialer.dial(site)
    const connection = links.of(site)
    if (connection === null) throw new NetworkFault('unreachable')
    return connection
  }
  const talk = createTalkLines({
    connect: reach,
    deadlines,
    struck: (site) => strike(context, site),
  })

  /** Runs a request on a connection to `site`. */
  async function* request<Reply>(
    site: SiteId,
    action: string,
    run: (connection: Connection) => AsyncIterable<Reply>,
  ): AsyncGenerator<Reply, void, undefined> {
    const free = await slots.take(`${action} ${site}`)
    try {
      yield* run(await reach(site))
    } catch (error) {
      options.events.emit({ type: 'peer.failed', site, action, reason: reasonOf(error) })
      if (error instanceof ProtocolError) strike(context, site)
      throw error
    } finally {
      free()
    }
  }

  return {
    announce: (announcement) => publish(node.services.pubsub, options.network, announcement),
    connected: () => links.sites(),
    learnAddresses: (peers) => {
      for (const { site, addresses } of peers) book.learn(site, addresses)
      dialer.sweep()
    },
    ownAddresses: () => [...new Set(node.getMultiaddrs().map(withoutPeerId))].slice(0, ADDRESSES),
    sync: (site, message) =>
      request(site, 'sync', (connection) => askSync(connection, message, deadlines)),
    bodies: (site, message) =>
      request(site, 'bodies', (connection) => askBodies(connection, message, deadlines)),
    pictures: (site, message) =>
      request(site, 'pictures', (connection) => askPictures(connection, message, deadlines)),
    report: async (site, message) => {
      const ask = request(site, 'report', async function* (connection) {
        yield await askReport(connection, message, deadlines)
      })
      for await (const answer of ask) return answer
      throw new NetworkFault('closed')
    },
    audit: async (site, message) => {
      const ask = request(site, 'audit', async function* (connection) {
        yield await askAudit(connection, message, deadlines)
      })
      for await (const answer of ask) return answer
      throw new NetworkFault('closed')
    },
    talk,
    presence: (site) =>
      request(site, 'presence', (connection) => watchPresence(connection, deadlines)),
    disconnect: async (site) => {
      links.cut((held) => held === site)
      dialer.sweep()
    },
  }
}
