/**
 * Evaluates the recommendations on invented people whose true likings are known: `npm run evaluate
 * -- [--people 1200] [--seed 1] [--json file]`. The same seed gives the same table.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemCrypto } from '../node/roles/system.ts'
import { createDraw } from '../node/core/record/recommend/diversity.ts'
import { rank } from '../node/core/record/recommend/rank.ts'
import { fits, scoreOneWay, scorePair } from '../node/core/record/recommend/score.ts'
import { dayNumber, isoDateOfDay, parseIsoDate } from '../protocol/dates.ts'
import { population, trueLikings, type Soul } from './evaluate/population.ts'

const TOP = 10
const TODAY = dayNumber(parseIsoDate('2026-03-01'))
const WEEK = Array.from({ length: 7 }, (_, at) => TODAY + at)
const KEY = new Uint8Array(32).fill(7)

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '1200' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
})

/** What a way to recommend comes out as; all shares are from 0 to 1. */
interface Result {
  name: string
  /** Share of the first ten whom the viewer truly likes. */
  precision: number
  /** Share of the first ten where the liking is mutual. */
  mutual: number
  /** Gini coefficient of how often people are shown: 0 is all alike, 1 one person alone. */
  gini: number
  /** Share of those whom the most shown person fits that are shown it. */
  mostShown: number
  /** Share of people who are shown to somebody. */
  covered: number
  /** Different people with mutual liking whom a viewer is shown in a week. */
  metInAWeek: number
}
type Way = (viewer: number, day: number) => number[]

const souls = population(Number(values.seed), Number(values.people), isoDateOfDay(TODAY))
const likings = trueLikings(souls)
const popularity = souls.map((_, at) => likings.filter((liked) => liked.has(at)).length)
const soulAt = (at: number): Soul => {
  const soul = souls[at]
  if (soul === undefined) throw new Error('no such person')
  return soul
}
const others = (own: number): number[] => [...souls.keys()].filter((at) => at !== own)
const drawOf = (viewer: number, day: number) =>
  createDraw(systemCrypto, KEY, { viewer: soulAt(viewer).record, day })

/** Those who fit each other, by viewer. */
const matches = souls.map(({ person }, own) =>
  others(own).filter((at) => fits(person, soulAt(at).person) && fits(soulAt(at).person, person)),
)

function best(candidates: readonly number[], valueOf: (at: number) => number): number[] {
  return candidates
    .map((at) => ({ at, value: valueOf(at) }))
    .toSorted((a, b) => b.value - a.value || a.at - b.at)
    .slice(0, TOP)
    .map(({ at }) => at)
}
const matchesOf = (viewer: number): number[] => matches[viewer] ?? []

/** Keeps what has been reckoned for a pair: each is asked about on every day of the week. */
function kept(valueOf: (viewer: Soul, other: Soul) => number) {
  const known = souls.map(() => new Map<number, number>())
  return (viewer: number) => (at: number) => {
    const value = known[viewer]?.get(at) ?? valueOf(soulAt(viewer), soulAt(at))
    known[viewer]?.set(at, value)
    return value
  }
}
const pairScore = kept((viewer, other) => scorePair(viewer.person, other.person))
const oneWayScore = kept((viewer, other) => scoreOneWay(viewer.person, other.person))
/** Those who fit the viewer, whether or not the viewer fits them. */
const wanted = souls.map(({ person }, own) =>
  others(own).filter((at) => fits(person, soulAt(at).person)),
)

function drawn(
  candidates: readonly number[],
  scoreOf: (at: number) => number,
  draw: ReturnType<typeof drawOf>,
): number[] {
  const rows = candidates.map((at) => ({ ...soulAt(at), at }))
  const ranked = rank(rows, ({ at }) => scoreOf(at), draw)
  return ranked
    .take(TOP)
    .map(({ candidate }) => candidate.at)
    .toArray()
}

const WAYS: Record<string, Way> = {
  'random, of who fits both ways': (viewer, day) => {
    const draw = drawOf(viewer, day)
    return best(matchesOf(viewer), (at) => draw.numberOf(soulAt(at).record))
  },
  'most popular, of who fits both ways': (viewer) =>
    best(matchesOf(viewer), (at) => popularity[at] ?? 0),
  "the viewer's wishes alone": (viewer) => best(wanted[viewer] ?? [], oneWayScore(viewer)),
  "the viewer's wishes alone, with the draw": (viewer, day) =>
    drawn(wanted[viewer] ?? [], oneWayScore(viewer), drawOf(viewer, day)),
  'reciprocal, without the draw': (viewer) => best(matchesOf(viewer), pairScore(viewer)),
  'reciprocal, with the draw: the node': (viewer, day) =>
    drawn(matchesOf(viewer), pairScore(viewer), drawOf(viewer, day)),
}

/** Half the relative mean difference: C. Gini (1912). */
function giniOf(counts: readonly number[]): number {
  const sorted = counts.toSorted((a, b) => a - b)
  const total = sorted.reduce((sum, count) => sum + count, 0)
  const weighted = sorted.reduce((sum, count, at) => sum + (at + 1) * count, 0)
  return (2 * weighted) / (sorted.length * total) - (sorted.length + 1) / sorted.length
}

function evaluate(name: string, way: Way): Result {
  const shown = souls.map(() => 0)
  let count = 0
  let liked = 0
  let mutual = 0
  for (const viewer of souls.keys())
    for (const at of way(viewer, TODAY)) {
      count += 1
      shown[at] = (shown[at] ?? 0) + 1
      if (likings[viewer]?.has(at) !== true) continue
      liked += 1
      if (likings[at]?.has(viewer) === true) mutual += 1
    }
  let met = 0
  for (const viewer of souls.keys()) {
    const seen = new Set(WEEK.flatMap((day) => way(viewer, day)))
    for (const at of seen)
      if (likings[viewer]?.has(at) === true && likings[at]?.has(viewer) === true) met += 1
  }
  // Who fits fewer than a hundred says little about "everybody".
  const shares = shown.flatMap((times, at) => {
    const most = matchesOf(at).length
    return most < 10 * TOP ? [] : [times / most]
  })
  return {
    name,
    precision: liked / count,
    mutual: mutual / count,
    gini: giniOf(shown),
    mostShown: Math.max(...shares),
    covered: shown.filter((times) => times > 0).length / shown.length,
    metInAWeek: met / souls.length,
  }
}

const results = Object.entries(WAYS).map(([name, way]) => evaluate(name, way))
const sizes = matches.map(({ length }) => length).toSorted((a, b) => a - b)
console.log(
  `${souls.length} people, seed ${values.seed}; half of them have at least ` +
    `${sizes[Math.floor(sizes.length / 2)]} who fit both ways\n`,
)
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
console.log(
  '| way | liked, of the first 10 | mutually | met in a week | Gini of exposure | most shown | ever shown |',
)
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const { name, ...result } of results) {
  const { precision, mutual, metInAWeek, gini, mostShown, covered } = result
  const cells = [
    name,
    percent(precision),
    percent(mutual),
    metInAWeek.toFixed(1),
    gini.toFixed(2),
    percent(mostShown),
    percent(covered),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify({ people: souls.length, seed: Number(values.seed), results }, null, 2)}\n`,
  )
