/**
 * Finds contact details in free text (policy §10.2): members are to meet through their sites. One
 * quick pass decides whether any pattern is worth trying; most texts end there.
 */
import {
  CELLS,
  DIGIT,
  FOLDED_MASK,
  FOREIGN,
  GONE,
  KIND_SHIFT,
  LATIN,
  fold,
  foldAstral,
  latinised,
} from './contact-fold.ts'
import { findNumber, holdsAccount } from './contact-number.ts'
import { MEANINGS, SIGN } from './contact-words.ts'

export type ContactKind = 'email' | 'phone' | 'url' | 'handle' | 'payment'

const GLUED_LETTERS = 12
const PHONE_DIGITS = 7
const PREFIX_LETTERS = 3

// Words are told by a hash of their letters. Should an ordinary word share the hash of one of note,
// the only harm is that the patterns are tried in vain.
const HASH_START = 0x811c9dc5
const HASH_PRIME = 0x01000193
const SLOTS = 0x3fff
const slotHash = new Int32Array(SLOTS + 1)
const slotDigits = new Uint8Array(SLOTS + 1)
const slotSigns = new Uint16Array(SLOTS + 1)
const gluedPrefix = new Uint8Array(SLOTS + 1)

const mix = (hash: number, unit: number): number => Math.imul(hash ^ unit, HASH_PRIME)
const slotOf = (hash: number): number => (hash ^ (hash >>> 15)) & SLOTS

function hashOf(word: string): number {
  let hash = HASH_START | 0
  for (let i = 0; i < word.length; i += 1) hash = mix(hash, word.charCodeAt(i))
  return hash
}

function fillSlots(): void {
  for (const [word, meaning] of MEANINGS) {
    if (meaning === 'filler') continue
    let slot = slotOf(hashOf(word))
    while (slotHash[slot] !== 0) slot = (slot + 1) & SLOTS
    slotHash[slot] = hashOf(word)
    if (typeof meaning === 'number') slotSigns[slot] = meaning
    else {
      slotDigits[slot] = meaning.digits.length
      gluedPrefix[slotOf(hashOf(word.slice(0, PREFIX_LETTERS)))] = 1
    }
  }
}
fillSlots()

/** What the quick pass has seen. */
interface Signs {
  /** Digits, also spelled out or run together. */
  digits: number
  /** Bits of SIGN. */
  seen: number
  mixedScripts: boolean
  /** Surrogates: perhaps letters and digits from beyond the folding table. */
  astral: boolean
}

function readWord(signs: Signs, hash: number, isBracketed: boolean): void {
  let slot = slotOf(hash)
  while (slotHash[slot] !== 0 && slotHash[slot] !== hash) slot = (slot + 1) & SLOTS
  if (slotHash[slot] === 0) return
  const sign = slotSigns[slot] ?? 0
  signs.seen |= sign
  if (isBracketed && (sign & (SIGN.atWord | SIGN.dotWord)) !== 0) signs.seen |= SIGN.bracketed
  signs.digits += slotDigits[slot] ?? 0
}

const HIGH_SURROGATES = 0xd800
const LOW_SURROGATES_END = 0xdfff
const AT_SIGN = 64
const DOT = 46
const SPACE = 32
const SLASH = 47
const BRACKETS = new Set(Array.from('([{<*_|~', (char) => char.charCodeAt(0)))

function quickPass(text: string): Signs {
  const signs = { digits: 0, seen: 0, mixedScripts: false, astral: false }
  let hash = HASH_START | 0
  let letters = 0
  let prefix = 0
  let isBracketed = false
  let latin = false
  let foreign = false
  // The two folded units before this one.
  let before = SPACE
  let beforeThat = SPACE
  // A letter right after a dot, or after a dot with spaces around, is no ordinary sentence end.
  let isDotted = false
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    const cell = CELLS[unit] ?? 0
    const kind = cell >>> KIND_SHIFT
    if (kind === GONE) continue
    const folded = cell & FOLDED_MASK
    if (kind === LATIN || kind === FOREIGN) {
      if (letters === 0) {
        if (isDotted) signs.seen |= SIGN.tightDot
        isBracketed = BRACKETS.has(before)
      }
      hash = mix(hash, folded)
      letters += 1
      if (letters === PREFIX_LETTERS) prefix = hash
      if (kind === LATIN) latin = true
      else foreign = true
    } else {
      if (letters > 1) readWord(signs, hash, isBracketed)
      if (letters > GLUED_LETTERS && gluedPrefix[slotOf(prefix)] === 1) signs.digits += PHONE_DIGITS
      hash = HASH_START | 0
      letters = 0
      if (kind === DIGIT) signs.digits += 1
      else if (folded >= HIGH_SURROGATES && folded <= LOW_SURROGATES_END) signs.astral = true
      else if (folded === AT_SIGN) signs.seen |= SIGN.atSign
      else if (folded === SLASH && before === SLASH) signs.seen |= SIGN.web
    }
    isDotted =
      folded === DOT || (isDotted && folded === SPACE && before === DOT && beforeThat === SPACE)
    beforeThat = before
    before = folded
  }
  if (letters > 1) readWord(signs, hash, isBracketed)
  if (letters > GLUED_LETTERS && gluedPrefix[slotOf(prefix)] === 1) signs.digits += PHONE_DIGITS
  signs.mixedScripts = latin && foreign
  return signs
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
  `${WORD}\\s*[([{<*_]\\s*(?:at|@|${AT_WORD})\\s*[)\\]}>*_]\\s*${WORD}{2,}`,
  `${WORD}${OPEN}(?<!\\p{L})(?:${AT_WORD})(?!\\p{L})${CLOSE}(?:${PROVIDERS})${EDGE}`,
  `${WORD}${OPEN}(?<!\\p{L})(?:at|${AT_WORD})(?!\\p{L})${CLOSE}[\\p{L}0-9-]+${OPEN}(?:(?<!\\p{L})(?:${DOT_WORD})(?!\\p{L})|\\.)${CLOSE}(?:${TLDS})${EDGE}`,
  `(?<!\\p{L})(?:gmail|hotmail|googlemail|protonmail)[\\s.,()[\\]]*(?:${DOT_WORD})?[\\s.,()[\\]]*com${EDGE}`,
  `${WORD}\\s+(?<!\\p{L})at\\s+(?:gmail|hotmail|googlemail|protonmail|gmx)${EDGE}`,
].map((source) => new RegExp(source, 'u'))

