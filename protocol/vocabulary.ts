/**
 * The closed vocabulary of a profile (design §4.3, policy §12.1): each field once, with who may see
 * it and which consent it needs. What is not here is refused, from sites and from partners alike.
 */
import { z } from 'zod'
import { isSortedUnique, sorted, type Scope } from './consent.ts'
import { findContactDetails } from './contact.ts'
import { COUNTRIES, isCountry } from './countries.ts'
import { ageOn, isIsoDate, type IsoDate } from './dates.ts'
import { ProtocolError } from './errors.ts'
import { GALLERY_PICTURES } from './limits.ts'
import { integer, listOf, oneOf, quick, strict, textThat } from './quick.ts'
import { parseWith, type ProtocolIssue } from './schema.ts'
import { objectOf } from './shape.ts'

/** Policy §12.1: never shown; shown; shown if the member has given it. */
export type Visibility = 'hidden' | 'visible' | 'optional'
export type Unit = 'years' | 'tenths of a degree' | 'cm' | 'kg'
/** Whose age is checked, and how: `today` in the refusing party's calendar. */
export interface Eligibility {
  today: IsoDate
  minimumAge: number
}

export const GENDERS = [
  'man',
  'non-binary',
  'self-described',
  'trans-man',
  'trans-woman',
  'undisclosed',
  'woman',
] as const
export type Gender = (typeof GENDERS)[number]
/** Who is sought; `any` stands alone. Nobody can seek the undisclosed. */
export const SOUGHT = [
  'any',
  'man',
  'non-binary',
  'self-described',
  'trans-man',
  'trans-woman',
  'woman',
] as const
export type Sought = (typeof SOUGHT)[number]

/** Years: the Network's floor, whatever its terms add, and a bound on nonsense. */
export const ADULT_YEARS = 18
const OLDEST_YEARS = 120
const LANGUAGES_PER_PROFILE = 16

const because = (expected: string): { params: { protocol: ProtocolIssue } } => ({
  params: { protocol: { code: 'out_of_range', expected } },
})
function matching(pattern: RegExp, expected: string): z.ZodString {
  const test = (value: string): boolean => pattern.test(value)
  return textThat(test, z.string().refine(test, because(expected)))
}

/** Characters are Unicode code points, as the sites' databases count them. */
function hasAtMost(value: string, chars: number): boolean {
  if (value.length <= chars) return true
  if (value.length > 2 * chars) return false
  let count = 0
  for (const _ of value) count += 1
  return count <= chars
}
const CONTROL = /\p{Cc}/u
const CONTROL_BUT_LINES = /[^\P{Cc}\n\r\t]/u

function text(chars: number, lines: 'line' | 'lines' = 'line'): z.ZodString {
  const forbidden = lines === 'line' ? CONTROL : CONTROL_BUT_LINES
  const test = (value: string): boolean =>
    value.length > 0 && hasAtMost(value, chars) && value.isWellFormed() && !forbidden.test(value)
  const expected = `1 to ${chars} characters of text without control characters`
  return textThat(
    test,
    z.string().refine(test, because(expected)).meta({ minLength: 1, maxLength: chars }),
  )
}

function degreesUpTo(most: number): z.ZodNumber {
  return quick(z.number().min(-most).max(most), (value) =>
    typeof value === 'number' && Math.abs(value) <= most ? value : undefined,
  )
}

const age = integer(ADULT_YEARS, OLDEST_YEARS)
const date = textThat(
  isIsoDate,
  z.string().refine(isIsoDate, because('a date as YYYY-MM-DD')).meta({ format: 'date' }),
) as unknown as z.ZodType<IsoDate, string>
const country = textThat(
  isCountry,
  z
    .string()
    .refine(isCountry, because('an ISO 3166-1 alpha-2 country code'))
    .meta({ enum: [...COUNTRIES] }),
)
const language = matching(/^[a-z]{2,3}$/, 'a BCP 47 primary language tag in lower case')
const picture = matching(/^[0-9a-f]{64}$/, 'a SHA-256 as 64 lower-case hexadecimal digits')
const choice = <const T extends readonly string[]>(...options: T) =>
  oneOf([...options, 'undisclosed'])

interface Field {
  visibility: Visibility
  scope: Scope
  /** Absent from the profile where not given. */
  optional: boolean
  /** Free text or a name, searched for contact details. */
  isText: boolean
  unit: Unit | null
  schema: z.ZodType
}

