/** Counts what a site does that no honest node does, and says when it is cut off. */
import type { SiteId } from '../../protocol/ids.ts'
import { STRIKES, STRIKE_MILLIS } from './bounds.ts'

export interface Strikes {
  /** Adds one. */
  add: (site: SiteId) => void
  /** Strikes that are not forgiven yet. */
  count: (site: SiteId) => number
  /** Whether the site may not connect for now. */
  out: (site: SiteId) => boolean
}

/**
 * Strikes are forgiven one by one, so that a site with a mended fault comes back by itself.
 *
 * @param nowMillis a clock that never goes back
 */
export function createStrikes(nowMillis: () => number): Strikes {
  const bySite = new Map<SiteId, { count: number; since: number }>()

  function current(site: SiteId): { count: number; since: number } {
    const now = nowMillis()
    const held = bySite.get(site)
    if (held === undefined) return { count: 0, since: now }
    const forgiven = Math.floor((now - held.since) / STRIKE_MILLIS)
    if (forgiven === 0) return held
    const left = {
      count: Math.max(0, held.count - forgiven),
      since: held.since + forgiven * STRIKE_MILLIS,
    }
    // Only members are counted, so the map is as small as the registry; still, forget the good.
    if (left.count === 0) bySite.delete(site)
    else bySite.set(site, left)
    return left
  }

  return {
    add: (site) => {
      const { count, since } = current(site)
      bySite.set(site, { count: count + 1, since })
    },
    count: (site) => current(site).count,
    out: (site) => current(site).count >= STRIKES,
  }
}
