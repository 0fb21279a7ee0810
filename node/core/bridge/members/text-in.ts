/** Texts as the old module sends them, made plain: its quoting undone once, and no markup left. */
import { decodeHTMLStrict } from 'entities'
import { isModuleArray, type ModuleValue } from '../value.ts'

/** Characters of a value that are looked at; no field takes as many. */
const MOST_CHARS = 8000
/** Values of a list that are joined to one text. */
const MOST_PARTS = 32

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
  const plain = decodeHTMLStrict(raw.slice(0, MOST_CHARS))
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
