import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heightOf, weightOf } from '../../../node/core/bridge/members/measure-in.ts'
import { mapProfile, readProfile } from '../../../node/core/bridge/members/profile-in.ts'
import { LOSS_REASONS, REFUSALS } from '../../../node/core/bridge/rows.ts'
import { textOf } from '../../../node/core/bridge/members/text-in.ts'
import type { ModuleArray, ModuleValue } from '../../../node/core/bridge/value.ts'
import { parseProfileInput, type ProfileInput } from '../../../protocol/vocabulary.ts'
import { TODAY } from '../../fixtures/people.ts'
import { aModuleProfile, moduleArray, moduleValue } from './module.ts'

const LIMITS = { today: TODAY, minimumAge: 18 }

function mapped(parts: Parameters<typeof aModuleProfile>[1]) {
  const result = mapProfile(aModuleProfile(1, parts), LIMITS)
  return result.kind === 'mapped' ? result.held.profile : result.refusal
}
const data = (profile_data: Parameters<typeof moduleArray>[0]) =>
  readProfile(moduleArray({ profile_data }))

describe('mapProfile', () => {
  it('maps a profile as the module records it', () => {
    const result = mapProfile(
      aModuleProfile(1, { nickname: 'Anna O&#39;Neil', sname: 'de la Cr&egrave;me' }),
      LIMITS,
    )
    expect(result).toEqual({
      kind: 'mapped',
      losses: [{ field: 'postal_code', reason: 'no-field' }],
      held: {
        profile: {
          nickname: "Anna O'Neil",
          firstName: 'Anna',
          lastName: 'de la Crème',
          birthDate: '1990-02-03',
          gender: 'woman',
          seeks: ['man'],
          seeksAgeMin: 18,
          seeksAgeMax: 40,
          language: 'en',
          country: 'FR',
          region: 'Test Region 3',
          city: 'Testville 5',
          bodyType: 'athletic',
          heightCm: 170,
          weightKg: 70,
        },
        icon: 'http://amor.example/img/u1.jpg',
        photos: ['http://amor.example/img/g1-1.jpg', 'http://amor.example/img/g1-2.jpg'],
      },
    })
    // An address, hashed or not, is no part of it in any form.
    expect(JSON.stringify(result)).not.toContain('c38bc6620d9dc3e0b6bbe38b74681fac')
  })

  it.each([
    ['male', 'man', undefined],
    ['female', 'woman', undefined],
    ['transgender', 'self-described', 'transgender'],
  ])('takes %s for %s', (user_type, gender, genderDescription) => {
    const profile = mapped({ user_type })
    expect(profile).toMatchObject({ gender })
    expect((profile as ProfileInput).genderDescription).toBe(genderDescription)
  })

  it.each([
    ['male', ['man']],
    ['female,male', ['man', 'woman']],
    ['transgender', ['trans-man', 'trans-woman']],
    ['transgender, male', ['man', 'trans-man', 'trans-woman']],
    ['all', ['any']],
    ['female,all', ['any']],
  ])('takes a wish for %s', (looking_user_type, seeks) => {
    expect(mapped({ looking_user_type })).toMatchObject({ seeks })
  })

  it.each([
    ['under-age', { birth_date: '2008-03-02' }],
    ['birth-date', { birth_date: '' }],
    ['birth-date', { birth_date: '0000-00-00' }],
    ['birth-date', { birth_date: '1890-01-01' }],
    ['gender', { user_type: 'couple' }],
    ['gender', { user_type: '' }],
    ['seeks', { looking_user_type: false }],
    ['seeks', { looking_user_type: '' }],
    ['seeks', { looking_user_type: 'male,couple' }],
    ['nickname', { nickname: ' <b></b> ' }],
    ['nickname', { nickname: 'anna@mail.example' }],
    ['country', { country_code: 'XX' }],
  ])('refuses for %s: %o', (refusal, parts) => {
    expect(mapped(parts)).toBe(refusal)
  })

  it('takes who has no language on the site', () => {
    for (const lang of ['', '0', 0, null])
      expect(mapped({ lang })).toMatchObject({ language: 'und' })
  })

  it('takes who is 18 today', () => {
    expect(mapped({ birth_date: '2008-03-01' })).toMatchObject({ birthDate: '2008-03-01' })
  })

  it('asks for a place, a wish, a date: what is not said is missing', () => {
    expect(mapProfile(moduleArray({ id: 1 }), LIMITS)).toMatchObject({ refusal: 'birth-date' })
  })

  it.each([
    [40, 40],
    ['99', 99],
    [0, 120],
    [17, 120],
    ['x', 120],
    [121, 120],
  ])('takes %s for the highest age sought', (age_max, seeksAgeMax) => {
    expect(mapped({ age_max })).toMatchObject({ seeksAgeMin: 18, seeksAgeMax })
  })

  it('takes addresses of pictures that can be asked for, and each once', () => {
    const { icon, photos, losses } = readProfile(
      moduleArray({
        icon: 'javascript:alert(1)',
        photos: [
          'https://amor.example/a.jpg',
          'https://amor.example/a.jpg',
          'https://user:secret@amor.example/b.jpg',
          '/c.jpg',
          7,
          `https://amor.example/${'d'.repeat(3000)}`,
        ],
      }),
    )
    expect([icon, photos]).toEqual([null, ['https://amor.example/a.jpg']])
    expect(losses).toEqual([
      { field: 'icon', reason: 'picture' },
      { field: 'photos', reason: 'picture' },
    ])
  })
})

