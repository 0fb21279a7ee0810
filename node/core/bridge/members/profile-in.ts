/** A profile of the old module becomes one of the vocabulary, with every loss named. */
import { findContactDetails } from '../../../../protocol/contact.ts'
import { isCountry } from '../../../../protocol/countries.ts'
import { isIsoDate } from '../../../../protocol/dates.ts'
import { ProtocolError } from '../../../../protocol/errors.ts'
import { GALLERY_PICTURES } from '../../../../protocol/limits.ts'
import {
  ADULT_YEARS,
  parseProfileInput,
  type Eligibility,
  type ProfileInput,
  type Sought,
} from '../../../../protocol/vocabulary.ts'
import type { HeldProfile } from './holds.ts'
import { heightOf, weightOf, type Measure } from './measure-in.ts'
import type { Loss, LossReason, Refusal } from '../rows.ts'
import { cutText, textOf } from './text-in.ts'
import { isModuleArray, wholeOf, type ModuleArray, type ModuleValue } from '../value.ts'
import {
  BODY_TYPES,
  DRINKING_HABITS,
  EDUCATIONS,
  EYE_COLOURS,
  HAIR_COLOURS,
  HAS_CHILDREN,
  MARITAL_STATUSES,
  plainWord,
  PURPOSES_SOUGHT,
  RACES,
  RELIGIONS,
  SMOKING_HABITS,
  WANTS_CHILDREN,
} from './words-in.ts'

type Fields = Partial<ProfileInput>

/** What a message says of a profile: only the fields that it names. */
export interface ModuleChange {
  fields: Fields
  /** Fields that it names without a value that came through: nothing is known of them any more. */
  cleared: readonly (keyof ProfileInput)[]
  /** Absent where the message does not speak of it; null where there is none. */
  icon?: string | null
  photos?: readonly string[]
  losses: readonly Loss[]
  /** Fields of the module that it names, by which older losses are superseded. */
  named: readonly string[]
  /** Fields without which nobody can be published, and which it names without saying them. */
  refusals: readonly Refusal[]
}

