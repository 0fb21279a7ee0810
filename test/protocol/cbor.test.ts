import { decode as decodeAny, encode as encodeAny, rfc8949EncodeOptions } from 'cborg'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes, fromHex, toHex } from '../../protocol/bytes.ts'
import { decodeCbor, encodeCbor, knowWord } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CBOR_DEPTH } from '../../protocol/limits.ts'

const key = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__')
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((integer) => integer + 0),
    fc.integer({ min: -300, max: 70_000 }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(key, tie('value'), { maxKeys: 8, noNullPrototype: true }),
  ),
}))

function nested(levels: number): unknown {
  let inner: unknown = 0
  for (let level = 0; level < levels; level += 1) inner = [inner]
  return inner
}

/** Whether we decode `bytes`; a failure where encoding again gives other bytes. */
function accepts(bytes: Uint8Array): boolean {
  try {
    if (equalBytes(encodeCbor(decodeCbor(bytes)), bytes)) return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
  throw new Error('decoded bytes are not the encoding of their value')
}

/** What a lenient decoder and our encoder say: whether `bytes` are the encoding of some value. */
function isDeterministic(bytes: Uint8Array): boolean {
  try {
    return equalBytes(encodeCbor(decodeAny(bytes)), bytes)
  } catch {
    return false
  }
}

describe('encodeCbor', () => {
  it.each([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_536, '1a00010000'],
    [4_294_967_296, '1b0000000100000000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [-1, '20'],
    [-0, '00'],
    [-4_294_967_297, '3b0000000100000000'],
    [-Number.MAX_SAFE_INTEGER, '3b001ffffffffffffe'],
    ['', '60'],
    ['ü', '62c3bc'],
    [Uint8Array.of(1, 2), '420102'],
    [[1, [2]], '82018102'],
    [{ b: 1, a: 2, aa: null, '': true }, 'a460f5616102616201626161f6'],
    [{ ü: 1, zz: 2 }, 'a2627a7a0262c3bc01'],
  ])('encodes %o as %s', (plain, hex) => {
    expect(toHex(encodeCbor(plain))).toBe(hex)
  })

  it('encodes a safe bigint as the number', () => {
    expect(toHex(encodeCbor([7n, -7n]))).toBe('820726')
  })

  it('agrees with a general encoder on every value', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(toHex(encodeCbor(each))).toBe(toHex(encodeAny(each, rfc8949EncodeOptions)))
      }),
    )
  })

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key), (keys) => {
        const forward = Object.fromEntries(keys.map((each) => [each, 1]))
        const backward = Object.fromEntries(keys.toReversed().map((each) => [each, 1]))
        expect(encodeCbor(forward)).toEqual(encodeCbor(backward))
      }),
    )
  })

  it.each([
    ['undefined', undefined],
    ['an undefined field', { a: undefined }],
    ['a hole', [1, , 2]], // oxlint-disable-line no-sparse-arrays
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a Map', new Map()],
    ['a Date', new Date(0)],
    ['a class instance', new ProtocolError('malformed', '', '')],
    ['a wider typed array', new Uint16Array(1)],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate as key', { '\udc00': 1 }],
  ])('refuses %s', (_name, each) => {
    expect(() => encodeCbor(each)).toThrow('wrong_type')
  })

  it.each([0.5, Number.NaN, Infinity, 2 ** 53, -(2 ** 53), 2n ** 53n])('refuses %s', (each) => {
    expect(() => encodeCbor(each)).toThrow('out_of_range')
  })

  it('refuses the key __proto__', () => {
    expect(() => encodeCbor(JSON.parse('{"__proto__":1}'))).toThrow('malformed')
  })

  it('refuses one level of nesting too many, and so a value that contains itself', () => {
    expect(() => encodeCbor(nested(CBOR_DEPTH))).not.toThrow()
    expect(() => encodeCbor(nested(CBOR_DEPTH + 1))).toThrow('too_large')
    const loop: unknown[] = []
    loop.push(loop)
    expect(() => encodeCbor(loop)).toThrow('too_large')
  })

  it('agrees on text of any length and width, where its length in bytes moves it', () => {
    const width = fc.constantFrom('a', 'é', '€', '😀', 'a\u0301')
    const lengths = [1, 5, 7, 22, 24, 80, 86, 127, 128, 254, 256, 21_845, 32_767, 32_768, 65_536]
    fc.assert(
      fc.property(width, fc.constantFrom(...lengths), fc.string(), (unit, count, end) => {
        const text = [unit.repeat(count) + end]
        const bytes = encodeCbor(text)
        expect(equalBytes(bytes, encodeAny(text, rfc8949EncodeOptions))).toBe(true)
        expect(decodeCbor(bytes)).toEqual(text)
      }),
    )
  })

  it('agrees on keys again and again, of which some share a place in what it remembers', () => {
    const keys = fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 25 }), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(keys, (names) => {
        const map = Object.fromEntries(names.map((name) => [name, 0]))
        delete map['__proto__']
        const bytes = encodeCbor(map)
        expect(equalBytes(bytes, encodeAny(map, rfc8949EncodeOptions))).toBe(true)
        expect(decodeCbor(bytes)).toEqual(map)
      }),
      { numRuns: 2000 },
    )
  })

  it('encodes values larger than its buffer, and small ones after them', () => {
    const large = [new Uint8Array(200_000).fill(7), 'ü'.repeat(100_000), 'a'.repeat(70_000)]
    expect(decodeCbor(encodeCbor(large))).toEqual(large)
    expect(toHex(encodeCbor(1))).toBe('01')
  })
})