type Settings = Partial<Pick<Field, 'isText' | 'unit' | 'visibility' | 'scope'>>
const must = <S extends z.ZodType>(schema: S, settings: Settings = {}) => ({
  visibility: 'visible' as Visibility,
  scope: 'discovery' as Scope,
  isText: false,
  unit: null as Unit | null,
  ...settings,
  optional: false as const,
  schema,
})
const may = <S extends z.ZodType>(schema: S, settings: Settings = {}) => ({
  ...must(schema, { visibility: 'optional', ...settings }),
  optional: true as const,
})
const searched = { isText: true } as const

/** The table: every field that may leave a node. */
export const FIELDS = {
  nickname: must(text(64), searched),
  birthDate: may(date, { scope: 'birth-date', visibility: 'visible' }),
  ageYears: may(age, { unit: 'years', visibility: 'visible' }),
  gender: must(oneOf(GENDERS)),
  genderDescription: may(text(100), searched),
  seeks: must(listOf(oneOf(SOUGHT), 1, SOUGHT.length)),
  seeksAgeMin: must(age, { unit: 'years' }),
  seeksAgeMax: must(age, { unit: 'years' }),
  country: must(country),
  latitudeTenths: may(integer(-900, 900), {
    unit: 'tenths of a degree',
    visibility: 'visible',
  }),
  longitudeTenths: may(integer(-1800, 1800), {
    unit: 'tenths of a degree',
    visibility: 'visible',
  }),
  region: may(text(100), searched),
  city: may(text(100), searched),
  language: must(language, { visibility: 'hidden' }),
  languages: may(listOf(language, 1, LANGUAGES_PER_PROFILE)),
  firstName: may(text(64), { ...searched, scope: 'names' }),
  lastName: may(text(64), { ...searched, scope: 'names' }),
  picture: may(picture, { scope: 'pictures', visibility: 'visible' }),
  gallery: may(listOf(picture, 1, GALLERY_PICTURES), { scope: 'pictures' }),
  bodyType: may(choice('slim', 'average', 'athletic', 'curvy', 'large', 'other'), {
    scope: 'appearance',
  }),
  hairColour: may(
    choice('black', 'brown', 'blond', 'red', 'grey', 'white', 'bald', 'coloured', 'other'),
    { scope: 'appearance' },
  ),
  eyeColour: may(choice('blue', 'green', 'grey', 'brown', 'hazel', 'black', 'other'), {
    scope: 'appearance',
  }),
  heightCm: may(integer(100, 250), { scope: 'appearance', unit: 'cm' }),
  weightKg: may(integer(30, 300), { scope: 'appearance', unit: 'kg' }),
  race: may(
    choice(
      'asian',
      'black',
      'indigenous',
      'latin',
      'middle-eastern',
      'mixed',
      'pacific',
      'south-asian',
      'white',
      'self-described',
    ),
    { scope: 'race' },
  ),
  raceDescription: may(text(100), { ...searched, scope: 'race' }),
  religion: may(
    choice(
      'agnostic',
      'atheist',
      'buddhist',
      'christian',
      'hindu',
      'jewish',
      'muslim',
      'none',
      'sikh',
      'spiritual',
      'self-described',
    ),
    { scope: 'religion' },
  ),
  religionDescription: may(text(100), { ...searched, scope: 'religion' }),
  smoking: may(choice('never', 'sometimes', 'daily', 'quitting'), { scope: 'habits' }),
  drinking: may(choice('never', 'rarely', 'socially', 'often'), { scope: 'habits' }),
  headline: may(text(255, 'lines'), searched),
  description: may(text(1000, 'lines'), searched),
  maritalStatus: may(
    choice('single', 'in-a-relationship', 'married', 'separated', 'divorced', 'widowed'),
  ),
  occupation: may(text(100), searched),
  purpose: may(choice('friendship', 'dating', 'relationship', 'marriage', 'casual', 'chat')),
  wantsChildren: may(choice('yes', 'no', 'maybe')),
  hasChildren: may(choice('none', 'living-with-me', 'living-elsewhere', 'grown-up')),
  education: may(
    choice('none', 'school', 'vocational', 'college', 'bachelor', 'master', 'doctorate'),
  ),
  hobbies: may(text(1000, 'lines'), searched),
} satisfies Record<string, Field>
export type FieldName = keyof typeof FIELDS
export const FIELD_NAMES = Object.keys(FIELDS) as FieldName[]
const SCOPE_OF = new Map(FIELD_NAMES.map((name) => [name, FIELDS[name].scope]))

