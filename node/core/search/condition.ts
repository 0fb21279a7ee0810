/** Turns a filter into numbers and tests that rows are held against. */
import { SCOPES } from '../../../protocol/consent.ts'
import { dayOf } from '../../../protocol/dates.ts'
import { ageOfFacts } from '../../../protocol/requirements.ts'
import { GENDERS } from '../../../protocol/vocabulary.ts'
import { tableOf } from './codes.ts'
import {
  factsOfPair,
  hasPicture,
  isRead,
  NOBODY,
  PAIRS,
  rowOf,
  rowsOf,
  type Columns,
} from './columns.ts'
import type { SearchFilter } from './query.ts'

type RowTest = (row: number) => boolean

/** A filter as numbers. Ages of 255 years are nobody's. */
export interface Condition {
  /** By pair: whether gender and genders sought are accepted. */
  pairs: Uint8Array
  ageMin: number
  ageMax: number
  /** The age that must lie in what a record seeks; null where it is not asked. */
  ownAge: number | null
  /** By code of the home. */
  homes: Uint8Array
  now: number
  tests: RowTest[]
}

const OLDEST = 254

/** Whether a gender is among those sought. */
export function seeksGender(seeks: readonly string[], gender: string): boolean {
  return seeks.includes('any') || seeks.includes(gender)
}

function pairsOf({ mutual, genders }: SearchFilter): Uint8Array {
  const pairs = new Uint8Array(PAIRS)
  for (let pair = 0; pair < GENDERS.length * 128; pair += 1) {
    const { gender, seeks } = factsOfPair(pair)
    const isWanted = genders === undefined || genders.includes(gender)
    const isMutual =
      mutual === undefined ||
      (seeksGender(mutual.seeks, gender) && seeksGender(seeks, mutual.gender))
    if (isWanted && isMutual) pairs[pair] = 1
  }
  pairs[NOBODY] = 0
  return pairs
}

function languageTest(columns: Columns, languages: readonly string[]): RowTest {
  const { languageLists, numbers } = columns
  const table = new Uint8Array(languageLists.size())
  for (let code = 1; code < table.length; code += 1)
    if (
      languageLists
        .text(code)
        .split(',')
        .some((one) => languages.includes(one))
    )
      table[code] = 1
  return (row) => table[numbers.languages[row] ?? 0] === 1
}

function rowSet(columns: Columns, rows: Iterable<number>): RowTest {
  const table = new Uint8Array(columns.size)
  for (const row of rows) table[row] = 1
  return (row) => table[row] === 1
}

function* placeTests(columns: Columns, filter: SearchFilter): Generator<RowTest> {
  const { numbers, countries, places } = columns
  if (filter.countries !== undefined) {
    const table = tableOf(countries, filter.countries)
    yield (row) => table[numbers.country[row] ?? 0] === 1
  }
  if (filter.near !== undefined) {
    const { radiusKm } = filter.near
    const distance = places.distancesFrom(filter.near)
    yield (row) => distance(numbers.place[row] ?? 0) <= radiusKm
  }
}

function* traitTests(columns: Columns, filter: SearchFilter): Generator<RowTest> {
  const { numbers, choices, options } = columns
  const { hasPicture: wanted } = filter
  if (wanted !== undefined) yield (row) => hasPicture(columns, row) === wanted
  if (filter.languages !== undefined) yield languageTest(columns, filter.languages)
  for (const name of Object.keys(filter.choices ?? {}) as (keyof typeof choices)[]) {
    const words = filter.choices?.[name]
    if (words === undefined) continue
    const table = tableOf(options[name], words)
    const column = choices[name]
    yield (row) => table[column[row] ?? 0] === 1
  }
  for (const name of ['heightCm', 'weightKg'] as const) {
    const range = filter.ranges?.[name]
    if (range === undefined) continue
    const { min = 1, max = Number.POSITIVE_INFINITY } = range
    const column = numbers[name]
    yield (row) => {
      const value = column[row] ?? 0
      return value > 0 && value >= min && value <= max
    }
  }
}

function* recordTests(columns: Columns, filter: SearchFilter): Generator<RowTest> {
  const { numbers } = columns
  const { joinedSince, scopes, only, without = [] } = filter
  if (joinedSince !== undefined) yield (row) => (numbers.joinedAt[row] ?? 0) >= joinedSince
  if (scopes !== undefined) {
    let bits = 0
    for (const [bit, scope] of SCOPES.entries()) if (scopes.includes(scope)) bits |= 1 << bit
    yield (row) => ((numbers.scopes[row] ?? 0) & bits) === bits
  }
  if (only !== undefined)
    yield rowSet(
      columns,
      only.flatMap((name) => rowOf(columns, name) ?? []),
    )
  if (without.length > 0) {
    const isLeftOut = rowSet(
      columns,
      without.flatMap((record) => rowsOf(columns, record)),
    )
    yield (row) => !isLeftOut(row)
  }
}

/** Whether a filter asks for what is only known once bodies have been read. */
export function needsReading({ text, words, choices }: SearchFilter): boolean {
  return (
    text !== undefined ||
    Object.values(words ?? {}).some((one) => one !== undefined) ||
    choices?.race !== undefined ||
    choices?.religion !== undefined
  )
}

/** Makes the condition of a filter, for the columns as they are now. Words are not in it. */
export function conditionOf(columns: Columns, filter: SearchFilter): Condition {
  const { mutual, now } = filter
  const tests = [
    ...placeTests(columns, filter),
    ...traitTests(columns, filter),
    ...recordTests(columns, filter),
  ]
  if (needsReading(filter)) tests.push((row) => isRead(columns, row))
  return {
    pairs: pairsOf(filter),
    ageMin: Math.max(filter.ageMin ?? 0, mutual?.seeksAgeMin ?? 0),
    ageMax: Math.min(filter.ageMax ?? OLDEST, mutual?.seeksAgeMax ?? OLDEST),
    ownAge: mutual === undefined ? null : ageOfFacts(mutual, dayOf(now)),
    homes: tableOf(columns.homes, filter.homes),
    now,
    tests,
  }
}

/** The test of a condition, for the columns as they are now. */
export function fitsOf(columns: Columns, condition: Condition): RowTest {
  const { pairs, ageMin, ageMax, ownAge, homes, now, tests } = condition
  const { pair, age, seeksAgeMin, seeksAgeMax, home, expires } = columns.numbers
  const isAsked = ownAge !== null
  const own = ownAge ?? 0
  return (row) => {
    // Each difference is negative where the row does not fit. One branch for all of them: which rows
    // fit is chance to a processor, and each wrong guess costs it more than reading five columns.
    const years = age[row] ?? 0
    const wishes = isAsked ? (own - (seeksAgeMin[row] ?? 0)) | ((seeksAgeMax[row] ?? 0) - own) : 0
    const accepted = (pairs[pair[row] ?? 0] ?? 0) - 1
    if ((accepted | wishes | (years - ageMin) | (ageMax - years)) < 0) return false
    if (homes[home[row] ?? 0] !== 1 || (expires[row] ?? 0) <= now) return false
    let passes = true
    for (let i = 0; passes && i < tests.length; i += 1) passes = tests[i]?.(row) === true
    return passes
  }
}
