import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createDraw, DRAWN_SHARE } from '../../../node/core/record/recommend/diversity.ts'
import { rank } from '../../../node/core/record/recommend/rank.ts'
import { systemCrypto } from '../../../node/roles/system.ts'
import { parseRecordId, parseSiteId, type RecordId } from '../../../protocol/ids.ts'

const KEY = new Uint8Array(32).fill(1)
const HOME = parseSiteId('amor.example')
const DAY = 20_000

const recordOf = (n: number): RecordId => parseRecordId(n.toString(16).padStart(32, '0'))
const record = fc.stringMatching(/^[0-9a-f]{32}$/).map(parseRecordId)
const drawOf = (viewer: RecordId, day = DAY, key = KEY) =>
  createDraw(systemCrypto, key, { viewer, day })
const many = Array.from({ length: 2000 }, (_, n) => recordOf(n))

/** Nobody could tell 2,000 fair throws from it: five standard deviations around the share. */
const SLACK = 5 * Math.sqrt((DRAWN_SHARE * (1 - DRAWN_SHARE)) / many.length)

const inThirds = ({ n }: { n: number }): number => ((n % 3) + 1) / 4

describe('createDraw', () => {
  it('gives the same numbers all day, and others to other days, viewers and nodes', () => {
    fc.assert(
      fc.property(record, record, (viewer, candidate) => {
        const number = drawOf(viewer).numberOf(candidate)
        expect(number).toBeGreaterThanOrEqual(0)
        expect(number).toBeLessThan(1)
        expect(drawOf(viewer).numberOf(candidate)).toBe(number)
      }),
    )
    const numbersOf = (draw: ReturnType<typeof drawOf>): string => many.map(draw.numberOf).join(' ')
    const own = numbersOf(drawOf(recordOf(1)))
    expect(numbersOf(drawOf(recordOf(1), DAY + 1))).not.toBe(own)
    expect(numbersOf(drawOf(recordOf(2)))).not.toBe(own)
    expect(numbersOf(drawOf(recordOf(1), DAY, new Uint8Array(32)))).not.toBe(own)
  })

  it('draws a record for its share of the viewers on each day, whatever its id', () => {
    for (const candidate of [recordOf(0), recordOf(1), parseRecordId('f'.repeat(32))])
      for (const day of [DAY, DAY + 1]) {
        const drawn = many.filter((viewer) => drawOf(viewer, day).numberOf(candidate) < DRAWN_SHARE)
        expect(Math.abs(drawn.length / many.length - DRAWN_SHARE)).toBeLessThan(SLACK)
      }
  })
})

describe('rank', () => {
  const candidates = many.map((name, n) => ({ home: HOME, record: name, n }))

  it('puts the drawn ones first, and the better ones first among them', () => {
    const draw = drawOf(recordOf(7))
    const ranked = [...rank(candidates, ({ n }) => (n % 100) / 100, draw)]
    expect(ranked).toHaveLength(candidates.filter(({ n }) => n % 100 !== 0).length)
    const isDrawn = ranked.map(({ candidate }) => draw.numberOf(candidate.record) < DRAWN_SHARE)
    expect(isDrawn).toEqual(isDrawn.toSorted((a, b) => Number(b) - Number(a)))
    const border = isDrawn.indexOf(false)
    for (const part of [ranked.slice(0, border), ranked.slice(border)]) {
      const scores = part.map((row) => row.score)
      expect(scores).toEqual(scores.toSorted((a, b) => b - a))
    }
  })

  it('shows who is best for everybody to no more than the share of them first', () => {
    const best = 1000
    const score = ({ n }: { n: number }): number => (n === best ? 0.9 : 0.5)
    const few = candidates.slice(best, best + 50)
    const viewers = many.filter(
      (viewer) => rank(few, score, drawOf(viewer)).next().value?.candidate.n === best,
    )
    expect(viewers.length / many.length).toBeLessThan(DRAWN_SHARE + SLACK)
  })

  it('reckons the scores of those who are not drawn only when they are read', () => {
    const draw = drawOf(recordOf(7))
    const drawn = candidates.filter(({ record: name }) => draw.numberOf(name) < DRAWN_SHARE)
    const asked: number[] = []
    const score = ({ n }: { n: number }): number => {
      asked.push(n)
      return 0.5
    }
    expect([...rank(candidates, score, draw).take(drawn.length)]).toHaveLength(drawn.length)
    expect(asked).toEqual(drawn.map(({ n }) => n))
  })

  it('does not depend on the order in which candidates come', () => {
    const draw = drawOf(recordOf(3))
    const orderOf = (some: typeof candidates) => [...rank(some, inThirds, draw)]
    expect(orderOf(candidates.toReversed())).toEqual(orderOf(candidates))
  })

  it('is another order tomorrow', () => {
    const [today, tomorrow] = [DAY, DAY + 1].map((day) =>
      rank(candidates, () => 0.5, drawOf(recordOf(3), day))
        .take(10)
        .map(({ candidate }) => candidate.n)
        .toArray(),
    )
    expect(today).not.toEqual(tomorrow)
  })
})
