/** What the coordinator's desk asks of a home for a person: a withdrawal, or another right. */
import { z } from 'zod'
import { concatBytes, toUtf8 } from './bytes.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import { parseSiteId, recordIdBytes, recordIdOf, type RecordId, type SiteId } from './ids.ts'
import { SIGNATURE_BYTES, type Signer, type Verifier } from './keys.ts'
import { PERSON_REQUEST_BYTES, REQUEST_RECORDS, REQUEST_TEXT_CHARS } from './limits.ts'
import { bytesOf, bytesUpTo, count, parseWith } from './schema.ts'
import type { Codec } from './wire.ts'

export const REQUEST_PROTOCOL = '/dpn/request/1'

/** Characters of an e-mail address (RFC 5321 §4.5.3.1.3). */
export const EMAIL_CHARS = 254

/** The rights of a person (GDPR Art. 15 to 21). */
export const RIGHTS = ['copy', 'correction', 'deletion', 'restriction', 'objection'] as const
export type Right = (typeof RIGHTS)[number]
/** How a request came. */
export const CHANNELS = ['email', 'post', 'form', 'website'] as const
export type Channel = (typeof CHANNELS)[number]

interface Asked {
  network: SiteId
  /** Whose member it is said to be. */
  home: SiteId
  /** Chosen by the coordinator; a repetition asks the same. It holds no personal data. */
  id: string
  /** The member's e-mail address, as it was written. */
  email: string
  /** Unix seconds. */
  time: number
}
export type PersonRequest =
  /** The member has withdrawn by e-mail: end every record of that address, now. */
  | (Asked & { kind: 'withdraw' })
  /** The member asks for something else; the home answers the member itself. */
  | (Asked & {
      kind: 'right'
      right: Right
      channel: Channel
      /** Unix seconds at which the coordinator had it: the month runs from then. */
      receivedAt: number
      /** What the member says, where it matters: what is to be corrected. */
      text: string
    })

/** A request under the log key of the coordinator, so that the home can tell who commands. */
export interface SignedRequest {
  /** The request in deterministic CBOR. */
  request: Uint8Array
  signature: Uint8Array
}

export type RequestAnswer =
  /** The records of that address have ended here; their entries follow as the log allows. */
  | { kind: 'withdrawn'; records: RecordId[] }
  /** The request is durable at the home. */
  | { kind: 'noted' }
  /** No member with a live record has that address. */
  | { kind: 'unknown' }

/**
 * The form of an e-mail address under which it is compared: compatibility forms folded, lower case
 * on both sides of the sign. Providers that tell capitals apart are unheard of.
 */
export function normaliseEmail(email: string): string {
  return email.normalize('NFKC').trim().toLowerCase()
}

/**
 * Checks an e-mail address as far as it needs to be one.
 *
 * @throws ProtocolError `malformed`
 */
export function parseEmail(text: string): string {
  if (text.length > EMAIL_CHARS || !/^[^\s@<>]{1,64}@[^\s@<>]{1,253}$/u.test(text))
    throw new ProtocolError('malformed', '', 'an e-mail address')
  return text
}

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
const asked = {
  network: site,
  home: site,
  id: z.string().regex(/^[\w.:-]{1,64}$/),
  email: refined(parseEmail, 'an e-mail address'),
  time: count,
}
const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('withdraw'), ...asked }),
  z.strictObject({
    kind: z.literal('right'),
    ...asked,
    right: z.enum(RIGHTS),
    channel: z.enum(CHANNELS),
    receivedAt: count,
    text: z.string().max(REQUEST_TEXT_CHARS),
  }),
])
const signedSchema = z.strictObject({
  request: bytesUpTo(PERSON_REQUEST_BYTES),
  signature: bytesOf(SIGNATURE_BYTES),
})
const answerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('withdrawn'),
    records: z.array(bytesOf(16).transform(recordIdOf)).max(REQUEST_RECORDS),
  }),
  z.strictObject({ kind: z.literal('noted') }),
  z.strictObject({ kind: z.literal('unknown') }),
])

export const signedRequestCodec: Codec<SignedRequest> = {
  encode: encodeCbor,
  decode: (bytes) => parseWith(signedSchema, decodeCbor(bytes)),
}
export const requestAnswerCodec: Codec<RequestAnswer> = {
  encode: (answer) =>
    encodeCbor(
      answer.kind === 'withdrawn'
        ? { ...answer, records: answer.records.map(recordIdBytes) }
        : answer,
    ),
  decode: (bytes) => parseWith(answerSchema, decodeCbor(bytes)),
}

/** What is signed: no checkpoint and no entry begins like this. */
function signedBytes(request: Uint8Array): Uint8Array {
  return concatBytes(toUtf8(`${REQUEST_PROTOCOL}\0`), request)
}

/** Signs a request with the coordinator's log key. */
export function signRequest(
  request: PersonRequest,
  key: { seed: Uint8Array; signer: Signer },
): SignedRequest {
  const bytes = encodeCbor(request)
  return { request: bytes, signature: key.signer(signedBytes(bytes), key.seed) }
}

/**
 * Opens a request.
 *
 * @param key the coordinator's log key
 * @throws ProtocolError `bad_signature`, or what is wrong with the request
 */
export function openRequest(
  { request, signature }: SignedRequest,
  key: { publicKey: Uint8Array; verify: Verifier },
): PersonRequest {
  if (!key.verify(signature, signedBytes(request), key.publicKey))
    throw new ProtocolError('bad_signature', '/signature', "the coordinator's signature")
  return parseWith(requestSchema, decodeCbor(request))
}
