import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  briefBytes,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  passingBytes,
  passingUtf8,
  toBase64,
  toHex,
  toUtf8,
} from '../../protocol/bytes.ts'

const bytes = fc.uint8Array({ maxLength: 80 })

describe('fromUtf8', () => {
  it('reads back any well-formed text, a leading byte order mark included', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => fromUtf8(toUtf8(text)) === text))
    expect(fromUtf8(toUtf8('\ufeffa'))).toBe('\ufeffa')
  })

  it.each([[[0xff]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]]])(
    'refuses %j, which is not UTF-8',
    (broken) => {
      expect(() => fromUtf8(Uint8Array.from(broken))).toThrow('malformed')
    },
  )
})

describe('fromHex', () => {
  it('reads back any bytes', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromHex(toHex(value))).toEqual(value)
      }),
    )
  })

  it.each(['0', 'zz', '0x', ' 00', '00 '])('refuses %j', (text) => {
    expect(() => fromHex(text)).toThrow('malformed')
  })
})

describe('fromBase64', () => {
  it('reads back any bytes', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromBase64(toBase64(value))).toEqual(value)
      }),
    )
  })

  it.each(['QQ', 'QQ=', 'QR==', 'QUI', 'QUJ=', ' QQ==', 'QQ==\n', 'Q Q==', '-_8=', '===='])(
    'refuses %j, another spelling or no base64',
    (text) => {
      expect(() => fromBase64(text)).toThrow('malformed')
    },
  )
})

describe('concatBytes', () => {
  it('makes new bytes of its parts', () => {
    const part = Uint8Array.of(1)
    const joined = concatBytes(part, Uint8Array.of(), Uint8Array.of(2, 3))
    part[0] = 9
    expect(joined).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('equalBytes', () => {
  it('compares lengths and every byte', () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false)
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false)
  })
})

describe('passingBytes', () => {
  it('is the parts one after another, whatever their length', () => {
    const part = fc.oneof(
      bytes,
      fc.nat(20_000).map((length) => new Uint8Array(length).fill(7)),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        expect(equalBytes(passingBytes(...parts), concatBytes(...parts))).toBe(true)
      }),
    )
  })
})

describe('passingUtf8', () => {
  it('is what toUtf8 gives, whatever the length', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.nat(20_000).map((n) => 'é'.repeat(n)),
    )
    fc.assert(
      fc.property(text, (value) => {
        expect(equalBytes(passingUtf8(value), toUtf8(value))).toBe(true)
      }),
    )
  })
})

describe('briefBytes', () => {
  it('gives zeros of every length, none of which share a byte', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 40 }), (lengths) => {
        const cut = lengths.map((length) => briefBytes(length))
        expect(cut.map((one) => one.length)).toEqual(lengths)
        expect(cut.every((one) => one.every((byte) => byte === 0))).toBe(true)
        for (const [at, one] of cut.entries()) one.fill(at + 1)
        expect(cut.every((one, at) => one.every((byte) => byte === at + 1))).toBe(true)
      }),
    )
  })
})
