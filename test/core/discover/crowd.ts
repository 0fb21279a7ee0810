/** A crowd of invented records for the oracle test: every field, every edge of the map, many scripts. */
import type { SealedProfile } from '../../../protocol/body.ts'
import { PURPOSES, SCOPES, type Purpose, type Scope } from '../../../protocol/consent.ts'
import { isoDateOfDay } from '../../../protocol/dates.ts'
import { recordIdOf, type RecordId, type SiteId } from '../../../protocol/ids.ts'
import { FIELDS, GENDERS, SOUGHT, type FieldName } from '../../../protocol/vocabulary.ts'
import { CHOICE_FIELDS, SENSITIVE_FIELDS } from '../../../node/core/search/traits.ts'
import type { Dice } from '../../sim/dice.ts'

/** One version of a record, as the model knows it. */
export interface Person {
  home: SiteId
  record: RecordId
  index: number
  version: number
  joinedAt: number
  publishedAt: number
  expires: number
  scopes: Scope[]
  purposes: Purpose[]
  profile: SealedProfile
}

export const COUNTRIES = ['DE', 'FR', 'JP', 'RU', 'US']
export const LANGUAGES = ['de', 'en', 'fr', 'ja', 'ru']
export const WORDS = [
  'Fahrräder',
  'Fahrradtour',
  'draußen',
  'Brot',
  'Œuvre',
  'élève',
  'naïve',
  'Señor',
  'mañana',
  'Łódź',
  'smørrebrød',
  'Ёлка',
  'йога',
  'лыжи',
  'Собака',
  'северное',
  'σοφία',
  'Άνοιξη',
  'garden',
  'Gardener',
  'cat',
  'cats',
  'I',
  'of',
  'x2',
  'walk',
  'walking',
]
export const DENSE = [
  '東京に住んでいます',
  '山が好き',
  '映画と音楽',
  '书和茶',
  '猫',
  '커피를 좋아해요',
  '안녕',
]

const places = (dice: Dice): { latitudeTenths: number; longitudeTenths: number }[] => [
  // The poles, both sides of the antimeridian, and next to each other.
  { latitudeTenths: 900, longitudeTenths: 0 },
  { latitudeTenths: 899, longitudeTenths: 1200 },
  { latitudeTenths: -900, longitudeTenths: -1800 },
  { latitudeTenths: 0, longitudeTenths: 1800 },
  { latitudeTenths: 0, longitudeTenths: -1799 },
  { latitudeTenths: 521, longitudeTenths: 132 },
  { latitudeTenths: 521, longitudeTenths: 133 },
  ...Array.from({ length: 60 }, () => ({
    latitudeTenths: dice.between(500, 540),
    longitudeTenths: dice.between(80, 150),
  })),
  ...Array.from({ length: 60 }, () => ({
    latitudeTenths: dice.between(-900, 901),
    longitudeTenths: dice.between(-1800, 1801),
  })),
]

function some<T>(dice: Dice, list: readonly T[], least: number): T[] {
  return dice.shuffled(list).slice(0, dice.between(least, list.length + 1))
}

export function proseOf(dice: Dice): string {
  const words = Array.from({ length: dice.between(1, 9) }, () =>
    dice.chance(0.8) ? dice.pick(WORDS) : dice.pick(DENSE),
  )
  return words.join(dice.pick([' ', ', ', ' – ', '.\n']))
}

function optionsOf(name: FieldName): string[] {
  return (FIELDS[name].schema as unknown as { options: string[] }).options
}

/** Makes people of these homes, published up to `now`. */
export function createCrowd(dice: Dice, homes: readonly SiteId[], now: number) {
  const today = Math.floor(now / 86_400)
  const spots = places(dice)
  const next = new Map<SiteId, number>(homes.map((home) => [home, 0]))

  function profileOf(scopes: readonly Scope[]): SealedProfile {
    const age = dice.between(18, 61)
    const born = today - Math.floor(age * 365.25) - dice.between(2, 360)
    const seeksAgeMin = Math.max(18, age - dice.between(2, 15))
    const maybe = <T>(scope: Scope, make: () => T): T[] =>
      scopes.includes(scope) && dice.chance(0.7) ? [make()] : []
    const profile: Record<string, unknown> = {
      nickname: `${dice.pick(WORDS)} ${dice.below(99)}`,
      gender: dice.chance(0.85) ? dice.pick(['man', 'woman']) : dice.pick(GENDERS),
      seeks: dice.chance(0.15) ? ['any'] : some(dice, SOUGHT.slice(1), 1).toSorted(),
      seeksAgeMin,
      seeksAgeMax: Math.min(120, seeksAgeMin + dice.between(5, 40)),
      country: dice.pick(COUNTRIES),
      language: dice.pick(LANGUAGES),
      sealed: dice.bytes(8),
      ...(scopes.includes('birth-date')
        ? { birthDate: isoDateOfDay(born) }
        : { ageYears: Math.floor((today - born) / 365.25) }),
      ...(dice.chance(0.9) && dice.pick(spots)),
    }
    for (const [languages] of [maybe('discovery', () => some(dice, LANGUAGES, 1).toSorted())])
      if (languages !== undefined) profile['languages'] = languages
    for (const name of [...CHOICE_FIELDS, ...SENSITIVE_FIELDS])
      for (const word of maybe(FIELDS[name].scope, () => dice.pick(optionsOf(name))))
        profile[name] = word
    for (const text of ['headline', 'description', 'hobbies', 'city', 'occupation'] as const)
      for (const value of maybe('discovery', () => proseOf(dice).slice(0, 90)))
        profile[text] = value
    for (const value of maybe('appearance', () => dice.between(150, 200)))
      profile['heightCm'] = value
    for (const value of maybe('appearance', () => dice.between(45, 120)))
      profile['weightKg'] = value
    for (const value of maybe('pictures', () => 'ab'.repeat(32))) profile['picture'] = value
    return profile as SealedProfile
  }

  function version(before: Pick<Person, 'home' | 'record' | 'version' | 'joinedAt'>, time: number) {
    const scopes = SCOPES.filter((scope) => scope === 'discovery' || dice.chance(0.6))
    const index = next.get(before.home) ?? 0
    next.set(before.home, index + 1)
    const person: Person = {
      ...before,
      version: before.version + 1,
      index,
      publishedAt: time,
      expires: now + 86_400 * dice.between(10, 300),
      scopes,
      purposes: PURPOSES.filter((purpose) => purpose !== 'recommend' || dice.chance(0.9)),
      profile: profileOf(scopes),
    }
    return person
  }

  return {
    spots,
    /** A new record. Times are few, so that many are equal. */
    join: (time: number): Person =>
      version(
        { home: dice.pick(homes), record: recordIdOf(dice.bytes(16)), version: 0, joinedAt: time },
        time,
      ),
    /** The next version of a record. */
    change: (person: Person, time: number): Person => version(person, time),
  }
}
