/** Calendar dates and ages without a clock: plain arithmetic on the proleptic Gregorian calendar. */
import { ProtocolError } from './errors.ts'

declare const brand: unique symbol
/** A calendar date that exists, as `YYYY-MM-DD` (ISO 8601); two of them compare as text. */
export type IsoDate = string & { [brand]: 'IsoDate' }

/** Seconds of a day; unix time has no leap seconds. */
export const DAY_SECONDS = 86_400

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
const DAYS_FROM_0000_03_01_TO_1970 = 719_468
const DAYS_PER_400_YEARS = 146_097

interface Civil {
  year: number
  month: number
  day: number
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function monthDays(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)
}

function digitsOf(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i += 1) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function civilOf(date: string): Civil {
  return { year: digitsOf(date, 0, 4), month: digitsOf(date, 5, 7), day: digitsOf(date, 8, 10) }
}

function format({ year, month, day }: Civil): IsoDate {
  const yyyy = String(year).padStart(4, '0')
  return `${yyyy}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}` as IsoDate
}

/** Whether `text` is a date that exists, as `YYYY-MM-DD`. */
export function isIsoDate(text: string): text is IsoDate {
  if (text.length !== 10 || text[4] !== '-' || text[7] !== '-') return false
  const { year, month, day } = civilOf(text)
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= monthDays(year, month)
}

/**
 * Parses a date that exists, from the year 1 to 9999.
 *
 * @throws ProtocolError `malformed`
 */
export function parseIsoDate(text: string): IsoDate {
  if (!isIsoDate(text)) throw new ProtocolError('malformed', '', 'a date as YYYY-MM-DD')
  return text
}

/**
 * Days from 1 January 1970 to `date`; negative before.
 *
 * @see Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil
 */
export function dayNumber(date: IsoDate): number {
  const { year, month, day } = civilOf(date)
  // The year starts in March here, so that the leap day is its last and needs no special case.
  const shiftedYear = month <= 2 ? year - 1 : year
  const era = Math.floor(shiftedYear / 400)
  const yearOfEra = shiftedYear - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  const dayOfEra = yearOfEra * 365 + leapDays + dayOfYear
  return era * DAYS_PER_400_YEARS + dayOfEra - DAYS_FROM_0000_03_01_TO_1970
}

function civilOfDay(dayCount: number): Civil {
  const shifted = dayCount + DAYS_FROM_0000_03_01_TO_1970
  const era = Math.floor(shifted / DAYS_PER_400_YEARS)
  const dayOfEra = shifted - era * DAYS_PER_400_YEARS
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524)
  const yearOfEra = Math.floor(
    (dayOfEra - leapDays - Math.floor(dayOfEra / (DAYS_PER_400_YEARS - 1))) / 365,
  )
  const yearDays = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  const dayOfYear = dayOfEra - yearDays
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}

/** The date that is `day` days after 1 January 1970. */
export function isoDateOfDay(day: number): IsoDate {
  return format(civilOfDay(day))
}

/** The day number (UTC) of a moment in unix seconds. */
export function dayOf(unixSeconds: number): number {
  return Math.floor(unixSeconds / DAY_SECONDS)
}

function wholeYears(from: Civil, to: Civil): number {
  const reached = to.month > from.month || (to.month === from.month && to.day >= from.day)
  return to.year - from.year - (reached ? 0 : 1)
}

/**
 * Full years of age on `today`. Who was born on 29 February comes of age on 1 March of other years:
 * laws differ (28 February in some), and the later day is never too early anywhere.
 */
export function ageOn(birthDate: IsoDate, today: IsoDate): number {
  return wholeYears(civilOf(birthDate), civilOf(today))
}

/** As `ageOn`, from day numbers. */
export function ageOnDay(birthDay: number, todayDay: number): number {
  return wholeYears(civilOfDay(birthDay), civilOfDay(todayDay))
}

/** The same day `years` later (or earlier); 29 February becomes 1 March where it does not exist. */
export function addYears(date: IsoDate, years: number): IsoDate {
  const { year, month, day } = civilOf(date)
  const target = year + years
  if (month === 2 && day === 29 && !isLeapYear(target))
    return format({ year: target, month: 3, day: 1 })
  return format({ year: target, month, day })
}

/** The same day `months` later; the last day of the month where that is shorter. */
export function addMonths(date: IsoDate, months: number): IsoDate {
  const { year, month, day } = civilOf(date)
  const index = year * 12 + month - 1 + months
  const target = { year: Math.floor(index / 12), month: (index % 12) + 1 }
  return format({ ...target, day: Math.min(day, monthDays(target.year, target.month)) })
}

/** A time as `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, UTC), for the words of notes and files. */
export function isoTimeOf(unixSeconds: number): string {
  const day = dayOf(unixSeconds)
  const rest = unixSeconds - day * DAY_SECONDS
  const parts = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60]
  return `${isoDateOfDay(day)}T${parts.map((part) => String(part).padStart(2, '0')).join(':')}Z`
}
