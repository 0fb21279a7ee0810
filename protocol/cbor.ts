/**
 * Deterministic CBOR (RFC 8949 §4.2.1) over a closed set of values: null, booleans, integers, text,
 * byte strings, arrays and plain objects. Written out here because every accepted spelling must be
 * the only one: a general decoder accepts more, and checking it by encoding again costs four times
 * as much. The tests hold this file against such a decoder.
 */
import { briefBytes, fromUtf8, toUtf8, writeUtf8 } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import { CBOR_DEPTH } from './limits.ts'
import { byKeys, objectOf } from './shape.ts'

const UNSIGNED = 0x00
const NEGATIVE = 0x20
const BYTES = 0x40
const TEXT = 0x60
const ARRAY = 0x80
const MAP = 0xa0
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6

const U32 = 0x1_0000_0000
/** Text up to this many characters is copied in a loop; above it the platform's coder is faster. */
const SHORT_WRITTEN = 24
const SHORT_READ = 6
/** Bytes of a word with its head, at most. */
const LONGEST_WORD = 24
/** What `encodeCbor` keeps between calls; a larger value gets a buffer of its own. */
const SCRATCH_BYTES = 64 * 1024

/** A growing buffer. Encoding is synchronous, so that one of them serves every call. */
interface Writer {
  bytes: Uint8Array
  used: number
}

const scratch = new Uint8Array(SCRATCH_BYTES)

/**
 * The deterministic CBOR of `value`.
 *
 * @param value null, boolean, safe integer (number or bigint), well-formed text, Uint8Array, array
 *   or plain object of these, nested at most CBOR_DEPTH deep
 * @throws ProtocolError `wrong_type` for any other value, `out_of_range` for an unsafe integer,
 *   `too_large` where the nesting is too deep
 * @see RFC 8949 §4.2.1
 */
export function encodeCbor(value: unknown): Uint8Array {
  const writer: Writer = { bytes: scratch, used: 0 }
  writeValue(writer, value, 0)
  const encoded = briefBytes(writer.used)
  encoded.set(writer.bytes.subarray(0, writer.used))
  return encoded
}

function reserve(writer: Writer, count: number): void {
  const needed = writer.used + count
  if (needed <= writer.bytes.length) return
  const larger = new Uint8Array(Math.max(needed, writer.bytes.length * 2))
  larger.set(writer.bytes.subarray(0, writer.used))
  writer.bytes = larger
}

function writeByte(writer: Writer, byte: number): void {
  reserve(writer, 1)
  writer.bytes[writer.used] = byte
  writer.used += 1
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  reserve(writer, bytes.length)
  writer.bytes.set(bytes, writer.used)
  writer.used += bytes.length
}

/** Bytes of a head at most. */
const HEAD_BYTES = 9

function headBytes(argument: number): number {
  if (argument < 24) return 1
  return argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < U32 ? 5 : HEAD_BYTES
}

/** Writes `argument` in the shortest form that holds it. */
function writeHead(writer: Writer, major: number, argument: number): void {
  if (argument < 24) {
    writeByte(writer, major | argument)
    return
  }
  const width = headBytes(argument) - 1
  reserve(writer, 1 + width)
  const { bytes } = writer
  bytes[writer.used] = major | (width === 1 ? 24 : width === 2 ? 25 : width === 4 ? 26 : 27)
  let rest = argument
  for (let at = writer.used + width; at > writer.used; at -= 1) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  writer.used += 1 + width
}

function writeValue(writer: Writer, value: unknown, depth: number): void {
  if (typeof value === 'string') return writeText(writer, value)
  if (typeof value === 'number' || typeof value === 'bigint') return writeInteger(writer, value)
  if (value === null) return writeByte(writer, NULL)
  if (typeof value === 'boolean') return writeByte(writer, value ? TRUE : FALSE)
  if (value instanceof Uint8Array) {
    writeHead(writer, BYTES, value.length)
    return writeBytes(writer, value)
  }
  if (typeof value !== 'object') throw new ProtocolError('wrong_type', '', 'a CBOR value')
  if (depth === CBOR_DEPTH) throw tooDeep()
  if (Array.isArray(value)) return writeArray(writer, value, depth)
  return writeMap(writer, value, depth)
}

