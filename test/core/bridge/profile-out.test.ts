/** Records as profiles of the old module: no text of a member can be more than text there. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quoteText, readText } from '../../../node/core/bridge/quoting.ts'
import { moduleProfile } from '../../../node/core/bridge/delivery/profile-out.ts'
import type { VisibleRecord } from '../../../node/core/record/discover.ts'
import { parseIsoDate } from '../../../protocol/dates.ts'
import { parseRecordId } from '../../../protocol/ids.ts'
import {
  GENDERS,
  SHARED_SCHEMAS,
  SOUGHT,
  type FieldName,
  type SharedProfile,
} from '../../../protocol/vocabulary.ts'
import { NOW } from '../../fixtures/people.ts'
import { A } from '../world.ts'

const PLAIN: Partial<SharedProfile> = {
  nickname: 'Hazel Moss',
  ageYears: 35,
  gender: 'woman',
  seeks: ['man'],
  seeksAgeMin: 30,
  seeksAgeMax: 45,
  country: 'GB',
}
const GIVEN = {
  netId: 2001,
  token: 'ab'.repeat(16),
  icon: 'https://node.example/bridge/p/2001/a.jpg',
  photos: ['https://node.example/bridge/p/2001/b.jpg'],
  now: NOW,
}
function visible(profile: Partial<SharedProfile>, age = 35): VisibleRecord {
  return { home: A, record: parseRecordId('ab'.repeat(16)), age, profile: { ...PLAIN, ...profile } }
}
const said = (profile: Partial<SharedProfile>) => moduleProfile(visible(profile), GIVEN)

/** Entities alone begin with &, and none of the signs that could end a quoted text is there. */
const SAFE = /^(?:[^&<>"'`\\\p{Cc}]|&(?:amp|lt|gt|quot|#\d{2,7});)*$/u

const text = (chars: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', minLength: 1, maxLength: chars })
const words = (field: FieldName): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...(SHARED_SCHEMAS[field] as unknown as { unwrap: () => { options: string[] } }).unwrap()
      .options,
  )
const choices = [
  'bodyType',
  'hairColour',
  'eyeColour',
  'race',
  'religion',
  'smoking',
  'drinking',
  'maritalStatus',
  'purpose',
  'wantsChildren',
  'hasChildren',
  'education',
] as const

const anyProfile = fc.record(
  {
    nickname: text(64),
    gender: fc.constantFrom(...GENDERS),
    genderDescription: text(100),
    seeks: fc.uniqueArray(fc.constantFrom(...SOUGHT), { minLength: 1 }),
    region: text(100),
    city: text(100),
    languages: fc.array(fc.stringMatching(/^[a-z]{2,3}$/), { minLength: 1, maxLength: 4 }),
    firstName: text(64),
    lastName: text(64),
    heightCm: fc.integer({ min: 100, max: 250 }),
    weightKg: fc.integer({ min: 30, max: 300 }),
    raceDescription: text(100),
    religionDescription: text(100),
    headline: text(255),
    description: text(1000),
    occupation: text(100),
    hobbies: text(1000),
    ...(Object.fromEntries(choices.map((field) => [field, words(field)])) as Record<
      string,
      fc.Arbitrary<string>
    >),
  },
  { requiredKeys: ['nickname', 'gender', 'seeks'] },
) as fc.Arbitrary<Partial<SharedProfile>>

/** A text of the module: whether it is too long, or more than text. */
function faultsOf(profile: object): string[] {
  const lengths: Record<string, number> = {
    nickname: 20,
    headline: 255,
    description: 1000,
    hobby: 1000,
  }
  return Object.entries(profile).flatMap(([key, value]) => {
    if (typeof value === 'number') return Number.isInteger(value) ? [] : [key]
    if (typeof value === 'object' && value !== null) return faultsOf(value)
    const isFine =
      typeof value === 'string' && SAFE.test(value) && value.length <= (lengths[key] ?? 100)
    return isFine ? [] : [key]
  })
}

describe('moduleProfile', () => {
  it('gives whole numbers and quoted text of the right length, whatever a record says', () => {
    fc.assert(
      fc.property(anyProfile, (profile) => {
        const made = said(profile)
        if (made === null) return
        expect(faultsOf(made)).toEqual([])
        expect(Object.keys(made)).toEqual(Object.keys(said({}) ?? {}))
        expect(JSON.stringify(made).length * 3).toBeLessThan(60_000)
      }),
    )
  })

  it('has a language that no website has for who speaks none of two letters', () => {
    for (const languages of [undefined, ['gsw']])
      expect(said({ ...(languages && { languages }) })).toMatchObject({ lang: 'und' })
  })

  it('says a record in the words of the module', () => {
    expect(
      said({
        nickname: "O'Neil <b>",
        birthDate: parseIsoDate('1990-05-12'),
        gender: 'trans-man',
        seeks: ['man', 'non-binary', 'trans-woman', 'woman'],
        languages: ['gsw', 'de'],
        firstName: 'Ann "A"',
        region: 'Leinster',
        city: 'Dublin',
        headline: 'one\ntwo',
        heightCm: 170,
        weightKg: 70,
        bodyType: 'athletic',
        race: 'self-described',
        raceDescription: 'half & half',
        religion: 'undisclosed',
        education: 'master',
      }),
    ).toEqual({
      id: 2001,
      email: GIVEN.token,
      nickname: 'O&#39;Neil &lt;b&gt;',
      fname: 'Ann &quot;A&quot;',
      sname: '',
      postal_code: '',
      user_type: 'transgender',
      looking_user_type: 'male,female,transgender',
      age_max: 45,
      birth_date: '1990-05-12',
      lang: 'de',
      country_code: 'GB',
      region: 'Leinster',
      city: 'Dublin',
      icon: GIVEN.icon,
      photos: GIVEN.photos,
      profile_data: {
        headline: 'one&#10;two',
        height: '170 cm',
        weight: '70 kg',
        body_type: 'Athletic',
        education: 'Master&#39;s degree',
        race: 'half &amp; half',
      },
    })
  })

  it('says the gender that came in from another bridge, and leaves out who has no word', () => {
    const told = (profile: Partial<SharedProfile>) => said(profile)?.['user_type'] ?? null
    expect(told({ gender: 'self-described', genderDescription: 'Transgender' })).toBe('transgender')
    expect(told({ gender: 'man' })).toBe('male')
    expect(told({ gender: 'self-described', genderDescription: 'agender' })).toBeNull()
    for (const gender of ['non-binary', 'undisclosed', 'self-described'] as const)
      expect(told({ gender })).toBeNull()
    expect(told({ seeks: ['non-binary', 'self-described'] })).toBeNull()
    expect(said({ seeks: ['any'] })?.['looking_user_type']).toBe('all')
  })

  it('makes a birth date by which the age comes out right where there is an age alone', () => {
    expect(moduleProfile(visible({}, 41), GIVEN)?.['birth_date']).toBe('1985-01-01')
  })

  it('has lists in place of what is not there', () => {
    expect(moduleProfile(visible({}), { ...GIVEN, icon: '', photos: [] })).toMatchObject({
      icon: '',
      photos: [],
      profile_data: [],
    })
  })
})

describe('quoteText', () => {
  it('is undone by readText, but for control characters and tabs', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (given) => {
        const kept = given.replaceAll(/[\p{Cc}]/gu, '')
        expect(readText(quoteText(kept))).toBe(kept)
        expect(quoteText(kept)).toMatch(SAFE)
      }),
    )
    expect(readText(quoteText('a\r\nb\tc\u{0}d'))).toBe('a\nb cd')
  })

  it('cuts between characters, never inside an entity', () => {
    expect(quoteText('ab"cd', 7)).toBe('ab')
    expect(quoteText('ab"cd', 8)).toBe('ab&quot;')
    expect(quoteText('👋👋', 9)).toBe('&#128075;')
  })
})

describe('readText', () => {
  it('reads entities once', () => {
    expect(readText('&amp;lt; &lt;b&gt; &#39;&#x4e2d;&#10;&quot; &unknown; & &#1114112;')).toBe(
      '&lt; <b> \'中\n" &unknown; & \u{fffd}',
    )
  })
})
