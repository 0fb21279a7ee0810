/** When a question that has no answer yet is put again, and when that was the last time. */

const FIRST_SECONDS = 60
const LONGEST_SECONDS = 3600
/**
 * Tries before a deadline counts. A coordinator that was down until the deadline asks anew first: no
 * site is found guilty of its absence.
 */
const LEAST_TRIES = 3

/** Beyond this a planned time was made by a clock that has jumped back since. */
export const FAR_OFF_SECONDS = 2 * LONGEST_SECONDS

/**
 * The next try after so many.
 *
 * @param dueAt unix seconds of the deadline
 */
export function nextTry(
  now: number,
  { dueAt, tries }: { dueAt: number; tries: number },
): { at: number; isLast: boolean } {
  const later = now + Math.min(FIRST_SECONDS * 2 ** Math.min(tries, 16), LONGEST_SECONDS)
  const at = now < dueAt ? Math.min(later, dueAt) : now + FIRST_SECONDS
  return { at, isLast: now >= dueAt && tries >= LEAST_TRIES }
}