function writeInteger(writer: Writer, value: number | bigint): void {
  const integer = Number(value)
  if (!Number.isSafeInteger(integer))
    throw new ProtocolError('out_of_range', '', 'an integer between -(2^53 - 1) and 2^53 - 1')
  if (integer < 0) writeHead(writer, NEGATIVE, -1 - integer)
  else writeHead(writer, UNSIGNED, integer)
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

function writeText(writer: Writer, text: string): void {
  if (text.length <= SHORT_WRITTEN && writeAscii(writer, text)) return
  reserve(writer, HEAD_BYTES + 3 * text.length)
  const { bytes, used } = writer
  // Right after the head that text in ASCII has; longer bytes may push it further.
  const start = used + headBytes(text.length)
  const length = writeUtf8(text, bytes.subarray(start))
  // The platform's encoder puts U+FFFD in the place of a lone surrogate.
  if (length > text.length && !text.isWellFormed())
    throw new ProtocolError('wrong_type', '', 'well-formed text')
  const end = used + headBytes(length)
  if (end !== start) bytes.copyWithin(end, start, start + length)
  writeHead(writer, TEXT, length)
  writer.used += length
}

/** Writes text of one byte for each character; for any other it leaves no trace and says so. */
function writeAscii(writer: Writer, text: string): boolean {
  const before = writer.used
  writeHead(writer, TEXT, text.length)
  reserve(writer, text.length)
  const { bytes, used } = writer
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code > 0x7f) {
      writer.used = before
      return false
    }
    bytes[used + at] = code
  }
  writer.used = used + text.length
  return true
}

function writeArray(writer: Writer, items: readonly unknown[], depth: number): void {
  writeHead(writer, ARRAY, items.length)
  for (const item of items) writeValue(writer, item, depth + 1)
}

function writeMap(writer: Writer, map: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(map)
  if (prototype !== Object.prototype && prototype !== null)
    throw new ProtocolError('wrong_type', '', 'a plain object')
  const keys = encodedKeys(Object.keys(map))
  writeHead(writer, MAP, keys.length)
  for (const { key, encoded } of keys) {
    writeBytes(writer, encoded)
    writeValue(writer, Reflect.get(map, key), depth + 1)
  }
}

interface EncodedKey {
  key: string
  encoded: Uint8Array
}
const encodedKeys = byKeys((names): EncodedKey[] => {
  const keys = [...names]
  sortKeys(keys)
  return keys.map((key) => {
    if (key === '__proto__') throw protoKey()
    const writer: Writer = { bytes: new Uint8Array(key.length + HEAD_BYTES), used: 0 }
    writeText(writer, key)
    return { key, encoded: writer.bytes.slice(0, writer.used) }
  })
})

/** Insertion sort: maps are small, and written in order by most callers. */
function sortKeys(keys: string[]): void {
  const compareKeys = keys.every(isAscii) ? compareAscii : compareText
  for (let end = 1; end < keys.length; end += 1) {
    const key = keys[end] ?? ''
    let at = end
    while (at > 0 && compareKeys(keys[at - 1] ?? '', key) > 0) {
      keys[at] = keys[at - 1] ?? ''
      at -= 1
    }
    keys[at] = key
  }
}

/** Orders by the encoded bytes: their head holds the length, so that the shorter one comes first. */
function compareAscii(a: string, b: string): number {
  return a.length === b.length ? (a < b ? -1 : 1) : a.length - b.length
}

/** The same for any text. */
function compareText(a: string, b: string): number {
  const [left, right] = [toUtf8(a), toUtf8(b)]
  if (left.length !== right.length) return left.length - right.length
  const at = left.findIndex((byte, index) => byte !== right[index])
  return (left[at] ?? 0) - (right[at] ?? 0)
}

function tooDeep(): ProtocolError {
  return new ProtocolError('too_large', '', `at most ${CBOR_DEPTH} levels of nesting`)
}

function protoKey(): ProtocolError {
  return new ProtocolError('malformed', '', 'map keys other than __proto__')
}

