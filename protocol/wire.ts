/** Gossip and stream messages: protocol ids, types, encoding and decoding. */
import { z } from 'zod'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { parsePictureId, parseSiteId, type PictureId, type SiteId } from './ids.ts'
import {
  ADDRESSES,
  ADDRESS_CHARS,
  BODIES_PER_REQUEST,
  BODY_BYTES,
  ENTRY_BYTES,
  HEADS,
  NOTE_BYTES,
  PICTURE_CHUNK_BYTES,
  PICTURE_MANIFEST_BYTES,
  PICTURES_PER_REQUEST,
  PROOF_HASHES,
} from './limits.ts'
import { eitherOf, listOf, literal, oneOf, quick, strict } from './quick.ts'
import { bytesOf, bytesUpTo, count, parseWith } from './schema.ts'

export const SYNC_PROTOCOL = '/dpn/sync/1'
export const BODIES_PROTOCOL = '/dpn/bodies/1'
export const PICTURES_PROTOCOL = '/dpn/pictures/1'
export const REPORT_PROTOCOL = '/dpn/report/1'

/** The gossip topic on which a network's members announce their logs. */
export function announceTopic(network: SiteId): string {
  return `/dpn/${network}/announce/1`
}

/**
 * Gossip: a log's newest checkpoint (log signature, heartbeat) and the entries that lead up to it,
 * as many as fit. A receiver that misses earlier ones asks for them by sync.
 */
export interface Announcement {
  log: SiteId
  note: string
  /** Index of the first entry carried; the checkpoint's size where none is. */
  from: number
  entries: Uint8Array[]
}

/** How far a node is with a log: its size, and the time of the newest heartbeat it has (or 0). */
export interface Head {
  log: SiteId
  size: number
  heartbeat: number
}
export interface PeerAddresses {
  site: SiteId
  addresses: string[]
}

/** First frame of a sync stream. */
export type SyncRequest =
  | { kind: 'heads'; heads: Head[]; addresses: string[] }
  | { kind: 'entries'; log: SiteId; from: number }

/**
 * Frames of the answer. To `heads`: one `heads`. To `entries`: one `checkpoint`, then `entries`
 * up to its size, each with the consistency proof from its end to the checkpoint, so that a
 * receiver can keep a chunk before the whole range is there.
 */
export type SyncReply =
  | { kind: 'heads'; heads: Head[]; peers: PeerAddresses[] }
  | { kind: 'checkpoint'; note: string }
  | { kind: 'entries'; from: number; entries: Uint8Array[]; proof: Uint8Array[] }
  | { kind: 'unknown' }

/** First frame of a bodies stream: record versions named by the index of their publish entry. */
export interface BodiesRequest {
  home: SiteId
  /** Strictly increasing. */
  indexes: number[]
  /**
   * Size of the asker's own log up to its newest requirements entry, 0 where it has none. A holder
   * that knows other requirements answers `unknown` instead of judging by the wrong ones.
   */
  requirements: number
  /**
   * Size of the coordinator's log as the asker has it. A holder that has less answers `unknown`: it
   * may take somebody to be suspended who is back.
   */
  registry: number
}
export type BodyAnswer =
  | { kind: 'body'; index: number; body: Uint8Array }
  | { kind: 'withheld' | 'gone' | 'unknown'; index: number }
/** A frame of the answer; frames follow until every index is answered. */
export interface BodiesReply {
  answers: BodyAnswer[]
}

/** One picture that is asked for. */
export interface PictureWish {
  /** Index of the publish entry of the record version that names the picture. */
  index: number
  picture: PictureId
  /** The first chunk asked for: those before it came before a stream broke. */
  from: number
}
/** First frame of a pictures stream. */
export interface PicturesRequest {
  home: SiteId
  /** As in {@link BodiesRequest}. */
  requirements: number
  registry: number
  wishes: PictureWish[]
}
/**
 * A frame of the answer to the wish at that place in the request. Wishes are answered one after
 * another: each by one refusal, or by the manifest and then every chunk from the one asked for.
 */
export type PicturesReply =
  | { kind: 'manifest'; wish: number; manifest: Uint8Array }
  | { kind: 'chunk'; wish: number; bytes: Uint8Array }
  | { kind: 'withheld' | 'gone' | 'unknown'; wish: number }

/** What of a record version was handed out: the body, or pictures that it names. */
export type Disclosed = 'body' | 'pictures'

/** The only frame of a report stream; the answer is {@link REPORT_TAKEN}. */
export type Report =
  /** A checkpoint that the sender has cosigned: its receipt. */
  | { kind: 'receipt'; log: SiteId; note: string }
  /** What the sender, a relay, handed out of the receiver's records. */
  | { kind: 'disclosures'; partner: SiteId; what: Disclosed; time: number; indexes: number[] }
  /** Two checkpoints of one log and size with different roots. */
  | { kind: 'fork'; log: SiteId; notes: [string, string] }

/** Answer to a report: it is durable at the receiver. */
export interface ReportAnswer {
  kind: 'taken' | 'refused'
}

