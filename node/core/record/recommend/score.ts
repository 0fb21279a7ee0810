/** How well two people meet each other's stated wishes; nothing else is known of them here. */
import type { Scope } from '../../../../protocol/consent.ts'
import { distanceKm, type Facts } from '../../../../protocol/requirements.ts'
import { ADULT_YEARS, FIELDS } from '../../../../protocol/vocabulary.ts'
import {
  CHOICE_FIELDS,
  SENSITIVE_FIELDS,
  type ChoiceField,
  type SensitiveField,
} from '../../search/traits.ts'

/** What a score looks at in one person. */
export interface Person {
  facts: Facts
  /** Whole years today. */
  age: number
  scopes: readonly Scope[]
  /** Those that the member speaks; empty where not given. */
  languages: readonly string[]
  /** What the profile says; race and religion only where somebody has asked for them. */
  choices: Partial<Record<WishField, string>>
}

/**
 * The fields about which a site may pass its member's wishes. Of these only `purpose`,
 * `wantsChildren`, `smoking` and `drinking` count without being passed; looks, origin, belief and
 * standing never do.
 */
export const WISH_FIELDS = [...CHOICE_FIELDS, ...SENSITIVE_FIELDS] as const
export type WishField = ChoiceField | SensitiveField
/** The values that the viewer would like, by field; any of them will do. */
export type Wishes = Partial<Record<WishField, readonly string[]>>

/** How far a wish is met, from 0 to 1; null where nothing is wished for or nothing is known. */
type Judgement = number | null
type Judge = (wisher: Person, other: Person) => Judgement

/** Kilometres over which nearness halves. */
const HALF_KM = 50
/** Nearness of two in one country whose distance is not known. */
const SAME_COUNTRY = 0.25
/** Years inside the edge of a range from which on an age is as welcome as any. */
const EASE_YEARS = 3
/** A range that goes so far up has no upper edge: sites write 99 for "any". */
const NO_UPPER_EDGE = 99

/** What is wished for at the edge of a range is only just wished for. */
const AT_EDGE = 0.5
/** Purposes that can grow into each other. */
const NEIGHBOURS = new Set([
  'casual dating',
  'chat friendship',
  'dating relationship',
  'marriage relationship',
])
const SMOKING = ['never', 'quitting', 'sometimes', 'daily']
const DRINKING = ['never', 'rarely', 'socially', 'often']

/** The kilometres between two, where both have given a place. */
export function kilometresBetween(a: Facts, b: Facts): number | null {
  if (a.latitudeTenths === null || a.longitudeTenths === null) return null
  if (b.latitudeTenths === null || b.longitudeTenths === null) return null
  return distanceKm(
    { latitudeTenths: a.latitudeTenths, longitudeTenths: a.longitudeTenths },
    { latitudeTenths: b.latitudeTenths, longitudeTenths: b.longitudeTenths },
  )
}

const nearness: Judge = (wisher, other) => {
  const km = kilometresBetween(wisher.facts, other.facts)
  if (km !== null) return 2 ** (-km / HALF_KM)
  return wisher.facts.country === other.facts.country ? SAME_COUNTRY : 0
}

const age: Judge = ({ facts: { seeksAgeMin, seeksAgeMax } }, other) => {
  const below = seeksAgeMin > ADULT_YEARS ? other.age - seeksAgeMin : Number.POSITIVE_INFINITY
  const above = seeksAgeMax < NO_UPPER_EDGE ? seeksAgeMax - other.age : Number.POSITIVE_INFINITY
  const depth = Math.min(below, above)
  if (depth === Number.POSITIVE_INFINITY) return null
  const ease = Math.min(EASE_YEARS, (seeksAgeMax - seeksAgeMin) / 2)
  return ease === 0 ? 1 : AT_EDGE + (1 - AT_EDGE) * Math.min(1, depth / ease)
}

/** The value of a choice, where it says anything. */
export function statedChoice(person: Person, field: WishField): string | null {
  const value = person.choices[field]
  return value === undefined || value === 'undisclosed' ? null : value
}

/** A judgement about a choice that both have made. */
const choice =
  (field: WishField, judge: (wished: string, given: string) => Judgement): Judge =>
  (wisher, other) => {
    const wished = statedChoice(wisher, field)
    const given = statedChoice(other, field)
    return wished === null || given === null ? null : judge(wished, given)
  }