/** A position in bytes that are read once, from left to right. */
interface Reader {
  readonly bytes: Uint8Array
  /** Whether byte strings share the memory of `bytes`. */
  readonly isShared: boolean
  at: number
}

/**
 * The value of deterministic CBOR `bytes`; no other bytes decode to it.
 *
 * @param strings whether byte strings are copies, or views of `bytes`, which then must not change;
 *   views are for what is soon gone, since any of them keeps all of `bytes`
 * @throws ProtocolError `malformed` for broken bytes or a kind of value that we do not use,
 *   `not_canonical` for another spelling of a value, `out_of_range` for an integer beyond 2^53 - 1,
 *   `too_large` where the nesting is too deep
 * @see RFC 8949 §4.2.1
 */
export function decodeCbor(bytes: Uint8Array, strings: 'copies' | 'views' = 'copies'): unknown {
  // A Buffer's slice() shares memory; a plain view of the same bytes copies.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader: Reader = { bytes: plain, isShared: strings === 'views', at: 0 }
  const value = readValue(reader, 0)
  if (reader.at !== plain.length)
    throw new ProtocolError('malformed', '', 'nothing after the first CBOR value')
  return value
}

function readByte(reader: Reader): number {
  const byte = reader.bytes[reader.at]
  if (byte === undefined) throw new ProtocolError('malformed', '', 'more bytes')
  reader.at += 1
  return byte
}

/** The argument after `head`, refused where a shorter form would hold it. */
function readArgument(reader: Reader, head: number): number {
  const short = head & 0x1f
  if (short < 24) return short
  if (short > 27) throw new ProtocolError('malformed', '', 'definite lengths')
  const width = 1 << (short - 24)
  let argument = 0
  for (let count = 0; count < width; count += 1) argument = argument * 256 + readByte(reader)
  const least = width === 1 ? 24 : width === 2 ? 0x100 : width === 4 ? 0x1_0000 : U32
  if (argument < least) throw new ProtocolError('not_canonical', '', 'the shortest form')
  if (argument > Number.MAX_SAFE_INTEGER)
    throw new ProtocolError('out_of_range', '', 'an integer or length of at most 2^53 - 1')
  return argument
}

/** A length, refused before anything is allocated when the rest of the bytes cannot hold it. */
function readLength(reader: Reader, head: number, leastBytesEach: number): number {
  const length = readArgument(reader, head)
  if (length * leastBytesEach > reader.bytes.length - reader.at)
    throw new ProtocolError('malformed', '', 'more bytes')
  return length
}

function readValue(reader: Reader, depth: number): unknown {
  const head = readByte(reader)
  switch (head & 0xe0) {
    case UNSIGNED:
      return readArgument(reader, head)
    case NEGATIVE:
      return readNegative(reader, head)
    case BYTES: {
      const end = readLength(reader, head, 1) + reader.at
      const bytes = reader.isShared
        ? reader.bytes.subarray(reader.at, end)
        : reader.bytes.slice(reader.at, end)
      reader.at = end
      return bytes
    }
    case TEXT:
      return readText(reader, head)
    case ARRAY:
      return readArray(reader, head, depth)
    case MAP:
      return readMap(reader, head, depth)
    default:
      return readSimple(head)
  }
}

function readNegative(reader: Reader, head: number): number {
  const argument = readArgument(reader, head)
  if (argument === Number.MAX_SAFE_INTEGER)
    throw new ProtocolError('out_of_range', '', 'an integer of at least -(2^53 - 1)')
  return -1 - argument
}

function readSimple(head: number): boolean | null {
  if (head === FALSE) return false
  if (head === TRUE) return true
  if (head === NULL) return null
  throw new ProtocolError('malformed', '', 'no tag, float, undefined or other simple value')
}

/** By a hash of the bytes, as the keys below. A word that shares its place is read as other text. */
const words: (KnownKey | undefined)[] = Array(1024).fill(undefined)

/**
 * Notes a word of a closed list, so that it need not be decoded where it is read. Never what
 * somebody has written: that must not stay here.
 */
export function knowWord(word: string): void {
  const bytes = encodeCbor(word)
  if (bytes.length <= SHORT_READ || bytes.length > LONGEST_WORD) return
  words[placeOf(bytes, 1, bytes.length)] ??= { text: word, bytes }
}

