import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBelievable, leaseAt } from '../../protocol/lease.ts'
import { CLOCK_SKEW_SECONDS } from '../../protocol/limits.ts'

const terms = { hideAfterSeconds: 100, eraseAfterSeconds: 1000 }
const BEAT = 1_000_000

describe('leaseAt', () => {
  it.each([
    [-CLOCK_SKEW_SECONDS - 1, 'hidden'],
    [-CLOCK_SKEW_SECONDS, 'fresh'],
    [0, 'fresh'],
    [99, 'fresh'],
    [100, 'hidden'],
    [999, 'hidden'],
    [1000, 'lapsed'],
    [1_000_000_000, 'lapsed'],
  ])('says of a heartbeat %i seconds ago: %s', (age, lease) => {
    expect(leaseAt(BEAT, BEAT + age, terms)).toBe(lease)
  })

  it('shows nothing, and erases nothing, where no heartbeat is known', () => {
    expect(leaseAt(null, BEAT, terms)).toBe('hidden')
  })

  it('shows less, not more, where the terms are in the wrong order', () => {
    const wrong = { hideAfterSeconds: 1000, eraseAfterSeconds: 100 }
    expect(leaseAt(BEAT, BEAT + 99, wrong)).toBe('fresh')
    expect(leaseAt(BEAT, BEAT + 100, wrong)).toBe('lapsed')
  })

  it('never grows fresher as time passes, once the heartbeat is not of the future', () => {
    const order = ['fresh', 'hidden', 'lapsed']
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (first, more) => {
        const before = leaseAt(BEAT, BEAT + first, terms)
        const after = leaseAt(BEAT, BEAT + first + more, terms)
        expect(order.indexOf(after)).toBeGreaterThanOrEqual(order.indexOf(before))
      }),
    )
  })

  it('holds again after a clock that jumped comes back', () => {
    const jumps = [10, 1_000_000_000, -1_000_000_000, 20]
    expect(jumps.map((jump) => leaseAt(BEAT, BEAT + jump, terms))).toEqual([
      'fresh',
      'lapsed',
      'hidden',
      'fresh',
    ])
  })
})

describe('isBelievable', () => {
  it('takes a heartbeat up to the clock skew ahead', () => {
    expect(isBelievable(BEAT + CLOCK_SKEW_SECONDS, BEAT)).toBe(true)
    expect(isBelievable(BEAT + CLOCK_SKEW_SECONDS + 1, BEAT)).toBe(false)
    expect(isBelievable(0, BEAT)).toBe(true)
  })
})
