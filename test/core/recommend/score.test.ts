import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fits,
  harmonicMean,
  scoreOneWay,
  scorePair,
  type WishField,
} from '../../../node/core/record/recommend/score.ts'
import { aMan, aPerson, fitting, person, wishes } from './people.ts'

const share = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000)

describe('harmonicMean', () => {
  it('is symmetric, between both, and nearer to the smaller one than their mean', () => {
    fc.assert(
      fc.property(share, share, (a, b) => {
        const mean = harmonicMean(a, b)
        expect(mean).toBe(harmonicMean(b, a))
        expect(mean).toBeGreaterThanOrEqual(Math.min(a, b) * (1 - 1e-12))
        expect(mean).toBeLessThanOrEqual((a + b) / 2 + 1e-12)
      }),
    )
  })

  it('is 0 where one side is', () => {
    expect(harmonicMean(0, 1)).toBe(0)
    expect(harmonicMean(0.7, 0)).toBe(0)
    expect(harmonicMean(0, 0)).toBe(0)
  })
})

describe('scorePair', () => {
  it('is the same from both sides where nothing is passed', () => {
    fc.assert(
      fc.property(person, person, (a, b) => {
        expect(scorePair(a, b)).toBe(scorePair(b, a))
      }),
    )
  })

  it('is 0 exactly where one of the two does not fit', () => {
    fc.assert(
      fc.property(person, person, wishes, (a, b, wished) => {
        const score = scorePair(a, b, wished)
        expect(score > 0).toBe(fits(a, b) && fits(b, a))
        expect(score).toBeLessThan(1)
      }),
    )
  })

  it('does not look at race and religion where they are not passed', () => {
    fc.assert(
      fc.property(fitting, person, ([a, b], other) => {
        const { race, religion } = other.choices
        const { race: _race, religion: _religion, ...rest } = b.choices
        const changed = { ...rest, ...(race && { race }), ...(religion && { religion }) }
        expect(scorePair(a, { ...b, choices: changed })).toBe(scorePair(a, b))
        expect(scorePair({ ...a, choices: { ...a.choices, ...changed } }, b)).toBe(
          scorePair({ ...a, choices: { ...a.choices, ...rest } }, b),
        )
      }),
    )
  })

  it.each<['race' | 'religion']>([['race'], ['religion']])(
    'does not look at %s that is passed where the consent of the other does not cover it',
    (field) => {
      fc.assert(
        fc.property(fitting, wishes, ([a, b], wished) => {
          const scopes = b.scopes.filter((scope) => scope !== field)
          const { [field]: _wished, ...rest } = wished
          const uncovered = { ...b, scopes }
          expect(scorePair(a, uncovered, wished)).toBe(scorePair(a, uncovered, rest))
        }),
      )
    },
  )

  it('ranks by religion where it is passed and covered', () => {
    const wished = { religion: ['spiritual', 'none'] }
    const met = scorePair(aPerson(), aMan({ choices: { religion: 'none' } }), wished)
    const unmet = scorePair(aPerson(), aMan({ choices: { religion: 'christian' } }), wished)
    const unsaid = scorePair(aPerson(), aMan({ choices: { religion: 'undisclosed' } }), wished)
    expect(met).toBeGreaterThan(unsaid)
    expect(unsaid).toBeGreaterThan(unmet)
    expect(unsaid).toBe(scorePair(aPerson(), aMan()))
  })
})

