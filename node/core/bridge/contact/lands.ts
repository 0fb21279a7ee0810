/** The parts of the world of the old module, and the countries in each. */
import { countries, type TContinentCode } from 'countries-list'
import { COUNTRIES } from '../../../../protocol/countries.ts'

const CONTINENTS: ReadonlyMap<string, TContinentCode> = new Map([
  ['africa', 'AF'],
  ['asia', 'AS'],
  ['australia', 'OC'],
  ['europe', 'EU'],
  ['north-america', 'NA'],
  ['south-america', 'SA'],
])

const CONTINENT_OF: ReadonlyMap<string, TContinentCode> = new Map(
  Object.entries(countries).map(([code, { continent }]) => [code, continent]),
)

/** Codes of the countries of a land, sorted; none for a word that is no land. */
export function countriesOf(land: string): string[] {
  const continent = CONTINENTS.get(land)
  if (continent === undefined) return []
  return COUNTRIES.filter((code) => CONTINENT_OF.get(code) === continent)
}
