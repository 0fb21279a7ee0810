/** What a node knows of the network now: the registry, heartbeats, everybody's requirements. */
import type { Entry } from '../../protocol/entry.ts'
import type { GateView } from '../../protocol/gate.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { isBelievable, leaseAt, type Lease } from '../../protocol/lease.ts'
import {
  emptyRegistry,
  foldRegistry,
  isActive,
  memberOf,
  type Registry,
} from '../../protocol/registry.ts'
import type { Clock } from './ports.ts'
import type { LogState, PublishedRequirements } from './store.ts'

/**
 * The view. Heartbeats live in memory only, so that a node shows nothing of others until it has
 * heard from them since its own start (design §4.7).
 */
export interface View {
  readonly network: SiteId
  readonly self: SiteId
  registry: () => Registry
  /** Folds entries of the coordinator's log, in order, once they are durable. */
  fold: (entries: readonly Entry[]) => void
  heartbeat: (site: SiteId) => number | null
  /** Takes a newer heartbeat; returns whether it was newer. */
  heard: (site: SiteId, time: number) => boolean
  requirements: (site: SiteId) => PublishedRequirements | null
  setRequirements: (site: SiteId, published: PublishedRequirements) => void
  /** The gate's view of one home and one partner at this moment. */
  gate: (home: SiteId, partner: SiteId) => GateView
  /** The lease of a home's records here, by heartbeats heard since the start. */
  lease: (home: SiteId) => Lease
  /** Logs that are frozen because their writer showed two histories. */
  frozen: ReadonlySet<SiteId>
  freeze: (site: SiteId) => void
  /** All sites but this one that take part now, without the coordinator. */
  activeOthers: () => SiteId[]
}

/**
 * Builds the view of a node from what it has stored.
 *
 * @param logs the stored states, for requirements
 * @param entries all entries of the coordinator's log
 * @param frozen logs with a stored fork
 */
export function createView(
  init: { network: SiteId; self: SiteId; clock: Clock },
  stored: { logs: readonly LogState[]; entries: readonly Entry[]; frozen: readonly SiteId[] },
): View {
  const { network, self, clock } = init
  let registry = emptyRegistry(network)
  for (const entry of stored.entries) registry = foldRegistry(registry, entry)
  const heartbeats = new Map<SiteId, number>()
  const requirements = new Map<SiteId, PublishedRequirements>()
  const frozen = new Set<SiteId>(stored.frozen)
  for (const log of stored.logs)
    if (log.requirements !== null) requirements.set(log.site, log.requirements)

  /** One that a wrong clock let in from the future must not shut out those of the present. */
  const heard = (site: SiteId): number | null => {
    const time = heartbeats.get(site) ?? null
    return time !== null && isBelievable(time, clock.now()) ? time : null
  }
  const heartbeatFor = (site: SiteId): number | null => (site === self ? clock.now() : heard(site))
  return {
    network,
    self,
    registry: () => registry,
    fold: (entries) => {
      for (const entry of entries) registry = foldRegistry(registry, entry)
    },
    heartbeat: heard,
    heard: (site, time) => {
      if (time <= (heard(site) ?? -1)) return false
      heartbeats.set(site, time)
      return true
    },
    requirements: (site) => requirements.get(site) ?? null,
    setRequirements: (site, published) => {
      requirements.set(site, published)
    },
    gate: (home, partner) => ({
      now: clock.now(),
      registry,
      home,
      partner,
      coordinatorHeartbeat: heartbeatFor(network),
      homeHeartbeat: frozen.has(home) ? null : heartbeatFor(home),
      homeExcludes: requirements.get(home)?.excludes ?? [],
      requirements: requirements.get(partner)?.requirements ?? null,
    }),
    lease: (home) =>
      frozen.has(home) ? 'hidden' : leaseAt(heartbeatFor(home), clock.now(), registry.terms),
    frozen,
    freeze: (site) => {
      frozen.add(site)
    },
    activeOthers: () =>
      [...registry.members.keys()].filter(
        (site) => site !== self && isActive(registry, site, clock.now()),
      ),
  }
}

/** Whether the site is a member, or the coordinator, that has not been expelled. */
export function isKnown(view: View, site: SiteId): boolean {
  const member = memberOf(view.registry(), site)
  return member !== undefined && member.status !== 'expelled'
}
