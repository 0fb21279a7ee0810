import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SCOPES, type Scope } from '../../protocol/consent.ts'
import { parseIsoDate } from '../../protocol/dates.ts'
import {
  checkScopes,
  FIELDS,
  parseProfileInput,
  parseSharedProfile,
  shareProfile,
} from '../../protocol/vocabulary.ts'
import { aProfile, people, TODAY } from '../fixtures/people.ts'

const refusal = (code: string, path: string): object => expect.objectContaining({ code, path })
const ADULT = { today: TODAY, minimumAge: 18 }
const parse = (overrides: object): unknown =>
  parseProfileInput({ ...aProfile(), ...overrides }, ADULT)
const without = (field: string): object =>
  Object.fromEntries(Object.entries(aProfile()).filter(([name]) => name !== field))

describe('parseProfileInput', () => {
  it('accepts the invented members', () => {
    for (const { profile } of people(3, 200, TODAY))
      expect(parseProfileInput(profile, ADULT)).toEqual(profile)
  })
  it.each([
    [{ creditCard: '1' }, 'unknown_field', '/creditCard'],
    [{ deviceId: '1' }, 'unknown_field', '/deviceId'],
    [{ ageYears: 30 }, 'unknown_field', '/ageYears'],
    [{ latitudeTenths: 1 }, 'unknown_field', '/latitudeTenths'],
    [{ nickname: 7 }, 'wrong_type', '/nickname'],
    [{ nickname: null }, 'wrong_type', '/nickname'],
    [{ nickname: '' }, 'out_of_range', '/nickname'],
    [{ nickname: 'x'.repeat(65) }, 'out_of_range', '/nickname'],
    [{ nickname: 'a\u0000b' }, 'out_of_range', '/nickname'],
    [{ nickname: '\ud800' }, 'out_of_range', '/nickname'],
    [{ headline: 'x'.repeat(256) }, 'out_of_range', '/headline'],
    [{ description: 'x'.repeat(1001) }, 'out_of_range', '/description'],
    [{ hobbies: 'x'.repeat(1001) }, 'out_of_range', '/hobbies'],
    [{ occupation: 'x'.repeat(101) }, 'out_of_range', '/occupation'],
    [{ heightCm: 251 }, 'out_of_range', '/heightCm'],
    [{ heightCm: 99 }, 'out_of_range', '/heightCm'],
    [{ heightCm: 170.5 }, 'wrong_type', '/heightCm'],
    [{ weightKg: 301 }, 'out_of_range', '/weightKg'],
    [{ latitude: 90.1 }, 'out_of_range', '/latitude'],
    [{ country: 'ZZ' }, 'out_of_range', '/country'],
    [{ language: 'EN' }, 'out_of_range', '/language'],
    [{ birthDate: '1990-02-30' }, 'out_of_range', '/birthDate'],
    [{ birthDate: '1890-01-01' }, 'out_of_range', '/birthDate'],
    [{ gender: 'cat' }, 'out_of_range', '/gender'],
    [{ genderDescription: 'fluid' }, 'out_of_range', '/genderDescription'],
    [{ raceDescription: 'x' }, 'out_of_range', '/raceDescription'],
    [{ seeks: [] }, 'out_of_range', '/seeks'],
    [{ seeks: ['any', 'man'] }, 'out_of_range', '/seeks'],
    [{ seeks: ['man', 'man'] }, 'out_of_range', '/seeks'],
    [{ seeksAgeMin: 17 }, 'out_of_range', '/seeksAgeMin'],
    [{ seeksAgeMax: 29 }, 'out_of_range', '/seeksAgeMax'],
    [{ picture: 'https://a.example/a.jpg' }, 'out_of_range', '/picture'],
    [{ gallery: Array(13).fill('a'.repeat(64)) }, 'out_of_range', '/gallery'],
    [{ nickname: 'anna@example.com' }, 'contact_details', '/nickname'],
    [{ lastName: '0176 1234567' }, 'contact_details', '/lastName'],
    [{ description: 'insta: annasmith' }, 'contact_details', '/description'],
  ])('refuses %j', (overrides, code, path) => {
    expect(() => parse(overrides)).toThrow(refusal(code, path))
  })
  it('refuses each missing required field, by name', () => {
    for (const field of ['nickname', 'birthDate', 'gender', 'seeks', 'country', 'language'])
      expect(() => parseProfileInput(without(field))).toThrow(
        expect.objectContaining({ path: `/${field}` }),
      )
    expect(() => parseProfileInput(without('latitude'))).toThrow(
      refusal('out_of_range', '/latitude'),
    )
  })
  it('refuses whatever is not an object', () => {
    for (const value of [null, undefined, 1, 'x', [], true])
      expect(() => parseProfileInput(value)).toThrow(refusal('wrong_type', ''))
  })
  it('counts characters, not UTF-16 units', () => {
    expect(() => parse({ nickname: '🦊'.repeat(64) })).not.toThrow()
    expect(() => parse({ nickname: '🦊'.repeat(65) })).toThrow(refusal('out_of_range', '/nickname'))
  })
  it('sorts who is sought', () => {
    expect(parse({ seeks: ['woman', 'man'] })).toMatchObject({ seeks: ['man', 'woman'] })
  })
  it('never repeats a refused value', () => {
    for (const field of ['nickname', 'gender', 'country', 'birthDate', 'heightCm', 'seeks'])
      expect(() => parse({ [field]: 'canary-4711@x.example' })).toThrow(/^(?!.*canary)/)
  })
})

