/**
 * Finds contact details in free text (policy §10.2): members are to meet through their sites. One
 * quick pass decides whether any pattern is worth trying; most texts end there.
 */
import {
  DIGIT,
  FOREIGN,
  GONE,
  LATIN,
  fold,
  foldAstral,
  foldUnit,
  kindOfUnit,
  latinised,
} from './contact-fold.ts'
import { findNumber, holdsAccount } from './contact-number.ts'
import { MEANINGS } from './contact-words.ts'

export type ContactKind = 'email' | 'phone' | 'url' | 'handle' | 'payment'

const BLOOM_BITS = 0xfff
const LONGEST_WORD = 15
const GLUED_LETTERS = 12
const PHONE_DIGITS = 7

function wordSlot(first: number, second: number, last: number, length: number): number {
  return (first * 31 + second * 331 + last * 57 + length * 1009) & BLOOM_BITS
}
/** Marks where words of note may be; keeps all others from being cut out and looked up. */
const BLOOM = new Uint8Array(BLOOM_BITS + 1)
for (const word of MEANINGS.keys()) {
  const last = word.charCodeAt(word.length - 1)
  BLOOM[wordSlot(word.charCodeAt(0), word.charCodeAt(1) || 0, last, word.length)] = 1
}
/** Ways a digit word may begin, for long words that may be many of them in one. */
const GLUED_STARTS = new Set(
  [...MEANINGS]
    .filter(([, meaning]) => typeof meaning === 'object')
    .map(([word]) => word.slice(0, 3)),
)

/** What the quick pass has seen. */
interface Signs {
  /** Digits, also spelled out or run together. */
  digits: number
  hint: boolean
  mixedScripts: boolean
}

/** Longer texts are searched without the quick pass. */
const QUICK_UNITS = 4096
const unitsBuffer = new Uint16Array(QUICK_UNITS)

function readWord(signs: Signs, start: number, end: number): void {
  const length = end - start
  const first = unitsBuffer[start] ?? 0
  const second = length > 1 ? (unitsBuffer[start + 1] ?? 0) : 0
  const last = unitsBuffer[end - 1] ?? 0
  if (length <= LONGEST_WORD && BLOOM[wordSlot(first, second, last, length)] === 1) {
    const meaning = MEANINGS.get(wordAt(start, end))
    if (meaning === 'hint') signs.hint = true
    else if (typeof meaning === 'object') signs.digits += meaning.digits.length
  }
  if (length > GLUED_LETTERS && GLUED_STARTS.has(wordAt(start, start + 3)))
    signs.digits += PHONE_DIGITS
}

function wordAt(start: number, end: number): string {
  let word = ''
  for (let i = start; i < end; i += 1) word += String.fromCharCode(unitsBuffer[i] ?? 0)
  return word
}

const AT_SIGN = 64
const DOT = 46
const SPACE = 32
const SLASH = 47

function quickPass(text: string): Signs {
  if (text.length > QUICK_UNITS) return { digits: text.length, hint: true, mixedScripts: true }
  const signs = { digits: 0, hint: false, mixedScripts: false }
  let wordStart = -1
  let size = 0
  let latin = false
  let foreign = false
  let before = SPACE
  let isDotted = false
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    const kind = kindOfUnit(unit)
    if (kind === GONE) continue
    const folded = foldUnit(unit)
    unitsBuffer[size] = folded
    if (kind === LATIN || kind === FOREIGN) {
      if (wordStart < 0) {
        wordStart = size
        // A letter right after a dot, and a dot after a space, are no ordinary sentence ends.
        if (isDotted) signs.hint = true
      }
      if (kind === LATIN) latin = true
      else foreign = true
    } else {
      if (wordStart >= 0) readWord(signs, wordStart, size)
      wordStart = -1
      if (kind === DIGIT) signs.digits += 1
      else if (folded === AT_SIGN) signs.hint = true
      else if (folded === SLASH && before === SLASH) signs.hint = true
    }
    isDotted = folded === DOT || (isDotted && folded === SPACE && before === DOT && spacedDot(size))
    before = folded
    size += 1
  }
  if (wordStart >= 0) readWord(signs, wordStart, size)
  signs.mixedScripts = latin && foreign
  return signs
}

