/**
 * Signed notes: text with signature lines below it, and the keys that verify them.
 *
 * @see C2SP signed-note
 */
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex, toUtf8 } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import {
  assertPublicKey,
  sha256,
  sign,
  SIGNATURE_BYTES,
  type Signer,
  type Verifier,
  verifyStrict,
} from './keys.ts'
import { NOTE_BYTES, NOTE_SIGNATURES } from './limits.ts'

/** Ed25519 over the note's text. */
export const KEY_TYPE_ED25519 = 0x01
/** Ed25519 over a time and a checkpoint's text: cosignature/v1. */
export const KEY_TYPE_COSIGNATURE = 0x04

const KEY_ID_BYTES = 4
const TIME_BYTES = 8

/** One signature line. */
export interface NoteSignature {
  readonly name: string
  /** 4 bytes. With the name it says which key signed, and how. */
  readonly keyId: Uint8Array
  readonly signature: Uint8Array
}

/** A text that ends with a line feed, and at least one signature. */
export interface Note {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A public key with the name that its signature lines carry. */
export interface VerifierKey {
  readonly name: string
  /** 4 bytes of a hash of the others: it finds a key, and proves nothing. */
  readonly keyId: Uint8Array
  readonly type: number
  readonly publicKey: Uint8Array
}

const MALFORMED_NOTE = 'text, a blank line, and signature lines'
const CONTROL = /[^\P{Cc}\n\u007f-\u009f]/u
const KEY_NAME = /^[^\p{White_Space}\p{Cc}\p{Cs}+]+$/u
const SIGNATURE_LINE = /^\u2014 ([^ ]+) ([^ ]+)$/

function malformed(expected: string): never {
  throw new ProtocolError('malformed', '', expected)
}

/** Whether `name` can name a key: not empty, no white space, no `+`. */
export function isKeyName(name: string): boolean {
  return KEY_NAME.test(name)
}

/**
 * Parses a signed note; what it says is to be ignored until `verifyNote` accepts it.
 *
 * @param text at most `mostBytes`, with 1 to NOTE_SIGNATURES signatures
 * @param mostBytes NOTE_BYTES where no other bound is said
 * @throws ProtocolError `malformed` or `too_large`
 */
export function parseNote(text: string, mostBytes = NOTE_BYTES): Note {
  // Counted in characters first: no text is encoded that is too long anyway.
  if (text.length > mostBytes || toUtf8(text).length > mostBytes)
    throw new ProtocolError('too_large', '', `a note of at most ${mostBytes} bytes`)
  if (!text.isWellFormed() || CONTROL.test(text)) malformed('no control characters')
  // The text may have blank lines too, so that only the last one separates.
  const blank = text.lastIndexOf('\n\n')
  if (blank === -1 || !text.endsWith('\n')) malformed(MALFORMED_NOTE)
  const lines = text
    .slice(blank + 2)
    .split('\n')
    .slice(0, -1)
  if (lines.length === 0) malformed(MALFORMED_NOTE)
  checkCount(lines.length)
  return { text: text.slice(0, blank + 1), signatures: lines.map(parseSignatureLine) }
}

function checkCount(count: number): void {
  if (count > NOTE_SIGNATURES)
    throw new ProtocolError('too_large', '', `at most ${NOTE_SIGNATURES} signatures`)
}

/**
 * Parses one signature line, without its line feed.
 *
 * @throws ProtocolError `malformed`
 */
export function parseSignatureLine(line: string): NoteSignature {
  const match = SIGNATURE_LINE.exec(line)
  if (match === null) malformed('an em dash, a key name and a signature')
  const [, name = '', encoded = ''] = match
  if (!isKeyName(name)) malformed('a key name')
  const bytes = fromBase64(encoded)
  if (bytes.length <= KEY_ID_BYTES) malformed('a signature of more than 4 bytes')
  return { name, keyId: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) }
}

/** A signature line with its line feed, as it stands in a note. */
export function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) malformed('a key name')
  if (keyId.length !== KEY_ID_BYTES) malformed('a key id of 4 bytes')
  if (signature.length === 0) malformed('a signature of more than 4 bytes')
  return `\u2014 ${name} ${toBase64(concatBytes(keyId, signature))}\n`
}

/**
 * The note as text, which `parseNote` reads back.
 *
 * @param mostBytes NOTE_BYTES where no other bound is said
 * @throws ProtocolError `malformed` or `too_large` for a note that could not be parsed
 */
export function formatNote(note: Note, mostBytes = NOTE_BYTES): string {
  const { text, signatures } = note
  if (!text.endsWith('\n') || !text.isWellFormed() || CONTROL.test(text))
    malformed('text without control characters that ends with a line feed')
  if (signatures.length === 0) malformed('at least one signature')
  checkCount(signatures.length)
  const formatted = `${text}\n${signatures.map(formatSignatureLine).join('')}`
  if (toUtf8(formatted).length > mostBytes)
    throw new ProtocolError('too_large', '', `a note of at most ${mostBytes} bytes`)
  return formatted
}

