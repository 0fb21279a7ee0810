/**
 * What the core needs from the world. The roles hand in the real things, the simulator its own.
 * Times are unix seconds.
 */
import type { AuditReply, AuditRequest } from '../../protocol/challenge.ts'
import type { Hash, Verifier } from '../../protocol/keys.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { PictureFiles } from '../../protocol/picture.ts'
import type { RequestAnswer, SignedRequest } from '../../protocol/request.ts'
import type { PresenceReply, TalkAnswer, TalkRequest } from '../../protocol/talk.ts'
import type {
  Announcement,
  BodiesReply,
  BodiesRequest,
  PicturesReply,
  PicturesRequest,
  Report,
  ReportAnswer,
  SyncReply,
  SyncRequest,
} from '../../protocol/wire.ts'

export interface Clock {
  /** Unix seconds, whole. */
  now: () => number
  /** Runs `task` every `seconds` until the returned function is called. Errors go to Events. */
  every: (seconds: number, task: () => Promise<void>) => () => void
}

export interface Random {
  /** `length` bytes nobody can guess. */
  bytes: (length: number) => Uint8Array
}

export interface Crypto {
  sha256: Hash
  verify: Verifier
  /** Ed25519 (RFC 8032) by a 32-byte seed. */
  sign: (message: Uint8Array, seed: Uint8Array) => Uint8Array
  /** AES-256-GCM with a random nonce in front. */
  seal: (key: Uint8Array, plaintext: Uint8Array) => Uint8Array
  /** The plaintext, or null where key or bytes are wrong. */
  open: (key: Uint8Array, sealed: Uint8Array) => Uint8Array | null
  hmacSha256: (key: Uint8Array, data: Uint8Array) => Uint8Array
}

/**
 * Holds one random key per record version in slots outside the database and every backup. What is
 * sealed under a slot dies with it.
 */
export interface Vault {
  /**
   * Seals each plaintext under a fresh key in a free slot. When it resolves the keys are durable;
   * ciphertexts are in the order of the plaintexts.
   */
  seal: (plaintexts: readonly Uint8Array[]) => Promise<Sealed[]>
  /** The plaintext, or null where the key is gone or the bytes are wrong. */
  open: (sealed: Sealed) => Uint8Array | null
  /** Overwrites the slots with zeros; durable when it resolves. Repeating it is harmless. */
  destroy: (slots: readonly number[]) => Promise<void>
  /**
   * Lets destroyed slots be used again; call it when no row refers to them any more. Without it
   * they wait for the next start: an erasure that is repeated must not meet another body's key.
   */
  release: (slots: readonly number[]) => void
  /** Destroys every slot not in `used`: what a crash between key and row has left. */
  retain: (used: ReadonlySet<number>) => Promise<void>
}
export interface Sealed {
  slot: number
  ciphertext: Uint8Array
}

/**
 * Keeps what is sealed and too large for the database, under the number of its slot. Nothing here
 * can be read once the slot is destroyed.
 */
export interface Blobs {
  /** Durable when it resolves. What an earlier use of the slot has left is overwritten. */
  put: (blobs: readonly Sealed[]) => Promise<void>
  /** The ciphertext, or null where there is none. */
  get: (slot: number) => Promise<Uint8Array | null>
  /** Gone from the disk when it resolves. Repeating it is harmless. */
  remove: (slots: readonly number[]) => Promise<void>
  /** Removes everything not in `used`: what a crash has left. */
  retain: (used: ReadonlySet<number>) => Promise<void>
}

/** Reads pictures as people upload them. */
export interface Images {
  /**
   * Decodes within bounds and makes the two files of a picture, with nothing of the original but
   * what can be seen.
   *
   * @throws ProtocolError `malformed`, `too_large`, `out_of_range`: why it is refused
   */
  reencode: (upload: Uint8Array) => Promise<PictureFiles>
  /** A file of a picture, as kept here, as JPEG: for pages that know nothing newer. */
  toJpeg: (webp: Uint8Array) => Promise<Uint8Array>
}

export interface Network {
  /** Gossips to all members, best effort. */
  announce: (announcement: Announcement) => Promise<void>
  /** Members with whom there is a connection now. */
  connected: () => SiteId[]
  /** Learns where sites can be reached; dialling is the adapter's affair. */
  learnAddresses: (peers: { site: SiteId; addresses: string[] }[]) => void
  /** Where this node can be reached, as multiaddrs without the peer id. */
  ownAddresses: () => string[]
  /** Opens a stream. Iterating rejects when the peer is unreachable, slow or breaks a bound. */
  sync: (site: SiteId, request: SyncRequest) => AsyncIterable<SyncReply>
  bodies: (site: SiteId, request: BodiesRequest) => AsyncIterable<BodiesReply>
  pictures: (site: SiteId, request: PicturesRequest) => AsyncIterable<PicturesReply>
  report: (site: SiteId, report: Report) => Promise<ReportAnswer>
  /** Asks a home to open a consent, or a volunteer to run a probe: for the coordinator alone. */
  audit: (site: SiteId, request: AuditRequest) => Promise<AuditReply>
  /**
   * Hands over a message or a report and waits for the answer. Rejects when the peer is unreachable,
   * slow or breaks a bound; whether it has arrived is not known then.
   */
  talk: (site: SiteId, request: TalkRequest) => Promise<TalkAnswer>
  /** Asks a home for a person, as the coordinator. Rejects as {@link Network.talk} does. */
  request: (site: SiteId, request: SignedRequest) => Promise<RequestAnswer>
  /** Watches who is online at a home, until either side ends it. */
  presence: (site: SiteId) => AsyncIterable<PresenceReply>
  /** Ends the connection with a site that is no longer a member. */
  disconnect: (site: SiteId) => Promise<void>
}

