/** Discovery written a second time, as plainly as possible: every record is looked at by itself. */
import type { SealedProfile } from '../../../protocol/body.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { distanceKm, type Place } from '../../../protocol/requirements.ts'
import { BANDS_KM, type DiscoverRequest } from '../../../node/core/record/discover.ts'
import type { Facet } from '../../../node/core/search/query.ts'
import { WORD_FIELDS, type WordField } from '../../../node/core/search/traits.ts'
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

/** Ages on one day; kept, since dates are slow and the test asks for millions. */
const ages = new Map<string, number>()

export function ageOf({ birthDate, ageYears }: SealedProfile, now: number): number {
  if (birthDate === undefined) return ageYears ?? 0
  const day = Math.floor(now / 86_400)
  const known = ages.get(`${birthDate} ${day}`)
  if (known !== undefined) return known
  const today = new Date(now * 1000)
  const born = new Date(`${birthDate}T00:00:00Z`)
  const birthday = Date.UTC(today.getUTCFullYear(), born.getUTCMonth(), born.getUTCDate())
  const age = today.getUTCFullYear() - born.getUTCFullYear() - (day * 86_400_000 < birthday ? 1 : 0)
  ages.set(`${birthDate} ${day}`, age)
  return age
}

export function placeOf(profile: SealedProfile): Place | null {
  const { latitudeTenths, longitudeTenths } = profile
  return latitudeTenths === undefined || longitudeTenths === undefined
    ? null
    : { latitudeTenths, longitudeTenths }
}

/** By vectors, not by the haversine: the angle between two directions from the middle of the earth. */
export function arcKm(a: Place, b: Place): number {
  const vector = ({ latitudeTenths, longitudeTenths }: Place): [number, number, number] => {
    const latitude = (latitudeTenths / 10) * (Math.PI / 180)
    const longitude = (longitudeTenths / 10) * (Math.PI / 180)
    const flat = Math.cos(latitude)
    return [flat * Math.cos(longitude), flat * Math.sin(longitude), Math.sin(latitude)]
  }
  const [ax, ay, az] = vector(a)
  const [bx, by, bz] = vector(b)
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

/** Whether a word, or a piece of one or two letters of a script without blanks, is in a text. */
export function hasWord(text: string, wanted: string): boolean {
  const word = plain(wanted)
  if (isDense(word)) return plain(text).includes(word)
  const words = plain(text)
    .split(/[^\p{L}\p{N}]+/u)
    .flatMap((one) => one.split(/[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+/))
  return words.some((one) => (word.length >= 3 ? one.startsWith(word) : one === word))
}

function likes(seeks: readonly string[], gender: string): boolean {
  return seeks[0] === 'any' || seeks.includes(gender)
}

function fitsWishes({ profile }: Person, age: number, viewer: Viewer): boolean {
  return (
    likes(viewer.seeks, profile.gender) &&
    likes(profile.seeks, viewer.gender) &&
    age >= viewer.seeksAgeMin &&
    age <= viewer.seeksAgeMax &&
    viewer.age >= profile.seeksAgeMin &&
    viewer.age <= profile.seeksAgeMax
  )
}

function fitsTexts({ profile }: Person, { filter }: DiscoverRequest): boolean {
  const { nickname, headline = '', description = '' } = profile
  for (const word of filter.text?.split(' ') ?? [])
    if (![nickname, headline, description].some((text) => hasWord(text, word))) return false
  for (const field of WORD_FIELDS)
    for (const word of filter.words?.[field]?.split(' ') ?? [])
      if (!hasWord(fieldOf(profile, field), word)) return false
  return true
}

function fieldOf(profile: SealedProfile, field: WordField): string {
  return profile[field] ?? ''
}

function fitsTraits({ profile }: Person, { filter }: DiscoverRequest): boolean {
  for (const [name, words] of Object.entries(filter.choices ?? {})) {
    const value = (profile as unknown as Record<string, string | undefined>)[name]
    if (value === undefined || !words.includes(value)) return false
  }
  for (const [name, { min = 0, max = 999 }] of Object.entries(filter.ranges ?? {})) {
    const value = name === 'heightCm' ? profile.heightCm : profile.weightKg
    if (value === undefined || value < min || value > max) return false
  }
  return true
}

/** Whether a record belongs on the list at all. */
export function fits(person: Person, request: DiscoverRequest, moment: Moment): boolean {
  const { filter, homes, siteTypes, near, radiusKm, isOnline, seen } = request
  const { profile, scopes } = person
  const { viewer, now } = moment
  if (person.expires <= now) return false
  if (viewer !== null && request.reciprocal !== false && !likes(viewer.seeks, profile.gender))
    return false
  const age = ageOf(profile, now)
  if (viewer !== null && request.reciprocal !== false && !fitsWishes(person, age, viewer))
    return false
  if (filter.genders && !filter.genders.includes(profile.gender)) return false
  if (age < (filter.ageMin ?? 0) || age > (filter.ageMax ?? 999)) return false
  if (filter.languages && !profile.languages?.some((one) => filter.languages?.includes(one)))
    return false
  if (filter.countries && !filter.countries.includes(profile.country)) return false
  if (homes && !homes.includes(person.home)) return false
  if (siteTypes && !siteTypes.includes(moment.typeOf(person.home))) return false
  if (filter.hasPicture !== undefined && (profile.picture !== undefined) !== filter.hasPicture)
    return false
  if (person.joinedAt < (filter.joinedSince ?? 0)) return false
  if (isOnline && !(moment.online.has(person.record) && scopes.includes('presence'))) return false
  if (seen?.includes(person.record) || moment.blocked.has(person.record)) return false
  if (radiusKm !== undefined) {
    const from = near ?? viewer?.place
    const to = placeOf(profile)
    if (!from || to === null || arcKm(from, to) > radiusKm) return false
  }
  return fitsTraits(person, request) && fitsTexts(person, request)
}

/** What a record is sorted by: smaller comes first. */
export function keyOf(
  person: Person,
  sort: string,
  from: Place | null,
  online: ReadonlySet<RecordId>,
): number[] {
  if (sort === 'newest') return [-person.joinedAt]
  if (sort === 'active') {
    const isOnline = online.has(person.record) && person.scopes.includes('presence')
    return [isOnline ? 0 : 1, -person.publishedAt]
  }
  const to = placeOf(person.profile)
  return [from === null || to === null ? Number.POSITIVE_INFINITY : distanceKm(from, to)]
}

/** Order of two records: by their keys, then by their ids. */
export function compare(a: [number[], RecordId], b: [number[], RecordId]): number {
  for (const [at, value] of a[0].entries()) {
    const other = b[0][at] ?? 0
    if (value !== other) return value < other ? -1 : 1
  }
  return a[1] === b[1] ? 0 : a[1] < b[1] ? -1 : 1
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