describe('scoreOneWay', () => {
  it.each<[field: WishField, better: string, worse: string, own: string]>([
    ['purpose', 'marriage', 'chat', 'marriage'],
    ['purpose', 'relationship', 'casual', 'marriage'],
    ['wantsChildren', 'yes', 'no', 'yes'],
    ['wantsChildren', 'maybe', 'no', 'yes'],
    ['smoking', 'never', 'sometimes', 'never'],
    ['smoking', 'sometimes', 'daily', 'never'],
    ['drinking', 'rarely', 'often', 'rarely'],
  ])('prefers, by %s, %s to %s for who says %s', (field, better, worse, own) => {
    const wisher = aPerson({ choices: { [field]: own } })
    const good = scoreOneWay(wisher, aMan({ choices: { [field]: better } }))
    expect(good).toBeGreaterThan(scoreOneWay(wisher, aMan({ choices: { [field]: worse } })))
  })

  it('knows no wish for more of a habit: who smokes does not mind who does not', () => {
    const smoker = aPerson({ choices: { smoking: 'sometimes' } })
    const never = scoreOneWay(smoker, aMan({ choices: { smoking: 'never' } }))
    expect(never).toBe(scoreOneWay(smoker, aMan({ choices: { smoking: 'sometimes' } })))
    const daily = aPerson({ choices: { smoking: 'daily' } })
    expect(scoreOneWay(daily, aMan({ choices: { smoking: 'never' } }))).toBe(
      scoreOneWay(daily, aMan()),
    )
  })

  it('prefers the nearer one', () => {
    const [near = 0, far = 0, farther = 0] = [124, 130, 140].map((longitudeTenths) =>
      scoreOneWay(aPerson(), aMan({ facts: { longitudeTenths } })),
    )
    expect(near).toBeGreaterThan(far)
    expect(far).toBeGreaterThan(farther)
  })

  it('prefers a compatriot where no distance is known', () => {
    const nowhere = { latitudeTenths: null, longitudeTenths: null }
    const compatriot = scoreOneWay(aPerson(), aMan({ facts: nowhere }))
    expect(compatriot).toBeGreaterThan(
      scoreOneWay(aPerson(), aMan({ facts: { ...nowhere, country: 'FR' } })),
    )
  })

  it('prefers ages inside a range to those at its edge, and takes no side where there is none', () => {
    expect(scoreOneWay(aPerson(), aMan({ age: 33 }))).toBe(
      scoreOneWay(aPerson(), aMan({ age: 35 })),
    )
    expect(scoreOneWay(aPerson(), aMan({ age: 35 }))).toBeGreaterThan(
      scoreOneWay(aPerson(), aMan({ age: 30 })),
    )
    const open = aPerson({ facts: { seeksAgeMin: 18, seeksAgeMax: 99 } })
    expect(scoreOneWay(open, aMan({ age: 19 }))).toBe(scoreOneWay(open, aMan({ age: 58 })))
  })

  it('prefers who shares a language', () => {
    const shared = scoreOneWay(aPerson(), aMan({ languages: ['de', 'en'] }))
    const unknown = scoreOneWay(aPerson(), aMan({ languages: [] }))
    expect(shared).toBeGreaterThan(unknown)
    expect(unknown).toBeGreaterThan(scoreOneWay(aPerson(), aMan({ languages: ['fr'] })))
  })

  it('takes what is passed in place of what the profile says', () => {
    const smoker = aMan({ choices: { smoking: 'daily' } })
    const wisher = aPerson({ choices: { smoking: 'never' } })
    expect(scoreOneWay(wisher, smoker, { smoking: ['daily'] })).toBeGreaterThan(
      scoreOneWay(wisher, smoker),
    )
  })

  it('reckons neither looks nor standing unless they are passed', () => {
    const one = aMan({ choices: { bodyType: 'slim', education: 'doctorate', hasChildren: 'none' } })
    expect(scoreOneWay(aPerson(), one)).toBe(scoreOneWay(aPerson(), aMan()))
    expect(scoreOneWay(aPerson(), one, { bodyType: ['slim'] })).toBeGreaterThan(
      scoreOneWay(aPerson(), one),
    )
  })
})

describe('fits', () => {
  it('lets only who seeks any gender meet the undisclosed', () => {
    const undisclosed = aMan({ facts: { gender: 'undisclosed' } })
    expect(fits(aPerson(), undisclosed)).toBe(false)
    expect(fits(aPerson({ facts: { seeks: ['any'] } }), undisclosed)).toBe(true)
  })

  it.each([
    [29, false],
    [30, true],
    [40, true],
    [41, false],
  ])('for ages 30 to 40: %i gives %s', (age, expected) => {
    expect(fits(aPerson(), aMan({ age }))).toBe(expected)
  })
})
