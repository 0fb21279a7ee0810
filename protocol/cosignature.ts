/**
 * Cosignatures: another node's timestamped word that it saw a log at a checkpoint, kept consistent
 * with all that it saw of it before. Receipts and heartbeats are made of them.
 *
 * @see C2SP tlog-cosignature, cosignature/v1
 */
import { concatBytes, equalBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import { sign, type Signer, type Verifier } from './keys.ts'
import { NOTE_SIGNATURES } from './limits.ts'
import {
  cosignedMessage,
  formatSignatureLine,
  isSignedAs,
  KEY_TYPE_COSIGNATURE,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignatureLine,
  splitCosignature,
  type VerifierKey,
  verifyNote,
} from './note.ts'

/** The parts of a cosignature. */
export interface Cosignature {
  /** The cosigner's key name. */
  readonly name: string
  /** Unix seconds. */
  readonly time: number
  /** 64 bytes. */
  readonly signature: Uint8Array
}

function assertCosigner(key: VerifierKey): void {
  if (key.type !== KEY_TYPE_COSIGNATURE)
    throw new ProtocolError('wrong_type', '/key', 'a cosignature key')
}

function timeBytes(time: number): Uint8Array {
  const bytes = new Uint8Array(8)
  let rest = time
  for (let at = 7; at >= 0; at -= 1) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/**
 * Cosigns a checkpoint.
 *
 * @throws ProtocolError `wrong_type` for a key of another type, `out_of_range` for a bad time
 */
export function cosign(request: {
  /** The checkpoint's three lines, without signatures. */
  checkpointText: string
  /** Unix seconds, an integer from 0. */
  time: number
  /** Of KEY_TYPE_COSIGNATURE, with the public key of `seed`. */
  key: VerifierKey
  /** 32 bytes, derived for `dpn/witness`. */
  seed: Uint8Array
  signer?: Signer | undefined
}): NoteSignature {
  const { checkpointText, time, key, seed, signer = sign } = request
  assertCosigner(key)
  if (!Number.isSafeInteger(time) || time < 0)
    throw new ProtocolError('out_of_range', '/time', 'unix seconds')
  const signature = signer(cosignedMessage(checkpointText, time), seed)
  return { name: key.name, keyId: key.keyId, signature: concatBytes(timeBytes(time), signature) }
}

/** A cosignature as the line of a note, with its line feed. */
export function cosignatureLine(signature: NoteSignature): string {
  parseCosignature(signature)
  return formatSignatureLine(signature)
}

/**
 * Parses cosignature lines, as a witness answers them.
 *
 * @param text lines that each end with a line feed
 * @throws ProtocolError `malformed`, or `too_large` for more than NOTE_SIGNATURES lines
 */
export function parseCosignatureLines(text: string): NoteSignature[] {
  const lines = text.split('\n', NOTE_SIGNATURES + 2)
  if (lines.length > NOTE_SIGNATURES + 1)
    throw new ProtocolError('too_large', '', `at most ${NOTE_SIGNATURES} signatures`)
  if (lines.pop() !== '')
    throw new ProtocolError('malformed', '', 'lines that end with a line feed')
  const signatures = lines.map(parseSignatureLine)
  for (const signature of signatures) parseCosignature(signature)
  return signatures
}

/**
 * Takes a cosignature apart, without verifying it.
 *
 * @throws ProtocolError `malformed` where the signature is not 8 bytes of time and 64 more, or the
 *   time is above 2^53 - 1
 */
export function parseCosignature(signature: NoteSignature): Cosignature {
  const parts = splitCosignature(signature.signature)
  if (parts === undefined)
    throw new ProtocolError('malformed', '', '8 bytes of unix seconds and a signature of 64')
  return { name: signature.name, ...parts }
}

/**
 * Checks a cosignature.
 *
 * @returns its time in unix seconds
 * @throws ProtocolError `bad_signature`, also where name or key id are not the key's
 */
export function verifyCosignature(claim: {
  /** The checkpoint's three lines, without signatures. */
  checkpointText: string
  signature: NoteSignature
  /** Of KEY_TYPE_COSIGNATURE. */
  key: VerifierKey
  verify?: Verifier | undefined
}): number {
  const { checkpointText, signature, key, verify } = claim
  assertCosigner(key)
  verifyNote({ text: checkpointText, signatures: [signature] }, [key], verify)
  return parseCosignature(signature).time
}

/**
 * The note with a cosignature added: one line for each key, so that a newer time takes the place of
 * an older one, and an older or the same one changes nothing. Verify it first.
 *
 * @throws ProtocolError `malformed`, or `too_large` for more than NOTE_SIGNATURES signatures
 */
export function addCosignature(note: Note | string, cosignature: NoteSignature): Note {
  const { text, signatures } = typeof note === 'string' ? parseNote(note) : note
  const { time } = parseCosignature(cosignature)
  const isSameKey = (other: NoteSignature): boolean =>
    other.name === cosignature.name && equalBytes(other.keyId, cosignature.keyId)
  const isNewer = signatures.some(
    (other) => isSameKey(other) && (splitCosignature(other.signature)?.time ?? -1) >= time,
  )
  if (isNewer) return { text, signatures }
  const kept = signatures.filter((other) => !isSameKey(other))
  if (kept.length >= NOTE_SIGNATURES)
    throw new ProtocolError('too_large', '', `at most ${NOTE_SIGNATURES} signatures`)
  return { text, signatures: [...kept, cosignature] }
}

/** The cosignature of `key` in a note, unverified; undefined where it has none. */
export function findCosignature(note: Note, key: VerifierKey): NoteSignature | undefined {
  return note.signatures.find((signature) => isSignedAs(signature, key))
}