/** Whether the dot just before position `size` of the buffer has a space before it, as in a . b */
function spacedDot(size: number): boolean {
  return size >= 2 && unitsBuffer[size - 2] === SPACE
}

const SURE_TLDS =
  'com|net|org|ru|info|biz|eu|uk|fr|pl|ua|by|kz|nl|ch|cz|xyz|online|site|club|app|dev|ру|рф|орг|укр'
const TLDS = `${SURE_TLDS}|de|es|io|co|tv|pt|br|se|dk|fi|gg|cc|ly|page|link|shop|us|ca|tr|ком`
const WORD = '[\\p{L}0-9_+-]'
const EDGE = '(?![\\p{L}0-9_])'
const PROVIDERS =
  'gmail|googlemail|hotmail|yahoo|outlook|protonmail|proton|gmx|icloud|yandex|ya|mail|web|bk|inbox|rambler|ukr|live|aol|мейл|майл|мэйл|гмейл|гмаил|яндекс|рамблер|почта'
const AT_WORD = 'arroba|arobase?|arobas|chiocciola|klammeraffe|собака|собачка|malpa'
const DOT_WORD = 'dot|punkt|point|punto|ponto|точка|тчк|kropka|nokta'
const OPEN = '[\\s([{<*_|~"\'-]*'
const CLOSE = '[\\s)\\]}>*_|~"\'-]*'

const EMAILS = [
  `${WORD}[.\\s]{0,2}@\\s?[\\p{L}0-9-]+(?:\\s?\\.\\s?[\\p{L}0-9-]+)*\\s?\\.\\s?\\p{L}{2,}`,
  `${WORD}\\s?@\\s?(?:${PROVIDERS})${EDGE}`,
  `${WORD}\\s*[([{<*_]\\s*(?:at|a|ett?|@|${AT_WORD})\\s*[)\\]}>*_]\\s*${WORD}{2,}`,
  `${WORD}${OPEN}(?<!\\p{L})(?:${AT_WORD})(?!\\p{L})${CLOSE}(?:${PROVIDERS})${EDGE}`,
  `${WORD}${OPEN}(?<!\\p{L})(?:at|${AT_WORD})(?!\\p{L})${CLOSE}[\\p{L}0-9-]+${OPEN}(?:(?<!\\p{L})(?:${DOT_WORD})(?!\\p{L})|\\.)${CLOSE}(?:${TLDS})${EDGE}`,
  `(?<!\\p{L})(?:gmail|hotmail|googlemail|protonmail)[\\s.,()[\\]]*(?:${DOT_WORD})?[\\s.,()[\\]]*com${EDGE}`,
  `${WORD}\\s+(?<!\\p{L})at\\s+(?:gmail|hotmail|googlemail|protonmail|gmx)${EDGE}`,
].map((source) => new RegExp(source, 'u'))

const URLS = [
  '(?:https?|hxxps?)\\s?:\\s?/',
  `(?<!\\p{L})www\\s?(?:\\.|dot${EDGE}|punkt${EDGE}|точка${EDGE})`,
  `[\\p{L}0-9-]\\.(?:${TLDS})(?:/|${EDGE}(?!\\.\\p{L}))`,
  `[\\p{L}0-9-]{2,}\\s\\.\\s?(?:${SURE_TLDS})${EDGE}`,
  `[\\p{L}0-9-]{2,}[\\s([{]+(?:dot|punkt|punto|точка|тчк|kropka)[\\s)\\]}]+(?:${SURE_TLDS}|ком)${EDGE}`,
  `[\\p{L}0-9-]{2,}\\s?[([{]\\s?(?:\\.|${DOT_WORD})\\s?[)\\]}]\\s?\\p{L}{2,}`,
  `(?<![\\p{L}0-9])(?:t|wa|m|line|about|linktr|discord|youtu|bit)\\s?\\.\\s?(?:me|ee|be|gg|ly)(?:\\s?/|${EDGE})`,
  `[\\p{L}0-9-]{3,}\\.\\p{L}{2,10}/[\\p{L}0-9]`,
].map((source) => new RegExp(source, 'u'))

