/** Looks through the columns: which rows fit, the best of them in order, and how many of each kind. */
import { SCOPES } from '../../../protocol/consent.ts'
import { dayOf } from '../../../protocol/dates.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { bodyOf, idWords, mix32, rowOf, setDay, type Columns } from './columns.ts'
import { conditionOf, type Condition } from './condition.ts'
import { createCounters } from './facets.ts'
import { ringOf, type Around } from './rings.ts'
import type { SearchAnswer, SearchOrder, SearchPosition, SearchQuery, SearchRow } from './query.ts'

/** Above every time in seconds: who is online comes before everybody who is not. */
const ONLINE_SECONDS = 2 ** 41
const LATEST_SECONDS = 2 ** 40

type KeyOf = (row: number) => number

/** Different values of a chance. */
const CHANCES = 2 ** 32

function chanceOf({ ids }: Columns, seed: number): KeyOf {
  return (row) => mix32(mix32((ids[row * 4] ?? 0) ^ seed) ^ (ids[row * 4 + 1] ?? 0))
}

function ringsAround({ numbers, places, countries }: Columns, { place, country }: Around): KeyOf {
  const own = countries.find(country)
  const isCompatriot = (row: number): boolean => numbers.country[row] === own
  if (place === null) return (row) => ringOf(null, isCompatriot(row))
  const distance = places.distancesFrom(place)
  return (row) => {
    const code = numbers.place[row] ?? 0
    return code === 0 ? ringOf(null, isCompatriot(row)) : ringOf(distance(code), false)
  }
}

function keyOf(columns: Columns, order: SearchOrder): KeyOf {
  const { numbers } = columns
  switch (order.by) {
    case 'nearest': {
      const distance = columns.places.distancesFrom(order.from)
      return (row) => distance(numbers.place[row] ?? 0)
    }
    case 'newest':
      return (row) => -(numbers.joinedAt[row] ?? 0)
    case 'active': {
      const online = new Set(order.online.flatMap((name) => rowOf(columns, name) ?? []))
      const presence = 1 << SCOPES.indexOf('presence')
      return (row) => {
        const since = -Math.min(numbers.publishedAt[row] ?? 0, LATEST_SECONDS)
        const isOnline = online.has(row) && ((numbers.scopes[row] ?? 0) & presence) !== 0
        return isOnline ? since - ONLINE_SECONDS : since
      }
    }
    case 'chance':
      return chanceOf(columns, order.seed)
    case 'rings': {
      const chance = chanceOf(columns, order.seed)
      const ring = ringsAround(columns, order.around)
      return (row) => ring(row) * CHANCES + chance(row)
    }
    default:
      return () => 0
  }
}

/** Whether the record of a row comes before, at (0) or after another one: by id, then by home. */
function compareNames(
  columns: Columns,
  row: number,
  other: readonly number[],
  home: SiteId,
): number {
  const { ids } = columns
  for (let word = 0; word < 4; word += 1) {
    const difference = (ids[row * 4 + word] ?? 0) - (other[word] ?? 0)
    if (difference !== 0) return difference
  }
  const own = columns.homes.text(columns.numbers.home[row] ?? 0)
  return own === home ? 0 : own < home ? -1 : 1
}

function wordsAt({ ids }: Columns, row: number): number[] {
  return Array.from(ids.subarray(row * 4, row * 4 + 4))
}

function compareRows(columns: Columns, row: number, other: number): number {
  const { numbers, homes } = columns
  const home = homes.text(numbers.home[other] ?? 0) as SiteId
  return compareNames(columns, row, wordsAt(columns, other), home)
}

/** Keeps the first rows in an order: a heap with the last of them on top. */
interface Best {
  offer: (row: number, key: number) => void
  /** In order. */
  rows: () => { row: number; key: number }[]
}

