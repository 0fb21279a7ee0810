import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addYears,
  ageOn,
  ageOnDay,
  dayNumber,
  dayOf,
  isoDateOfDay,
  parseIsoDate,
} from '../../protocol/dates.ts'

const date = parseIsoDate
const anyDay = fc.integer({ min: -700_000, max: 2_800_000 })

describe('parseIsoDate', () => {
  it('accepts 29 February in leap years only', () => {
    expect(date('2024-02-29')).toBe('2024-02-29')
    expect(date('2000-02-29')).toBe('2000-02-29')
    for (const text of ['2023-02-29', '1900-02-29', '2100-02-29'])
      expect(() => date(text)).toThrow('malformed')
  })
  it('refuses dates that do not exist and other spellings', () => {
    const refused = [
      '',
      '2024-00-10',
      '2024-13-01',
      '2024-04-31',
      '2024-1-1',
      '20240101',
      '0000-01-01',
    ]
    for (const text of [...refused, '2024-01-01T00', '２０２４-01-01', '2024-01-0a', '2024/01/01'])
      expect(() => date(text)).toThrow('malformed')
  })
})

describe('dayNumber and isoDateOfDay', () => {
  it('agree with the platform calendar on every day', () => {
    fc.assert(
      fc.property(anyDay, (day) => {
        const text = new Date(day * 86_400_000).toISOString().slice(0, 10)
        expect(isoDateOfDay(day)).toBe(text)
        expect(dayNumber(date(text))).toBe(day)
      }),
    )
  })
  it('agree on the leap days that end a century, and on those around them', () => {
    for (const text of ['1600-02-29', '1900-02-28', '1900-03-01', '2000-02-29', '2400-02-29'])
      expect(isoDateOfDay(dayNumber(date(text)))).toBe(text)
    expect(ageOnDay(dayNumber(date('2000-02-29')), dayNumber(date('2024-02-29')))).toBe(24)
  })
  it('count from 1 January 1970', () => {
    expect(dayNumber(date('1970-01-01'))).toBe(0)
    expect(dayOf(86_399)).toBe(0)
    expect(dayOf(86_400)).toBe(1)
  })
})

describe('ageOn', () => {
  it('rises on the birthday and not a day before', () => {
    expect(ageOn(date('2000-05-12'), date('2018-05-11'))).toBe(17)
    expect(ageOn(date('2000-05-12'), date('2018-05-12'))).toBe(18)
  })
  it('rises on 1 March for who was born on 29 February, outside leap years', () => {
    expect(ageOn(date('2008-02-29'), date('2026-02-28'))).toBe(17)
    expect(ageOn(date('2008-02-29'), date('2026-03-01'))).toBe(18)
    expect(ageOn(date('2008-02-29'), date('2028-02-29'))).toBe(20)
  })
  it('is the same from day numbers', () => {
    fc.assert(
      fc.property(anyDay, anyDay, (born, today) => {
        expect(ageOnDay(born, today)).toBe(ageOn(isoDateOfDay(born), isoDateOfDay(today)))
      }),
    )
  })
})

describe('addYears', () => {
  it('moves 29 February to 1 March where it does not exist', () => {
    expect(addYears(date('2008-02-29'), 18)).toBe('2026-03-01')
    expect(addYears(date('2008-02-29'), 20)).toBe('2028-02-29')
  })
  it('gives the first day of the new age', () => {
    fc.assert(
      fc.property(anyDay, fc.integer({ min: 1, max: 99 }), (born, years) => {
        const birthday = addYears(isoDateOfDay(born), years)
        expect(ageOn(isoDateOfDay(born), birthday)).toBe(years)
        expect(ageOnDay(born, dayNumber(birthday) - 1)).toBe(years - 1)
      }),
    )
  })
})
