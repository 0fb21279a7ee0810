/** Bytes to text and back, strictly, and their comparison. */
import { bytesToHex, concatBytes as concat, hexToBytes } from '@noble/hashes/utils.js'
import { ProtocolError } from './errors.ts'

declare class TextEncoder {
  encode(text: string): Uint8Array
}
declare class TextDecoder {
  constructor(label: 'utf-8', options: { fatal: boolean; ignoreBOM: boolean })
  decode(bytes: Uint8Array): string
}
declare function btoa(binary: string): string
declare function atob(text: string): string

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of `text`. */
export function toUtf8(text: string): Uint8Array {
  return encoder.encode(text)
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
  return concat(...parts)
}

/** Lower-case hexadecimal of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes)
}

/**
 * The bytes of lower- or upper-case hexadecimal `text`.
 *
 * @throws ProtocolError `malformed`
 */
export function fromHex(text: string): Uint8Array {
  try {
    return hexToBytes(text)
  } catch {
    throw new ProtocolError('malformed', '', 'hexadecimal digits in pairs')
  }
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
