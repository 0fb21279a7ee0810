/** The rules of disclosure, written a second time and as plainly as possible. */
import type { Body } from '../../protocol/body.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Requirements } from '../../protocol/requirements.ts'
import {
  recordsOf,
  registryOf,
  requirementsOf,
  type Knowledge,
  type NaiveRegistry,
} from './knowledge.ts'

const SKEW_SECONDS = 300
const DAY_MS = 86_400_000

/** Which scope each field needs; every other field needs `discovery`. */
const SCOPES: Record<string, string> = {
  birthDate: 'birth-date',
  firstName: 'names',
  lastName: 'names',
  picture: 'pictures',
  gallery: 'pictures',
  bodyType: 'appearance',
  hairColour: 'appearance',
  eyeColour: 'appearance',
  heightCm: 'appearance',
  weightKg: 'appearance',
  race: 'race',
  raceDescription: 'race',
  religion: 'religion',
  religionDescription: 'religion',
  smoking: 'habits',
  drinking: 'habits',
}

/** The first field of a body that a consent with these scopes does not cover. */
export function uncoveredField(body: Body, scopes: readonly string[]): string | null {
  for (const [name, value] of Object.entries(body.profile)) {
    if (name === 'sealed' || value === undefined) continue
    if (!scopes.includes(SCOPES[name] ?? 'discovery')) return name
  }
  return null
}

/** Whole years by the calendar in UTC. */
export function ageAt(body: Body, now: number): number {
  const { birthDate, ageYears } = body.profile
  if (birthDate === undefined) return ageYears ?? 0
  const today = new Date(now * 1000)
  const born = new Date(`${birthDate}T00:00:00Z`)
  let age = today.getUTCFullYear() - born.getUTCFullYear()
  const months = today.getUTCMonth() - born.getUTCMonth()
  if (months < 0 || (months === 0 && today.getUTCDate() < born.getUTCDate())) age -= 1
  return age
}

function orientation(body: Body): string {
  const { gender, seeks } = body.profile
  if (gender !== 'man' && gender !== 'woman') return 'queer'
  const wanted = new Set<string>(seeks)
  if (wanted.has('any') || (wanted.has('man') && wanted.has('woman'))) return 'bisexual'
  return wanted.has(gender) ? 'gay' : 'straight'
}

function isOneOf(list: readonly string[] | undefined, word: string): boolean {
  return !list || list.includes(word)
}

/** Whether a body is what a site accepts. */
export function isAccepted(
  requirements: Requirements,
  body: Body,
  siteType: string,
  now: number,
): boolean {
  const { profile } = body
  const { ageMin = 0, ageMax = 999, genders, languages, countries } = requirements
  const { siteTypes, orientations } = requirements
  const age = ageAt(body, now)
  return (
    age >= ageMin &&
    age <= ageMax &&
    isOneOf(genders, profile.gender) &&
    isOneOf(languages, profile.language) &&
    isOneOf(countries, profile.country) &&
    isOneOf(siteTypes, siteType) &&
    isOneOf(orientations, orientation(body))
  )
}

/** Whether a heartbeat of `site` that counts here is younger than `limit` seconds. */
function isHeard(known: Knowledge, site: SiteId, now: number, limit: number): boolean {
  const size = known.logs.get(site)?.length ?? 0
  return (known.beats.get(site) ?? []).some(
    (beat) => beat.size <= size && now - beat.time < limit && beat.time - now <= SKEW_SECONDS,
  )
}

/** One question to the model. */
export interface Question {
  known: Knowledge
  network: SiteId
  /** Who holds the body. */
  self: SiteId
  home: SiteId
  /** Who is to get it. */
  partner: SiteId
  /** By the holder's clock. */
  now: number
}

function isTakingPart(registry: NaiveRegistry, site: SiteId, now: number): boolean {
  const member = registry.members.get(site)
  return member?.status === 'admitted' && now < member.expires
}

/** Why nothing at all of `home` may go to `partner` now; null where something may. */
export function homeRefusal(question: Question): string | null {
  const { known, network, self, home, partner, now } = question
  const registry = registryOf(known, network)
  const { terms } = registry
  if (terms === null) return 'no terms'
  if (!isHeard(known, network, now, terms.registryLeaseSeconds)) return 'the registry is stale'
  if (!isTakingPart(registry, home, now)) return 'the home takes no part'
  if (!isTakingPart(registry, partner, now)) return 'the partner takes no part'
  if (known.forked.has(home)) return 'the home has two histories'
  if (home !== self && !isHeard(known, home, now, terms.hideAfterSeconds))
    return 'the lease is over'
  if (partner === home) return null
  if (requirementsOf(known, home)?.excludes.includes(partner)) return 'the home excludes it'
  return requirementsOf(known, partner) === null ? 'it has no requirements' : null
}

/** Why this version may not go to `partner` now; null where it may. */
export function recordRefusal(question: Question, index: number, body: Body): string | null {
  const { known, network, home, partner, now } = question
  const registry = registryOf(known, network)
  const record = [...recordsOf(known, registry, home).values()].find((one) => one.index === index)
  if (record === undefined) return 'the version is not the newest'
  if (!record.live) return 'the record has ended'
  if (body.consent.expiresAt <= now) return 'the consent has ended'
  if (!body.consent.scopes.includes('discovery')) return 'no consent'
  if (partner === home) return null
  if (body.consent.excludes?.includes(partner)) return 'the member excludes it'
  if (ageAt(body, now) < (registry.terms?.minimumAge ?? 18)) return 'under age'
  const requirements = requirementsOf(known, partner)?.requirements
  const siteType = registry.members.get(home)?.siteType ?? ''
  return requirements && isAccepted(requirements, body, siteType, now) ? null : 'no match'
}

/** Both together. */
export function refusal(question: Question, index: number, body: Body): string | null {
  return homeRefusal(question) ?? recordRefusal(question, index, body)
}

/** Which invariant a release breaks that was to be refused for this reason. */
export function invariantOf(refused: string): number {
  if (refused === 'the lease is over' || refused === 'the registry is stale') return 3
  if (refused === 'the record has ended' || refused === 'the version is not the newest') return 1
  return refused.includes('consent') || refused.includes('member') ? 6 : 7
}

/** A day as YYYY-MM-DD. */
export function isoDay(now: number, days = 0): string {
  return new Date(now * 1000 + days * DAY_MS).toISOString().slice(0, 10)
}