/**
 * The key of a name, a signature type and a public key, with the key id that they make.
 *
 * @param type KEY_TYPE_ED25519 or KEY_TYPE_COSIGNATURE
 * @throws ProtocolError `malformed` for a bad name, an unknown type or a key that we refuse
 */
export function makeVerifierKey(name: string, type: number, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) malformed('a key name')
  if (type !== KEY_TYPE_ED25519 && type !== KEY_TYPE_COSIGNATURE)
    malformed('a signature type that we verify')
  assertPublicKey(publicKey)
  const hashed = sha256(toUtf8(`${name}\n`), Uint8Array.of(type), publicKey)
  return { name, keyId: hashed.slice(0, KEY_ID_BYTES), type, publicKey }
}

/**
 * Parses a verifier key (vkey): name, key id and key, joined by `+`.
 *
 * @throws ProtocolError `malformed` or `wrong_type`
 */
export function parseVerifierKey(vkey: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey)
  if (match === null) malformed('a name, a key id and a key, joined by +')
  const [, name = '', keyId = '', encoded = ''] = match
  const bytes = fromBase64(encoded)
  const key = makeVerifierKey(name, bytes[0] ?? 0, bytes.slice(1))
  if (!equalBytes(key.keyId, fromHex(keyId))) malformed('the key id of this name and key')
  return key
}

/** The verifier key (vkey) as text. */
export function formatVerifierKey(key: Omit<VerifierKey, 'keyId'>): string {
  const { name, keyId, type, publicKey } = makeVerifierKey(key.name, key.type, key.publicKey)
  return `${name}+${toHex(keyId)}+${toBase64(concatBytes(Uint8Array.of(type), publicKey))}`
}

/** Whether the signature line names this key. */
export function isSignedAs(signature: NoteSignature, key: VerifierKey): boolean {
  return signature.name === key.name && equalBytes(signature.keyId, key.keyId)
}

/**
 * Signs a note's text with an Ed25519 key.
 *
 * @param key of KEY_TYPE_ED25519, with the public key of `seed`
 * @param seed 32 bytes
 * @throws ProtocolError `wrong_type` for a key of another type
 */
export function signNote(
  text: string,
  key: VerifierKey,
  seed: Uint8Array,
  signer: Signer = sign,
): NoteSignature {
  if (key.type !== KEY_TYPE_ED25519) throw new ProtocolError('wrong_type', '', 'an Ed25519 key')
  return { name: key.name, keyId: key.keyId, signature: signer(toUtf8(text), seed) }
}

/** What an Ed25519 cosignature (cosignature/v1) signs. */
export function cosignedMessage(checkpointText: string, time: number): Uint8Array {
  return toUtf8(`cosignature/v1\ntime ${time}\n${checkpointText}`)
}

/**
 * The time in a cosignature's bytes and the signature after it; undefined where they are not one.
 * Times beyond 2^53 - 1 seconds are refused, though the format has 63 bits for them.
 */
export function splitCosignature(
  bytes: Uint8Array,
): { time: number; signature: Uint8Array } | undefined {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined
  let time = 0
  for (const byte of bytes.subarray(0, TIME_BYTES)) time = time * 256 + byte
  if (time > Number.MAX_SAFE_INTEGER) return undefined
  return { time, signature: bytes.slice(TIME_BYTES) }
}

/**
 * Whether `signature` is `key`'s over `text`. The one place that knows the signature types: a new
 * one (ML-DSA-44, 0x06) is added here and in `makeVerifierKey`.
 */
function isSignedBy(
  text: string,
  { signature }: NoteSignature,
  key: VerifierKey,
  verify: Verifier,
): boolean {
  if (key.type === KEY_TYPE_ED25519)
    return signature.length === SIGNATURE_BYTES && verify(signature, toUtf8(text), key.publicKey)
  const parts = key.type === KEY_TYPE_COSIGNATURE ? splitCosignature(signature) : undefined
  if (parts === undefined) return false
  return verify(parts.signature, cosignedMessage(text, parts.time), key.publicKey)
}

/** The same for names and ids that are the same, and different otherwise: names have no space. */
function lookupName({ name, keyId }: { name: string; keyId: Uint8Array }): string {
  return `${name} ${toHex(keyId)}`
}

/**
 * The keys whose signatures `note` carries. Signatures by other keys are ignored; one bad signature
 * by any of `keys` refuses the note.
 *
 * @returns each key once, in the order of the signatures, at least one
 * @throws ProtocolError `bad_signature`, also when none of `keys` signed
 */
export function verifyNote(
  note: Note,
  keys: readonly VerifierKey[],
  verify: Verifier = verifyStrict,
): VerifierKey[] {
  const known = new Map(keys.map((key) => [lookupName(key), key]))
  const verified = new Set<VerifierKey>()
  for (const signature of note.signatures) {
    const key = known.get(lookupName(signature))
    if (key === undefined) continue
    if (!isSignedBy(note.text, signature, key, verify))
      throw new ProtocolError('bad_signature', '', 'only valid signatures by known keys')
    verified.add(key)
  }
  if (verified.size === 0)
    throw new ProtocolError('bad_signature', '', 'a signature by a known key')
  return [...verified]
}
