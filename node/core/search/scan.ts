/** Looks through the columns: which rows fit, the best of them in order, and how many of each kind. */
import { SCOPES } from '../../../protocol/consent.ts'
import { dayOf } from '../../../protocol/dates.ts'
import { compareNames, createBest } from './best.ts'
import { bodyOf, idWords, rowOf, setDay, type Columns } from './columns.ts'
import { conditionOf, fitsOf, type Condition } from './condition.ts'
import { createCounters } from './facets.ts'
import type { SearchAnswer, SearchOrder, SearchPosition, SearchQuery, SearchRow } from './query.ts'

/** Above every time in seconds: who is online comes before everybody who is not. */
const ONLINE_SECONDS = 2 ** 41
const LATEST_SECONDS = 2 ** 40

type KeyOf = (row: number) => number

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
    default:
      return () => 0
  }
}

/** Calls back with each row that fits. `among` are rows that words have led to; null is all rows. */
function eachFitting(
  columns: Columns,
  condition: Condition,
  among: readonly number[] | null,
  visit: (row: number) => void,
): void {
  const fits = fitsOf(columns, condition)
  const count = among === null ? columns.size : among.length
  for (let at = 0; at < count; at += 1) {
    const row = among === null ? at : (among[at] ?? 0)
    if (fits(row)) visit(row)
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
