/** The promises of the privacy policy: each clause has its row on the page, each row its tests. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { POLICY_ROWS, type PolicyRow } from '../node/web/public/policy-rows.ts'

/** Every clause of the policy in force since 19 June 2018, in its order. */
const CLAUSES = [
  '1',
  '1',
  '2.1, 3',
  '2.1',
  '2.2-2.5, 5, 10.1',
  '2.5',
  '4',
  '5',
  '6',
  '7',
  '8',
  '8',
  '9.1',
  '9.2',
  '9.3',
  '9.4',
  '10.1',
  '10.2',
  '10.2',
  '10.2',
  '11.1',
  '11.2',
  '11.2, 13',
  '11.3',
  '12.1',
  '12.2',
  '12.3',
  '13',
  'end',
]
const rows: readonly PolicyRow[] = POLICY_ROWS
const named = rows.flatMap(({ id, tests }) => tests.map((test) => ({ id, ...test })))

describe('the rows of the policy', () => {
  it('are one for each promise, in the order of the clauses', () => {
    expect(rows.map(({ clause }) => clause)).toEqual(CLAUSES)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  it.each(named)('$id is shown by a test that exists: $file, $name', ({ file, name }) => {
    expect(existsSync(file)).toBe(true)
    const titles = readFileSync(file, 'utf8').match(/\b(?:it|test)\b[^'`"]*(['`"]).*?\1,/gs) ?? []
    expect(titles.some((title) => title.includes(name))).toBe(true)
  })

  it('have a test each, but for those whose part is not here', () => {
    expect(rows.filter(({ tests }) => tests.length === 0).map(({ id }) => id)).toEqual([])
  })
})