type Schemas = {
  [K in FieldName]: (typeof FIELDS)[K]['optional'] extends true
    ? z.ZodExactOptional<(typeof FIELDS)[K]['schema']>
    : (typeof FIELDS)[K]['schema']
}
/** The zod schemas by field, for schemas that hold a shared profile and more. */
export const SHARED_SCHEMAS = Object.fromEntries(
  Object.entries(FIELDS).map(([name, { schema, optional }]) => [
    name,
    optional ? z.exactOptional(schema as z.ZodType) : schema,
  ]),
) as Schemas

const {
  ageYears: _ageYears,
  latitudeTenths: _latitudeTenths,
  longitudeTenths: _longitudeTenths,
  ...inputSchemas
} = SHARED_SCHEMAS

const sharedProfileSchema = strict(SHARED_SCHEMAS)
/** The JSON by which a site hands in a profile; cross-field rules are in parseProfileInput. */
export const profileInputSchema = strict({
  ...inputSchemas,
  birthDate: date,
  latitude: degreesUpTo(90).exactOptional(),
  longitude: degreesUpTo(180).exactOptional(),
})
/** A profile as it leaves its home. */
export type SharedProfile = z.output<typeof sharedProfileSchema>
/** A profile as its site knows it. Coordinates are degrees. */
export type ProfileInput = z.output<typeof profileInputSchema>

/** Typed as one of them: all have text. */
const TEXT_FIELDS = FIELD_NAMES.filter((name): name is 'nickname' => FIELDS[name].isText)
const DESCRIBED = [
  ['gender', 'genderDescription'],
  ['race', 'raceDescription'],
  ['religion', 'religionDescription'],
] as const

type Common = Omit<SharedProfile, 'birthDate' | 'ageYears' | 'latitudeTenths' | 'longitudeTenths'>

function checkCommon(profile: Common): void {
  if (profile.seeks.length > 1 && profile.seeks.includes('any'))
    throw new ProtocolError('out_of_range', '/seeks', 'any alone, or the genders sought')
  if (!isSortedUnique(profile.seeks))
    throw new ProtocolError('out_of_range', '/seeks', 'each gender once, sorted')
  if (profile.languages !== undefined && !isSortedUnique(profile.languages))
    throw new ProtocolError('out_of_range', '/languages', 'each language once, sorted')
  if (profile.gallery !== undefined && new Set(profile.gallery).size < profile.gallery.length)
    throw new ProtocolError('out_of_range', '/gallery', 'each picture once')
  if (profile.seeksAgeMin > profile.seeksAgeMax)
    throw new ProtocolError('out_of_range', '/seeksAgeMax', 'no less than seeksAgeMin')
  for (const [choiceField, description] of DESCRIBED)
    if (profile[description] !== undefined && profile[choiceField] !== 'self-described')
      throw new ProtocolError(
        'out_of_range',
        `/${description}`,
        `a description only where ${choiceField} is self-described`,
      )
  for (const name of TEXT_FIELDS) {
    const value = profile[name]
    const found = value === undefined ? null : findContactDetails(value)
    if (found !== null)
      throw new ProtocolError(
        'contact_details',
        `/${name}`,
        `text without contact details (looks like: ${found.kind})`,
      )
  }
}

/**
 * Refuses who is too young, from the birth date or the age in years as published.
 *
 * @throws ProtocolError `under_age`, or `out_of_range` above 120 years
 */
export function checkAge(
  profile: Pick<SharedProfile, 'birthDate' | 'ageYears'>,
  { today, minimumAge }: Eligibility,
): void {
  const years =
    profile.birthDate === undefined ? (profile.ageYears ?? 0) : ageOn(profile.birthDate, today)
  const path = profile.birthDate === undefined ? '/ageYears' : '/birthDate'
  if (years < minimumAge)
    throw new ProtocolError('under_age', path, `an age of at least ${minimumAge} years`)
  if (years > OLDEST_YEARS)
    throw new ProtocolError('out_of_range', path, `an age of at most ${OLDEST_YEARS} years`)
}

/**
 * The rules between fields of a shared profile, and the search for contact details; the fields one
 * by one have been checked with {@link SHARED_SCHEMAS}.
 *
 * @throws ProtocolError `out_of_range`, `contact_details`, `under_age`
 */
