/** The body: what a partner gets of one version of a record, and how the log commits to it. */
import type { z } from 'zod'
import { equalBytes, passingBytes } from './bytes.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { parseConsent, type ConsentRecord } from './consent.ts'
import { dayNumber, dayOf } from './dates.ts'
import { ProtocolError, at } from './errors.ts'
import { sha256, type Hash } from './keys.ts'
import { BODY_BYTES } from './limits.ts'
import { strict } from './quick.ts'
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

const envelopeSchema = strict({
  profile: bytesUpTo(BODY_BYTES),
  consent: bytesUpTo(BODY_BYTES),
  profileSalt: bytesOf(SALT_BYTES),
  consentSalt: bytesOf(SALT_BYTES),
})
const profileSchema = strict({ ...SHARED_SCHEMAS, sealed: bytesUpTo(SEALED_BYTES) })

/**
 * SHA-256(salt || deterministic CBOR of the part). Once the salt is gone, nobody can tell from the
 * hash what or whom it was about, not even by guessing.
 */
export function commitment(salt: Uint8Array, part: Uint8Array, hash: Hash = sha256): Uint8Array {
  return hash(passingBytes(salt, part))
}

/**
 * The deterministic CBOR of a body, and its commitments. Both parts travel as byte strings that hold
 * their own CBOR, so that a receiver hashes what it got and need not encode anything again.
 *
 * @throws ProtocolError `too_large` above {@link BODY_BYTES}
 */
export function encodeBody(
  body: Body,
  hash: Hash = sha256,
): { bytes: Uint8Array; commitments: Commitments } {
  const { profileSalt, consentSalt } = body
  const profile = encodeCbor(body.profile)
  const consent = encodeCbor(body.consent)
  const bytes = encodeCbor({ profile, consent, profileSalt, consentSalt })
  if (bytes.length > BODY_BYTES)
    throw new ProtocolError('too_large', '', `at most ${BODY_BYTES} bytes`)
  const commitments = {
    profile: commitment(profileSalt, profile, hash),
    consent: commitment(consentSalt, consent, hash),
  }
  return { bytes, commitments }
}

type Envelope = z.output<typeof envelopeSchema>

function checkCommitments(envelope: Envelope, expected: Commitments, hash: Hash): void {
  const { profile, consent, profileSalt, consentSalt } = envelope
  if (!equalBytes(commitment(profileSalt, profile, hash), expected.profile))
    throw new ProtocolError('bad_commitment', '/profile', 'what the log entry commits to')
  if (!equalBytes(commitment(consentSalt, consent, hash), expected.consent))
    throw new ProtocolError('bad_commitment', '/consent', 'what the log entry commits to')
}

/**
 * Takes a body apart that this node has checked before, e.g. when it was kept. Its byte strings share
 * the memory of `bytes`.
 */
export function decodeBody(bytes: Uint8Array): Body {
  const { profile, consent, ...salts } = decodeCbor(bytes, 'views') as Envelope
  return {
    profile: decodeCbor(profile, 'views') as SealedProfile,
    consent: decodeCbor(consent, 'views') as ConsentRecord,
    ...salts,
  }
}

/** What opens the commitment to a consent: the record as it was committed to, and its salt. */
export interface Opening {
  /** The CBOR of a consent record. */
  consent: Uint8Array
  /** 32 bytes. */
  salt: Uint8Array
}

/** The opening of the consent in a body that this node has checked before; nothing of the profile. */
export function openingOf(bytes: Uint8Array): Opening {
  const { consent, consentSalt } = decodeCbor(bytes) as Envelope
  return { consent, salt: consentSalt }
}

/** Whether bytes are a body with just these commitments. What is in it is not looked at. */
export function isCommittedBody(
  bytes: Uint8Array,
  expected: Commitments,
  hash: Hash = sha256,
): boolean {
  if (bytes.length > BODY_BYTES) return false
  try {
    checkCommitments(parseWith(envelopeSchema, decodeCbor(bytes)), expected, hash)
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

/**
 * Opens a body from a partner: everything the home should have checked is checked again. Its byte
 * strings share the memory of `bytes`.
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
  const envelope = parseWith(envelopeSchema, decodeCbor(bytes, 'views'), 'own')
  // First of all: what nobody committed to needs no more attention.
  checkCommitments(envelope, expected, hash)
  const { profileSalt, consentSalt } = envelope
  const profile = at('/profile', () =>
    parseWith(profileSchema, decodeCbor(envelope.profile, 'views'), 'own'),
  )
  const consent = at('/consent', () => parseConsent(decodeCbor(envelope.consent)))
  const body: Body = { profile, consent, profileSalt, consentSalt }
  at('/profile', () => {
    checkScopes(body.profile, consent.scopes)
    checkSharedProfile(body.profile, context)
  })
  if (dayOf(consent.expiresAt) < dayNumber(context.today))
    throw new ProtocolError('no_consent', '/consent/expiresAt', 'a consent that has not expired')
  return body
}