const OLDEST_SOUGHT = 120
/** Losses kept of one profile: more say nothing new. */
const MOST_LOSSES = 48
/** Keys of one profile that are looked at. */
const MOST_KEYS = 128
const ADDRESS = /^https?:\/\/[^\s/?#@\\"'<>]+(?:\/[^\s"'<>\\]*)?$/i
const ADDRESS_CHARS = 2000

/** Takes one message apart. */
interface Reading {
  fields: Fields
  cleared: Set<keyof ProfileInput>
  icon?: string | null
  photos?: string[]
  losses: Loss[]
  named: string[]
  refusals: Refusal[]
}
type Reader = (reading: Reading, value: ModuleValue, field: string) => void

function lose(reading: Reading, field: string, reason: LossReason): void {
  if (reading.losses.length < MOST_LOSSES) reading.losses.push({ field, reason })
}
function refuse(reading: Reading, refusal: Refusal): void {
  reading.refusals.push(refusal)
}
function set<Name extends keyof ProfileInput>(
  reading: Reading,
  name: Name,
  value: NonNullable<ProfileInput[Name]>,
): void {
  reading.fields[name] = value
  reading.cleared.delete(name)
}
function clear(reading: Reading, ...names: (keyof ProfileInput)[]): void {
  for (const name of names) {
    delete reading.fields[name]
    reading.cleared.add(name)
  }
}

/** Names of fields that hold text, with nothing to choose from. */
type TextName =
  | 'firstName'
  | 'lastName'
  | 'region'
  | 'city'
  | 'headline'
  | 'description'
  | 'occupation'
  | 'hobbies'

/** Text within its bound; `contact-details` where it seems to hold a way to get in touch. */
function safeText(
  value: ModuleValue,
  chars: number,
  lines: 'line' | 'lines',
): { text: string } | 'contact-details' {
  const whole = textOf(value, lines)
  const text = cutText(whole, chars)
  // The whole, and what is left of it: a cut can make an address of what was none.
  const found = findContactDetails(whole) ?? (text === whole ? null : findContactDetails(text))
  return found === null ? { text } : 'contact-details'
}

const text =
  (name: TextName, chars: number, lines: 'line' | 'lines' = 'line'): Reader =>
  (reading, value, field) => {
    clear(reading, name)
    const safe = safeText(value, chars, lines)
    if (safe === 'contact-details') lose(reading, field, safe)
    else if (safe.text !== '') set(reading, name, safe.text)
  }

/** Those of the vocabulary that are one word of a list. */
const word =
  <Name extends keyof ProfileInput>(
    name: Name,
    words: Readonly<Record<string, NonNullable<ProfileInput[Name]>>>,
  ): Reader =>
  (reading, value, field) => {
    clear(reading, name)
    const plain = plainWord(textOf(value, 'line'))
    const known = words[plain]
    if (known !== undefined) set(reading, name, known)
    else if (plain !== '') lose(reading, field, 'unknown-word')
  }

/** A word of a list, or the member's own. */
const described =
  <Name extends 'race' | 'religion'>(
    name: Name,
    words: Readonly<Record<string, NonNullable<ProfileInput[Name]>>>,
  ): Reader =>
  (reading, value, field) => {
    clear(reading, name, `${name}Description`)
    const safe = safeText(value, 100, 'line')
    if (safe === 'contact-details') return lose(reading, field, safe)
    if (safe.text === '') return
    const known = words[plainWord(safe.text)]
    if (known !== undefined) return set(reading, name, known)
    reading.fields[name] = 'self-described'
    reading.fields[`${name}Description`] = safe.text
    reading.cleared.delete(name)
    reading.cleared.delete(`${name}Description`)
  }

const measure =
  (name: 'heightCm' | 'weightKg', measureOf: (text: string) => Measure | null): Reader =>
  (reading, value, field) => {
    clear(reading, name)
    const plain = cutText(textOf(value, 'line'), 100)
    if (plain === '') return
    const found = measureOf(plain)
    if (found === null) return lose(reading, field, 'malformed')
    set(reading, name, found.value)
    if (found.isRounded) lose(reading, field, 'rounded')
  }

const DATA: ReadonlyMap<string | number, Reader> = new Map([
  ['headline', text('headline', 255, 'lines')],
  ['description', text('description', 1000, 'lines')],
  ['hobby', text('hobbies', 1000, 'lines')],
  ['occupation', text('occupation', 100)],
  ['body_type', word('bodyType', BODY_TYPES)],
  ['hair_colour', word('hairColour', HAIR_COLOURS)],
  ['eye_colour', word('eyeColour', EYE_COLOURS)],
  ['height', measure('heightCm', heightOf)],
  ['weight', measure('weightKg', weightOf)],
  ['marital_status', word('maritalStatus', MARITAL_STATUSES)],
  ['purpose', word('purpose', PURPOSES_SOUGHT)],
  ['smoking_habits', word('smoking', SMOKING_HABITS)],
  ['drinking_habits', word('drinking', DRINKING_HABITS)],
  ['want_children', word('wantsChildren', WANTS_CHILDREN)],
  ['have_children', word('hasChildren', HAS_CHILDREN)],
  ['education', word('education', EDUCATIONS)],
  ['race', described('race', RACES)],
  ['religion', described('religion', RELIGIONS)],
])

const data: Reader = (reading, value, field) => {
  if (!isModuleArray(value)) {
    if (textOf(value, 'line') !== '') lose(reading, field, 'malformed')
    return
  }
  readInto(reading, value, DATA, (key) => `${field}.${key}`)
}

const nickname: Reader = (reading, value, field) => {
  const safe = safeText(value, 64, 'line')
  if (safe !== 'contact-details' && safe.text !== '') return set(reading, 'nickname', safe.text)
  lose(reading, field, safe === 'contact-details' ? safe : 'malformed')
  refuse(reading, 'nickname')
}

const gender: Reader = (reading, value) => {
  clear(reading, 'genderDescription')
  switch (plainWord(textOf(value, 'line'))) {
    case 'male':
      return set(reading, 'gender', 'man')
    case 'female':
      return set(reading, 'gender', 'woman')
    case 'transgender':
      set(reading, 'gender', 'self-described')
      return set(reading, 'genderDescription', 'transgender')
    default:
      return refuse(reading, 'gender')
  }
}

const SOUGHT: ReadonlyMap<string, readonly Sought[]> = new Map([
  ['male', ['man']],
  ['female', ['woman']],
  ['transgender', ['trans-man', 'trans-woman']],
  ['all', ['any']],
])
const seeks: Reader = (reading, value) => {
  const words = textOf(value, 'line').split(',').map(plainWord).filter(Boolean)
  const sought = words.map((one) => SOUGHT.get(one))
  // Somebody whose wish is known in part only would be shown to people that they do not wish to see.
  if (sought.length === 0 || sought.includes(undefined)) return refuse(reading, 'seeks')
  const all = new Set(sought.flatMap((one) => one ?? []))
  set(reading, 'seeks', all.has('any') ? ['any'] : [...all].toSorted())
}
const oldestSought: Reader = (reading, value, field) => {
  const age = wholeOf(value)
  const isAge = age !== null && age >= ADULT_YEARS && age <= OLDEST_SOUGHT
  if (!isAge && textOf(value, 'line') !== '' && age !== 0) lose(reading, field, 'malformed')
  set(reading, 'seeksAgeMin', ADULT_YEARS)
  set(reading, 'seeksAgeMax', isAge ? age : OLDEST_SOUGHT)
}
const birthDate: Reader = (reading, value) => {
  const date = textOf(value, 'line')
  if (isIsoDate(date)) set(reading, 'birthDate', date)
  else refuse(reading, 'birth-date')
}
const country: Reader = (reading, value, field) => {
  const code = textOf(value, 'line').toUpperCase()
  if (isCountry(code)) return set(reading, 'country', code)
  lose(reading, field, 'malformed')
  refuse(reading, 'country')
}
const language: Reader = (reading, value, field) => {
  const code = textOf(value, 'line').toLowerCase()
  if (/^[a-z]{2,3}$/.test(code)) set(reading, 'language', code)
  else lose(reading, field, 'malformed')
}

function addressOf(value: ModuleValue): string | null {
  const isAddress =
    typeof value === 'string' && value.length <= ADDRESS_CHARS && ADDRESS.test(value)
  return isAddress && value.isWellFormed() ? value : null
}
const icon: Reader = (reading, value, field) => {
  reading.icon = addressOf(value)
  if (reading.icon === null && textOf(value, 'line') !== '') lose(reading, field, 'picture')
}
const photos: Reader = (reading, value, field) => {
  const given = isModuleArray(value) ? [...value.values()] : []
  const read = given.slice(0, GALLERY_PICTURES).map(addressOf)
  reading.photos = [...new Set(read.filter((one) => one !== null))]
  if (given.length > GALLERY_PICTURES || read.includes(null)) lose(reading, field, 'picture')
}

/** Known, and no part of a profile. */
const ignored: Reader = () => undefined
const without: Reader = (reading, value, field) => {
  if (textOf(value, 'line') !== '') lose(reading, field, 'no-field')
}

const PROFILE: ReadonlyMap<string | number, Reader> = new Map([
  ['id', ignored],
  ['net_id', ignored],
  ['local_id', ignored],
  // A hash of nickname and address, by which people could be told apart everywhere.
  ['email', ignored],
  ['nickname', nickname],
  ['fname', text('firstName', 64)],
  ['sname', text('lastName', 64)],
  ['postal_code', without],
  ['user_type', gender],
  ['looking_user_type', seeks],
  ['age_max', oldestSought],
  ['birth_date', birthDate],
  ['lang', language],
  ['country_code', country],
  ['region', text('region', 100)],
  ['city', text('city', 100)],
  ['icon', icon],
  ['photos', photos],
  ['profile_data', data],
])

/** A name of a field that may be shown to the owner: a word, and none that could be a value. */
const isName = (key: string | number): key is string =>
  typeof key === 'string' && /^[a-z_]{1,40}$/.test(key)

function readInto(
  reading: Reading,
  values: ModuleArray,
  readers: ReadonlyMap<string | number, Reader>,
  fieldOf: (key: string) => string,
): void {
  let seen = 0
  for (const [key, value] of values) {
    seen += 1
    if (seen > MOST_KEYS) return
    const reader = readers.get(key)
    const field = fieldOf(isName(key) ? key : '?')
    if (!reading.named.includes(field)) reading.named.push(field)
    if (reader === undefined) lose(reading, field, 'no-field')
    else reader(reading, value, field)
  }
}

/** What a message says of a profile, field by field. */
export function readProfile(message: ModuleArray): ModuleChange {
  const reading: Reading = {
    fields: {},
    cleared: new Set(),
    losses: [],
    named: [],
    refusals: [],
  }
  readInto(reading, message, PROFILE, (key) => key)
  return { ...reading, cleared: [...reading.cleared] }
}

/** Losses as they stand after a message: what it does not speak of stays. */
export function lossesAfter(
  before: readonly Loss[],
  { losses, named }: Pick<ModuleChange, 'losses' | 'named'>,
): Loss[] {
  const kept = before.filter(({ field }) => !named.includes(field))
  return [...kept, ...losses].slice(0, MOST_LOSSES)
}

/** A whole profile, ready to be held; or why it cannot be published as it is. */
export type MappedProfile =
  | { kind: 'mapped'; held: HeldProfile & { profile: ProfileInput }; losses: readonly Loss[] }
  | { kind: 'refused'; refusal: Refusal; losses: readonly Loss[] }

/** Without them there is no profile; in the order in which they are missed. */
const NEEDED = [
  ['birthDate', 'birth-date'],
  ['gender', 'gender'],
  ['seeks', 'seeks'],
  ['nickname', 'nickname'],
  ['country', 'country'],
] as const satisfies readonly (readonly [keyof ProfileInput, Refusal])[]

/**
 * Why the Network does not take a profile.
 *
 * @param error what the vocabulary has said
 */
export function refusalOf({ code, path }: ProtocolError): Refusal {
  if (code === 'under_age') return 'under-age'
  const [, refusal] = NEEDED.find(([name]) => path.endsWith(`/${name}`)) ?? []
  return refusal ?? 'malformed'
}

/** BCP 47 for a language that is not known: the module sends none of users whose language was deleted. */
const UNDETERMINED = 'und'

/** Maps a profile that the module sends for the first time, or anew. */
export function mapProfile(message: ModuleArray, eligibility: Eligibility): MappedProfile {
  const { fields, losses, refusals, icon: main = null, photos: gallery = [] } = readProfile(message)
  const missing = NEEDED.find(([name]) => fields[name] === undefined)?.[1]
  const first = refusals[0] ?? missing
  if (first !== undefined) return { kind: 'refused', refusal: first, losses }
  try {
    const profile = parseProfileInput(
      {
        seeksAgeMin: ADULT_YEARS,
        seeksAgeMax: OLDEST_SOUGHT,
        language: UNDETERMINED,
        ...fields,
      },
      eligibility,
    )
    return { kind: 'mapped', held: { profile, icon: main, photos: gallery }, losses }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { kind: 'refused', refusal: refusalOf(error), losses }
  }
}
