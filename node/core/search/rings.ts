/** Rings around a place: how near somebody is, in a few steps. */
import type { Place } from '../../../protocol/requirements.ts'

/** Outer edges of the rings but the last, which has none, in kilometres. */
export const RINGS_KM = [25, 50, 100, 200, 500] as const
/** The ring of those in the same country whose distance is not known. */
const COMPATRIOTS = 3

/** Where somebody is. */
export interface Around {
  place: Place | null
  country: string
}

/**
 * The number of a ring, the innermost being 0.
 *
 * @param km null where it is not known
 * @param isCompatriot whether both are in one country; asked only where the distance is not known
 */
export function ringOf(km: number | null, isCompatriot: boolean): number {
  if (km === null) return isCompatriot ? COMPATRIOTS : RINGS_KM.length
  const ring = RINGS_KM.findIndex((edge) => km <= edge)
  return ring < 0 ? RINGS_KM.length : ring
}
