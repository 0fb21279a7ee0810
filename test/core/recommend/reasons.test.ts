import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REASON_CODES, reasonsFor } from '../../../node/core/record/recommend/reasons.ts'
import { aMan, aPerson, fitting, wishes } from './people.ts'

const textsOf = (...args: Parameters<typeof reasonsFor>): string[] =>
  reasonsFor(...args).map(({ text }) => text)

describe('reasonsFor', () => {
  it('says in words and numbers what speaks for somebody', () => {
    const she = aPerson({
      languages: ['de', 'en', 'fr'],
      choices: {
        purpose: 'relationship',
        wantsChildren: 'no',
        smoking: 'never',
        drinking: 'never',
      },
    })
    const he = aMan({
      languages: ['de', 'en', 'fr'],
      choices: {
        purpose: 'relationship',
        wantsChildren: 'no',
        smoking: 'never',
        drinking: 'never',
        religion: 'none',
      },
      facts: { seeksAgeMin: 25, seeksAgeMax: 38, longitudeTenths: 126 },
    })
    expect(reasonsFor(she, he, { religion: ['none', 'spiritual'] })).toEqual([
      { code: 'as-wished', field: 'religion', value: 'none', text: 'as wished: religion none' },
      { code: 'near', km: 25, text: 'within 25 km' },
      { code: 'both-seek-ages', from: 30, to: 38, text: 'both looking for 30-38' },
      {
        code: 'languages',
        languages: ['de', 'en', 'fr'],
        text: 'both speak German, English and French',
      },
      { code: 'same-purpose', purpose: 'relationship', text: 'both looking for a relationship' },
      {
        code: 'same-wish-for-children',
        wantsChildren: 'no',
        text: 'neither wants children',
      },
      { code: 'neither-smokes', text: 'neither smokes' },
      { code: 'neither-drinks', text: 'neither drinks' },
    ])
  })

  it('tells distances in steps, and none that is far', () => {
    expect(textsOf(aPerson(), aMan())).toContain('within 10 km')
    expect(textsOf(aPerson(), aMan({ facts: { longitudeTenths: 134 } }))).toContain('within 100 km')
    expect(textsOf(aPerson(), aMan({ facts: { longitudeTenths: 144 } }))).toContain(
      'in the same country',
    )
    expect(textsOf(aPerson(), aMan({ facts: { longitudeTenths: 144, country: 'PL' } }))).toEqual([
      'both looking for 30-40',
      'both speak German',
    ])
  })

  it('gives race and religion as reasons only where they are passed and covered', () => {
    fc.assert(
      fc.property(fitting, wishes, ([a, b], wished) => {
        const given = reasonsFor(a, b, wished).flatMap((reason) =>
          reason.code === 'as-wished' ? [reason.field] : [],
        )
        const isRight = (['race', 'religion'] as const).every((field) => {
          const value = b.choices[field] ?? ''
          const mayBe = b.scopes.includes(field) && wished[field]?.includes(value) === true
          return !given.includes(field) || mayBe
        })
        expect(isRight).toBe(true)
      }),
    )
  })

  it('has a text and a known code for each', () => {
    fc.assert(
      fc.property(fitting, wishes, ([a, b], wished) => {
        for (const { code, text } of reasonsFor(a, b, wished)) {
          expect(REASON_CODES).toContain(code)
          expect(text).not.toBe('')
        }
      }),
    )
  })
})