describe('readProfile', () => {
  it('knows words of closed lists in whichever case, and says where it does not', () => {
    const { fields, losses } = data({
      marital_status: 'Never married',
      smoking_habits: 'Don&#39;t smoke',
      drinking_habits: 'SOCIAL DRINKER',
      want_children: 'Not sure',
      have_children: 'No',
      education: 'Bachelor&#039;s degree',
      eye_colour: 'Violet',
      purpose: 'constructor',
      hair_colour: '',
    })
    expect(fields).toEqual({
      maritalStatus: 'single',
      smoking: 'never',
      drinking: 'socially',
      wantsChildren: 'maybe',
      hasChildren: 'none',
      education: 'bachelor',
    })
    expect(losses).toEqual([
      { field: 'profile_data.eye_colour', reason: 'unknown-word' },
      { field: 'profile_data.purpose', reason: 'unknown-word' },
    ])
  })

  it('keeps race and religion in the words of the member where they are not known', () => {
    expect(data({ race: 'Caucasian', religion: 'Christian / Catholic' }).fields).toEqual({
      race: 'white',
      religion: 'christian',
    })
    expect(data({ race: 'Sami', religion: 'Quaker' }).fields).toEqual({
      race: 'self-described',
      raceDescription: 'Sami',
      religion: 'self-described',
      religionDescription: 'Quaker',
    })
  })

  it('leaves out what seems to hold a way to get in touch, before and after the cut', () => {
    const long = `${'a '.repeat(480)}write to me: anna@mail.example ${'b '.repeat(100)}`
    const split = `${'x'.repeat(988)} example.community`
    const { fields, losses } = data({
      headline: 'Call 0171 2345678',
      description: long,
      hobby: split,
    })
    expect(fields).toEqual({})
    expect(losses.map(({ reason }) => reason)).toEqual(Array(3).fill('contact-details'))
  })

  it('names what no field takes, by words of the module alone', () => {
    const { losses } = readProfile(
      moduleArray({ favourite: 'x', '<i>': 1, latitude: '', profile_data: { zodiac: 'Leo' } }),
    )
    expect(losses).toEqual([
      { field: 'favourite', reason: 'no-field' },
      { field: '?', reason: 'no-field' },
      { field: 'latitude', reason: 'no-field' },
      { field: 'profile_data.zodiac', reason: 'no-field' },
    ])
  })

  it('tells what is said to be empty from what is not said', () => {
    const { cleared, fields } = readProfile(
      moduleArray({ city: '', fname: 'Ann', profile_data: { headline: '', height: 'tall' } }),
    )
    expect(fields).toEqual({ firstName: 'Ann' })
    expect(cleared.toSorted()).toEqual(['city', 'headline', 'heightCm'])
  })

  it('cuts texts between characters', () => {
    const { fields } = data({ headline: '🌷'.repeat(300) })
    expect(fields.headline).toBe('🌷'.repeat(255))
  })
})

describe('textOf', () => {
  it('undoes quoting once, and strips what is markup', () => {
    expect(textOf('a &amp;lt;b&amp;gt; &#39;c&#x27; &nbsp;&uuml;', 'line')).toBe(
      "a &lt;b&gt; 'c' ü",
    )
    expect(textOf('<p>one</p>two<br/>three <script src=x>', 'lines')).toBe('one\ntwo\nthree')
    expect(textOf('I &lt;3 you, 1 < 2', 'line')).toBe('I <3 you, 1 < 2')
    expect(textOf('a\u0000b\u0007\tc\r\nd', 'lines')).toBe('ab\tc\nd')
    expect(textOf('a\r\n b\t c', 'line')).toBe('a b c')
    expect(textOf(moduleValue(['Jazz', 'Blues', 7]), 'line')).toBe('Jazz, Blues, 7')
  })

  it('leaves no character that is none', () => {
    expect(textOf('&#0;&#xD800;&#x110000;&#9999999;&bogus;', 'line')).toBe(
      `${'\u{fffd}'.repeat(4)}&bogus;`,
    )
  })
})