/** Calls addresses of the operator outside the network. */
export interface Outbound {
  /**
   * Sends one POST to an address that it may call, and never follows a redirect. Bounded in time
   * and in what it reads of the answer.
   */
  post: (request: OutboundRequest) => Promise<OutboundAnswer>
}
export interface OutboundRequest {
  url: string
  headers: Readonly<Record<string, string>>
  body: string
}
/** Why nothing answered: the address is none that may be called, or the attempt failed. */
export type OutboundFault = 'forbidden-address' | 'unreachable' | 'timeout' | 'untrusted'
export type OutboundAnswer =
  { kind: 'answered'; status: number } | { kind: 'failed'; reason: OutboundFault }

/** Fetches pictures of this site's members. */
export interface Photos {
  /**
   * Gets what is at an address of the site itself; never follows a redirect. Bounded in time and size.
   */
  fetch: (address: string) => Promise<PhotoAnswer>
  /** Whether the site says that nothing is at its address any more; false where it says nothing. */
  isGone: (address: string) => Promise<boolean>
}
/** `refused`: it cannot be had later either, since the address is not the site's, or it is too large. */
export type PhotoAnswer =
  { kind: 'fetched'; bytes: Uint8Array } | { kind: 'refused' } | { kind: 'failed' }

/** What to do with a gossiped message (gossipsub v1.1 validation). */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** What the network calls. `from` is who the connection proves it is. */
export interface NetworkHandlers {
  /** Whether this site may hold a connection now. */
  mayConnect: (site: SiteId) => boolean
  announcement: (from: SiteId, announcement: Announcement) => Promise<GossipVerdict>
  sync: (from: SiteId, request: SyncRequest) => AsyncIterable<SyncReply>
  bodies: (from: SiteId, request: BodiesRequest) => AsyncIterable<BodiesReply>
  pictures: (from: SiteId, request: PicturesRequest) => AsyncIterable<PicturesReply>
  report: (from: SiteId, report: Report) => Promise<ReportAnswer>
  /** @throws ProtocolError for who may not ask */
  audit: (from: SiteId, request: AuditRequest) => Promise<AuditReply>
  /** @throws ProtocolError for what no honest node sends */
  talk: (from: SiteId, request: TalkRequest) => Promise<TalkAnswer>
  presence: (from: SiteId) => AsyncIterable<PresenceReply>
  /** @throws ProtocolError for what no honest coordinator sends */
  request: (from: SiteId, request: SignedRequest) => Promise<RequestAnswer>
  /** A connection was made. */
  connected: (site: SiteId) => void
}

/** Everything worth telling an operator. No personal data by construction: ids, numbers, codes. */
export type Event =
  | { type: 'log.appended'; log: SiteId; size: number; entries: number }
  | { type: 'log.applied'; log: SiteId; size: number; entries: number; withdrawals: number }
  | { type: 'log.refused'; log: SiteId; from: SiteId; code: string }
  | { type: 'log.forked'; log: SiteId; size: number }
  | { type: 'log.rolled-back'; size: number; witnessed: number }
  | { type: 'log.writable'; size: number }
  | { type: 'bodies.kept'; home: SiteId; from: SiteId; count: number }
  | { type: 'bodies.refused'; home: SiteId; from: SiteId; code: string }
  | { type: 'bodies.served'; home: SiteId; to: SiteId; bodies: number; withheld: number }
  | { type: 'bodies.erased'; count: number }
  | { type: 'pictures.kept'; home: SiteId; from: SiteId; count: number }
  | { type: 'pictures.refused'; home: SiteId; from: SiteId; code: string }
  | { type: 'pictures.served'; home: SiteId; to: SiteId; pictures: number; withheld: number }
  | { type: 'pictures.erased'; count: number }
  | { type: 'receipt.sent'; log: SiteId; size: number; to: SiteId }
  | { type: 'receipt.received'; log: SiteId; size: number; from: SiteId }
  | { type: 'lease.hidden' | 'lease.lapsed'; home: SiteId }
  /** A consent was, or was not, opened to the coordinator. */
  | { type: 'challenge.answered'; draw: number; index: number; answer: string }
  | { type: 'challenge.decided'; site: SiteId; draw: number; index: number; state: string }
  | { type: 'probe.decided'; target: SiteId; home: SiteId; index: number; state: string }
  | { type: 'record.published' | 'record.withdrawn'; record: RecordId }
  | { type: 'peer.failed'; site: SiteId; action: string; reason: string }
  /** A call of the website failed: `reason` is a fault or `status-4xx`. */
  | { type: 'webhook.failed' | 'webhook.disabled'; webhook: string; reason: string }
  /** A mail was not taken: `kind` says what it is for, `reason` is the server's code or a word. */
  | { type: 'mail.failed'; kind: string; reason: string }
  /** A call of the old module was refused: `action` and `reason` are of closed lists. */
  | { type: 'bridge.refused'; action: string; reason: string }
  /** The module has removed records that neither are this site's own nor were given to it. */
  | { type: 'bridge.unknown'; count: number }
  | { type: 'task.failed'; task: string; reason: string }

export interface Events {
  emit: (event: Event) => void
}