function createBest(columns: Columns, limit: number): Best {
  const heap: { row: number; key: number }[] = []
  const compare = (a: { row: number; key: number }, b: { row: number; key: number }): number =>
    a.key === b.key ? compareRows(columns, a.row, b.row) : a.key < b.key ? -1 : 1

  function swap(a: number, b: number): void {
    const [first, second] = [heap[a], heap[b]]
    if (first === undefined || second === undefined) return
    heap[a] = second
    heap[b] = first
  }
  const isAfter = (a: number, b: number): boolean => {
    const [first, second] = [heap[a], heap[b]]
    return first !== undefined && second !== undefined && compare(first, second) > 0
  }
  function rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!isAfter(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }
  function sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const child = isAfter(left + 1, left) ? left + 1 : left
      if (!isAfter(child, at)) return
      swap(at, child)
      at = child
    }
  }

  return {
    offer: (row, key) => {
      const [top] = heap
      if (heap.length < limit) {
        heap.push({ row, key })
        rise(heap.length - 1)
      } else if (top !== undefined && key <= top.key && compare({ row, key }, top) < 0) {
        heap[0] = { row, key }
        sink()
      }
    },
    rows: () => heap.toSorted(compare),
  }
}

/** Calls back with each row that fits. `among` are rows that words have led to; null is all rows. */
function eachFitting(
  columns: Columns,
  condition: Condition,
  among: readonly number[] | null,
  visit: (row: number) => void,
): void {
  const { pairs, ageMin, ageMax, ownAge, homes, now, tests } = condition
  const { pair, age, seeksAgeMin, seeksAgeMax, home, expires } = columns.numbers
  const count = among === null ? columns.size : among.length
  const isAsked = ownAge !== null
  const own = ownAge ?? 0
  for (let at = 0; at < count; at += 1) {
    const row = among === null ? at : (among[at] ?? 0)
    // Each difference is negative where the row does not fit. One branch for all of them: which rows
    // fit is chance to a processor, and each wrong guess costs it more than reading five columns.
    const years = age[row] ?? 0
    const wishes = isAsked ? (own - (seeksAgeMin[row] ?? 0)) | ((seeksAgeMax[row] ?? 0) - own) : 0
    const accepted = (pairs[pair[row] ?? 0] ?? 0) - 1
    if ((accepted | wishes | (years - ageMin) | (ageMax - years)) < 0) continue
    if (homes[home[row] ?? 0] !== 1 || (expires[row] ?? 0) <= now) continue
    let fits = true
    for (let i = 0; fits && i < tests.length; i += 1) fits = tests[i]?.(row) === true
    if (fits) visit(row)
  }
}

function isAfterOf(columns: Columns, after: SearchPosition | undefined) {
  if (after === undefined) return () => true
  const { key: last, home } = after
  const words = idWords(after.record)
  return (row: number, key: number): boolean =>
    key > last || (key === last && compareNames(columns, row, words, home) > 0)
}

/** Kilometres to a row from where the query is asked; null where either place is not known. */
function distanceOf(columns: Columns, { from }: SearchQuery): (row: number) => number | null {
  if (from === undefined) return () => null
  const distance = columns.places.distancesFrom(from)
  return (row) => {
    const km = distance(columns.numbers.place[row] ?? 0)
    return km === Number.POSITIVE_INFINITY ? null : km
  }
}

/**
 * Answers a query from the columns.
 *
 * @param among rows that the words of the query have led to; null where it has none
 */
export function scan(
  columns: Columns,
  query: SearchQuery,
  among: readonly number[] | null,
): SearchAnswer {
  setDay(columns, dayOf(query.now))
  const key = keyOf(columns, query.order)
  const isAfter = isAfterOf(columns, query.after)
  const best = createBest(columns, query.limit)
  const counters = createCounters(columns, query.facets ?? [])
  let total = 0
  eachFitting(columns, conditionOf(columns, query), among, (row) => {
    total += 1
    for (const { count } of counters) count(row)
    const own = key(row)
    if (isAfter(row, own)) best.offer(row, own)
  })
  const distance = distanceOf(columns, query)
  const rows = best.rows().map(({ row, key: own }): SearchRow => {
    const { expires: _expires, ...body } = bodyOf(columns, row)
    return { ...body, distanceKm: distance(row), key: own }
  })
  const facets = Object.fromEntries(counters.map(({ facet, counts }) => [facet, counts()]))
  return { rows, total, facets }
}