describe('heightOf', () => {
  it.each([
    [`5' 7" (170 cm)`, 170, false],
    ['5&#39;', null, false],
    [`5'7"`, 170, false],
    ['5 ft 7 in', 170, false],
    ['6′', 183, false],
    ['175 cm', 175, false],
    ['175cm', 175, false],
    ['170 cm (5\' 7")', 170, false],
    ['1.75 m', 175, false],
    ['1,75', 175, false],
    ['171-180', 176, true],
    ['171 cm – 180 cm', 176, true],
    [`5' 7" - 5' 11" (171-180 cm)`, 176, true],
    ['over 200 cm', null, false],
    ['< 150 cm', null, false],
    ['100-250', null, false],
    ['999', null, false],
    ['tall', null, false],
  ])('reads %s', (text, value, isRounded) => {
    expect(heightOf(text)).toEqual(value === null ? null : { value, isRounded })
  })
})

describe('weightOf', () => {
  it.each([
    ['70 kg', 70, false],
    ['154 lbs (70 kg)', 70, false],
    ['70 kg (154 lbs)', 70, false],
    ['154 lbs', 70, false],
    ['61-70 kg', 66, true],
    ['130 - 150 lbs', 64, true],
    ['70', null, false],
    ['over 100 kg', null, false],
    ['10 kg', null, false],
  ])('reads %s', (text, value, isRounded) => {
    expect(weightOf(text)).toEqual(value === null ? null : { value, isRounded })
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    'male',
    'female',
    'all',
    'transgender,male',
    '1990-02-03',
    '2012-02-03',
    'EN',
    'FR',
    `5' 7" (170 cm)`,
    '171-180',
    '70 kg',
    '&#39;',
    '<b>',
    '\ud800',
    'a@b.example',
    'http://amor.example/a.jpg',
    'Caucasian',
    'x'.repeat(9000),
  ),
)
const anyValue: fc.Arbitrary<ModuleValue> = fc.letrec<{ value: ModuleValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyText,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc
      .array(fc.tuple(fc.oneof(anyText, fc.nat(5)), tie('value')), { maxLength: 4 })
      .map((entries): ModuleArray => new Map(entries)),
  ),
})).value
const KEYS = [...aModuleProfile(1).keys()]
const DATA_KEYS = [
  'headline description hobby occupation body_type hair_colour eye_colour height weight',
  'marital_status purpose smoking_habits drinking_habits want_children have_children education',
  'race religion other',
].flatMap((line) => line.split(' '))
const anyOf = (keys: readonly (string | number)[]) =>
  fc
    .array(fc.tuple(fc.constantFrom(...keys), anyValue), { maxLength: 8 })
    .map((entries) => new Map(entries))

describe('any message', () => {
  it('is mapped to what the Network takes, or refused with a word', () => {
    const message = fc.tuple(anyOf(KEYS), anyOf(DATA_KEYS), fc.boolean())
    let count = 0
    fc.assert(
      fc.property(message, ([changes, profileData, hasData]) => {
        const whole = new Map([
          ...aModuleProfile(1),
          ...(hasData ? [['profile_data', profileData] as const] : []),
          ...changes,
        ])
        const result = mapProfile(whole, LIMITS)
        for (const { field, reason } of result.losses) {
          expect(field).toMatch(/^(?:\?|[a-z_]{1,40})(?:\.(?:\?|[a-z_]{1,40}))?$/)
          expect(LOSS_REASONS).toContain(reason)
        }
        const isRefused = result.kind === 'refused'
        if (!isRefused) count += 1
        expect(isRefused ? REFUSALS : ['']).toContain(isRefused ? result.refusal : '')
        const profile = isRefused ? null : result.held.profile
        const parsed = profile === null ? null : parseProfileInput(profile, LIMITS)
        expect(parsed).toEqual(profile)
      }),
      { numRuns: 2000 },
    )
    expect(count).toBeGreaterThan(200)
  })

  it('changes a profile into one that the Network takes', () => {
    fc.assert(
      fc.property(anyOf(KEYS), anyOf(DATA_KEYS), (changes, profileData) => {
        const { fields, cleared } = readProfile(
          new Map([...changes, ['profile_data', profileData]]),
        )
        const base = mapProfile(aModuleProfile(1), LIMITS)
        if (base.kind === 'refused') return
        const kept = Object.entries(base.held.profile).filter(
          ([name]) => !(cleared as readonly string[]).includes(name),
        )
        const after = { ...Object.fromEntries(kept), ...fields }
        expect(parseProfileInput(after)).toEqual(after)
      }),
      { numRuns: 2000 },
    )
  })
})
