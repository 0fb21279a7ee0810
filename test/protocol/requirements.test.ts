import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayNumber, parseIsoDate } from '../../protocol/dates.ts'
import {
  ACCEPT_NOTHING,
  ageOfFacts,
  distanceKm,
  factsOf,
  matches,
  orientationOf,
  parseRequirements,
  type Facts,
} from '../../protocol/requirements.ts'
import { shareProfile } from '../../protocol/vocabulary.ts'
import { aProfile, NOW, TODAY } from '../fixtures/people.ts'

const refusal = (code: string, path: string): object => expect.objectContaining({ code, path })
const today = dayNumber(TODAY)
const facts = (overrides: Partial<Facts> = {}): Facts => ({
  ...factsOf(shareProfile(aProfile(), ['birth-date', 'discovery'], TODAY).profile, NOW),
  ...overrides,
})
const fits = (requirements: object, overrides: Partial<Facts> = {}, type = 'general'): boolean =>
  matches(parseRequirements(requirements), facts(overrides), type, today)

describe('parseRequirements', () => {
  it('accepts anything and nothing', () => {
    expect(parseRequirements({})).toEqual({})
    expect(parseRequirements(ACCEPT_NOTHING)).toEqual(ACCEPT_NOTHING)
  })
  it('sorts its lists', () => {
    expect(parseRequirements({ countries: ['FR', 'DE'] })).toEqual({ countries: ['DE', 'FR'] })
  })
  it.each([
    [{ ageMin: 17 }, 'out_of_range', '/ageMin'],
    [{ ageMin: 40, ageMax: 39 }, 'out_of_range', '/ageMax'],
    [{ ageMin: 20.5 }, 'wrong_type', '/ageMin'],
    [{ genders: ['cat'] }, 'out_of_range', '/genders/0'],
    [{ genders: 'man' }, 'wrong_type', '/genders'],
    [{ countries: ['DE', 'DE'] }, 'out_of_range', '/countries'],
    [{ countries: ['XX'] }, 'out_of_range', '/countries/0'],
    [{ languages: ['EN'] }, 'out_of_range', '/languages/0'],
    [{ near: { latitudeTenths: 1, longitudeTenths: 1 } }, 'wrong_type', '/near/radiusKm'],
    [
      { near: { latitudeTenths: 901, longitudeTenths: 1, radiusKm: 1 } },
      'out_of_range',
      '/near/latitudeTenths',
    ],
    [{ siteTypes: ['bank'] }, 'out_of_range', '/siteTypes/0'],
    [{ income: 1 }, 'unknown_field', '/income'],
  ])('refuses %j', (value, code, path) => {
    expect(() => parseRequirements(value)).toThrow(refusal(code, path))
  })
})

describe('orientationOf', () => {
  it.each([
    ['woman', ['man'], 'straight'],
    ['woman', ['trans-man'], 'straight'],
    ['trans-woman', ['man'], 'straight'],
    ['man', ['man'], 'gay'],
    ['woman', ['trans-woman', 'woman'], 'gay'],
    ['man', ['man', 'woman'], 'bisexual'],
    ['woman', ['any'], 'bisexual'],
    ['woman', ['man', 'non-binary'], 'queer'],
    ['non-binary', ['woman'], 'queer'],
    ['undisclosed', ['woman'], 'queer'],
  ])('calls a %s who seeks %j %s', (gender, seeks, orientation) => {
    expect(orientationOf(gender, seeks)).toBe(orientation)
  })
})

describe('matches', () => {
  it('accepts all where nothing is asked, and none where a list is empty', () => {
    expect(fits({})).toBe(true)
    for (const list of ['genders', 'orientations', 'languages', 'countries', 'siteTypes'])
      expect(fits({ [list]: [] })).toBe(false)
  })
  it('looks at each requirement by itself', () => {
    const cases: [object, object][] = [
      [{ ageMin: 35 }, { ageMin: 36 }],
      [{ ageMax: 35 }, { ageMax: 34 }],
      [{ genders: ['woman'] }, { genders: ['man'] }],
      [{ orientations: ['straight'] }, { orientations: ['gay', 'bisexual'] }],
      [{ languages: ['en'] }, { languages: ['de'] }],
      [{ countries: ['GB'] }, { countries: ['DE'] }],
      [{ siteTypes: ['general'] }, { siteTypes: ['gay'] }],
      [
        { near: { latitudeTenths: 515, longitudeTenths: -1, radiusKm: 300 } },
        { near: { latitudeTenths: 515, longitudeTenths: -1, radiusKm: 250 } },
      ],
    ]
    for (const [accepting, refusing] of cases) {
      expect(fits(accepting)).toBe(true)
      expect(fits(refusing)).toBe(false)
    }
  })
  it('changes on the birthday', () => {
    const requirements = parseRequirements({ ageMax: 35 })
    const birthday = dayNumber(parseIsoDate('2026-05-12'))
    expect(matches(requirements, facts(), 'general', birthday - 1)).toBe(true)
    expect(matches(requirements, facts(), 'general', birthday)).toBe(false)
  })
  it('finds nobody near a place who has no coordinates', () => {
    const near = { latitudeTenths: 0, longitudeTenths: 0, radiusKm: 20_000 }
    expect(fits({ near }, { latitudeTenths: null, longitudeTenths: null })).toBe(false)
  })
  it('never accepts more when more is asked', () => {
    const part = fc.record(
      {
        ageMin: fc.integer({ min: 18, max: 60 }),
        genders: fc.subarray(['man', 'woman']),
        countries: fc.subarray(['DE', 'GB']),
        siteTypes: fc.subarray(['gay', 'general']),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(part, part, (a, b) => {
        const both = { ...a, ...b }
        expect(fits(b) || !fits(both)).toBe(true)
      }),
    )
  })
})

describe('ageOfFacts', () => {
  it('keeps the age as of publishing where the birth date is kept back', () => {
    const { profile } = shareProfile(aProfile(), ['discovery'], TODAY)
    const aged = factsOf(profile, NOW)
    expect(aged).toMatchObject({ birthDay: null, ageYears: 35, agedOn: today })
    expect(ageOfFacts(aged, today + 4000)).toBe(35)
  })
})

describe('distanceKm', () => {
  it('knows the distance of Berlin and Paris, and a quarter and half of the globe', () => {
    const berlin = { latitudeTenths: 525, longitudeTenths: 134 }
    const paris = { latitudeTenths: 489, longitudeTenths: 24 }
    expect(distanceKm(berlin, paris)).toBeCloseTo(870.8, 0)
    const origin = { latitudeTenths: 0, longitudeTenths: 0 }
    expect(distanceKm(origin, { latitudeTenths: 900, longitudeTenths: 0 })).toBeCloseTo(10_007.6, 0)
    expect(distanceKm(origin, { latitudeTenths: 0, longitudeTenths: 1800 })).toBeCloseTo(
      20_015.1,
      0,
    )
  })
  it('is symmetric, finite and zero at home', () => {
    const place = fc.record({
      latitudeTenths: fc.integer({ min: -900, max: 900 }),
      longitudeTenths: fc.integer({ min: -1800, max: 1800 }),
    })
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(distanceKm(a, b)).toBeCloseTo(distanceKm(b, a), 6)
        expect(distanceKm(a, b)).toBeLessThan(20_016)
        expect(distanceKm(a, a)).toBe(0)
      }),
    )
  })
})
