import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPhp } from '../../node/bridge/php.ts'
import type { ModuleValue } from '../../node/core/bridge/value.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { serialize } from '../fixtures/php.ts'

const read = (text: string): ModuleValue => readPhp(toUtf8(text))

function nested(levels: number): string {
  let inner = 'i:1;'
  for (let level = 0; level < levels; level += 1) inner = `a:1:{i:0;${inner}}`
  return inner
}

/** Whatever bytes come, the only failure is that they are refused. */
function outcomeOf(bytes: Uint8Array): 'read' | 'refused' {
  try {
    readPhp(bytes)
    return 'read'
  } catch (error) {
    if (error instanceof ProtocolError) return 'refused'
    throw error
  }
}
const OUTCOMES = ['read', 'refused']

const key = fc.oneof(
  fc.integer({ min: -0x7f_ff_ff_ff, max: 0x7f_ff_ff_ff }).map((integer) => integer + 0),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)
const { value } = fc.letrec<{ value: ModuleValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map((integer) => integer + 0),
    fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 })
      .map((one) => one + 0),
    fc.string({ unit: 'grapheme', maxLength: 100 }),
    fc
      .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 6, selector: ([name]) => name })
      .map((entries) => new Map(entries)),
  ),
}))

describe('readPhp', () => {
  it.each<[string, string, ModuleValue]>([
    ['nothing', 'N;', null],
    ['truth', 'b:1;', true],
    ['untruth', 'b:0;', false],
    ['an integer', 'i:-12;', -12],
    ['a float', 'd:1.5;', 1.5],
    ['a float with an exponent', 'd:1.0E+25;', 1e25],
    ['text', 's:3:"abc";', 'abc'],
    ['text with a quote and a brace, which its length takes in', 's:4:"";}{";', '";}{'],
    ['text by its bytes', 's:10:"Жанна";', 'Жанна'],
    ['text of four-byte characters', 's:4:"😀";', '😀'],
    ['an empty list', 'a:0:{}', new Map()],
    [
      'a list',
      'a:2:{i:0;s:1:"7";i:1;i:7;}',
      new Map<number, ModuleValue>([
        [0, '7'],
        [1, 7],
      ]),
    ],
    ['a map', 'a:1:{s:2:"id";i:7;}', new Map([['id', 7]])],
    [
      'a map with a name that means something elsewhere',
      'a:1:{s:9:"__proto__";i:7;}',
      new Map([['__proto__', 7]]),
    ],
  ])('reads %s', (_, text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each([
    ['text that is not UTF-8', Uint8Array.of(0x73, 0x3a, 0x32, 0x3a, 0x22, 0xc3, 0x28, 0x22, 0x3b)],
    ['an integer beyond 53 bits', toUtf8('i:9223372036854775807;')],
    ['infinity', toUtf8('d:-INF;')],
    ['what is no number', toUtf8('d:NAN;')],
  ])('has nothing for %s, and reads what is beside it', (_, one) => {
    const list = Buffer.concat([toUtf8('a:2:{i:0;'), one, toUtf8('i:1;s:4:"Anna";}')])
    expect(readPhp(list)).toEqual(
      new Map<number, ModuleValue>([
        [0, null],
        [1, 'Anna'],
      ]),
    )
  })

  it.each([
    ['nothing at all', ''],
    ['an object', 'O:8:"stdClass":0:{}'],
    ['an object that reads itself', 'C:3:"Foo":2:{{}}'],
    ['an enumeration', 'E:7:"Foo:Bar";'],
    ['a reference', 'a:2:{i:0;i:1;i:1;R:2;}'],
    ['a reference to an object', 'a:1:{i:0;r:1;}'],
    ['escaped text', 'S:1:"\\61";'],
    ['more behind the value', 'i:1;i:2;'],
    ['another letter', 'x:1;'],
    ['an integer with a plus', 'i:+1;'],
    ['an integer with a zero in front', 'i:01;'],
    ['an integer in other digits', 'i:0x1;'],
    ['a truth of two', 'b:2;'],
    ['a length that is too short', 's:2:"abc";'],
    ['a length that is too long', 's:4:"abc";'],
    ['a length below nothing', 's:-1:"";'],
    ['a length beyond all memory', 's:999999999:"a";'],
    ['a length beyond all numbers', 's:99999999999999999999999999999999:"a";'],
    ['a length in characters', 's:5:"Жанна";'],
    ['a count beyond all memory', 'a:999999999:{i:0;i:1;}'],
    ['a count that is too low', 'a:1:{i:0;i:1;i:1;i:1;}'],
    ['a key that is a list', 'a:1:{a:0:{}i:1;}'],
    ['a key that is nothing', 'a:1:{N;i:1;}'],
    ['JSON', '[{"id":1}]'],
  ])('refuses %s', (_, text) => {
    expect(() => read(text)).toThrow(ProtocolError)
  })

  it('reads arrays six deep, and none deeper', () => {
    expect(() => read(nested(6))).not.toThrow()
    expect(() => read(nested(7))).toThrow(expect.objectContaining({ code: 'too_large' }))
    expect(() => read(nested(100_000))).toThrow(expect.objectContaining({ code: 'too_large' }))
  })

  it('bounds bytes and values', () => {
    const list = toUtf8(serialize([1, 2, 3]))
    expect(() => readPhp(list, { values: 4, bytes: list.length })).not.toThrow()
    expect(() => readPhp(list, { values: 3 })).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    )
    expect(() => readPhp(list, { bytes: list.length - 1 })).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    )
  })

  it('never says what it has read', () => {
    expect(() => read('s:4:"Anna"x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('Anna') }),
    )
  })

  it('reads back whatever PHP can write without objects', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(read(serialize(one))).toEqual(one)
      }),
    )
  })

  it('refuses what ends early, at each byte', () => {
    fc.assert(
      fc.property(value, (one) => {
        const bytes = toUtf8(serialize(one))
        for (let end = 0; end < bytes.length; end += 1)
          expect(() => readPhp(bytes.subarray(0, end))).toThrow(ProtocolError)
      }),
      { numRuns: 20 },
    )
  })

  it('fails in no other way than by refusing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(OUTCOMES).toContain(outcomeOf(bytes))
      }),
    )
    // Of the characters that mean something, more gets past the first of them.
    const piece = fc.constantFrom(
      'a',
      's',
      'i',
      'd',
      'b',
      'N',
      'O',
      ':',
      ';',
      '"',
      '{',
      '}',
      '1',
      '-',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (text) => {
        expect(OUTCOMES).toContain(outcomeOf(toUtf8(text.join(''))))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(value, fc.nat(), fc.nat({ max: 255 }), (one, at, byte) => {
        const bytes = Uint8Array.from(toUtf8(serialize(one)))
        bytes[at % bytes.length] = byte
        expect(OUTCOMES).toContain(outcomeOf(bytes))
      }),
      { numRuns: 1000 },
    )
  })
})
