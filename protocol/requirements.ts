/** What a partner accepts (policy §11.3), and whether a record fits it. */
import { z } from 'zod'
import { ageOnDay, dayNumber, dayOf } from './dates.ts'
import { isCountry } from './countries.ts'
import { ProtocolError } from './errors.ts'
import { parseWith } from './schema.ts'
import { ADULT_YEARS, GENDERS, type SharedProfile } from './vocabulary.ts'

/** Types of dating sites, as existing Dating Pro sites name them. */
export const SITE_TYPES = [
  'adult',
  'asian',
  'black',
  'buddhist',
  'casual',
  'christian',
  'cougar',
  'gay',
  'general',
  'indian',
  'interracial',
  'jewish',
  'latin',
  'lesbian',
  'muslim',
  'russian',
  'senior',
  'sugardaddy',
  'transgender',
  'white',
] as const
export type SiteType = (typeof SITE_TYPES)[number]

export const ORIENTATIONS = ['bisexual', 'gay', 'queer', 'straight'] as const
export type Orientation = (typeof ORIENTATIONS)[number]

const OLDEST_YEARS = 120
const HALF_EQUATOR_KM = 20_038
const LIST_ITEMS = 249

const place = z.strictObject({
  latitudeTenths: z.int().min(-900).max(900),
  longitudeTenths: z.int().min(-1800).max(1800),
  radiusKm: z.int().min(1).max(HALF_EQUATOR_KM),
})
const age = z.int().min(ADULT_YEARS).max(OLDEST_YEARS)
const country = z.string().refine(isCountry, {
  params: {
    protocol: { code: 'out_of_range', expected: 'an ISO 3166-1 alpha-2 country code' },
  },
})
const language = z.string().refine((tag) => /^[a-z]{2,3}$/.test(tag), {
  params: {
    protocol: {
      code: 'out_of_range',
      expected: 'a BCP 47 primary language tag in lower case',
    },
  },
})

/** A list that is absent accepts anything, an empty one nothing. */
export const requirementsSchema = z.strictObject({
  ageMin: age.exactOptional(),
  ageMax: age.exactOptional(),
  genders: z.array(z.enum(GENDERS)).max(GENDERS.length).exactOptional(),
  orientations: z.array(z.enum(ORIENTATIONS)).max(ORIENTATIONS.length).exactOptional(),
  /** Languages of the home site's pages. */
  languages: z.array(language).max(LIST_ITEMS).exactOptional(),
  countries: z.array(country).max(LIST_ITEMS).exactOptional(),
  near: place.exactOptional(),
  siteTypes: z.array(z.enum(SITE_TYPES)).max(SITE_TYPES.length).exactOptional(),
})
/** What a partner accepts. All that is given must be met. */
export type Requirements = z.output<typeof requirementsSchema>

/** Requirements that no record meets. */
export const ACCEPT_NOTHING: Requirements = { genders: [] }

const LISTS = ['genders', 'orientations', 'languages', 'countries', 'siteTypes'] as const

/**
 * Parses requirements from JSON or CBOR. Lists come out sorted.
 *
 * @throws ProtocolError `unknown_field`, `wrong_type`, `out_of_range`
 */
export function parseRequirements(value: unknown): Requirements {
  const requirements = parseWith(requirementsSchema, value)
  if ((requirements.ageMin ?? ADULT_YEARS) > (requirements.ageMax ?? OLDEST_YEARS))
    throw new ProtocolError('out_of_range', '/ageMax', 'no less than ageMin')
  for (const name of LISTS) {
    const list: string[] | undefined = requirements[name]
    if (list === undefined) continue
    if (new Set(list).size < list.length)
      throw new ProtocolError('out_of_range', `/${name}`, 'each item once')
    list.sort()
  }
  const { near } = requirements
  if (near !== undefined) {
    // JSON can say -0, which CBOR could only write as a float.
    near.latitudeTenths += 0
    near.longitudeTenths += 0
  }
  return requirements
}

/** What the gate compares of one record; kept as columns, so that no body need be opened. */
export interface Facts {
  gender: string
  seeks: string[]
  seeksAgeMin: number
  seeksAgeMax: number
  /** Day number of birth, where the body has it. */
  birthDay: number | null
  /** Age as of publishing, where the body has no birth date. */
  ageYears: number | null
  /** Day number at which ageYears was true: the day of publishing. */
  agedOn: number | null
  language: string
  country: string
  latitudeTenths: number | null
  longitudeTenths: number | null
}

/**
 * The facts of a profile.
 *
 * @param publishedAt unix seconds of the publish entry
 */
