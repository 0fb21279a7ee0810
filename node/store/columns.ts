/** The columns of a body in clear: rows of the table, and what they say. */
import type { Scope } from '../../protocol/consent.ts'
import { recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { CHOICE_FIELDS, type Traits } from '../core/search/traits.ts'
import type { BodyColumns, GatedColumns } from '../core/store.ts'
import type { BodyTable } from './schema.ts'
import { joinWords, splitWords, type Value } from './transaction.ts'

/** Columns that hold traits. */
export const TRAIT_COLUMNS = ['picture', 'languages', 'height_cm', 'weight_kg', 'choices'] as const

/** Traits as column values. Without traits the choices are null: not even an empty list. */
export function traitValues(traits: Traits | null): Value[] {
  if (traits === null) return [0, '', null, null, null]
  const { hasPicture, languages, heightCm, weightKg, choices } = traits
  const words = CHOICE_FIELDS.flatMap((name) =>
    choices[name] === undefined ? [] : [`${name}:${choices[name]}`],
  )
  return [hasPicture ? 1 : 0, joinWords(languages), heightCm, weightKg, joinWords(words)]
}

function traitsOf(row: BodyTable): Traits | null {
  if (row.choices === null) return null
  const choices: Record<string, string> = {}
  for (const word of splitWords(row.choices)) {
    const colon = word.indexOf(':')
    choices[word.slice(0, colon)] = word.slice(colon + 1)
  }
  return {
    hasPicture: row.picture === 1,
    languages: splitWords(row.languages),
    heightCm: row.height_cm,
    weightKg: row.weight_kg,
    choices,
  }
}

/** The columns that the gate looks at. */
export const GATED_COLUMNS = [
  'expires',
  'scopes',
  'excludes',
  'gender',
  'seeks',
  'seeks_age_min',
  'seeks_age_max',
  'birth_day',
  'age_years',
  'aged_on',
  'language',
  'country',
  'latitude_tenths',
  'longitude_tenths',
] as const satisfies readonly (keyof BodyTable)[]

/** What these columns say. */
export function gatedColumnsOf(row: Pick<BodyTable, (typeof GATED_COLUMNS)[number]>): GatedColumns {
  return {
    expires: row.expires,
    scopes: splitWords<Scope>(row.scopes),
    excludes: splitWords<SiteId>(row.excludes),
    facts: {
      gender: row.gender,
      seeks: splitWords(row.seeks),
      seeksAgeMin: row.seeks_age_min,
      seeksAgeMax: row.seeks_age_max,
      birthDay: row.birth_day,
      ageYears: row.age_years,
      agedOn: row.aged_on,
      language: row.language,
      country: row.country,
      latitudeTenths: row.latitude_tenths,
      longitudeTenths: row.longitude_tenths,
    },
  }
}

/** What a row says. */
export function columnsOf(row: BodyTable): BodyColumns {
  const { expires, scopes, excludes, facts } = gatedColumnsOf(row)
  const traits = traitsOf(row)
  return {
    record: recordIdOf(row.record),
    index: row.idx,
    expires,
    scopes,
    excludes,
    facts,
    traits,
  }
}
