/** Periods of calendar months, as laws and the policy count them. */
import { addMonths, dayNumber, dayOf, DAY_SECONDS, isoDateOfDay } from '../../../protocol/dates.ts'

/** Months for an answer, and with an extension (GDPR Art. 12(3)). */
export const ANSWER_MONTHS = 1
export const EXTENDED_MONTHS = 3
/** Months after the last contact for which more than the minimum is kept (policy §6). */
export const RETENTION_MONTHS = 24

/**
 * The last second of the day, in UTC, on which a period of months ends that began at `from`. It ends
 * on the day with the same number, or on the last one of a shorter month (Regulation 1182/71 Art. 3);
 * that a holiday would prolong it is left out, which is never later than the law.
 */
export function endOfMonths(from: number, months: number): number {
  const end = addMonths(isoDateOfDay(dayOf(from)), months)
  return (dayNumber(end) + 1) * DAY_SECONDS - 1
}

/** The newest moment whose period of months was over before the day of `now`. */
export function monthsBefore(now: number, months: number): number {
  const start = addMonths(isoDateOfDay(dayOf(now)), -months)
  return dayNumber(start) * DAY_SECONDS
}