export function factsOf(profile: SharedProfile, publishedAt: number): Facts {
  const { birthDate, ageYears } = profile
  return {
    gender: profile.gender,
    seeks: profile.seeks,
    seeksAgeMin: profile.seeksAgeMin,
    seeksAgeMax: profile.seeksAgeMax,
    birthDay: birthDate === undefined ? null : dayNumber(birthDate),
    ageYears: ageYears ?? null,
    agedOn: ageYears === undefined ? null : dayOf(publishedAt),
    language: profile.language,
    country: profile.country,
    latitudeTenths: profile.latitudeTenths ?? null,
    longitudeTenths: profile.longitudeTenths ?? null,
  }
}

/**
 * Years of age on a day. Where only the age as of publishing is known it stays that until the home
 * publishes anew: to add the years since would reveal, over time, the birthday that was kept back,
 * and could only be wrong. Too low an age never shows a minor: who is published is of age.
 */
export function ageOfFacts(facts: Facts, todayDay: number): number {
  return facts.birthDay === null ? (facts.ageYears ?? 0) : ageOnDay(facts.birthDay, todayDay)
}

const SIDES: Readonly<Record<string, 'man' | 'woman'>> = {
  man: 'man',
  'trans-man': 'man',
  woman: 'woman',
  'trans-woman': 'woman',
}

/**
 * The orientation that gender and preferred genders amount to. Trans women are women, trans men are
 * men. `queer` is all that the other three words do not describe, the undisclosed included.
 */
export function orientationOf(gender: string, seeks: readonly string[]): Orientation {
  const own = SIDES[gender]
  if (own === undefined) return 'queer'
  let same = false
  let other = false
  for (const sought of seeks) {
    if (sought === 'any') return 'bisexual'
    const side = SIDES[sought]
    if (side === undefined) return 'queer'
    if (side === own) same = true
    else other = true
  }
  if (same) return other ? 'bisexual' : 'gay'
  return other ? 'straight' : 'queer'
}

const EARTH_RADIUS_KM = 6371.0088
const RADIANS_PER_TENTH = Math.PI / 1800

/** A place in tenths of a degree. */
export interface Place {
  latitudeTenths: number
  longitudeTenths: number
}

/**
 * Kilometres between two places on a sphere of the earth's mean radius.
 *
 * @see R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984); the mean radius R1
 *   is that of the IUGG (Moritz, Geodetic Reference System 1980)
 */
export function distanceKm(a: Place, b: Place): number {
  const latitudeA = a.latitudeTenths * RADIANS_PER_TENTH
  const latitudeB = b.latitudeTenths * RADIANS_PER_TENTH
  const halfLatitude = Math.sin((latitudeB - latitudeA) / 2)
  const halfLongitude = Math.sin(((b.longitudeTenths - a.longitudeTenths) * RADIANS_PER_TENTH) / 2)
  const haversine =
    halfLatitude * halfLatitude +
    Math.cos(latitudeA) * Math.cos(latitudeB) * halfLongitude * halfLongitude
  // Rounding may carry antipodes a hair above 1, of which there is no arc sine.
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(Math.min(1, haversine)))
}

function isNear(near: NonNullable<Requirements['near']>, facts: Facts): boolean {
  const { latitudeTenths, longitudeTenths } = facts
  if (latitudeTenths === null || longitudeTenths === null) return false
  return distanceKm(near, { latitudeTenths, longitudeTenths }) <= near.radiusKm
}

const accepts = (list: readonly string[] | undefined, word: string): boolean =>
  list === undefined || list.includes(word)

/**
 * Whether a record meets the requirements on a day. Total: unknown words are simply not accepted by
 * any list, and who has no coordinates is not near anything.
 *
 * @param homeSiteType type of the site whose member it is
 */
export function matches(
  requirements: Requirements,
  facts: Facts,
  homeSiteType: string,
  todayDay: number,
): boolean {
  const { ageMin, ageMax, orientations, near } = requirements
  if (!accepts(requirements.siteTypes, homeSiteType)) return false
  if (!accepts(requirements.genders, facts.gender)) return false
  if (!accepts(requirements.languages, facts.language)) return false
  if (!accepts(requirements.countries, facts.country)) return false
  if (
    orientations !== undefined &&
    !accepts(orientations, orientationOf(facts.gender, facts.seeks))
  )
    return false
  if (ageMin !== undefined || ageMax !== undefined) {
    const years = ageOfFacts(facts, todayDay)
    if (years < (ageMin ?? 0) || years > (ageMax ?? Number.POSITIVE_INFINITY)) return false
  }
  return near === undefined || isNear(near, facts)
}
