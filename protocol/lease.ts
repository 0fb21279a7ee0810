/** Leases: a home's silence hides its records at partners, then erases them (design §4.7). */
import type { Terms } from './entry.ts'
import { CLOCK_SKEW_SECONDS } from './limits.ts'

/** `fresh`: may be shown; `hidden`: kept but not shown; `lapsed`: to be erased. */
export type Lease = 'fresh' | 'hidden' | 'lapsed'

/**
 * The lease of a home's records at a partner.
 *
 * @param heartbeat unix seconds of the newest applied heartbeat, null where none is known: then
 *   nothing is shown, and nothing is known of how long it has lapsed
 * @param now unix seconds
 */
export function leaseAt(
  heartbeat: number | null,
  now: number,
  terms: Pick<Terms, 'hideAfterSeconds' | 'eraseAfterSeconds'>,
): Lease {
  if (heartbeat === null) return 'hidden'
  const age = now - heartbeat
  // A clock that ran far ahead when the heartbeat came makes it worthless, not eternal.
  if (age < -CLOCK_SKEW_SECONDS) return 'hidden'
  // First of all, so that terms in the wrong order show less and not more.
  if (age >= terms.eraseAfterSeconds) return 'lapsed'
  return age < terms.hideAfterSeconds ? 'fresh' : 'hidden'
}

/** Whether a heartbeat of `time` may be believed at `now`: not more than the skew ahead. */
export function isBelievable(time: number, now: number): boolean {
  return time <= now + CLOCK_SKEW_SECONDS
}
