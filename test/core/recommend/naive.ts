/** Recommendations written a second time, from SPEC §23 and as plainly as possible. */
import type { SealedProfile } from '../../../protocol/body.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import { distanceKm } from '../../../protocol/requirements.ts'
import type { Draw } from '../../../node/core/record/recommend/diversity.ts'
import type { Wishes } from '../../../node/core/record/recommend/score.ts'
import { mix32 } from '../../../node/core/search/columns.ts'
import type { Person } from '../discover/crowd.ts'
import { ageOf, likes, placeOf } from '../discover/naive.ts'

/** One question. */
export interface Asked {
  viewer: Person
  /** Unix seconds. */
  now: number
  /** Seen before, or blocked. */
  leftOut: ReadonlySet<RecordId>
  radiusKm?: number
  wishes: Wishes
  limit: number
}

const POOL = 500
const READ_FOR_BELIEF = 100
const RINGS_KM = [25, 50, 100, 200, 500]
const KINDRED = [
  ['marriage', 'relationship'],
  ['relationship', 'dating'],
  ['dating', 'casual'],
  ['friendship', 'chat'],
]
const HABITS = {
  smoking: ['never', 'quitting', 'sometimes', 'daily'],
  drinking: ['never', 'rarely', 'socially', 'often'],
}

function kmBetween(a: SealedProfile, b: SealedProfile): number | null {
  const [from, to] = [placeOf(a), placeOf(b)]
  return from === null || to === null ? null : distanceKm(from, to)
}

function wants(a: SealedProfile, b: SealedProfile, now: number): boolean {
  const age = ageOf(b, now)
  return likes(a.seeks, b.gender) && a.seeksAgeMin <= age && age <= a.seeksAgeMax
}

function ringOf(a: SealedProfile, b: SealedProfile): number {
  const km = kmBetween(a, b)
  if (km === null) return a.country === b.country ? 3 : 5
  return RINGS_KM.filter((edge) => km > edge).length
}

/** The values of a choice of both, where both say something. */
function both(field: string, a: SealedProfile, b: SealedProfile): [string, string] | null {
  const [own, other] = [a, b].map((one) => (one as unknown as Record<string, string>)[field])
  if (!own || !other || own === 'undisclosed' || other === 'undisclosed') return null
  return [own, other]
}

function nearness(a: SealedProfile, b: SealedProfile): number {
  const km = kmBetween(a, b)
  if (km !== null) return 2 ** (-km / 50)
  return a.country === b.country ? 0.25 : 0
}

function ageFit({ seeksAgeMin: least, seeksAgeMax: most }: SealedProfile, age: number) {
  const edges: number[] = []
  if (least > 18) edges.push(age - least)
  if (most < 99) edges.push(most - age)
  if (edges.length === 0) return null
  if (least === most) return 1
  return 0.5 + 0.5 * Math.min(1, Math.min(...edges) / Math.min(3, (most - least) / 2))
}

/** What counts by itself: weight and value of each row of the table that applies. */
function* rowsOf(a: SealedProfile, b: SealedProfile, now: number, wishes: Wishes) {
  yield [3, nearness(a, b)] as const
  yield [1, ageFit(a, ageOf(b, now))] as const
  if (a.languages !== undefined && b.languages !== undefined)
    yield [2, a.languages.some((tag) => b.languages?.includes(tag)) ? 1 : 0] as const
  const purpose = wishes.purpose ? null : both('purpose', a, b)
  if (purpose !== null) {
    const isKindred = KINDRED.some((pair) => purpose.every((one) => pair.includes(one)))
    yield [2, purpose[0] === purpose[1] ? 1 : isKindred ? 0.5 : 0] as const
  }
  const children = wishes.wantsChildren ? null : both('wantsChildren', a, b)
  if (children !== null)
    yield [2, children[0] === children[1] ? 1 : children.includes('maybe') ? 0.5 : 0] as const
  for (const [field, weight] of [
    ['smoking', 1],
    ['drinking', 0.5],
  ] as const) {
    const habit = wishes[field] ? null : both(field, a, b)
    if (habit === null) continue
    const [own = 0, other = 0] = habit.map((one) => HABITS[field].indexOf(one))
    if (own < 3) yield [weight, 1 - Math.max(0, other - own) / 3] as const
  }
}

/** How well b meets the wishes of a. */
function oneWay(a: SealedProfile, b: SealedProfile, now: number, wishes: Wishes): number {
  let [sum, weights] = [1, 2]
  for (const [weight, value] of rowsOf(a, b, now, wishes)) {
    if (value === null) continue
    sum += value * weight
    weights += weight
  }
  for (const [field, wished] of Object.entries(wishes)) {
    const given = (b as unknown as Record<string, string | undefined>)[field]
    if (given === undefined || given === 'undisclosed') continue
    sum += wished.includes(given) ? 3 : 0
    weights += 3
  }
  return sum / weights
}

function score(a: SealedProfile, b: SealedProfile, now: number, wishes: Wishes): number {
  const [there, back] = [oneWay(a, b, now, wishes), oneWay(b, a, now, {})]
  return (2 * there * back) / (there + back)
}

function withoutBelief({ race: _race, religion: _religion, ...rest }: Wishes): Wishes {
  return rest
}

const mayBe = ({ purposes }: Person): boolean => purposes.includes('recommend')

/** Whom the recommender must give, in order, with scores in hundredths. */
export function naive(
  all: Iterable<Person>,
  draw: Draw,
  { viewer, now, leftOut, radiusKm, wishes, limit }: Asked,
): { record: RecordId; score: number }[] {
  const own = viewer.profile
  const fitting: Person[] = []
  for (const one of all) {
    const { profile, record, scopes, expires } = one
    if (!likes(own.seeks, profile.gender) || !likes(profile.seeks, own.gender)) continue
    if (!wants(own, profile, now) || !wants(profile, own, now)) continue
    if (!scopes.includes('recommendations') || expires <= now || leftOut.has(record)) continue
    const km = kmBetween(own, profile)
    if (radiusKm === undefined || (km !== null && km <= radiusKm)) fitting.push(one)
  }
  const pool = fitting
    .map((person) => {
      const [first = 0, second = 0] = [0, 8].map((from) =>
        Number.parseInt(person.record.slice(from, from + 8), 16),
      )
      const chance = mix32(mix32(first ^ draw.seed) ^ second)
      return { person, chance, ring: ringOf(own, person.profile) }
    })
    .toSorted((a, b) => a.ring - b.ring || a.chance - b.chance)
    .slice(0, POOL)
  const order = (people: readonly Person[], counted: Wishes) =>
    people
      .map((person) => {
        const number = draw.numberOf(person.record)
        return { person, number, score: score(own, person.profile, now, counted) }
      })
      .toSorted(
        (a, b) =>
          Number(a.number >= 0.5) - Number(b.number >= 0.5) ||
          b.score - a.score ||
          a.number - b.number,
      )
  const people = pool.map(({ person }) => person)
  let ranked = order(people, withoutBelief(wishes))
  if (wishes.race || wishes.religion) {
    const first = ranked.slice(0, READ_FOR_BELIEF).map(({ person }) => person)
    ranked = order(first.filter(mayBe), wishes)
  }
  return ranked
    .filter(({ person }) => mayBe(person))
    .slice(0, limit)
    .map(({ person, score: one }) => ({
      record: person.record,
      score: Math.round(one * 100) / 100,
    }))
}
