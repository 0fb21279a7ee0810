/** Bytes to text and back, strictly, and their comparison. */
import { ProtocolError } from './errors.ts'

declare class TextEncoder {
  encode(text: string): Uint8Array
  encodeInto(text: string, target: Uint8Array): { written: number }
}
declare class TextDecoder {
  constructor(label: 'utf-8', options: { fatal: boolean; ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}
declare function btoa(binary: string): string
declare function atob(text: string): string

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Texts up to this size are encoded here and copied: the platform's `encode` takes three times that. */
const scratch = new Uint8Array(16 * 1024)

/** UTF-8 bytes of `text`. */
export function toUtf8(text: string): Uint8Array {
  if (3 * text.length > scratch.length) return encoder.encode(text)
  return scratch.slice(0, encoder.encodeInto(text, scratch).written)
}

/** UTF-8 bytes of `text` in memory that the next call overwrites: for what is hashed at once. */
export function passingUtf8(text: string): Uint8Array {
  if (3 * text.length > scratch.length) return encoder.encode(text)
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written)
}

/**
 * Writes the UTF-8 bytes of `text` at the start of `target`, where there has to be room for three
 * bytes a character. A lone surrogate becomes U+FFFD.
 *
 * @returns how many bytes were written
 */
export function writeUtf8(text: string, target: Uint8Array): number {
  return encoder.encodeInto(text, target).written
}

/**
 * The text of UTF-8 `bytes`.
 *
 * @throws ProtocolError `malformed` where the bytes are not UTF-8
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new ProtocolError('malformed', '', 'UTF-8 text')
  }
}

/** The parts, one after another, in new bytes. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const PASSING_BYTES = 16 * 1024
const passing = new Uint8Array(PASSING_BYTES)

/**
 * The parts, one after another, in memory that the next call overwrites: for what is hashed at once.
 * Memory of its own would cost more than the hash.
 */
export function passingBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  if (length > PASSING_BYTES) return concatBytes(...parts)
  let at = 0
  for (const part of parts) {
    passing.set(part, at)
    at += part.length
  }
  return passing.subarray(0, length)
}

/** Byte strings of more than this have memory outside of V8's heap. */
const HEAP_BYTES = 64
const PIECE_BYTES = 16 * 1024
const LONGEST_CUT = 4 * 1024
let piece = new Uint8Array(PIECE_BYTES)
let used = 0

/**
 * Zeros, cut out of a larger piece where their own memory would cost a microsecond to make and to
 * collect again. The piece lives for as long as anything cut from it: for what is soon gone.
 */
export function briefBytes(length: number): Uint8Array {
  return length <= HEAP_BYTES ? new Uint8Array(length) : pieceBytes(length)
}

/** The same, also where V8 would have them on its heap: for what native code is about to read. */
export function pieceBytes(length: number): Uint8Array {
  if (length > LONGEST_CUT) return new Uint8Array(length)
  if (used + length > PIECE_BYTES) {
    piece = new Uint8Array(PIECE_BYTES)
    used = 0
  }
  used += length
  return piece.subarray(used - length, used)
}

const DIGITS = toUtf8('0123456789abcdef')
const NO_DIGIT = 0xff
/** The value of a hexadecimal digit by its character code. */
const VALUES = new Uint8Array(128).fill(NO_DIGIT)
for (const [value, code] of DIGITS.entries()) {
  VALUES[code] = value
  VALUES[String.fromCharCode(code).toUpperCase().charCodeAt(0)] = value
}

/** Lower-case hexadecimal of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  // Through the decoder, since a text that grows by characters is a chain of as many pieces.
  const digits = new Uint8Array(2 * bytes.length)
  let at = 0
  for (const byte of bytes) {
    digits[at] = DIGITS[byte >> 4] ?? 0
    digits[at + 1] = DIGITS[byte & 0xf] ?? 0
    at += 2
  }
  return decoder.decode(digits)
}

/**
 * The bytes of lower- or upper-case hexadecimal `text`.
 *
 * @throws ProtocolError `malformed`
 */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  let seen = text.length % 2 === 0 ? 0 : NO_DIGIT
  for (let at = 0; at < bytes.length; at += 1) {
    const high = VALUES[text.charCodeAt(2 * at)] ?? NO_DIGIT
    const low = VALUES[text.charCodeAt(2 * at + 1)] ?? NO_DIGIT
    seen |= high | low
    bytes[at] = (high << 4) | low
  }
  if (seen > 0xf) throw new ProtocolError('malformed', '', 'hexadecimal digits in pairs')
  return bytes
}

/** Base64 of `bytes` with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/**
 * The bytes of `text` in canonical base64 with padding (RFC 4648 §4). Decodes, encodes again and
 * compares: a lenient decoder would let one signature or root have several spellings.
 *
 * @throws ProtocolError `malformed`
 */
export function fromBase64(text: string): Uint8Array {
  try {
    const binary = atob(text)
    const bytes = new Uint8Array(binary.length)
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i)
    if (toBase64(bytes) === text) return bytes
  } catch {
    // falls through to the refusal below
  }
  throw new ProtocolError('malformed', '', 'canonical base64 with padding')
}

/** Whether two byte strings are the same. Not constant-time: nothing secret is compared with it. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
