/** Tells telephone, card and account numbers from the numbers of ordinary life. */
import { DIGIT_LOOKALIKES, GLUED_NUMBERS, MEANINGS } from './contact-words.ts'

const PHONE_DIGITS = 7
const TOKEN = /[\p{L}0-9]+|[^\p{L}0-9]+/gu
const LOOKALIKE_NUMBER = /^(?=.*[0-9])[0-9oоliзsb]+$/u

/** One number as written, digits and what stands between. */
const STRUCTURED = [
  // dates, and spans of them
  /^(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)?\d\d$/,
  /^(?:19|20)\d\d[./-](?:0?[1-9]|1[0-2])[./-](?:0?[1-9]|[12]\d|3[01])$/,
  /^(?:0?[1-9]|1[0-2])[./](?:0?[1-9]|[12]\d|3[01])[./](?:19|20)\d\d$/,
  // years, spans of years, seasons
  /^(?:19|20)\d\d(?:[-–—/](?:(?:19|20)\d\d|\d\d))*$/,
  // times of day and opening hours
  /^(?:[01]?\d|2[0-4])[:.][0-5]\d(?:[-–—](?:[01]?\d|2[0-4])[:.][0-5]\d)?$/,
  /^\d{1,2}\/7(?:\/365)?$/,
  // round and grouped amounts
  /^[1-9]\d{0,2}(?:[.,'’ ]\d{3})*(?:[.,'’ ]000)(?:[.,]\d\d)?$/,
  /^[1-9]\d{0,3}0{3,}$/,
  // height, weight, age in the orders people write them
  /^(?:1[3-9]|2[0-2])\d[/x*-][4-9]\d(?:[/x*-][1-9]\d)?$/,
  /^(?:1[3-9]|2[0-2])\d[/x*-]1\d\d(?:[/x*-][1-9]\d)?$/,
  /^[1-9]\d[/-](?:1[3-9]|2[0-2])\d[/-](?:[4-9]\d|1\d\d)(?:[/-]\d\d)?$/,
  // Brazilian post codes
  /^\d{5}-\d{3}$/,
  // small decimals and scores
  /^\d{1,3}[.,:]\d{1,2}$/,
]
const RANGE = /^(\d{1,3}|\d{4}(?=.\d{4}$))[-–—](\d{1,3}|(?<=\d{4}.)\d{4})$/

const isOne = (part: string): boolean => STRUCTURED.some((pattern) => pattern.test(part))

function isStructured(part: string): boolean {
  if (isOne(part)) return true
  const [from = '', to = '', ...more] = part.split(/[-–—]/)
  if (more.length === 0 && from.length > 5 && isOne(from) && isOne(to)) return true
  const range = RANGE.exec(part)
  if (range === null || part.startsWith('0')) return false
  const [, low = '', high = ''] = range
  // 555-1234 is no span: the ends of a span are about equally long.
  return Math.abs(low.length - high.length) < 2 && Number(low) < Number(high)
}

const digitsIn = (text: string): string => text.replaceAll(/\D/g, '')

/** Luhn's check (ISO/IEC 7812-1) on 13 to 19 digits. */
function isCard(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || digits.startsWith('0')) return false
  let sum = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

const IBAN =
  /(?<![a-z0-9])[a-z]{2}\d{2}(?:[ .-]?[a-z0-9]{4}){2,7}(?:[ .-]?[a-z0-9]{1,3})?(?![a-z0-9])/g
const WALLET = /(?<![a-z0-9])(?:bc1[a-z0-9]{25,60}|0x[0-9a-f]{40})(?![a-z0-9])/