const languages: Judge = ({ languages: a }, { languages: b }) => {
  if (a.length === 0 || b.length === 0) return null
  return a.some((tag) => b.includes(tag)) ? 1 : 0
}

/** Nobody is taken to wish for more of a habit than is the own one; who has most has no wish. */
const habit = (levels: readonly string[]) => (wished: string, given: string) => {
  const most = levels.length - 1
  const own = levels.indexOf(wished)
  return own === most ? null : 1 - Math.max(0, levels.indexOf(given) - own) / most
}

/** What counts without being passed, and how much. */
const CRITERIA: readonly { field: WishField | null; weight: number; judge: Judge }[] = [
  { field: null, weight: 3, judge: nearness },
  { field: null, weight: 1, judge: age },
  { field: null, weight: 2, judge: languages },
  {
    field: 'purpose',
    weight: 2,
    judge: choice('purpose', (a, b) => {
      if (a === b) return 1
      return NEIGHBOURS.has([a, b].toSorted().join(' ')) ? 0.5 : 0
    }),
  },
  {
    field: 'wantsChildren',
    weight: 2,
    judge: choice('wantsChildren', (a, b) => {
      if (a === b) return 1
      return a === 'maybe' || b === 'maybe' ? 0.5 : 0
    }),
  },
  { field: 'smoking', weight: 1, judge: choice('smoking', habit(SMOKING)) },
  { field: 'drinking', weight: 0.5, judge: choice('drinking', habit(DRINKING)) },
]
/** Weight of a wish that the site passes. */
const WISH_WEIGHT = 3
/**
 * Weight of a half-met wish that everybody is credited with, so that what is not known neither
 * helps nor harms, and the less is known the nearer the score is to the middle.
 */
const UNKNOWN_WEIGHT = 2
const MIDDLE = 0.5

/**
 * How far a passed wish is met. A field that the other's consent does not cover is not looked at,
 * whatever the body holds.
 */
export function judgeWish(other: Person, field: WishField, wished: readonly string[]): Judgement {
  const given = other.scopes.includes(FIELDS[field].scope) ? statedChoice(other, field) : null
  if (given === null) return null
  return wished.includes(given) ? 1 : 0
}

/** Whether a gender is among those sought; only who seeks any gender meets the undisclosed. */
export function isSought(seeks: readonly string[], gender: string): boolean {
  return seeks.includes('any') || seeks.includes(gender)
}

/** Whether the other is of a gender and an age that the wisher looks for: the hard condition. */
export function fits(wisher: Person, other: Person): boolean {
  const { seeks, seeksAgeMin, seeksAgeMax } = wisher.facts
  return isSought(seeks, other.facts.gender) && other.age >= seeksAgeMin && other.age <= seeksAgeMax
}

/**
 * How well the other meets the wishes of one: the weighted mean of what is wished for and known.
 *
 * @param wishes what the site passes beside the profile; it takes the place of what the profile says
 *   about the same field
 * @returns 0 where the hard condition fails, else above 0 and below 1
 */
export function scoreOneWay(wisher: Person, other: Person, wishes: Wishes = {}): number {
  if (!fits(wisher, other)) return 0
  let sum = UNKNOWN_WEIGHT * MIDDLE
  let weights = UNKNOWN_WEIGHT
  const count = (judgement: Judgement, weight: number): void => {
    if (judgement === null) return
    sum += judgement * weight
    weights += weight
  }
  for (const { field, weight, judge } of CRITERIA)
    if (field === null || wishes[field] === undefined) count(judge(wisher, other), weight)
  for (const field of WISH_FIELDS) {
    const wished = wishes[field]
    if (wished !== undefined) count(judgeWish(other, field, wished), WISH_WEIGHT)
  }
  return sum / weights
}

/**
 * The harmonic mean of two scores: high only where both are, 0 where one is.
 *
 * @see Pizzato et al., "RECON: a reciprocal recommender for online dating", RecSys 2010; Neve and
 *   Palomares, "Aggregation strategies in user-to-user reciprocal recommender systems", IEEE SMC
 *   2019, compare it with other means
 */
export function harmonicMean(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : (2 * a * b) / (a + b)
}

/** How well two meet each other's wishes, from 0 to 1. `wishes` are those passed for the viewer. */
export function scorePair(viewer: Person, candidate: Person, wishes: Wishes = {}): number {
  const there = scoreOneWay(viewer, candidate, wishes)
  return there === 0 ? 0 : harmonicMean(there, scoreOneWay(candidate, viewer))
}
