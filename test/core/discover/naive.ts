/** Discovery written a second time, as plainly as possible: every record is looked at by itself. */
import type { SealedProfile } from '../../../protocol/body.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { distanceKm, type Place } from '../../../protocol/requirements.ts'
import { BANDS_KM, type DiscoverRequest } from '../../../node/core/record/discover.ts'
import type { Facet } from '../../../node/core/search/query.ts'
import type { Person } from './crowd.ts'

/** The member who looks. */
export interface Viewer {
  gender: string
  seeks: readonly string[]
  seeksAgeMin: number
  seeksAgeMax: number
  age: number
  place: Place | null
}

/** What is known beside the request. */
export interface Moment {
  now: number
  /** Null where nobody looks. */
  viewer: Viewer | null
  blocked: ReadonlySet<RecordId>
  online: ReadonlySet<RecordId>
  typeOf: (home: SiteId) => string
}

/** Ages on one day by date of birth; kept, since dates are slow and the test asks for millions. */
const ages = { day: Number.NaN, byBirth: new Map<string, number>() }

export function ageOf({ birthDate, ageYears }: SealedProfile, now: number): number {
  if (birthDate === undefined) return ageYears ?? 0
  const day = Math.floor(now / 86_400)
  if (ages.day !== day) Object.assign(ages, { day, byBirth: new Map() })
  let age = ages.byBirth.get(birthDate)
  if (age === undefined) {
    const today = new Date(now * 1000)
    const born = new Date(`${birthDate}T00:00:00Z`)
    const birthday = Date.UTC(today.getUTCFullYear(), born.getUTCMonth(), born.getUTCDate())
    const isBefore = day * 86_400_000 < birthday
    age = today.getUTCFullYear() - born.getUTCFullYear() - (isBefore ? 1 : 0)
    ages.byBirth.set(birthDate, age)
  }
  return age
}

export function placeOf(profile: SealedProfile): Place | null {
  const { latitudeTenths, longitudeTenths } = profile
  return latitudeTenths === undefined || longitudeTenths === undefined
    ? null
    : { latitudeTenths, longitudeTenths }
}

function vectorOf({ latitudeTenths, longitudeTenths }: Place): [number, number, number] {
  const latitude = (latitudeTenths / 10) * (Math.PI / 180)
  const longitude = (longitudeTenths / 10) * (Math.PI / 180)
  const flat = Math.cos(latitude)
  return [flat * Math.cos(longitude), flat * Math.sin(longitude), Math.sin(latitude)]
}

