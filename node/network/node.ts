/** Puts the libp2p node together: transports, encryption, multiplexing, gater and services. */
import {
  circuitRelayServer,
  circuitRelayTransport,
  type CircuitRelayService,
} from '@libp2p/circuit-relay-v2'
import type { GossipSub } from '@libp2p/gossipsub'
import { identify, type Identify } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, PeerId, PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { noise } from '@libp2p/noise'
import { ping, type Ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { CODE_P2P, type Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { SiteId } from '../../protocol/ids.ts'
import {
  DIAL_MILLIS,
  HANDSHAKE_MILLIS,
  INBOUND_PENDING,
  INBOUND_PER_SECOND,
  RELAYED_BYTES,
  RELAYED_MILLIS,
  RELAYED_PER_PAIR,
  WINDOW_BYTES,
} from './bounds.ts'
import { announceService } from './gossip.ts'

/** Protocol id of libp2p's ping, which every node serves. */
export const PING = '/ipfs/ping/1.0.0'

/** Who may connect, asked for each connection. */
export interface Gate {
  /** Whether the peer is a member that may connect now. */
  allows: (peer: PeerId) => boolean
  /** Whether it may, and has not too many connections already. */
  hasRoom: (peer: PeerId) => boolean
  strikesOf: (peer: PeerId) => number
}

export interface NodeOptions {
  privateKey: PrivateKey
  network: SiteId
  listen: readonly string[]
  announce?: readonly string[]
  maxConnections: number
  relay?: 'server' | 'client'
  inboundPerSecond?: number
  /** Bytes that a relay carries on one connection. */
  relayedBytes?: bigint
  gate: Gate
}

interface Services extends Record<string, unknown> {
  pubsub: GossipSub
  identify: Identify
  ping: Ping
  relay?: CircuitRelayService
}

/** A libp2p node that is not started. */
export function createNode(options: NodeOptions): Promise<Libp2p<Services>> {
  const { privateKey, network, maxConnections, relay, gate } = options
  const strikesOf = (peer: string): number => gate.strikesOf(peerIdFromString(peer))
  const services = {
    identify: identify(),
    ping: ping(),
    pubsub: announceService(network, strikesOf),
  }
  // Members only, and they carry bodies: the default limits of a public relay would cut them off.
  const reservations = {
    maxReservations: maxConnections,
    defaultDataLimit: options.relayedBytes ?? RELAYED_BYTES,
    defaultDurationLimit: RELAYED_MILLIS,
  }
  return createLibp2p<Services>({
    start: false,
    privateKey,
    nodeInfo: { name: 'dpn', version: '1', userAgent: 'dpn/1' },
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [
      tcp({ maxConnections: maxConnections + INBOUND_PENDING }),
      ...(relay === 'client' ? [circuitRelayTransport()] : []),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      // The first window stays that of the yamux specification: libp2p does not negotiate it, so a
      // larger one would overrun peers with other settings. It grows with what is read in time.
      yamux({
        maxInboundStreams: 64,
        maxOutboundStreams: 64,
        maxEarlyStreams: 16,
        streamOptions: { maxStreamWindowSize: WINDOW_BYTES },
      }),
    ],
    connectionManager: {
      maxConnections,
      maxIncomingPendingConnections: INBOUND_PENDING,
      inboundConnectionThreshold: options.inboundPerSecond ?? INBOUND_PER_SECOND,
      inboundUpgradeTimeout: HANDSHAKE_MILLIS,
      dialTimeout: DIAL_MILLIS,
      maxParallelDials: 16,
      // The dialer brings lost members back; libp2p would dial them a second time.
      reconnectRetries: 0,
    },
    connectionGater: gater(gate, createRelayLimit()),
    services:
      relay === 'server' ? { ...services, relay: circuitRelayServer({ reservations }) } : services,
  })
}

/**
 * Counts what pairs begin. With the bound on one relayed connection it bounds what a pair can make
 * the relay carry.
 */
function createRelayLimit(): (source: PeerId, destination: PeerId) => boolean {
  const begun = new Map<string, number[]>()
  return (source, destination) => {
    const now = performance.now()
    const recent = (times: number[]): number[] =>
      times.filter((time) => now - time < RELAYED_MILLIS)
    // Only members are counted: pairs of them, and only those that are behind a relay.
    for (const [pair, times] of begun)
      if (recent(times).length === 0) begun.delete(pair)
      else break
    const pair = [source.toString(), destination.toString()].toSorted().join(' ')
    const times = recent(begun.get(pair) ?? [])
    if (times.length >= RELAYED_PER_PAIR) return false
    begun.delete(pair)
    begun.set(pair, [...times, now])
    return true
  }
}

function gater(
  gate: Gate,
  mayRelay: (source: PeerId, destination: PeerId) => boolean,
): ConnectionGater {
  const stranger = (peer: PeerId): boolean => !gate.allows(peer)
  return {
    denyDialPeer: stranger,
    // Outbound, too: who answers at an address that we were told must be who we dialled, and still
    // a member after the handshake.
    denyOutboundEncryptedConnection: stranger,
    denyInboundEncryptedConnection: (peer) => !gate.hasRoom(peer),
    denyInboundRelayReservation: stranger,
    denyOutboundRelayedConnection: (source, destination) =>
      stranger(source) || stranger(destination) || !mayRelay(source, destination),
    denyInboundRelayedConnection: (_relay, remote) => stranger(remote),
  }
}

/** An address as the protocol carries it: whose it is says the registry. */
export function withoutPeerId(address: Multiaddr): string {
  return address.getComponents().at(-1)?.code === CODE_P2P
    ? address.decapsulateCode(CODE_P2P).toString()
    : address.toString()
}