function wordAt(bytes: Uint8Array, start: number, end: number): string | null {
  const known = words[placeOf(bytes, start + 1, end)]
  return known !== undefined && isAt(bytes, start, end, known.bytes) ? known.text : null
}

function readText(reader: Reader, head: number): string {
  const length = readLength(reader, head, 1)
  const start = reader.at
  reader.at += length
  // One byte of head comes before it.
  if (length >= SHORT_READ && length < LONGEST_WORD) {
    const word = wordAt(reader.bytes, start - 1, reader.at)
    if (word !== null) return word
  }
  if (length > SHORT_READ) return fromUtf8(reader.bytes.subarray(start, reader.at))
  let text = ''
  for (let at = start; at < reader.at; at += 1) {
    const byte = reader.bytes[at] ?? 0
    if (byte > 0x7f) return fromUtf8(reader.bytes.subarray(start, reader.at))
    text += String.fromCharCode(byte)
  }
  return text
}

/** A key with its head, as read before. */
interface KnownKey {
  text: string
  bytes: Uint8Array
}
/** By a hash of the bytes: a key that was read before is neither decoded nor made once more. */
const KNOWN_KEYS = 1024
const knownKeys: (KnownKey | undefined)[] = Array(KNOWN_KEYS).fill(undefined)

/** The place of what is known by these bytes, of less than 24, hence after a head of one byte. */
function placeOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
  return (hash ^ (hash >>> 10)) & (KNOWN_KEYS - 1)
}

function readKey(reader: Reader): string {
  const { bytes, at: start } = reader
  const head = readByte(reader)
  if ((head & 0xe0) !== TEXT) throw new ProtocolError('malformed', '', 'text as map keys')
  const length = head & 0x1f
  const end = reader.at + length
  // Longer ones have heads of several bytes, and are no fields of ours.
  if (length >= 24 || end > bytes.length) return readText(reader, head)
  const place = placeOf(bytes, reader.at, end)
  const known = knownKeys[place]
  if (known !== undefined && isAt(bytes, start, end, known.bytes)) {
    reader.at = end
    return known.text
  }
  const text = readText(reader, head)
  knownKeys[place] = { text, bytes: bytes.slice(start, end) }
  return text
}

/** Whether `bytes` hold `part` from `start` to `end`. */
function isAt(bytes: Uint8Array, start: number, end: number, part: Uint8Array): boolean {
  if (part.length !== end - start) return false
  for (let at = 0; at < part.length; at += 1) if (bytes[start + at] !== part[at]) return false
  return true
}

function readArray(reader: Reader, head: number, depth: number): unknown[] {
  if (depth === CBOR_DEPTH) throw tooDeep()
  const length = readLength(reader, head, 1)
  const items: unknown[] = []
  for (let count = 0; count < length; count += 1) items.push(readValue(reader, depth + 1))
  return items
}

function readMap(reader: Reader, head: number, depth: number): Record<string, unknown> {
  if (depth === CBOR_DEPTH) throw tooDeep()
  const length = readLength(reader, head, 2)
  const keys: string[] = []
  const values: unknown[] = []
  let before = -1
  for (let count = 0; count < length; count += 1) {
    const start = reader.at
    const key = readKey(reader)
    if (before !== -1) checkKeyOrder(reader, before, start)
    if (key === '__proto__') throw protoKey()
    before = start
    keys.push(key)
    values.push(readValue(reader, depth + 1))
  }
  return objectOf(keys, values)
}

/**
 * Checks that the encoded key at `before` sorts below the one that ends here, which also rules out
 * the same key twice. Two different keys differ before the shorter one ends, because their heads
 * hold the lengths.
 */
function checkKeyOrder(reader: Reader, before: number, start: number): void {
  const { bytes } = reader
  for (let offset = 0; start + offset < reader.at; offset += 1) {
    const left = bytes[before + offset] ?? 0
    const right = bytes[start + offset] ?? 0
    if (left < right) return
    if (left > right) break
  }
  throw new ProtocolError('not_canonical', '', 'map keys sorted bytewise, each one once')
}
