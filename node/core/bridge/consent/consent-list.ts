/**
 * The owner's signed list of consents: a C2SP signed note whose text has one JSON object a line.
 * Reading it is strict and bounded; a bad line is an outcome of its own and stops no other.
 */
import { parseConsentInput } from '../../../../protocol/consent.ts'
import { findContactDetails } from '../../../../protocol/contact.ts'
import { at, ProtocolError } from '../../../../protocol/errors.ts'
import type { SiteId } from '../../../../protocol/ids.ts'
import type { Verifier } from '../../../../protocol/keys.ts'
import {
  KEY_TYPE_ED25519,
  parseNote,
  parseVerifierKey,
  verifyNote,
  type VerifierKey,
} from '../../../../protocol/note.ts'
import { EMAIL_CHARS } from '../../../../protocol/request.ts'
import type { GivenConsent } from '../members/holds.ts'

/** Bytes of a list with its signatures, lines in it, and characters of a line. */
export const LIST_BYTES = 4 * 1024 * 1024
export const LIST_LINES = 10_000
const LINE_CHARS = 4096
/** Characters of what a line says of the evidence. */
const EVIDENCE_CHARS = 200
const LARGEST_ID = 0x7f_ff_ff_ff

/** The name of the key that signs: a list for one site says nothing at another. */
export function listKeyName(site: SiteId): string {
  return `${site}/consents`
}

/**
 * Parses the key by which lists are signed.
 *
 * @throws ProtocolError `malformed`
 */
export function parseListKey(text: string, site: SiteId): VerifierKey {
  const key = parseVerifierKey(text)
  if (key.type !== KEY_TYPE_ED25519 || key.name !== listKeyName(site))
    throw new ProtocolError('malformed', '', `an Ed25519 key named ${listKeyName(site)}`)
  return key
}

/**
 * The lines of a list that the key has signed.
 *
 * @throws ProtocolError `malformed`, `too_large`, `bad_signature`
 */
export function openList(note: string, key: VerifierKey, verify: Verifier): string[] {
  const parsed = parseNote(note, LIST_BYTES)
  verifyNote(parsed, [key], verify)
  const lines = parsed.text.split('\n').slice(0, -1)
  if (lines.length > LIST_LINES)
    throw new ProtocolError('too_large', '', `at most ${LIST_LINES} lines`)
  return lines
}

const FIELDS = ['localId', 'scopes', 'notice', 'givenAt', 'channel', 'email', 'evidence']

function parseLocalId(value: unknown): number {
  if (typeof value !== 'number') throw new ProtocolError('wrong_type', '/localId', 'a number')
  if (!Number.isInteger(value) || value < 1 || value > LARGEST_ID)
    throw new ProtocolError('out_of_range', '/localId', `a whole number from 1 to ${LARGEST_ID}`)
  return value
}

function parseEmail(value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new ProtocolError('wrong_type', '/email', 'text')
  if (value.length > EMAIL_CHARS || !/^[^\s@]+@[^\s@]+$/.test(value))
    throw new ProtocolError('malformed', '/email', 'an e-mail address')
  return value
}

/** Nothing is done with it but this: the owner's list, which has it, is named by its hash. */
function checkEvidence(value: unknown): void {
  const path = '/evidence'
  if (typeof value !== 'string') throw new ProtocolError('wrong_type', path, 'text')
  if (value.trim() === '' || value.length > EVIDENCE_CHARS || /\p{Cc}/u.test(value))
    throw new ProtocolError('out_of_range', path, `1 to ${EVIDENCE_CHARS} characters on one line`)
  if (findContactDetails(value)?.kind === 'email')
    throw new ProtocolError('contact_details', path, 'a reference, without personal data')
}

function parseObject(line: string): Record<string, unknown> {
  if (line.length > LINE_CHARS)
    throw new ProtocolError('too_large', '', `lines of at most ${LINE_CHARS} characters`)
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    // The parser's own message quotes the input.
    throw new ProtocolError('malformed', '', 'a JSON object')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ProtocolError('wrong_type', '', 'a JSON object')
  const unknown = Object.keys(json).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined)
    throw new ProtocolError(
      'unknown_field',
      /^\w{1,40}$/.test(unknown) ? `/${unknown}` : '',
      `only ${FIELDS.join(', ')}`,
    )
  return json as Record<string, unknown>
}

/**
 * Parses one line. Whether its notice is accepted, and whether the consent holds now, is found out
 * at publishing.
 *
 * @throws ProtocolError at the first refused field
 */
export function parseListLine(line: string): GivenConsent {
  const json = parseObject(line)
  const localId = parseLocalId(json['localId'])
  const email = parseEmail(json['email'])
  checkEvidence(json['evidence'])
  const { scopes, notice, givenAt, channel } = json
  const { state: _state, ...consent } = at('', () =>
    parseConsentInput({ scopes, notice, givenAt, channel }),
  )
  return { localId, email, consent }
}