/** By vectors, not by the haversine: the angle between two directions from the middle of the earth. */
export function arcKm(a: Place, b: Place): number {
  const [ax, ay, az] = vectorOf(a)
  const [bx, by, bz] = vectorOf(b)
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
  return 6371.0088 * Math.atan2(cross, ax * bx + ay * by + az * bz)
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .replaceAll('ß', 'ss')
    .replaceAll('œ', 'oe')
    .replaceAll('ø', 'o')
    .replaceAll('ł', 'l')
    .replaceAll('ς', 'σ')

const isDense = (word: string): boolean => /[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]/.test(word)

/** Texts taken apart; kept, since many queries look at the same ones. */
const takenApart = new Map<string, { whole: string; words: string[] }>()

function apart(text: string): { whole: string; words: string[] } {
  let known = takenApart.get(text)
  if (known === undefined) {
    const whole = plain(text)
    const words = whole
      .split(/[^\p{L}\p{N}]+/u)
      .flatMap((one) => one.split(/[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+/))
    known = { whole, words }
    takenApart.set(text, known)
  }
  return known
}

/** Whether a word, or a piece of one or two letters of a script without blanks, is in a text. */
export function hasWord(text: string, wanted: string): boolean {
  const word = plain(wanted)
  const { whole, words } = apart(text)
  if (isDense(word)) return whole.includes(word)
  return words.some((one) => (word.length >= 3 ? one.startsWith(word) : one === word))
}

/** What a site may show of a profile. */
export function shownFields(profile: SealedProfile): Partial<SealedProfile> {
  const {
    language: _language,
    sealed: _sealed,
    latitudeTenths: _latitude,
    longitudeTenths: _longitude,
    ...shown
  } = profile
  return shown
}

export function likes(seeks: readonly string[], gender: string): boolean {
  return seeks[0] === 'any' || seeks.includes(gender)
}

/** Whether both meet the wishes of the other. */
export function fitsWishes({ profile }: Person, viewer: Viewer, now: number): boolean {
  if (!likes(viewer.seeks, profile.gender) || !likes(profile.seeks, viewer.gender)) return false
  if (viewer.age < profile.seeksAgeMin || viewer.age > profile.seeksAgeMax) return false
  const age = ageOf(profile, now)
  return age >= viewer.seeksAgeMin && age <= viewer.seeksAgeMax
}

type Test = (person: Person) => boolean
type Texts = Partial<Record<string, string>>

function* testsOf(request: DiscoverRequest, moment: Moment): Generator<Test> {
  const { filter, homes, siteTypes, near, radiusKm, isOnline, seen } = request
  const { viewer, now } = moment
  const { genders, ageMin, ageMax, languages, countries, hasPicture, joinedSince } = filter
  if (viewer !== null && request.reciprocal !== false) yield (one) => fitsWishes(one, viewer, now)
  yield ({ expires }) => expires > now
  if (genders) yield ({ profile }) => genders.includes(profile.gender)
  if (ageMin) yield ({ profile }) => ageOf(profile, now) >= ageMin
  if (ageMax) yield ({ profile }) => ageOf(profile, now) <= ageMax
  if (languages)
    yield ({ profile }) => profile.languages?.some((one) => languages.includes(one)) === true
  if (countries) yield ({ profile }) => countries.includes(profile.country)
  if (homes) yield ({ home }) => homes.includes(home)
  if (siteTypes) yield ({ home }) => siteTypes.includes(moment.typeOf(home))
  if (hasPicture !== undefined)
    yield ({ profile }) => (profile.picture !== undefined) === hasPicture
  if (joinedSince) yield ({ joinedAt }) => joinedAt >= joinedSince
  if (isOnline)
    yield ({ record, scopes }) => moment.online.has(record) && scopes.includes('presence')
  const leftOut = new Set([...(seen ?? []), ...moment.blocked])
  yield ({ record }) => !leftOut.has(record)
  const from = near ?? viewer?.place ?? null
  if (radiusKm !== undefined)
    yield ({ profile }) => {
      const to = placeOf(profile)
      return from !== null && to !== null && arcKm(from, to) <= radiusKm
    }
}

function* traitTestsOf({ filter }: DiscoverRequest): Generator<Test> {
  for (const [name, words] of Object.entries(filter.choices ?? {}))
    yield ({ profile }) => words.includes((profile as unknown as Texts)[name] ?? '')
  for (const [name, { min = 0, max = 999 }] of Object.entries(filter.ranges ?? {}))
    yield ({ profile }) => {
      const value = name === 'heightCm' ? profile.heightCm : profile.weightKg
      return value !== undefined && value >= min && value <= max
    }
  for (const word of filter.text?.split(' ') ?? [])
    yield ({ profile: { nickname, headline = '', description = '' } }) =>
      [nickname, headline, description].some((text) => hasWord(text, word))
  for (const [field, words] of Object.entries(filter.words ?? {}))
    for (const word of words.split(' '))
      yield ({ profile }) => hasWord((profile as unknown as Texts)[field] ?? '', word)
}

/** Tells of each record whether it belongs on the list at all. */
export function createFits(request: DiscoverRequest, moment: Moment): Test {
  const tests = [...testsOf(request, moment), ...traitTestsOf(request)]
  return (person) => tests.every((test) => test(person))
}

/** A place in the order: smaller keys come first, then smaller ids. */
export interface Ranked {
  key: number
  record: RecordId
}

/** Above all times. */
const OFFLINE = 1e12

/** What a record is sorted by. */
export function rankOf(
  person: Person,
  sort: string,
  from: Place | null,
  online: ReadonlySet<RecordId>,
): Ranked {
  const { record, profile } = person
  if (sort === 'newest') return { key: -person.joinedAt, record }
  if (sort === 'active') {
    const isOnline = online.has(record) && person.scopes.includes('presence')
    return { key: (isOnline ? 0 : OFFLINE) - person.publishedAt, record }
  }
  const to = placeOf(profile)
  const isKnown = from !== null && to !== null
  return { key: isKnown ? distanceKm(from, to) : Number.POSITIVE_INFINITY, record }
}

/** Order of two records. */
export function compare(a: Ranked, b: Ranked): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1
  return a.record === b.record ? 0 : a.record < b.record ? -1 : 1
}

export function bandOf(from: Place | null, to: Place | null): number | null {
  if (from === null || to === null) return null
  return BANDS_KM.find((band) => arcKm(from, to) <= band) ?? null
}

/** How many there are of each kind. */
export function countBy(
  people: readonly Person[],
  facet: Facet,
  now: number,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { profile, home } of people) {
    const values: (string | undefined)[] =
      facet === 'age'
        ? [`${Math.floor(ageOf(profile, now) / 10) * 10}`]
        : facet === 'home'
          ? [home]
          : facet === 'hasPicture'
            ? [String(profile.picture !== undefined)]
            : facet === 'languages'
              ? (profile.languages ?? [])
              : [(profile as unknown as Record<string, string | undefined>)[facet]]
    for (const value of values) if (value !== undefined) counts[value] = (counts[value] ?? 0) + 1
  }
  return counts
}
