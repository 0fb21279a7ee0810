/** Rings around a place: how near somebody is, in a few steps. */
import { distanceKm, type Place } from '../../../protocol/requirements.ts'

const FARTHEST_KM = 500
/** Outer edges of the rings but the last, which has none, in kilometres. */
export const RINGS_KM = [25, 50, 100, 200, FARTHEST_KM] as const
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

/** Tenths of a degree of latitude that are farther than the last edge; one is 11.1 km. */
const BEYOND_TENTHS = Math.ceil(FARTHEST_KM / 11)

/** The ring of one place around another. */
export function ringBetween(from: Place, to: Place): number {
  // Most of the world is that far north or south, and is told so without a sine.
  const isBeyond = Math.abs(to.latitudeTenths - from.latitudeTenths) >= BEYOND_TENTHS
  return isBeyond ? RINGS_KM.length : ringOf(distanceKm(from, to), false)
}
