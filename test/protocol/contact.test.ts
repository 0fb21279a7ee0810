import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findContactDetails } from '../../protocol/contact.ts'
import { EVASIONS, INNOCENT } from '../fixtures/contacts.ts'
import { people, TODAY } from '../fixtures/people.ts'

describe('findContactDetails', () => {
  for (const [kind, texts] of Object.entries(EVASIONS))
    it.each(texts)(`finds the ${kind} in %j`, (text) => {
      expect(findContactDetails(text)).toEqual({ kind })
    })
  it.each(INNOCENT)('lets %j pass', (text) => {
    expect(findContactDetails(text)).toBeNull()
  })
  it('lets every sentence of the invented members pass', () => {
    const texts = people(7, 300, TODAY).flatMap(({ profile }) =>
      Object.entries(profile).flatMap(([name, value]) =>
        typeof value === 'string' && name !== 'birthDate' ? [value] : [],
      ),
    )
    expect(texts.filter((text) => findContactDetails(text) !== null)).toEqual([])
  })
  it('finds a detail wherever it stands in an innocent text', () => {
    const found = Object.values(EVASIONS).flat()
    fc.assert(
      fc.property(fc.constantFrom(...INNOCENT), fc.constantFrom(...found), (text, detail) => {
        expect(findContactDetails(`${detail}\n\nHello! ${text}`)).not.toBeNull()
      }),
    )
  })
  it('finds a number whatever stands between its digits', () => {
    const between = fc.constantFrom('', ' ', '.', '-', '/', ' - ', '*', '_', '\u200b', '~')
    fc.assert(
      fc.property(fc.array(between, { minLength: 10, maxLength: 10 }), (gaps) => {
        const text = Array.from('0176123456')
          .map((digit, i) => digit + (gaps[i] ?? ''))
          .join('')
        // Such a text may be read as two dates, and dates are no numbers to call.
        fc.pre(!/^\D*\d{1,2}([./-])\d{1,2}\1\d{2,4}\D/.test(text))
        expect(findContactDetails(text)).not.toBeNull()
      }),
    )
  })
  it('answers every text, of any length and script', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 2000 }),
      fc.string({ unit: 'binary', maxLength: 2000 }),
    )
    fc.assert(
      fc.property(text, (value) => {
        expect(findContactDetails(value)).toBeTypeOf('object')
      }),
    )
  })
  it.each(['a', 'a.', '@', 'a@', '@a.', '1 ', '1.', 'insta ', 'at ', 'one ', '( ', 'com ', 'dot '])(
    'does not hang on 4,000 characters of %j',
    (piece) => {
      const slow = `${piece.repeat(4000 / piece.length)} gmail insta at(`
      expect(() => findContactDetails(slow)).not.toThrow()
    },
  )
})
