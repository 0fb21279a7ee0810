/** The disclosure gate: may partner P have record R of home H now? (design §4.4) */
import type { Scope } from './consent.ts'
import type { SiteId } from './ids.ts'
import { dayOf } from './dates.ts'
import { leaseAt } from './lease.ts'
import { isActive, type Registry } from './registry.ts'
import { ageOfFacts, matches, type Facts, type Requirements } from './requirements.ts'

/** What the gate knows of the network at one moment; the same for a whole batch. */
export interface GateView {
  /** Unix seconds. */
  now: number
  registry: Registry
  home: SiteId
  partner: SiteId
  /** Newest applied heartbeat of the coordinator, unix seconds. */
  coordinatorHeartbeat: number | null
  /** Newest applied heartbeat of the home; the home itself passes `now`. */
  homeHeartbeat: number | null
  /** Sites to which the home gives nothing. */
  homeExcludes: readonly SiteId[]
  /** The partner's newest requirements, null where it has published none. */
  requirements: Requirements | null
}

/** What the gate looks at in one record. */
export interface GatedRecord {
  /** Not withdrawn, not ordered away, and this version is the newest. */
  live: boolean
  /** Unix seconds at which the consent ends. */
  expires: number
  scopes: readonly Scope[]
  /** Sites that the member excludes. */
  excludes: readonly SiteId[]
  facts: Facts
}

export type Refusal =
  | 'registry-stale'
  | 'home-inactive'
  | 'partner-inactive'
  | 'home-silent'
  | 'excluded'
  | 'no-requirements'
  | 'not-live'
  | 'no-consent'
  | 'under-age'
  | 'no-match'
export type Decision = { kind: 'allowed' } | { kind: 'refused'; reason: Refusal }

const ALLOWED: Decision = { kind: 'allowed' }
const refused = (reason: Refusal): Decision => ({ kind: 'refused', reason })

/**
 * The part of the decision that is the same for all records of a home: network, leases, exclusion.
 * Callers with many records take it once and then {@link decideRecord} for each.
 */
export function decideHome(view: GateView): Decision {
  const { registry, now } = view
  const { terms } = registry
  const registryLease = leaseAt(view.coordinatorHeartbeat, now, {
    hideAfterSeconds: terms.registryLeaseSeconds,
    eraseAfterSeconds: terms.registryLeaseSeconds,
  })
  if (registryLease !== 'fresh') return refused('registry-stale')
  if (!isActive(registry, view.home, now)) return refused('home-inactive')
  if (!isActive(registry, view.partner, now)) return refused('partner-inactive')
  if (leaseAt(view.homeHeartbeat, now, terms) !== 'fresh') return refused('home-silent')
  if (view.homeExcludes.includes(view.partner)) return refused('excluded')
  // A home may always have its own records back (after a restore it has no other copy).
  if (view.requirements === null && view.partner !== view.home) return refused('no-requirements')
  return ALLOWED
}

/** The part of the decision that looks at one record; call it only where decideHome allowed. */
export function decideRecord(view: GateView, record: GatedRecord, scope: Scope): Decision {
  const { registry, now, home, partner, requirements } = view
  if (!record.live) return refused('not-live')
  if (record.expires <= now || !record.scopes.includes(scope)) return refused('no-consent')
  if (partner === home) return ALLOWED
  if (record.excludes.includes(partner)) return refused('excluded')
  const today = dayOf(now)
  if (ageOfFacts(record.facts, today) < registry.terms.minimumAge) return refused('under-age')
  const homeType = registry.members.get(home)?.siteType ?? ''
  if (requirements === null || !matches(requirements, record.facts, homeType, today))
    return refused('no-match')
  return ALLOWED
}

/**
 * Decides every release of anything about a record.
 *
 * @param scope what is asked for: `discovery` for a body, `presence`, `messaging` …
 */
export function decide(view: GateView, record: GatedRecord, scope: Scope): Decision {
  const home = decideHome(view)
  return home.kind === 'refused' ? home : decideRecord(view, record, scope)
}
