/**
 * Takes texts apart into words that are found again whatever the accents, the case or the script.
 * Both sides, what is kept and what is looked for, go the same way.
 */
import { WORD_FIELDS, type WordField } from './traits.ts'

/** Characters of a word that are looked at. */
const WORD_CHARS = 32
/** From how many characters on a word also stands for those that begin with it. */
const BEGINNING_CHARS = 3

/** Marks on letters: Latin, Greek and Cyrillic accents, Hebrew points, Arabic vowels, the tatweel. */
const MARKS =
  /[\u0300-\u036F\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0640\u064B-\u065F\u0670]/g
/** Letters that Unicode does not take apart, and what they are looked for as. */
const SPELLINGS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
}
const SPELT = new RegExp(`[${Object.keys(SPELLINGS).join('')}]`, 'g')
/**
 * Letters of scripts whose words are not set apart, or grow together with what follows: pairs of
 * neighbours stand for words there.
 */
const DENSE =
  '[[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{sc=Hangul}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}' +
  '\\p{sc=Myanmar}]&&[\\p{L}\\p{M}\\p{N}]]'
const IS_DENSE = new RegExp(DENSE, 'v')
/** All that most texts need: looking for dense scripts at each letter costs several times as much. */
const PLAIN_RUNS = /[\p{L}\p{M}\p{N}]+/gu
const ASCII_RUNS = /[a-z0-9]+/g
const IS_ASCII = /^[\0-\x7F]*$/
const RUNS = new RegExp(`(?<dense>${DENSE}+)|(?:(?!${DENSE})[\\p{L}\\p{M}\\p{N}])+`, 'gv')

/** A text without marks and cases. Full-width letters, ligatures and the like become plain. */
function fold(lower: string): string {
  return lower
    .normalize('NFKD')
    .replace(MARKS, '')
    .normalize('NFC')
    .replace(SPELT, (letter) => SPELLINGS[letter] ?? letter)
}

interface Run {
  run: string
  isDense: boolean
}

const plain = (runs: readonly string[] | null): Run[] =>
  (runs ?? []).map((run) => ({ run, isDense: false }))

function runsOf(text: string): Run[] {
  const lower = text.toLowerCase()
  if (IS_ASCII.test(lower)) return plain(lower.match(ASCII_RUNS))
  const folded = fold(lower)
  if (!IS_DENSE.test(folded)) return plain(folded.match(PLAIN_RUNS))
  return Array.from(folded.matchAll(RUNS), ({ 0: run, groups }) => ({
    run,
    isDense: groups?.['dense'] !== undefined,
  }))
}

function cut(word: string): string {
  return word.length <= WORD_CHARS ? word : Array.from(word).slice(0, WORD_CHARS).join('')
}

/** The words of a text, each once. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>()
  for (const { run, isDense } of runsOf(text)) {
    if (!isDense) {
      words.add(cut(run))
      continue
    }
    let before = ''
    for (const letter of run) {
      words.add(letter)
      if (before !== '') words.add(before + letter)
      before = letter
    }
  }
  return [...words]
}

/** A word that is looked for. */
export interface SoughtWord {
  word: string
  /** Whether longer words that begin with it are meant too. */
  isBeginning: boolean
}

/** The words of what somebody looks for. */
export function soughtWords(text: string): SoughtWord[] {
  const words = new Map<string, boolean>()
  for (const { run, isDense } of runsOf(text)) {
    const letters = Array.from(run)
    if (!isDense) {
      words.set(cut(run), letters.length >= BEGINNING_CHARS)
      continue
    }
    if (letters.length === 1) words.set(run, false)
    for (const [at, letter] of letters.slice(1).entries())
      words.set(`${letters[at] ?? ''}${letter}`, false)
  }
  return [...words].map(([word, isBeginning]) => ({ word, isBeginning }))
}

/** From Unicode's private use, so that no word of a text begins with it. */
const FIRST_MARK = 0xe000

/** Words of one field, told from those of the general search. */
export function markWord(field: WordField, word: string): string {
  return String.fromCodePoint(FIRST_MARK + WORD_FIELDS.indexOf(field)) + word
}