describe('the minimum age', () => {
  it('is reached on the 18th birthday, not the day before', () => {
    expect(() => parse({ birthDate: '2008-03-02' })).toThrow(refusal('under_age', '/birthDate'))
    expect(() => parse({ birthDate: '2008-03-01' })).not.toThrow()
    expect(() => parse({ birthDate: '2008-02-29' })).not.toThrow()
  })
  it('may be higher by the terms, and applies to an age in years too', () => {
    const { profile } = shareProfile(
      aProfile({ birthDate: parseIsoDate('2006-01-01') }),
      ['discovery'],
      TODAY,
    )
    expect(profile.ageYears).toBe(20)
    expect(() => parseSharedProfile(profile, ADULT)).not.toThrow()
    expect(() => parseSharedProfile(profile, { today: TODAY, minimumAge: 21 })).toThrow(
      refusal('under_age', '/ageYears'),
    )
  })
})

describe('shareProfile', () => {
  it('gives the age instead of the birth date, and coordinates of one decimal', () => {
    const { profile, keptBack } = shareProfile(aProfile(), ['discovery'], TODAY)
    expect(profile).toMatchObject({ ageYears: 35, latitudeTenths: 538, longitudeTenths: -15 })
    for (const gone of ['birthDate', 'latitude', 'longitude'])
      expect(profile).not.toHaveProperty(gone)
    expect(keptBack).toEqual(['birthDate'])
  })
  it('gives the birth date with its scope, and no age beside it', () => {
    const { profile, keptBack } = shareProfile(aProfile(), ['birth-date', 'discovery'], TODAY)
    expect(profile.birthDate).toBe('1990-05-12')
    expect(profile).not.toHaveProperty('ageYears')
    expect(keptBack).toEqual([])
  })
  it('gives nothing without discovery', () => {
    expect(() => shareProfile(aProfile(), ['names'], TODAY)).toThrow(
      refusal('no_consent', '/scopes'),
    )
  })
  it('makes no negative zero', () => {
    const { profile } = shareProfile(aProfile({ latitude: -0.01 }), ['discovery'], TODAY)
    expect(Object.is(profile.latitudeTenths, 0)).toBe(true)
  })
  it('gives no field outside the scopes, and names each that stays at home', () => {
    const everybody = people(11, 40, TODAY).map(({ profile }) => parseProfileInput(profile))
    fc.assert(
      fc.property(fc.constantFrom(...everybody), fc.subarray([...SCOPES]), (input, chosen) => {
        const scopes: Scope[] = [...new Set<Scope>([...chosen, 'discovery'])]
        const { profile, keptBack } = shareProfile(input, scopes, TODAY)
        expect(() => checkScopes(profile, scopes)).not.toThrow()
        expect(parseSharedProfile(profile, ADULT)).toEqual(profile)
        for (const name of keptBack)
          expect(scopes).not.toContain(FIELDS[name as keyof typeof FIELDS].scope)
        const kept = Object.keys(input).filter((name) => !name.endsWith('itude'))
        expect([...Object.keys(profile), ...keptBack]).toEqual(expect.arrayContaining(kept))
      }),
    )
  })
})

describe('parseSharedProfile', () => {
  const shared = shareProfile(aProfile(), ['discovery'], TODAY).profile
  it.each([
    [{ birthDate: '1990-05-12' }, 'out_of_range', '/birthDate'],
    [{ ageYears: 17 }, 'out_of_range', '/ageYears'],
    [{ latitudeTenths: 53.8 }, 'wrong_type', '/latitudeTenths'],
    [{ latitude: 53.8 }, 'unknown_field', '/latitude'],
    [{ seeks: ['woman', 'man'] }, 'out_of_range', '/seeks'],
    [{ languages: ['en', 'de'] }, 'out_of_range', '/languages'],
    [{ city: 'call 0176 1234567' }, 'contact_details', '/city'],
    [{ hobbies: undefined }, 'wrong_type', '/hobbies'],
  ])('trusts no home: refuses %j', (overrides, code, path) => {
    expect(() => parseSharedProfile({ ...shared, ...overrides })).toThrow(refusal(code, path))
  })
})

describe('checkScopes', () => {
  it('refuses a field without its scope', () => {
    const { profile } = shareProfile(aProfile({ race: 'mixed' }), ['discovery', 'race'], TODAY)
    expect(() => checkScopes(profile, ['discovery'])).toThrow(refusal('no_consent', '/race'))
  })
})