const URLS = [
  '(?:https?|hxxps?)\\s?:\\s?/',
  `(?<!\\p{L})www\\s?(?:\\.|dot${EDGE}|punkt${EDGE}|точка${EDGE})`,
  `[\\p{L}0-9-]\\.(?:${TLDS})(?:/|${EDGE}(?!\\.\\p{L}))`,
  `[\\p{L}0-9-]{2}\\s\\.\\s?(?:${SURE_TLDS})${EDGE}`,
  `[\\p{L}0-9-]{2}[\\s([{]+(?:dot|punkt|punto|точка|тчк|kropka)[\\s)\\]}]+(?:${SURE_TLDS}|ком)${EDGE}`,
  `[\\p{L}0-9-]{2}\\s?[([{]\\s?(?:\\.|${DOT_WORD})\\s?[)\\]}]\\s?\\p{L}{2,}`,
  `(?<![\\p{L}0-9])(?:t|wa|m|line|about|linktr|discord|youtu|bit)\\s?\\.\\s?(?:me|ee|be|gg|ly)(?:\\s?/|${EDGE})`,
  `[\\p{L}0-9-]{3}\\.\\p{L}{2,10}/[\\p{L}0-9]`,
].map((source) => new RegExp(source, 'u'))

const STRONG =
  'insta(?:gramm?)?|inst|telegram|telega|whats?\\s?app?|watsapp?|viber|skype|snapchat|wechat|weixin|kik|discord|facebook|onlyfans|tiktok|threema|инста(?:грамм?)?|телеграмм?|телега|в[оа]тсапп?|вацап|вайбер|скайп|аська|фейсбук|дискорд|icq'
const WEAK = 'ig|tg|fb|wa|snap|vk|вк|тг|signal|messenger|twitter'
const NAMING =
  'id|nick|nickname|name|user|username|user name|handle|account|ник|логин|аккаунт|konto|cuenta|compte'
const HANDLES = [
  '(?<![\\p{L}0-9._%+-])@(?=[a-z0-9_.]{3})\\.?[a-z0-9_]',
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

const has = (seen: number, sign: number): boolean => (seen & sign) !== 0

function mayBeEmail(seen: number): boolean {
  if (has(seen, SIGN.atSign | SIGN.bracketed)) return true
  if (has(seen, SIGN.provider)) return has(seen, SIGN.atWord | SIGN.domainEnd)
  return has(seen, SIGN.atWord) && (has(seen, SIGN.tightDot) || has(seen, SIGN.domainEnd))
}

function mayBeUrl(seen: number): boolean {
  if (has(seen, SIGN.web | SIGN.tightDot | SIGN.bracketed)) return true
  return has(seen, SIGN.dotWord) && has(seen, SIGN.domainEnd)
}

const mayBeHandle = (seen: number): boolean => has(seen, SIGN.atSign | SIGN.messenger)
const mayBeNumber = (signs: Signs): boolean => signs.digits >= PHONE_DIGITS

/** Whether {@link search} would try any pattern at all. */
function isWorthSearching(signs: Signs): boolean {
  const { seen } = signs
  return mayBeNumber(signs) || mayBeEmail(seen) || mayBeUrl(seen) || mayBeHandle(seen)
}

function search(folded: string, signs: Signs): ContactKind | null {
  const { seen } = signs
  if (mayBeEmail(seen) && hits(EMAILS, folded)) return 'email'
  if (mayBeUrl(seen) && hits(URLS, folded)) return 'url'
  if (mayBeHandle(seen) && hits(HANDLES, folded)) return 'handle'
  if (!mayBeNumber(signs)) return null
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
  let plain = text
  let signs = quickPass(text)
  if (signs.astral) {
    plain = foldAstral(text)
    if (plain !== text) signs = quickPass(plain)
  }
  // Most texts have a word that alone means nothing, such as the de of two languages.
  if (!signs.mixedScripts && !isWorthSearching(signs)) return null
  const folded = fold(withoutTightSentences(plain))
  const kind = search(folded, signs) ?? searchLatinised(folded, signs)
  return kind === null ? null : { kind }
}

function searchLatinised(folded: string, signs: Signs): ContactKind | null {
  if (!signs.mixedScripts) return null
  const latin = latinised(folded)
  return search(latin, quickPass(latin))
}