const site = z
  .string()
  .max(253)
  .transform((value, context) => {
    try {
      return parseSiteId(value)
    } catch {
      context.addIssue({ code: 'custom', message: 'a lower-case domain name' })
      return z.NEVER
    }
  })
const noteText = z.string().max(NOTE_BYTES)
const entries = listOf(bytesUpTo(ENTRY_BYTES), 0, 65_536)
const addresses = z.array(z.string().max(ADDRESS_CHARS)).max(ADDRESSES)
const heads = z.array(z.strictObject({ log: site, size: count, heartbeat: count })).max(HEADS)
const indexes = z
  .array(count)
  .min(1)
  .max(BODIES_PER_REQUEST)
  .refine(
    (list) => list.every((index, at) => at === 0 || index > (list[at - 1] ?? 0)),
    'indexes in increasing order',
  )

const announcementSchema = z.strictObject({ log: site, note: noteText, from: count, entries })
const syncRequestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('heads'), heads, addresses }),
  z.strictObject({ kind: z.literal('entries'), log: site, from: count }),
])
const syncReplySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('heads'),
    heads,
    peers: z.array(z.strictObject({ site, addresses })).max(HEADS),
  }),
  z.strictObject({ kind: z.literal('checkpoint'), note: noteText }),
  z.strictObject({
    kind: z.literal('entries'),
    from: count,
    entries,
    proof: z.array(bytesOf(32)).max(PROOF_HASHES),
  }),
  z.strictObject({ kind: z.literal('unknown') }),
])
const bodiesRequestSchema = z.strictObject({
  home: site,
  indexes,
  requirements: count,
  registry: count,
})
const givenSchema = strict({ kind: literal('body'), index: count, body: bytesUpTo(BODY_BYTES) })
const refusedSchema = strict({ kind: oneOf(['withheld', 'gone', 'unknown']), index: count })
const answerSchema = quick(
  z.discriminatedUnion('kind', [givenSchema, refusedSchema]),
  eitherOf(givenSchema, refusedSchema),
)
const bodiesReplySchema = strict({ answers: listOf(answerSchema, 0, BODIES_PER_REQUEST) })
const picture = z.string().transform((value, context) => {
  try {
    return parsePictureId(value)
  } catch {
    context.addIssue({ code: 'custom', message: '64 lower-case hexadecimal digits' })
    return z.NEVER
  }
})
const picturesRequestSchema = z.strictObject({
  home: site,
  requirements: count,
  registry: count,
  wishes: z
    .array(z.strictObject({ index: count, picture, from: count }))
    .min(1)
    .max(PICTURES_PER_REQUEST),
})
const wish = z
  .int()
  .min(0)
  .max(PICTURES_PER_REQUEST - 1)
const picturesReplySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('manifest'),
    wish,
    manifest: bytesUpTo(PICTURE_MANIFEST_BYTES),
  }),
  z.strictObject({ kind: z.literal('chunk'), wish, bytes: bytesUpTo(PICTURE_CHUNK_BYTES) }),
  z.strictObject({ kind: z.enum(['withheld', 'gone', 'unknown']), wish }),
])
const reportSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('receipt'), log: site, note: noteText }),
  z.strictObject({
    kind: z.literal('disclosures'),
    partner: site,
    what: z.enum(['body', 'pictures']),
    time: count,
    indexes,
  }),
  z.strictObject({ kind: z.literal('fork'), log: site, notes: z.tuple([noteText, noteText]) }),
])
const reportAnswerSchema = z.strictObject({ kind: z.enum(['taken', 'refused']) })

/**
 * Encodes and decodes one kind of message; decoding throws ProtocolError. Byte strings of a decoded
 * message share the memory of its bytes.
 */
export interface Codec<T> {
  encode: (message: T) => Uint8Array
  decode: (bytes: Uint8Array) => T
}

function codec<T>(schema: z.ZodType<T>): Codec<T> {
  return {
    encode: encodeCbor,
    decode: (bytes) => parseWith(schema, decodeCbor(bytes, 'views'), 'own'),
  }
}

export const announcementCodec: Codec<Announcement> = codec(announcementSchema)
export const syncRequestCodec: Codec<SyncRequest> = codec(syncRequestSchema)
export const syncReplyCodec: Codec<SyncReply> = codec(syncReplySchema)
export const bodiesRequestCodec: Codec<BodiesRequest> = codec(bodiesRequestSchema)
export const bodiesReplyCodec: Codec<BodiesReply> = codec(bodiesReplySchema)
export const picturesRequestCodec: Codec<PicturesRequest> = codec(picturesRequestSchema)
export const picturesReplyCodec: Codec<PicturesReply> = codec(picturesReplySchema)
export const reportCodec: Codec<Report> = codec(reportSchema)
export const reportAnswerCodec: Codec<ReportAnswer> = codec(reportAnswerSchema)

/**
 * Checks that `answers` answer what is still open, each once, and strikes it off.
 *
 * @param open the indexes asked for and not answered so far
 * @throws ProtocolError `malformed`
 */
export function takeAnswers(open: Set<number>, answers: readonly BodyAnswer[]): void {
  for (const { index } of answers)
    if (!open.delete(index)) throw new ProtocolError('malformed', '/answers', 'what was asked for')
}