export function checkSharedProfile(profile: SharedProfile, eligibility?: Eligibility): void {
  if ((profile.birthDate === undefined) === (profile.ageYears === undefined))
    throw new ProtocolError('out_of_range', '/birthDate', 'either birthDate or ageYears')
  if ((profile.latitudeTenths === undefined) !== (profile.longitudeTenths === undefined))
    throw new ProtocolError('out_of_range', '/latitudeTenths', 'both coordinates or none')
  checkCommon(profile)
  if (eligibility !== undefined) checkAge(profile, eligibility)
}

/**
 * Parses the profile that a site hands in as JSON; lists may come in any order and leave sorted.
 *
 * @param eligibility with it, who is too young is refused
 * @throws ProtocolError `unknown_field`, `wrong_type`, `out_of_range`, `contact_details`,
 *   `under_age`, at the field
 */
export function parseProfileInput(json: unknown, eligibility?: Eligibility): ProfileInput {
  const input = parseWith(profileInputSchema, json)
  input.seeks = sorted(input.seeks)
  if (input.languages !== undefined) input.languages = sorted(input.languages)
  if ((input.latitude === undefined) !== (input.longitude === undefined))
    throw new ProtocolError('out_of_range', '/latitude', 'both coordinates or none')
  checkCommon(input)
  if (eligibility !== undefined) checkAge(input, eligibility)
  return input
}

/**
 * Parses a profile as decoded from a partner's CBOR, trusting none of the home's checks.
 *
 * @param eligibility with it, who is too young is refused
 * @throws ProtocolError as {@link parseProfileInput}
 */
export function parseSharedProfile(value: unknown, eligibility?: Eligibility): SharedProfile {
  const profile = parseWith(sharedProfileSchema, value)
  checkSharedProfile(profile, eligibility)
  return profile
}

/** Adding 0 turns -0, which CBOR could only write as a float, into 0. */
function tenths(degrees: number): number {
  return Math.round(degrees * 10) + 0
}

/**
 * What of a profile may leave the node: the fields inside the consented scopes, the age in years
 * unless the birth date is consented to, and the nearest tenth of a degree in place of the place.
 *
 * @returns the profile, and the names of the fields that stay at home for want of consent
 * @throws ProtocolError `no_consent` without `discovery`
 */
export function shareProfile(
  input: ProfileInput,
  scopes: readonly Scope[],
  today: IsoDate,
): { profile: SharedProfile; keptBack: string[] } {
  if (!scopes.includes('discovery'))
    throw new ProtocolError('no_consent', '/scopes', 'the scope discovery among them')
  const { birthDate: born, latitude, longitude } = input
  const keptBack: string[] = []
  const names: string[] = []
  const values: unknown[] = []
  const share = (name: FieldName, value: unknown): void => {
    names.push(name)
    values.push(value)
  }
  for (const name in input) {
    const field = name as keyof ProfileInput & FieldName
    const scope = SCOPE_OF.get(field)
    // Not of the table as they are: the birth date has a case of its own below, and so has the place.
    if (scope === undefined || field === 'birthDate') continue
    if (scopes.includes(scope)) share(field, input[field])
    else keptBack.push(field)
  }
  if (scopes.includes('birth-date')) share('birthDate', born)
  else {
    share('ageYears', ageOn(born, today))
    keptBack.push('birthDate')
  }
  if (latitude !== undefined && longitude !== undefined) {
    share('latitudeTenths', tenths(latitude))
    share('longitudeTenths', tenths(longitude))
  }
  return { profile: objectOf(names, values) as SharedProfile, keptBack: sorted(keptBack) }
}

/**
 * Refuses a profile with a field that the scopes do not cover.
 *
 * @throws ProtocolError `no_consent` at the field
 */
export function checkScopes(profile: SharedProfile, scopes: readonly Scope[]): void {
  // Quicker than by the table, and nearly always enough.
  let isCovered = true
  for (const name in profile) {
    const scope = SCOPE_OF.get(name as FieldName)
    if (scope !== undefined && !scopes.includes(scope)) isCovered = false
  }
  if (isCovered) return
  for (const name of FIELD_NAMES)
    if (profile[name] !== undefined && !scopes.includes(FIELDS[name].scope))
      throw new ProtocolError(
        'no_consent',
        `/${name}`,
        `consent with the scope ${FIELDS[name].scope}`,
      )
}
