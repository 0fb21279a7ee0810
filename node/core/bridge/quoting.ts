/** Text as the old module keeps it: quoted for HTML, and by that also for its database. */
import { decodeHTMLStrict } from 'entities'

/**
 * What the module, which puts text into pages and statements as it comes, could read as its own:
 * marks of HTML, quotes of SQL, and the sign that takes the meaning off a quote.
 */
const QUOTED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\\': '&#92;',
  '`': '&#96;',
}
const BREAK = /\r\n?/g
const CONTROL = /[^\P{Cc}\n\t]/gu

/** Without control characters but for tabs, and lines end in one way. */
function plain(text: string): string {
  return text.toWellFormed().replaceAll(BREAK, '\n').replaceAll(CONTROL, '')
}

function quoteChar(char: string): string {
  if (char === '\n') return '&#10;'
  if (char === '\t') return ' '
  const code = char.codePointAt(0) ?? 0
  // A database of the module's time has room for three bytes a character, and drops what follows.
  return code > 0xffff ? `&#${code};` : (QUOTED[char] ?? char)
}

/**
 * Quotes text for the module. No control character is left, ends of lines are `&#10;`, as it writes
 * them itself.
 *
 * @param most characters of the quoted text; it is cut before the first character that does not fit
 */
export function quoteText(text: string, most = Infinity): string {
  let quoted = ''
  for (const char of plain(text)) {
    const next = quoteChar(char)
    if (quoted.length + next.length > most) break
    quoted += next
  }
  return quoted
}

/** Reads the module's text: entities once, so that `&amp;lt;` is the text `&lt;`. */
export function readText(quoted: string): string {
  return plain(decodeHTMLStrict(quoted))
}
