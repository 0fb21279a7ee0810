/** Gossip of announcements: one topic, signed messages, validators, scores. */
import type { PeerId } from '@libp2p/interface'
import {
  gossipsub,
  StrictSign,
  TopicValidatorResult,
  type GossipSub,
  type GossipSubComponents,
  type Message,
} from '@libp2p/gossipsub'
import type { GossipVerdict } from '../core/ports.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { GOSSIP_BYTES } from '../../protocol/limits.ts'
import { announcementCodec, announceTopic, type Announcement } from '../../protocol/wire.ts'
import { GOSSIP_RPC_BYTES, GOSSIP_WAITING_BYTES, STRIKES } from './bounds.ts'

/** A peer below this score is not heard at all. */
export const GRAYLIST_SCORE = -80

/** Factor by which a counter shrinks each second to fall to a hundredth in `seconds`. */
function decay(seconds: number): number {
  return 0.01 ** (1 / seconds)
}

/**
 * The gossipsub service of a network's node.
 *
 * @param strikesOf strikes of a peer, by its peer id as text
 */
export function announceService(
  network: SiteId,
  strikesOf: (peer: string) => number,
): (components: GossipSubComponents) => GossipSub {
  const topic = announceTopic(network)
  return gossipsub({
    globalSignaturePolicy: StrictSign,
    allowedTopics: [topic],
    // One kind of message, to all members: what is new reaches whoever is connected in one hop.
    floodPublish: true,
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    emitSelf: false,
    doPX: false,
    runOnLimitedConnection: true,
    maxInboundDataLength: GOSSIP_RPC_BYTES,
    maxOutboundBufferSize: GOSSIP_WAITING_BYTES,
    maxTopicBytesPerPeer: 16 * 1024,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    decodeRpcLimits: {
      maxSubscriptions: 8,
      maxMessages: 256,
      maxIhaveMessageIDs: 2_000,
      maxIwantMessageIDs: 2_000,
      maxIdontwantMessageIDs: 2_000,
      maxControlMessages: 64,
      maxPeerInfos: 0,
    },
    scoreParams: {
      topics: {
        [topic]: {
          topicWeight: 1,
          timeInMeshWeight: 0.01,
          timeInMeshQuantum: 1_000,
          timeInMeshCap: 300,
          firstMessageDeliveriesWeight: 0.1,
          firstMessageDeliveriesDecay: decay(600),
          firstMessageDeliveriesCap: 50,
          // Announcements are rare and bursty: who delivered few has done nothing wrong.
          meshMessageDeliveriesWeight: 0,
          meshMessageDeliveriesDecay: decay(600),
          meshMessageDeliveriesCap: 100,
          meshMessageDeliveriesThreshold: 1,
          meshMessageDeliveriesWindow: 1_000,
          meshMessageDeliveriesActivation: 60_000,
          meshFailurePenaltyWeight: 0,
          meshFailurePenaltyDecay: decay(600),
          // Grows with the square: one forgery is answered with distance, three with silence.
          invalidMessageDeliveriesWeight: -10,
          invalidMessageDeliveriesDecay: decay(600),
        },
      },
      topicScoreCap: 10,
      appSpecificScore: (peer) => (strikesOf(peer) * GRAYLIST_SCORE) / STRIKES,
      appSpecificWeight: 1,
      // Many sites share a host; the registry, not the address, says who is somebody.
      IPColocationFactorWeight: 0,
      // A node that restarts grafts again too early now and then; a flood does so all the time.
      behaviourPenaltyThreshold: 6,
      behaviourPenaltyWeight: -10,
      behaviourPenaltyDecay: decay(600),
      retainScore: 3_600_000,
    },
    scoreThresholds: {
      gossipThreshold: -20,
      publishThreshold: -40,
      graylistThreshold: GRAYLIST_SCORE,
      acceptPXThreshold: 1_000,
      opportunisticGraftThreshold: 1,
    },
  })
}

export interface GossipPorts {
  network: SiteId
  /** The site of a peer that may take part now, or null. */
  memberOfPeer: (peer: PeerId) => SiteId | null
  announcement: (from: SiteId, announcement: Announcement) => Promise<GossipVerdict>
  /** The author itself sent us what it must have forged. */
  forged: (author: SiteId) => void
}

const VERDICTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} satisfies Record<GossipVerdict, TopicValidatorResult>

/** Subscribes, and hands each announcement with its author's site to `announcement`. */
export function joinGossip(service: GossipSub, ports: GossipPorts): void {
  const topic = announceTopic(ports.network)
  service.topicValidators.set(topic, async (sender, message) => {
    const verdict = await judge(ports, message)
    const author = message.type === 'signed' ? message.from : null
    if (verdict === 'reject' && author?.equals(sender) === true) {
      const site = ports.memberOfPeer(author)
      if (site !== null) ports.forged(site)
    }
    return VERDICTS[verdict]
  })
  service.subscribe(topic)
}

/** Ends our part in the topic. */
export function leaveGossip(service: GossipSub, network: SiteId): void {
  service.unsubscribe(announceTopic(network))
  service.topicValidators.delete(announceTopic(network))
}

async function judge(ports: GossipPorts, message: Message): Promise<GossipVerdict> {
  if (message.type !== 'signed') return 'reject'
  const announcement = decode(message.data)
  if (announcement === null) return 'reject'
  const author = ports.memberOfPeer(message.from)
  // A registry may lag behind, ours or the forwarder's: an unknown author is nobody's fault.
  if (author === null) return 'ignore'
  if (author !== announcement.log) return 'reject'
  return ports.announcement(author, announcement)
}

function decode(bytes: Uint8Array): Announcement | null {
  if (bytes.length > GOSSIP_BYTES) return null
  try {
    return announcementCodec.decode(bytes)
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}

/**
 * Gossips an announcement.
 *
 * @throws ProtocolError `too_large`
 */
export async function publish(
  service: GossipSub,
  network: SiteId,
  announcement: Announcement,
): Promise<void> {
  const bytes = announcementCodec.encode(announcement)
  if (bytes.length > GOSSIP_BYTES)
    throw new ProtocolError('too_large', '/entries', `${GOSSIP_BYTES} bytes in all`)
  await service.publish(announceTopic(network), bytes)
}
