/** Texts as the old module sends them, made plain: its quoting undone once, and no markup left. */
import type { ModuleValue } from './value.ts'
import { isModuleArray } from './value.ts'

/** Characters of a value that are looked at; no field takes as many. */
const MOST_CHARS = 8000
/** Values of a list that are joined to one text. */
const MOST_PARTS = 32

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  hellip: '…',
  bull: '•',
  euro: '€',
}
/** Names of U+00A0 to U+00FF in their order (HTML 4, Latin-1 entities). */
const LATIN_1 = (
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 ' +
  'sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc ' +
  'Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve ' +
  'Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute ' +
  'acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ' +
  'ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml'
).split(' ')
const ENTITIES = new Map([
  ...Object.entries(NAMED),
  ...LATIN_1.map((name, at) => [name, String.fromCodePoint(0xa0 + at)] as const),
])

function characterOf(code: number): string {
  const isCharacter = code > 0 && code <= 0x10_ff_ff && !(code >= 0xd8_00 && code <= 0xdf_ff)
  return isCharacter ? String.fromCodePoint(code) : ''
}

/** Undoes HTML quoting once; names that are not known stay as they are. */
export function unquote(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]{1,7}));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return characterOf(Number(decimal))
      if (hex !== undefined) return characterOf(Number.parseInt(hex, 16))
      return ENTITIES.get(name ?? '') ?? whole
    },
  )
}

const TAG = /<[/!?]?[a-z][^<>]*>/gi
const BREAK = /<(?:br|\/p|\/div|\/li)\b[^<>]*>/gi

/**
 * A value as plain text in one line or in several, trimmed; empty where there is none. A list of
 * values is joined by commas.
 */
export function textOf(value: ModuleValue | undefined, lines: 'line' | 'lines'): string {
  const raw = isModuleArray(value)
    ? [...value.values()].slice(0, MOST_PARTS).map(scalarText).filter(Boolean).join(', ')
    : scalarText(value)
  const plain = unquote(raw.slice(0, MOST_CHARS))
    .replaceAll(BREAK, '\n')
    .replaceAll(TAG, '')
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[^\P{Cc}\n\t]/gu, '')
    .replaceAll(/\p{Cs}/gu, '')
  const kept = lines === 'line' ? plain.replaceAll(/\s+/g, ' ') : plain
  return kept.trim()
}

function scalarText(value: ModuleValue | undefined): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : ''
}

/** The text up to so many characters, none of them cut in two. */
export function cutText(text: string, chars: number): string {
  if (text.length <= chars) return text
  let cut = ''
  let count = 0
  for (const character of text) {
    if (count === chars) break
    cut += character
    count += 1
  }
  return cut.trim()
}
