/** Bounds of this adapter, with units and reasons; those of the protocol are in protocol/limits.ts. */
import {
  ADDRESSES,
  ADDRESS_CHARS,
  BODIES_PER_REQUEST,
  GOSSIP_BYTES,
  HEADS,
  NOTE_BYTES,
  PERSON_REQUEST_BYTES,
  PICTURES_PER_REQUEST,
  REQUEST_RECORDS,
} from '../../protocol/limits.ts'

/** Bytes of a request for bodies: a name and that many integers of at most nine bytes. */
export const BODIES_REQUEST_BYTES = BODIES_PER_REQUEST * 9 + 1024
/** Bytes of a request for pictures: a name, and for each a hash in hexadecimal and two integers. */
export const PICTURES_REQUEST_BYTES = PICTURES_PER_REQUEST * 112 + 1024
/** Bytes of a sync request: a head for each log (name of at most 253, two integers, keys). */
export const SYNC_REQUEST_BYTES = HEADS * 320 + ADDRESSES * (ADDRESS_CHARS + 8) + 1024
/** Bytes of a report: the proof of a fork carries two notes, and nothing is larger. */
export const REPORT_BYTES = 2 * NOTE_BYTES + 1024
/** Bytes of a request of a person: the request itself, and its signature. */
export const SIGNED_REQUEST_BYTES = PERSON_REQUEST_BYTES + 256
/** Bytes of its answer: ids of records. */
export const REQUEST_ANSWER_BYTES = REQUEST_RECORDS * 17 + 256
/** Bytes of a report's answer. */
export const REPORT_ANSWER_BYTES = 64

/** Milliseconds for one frame, from asking for it to its last byte, and to write one. */
export const IDLE_MILLIS = 15_000
/** Milliseconds for a whole stream; whoever needs longer asks again from where it got to. */
export const STREAM_MILLIS = 15 * 60_000
/** Bytes read ahead of the consumer, and written ahead of the peer, before the sender waits. */
export const AHEAD_BYTES = 256 * 1024
/**
 * Bytes of a stream's window at most. It must stay below libp2p's 4 MiB read buffer, which resets
 * the stream, because a paused stream still receives what fits the window.
 */
export const WINDOW_BYTES = 2 * 1024 * 1024

/** Streams of one protocol that we open to one site at once; further requests wait. */
export const REQUESTS = 4
/** Requests that wait for one site and protocol, before further ones fail. */
export const WAITING = 256
/** Requests of one protocol that we serve to one site at once: an honest peer's, and one retry. */
export const SERVED = 2 * REQUESTS

/** Strikes after which a site is cut off. */
export const STRIKES = 3
/** Milliseconds after which one strike is forgiven. */
export const STRIKE_MILLIS = 5 * 60_000

/** Connections of one site: the one in use, one dialled at the same time, and two left behind. */
export const CONNECTIONS_PER_SITE = 4
/** Milliseconds for an inbound handshake. */
export const HANDSHAKE_MILLIS = 5_000
/** Inbound connections a second from one address, so that it cannot fill the pending ones. */
export const INBOUND_PER_SECOND = 10
/** Inbound handshakes at once: more than one address can start within HANDSHAKE_MILLIS. */
export const INBOUND_PENDING = 64

/** Milliseconds for a dial. */
export const DIAL_MILLIS = 10_000
/** Milliseconds before the second dial; doubled each time. */
export const REDIAL_MILLIS = 200
/** Milliseconds between dials at most. */
export const REDIAL_MAX_MILLIS = 30_000
/** Milliseconds after which a connection counts as one that held. */
export const STEADY_MILLIS = 5_000
/** Milliseconds between looks at who should be connected and who should not. */
export const SWEEP_MILLIS = 1_000
/** Sites in the address book: each log that a heads message can name, and the coordinator. */
export const BOOK_SITES = HEADS + 1

/** Bytes of one gossip RPC: it may batch messages that a peer has asked for. */
export const GOSSIP_RPC_BYTES = 32 * GOSSIP_BYTES
/** Bytes of gossip that wait for one slow peer before its stream is reset. */
export const GOSSIP_WAITING_BYTES = 64 * GOSSIP_BYTES

/** Milliseconds after which a talk stream that nobody uses is closed; the next message opens one. */
export const TALK_IDLE_MILLIS = 5 * 60_000
/** Milliseconds for the answer to a message: the other website has to acknowledge it first. */
export const TALK_ANSWER_MILLIS = 30_000
/** Messages to one site that wait for a place in the window, before further ones fail. */
export const TALK_WAITING = 1024
/** Talk streams of one site: the one in use, and those whose end has not been noticed yet. */
export const TALK_STREAMS = 4
/** Bytes of the frame with which a watcher begins. */
export const WATCH_BYTES = 64

/** Bytes, both ways, that the coordinator carries on one relayed connection: some bodies for all. */
export const RELAYED_BYTES = 128n * 1024n * 1024n
/** Milliseconds for which it carries one; both sides make another one then. */
export const RELAYED_MILLIS = 60 * 60_000
/** Relayed connections that one pair of sites may begin within RELAYED_MILLIS. */
export const RELAYED_PER_PAIR = 30
