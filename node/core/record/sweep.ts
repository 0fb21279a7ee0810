/** What time alone ends: leases, consents, ages. Looked at regularly, and once at the start. */
import { dayOf } from '../../../protocol/dates.ts'
import { leaseAt } from '../../../protocol/lease.ts'
import { CLOCK_SKEW_SECONDS } from '../../../protocol/limits.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Clock, Events } from '../ports.ts'
import type { Store } from '../store.ts'
import type { View } from '../view.ts'
import { doomUnmatched } from './match.ts'

const BATCH = 1000
/** Seconds between two sweeps at most; a lease is long against it. */
const SWEEP_SECONDS = 60

/** Setting with the day numbers of the last daily sweep: here, and by the slowest clock. */
const SWEPT_DAY = 'swept-day'

export interface Sweep {
  /** Makes the next run look at everything: the terms or somebody's membership have changed. */
  lookAgain: () => void
  /** Dooms what has lapsed or expired, if a sweep is due; the caller flushes the eraser. */
  run: () => Promise<void>
}

/** Creates the sweep of a site node. */
export function createSweep(ports: {
  view: View
  store: Store
  clock: Clock
  events: Events
  /** Writes withdrawals for own records whose consent has ended. */
  expireOwn: (records: readonly RecordId[]) => Promise<void>
  publishBirthdays: () => Promise<number>
}): Sweep {
  const { view, store, clock, events } = ports
  let sweptAt: number | null = null
  let isStale = false

  async function lapse(): Promise<void> {
    const { terms } = view.registry()
    const hasLapsed = (site: SiteId, heartbeat: number | null): boolean => {
      const newest = Math.max(heartbeat ?? 0, view.heartbeat(site) ?? 0)
      return leaseAt(newest, clock.now(), terms) === 'lapsed'
    }
    const logs = await store.read((tx) => tx.logs.all())
    for (const { site, heartbeat } of logs) {
      if (site === view.self || site === view.network || !hasLapsed(site, heartbeat)) continue
      const held = await store.write(async (tx) => {
        // The home may have come back while this transaction waited for its turn.
        const state = await tx.logs.get(site)
        const { held: count } = await tx.records.counts(site)
        if (count === 0 || !hasLapsed(site, state?.heartbeat ?? null)) return 0
        await tx.bodies.doom(site, 'all')
        // A return of the home means asking for everything anew.
        await tx.records.wantAll(site)
        return count
      }, 'erase')
      if (held > 0) events.emit({ type: 'lease.lapsed', home: site })
    }
  }

  async function expire(): Promise<void> {
    for (const { site } of await store.read((tx) => tx.logs.all())) {
      const expired = await store.read((tx) => tx.records.expired(site, clock.now(), BATCH))
      if (expired.length === 0) continue
      if (site === view.self) await ports.expireOwn(expired.map(({ record }) => record))
      else
        await store.write(
          (tx) =>
            tx.bodies.doom(
              site,
              expired.map(({ index }) => index),
            ),
          'erase',
        )
    }
  }

  /**
   * A day begins twice: by this node's clock, when ages change here, and once more when every other
   * clock shows it too, since a home whose clock is behind still withholds by the day before.
   */
  async function daily(): Promise<void> {
    const today = `${dayOf(clock.now())} ${dayOf(clock.now() - CLOCK_SKEW_SECONDS)}`
    const swept = await store.read((tx) => tx.desk.setting(SWEPT_DAY))
    if (swept === today && !isStale) return
    isStale = false
    await store.write(async (tx) => {
      const requirements = view.requirements(view.self)?.requirements ?? null
      const rule = { self: view.self, registry: view.registry(), requirements, now: clock.now() }
      await doomUnmatched(tx, rule)
      for (const { site } of await tx.logs.all())
        if (site !== view.self) await tx.records.wantAll(site)
    })
    await ports.publishBirthdays()
    await store.write((tx) => tx.desk.setSetting(SWEPT_DAY, today))
  }

  return {
    lookAgain: () => {
      isStale = true
      sweptAt = null
    },
    run: async () => {
      const now = clock.now()
      const every = Math.min(SWEEP_SECONDS, view.registry().terms.heartbeatSeconds)
      if (sweptAt !== null && now >= sweptAt && now - sweptAt < every) return
      sweptAt = now
      await lapse()
      await expire()
      await daily()
    },
  }
}
