import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ProtocolError } from '../../protocol/errors.ts'
import { bytesOf, bytesUpTo, count, parseWith } from '../../protocol/schema.ts'

const schema = z.strictObject({
  size: count,
  key: bytesOf(4),
  blob: bytesUpTo(2),
  kind: z.enum(['one', 'two']),
  list: z.array(z.string().max(3)).max(2),
  'a/b~c': z.boolean().exactOptional(),
})
const good = {
  size: 0,
  key: new Uint8Array(4),
  blob: new Uint8Array(2),
  kind: 'one',
  list: ['abc'],
}

function refusal(value: unknown): { code: string; path: string } {
  try {
    parseWith(schema, value)
  } catch (error) {
    if (error instanceof ProtocolError) return { code: error.code, path: error.path }
    throw error
  }
  return { code: 'accepted', path: '' }
}

function messageOf(value: unknown): string {
  try {
    parseWith(schema, value)
    return ''
  } catch (error) {
    return String(error)
  }
}

describe('parseWith', () => {
  it('gives back what the schema takes', () => {
    expect(parseWith(schema, good)).toEqual(good)
  })

  it.each([
    [{ ...good, size: -1 }, 'out_of_range', '/size'],
    [{ ...good, size: 0.5 }, 'wrong_type', '/size'],
    [{ ...good, size: 2 ** 53 }, 'out_of_range', '/size'],
    [{ ...good, size: '0' }, 'wrong_type', '/size'],
    [{ ...good, key: new Uint8Array(3) }, 'malformed', '/key'],
    [{ ...good, key: [0, 0, 0, 0] }, 'malformed', '/key'],
    [{ ...good, blob: new Uint8Array(3) }, 'malformed', '/blob'],
    [{ ...good, kind: 'three' }, 'out_of_range', '/kind'],
    [{ ...good, list: ['a', 'b', 'c'] }, 'out_of_range', '/list'],
    [{ ...good, list: ['a', 'bcde'] }, 'out_of_range', '/list/1'],
    [{ ...good, list: ['a', 1] }, 'wrong_type', '/list/1'],
    [{ ...good, 'a/b~c': 1 }, 'wrong_type', '/a~1b~0c'],
    [{ ...good, extra: 1 }, 'unknown_field', '/extra'],
    [{ ...good, 'an e-mail@address': 1 }, 'unknown_field', ''],
    [{ ...good, size: undefined }, 'wrong_type', '/size'],
    [null, 'wrong_type', ''],
    [[], 'wrong_type', ''],
    ['text', 'wrong_type', ''],
  ])('refuses %j with %s at %s', (value, code, path) => {
    expect(refusal(value)).toEqual({ code, path })
  })

  it('refuses an integer of the wrong kind', () => {
    expect(refusal({ ...good, size: 0n })).toEqual({ code: 'wrong_type', path: '/size' })
  })

  it('never says the value, nor the name of a field that could be one', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'binary' }), (secret) => {
        const marked = `hazel@moss ${secret}`
        for (const value of [{ ...good, kind: marked }, { ...good, list: [marked] }, marked])
          expect(messageOf(value)).not.toContain(secret)
        expect(messageOf({ ...good, [marked]: 1 })).not.toContain('hazel')
      }),
    )
  })

  it('throws nothing but a ProtocolError, whatever the value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true }), (value) => {
        expect(refusal(value).code).not.toBe('accepted')
      }),
    )
  })
})
