import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { SHARED_SCHEMAS, profileInputSchema } from '../../protocol/vocabulary.ts'
import { consentInputSchema } from '../../protocol/consent.ts'
import {
  eitherOf,
  integer,
  listOf,
  literal,
  oneOf,
  quick,
  readQuickly,
  strict,
  textThat,
} from '../../protocol/quick.ts'
import { bytesOf, bytesUpTo } from '../../protocol/schema.ts'
import { people, TODAY } from '../fixtures/people.ts'

const short = (text: string): boolean => text.length < 4
const word = textThat(short, z.string().refine(short))
const one = strict({ kind: literal('one'), count: integer(-2, 3) })
const two = strict({ kind: oneOf(['two', 'both']), list: listOf(word, 1, 2) })
const either = quick(z.discriminatedUnion('kind', [one, two]), eitherOf(one, two))
const schema = strict({
  either,
  inner: strict({ word: word.exactOptional(), bytes: bytesOf(2).exactOptional() }),
  blob: bytesUpTo(1).optional(),
})

/** Values near the border between good and bad, so that both are met often. */
const leaf = fc.oneof(
  fc.constantFrom<unknown>('one', 'two', 'both', 'abc', 'abcd', '', null, undefined, true, 1n),
  fc.integer({ min: -4, max: 5 }),
  fc.constantFrom<unknown>(0.5, -0, Number.NaN, 2 ** 53, new Date(0), Symbol.iterator),
  fc.uint8Array({ maxLength: 3 }),
)
const list = fc.oneof(fc.array(fc.constantFrom('a', 'abc')), fc.array(leaf, { maxLength: 3 }))
const some = fc.oneof(
  fc.record(
    { kind: fc.constantFrom('one', 'two', 'both'), count: leaf, list },
    { requiredKeys: [] },
  ),
  fc.record({ kind: fc.constant('one'), count: fc.integer({ min: -3, max: 4 }) }),
  fc.record({ kind: fc.constantFrom('two', 'both'), list }),
)
const inner = fc.oneof(
  fc.record({ word: fc.constantFrom('a', 'abcd'), bytes: leaf, more: leaf }, { requiredKeys: [] }),
  fc.constantFrom<unknown>({}, [], null, Object.create({ word: 'abc' })),
)
const candidate = fc.oneof(
  fc.record({ either: some, inner, blob: leaf, more: leaf }, { requiredKeys: ['either', 'inner'] }),
  fc.record({ either: some, inner: fc.constant({ word: 'a' }) }),
  fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }),
)

/** Says what the quick reader made of it; a failure where the schema would not have. */
function agrees(of: z.ZodType, value: unknown): boolean {
  const taken = readQuickly(of, value)
  const own = readQuickly(of, value, true)
  expect(own === undefined).toBe(taken === undefined)
  if (taken === undefined) return false
  const full = of.safeParse(value)
  expect(full.success).toBe(true)
  expect(taken).toStrictEqual(full.data)
  expect(JSON.stringify(taken)).toBe(JSON.stringify(full.data))
  expect(own).toStrictEqual(full.data)
  return true
}

describe('readQuickly', () => {
  it('accepts nothing that the schema refuses, and makes the same of the rest', () => {
    const seen = { taken: 0, left: 0 }
    fc.assert(
      fc.property(candidate, (value) => {
        seen[agrees(schema, value) ? 'taken' : 'left'] += 1
      }),
      { numRuns: 3000 },
    )
    // Else the property would hold of nothing.
    expect(Math.min(seen.taken, seen.left)).toBeGreaterThan(100)
  })

  it('takes whole profiles and consents, whatever the order of their keys', () => {
    for (const { profile, consent } of people(11, 100, TODAY)) {
      const turned = Object.fromEntries(Object.entries(profile).toReversed())
      expect(agrees(profileInputSchema, turned)).toBe(true)
      expect(agrees(consentInputSchema, consent)).toBe(true)
    }
  })

  it('gives back itself only what nobody else has', () => {
    const value = { kind: 'two', list: ['a'] }
    expect(readQuickly(two, value, true)).toBe(value)
    const copy = readQuickly(two, value)
    expect(copy).not.toBe(value)
    expect(copy?.list).not.toBe(value.list)
  })

  it('leaves to the schema what one field too many, too few or too wrong has', () => {
    const shared = strict(SHARED_SCHEMAS)
    const names = Object.keys(SHARED_SCHEMAS)
    const [person] = people(12, 1, TODAY)
    const { latitude: _latitude, longitude: _longitude, ...good } = { ...person?.profile }
    expect(agrees(shared, good)).toBe(true)
    const strange = fc.oneof(leaf, fc.string({ unit: 'binary' }), list, fc.anything())
    fc.assert(
      fc.property(fc.constantFrom(...names, 'phone', '__proto__'), strange, (name, value) => {
        const changed = { ...good }
        Object.defineProperty(changed, name, { value, enumerable: true, configurable: true })
        agrees(shared, changed)
        Reflect.deleteProperty(changed, name)
        agrees(shared, changed)
      }),
      { numRuns: 3000 },
    )
  })
})
