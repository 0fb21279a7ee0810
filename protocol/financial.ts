/** Finds numbers of cards and accounts: no part of the Network takes or keeps them (policy §2.5). */
import { fold } from './contact-fold.ts'
import { holdsAccount } from './contact-number.ts'
import { ProtocolError } from './errors.ts'

/** Names of fields under which payment data travels, folded to letters. */
const NAMES =
  /^(?:card|creditcard|cardnumber|cardno|pan|cvv|cvc|cvv2|cvc2|securitycode|cardholder|iban|bic|swift|accountnumber|accountno|bankaccount|sortcode|routingnumber|expiry|expirydate|cardexpiry|paypalaccount|wallet)$/
const DEPTH = 16
const CHARS = 100_000

const DIGITS = /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g
/** How the numbers of the large schemes begin, and how long they are. */
const SCHEMES: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|2[2-7])/, [16]],
  [/^3[47]/, [15]],
  [/^3(?:0[0-5]|[689])/, [14, 16, 19]],
  [/^35/, [16, 17, 18, 19]],
  [/^(?:5[06-8]|6)/, [13, 14, 15, 16, 17, 18, 19]],
]

/** Luhn's check (ISO/IEC 7812-1), of a number that a scheme could have given out. */
function isCard(digits: string): boolean {
  const isOfScheme = SCHEMES.some(
    ([prefix, lengths]) => prefix.test(digits) && lengths.includes(digits.length),
  )
  if (!isOfScheme) return false
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** Whether a text holds the number of a card (Luhn), of an account (IBAN), or of a wallet. */
export function holdsFinancial(text: string): boolean {
  const plain = text.slice(0, CHARS)
  for (const [digits] of plain.matchAll(DIGITS))
    if (isCard(digits.replaceAll(/\D/g, ''))) return true
  return holdsAccount(fold(plain))
}

/**
 * Refuses JSON that holds payment data, by the names of its fields or by what their values are.
 *
 * @throws ProtocolError `out_of_range` at the field; the value is not repeated
 */
export function refuseFinancial(value: unknown, path = '', depth = 0): void {
  const refuse = (): never => {
    throw new ProtocolError('out_of_range', path, 'nothing of a card or an account')
  }
  if (depth > DEPTH) throw new ProtocolError('too_large', path, `at most ${DEPTH} levels`)
  if (typeof value === 'string' || typeof value === 'number') {
    if (holdsFinancial(String(value))) refuse()
    return
  }
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) {
    const isName = /^\w{1,40}$/.test(name)
    const below = `${path}/${isName ? name : '…'}`
    const isFinancial = NAMES.test(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''))
    if (isFinancial && inner !== null && inner !== '')
      throw new ProtocolError('out_of_range', below, 'nothing of a card or an account')
    if (holdsFinancial(name)) refuse()
    refuseFinancial(inner, below, depth + 1)
  }
}
