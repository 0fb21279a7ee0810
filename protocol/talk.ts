/** What two sites tell each other about living members: messages, reports, presence. */
import { z } from 'zod'
import { fromHex, toHex, toUtf8 } from './bytes.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { parseSiteId, recordIdBytes, recordIdOf, type RecordId, type SiteId } from './ids.ts'
import { MESSAGE_BYTES, PRESENCE_RECORDS } from './limits.ts'
import { bytesOf, count, parseWith } from './schema.ts'
import type { Codec } from './wire.ts'

export const TALK_PROTOCOL = '/dpn/talk/1'
export const PRESENCE_PROTOCOL = '/dpn/presence/1'

const ID_BYTES = 16

/** Why a message does not arrive, although both sites are there. */
export const REFUSALS = ['blocked', 'not-visible', 'no-scope', 'rate', 'held'] as const
export type TalkRefusal = (typeof REFUSALS)[number]

/** What a member can be reported for: a closed list, so that no content slips into a report. */
export const REPORT_REASONS = [
  'scam',
  'spam',
  'harassment',
  'hate',
  'sexual-content',
  'impersonation',
  'under-age',
  'other',
] as const
export type ReportReason = (typeof REPORT_REASONS)[number]

/** The content of a message. Typing and reading are told like texts, and are kept no more. */
export type Content = { kind: 'text'; text: string; replyTo?: string } | { kind: 'typing' | 'read' }

/** A message; the home of `from` is the site that the connection proves. */
export interface TalkMessage {
  kind: 'message'
  /** 16 random bytes in hexadecimal. */
  id: string
  from: RecordId
  /** A record of the receiving site. */
  to: RecordId
  /** Unix seconds, by the sending node. */
  time: number
  content: Content
}
/** A member reports a record; at the coordinator a report that its home has left lying. */
export interface TalkReport {
  kind: 'report'
  /** 16 random bytes in hexadecimal: a repetition asks what has become of it. */
  id: string
  home: SiteId
  record: RecordId
  reason: ReportReason
  time: number
}
export type TalkRequest = TalkMessage | TalkReport
export type TalkAnswer =
  /** The website has acknowledged the message. */
  | { kind: 'delivered' }
  | { kind: 'refused'; reason: TalkRefusal }
  /** The website does not take it now, or the node cannot answer yet. */
  | { kind: 'unreachable' }
  /** A report is durable at the receiver. */
  | { kind: 'noted'; state: 'open' | 'handled' }

/** A frame of a talk stream, and the frame that answers it. */
export interface TalkCall {
  /** Counts from 0 on each stream. */
  n: number
  request: TalkRequest
}
export interface TalkReply {
  n: number
  answer: TalkAnswer
}

/** The only frame that a watcher sends. */
export interface PresenceRequest {
  kind: 'watch'
}
/** Changes since the frame before. An empty one says that the home is alive. */
export interface PresenceReply {
  /**
   * Whether it belongs to the whole picture with which a stream begins. The first frame that does
   * not completes it: then all that an earlier stream told, and this one did not repeat, is void.
   */
  isAll: boolean
  online: RecordId[]
  offline: RecordId[]
}

/**
 * Parses the id of a message or report.
 *
 * @throws ProtocolError `malformed`
 */
export function parseTalkId(text: string): string {
  if (!/^[0-9a-f]{32}$/.test(text))
    throw new ProtocolError('malformed', '', '32 lower-case hexadecimal digits')
  return text
}

/**
 * Checks the text of a message.
 *
 * @throws ProtocolError `out_of_range`, `malformed`
 */
export function checkText(text: string): string {
  // Each unit of UTF-16 makes a byte of UTF-8 at least: nothing longer is encoded to be measured.
  const isShort = text.length <= MESSAGE_BYTES && toUtf8(text).length <= MESSAGE_BYTES
  if (text.length === 0 || !isShort)
    throw new ProtocolError('out_of_range', '', `1 to ${MESSAGE_BYTES} bytes of UTF-8`)
  if (!text.isWellFormed()) throw new ProtocolError('malformed', '', 'well-formed Unicode')
  return text
}

const id = bytesOf(ID_BYTES).transform(toHex)
const record = bytesOf(ID_BYTES).transform(recordIdOf)
const refined = <T>(parse: (text: string) => T, expected: string) =>
  z.string().transform((value, context) => {
    try {
      return parse(value)
    } catch {
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    }
  })
const site = refined(parseSiteId, 'a lower-case domain name')
const text = refined(checkText, `1 to ${MESSAGE_BYTES} bytes of UTF-8`)

const contentSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('text'), text, replyTo: id.exactOptional() }),
  z.strictObject({ kind: z.enum(['typing', 'read']) }),
])
const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('message'),
    id,
    from: record,
    to: record,
    time: count,
    content: contentSchema,
  }),
  z.strictObject({
    kind: z.literal('report'),
    id,
    home: site,
    record,
    reason: z.enum(REPORT_REASONS),
    time: count,
  }),
])
const callSchema = z.strictObject({ n: count, request: requestSchema })
const replySchema = z.strictObject({
  n: count,
  answer: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('delivered') }),
    z.strictObject({ kind: z.literal('refused'), reason: z.enum(REFUSALS) }),
    z.strictObject({ kind: z.literal('unreachable') }),
    z.strictObject({ kind: z.literal('noted'), state: z.enum(['open', 'handled']) }),
  ]),
})
const watchSchema = z.strictObject({ kind: z.literal('watch') })
const records = z.array(record).max(PRESENCE_RECORDS)
const presenceSchema = z.strictObject({ isAll: z.boolean(), online: records, offline: records })

function contentOf(content: Content): object {
  if (content.kind !== 'text') return content
  const { replyTo, ...rest } = content
  return replyTo === undefined ? rest : { ...rest, replyTo: fromHex(replyTo) }
}

function plainOf(request: TalkRequest): object {
  const named = { ...request, id: fromHex(request.id) }
  return request.kind === 'report'
    ? { ...named, record: recordIdBytes(request.record) }
    : {
        ...named,
        from: recordIdBytes(request.from),
        to: recordIdBytes(request.to),
        content: contentOf(request.content),
      }
}

/** A codec over values that are spelled differently on the wire. */
function codec<T>(schema: z.ZodType<T>, plain: (message: T) => object): Codec<T> {
  return {
    encode: (message) => encodeCbor(plain(message)),
    decode: (bytes) => parseWith(schema, decodeCbor(bytes)),
  }
}

export const talkCallCodec: Codec<TalkCall> = codec<TalkCall>(callSchema, ({ n, request }) => ({
  n,
  request: plainOf(request),
}))
export const talkReplyCodec: Codec<TalkReply> = codec<TalkReply>(replySchema, (reply) => reply)
export const presenceRequestCodec: Codec<PresenceRequest> = codec<PresenceRequest>(
  watchSchema,
  (request) => request,
)
export const presenceReplyCodec: Codec<PresenceReply> = codec<PresenceReply>(
  presenceSchema,
  ({ isAll, online, offline }) => ({
    isAll,
    online: online.map(recordIdBytes),
    offline: offline.map(recordIdBytes),
  }),
)
