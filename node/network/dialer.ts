/** Keeps a connection to every known member. */
import type { Events } from '../core/ports.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { REDIAL_MAX_MILLIS, REDIAL_MILLIS, STEADY_MILLIS } from './bounds.ts'
import { reasonOf } from './faults.ts'

export interface DialerPorts {
  /** Sites with a known address. */
  sites: () => SiteId[]
  isConnected: (site: SiteId) => boolean
  mayConnect: (site: SiteId) => boolean
  /** One attempt; rejects where it fails. */
  connect: (site: SiteId) => Promise<void>
  /** Whether we dial this site first: both sides doing so makes two connections. */
  leads: (site: SiteId) => boolean
  /** Milliseconds of a clock that never goes back. */
  nowMillis: () => number
  events: Events
}

export interface Dialer {
  /** Resolves once there is a connection; rejects with why this attempt failed. */
  dial: (site: SiteId) => Promise<void>
  /** Plans a dial to each site that has none and needs one. */
  sweep: () => void
  /** The first connection with a site was made. */
  made: (site: SiteId) => void
  /** The last connection with a site ended: it is dialled again at once, if it had held. */
  lost: (site: SiteId) => void
  start: () => void
  stop: () => void
}

/** Dials with exponential, jittered back-off, so that a returning site is not met by all at once. */
export function createDialer(ports: DialerPorts): Dialer {
  const failures = new Map<SiteId, number>()
  const madeAt = new Map<SiteId, number>()
  const timers = new Map<SiteId, NodeJS.Timeout>()
  const dialling = new Map<SiteId, Promise<void>>()
  let running = false

  async function attempt(site: SiteId): Promise<void> {
    try {
      await ports.connect(site)
    } catch (error) {
      const count = (failures.get(site) ?? 0) + 1
      failures.set(site, count)
      // Told once for each absence: a site that is away for days is one fact, not thousands.
      if (count === 1)
        ports.events.emit({ type: 'peer.failed', site, action: 'dial', reason: reasonOf(error) })
      throw error
    } finally {
      dialling.delete(site)
      plan(site)
    }
  }

  function dial(site: SiteId): Promise<void> {
    if (ports.isConnected(site)) return Promise.resolve()
    const current = dialling.get(site)
    if (current !== undefined) return current
    clearTimeout(timers.get(site))
    timers.delete(site)
    const promise = attempt(site)
    dialling.set(site, promise)
    return promise
  }

  function plan(site: SiteId): void {
    if (!running || timers.has(site) || dialling.has(site) || ports.isConnected(site)) return
    if (!ports.mayConnect(site)) {
      failures.delete(site)
      return
    }
    const redial = (): void => {
      timers.delete(site)
      if (ports.mayConnect(site)) dial(site).catch(() => undefined)
    }
    timers.set(site, setTimeout(redial, delayMillis(failures.get(site) ?? 0, ports.leads(site))))
  }

  return {
    dial,
    sweep: () => {
      for (const site of ports.sites()) plan(site)
    },
    made: (site) => {
      clearTimeout(timers.get(site))
      timers.delete(site)
      madeAt.set(site, ports.nowMillis())
    },
    lost: (site) => {
      const since = ports.nowMillis() - (madeAt.get(site) ?? 0)
      // A peer that accepts and then hangs up would else be dialled without a pause.
      if (since >= STEADY_MILLIS) failures.delete(site)
      else failures.set(site, (failures.get(site) ?? 0) + 1)
      plan(site)
    },
    start: () => {
      running = true
    },
    stop: () => {
      running = false
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}

function delayMillis(failed: number, leads: boolean): number {
  if (failed === 0) return leads ? 0 : REDIAL_MILLIS * (1 + Math.random())
  const full = Math.min(REDIAL_MAX_MILLIS, REDIAL_MILLIS * 2 ** Math.min(failed - 1, 16))
  return full * (0.5 + Math.random() / 2)
}
