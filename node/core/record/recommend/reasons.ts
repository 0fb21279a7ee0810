/** Why somebody is recommended: a code with numbers for programs, a text for people. */
import { BANDS_KM } from '../discover.ts'
import {
  judgeWish,
  kilometresBetween,
  statedChoice,
  WISH_FIELDS,
  type Person,
  type WishField,
  type Wishes,
} from './score.ts'

/** A site translates by the code; the text is English. */
export type Reason = { text: string } & (
  | { code: 'near'; km: number }
  | { code: 'same-country'; country: string }
  | { code: 'both-seek-ages'; from: number; to: number }
  | { code: 'languages'; languages: string[] }
  | { code: 'same-purpose'; purpose: string }
  | { code: 'same-wish-for-children'; wantsChildren: string }
  | { code: 'neither-smokes' }
  | { code: 'neither-drinks' }
  | { code: 'as-wished'; field: WishField; value: string }
)
export const REASON_CODES = [
  'near',
  'same-country',
  'both-seek-ages',
  'languages',
  'same-purpose',
  'same-wish-for-children',
  'neither-smokes',
  'neither-drinks',
  'as-wished',
] as const satisfies readonly Reason['code'][]

/** Farther away, distance is no reason. */
const NEAR_KM = 100
/** Wider ranges of ages say nothing. */
const WIDEST_YEARS = 20

const PURPOSES: Readonly<Record<string, string>> = {
  friendship: 'friendship',
  dating: 'dates',
  relationship: 'a relationship',
  marriage: 'marriage',
  casual: 'something casual',
  chat: 'somebody to chat with',
}
const CHILDREN: Readonly<Record<string, string>> = {
  yes: 'both want children',
  no: 'neither wants children',
  maybe: 'both are undecided about children',
}
const NAMES = new Intl.DisplayNames(['en'], { type: 'language' })

const spaced = (field: string): string =>
  field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

function placeReason(a: Person, b: Person): Reason[] {
  const distance = kilometresBetween(a.facts, b.facts)
  if (distance !== null && distance <= NEAR_KM) {
    const km = BANDS_KM.find((band) => distance <= band) ?? NEAR_KM
    return [{ code: 'near', km, text: `within ${km} km` }]
  }
  const { country } = a.facts
  return country === b.facts.country
    ? [{ code: 'same-country', country, text: 'in the same country' }]
    : []
}

function agesReason({ facts: a }: Person, { facts: b }: Person): Reason[] {
  const from = Math.max(a.seeksAgeMin, b.seeksAgeMin)
  const to = Math.min(a.seeksAgeMax, b.seeksAgeMax)
  if (from > to || to - from > WIDEST_YEARS) return []
  const text = `both looking for ${from === to ? from : `${from}-${to}`}`
  return [{ code: 'both-seek-ages', from, to, text }]
}

function languagesReason(a: Person, b: Person): Reason[] {
  const languages = a.languages.filter((tag) => b.languages.includes(tag))
  if (languages.length === 0) return []
  const names = languages.map((tag) => NAMES.of(tag) ?? tag)
  const last = names.pop() ?? ''
  const text = `both speak ${names.length === 0 ? last : `${names.join(', ')} and ${last}`}`
  return [{ code: 'languages', languages, text }]
}

function choiceReasons(a: Person, b: Person): Reason[] {
  const common = (field: WishField): string | null => {
    const value = statedChoice(a, field)
    return value === statedChoice(b, field) ? value : null
  }
  const reasons: Reason[] = []
  const purpose = common('purpose')
  if (purpose !== null) {
    const text = `both looking for ${PURPOSES[purpose] ?? purpose}`
    reasons.push({ code: 'same-purpose', purpose, text })
  }
  const wantsChildren = common('wantsChildren')
  if (wantsChildren !== null) {
    const text = CHILDREN[wantsChildren] ?? wantsChildren
    reasons.push({ code: 'same-wish-for-children', wantsChildren, text })
  }
  if (common('smoking') === 'never')
    reasons.push({ code: 'neither-smokes', text: 'neither smokes' })
  if (common('drinking') === 'never')
    reasons.push({ code: 'neither-drinks', text: 'neither drinks' })
  return reasons
}

function wishReasons(candidate: Person, wishes: Wishes): Reason[] {
  return WISH_FIELDS.flatMap((field) => {
    const wished = wishes[field]
    if (wished === undefined || judgeWish(candidate, field, wished) !== 1) return []
    const value = statedChoice(candidate, field)
    if (value === null) return []
    const text = `as wished: ${spaced(field)} ${value.replaceAll('-', ' ')}`
    return [{ code: 'as-wished', field, value, text } satisfies Reason]
  })
}

/**
 * What speaks for a candidate, from what counts in the score and is shown anyway: the wishes passed
 * first. Distances are told in the steps of discovery.
 */
export function reasonsFor(viewer: Person, candidate: Person, wishes: Wishes = {}): Reason[] {
  return [
    ...wishReasons(candidate, wishes),
    ...placeReason(viewer, candidate),
    ...agesReason(viewer, candidate),
    ...languagesReason(viewer, candidate),
    ...choiceReasons(viewer, candidate),
  ]
}
