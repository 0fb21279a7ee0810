/** What a site hands in about a member, and the home's own part of a body. */
import { encodeCbor, decodeCbor } from '../../../protocol/cbor.ts'
import { passingUtf8, toUtf8 } from '../../../protocol/bytes.ts'
import { parseConsentInput, type ConsentRecord } from '../../../protocol/consent.ts'
import { parseIsoDate, type IsoDate } from '../../../protocol/dates.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { EMAIL_CHARS, normaliseEmail } from '../../../protocol/request.ts'
import {
  parseProfileInput,
  type Eligibility,
  type ProfileInput,
} from '../../../protocol/vocabulary.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { Crypto } from '../ports.ts'

/** Characters of the site's own member id. */
export const MEMBER_ID_CHARS = 64

export interface MemberInput {
  /** The site's own id of the member; it never leaves the node in clear. */
  id: string
  email: string | null
  profile: ProfileInput
  consent: ConsentRecord
}

/** Parses the site's own id of a member. */
export function parseMemberId(value: unknown): string {
  if (typeof value !== 'string') throw new ProtocolError('wrong_type', '/id', 'text')
  if (!/^[\w.@:+-]{1,64}$/.test(value))
    throw new ProtocolError(
      'malformed',
      '/id',
      `1 to ${MEMBER_ID_CHARS} letters, digits and . @ : + _ -`,
    )
  return value
}

function parseEmail(value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new ProtocolError('wrong_type', '/email', 'text')
  if (value.length > EMAIL_CHARS || !/^[^\s@]+@[^\s@]+$/.test(value))
    throw new ProtocolError('malformed', '/email', 'an e-mail address')
  return value
}

const FIELDS = new Set(['id', 'email', 'profile', 'consent'])

/**
 * Parses a member as the site's JSON gives it.
 *
 * @throws ProtocolError at the first refused field
 */
export function parseMember(json: unknown, eligibility: Eligibility): MemberInput {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ProtocolError('wrong_type', '', 'an object with id, profile and consent')
  const unknown = Object.keys(json).find((name) => !FIELDS.has(name))
  if (unknown !== undefined)
    throw new ProtocolError(
      'unknown_field',
      /^\w{1,40}$/.test(unknown) ? `/${unknown}` : '',
      'only id, email, profile and consent',
    )
  const input = json as Record<string, unknown>
  const id = parseMemberId(input['id'])
  const email = parseEmail(input['email'])
  if (input['consent'] === undefined || input['consent'] === null)
    throw new ProtocolError('no_consent', '/consent', "the member's consent")
  return {
    id,
    email,
    consent: at('/consent', () => parseConsentInput(input['consent'])),
    profile: at('/profile', () => parseProfileInput(input['profile'], eligibility)),
  }
}

/** The home's own part of a body, sealed so that it can be read back from any partner's copy. */
export interface HomePart {
  id: string
  email: string | null
  birthDate: IsoDate
}

/** Seals the home's part. */
export function sealHomePart(crypto: Crypto, keys: PrivateKeys, part: HomePart): Uint8Array {
  return crypto.seal(keys.seal, encodeCbor(part))
}

/**
 * Opens the home's part.
 *
 * @returns null where it was sealed under another key
 */
export function openHomePart(
  crypto: Crypto,
  keys: PrivateKeys,
  sealed: Uint8Array,
): HomePart | null {
  const bytes = crypto.open(keys.seal, sealed)
  if (bytes === null) return null
  const part = decodeCbor(bytes) as { id: string; email: string | null; birthDate: string }
  return { ...part, birthDate: parseIsoDate(part.birthDate) }
}

/** The key under which a member stands in the index: keyed, so that the id cannot be guessed. */
export function memberKeyOf(crypto: Crypto, keys: PrivateKeys, id: string): Uint8Array {
  return crypto.hmacSha256(keys.index, labelled('member', toUtf8(id)))
}

/** The key under which the member's e-mail address stands in the index; null where it has none. */
export function emailKeyOf(crypto: Crypto, keys: PrivateKeys, email: string): Uint8Array
export function emailKeyOf(
  crypto: Crypto,
  keys: PrivateKeys,
  email: string | null,
): Uint8Array | null
export function emailKeyOf(
  crypto: Crypto,
  keys: PrivateKeys,
  email: string | null,
): Uint8Array | null {
  if (email === null) return null
  return crypto.hmacSha256(keys.index, labelled('email', toUtf8(normaliseEmail(email))))
}

/** Tells a repeated input from a changed one without keeping it. */
export function inputDigestOf(crypto: Crypto, keys: PrivateKeys, input: MemberInput): Uint8Array {
  const digest = crypto.sha256(passingUtf8(JSON.stringify(input)))
  return crypto.hmacSha256(keys.index, labelled('input', digest))
}
