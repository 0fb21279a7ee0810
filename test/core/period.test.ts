/** Periods of calendar months, which end on a day and not after so many seconds. */
import { describe, expect, it } from 'vitest'
import { endOfMonths, monthsBefore } from '../../node/core/request/period.ts'

const at = (text: string): number => Date.parse(text) / 1000

describe('endOfMonths', () => {
  it.each([
    ['2026-03-10T09:00:00Z', 1, '2026-04-10T23:59:59Z'],
    ['2026-01-31T23:59:59Z', 1, '2026-02-28T23:59:59Z'],
    ['2028-01-31T00:00:00Z', 1, '2028-02-29T23:59:59Z'],
    ['2026-12-31T12:00:00Z', 1, '2027-01-31T23:59:59Z'],
    ['2026-11-30T12:00:00Z', 3, '2027-02-28T23:59:59Z'],
    ['2024-02-29T12:00:00Z', 24, '2026-02-28T23:59:59Z'],
  ])('from %s, %i months end at %s', (from, months, end) => {
    expect(endOfMonths(at(from), months)).toBe(at(end))
  })
})

describe('monthsBefore', () => {
  it('is the day from which on a period is not over yet', () => {
    const last = at('2026-03-10T15:00:00Z')
    const end = endOfMonths(last, 24)
    expect(last < monthsBefore(end, 24)).toBe(false)
    expect(last < monthsBefore(end + 1, 24)).toBe(true)
  })
})