function isIban(text: string): boolean {
  const compact = text.replaceAll(/[^a-z0-9]/g, '')
  const turned = compact.slice(4) + compact.slice(0, 4)
  let rest = 0
  for (const char of turned) {
    const value = Number.parseInt(char, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** Whether a folded text holds an IBAN (ISO 13616, mod 97) or a wallet address. */
export function holdsAccount(folded: string): boolean {
  if (WALLET.test(folded)) return true
  for (const [match] of folded.matchAll(IBAN)) {
    // Words after the account number may have been swallowed: try the shorter readings too.
    for (let text = match; text.length >= 15; text = text.slice(0, -1))
      if (isIban(text)) return true
  }
  return false
}

function judge(run: string): 'phone' | 'payment' | null {
  const digits = digitsIn(run)
  if (digits.length < PHONE_DIGITS) return null
  if (isCard(digits)) return 'payment'
  if (/(?:\+|(?<!\d)00)[ (]{0,2}[1-9]/.test(run)) return 'phone'
  const trimmed = run.replaceAll(/^[^\d]+|[^\d]+$/g, '').replaceAll(/ ?([-–—/:]) ?/g, '$1')
  if (isStructured(trimmed)) return null
  const isPlain = !/[^\d\s./:'’–—,;()x-]/.test(trimmed)
  let loose = ''
  for (const part of trimmed.split(/[^\d./:'’–—-]+/)) {
    const bare = part.replaceAll(/^\D+|\D+$/g, '')
    // Between odd signs, as in 0*17*61, nothing is taken for a year or a span.
    if (!isPlain || !isStructured(bare)) loose += digitsIn(bare)
  }
  // A number that begins with 0 is dialled, so year-like groups in it are no years.
  const isDialled = /^\D*0(?:\d|[^\d.,]{1,3}\d)/.test(run) && loose.length > 1
  if (isDialled) return digits.length > PHONE_DIGITS ? 'phone' : null
  return loose.length > 4 ? 'phone' : null
}

/** Whether a comma, semicolon or line end before more digits ends the number. */
function endsNumber(run: string, separator: string): boolean {
  if (!/[,;\n|]\s|\n/.test(separator)) return separator.length > 6
  const last = /\d+(?=\D*$)/.exec(run)?.[0].length ?? 0
  return last === 5 || (last > 1 && !/^\D*(?:0\d|\+)/.test(run))
}

/**
 * The first telephone or card number in a folded text. Digits may be spelled out, mixed with
 * look-alike letters, and separated by anything but ordinary words.
 */
export function findNumber(folded: string): 'phone' | 'payment' | null {
  let run = ''
  let separator = ''
  for (const [token] of folded.matchAll(TOKEN)) {
    const digits = digitsOfToken(token)
    if (digits === null) {
      if (/^[^\p{L}]/u.test(token)) separator += token
      else if (MEANINGS.get(token) === 'filler') separator += ' '
      else {
        const verdict = judge(run)
        if (verdict !== null) return verdict
        run = ''
        separator = ''
        if ((token.match(/[0-9]/g)?.length ?? 0) >= PHONE_DIGITS) return 'phone'
        // The number at the end of a token such as tel0176 goes on in the next.
        run = /(?<=[a-zа-я])[0-9]+$/u.exec(token)?.[0] ?? ''
      }
      continue
    }
    if (run !== '' && endsNumber(run, separator)) {
      const verdict = judge(run)
      if (verdict !== null) return verdict
      run = ''
    }
    run += (run === '' && !separator.includes('+') ? '' : separator) + digits
    separator = ''
  }
  return judge(run)
}

function digitsOfToken(token: string): string | null {
  if (/^[0-9]+$/.test(token)) return token
  const meaning = MEANINGS.get(token)
  if (typeof meaning === 'object') return meaning.digits
  if (LOOKALIKE_NUMBER.test(token))
    return token.replaceAll(/[^0-9]/gu, (char) => DIGIT_LOOKALIKES[char] ?? '')
  // Which digits is of no matter, only that there are so many; eight never makes a card of them.
  if (token.length > 12 && GLUED_NUMBERS.test(token)) return '0'.padEnd(8, '7')
  return null
}
