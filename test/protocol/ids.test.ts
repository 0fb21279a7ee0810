import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRecordId, parseSiteId, recordIdBytes, recordIdOf } from '../../protocol/ids.ts'

const label = 'a'.repeat(63)

describe('parseSiteId', () => {
  it.each([
    'amor.example',
    'a',
    '1-2.x--y.example',
    'xn--strae-oqa.example',
    label,
    `${label}.${label}.${label}.${'a'.repeat(61)}`,
  ])('takes %s', (text) => {
    expect(parseSiteId(text)).toBe(text)
  })

  it.each([
    '',
    '.',
    'Amor.example',
    'amor.example.',
    '.amor.example',
    'amor..example',
    '-amor.example',
    'amor-.example',
    'amor_x.example',
    'amor.example\n',
    'amor.example ',
    'amor.example:4001',
    'amor/b.example',
    'straße.example',
    'a+b.example',
    `${label}a.example`,
    `${label}.${label}.${label}.${'a'.repeat(62)}`,
  ])('refuses %j', (text) => {
    expect(() => parseSiteId(text)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })
})

describe('a record id', () => {
  it('is 16 bytes as 32 lower-case hexadecimal digits, and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const id = recordIdOf(bytes)
        expect(parseRecordId(id)).toBe(id)
        expect(recordIdBytes(id)).toEqual(bytes)
      }),
    )
  })

  it.each([0, 15, 17, 32])('is refused with %i bytes', (length) => {
    expect(() => recordIdOf(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'wrong_type' }),
    )
  })

  it.each([
    '',
    'a'.repeat(31),
    'a'.repeat(33),
    'A'.repeat(32),
    `${'a'.repeat(31)}g`,
    `${'a'.repeat(32)}\n`,
  ])('is refused as text %j', (text) => {
    expect(() => parseRecordId(text)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })
})
