/** Invented people whose true likings are known, though their profiles say only part of them. */
import { parseRecordId, parseSiteId, type RecordId, type SiteId } from '../../protocol/ids.ts'
import type { SharedProfile } from '../../protocol/vocabulary.ts'
import { dayNumber, type IsoDate } from '../../protocol/dates.ts'
import { kilometresBetween, type Person } from '../../node/core/record/recommend/score.ts'
import { factsOf } from '../../protocol/requirements.ts'
import { traitsOf } from '../../node/core/search/traits.ts'
import { mulberry32 } from '../people.ts'

/** One person: what the Network knows, and what nobody but this script does. */
export interface Soul {
  home: SiteId
  record: RecordId
  person: Person
  truth: Truth
}

/** What somebody is and likes. Strengths and distances are in units of one standard liking. */
interface Truth {
  age: number
  gender: string
  seeks: readonly string[]
  idealAge: number
  ageTolerance: number
  /** Kilometres at which the distance costs as much as a standard liking is worth. */
  distanceTolerance: number
  purpose: number
  children: number
  smoking: number
  smokingDislike: number
  languages: readonly string[]
  /** What profiles do not say: tastes, and what there is to be tasted. */
  taste: readonly number[]
  charm: readonly number[]
  /** What everybody sees alike. */
  looks: number
}

const PURPOSES = ['chat', 'friendship', 'casual', 'dating', 'relationship', 'marriage'] as const
const CHILDREN = ['no', 'maybe', 'yes'] as const
const SMOKING = ['never', 'quitting', 'sometimes', 'daily'] as const
const TASTES = 4
const CITIES = 12
/** Whoever states an optional field does so with this chance. */
const STATED = 0.7
const EVERYTHING = ['appearance', 'discovery', 'habits', 'recommendations'] as const
const HOME = parseSiteId('amor.example')
/** Share of those sought whom somebody truly likes. */
const LIKED_SHARE = 0.1

interface Dice {
  next: () => number
  below: (bound: number) => number
  normal: () => number
}

function diceOf(seed: number): Dice {
  const next = mulberry32(seed)
  return {
    next,
    below: (bound) => Math.floor(next() * bound),
    // Box and Muller, "A note on the generation of random normal deviates" (1958).
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  }
}

interface City {
  latitudeTenths: number
  longitudeTenths: number
}

/** Larger cities come first: the n-th has one n-th of the people of the first. */
function pickCity(dice: Dice, cities: readonly City[]): City {
  const harmonic = cities.reduce((sum, _, at) => sum + 1 / (at + 1), 0)
  let left = dice.next() * harmonic
  for (const [at, city] of cities.entries()) {
    left -= 1 / (at + 1)
    if (left < 0) return city
  }
  return cities[0] ?? { latitudeTenths: 500, longitudeTenths: 100 }
}

function seeksOf(dice: Dice, gender: string): string[] {
  const roll = dice.next()
  if (roll < 0.86) return [gender === 'woman' ? 'man' : 'woman']
  return roll < 0.94 ? [gender] : ['man', 'woman']
}

function truthOf(dice: Dice): Truth {
  const gender = dice.next() < 0.42 ? 'woman' : 'man'
  const age = Math.round(Math.min(75, 18 + Math.abs(dice.normal()) * 16))
  const ofMan = gender === 'man' ? -3 : 2
  return {
    age,
    gender,
    seeks: seeksOf(dice, gender),
    idealAge: Math.max(18, age + ofMan + dice.normal() * 3),
    ageTolerance: 3 + Math.abs(dice.normal()) * 4,
    distanceTolerance: 40 * Math.exp(dice.normal()),
    purpose: 1 + dice.below(PURPOSES.length - 1),
    children: dice.below(CHILDREN.length),
    smoking: [0, 0, 0, 1, 2, 3][dice.below(6)] ?? 0,
    smokingDislike: dice.next() * 1.5,
    languages: dice.next() < 0.8 ? ['de', 'en'].slice(0, 1 + dice.below(2)) : ['ru'],
    taste: Array.from({ length: TASTES }, dice.normal),
    charm: Array.from({ length: TASTES }, dice.normal),
    looks: dice.normal(),
  }
}

