/** The body: what a partner gets of one version of a record, and how the log commits to it. */
import { z } from 'zod'
import { concatBytes, equalBytes } from './bytes.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { parseConsent, type ConsentRecord } from './consent.ts'
import { dayNumber, dayOf } from './dates.ts'
import { ProtocolError, at } from './errors.ts'
import { sha256, type Hash } from './keys.ts'
import { BODY_BYTES } from './limits.ts'
import { bytesOf, bytesUpTo, parseWith } from './schema.ts'
import {
  SHARED_SCHEMAS,
  checkScopes,
  checkSharedProfile,
  type Eligibility,
  type SharedProfile,
} from './vocabulary.ts'

export const SALT_BYTES = 32
/** Bytes of the sealed part at most: an e-mail address, the site's own user id, a tag and nonce. */
export const SEALED_BYTES = 1024

/** A shared profile with the home's own part, a ciphertext under a key that only the home has. */
export type SealedProfile = SharedProfile & { sealed: Uint8Array }

/** One version of a record. */
export interface Body {
  profile: SealedProfile
  consent: ConsentRecord
  profileSalt: Uint8Array
  consentSalt: Uint8Array
}

/** What the log entry holds of a body. */
export interface Commitments {
  profile: Uint8Array
  consent: Uint8Array
}

const bodySchema = z.strictObject({
  profile: z.strictObject({ ...SHARED_SCHEMAS, sealed: bytesUpTo(SEALED_BYTES) }),
  consent: z.unknown(),
  profileSalt: bytesOf(SALT_BYTES),
  consentSalt: bytesOf(SALT_BYTES),
})

/**
 * SHA-256(salt || deterministic CBOR of the part). Once the salt is gone, nobody can tell from the
 * hash what or whom it was about, not even by guessing.
 */
export function commitment(salt: Uint8Array, part: unknown, hash: Hash = sha256): Uint8Array {
  return hash(concatBytes(salt, encodeCbor(part)))
}

/** Both commitments of a body. */
export function commitmentsOf(body: Body, hash: Hash = sha256): Commitments {
  return {
    profile: commitment(body.profileSalt, body.profile, hash),
    consent: commitment(body.consentSalt, body.consent, hash),
  }
}

/**
 * The deterministic CBOR of a body.
 *
 * @throws ProtocolError `too_large` above {@link BODY_BYTES}
 */
export function encodeBody(body: Body): Uint8Array {
  const bytes = encodeCbor(body)
  if (bytes.length > BODY_BYTES)
    throw new ProtocolError('too_large', '', `at most ${BODY_BYTES} bytes`)
  return bytes
}

function checkCommitments(body: Body, expected: Commitments, hash: Hash): void {
  const own = commitmentsOf(body, hash)
  if (!equalBytes(own.profile, expected.profile))
    throw new ProtocolError('bad_commitment', '/profile', 'what the log entry commits to')
  if (!equalBytes(own.consent, expected.consent))
    throw new ProtocolError('bad_commitment', '/consent', 'what the log entry commits to')
}

/**
 * Opens a body from a partner: everything the home should have checked is checked again.
 *
 * @param expected the commitments of the publish entry
 * @throws ProtocolError `too_large`, `not_canonical`, `unknown_field`, `wrong_type`,
 *   `out_of_range`, `bad_commitment`, `no_consent`, `contact_details`, `under_age`
 */
export function openBody(
  bytes: Uint8Array,
  expected: Commitments,
  context: Eligibility,
  hash: Hash = sha256,
): Body {
  if (bytes.length > BODY_BYTES)
    throw new ProtocolError('too_large', '', `at most ${BODY_BYTES} bytes`)
  const parsed = parseWith(bodySchema, decodeCbor(bytes))
  const consent = at('/consent', () => parseConsent(parsed.consent))
  const body: Body = { ...parsed, consent }
  // Before the costly search of the texts: what nobody committed to needs no more attention.
  checkCommitments(body, expected, hash)
  at('/profile', () => {
    checkScopes(body.profile, consent.scopes)
    checkSharedProfile(body.profile, context)
  })
  if (dayOf(consent.expiresAt) < dayNumber(context.today))
    throw new ProtocolError('no_consent', '/consent/expiresAt', 'a consent that has not expired')
  return body
}
