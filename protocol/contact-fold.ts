/** Folds the many spellings of a character into one, so that each pattern need be written once. */
import { LATIN_LOOKALIKES } from './contact-words.ts'

/** What a folded character is. */
export const GONE = 0
export const OTHER = 1
export const DIGIT = 2
export const LATIN = 3
export const FOREIGN = 4

const PLANE = 0x1_0000
/** Digit zero of scripts that NFKD leaves alone: Arabic, Indic, Thai, Lao, Tibetan, Burmese, Khmer. */
const ZEROS = [
  0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0,
  0xf20, 0x1040, 0x17e0, 0x1810,
]
/** Dingbat digits, each row beginning with one. */
const DINGBAT_ONES = [0x2776, 0x2780, 0x278a]
/** The sign of a spelled-out dot: ideographic full stop, bullet, middle dot, one dot leader. */
const DOTS = [0x3002, 0x2022, 0xb7, 0x2024, 0x30fb]

/** Folded, lower-case character by UTF-16 unit; 0 where it vanishes. */
const FOLDED = new Uint16Array(PLANE)
/** One of the kinds above by UTF-16 unit, of the folded character. */
const KIND = new Uint8Array(PLANE)

function foldOne(char: string): string {
  if (/[\p{M}\p{Cf}\u00ad]/u.test(char)) return ''
  const plain = char.normalize('NFKD').toLowerCase().replaceAll(/\p{M}/gu, '')
  if (plain.length <= 1) return plain
  const digits = plain.replaceAll(/\D/g, '')
  // A circled 7 or "7." is a 7; other ligatures keep their sign, none of our words holds one.
  return digits.length === 1 ? digits : char.toLowerCase().slice(0, 1)
}

function kindOf(folded: string): number {
  if (folded === '') return GONE
  if (/[0-9]/.test(folded)) return DIGIT
  if (/[a-zß]/.test(folded)) return LATIN
  return /\p{L}/u.test(folded) ? FOREIGN : OTHER
}

function fill(): void {
  for (let code = 0; code < PLANE; code += 1) {
    // Beyond the alphabets only the full-width forms fold; ideographs and surrogates stay.
    const asIs = code > 0x2fff && code < 0xff00
    const folded = asIs ? String.fromCharCode(code) : foldOne(String.fromCharCode(code))
    FOLDED[code] = folded === '' ? 0 : folded.charCodeAt(0)
    KIND[code] = asIs ? (code >= 0xd800 && code < 0xf900 ? OTHER : FOREIGN) : kindOf(folded)
  }
  for (const zero of ZEROS) for (let i = 0; i < 10; i += 1) setDigit(zero + i, i)
  for (const one of DINGBAT_ONES) for (let i = 0; i < 9; i += 1) setDigit(one + i, i + 1)
  for (const dot of DOTS) {
    FOLDED[dot] = 46
    KIND[dot] = OTHER
  }
}

function setDigit(code: number, digit: number): void {
  FOLDED[code] = 48 + digit
  KIND[code] = DIGIT
}

fill()

/**
 * By UTF-16 unit: the folded lower-case unit, plus its kind shifted by KIND_SHIFT. One table, so that
 * the quick pass over every text touches memory once a character.
 */
export const CELLS = Uint32Array.from(FOLDED, (folded, code) => folded | ((KIND[code] ?? 0) << 16))
export const KIND_SHIFT = 16
export const FOLDED_MASK = 0xffff

const MATHEMATICAL = /[\u{1d400}-\u{1d7ff}\u{1f100}-\u{1f1ff}\u{1fbf0}-\u{1fbf9}]/gu

/** Replaces mathematical and boxed letters and digits, which lie outside the folding table. */
export function foldAstral(text: string): string {
  return text.replaceAll(MATHEMATICAL, (char) => {
    const code = char.codePointAt(0) ?? 0
    // The boxed and circled letters have no decomposition; they come in rows from A to Z.
    for (const row of [0x1f130, 0x1f150, 0x1f170, 0x1f1e6])
      if (code >= row && code < row + 26) return String.fromCharCode(97 + code - row)
    return char.normalize('NFKD')
  })
}

/** The whole text folded. */
export function fold(text: string): string {
  let folded = ''
  for (let i = 0; i < text.length; i += 1) {
    const unit = FOLDED[text.charCodeAt(i)] ?? 0
    if (unit !== 0) folded += String.fromCharCode(unit)
  }
  return folded
}

const LOOKALIKE = new RegExp(`[${Object.keys(LATIN_LOOKALIKES).join('')}]`, 'gu')

/** A folded text with Cyrillic and Greek look-alikes made Latin. */
export function latinised(folded: string): string {
  return folded.replaceAll(LOOKALIKE, (char) => LATIN_LOOKALIKES[char] ?? char)
}