const STRONG =
  'insta(?:gramm?)?|inst|telegram|telega|whats?\\s?app?|watsapp?|viber|skype|snapchat|wechat|weixin|kik|discord|facebook|onlyfans|tiktok|threema|инста(?:грамм?)?|телеграмм?|телега|в[оа]тсапп?|вацап|вайбер|скайп|аська|фейсбук|дискорд|icq'
const WEAK = 'ig|tg|fb|wa|snap|vk|вк|тг|signal|messenger|twitter'
const NAMING =
  'id|nick|nickname|name|user|username|user name|handle|account|ник|логин|аккаунт|konto|cuenta|compte'
const HANDLES = [
  '(?<![\\p{L}0-9._%+-])@[a-z0-9_.]*[a-z0-9_][a-z0-9_.]{2,}',
  '(?<![\\p{L}0-9._%+-])@\\s(?=[a-z0-9._]*[0-9_])(?=[a-z0-9._]*[a-z])[a-z0-9_.]{4,}',
  `(?<!\\p{L})(?:${STRONG}|${WEAK})\\s*(?:[:=@]|[-–—>]+\\s?@)[\\s:=@>-]*[\\p{L}0-9_.]{3,}`,
  `(?<!\\p{L})(?:${STRONG}|${WEAK}|line)\\s+(?:${NAMING})\\s*(?:is|ist|es|est|:|=|-)?\\s*[\\p{L}0-9_.]{3,}`,
  `(?<!\\p{L})(?:${STRONG}|${WEAK})[\\s,(-]+(?:(?:is|ist|es|est|${NAMING})\\s+)?(?=[\\p{L}0-9_.]*[\\p{L}_])(?=[\\p{L}0-9_.]*[0-9_])(?!\\d+\\p{L})[\\p{L}0-9_.]{4,}`,
  `(?<!\\p{L})(?:${STRONG})[\\s,]+(?:as|under|als|unter|como|come|comme|sous|как)\\s+[\\p{L}0-9_.]{3,}`,
  `(?<!\\p{L})(?:my|mein|meine|mi|mon|мой|моя)\\s+(?:${STRONG})\\s+(?:is|ist|es|est|-|—)\\s+(?!private|public|not|for|full|boring|closed|empty|only|just|always|never|very|really|the|privat|nicht|leer|privado|vacio|prive|vide)[\\p{L}0-9_.]{4,}`,
  '(?<!\\p{L})live:[a-z0-9_.]{3,}',
].map((source) => new RegExp(source, 'u'))

const hits = (patterns: readonly RegExp[], text: string): boolean =>
  patterns.some((pattern) => pattern.test(text))

/** A sentence that begins without a space, "home.De", is no domain; "HOME.DE" and "home.de" are. */
function withoutTightSentences(text: string): string {
  return text.replaceAll(/(\p{Ll}\.)(?=\p{Lu}(?:\p{Ll}|\s))/gu, '$1  ')
}

function findWords(spaced: string): ContactKind | null {
  if (hits(EMAILS, spaced)) return 'email'
  if (hits(URLS, spaced)) return 'url'
  if (hits(HANDLES, spaced)) return 'handle'
  return null
}

function search(folded: string, signs: Signs): ContactKind | null {
  if (signs.hint) {
    const kind = findWords(folded)
    if (kind !== null) return kind
  }
  if (signs.digits < PHONE_DIGITS) return null
  return holdsAccount(folded) ? 'payment' : findNumber(folded)
}

/**
 * The first contact detail in `text`: telephone number, e-mail or web address, messenger handle,
 * card or account number. Sees through spelled-out digits, words for @ and dot, look-alike,
 * full-width and invisible characters. Ordinary numbers (heights, years, dates, prices) pass.
 *
 * It reads one text by itself; who spreads a number over several fields is for moderators.
 */
export function findContactDetails(text: string): { kind: ContactKind } | null {
  const plain = foldAstral(text)
  const signs = quickPass(plain)
  if (!signs.hint && !signs.mixedScripts && signs.digits < PHONE_DIGITS) return null
  const folded = fold(withoutTightSentences(plain))
  const kind = search(folded, signs) ?? searchLatinised(folded, signs)
  return kind === null ? null : { kind }
}

function searchLatinised(folded: string, signs: Signs): ContactKind | null {
  if (!signs.mixedScripts) return null
  const latin = latinised(folded)
  return search(latin, quickPass(latin))
}
