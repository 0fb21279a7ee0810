/** What the old module's settings amount to: which records of other sites it wants. */
import { isCountry } from '../../../../protocol/countries.ts'
import {
  ORIENTATIONS,
  parseRequirements,
  SITE_TYPES,
  type Requirements,
} from '../../../../protocol/requirements.ts'
import { ADULT_YEARS, type Gender } from '../../../../protocol/vocabulary.ts'
import { countriesOf } from './lands.ts'

/** Values of the query by name, without their indexes. */
export type ModuleQuery = ReadonlyMap<string, readonly string[]>

const OLDEST_YEARS = 120
const ALL = 'all'

/** A bridged site says "transgender" of those whom others call by more exact words. */
const GENDERS_OF: ReadonlyMap<string, readonly Gender[]> = new Map([
  ['male', ['man']],
  ['female', ['woman']],
  ['transgender', ['self-described', 'trans-man', 'trans-woman']],
])

/**
 * What a list accepts, in the words of the Network; null where it accepts all. Words that are
 * unknown are left out: a list of nothing else accepts nothing, since to accept all would hand over
 * more than was asked for.
 */
function accepted<T extends string>(
  query: ModuleQuery,
  name: string,
  meaning: (word: string) => readonly T[],
): T[] | null {
  const words = query.get(name)
  if (words === undefined || words.length === 0 || words.includes(ALL)) return null
  return [...new Set(words.flatMap(meaning))]
}

function oneOf<T extends string>(list: readonly T[]): (word: string) => T[] {
  return (word) => list.filter((known) => known === word)
}

function age(query: ModuleQuery, name: string): number | null {
  const text = query.get(name)?.[0] ?? ''
  if (!/^\d{1,3}$/.test(text)) return null
  return Math.min(Math.max(Number(text), ADULT_YEARS), OLDEST_YEARS)
}

/** Of countries by code and by land; what is given twice must be met twice. */
function countries(query: ModuleQuery): string[] | null {
  const byCode = accepted(query, 'country_code', (code) => (isCountry(code) ? [code] : []))
  const byLand = accepted(query, 'land', countriesOf)
  if (byCode === null || byLand === null) return byCode ?? byLand
  return byCode.filter((code) => byLand.includes(code))
}

/** The requirements that the module's settings amount to; lists are sorted. */
export function requirementsOf(query: ModuleQuery): Requirements {
  const ageMin = age(query, 'min_age')
  const ageMax = age(query, 'max_age')
  const isAge = ageMin === null || ageMax === null || ageMin <= ageMax
  const lists = {
    siteTypes: accepted(query, 'site_type', oneOf(SITE_TYPES)),
    genders: accepted(query, 'user_type', (word) => GENDERS_OF.get(word) ?? []),
    orientations: accepted(query, 'orientation', oneOf(ORIENTATIONS)),
    languages: accepted(query, 'lang', (code) =>
      /^[A-Za-z]{2}$/.test(code) ? [code.toLowerCase()] : [],
    ),
    countries: countries(query),
  }
  return parseRequirements({
    ...(isAge && ageMin !== null && { ageMin }),
    ...(isAge && ageMax !== null && { ageMax }),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== null)),
  })
}