describe('decodeCbor', () => {
  it('reads back every value', () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(decodeCbor(encodeCbor(each))).toEqual(each)
      }),
    )
  })

  /**
   * Goal: one value, one spelling. Method: a general decoder reads the bytes, our encoder writes
   * what it read, and we accept exactly where the same bytes come out. Random bytes are mostly
   * broken, so that the second test changes bytes of valid encodings.
   */
  it('accepts any bytes if and only if encoding again gives the same bytes', () => {
    const heads = fc.constantFrom(0, 24, 0x38, 0x41, 0x61, 0x81, 0xa1, 0xf4, 0xf6, 0x60, 0x40)
    const noise = fc.array(fc.oneof(heads, fc.integer({ min: 0, max: 255 })), { maxLength: 12 })
    fc.assert(
      fc.property(noise, (numbers) => {
        const bytes = Uint8Array.from(numbers)
        expect(accepts(bytes)).toBe(isDeterministic(bytes))
      }),
      { numRuns: 20_000 },
    )
  })

  it('accepts changed bytes only where they are the encoding of another value', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.integer({ min: 1, max: 255 }), (each, position, change) => {
        const bytes = encodeCbor(each)
        const at = position % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ change
        expect(accepts(bytes)).toBe(isDeterministic(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  it('refuses every truncation and every byte after the value', () => {
    fc.assert(
      fc.property(value, (each) => {
        const bytes = encodeCbor(each)
        for (let end = 0; end < Math.min(bytes.length, 400); end += 1)
          expect(accepts(bytes.subarray(0, end))).toBe(false)
        expect(accepts(Uint8Array.of(...bytes, 0))).toBe(false)
      }),
    )
  })

  it.each([
    ['1817', 'not_canonical', 'an integer in a longer form'],
    ['1900ff', 'not_canonical', 'two bytes where one is enough'],
    ['1a0000ffff', 'not_canonical', 'four bytes where two are enough'],
    ['1b00000000ffffffff', 'not_canonical', 'eight bytes where four are enough'],
    ['580100', 'not_canonical', 'a length in a longer form'],
    ['a2616201616101', 'not_canonical', 'keys out of order'],
    ['a26261610161620a', 'not_canonical', 'a longer key before a shorter one'],
    ['a2616101616101', 'not_canonical', 'the same key twice'],
    ['1b0020000000000000', 'out_of_range', '2^53'],
    ['3b001fffffffffffff', 'out_of_range', '-2^53'],
    ['1bffffffffffffffff', 'out_of_range', 'the largest u64'],
    ['9bffffffffffffffff', 'out_of_range', 'an array of the largest length'],
    ['9f01ff', 'malformed', 'an indefinite length'],
    ['5f4101ff', 'malformed', 'byte strings in pieces'],
    ['1c', 'malformed', 'a reserved head'],
    ['f7', 'malformed', 'undefined'],
    ['f93c00', 'malformed', 'a float'],
    ['fb3ff8000000000000', 'malformed', 'a long float'],
    ['c000', 'malformed', 'a tag'],
    ['f820', 'malformed', 'another simple value'],
    ['a10001', 'malformed', 'a key that is not text'],
    ['61ff', 'malformed', 'text that is not UTF-8'],
    ['9affffffff00', 'malformed', 'an array longer than the input'],
    ['baffffffff00', 'malformed', 'a map longer than the input'],
    ['5affffffff00', 'malformed', 'bytes longer than the input'],
    ['a1695f5f70726f746f5f5f01', 'malformed', 'the key __proto__'],
    ['', 'malformed', 'nothing'],
  ])('refuses %s as %s: %s', (hex, code) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(code)
  })

  it('refuses one level of nesting too many, before it goes down', () => {
    const bytes = new Uint8Array(1_000_000).fill(0x81)
    expect(() => decodeCbor(bytes)).toThrow('too_large')
    expect(decodeCbor(encodeCbor(nested(CBOR_DEPTH)))).toEqual(nested(CBOR_DEPTH))
  })

  it('reads words of closed lists, and all that is one byte away from them', () => {
    for (const word of ['discovery', 'recommendations', 'self-described', 'consent-withdrawn']) {
      knowWord(word)
      const encoded = encodeCbor(word)
      expect(decodeCbor(encoded)).toBe(word)
      for (const [at, byte] of encoded.entries()) {
        if (at === 0) continue
        const changed = Uint8Array.from(encoded)
        changed[at] = byte ^ 1
        expect(decodeCbor(changed)).toBe(new TextDecoder().decode(changed.subarray(1)))
      }
    }
  })

  it('copies byte strings, also out of a Buffer', () => {
    const bytes = Buffer.from('420102', 'hex')
    const decoded = decodeCbor(bytes)
    bytes.fill(0)
    expect(decoded).toStrictEqual(Uint8Array.of(1, 2))
  })

  it('gives views of byte strings where that is asked for, and else the same value', () => {
    fc.assert(
      fc.property(value, (given) => {
        const encoded = encodeCbor(given)
        expect(decodeCbor(encoded, 'views')).toEqual(decodeCbor(encoded))
      }),
    )
    const bytes = encodeCbor(Uint8Array.of(1, 2, 3))
    const view = decodeCbor(bytes, 'views')
    bytes[1] = 9
    expect(view).toEqual(Uint8Array.of(9, 2, 3))
  })
})
