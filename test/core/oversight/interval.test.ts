import { describe, expect, it } from 'vitest'
import { rateOf, wilsonInterval } from '../../../node/core/oversight/interval.ts'

describe('wilsonInterval', () => {
  /** Figures of Newcombe, Statistics in Medicine 17 (1998), table I, method 3. */
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('of %i in %i is that of the literature', (passed, total, low, high) => {
    const interval = wilsonInterval(passed, total)
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  })

  it('of nothing is everything, and never leaves 0 to 1', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 })
    for (const total of [1, 2, 1000, 1e9])
      for (const passed of [0, total]) {
        const { low, high } = wilsonInterval(passed, total)
        expect(low >= 0 && high <= 1 && low < high).toBe(true)
      }
  })
})

describe('rateOf', () => {
  it('has no share where nothing was decided', () => {
    expect(rateOf(0, 0)).toMatchObject({ share: null, low: 0, high: 1 })
    expect(rateOf(3, 1)).toMatchObject({ passed: 3, failed: 1, share: 0.75 })
  })
})
