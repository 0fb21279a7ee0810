/** Numbers, times and durations in the words of the pages; all times are UTC. */
import { html } from 'hono/html'

/** A piece of a page; values in it are escaped by `html`. */
export type Html = ReturnType<typeof html>

const GROUPS = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const PERCENT = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 })
const NARROW_SPACE = '\u202f'

/** A number with its digits in groups of three. */
export function countText(value: number): string {
  return GROUPS.format(value).replaceAll(',', NARROW_SPACE)
}

/** A part of one, as a percentage. */
export function percentText(ratio: number): string {
  return PERCENT.format(ratio)
}

/** Unix seconds as `2026-03-01 09:30:00 UTC`. */
export function timeText(seconds: number): string {
  return `${isoText(seconds).slice(0, 19).replace('T', ' ')} UTC`
}

/** Unix seconds as `2026-03-01T09:30:00Z`, for files. */
export function isoText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

/** Unix seconds as `2026-03-01`. */
export function dayText(seconds: number): string {
  return isoText(seconds).slice(0, 10)
}

/** A moment that machines can read too. */
export function timeOf(seconds: number): Html {
  return html`<time datetime="${isoText(seconds)}">${timeText(seconds)}</time>`
}

const UNITS = [
  { unit: 'd', seconds: 86_400 },
  { unit: 'h', seconds: 3600 },
  { unit: 'min', seconds: 60 },
  { unit: 's', seconds: 1 },
] as const

/** Seconds in their two largest units: `3 h 12 min`. */
export function durationText(seconds: number): string {
  const whole = Math.round(Math.abs(seconds))
  const first = UNITS.findIndex((one) => whole >= one.seconds)
  if (first < 0) return '0 s'
  let rest = whole
  const parts = UNITS.slice(first, first + 2).flatMap((one) => {
    const amount = Math.floor(rest / one.seconds)
    rest -= amount * one.seconds
    return amount === 0 ? [] : [`${amount}${NARROW_SPACE}${one.unit}`]
  })
  return `${seconds < 0 ? '-' : ''}${parts.join(' ')}`
}
