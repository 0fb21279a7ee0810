/** Counts, among the records that fit, how many there are of each kind. */
import { GENDERS } from '../../../protocol/vocabulary.ts'
import { factsOfPair, hasPicture, PAIRS, type Columns } from './columns.ts'
import type { Facet } from './query.ts'

/** Counts one facet. */
export interface Counter {
  facet: Facet
  count: (row: number) => void
  /** How many by value; values that nobody has are left out. */
  counts: () => Record<string, number>
}

const OLDEST_DECADE = 26

/** Counts by a number, which has a name. */
function counting(
  facet: Facet,
  size: number,
  numberOf: (row: number) => number,
  namesOf: (number: number) => readonly string[],
): Counter {
  const list = new Uint32Array(size)
  return {
    facet,
    count: (row) => {
      const number = numberOf(row)
      list[number] = (list[number] ?? 0) + 1
    },
    counts: () => {
      const counts: Record<string, number> = {}
      for (const [number, found] of list.entries())
        if (found > 0)
          for (const name of namesOf(number))
            if (name !== '') counts[name] = (counts[name] ?? 0) + found
      return counts
    },
  }
}

function counterOf(columns: Columns, facet: Facet): Counter {
  const { numbers, choices, options, homes, countries, languageLists } = columns
  switch (facet) {
    case 'gender':
      return counting(
        facet,
        PAIRS,
        (row) => numbers.pair[row] ?? 0,
        (pair) => GENDERS.filter((gender) => factsOfPair(pair).gender === gender),
      )
    case 'age':
      return counting(
        facet,
        OLDEST_DECADE,
        (row) => Math.floor((numbers.age[row] ?? 0) / 10),
        (decade) => [String(decade * 10)],
      )
    case 'hasPicture':
      return counting(
        facet,
        2,
        (row) => (hasPicture(columns, row) ? 1 : 0),
        (has) => [String(has === 1)],
      )
    case 'languages':
      return counting(
        facet,
        languageLists.size(),
        (row) => numbers.languages[row] ?? 0,
        (list) => languageLists.text(list).split(','),
      )
    case 'country':
      return counting(
        facet,
        countries.size(),
        (row) => numbers.country[row] ?? 0,
        (code) => [countries.text(code)],
      )
    case 'home':
      return counting(
        facet,
        homes.size(),
        (row) => numbers.home[row] ?? 0,
        (code) => [homes.text(code)],
      )
    default:
      return counting(
        facet,
        options[facet].size(),
        (row) => choices[facet][row] ?? 0,
        (code) => [options[facet].text(code)],
      )
  }
}

/** Makes a counter for each facet that is asked for. */
export function createCounters(columns: Columns, facets: readonly Facet[]): Counter[] {
  return facets.map((facet) => counterOf(columns, facet))
}