/** What somebody says of themselves: roughly the truth, and not all of it. */
function profileOf(dice: Dice, truth: Truth, city: City): SharedProfile {
  const width = truth.ageTolerance * (1 + dice.next())
  const low = Math.max(18, Math.round(truth.idealAge - width))
  const isOpen = dice.next() < 0.1
  const say = <Field extends object>(field: Field): Field | Record<string, never> =>
    dice.next() < STATED ? field : {}
  return {
    nickname: 'Soul',
    ageYears: truth.age,
    gender: truth.gender as SharedProfile['gender'],
    seeks: [...truth.seeks] as SharedProfile['seeks'],
    seeksAgeMin: isOpen ? 18 : low,
    seeksAgeMax: isOpen ? 99 : Math.max(low, Math.round(truth.idealAge + width)),
    country: 'DE',
    language: 'de',
    ...(dice.next() < 0.95 && {
      latitudeTenths: city.latitudeTenths + Math.round(dice.normal() * 2),
      longitudeTenths: city.longitudeTenths + Math.round(dice.normal() * 3),
    }),
    ...say({ languages: [...truth.languages] }),
    ...say({ purpose: PURPOSES[truth.purpose] ?? 'dating' }),
    ...say({ wantsChildren: CHILDREN[truth.children] ?? 'maybe' }),
    ...say({ smoking: SMOKING[truth.smoking] ?? 'never' }),
  }
}

/** Invents `count` people; the same seed gives the same people. */
export function population(seed: number, count: number, today: IsoDate): Soul[] {
  const dice = diceOf(seed)
  const cities = Array.from({ length: CITIES }, () => ({
    latitudeTenths: 475 + dice.below(70),
    longitudeTenths: 60 + dice.below(85),
  }))
  return Array.from({ length: count }, () => {
    const truth = truthOf(dice)
    const profile = profileOf(dice, truth, pickCity(dice, cities))
    const record = parseRecordId(
      Array.from({ length: 32 }, () => dice.below(16).toString(16)).join(''),
    )
    const facts = factsOf(profile, dayNumber(today) * 86_400)
    const { languages, choices } = traitsOf(profile)
    const person = { facts, age: truth.age, scopes: [...EVERYTHING], languages, choices }
    return { home: HOME, record, person, truth }
  })
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

/** How much one truly likes the other, said or not. */
function likingOf(a: Soul, b: Soul): number {
  const { truth: one } = a
  const { truth: other } = b
  const age = (other.age - one.idealAge) / one.ageTolerance
  const km = kilometresBetween(a.person.facts, b.person.facts) ?? 150
  const speaks = one.languages.some((tag) => other.languages.includes(tag))
  return (
    -(age * age) / 2 -
    km / one.distanceTolerance -
    0.5 * Math.abs(one.purpose - other.purpose) -
    0.7 * Math.abs(one.children - other.children) -
    one.smokingDislike * Math.max(0, other.smoking - one.smoking) -
    (speaks ? 0 : 3) +
    0.8 * dot(one.taste, other.charm) +
    1.2 * other.looks
  )
}

/** For each person those whom they truly like: the best tenth of the genders that they seek. */
export function trueLikings(souls: readonly Soul[]): Set<number>[] {
  return souls.map((soul, own) => {
    const sought = souls.flatMap((other, at) =>
      at !== own && soul.truth.seeks.includes(other.truth.gender)
        ? [{ at, liking: likingOf(soul, other) }]
        : [],
    )
    const best = sought.toSorted((a, b) => b.liking - a.liking)
    return new Set(best.slice(0, Math.round(best.length * LIKED_SHARE)).map(({ at }) => at))
  })
}
