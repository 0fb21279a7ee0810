/** Looks through the columns for those around somebody, without counting the others. */
import { dayOf } from '../../../protocol/dates.ts'
import { createBest } from './best.ts'
import { bodyOf, mix32, nameOf, setDay, type Columns } from './columns.ts'
import { conditionOf, fitsOf } from './condition.ts'
import type { PoolQuery, PoolRow } from './query.ts'
import { ringBetween, ringOf, type Around } from './rings.ts'

/** Different values of a chance. */
const CHANCES = 2 ** 32
/** In place of a ring: that of a row whose distance is not known goes by its country. */
const BY_COUNTRY = 0xff

/** The ring of each place by its code. There are far fewer places than rows. */
function ringsOf({ places }: Columns, { place: from }: Around): Uint8Array {
  const rings = new Uint8Array(places.size()).fill(BY_COUNTRY)
  if (from === null) return rings
  for (let code = 1; code < rings.length; code += 1) {
    const place = places.place(code)
    if (place !== null) rings[code] = ringBetween(from, place)
  }
  return rings
}

/**
 * Finds the pool. Once it is full, rows of outer rings are passed over by their place alone: of a
 * million rows few are near.
 *
 * @param among rows that the words of the query have led to; null where it has none
 */
export function poolOf(
  columns: Columns,
  query: PoolQuery,
  among: readonly number[] | null,
): PoolRow[] {
  setDay(columns, dayOf(query.now))
  const { seed, around, limit } = query
  const { ids } = columns
  const { place, country } = columns.numbers
  const own = columns.countries.find(around.country) ?? -1
  const [compatriot, stranger] = [ringOf(null, true), ringOf(null, false)]
  const rings = ringsOf(columns, around)
  const fits = fitsOf(columns, conditionOf(columns, query))
  const best = createBest(columns, limit)
  const count = among === null ? columns.size : among.length
  let outermost = BY_COUNTRY
  for (let at = 0; at < count; at += 1) {
    const row = among === null ? at : (among[at] ?? 0)
    let ring = rings[place[row] ?? 0] ?? BY_COUNTRY
    if (ring === BY_COUNTRY) ring = country[row] === own ? compatriot : stranger
    if (ring > outermost || !fits(row)) continue
    const chance = mix32(mix32((ids[row * 4] ?? 0) ^ seed) ^ (ids[row * 4 + 1] ?? 0))
    best.offer(row, ring * CHANCES + chance)
    const bound = best.bound()
    if (bound !== Number.POSITIVE_INFINITY) outermost = Math.floor(bound / CHANCES)
  }
  return best.rows().map(({ row }) => {
    const { home, record, index } = nameOf(columns, row)
    return { home, record, index, read: () => bodyOf(columns, row) }
  })
}
