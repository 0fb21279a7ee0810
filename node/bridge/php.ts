/** Reads what PHP's serialize() writes: numbers, text and arrays; nothing that could make an object. */
import { fromUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { ModuleValue } from '../core/bridge/value.ts'

export interface PhpLimits {
  /** Bytes of the whole. */
  bytes: number
  /** Values of all arrays together, and the outermost one. */
  values: number
  /** Arrays inside of arrays. */
  depth: number
}
const LIMITS: PhpLimits = { bytes: 6 * 1024 * 1024, values: 500_000, depth: 6 }

/** Characters of the longest number that PHP writes, however many digits it is told to write. */
const NUMBER_CHARS = 110
const INTEGER = /^-?(?:0|[1-9]\d{0,18})$/
const FLOAT = /^(?:NAN|-?INF|-?\d{1,40}(?:\.\d{1,60})?(?:E[+-]?\d{1,3})?)$/

const COLON = 0x3a
const SEMICOLON = 0x3b
const QUOTE = 0x22
const OPEN = 0x7b
const CLOSE = 0x7d

function refuse(expected: string): never {
  throw new ProtocolError('malformed', '', expected)
}

/** Null for what is not UTF-8: one bad value among a hundred profiles must not refuse the others. */
function textOf(bytes: Uint8Array): string | null {
  try {
    return fromUtf8(bytes)
  } catch {
    return null
  }
}

/** A reader of one serialised value. */
function createReader(bytes: Uint8Array, limits: PhpLimits) {
  let at = 0
  let values = 0

  function take(byte: number): void {
    if (bytes[at] !== byte) refuse('a value as PHP serialises it')
    at += 1
  }

  /** The characters up to `end`, which is taken too. */
  function readWord(end: number): string {
    const start = at
    while (bytes[at] !== end) {
      if (at >= bytes.length || at - start >= NUMBER_CHARS) refuse('a number')
      at += 1
    }
    at += 1
    return String.fromCharCode(...bytes.subarray(start, at - 1))
  }

  function readInteger(): number | null {
    const text = readWord(SEMICOLON)
    if (!INTEGER.test(text)) refuse('an integer')
    const value = Number(text) + 0
    return Number.isSafeInteger(value) ? value : null
  }

  function readFloat(): number | null {
    const text = readWord(SEMICOLON)
    if (!FLOAT.test(text)) refuse('a number')
    const value = Number(text)
    return Number.isFinite(value) ? value : null
  }

  /** A length or count. What it promises must be there: each byte of it, or of each value. */
  function readCount(): number {
    const text = readWord(COLON)
    const value = /^\d{1,9}$/.test(text) ? Number(text) : bytes.length + 1
    if (value > bytes.length - at) refuse('as much as the length says')
    return value
  }

  function readText(): string | null {
    const length = readCount()
    take(QUOTE)
    if (at + length > bytes.length) refuse('as much as the length says')
    const value = textOf(bytes.subarray(at, at + length))
    at += length
    take(QUOTE)
    take(SEMICOLON)
    return value
  }

  function readKey(): string | number {
    const type = readType()
    const text = type === 's' ? readText() : null
    const name = type === 'i' ? readInteger() : text
    return name ?? refuse('an integer or text as the key of an array')
  }

  function readArray(depth: number): ModuleValue {
    if (depth >= limits.depth) throw new ProtocolError('too_large', '', 'arrays nested less deeply')
    const length = readCount()
    take(OPEN)
    const found = new Map<string | number, ModuleValue>()
    for (let index = 0; index < length; index += 1) {
      const name = readKey()
      found.set(name, readValue(depth + 1))
    }
    take(CLOSE)
    return found
  }

  /** The letter of the type, and the colon behind it. */
  function readType(): string {
    const letter = String.fromCharCode(bytes[at] ?? 0)
    at += 1
    take(COLON)
    return letter
  }

  function readValue(depth: number): ModuleValue {
    values += 1
    if (values > limits.values)
      throw new ProtocolError('too_large', '', `at most ${limits.values} values`)
    if (bytes[at] === 0x4e) {
      at += 1
      take(SEMICOLON)
      return null
    }
    switch (readType()) {
      case 'i':
        return readInteger()
      case 'd':
        return readFloat()
      case 'b': {
        const digit = readWord(SEMICOLON)
        return digit === '0' || digit === '1' ? digit === '1' : refuse('0 or 1')
      }
      case 's':
        return readText()
      case 'a':
        return readArray(depth)
      default:
        return refuse('a number, text or an array')
    }
  }

  return {
    read: (): ModuleValue => {
      const found = readValue(0)
      if (at !== bytes.length) refuse('one value and nothing behind it')
      return found
    },
  }
}

/**
 * Reads one value. The length of text counts bytes. Text that is not UTF-8, integers beyond 53 bits
 * and numbers that are not finite come out as null.
 * Objects and references are refused.
 *
 * @throws ProtocolError `malformed`, or `too_large` beyond a limit
 */
export function readPhp(bytes: Uint8Array, limits: Partial<PhpLimits> = {}): ModuleValue {
  const all = { ...LIMITS, ...limits }
  if (bytes.length > all.bytes)
    throw new ProtocolError('too_large', '', `at most ${all.bytes} bytes`)
  return createReader(bytes, all).read()
}
