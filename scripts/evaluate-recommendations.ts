/**
 * Evaluates the recommendations on invented people whose true likings are known: `npm run evaluate
 * -- [--people 2000] [--seed 1] [--json file]`. The same seed gives the same table.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { systemCrypto } from '../node/roles/system.ts'
import { createDraw } from '../node/core/record/recommend/diversity.ts'
import { rank } from '../node/core/record/recommend/rank.ts'
import { fits, scoreOneWay, scorePair } from '../node/core/record/recommend/score.ts'
import { dayNumber, parseIsoDate } from '../protocol/dates.ts'
import { population, trueLikings, type Soul } from './evaluate/population.ts'

const TOP = 10
const TODAY = parseIsoDate('2026-03-01')
const KEY = new Uint8Array(32).fill(7)

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '2000' },
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
}
type Way = (viewer: number) => number[]

const souls = population(Number(values.seed), Number(values.people), TODAY)
const likings = trueLikings(souls)
const popularity = souls.map((_, at) => likings.filter((liked) => liked.has(at)).length)
const soulAt = (at: number): Soul => {
  const soul = souls[at]
  if (soul === undefined) throw new Error('no such person')
  return soul
}
const others = (own: number): number[] => [...souls.keys()].filter((at) => at !== own)
const drawOf = (viewer: number, day = dayNumber(TODAY)) =>
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
const pairScore = (viewer: number) => (at: number) =>
  scorePair(soulAt(viewer).person, soulAt(at).person)

const WAYS: Record<string, Way> = {
  'random, wishes met both ways': (viewer) => {
    const draw = drawOf(viewer)
    return best(matchesOf(viewer), (at) => draw.numberOf(soulAt(at).record))
  },
  'most popular': (viewer) => best(matchesOf(viewer), (at) => popularity[at] ?? 0),
  "one-sided: the viewer's wishes": (viewer) =>
    best(others(viewer), (at) => scoreOneWay(soulAt(viewer).person, soulAt(at).person)),
  'reciprocal, without the cap': (viewer) => best(matchesOf(viewer), pairScore(viewer)),
  'reciprocal, as the node does': (viewer) => {
    const rows = matchesOf(viewer).map((at) => ({ ...soulAt(at), at }))
    const score = pairScore(viewer)
    return rank(rows, ({ at }) => score(at), drawOf(viewer))
      .slice(0, TOP)
      .map(({ candidate }) => candidate.at)
  },
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
    for (const at of way(viewer)) {
      count += 1
      shown[at] = (shown[at] ?? 0) + 1
      if (likings[viewer]?.has(at) !== true) continue
      liked += 1
      if (likings[at]?.has(viewer) === true) mutual += 1
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
  '| way | liked, of the first 10 | mutually | Gini of exposure | most shown | ever shown |',
)
console.log('| --- | ---: | ---: | ---: | ---: | ---: |')
for (const { name, precision, mutual, gini, mostShown, covered } of results)
  console.log(
    `| ${[name, percent(precision), percent(mutual), gini.toFixed(2), percent(mostShown), percent(covered)].join(' | ')} |`,
  )
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify({ people: souls.length, seed: Number(values.seed), results }, null, 2)}\n`,
  )
