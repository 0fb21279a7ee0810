/** Deadlines by the coordinator's own time: what passes while it is away does not count. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueAfter } from '../../node/core/oversight/calendar.ts'

describe('dueAfter', () => {
  it.each([
    ['nothing in between', [], 150],
    ['an absence before it began', [{ since: 10, until: 90 }], 150],
    ['one that it began in', [{ since: 90, until: 120 }], 170],
    ['one inside', [{ since: 110, until: 120 }], 160],
    ['one that lasts beyond its end', [{ since: 140, until: 400 }], 410],
    ['one that begins at its end', [{ since: 150, until: 400 }], 150],
    [
      'a second one that only the first lets it meet',
      [
        { since: 120, until: 140 },
        { since: 160, until: 200 },
      ],
      210,
    ],
  ])('with %s', (_what, away, due) => {
    expect(dueAfter({ away }, 100, 50)).toBe(due)
  })

  it('leaves so many seconds in which the coordinator was there', () => {
    const gap = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }))
    fc.assert(
      fc.property(
        fc.array(gap, { maxLength: 8 }),
        fc.nat(200),
        fc.nat(200),
        (gaps, from, length) => {
          let time = 0
          const away = gaps.map(([pause, absence]) => {
            const since = time + pause
            time = since + absence
            return { since, until: time }
          })
          const due = dueAfter({ away }, from, length)
          const isAway = (at: number): boolean =>
            away.some(({ since, until }) => since <= at && at < until)
          let present = 0
          for (let at = from; at < due; at += 1) if (!isAway(at)) present += 1
          expect(present).toBe(length)
        },
      ),
    )
  })
})
