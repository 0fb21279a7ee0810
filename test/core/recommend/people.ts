/** Random people for the tests of scores. */
import * as fc from 'fast-check'
import {
  WISH_FIELDS,
  type Person,
  type WishField,
  type Wishes,
} from '../../../node/core/record/recommend/score.ts'
import { SCOPES, type Scope } from '../../../protocol/consent.ts'
import { FIELDS, GENDERS, SOUGHT } from '../../../protocol/vocabulary.ts'

const TODAY_DAY = 20_000

/** All values of a choice. */
export function valuesOf(field: WishField): readonly string[] {
  return FIELDS[field].schema.options
}

const choices = fc.record(
  Object.fromEntries(WISH_FIELDS.map((field) => [field, fc.constantFrom(...valuesOf(field))])),
  { requiredKeys: [] },
) as fc.Arbitrary<Person['choices']>

/** Wishes that a site passes. */
export const wishes = fc.record(
  Object.fromEntries(
    WISH_FIELDS.map((field) => [field, fc.subarray([...valuesOf(field)], { minLength: 1 })]),
  ),
  { requiredKeys: [] },
) as fc.Arbitrary<Wishes>

const seeks = fc.oneof(
  fc.constant(['any']),
  fc.subarray(
    SOUGHT.filter((word) => word !== 'any'),
    { minLength: 1 },
  ),
)
const place = fc.option(
  fc.tuple(fc.integer({ min: 480, max: 540 }), fc.integer({ min: 60, max: 140 })),
)
const range = fc
  .tuple(fc.integer({ min: 18, max: 120 }), fc.integer({ min: 18, max: 120 }))
  .map((pair) => pair.toSorted((a, b) => a - b) as [number, number])

/** Anybody of the vocabulary. */
export const person: fc.Arbitrary<Person> = fc
  .record({
    gender: fc.constantFrom(...GENDERS),
    seeks,
    range,
    age: fc.integer({ min: 18, max: 120 }),
    country: fc.constantFrom('DE', 'FR'),
    place,
    languages: fc.subarray(['de', 'en', 'fr']),
    scopes: fc.subarray<Scope>([...SCOPES]),
    choices,
  })
  .map(({ gender, seeks: sought, range: [seeksAgeMin, seeksAgeMax], age, country, ...rest }) => ({
    facts: {
      gender,
      seeks: [...sought],
      seeksAgeMin,
      seeksAgeMax,
      birthDay: null,
      ageYears: age,
      agedOn: TODAY_DAY,
      language: 'de',
      country,
      latitudeTenths: rest.place?.[0] ?? null,
      longitudeTenths: rest.place?.[1] ?? null,
    },
    age,
    scopes: rest.scopes,
    languages: rest.languages,
    choices: rest.choices,
  }))

/** Somebody in particular: a woman of 35 in Leipzig who looks for men of 30 to 40. */
export function aPerson(
  changes: Partial<Omit<Person, 'facts'>> & { facts?: Partial<Person['facts']> } = {},
): Person {
  const { facts, ...rest } = changes
  return {
    facts: {
      gender: 'woman',
      seeks: ['man'],
      seeksAgeMin: 30,
      seeksAgeMax: 40,
      birthDay: null,
      ageYears: 35,
      agedOn: TODAY_DAY,
      language: 'de',
      country: 'DE',
      latitudeTenths: 513,
      longitudeTenths: 124,
      ...facts,
    },
    age: 35,
    scopes: ['appearance', 'discovery', 'habits', 'race', 'recommendations', 'religion'],
    languages: ['de'],
    choices: {},
    ...rest,
  }
}

/** A man who fits her. */
export function aMan(changes: Parameters<typeof aPerson>[0] = {}): Person {
  return aPerson({ ...changes, facts: { gender: 'man', seeks: ['woman'], ...changes.facts } })
}

/** A woman and a man who fit each other, whatever else they say. */
export const fitting: fc.Arbitrary<[Person, Person]> = fc
  .tuple(person, person)
  .map(([one, other]) => {
    const open = { seeks: ['any'], seeksAgeMin: 18, seeksAgeMax: 120 }
    return [
      { ...one, facts: { ...one.facts, ...open } },
      { ...other, facts: { ...other.facts, ...open } },
    ]
  })
