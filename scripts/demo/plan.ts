/** The cast of the demo: four sites, what they want, their invented members, who should get whom. */
import { dayNumber, parseIsoDate } from '../../protocol/dates.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Scope } from '../../protocol/consent.ts'
import { factsOf, matches, type Facts, type Requirements } from '../../protocol/requirements.ts'
import { parseProfileInput, shareProfile } from '../../protocol/vocabulary.ts'
import { NOTICE, people, type Person } from '../people.ts'

export const NETWORK = 'dpn.example' as SiteId
export const TODAY = new Date().toISOString().slice(0, 10)
const SEED = 2018
const MEMBERS_PER_SITE = 100

export interface SitePlan {
  site: SiteId
  siteType: string
  jurisdiction: string
  language: string
  requirements: Requirements
  /** Sites that get nothing from this one. */
  excludes: SiteId[]
  members: Person[]
}

/** Short leases, so that the story can be watched; a real network's are hours. */
export const TERMS = {
  minimumAge: 18,
  hideAfterSeconds: 60,
  eraseAfterSeconds: 3600,
  registryLeaseSeconds: 3600,
  heartbeatSeconds: 1,
  erasureDeadlineSeconds: 600,
  noticeVersions: [NOTICE.version],
  challengeSeconds: 60,
  challengesPerRound: 2,
  probeSeconds: 60,
  probesPerRound: 1,
  auditAnswerSeconds: 600,
}

type Cast = Omit<SitePlan, 'members'>
const CAST: readonly Cast[] = [
  {
    site: 'amor.example' as SiteId,
    siteType: 'general',
    jurisdiction: 'ES',
    language: 'es',
    requirements: { ageMin: 25, ageMax: 60 },
    excludes: [],
  },
  {
    site: 'herz.example' as SiteId,
    siteType: 'general',
    jurisdiction: 'DE',
    language: 'de',
    requirements: { countries: ['ES', 'FR'] },
    excludes: [],
  },
  {
    site: 'lune.example' as SiteId,
    siteType: 'christian',
    jurisdiction: 'FR',
    language: 'fr',
    requirements: { ageMax: 55, languages: ['de', 'es'] },
    excludes: ['vesna.example' as SiteId],
  },
  {
    site: 'vesna.example' as SiteId,
    siteType: 'russian',
    jurisdiction: 'CY',
    language: 'ru',
    requirements: { genders: ['woman'], siteTypes: ['christian', 'general'] },
    excludes: [],
  },
]

/** The plan: the same on every run of one day. */
export function makePlan(): SitePlan[] {
  const everybody = people(SEED, MEMBERS_PER_SITE * 12, TODAY)
  return CAST.map((cast) => ({
    ...cast,
    members: everybody
      .filter(({ profile }) => profile['language'] === cast.language)
      .slice(0, MEMBERS_PER_SITE)
      .map((person, at) =>
        // One member does not want to be seen on one partner's pages.
        cast.site === 'amor.example' && at === 0
          ? { ...person, consent: { ...person.consent, excludes: ['herz.example'] } }
          : person,
      ),
  }))
}

function factsOfPerson({ profile, consent }: Person): Facts {
  const today = parseIsoDate(TODAY)
  const input = parseProfileInput(profile, { today, minimumAge: TERMS.minimumAge })
  const { profile: shared } = shareProfile(input, consent['scopes'] as Scope[], today)
  return factsOf({ ...shared, birthDate: input.birthDate }, dayNumber(today) * 86_400)
}

/** Why a member's data stay at home: a partner's requirement, or an exclusion; null where not. */
function reasonFor(home: SitePlan, partner: SitePlan, person: Person): string | null {
  if (home.excludes.includes(partner.site)) return `${home.site} excludes ${partner.site}`
  const excludes = (person.consent['excludes'] ?? []) as string[]
  if (excludes.includes(partner.site)) return 'the member excludes this site'
  const facts = factsOfPerson(person)
  const day = dayNumber(parseIsoDate(TODAY))
  const unmet = Object.entries(partner.requirements).filter(
    ([name, value]) => !matches({ [name]: value }, facts, home.siteType, day),
  )
  return unmet.length === 0 ? null : unmet.map(([name]) => name).join(' and ')
}

/** What one partner should hold of one home, and why it does not hold the rest. */
export interface Expectation {
  ids: string[]
  withheld: number
  reasons: Record<string, number>
}

/** What should come to pass between a home and a partner, by the protocol's own matching. */
export function expectationOf(home: SitePlan, partner: SitePlan): Expectation {
  const ids: string[] = []
  const reasons: Record<string, number> = {}
  for (const person of home.members) {
    const reason = reasonFor(home, partner, person)
    if (reason === null) ids.push(person.id)
    else reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  return { ids, withheld: home.members.length - ids.length, reasons }
}
