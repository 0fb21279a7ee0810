/** The text of an HTML mail, as far as it is needed to read who wrote what. Nothing is rendered. */

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  agrave: 'à',
  aacute: 'á',
  eacute: 'é',
  egrave: 'è',
  ecirc: 'ê',
  iacute: 'í',
  oacute: 'ó',
  uacute: 'ú',
  ntilde: 'ñ',
  ccedil: 'ç',
  aring: 'å',
  oslash: 'ø',
  laquo: '«',
  raquo: '»',
  ndash: '–',
  mdash: '—',
  rsquo: '’',
  lsquo: '‘',
  hellip: '…',
}

/** Elements after which a new line begins. */
const BLOCKS = new Set(
  'br p div tr li h1 h2 h3 h4 h5 h6 blockquote table ul ol hr pre section article header'.split(
    ' ',
  ),
)
/** Elements whose content nobody sees. */
const HIDDEN = new Set(['script', 'style', 'head', 'title', 'noscript', 'template'])

function decodeEntity(whole: string, name: string): string {
  if (!name.startsWith('#')) return ENTITIES[name] ?? whole
  const isHex = name[1]?.toLowerCase() === 'x'
  const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10)
  const isScalar = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  return isScalar ? String.fromCodePoint(code) : ''
}

function decode(text: string): string {
  return text.replaceAll(/&(#?\w{1,10});/g, decodeEntity)
}

/** The position after the end tag of a hidden element; the end of the text where it has none. */
function afterHidden(html: string, lower: string, name: string, from: number): number {
  const end = lower.indexOf(`</${name}`, from)
  const close = end < 0 ? -1 : html.indexOf('>', end)
  return close < 0 ? html.length : close + 1
}

/** Goes through the markup once, from tag to tag: a pattern over all of it could be made slow. */
export function textOfHtml(html: string): string {
  const lower = html.toLowerCase()
  let text = ''
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open < 0) return text + decode(html.slice(at))
    text += decode(html.slice(at, open).replaceAll(/\s+/g, ' '))
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open)
      at = end < 0 ? html.length : end + 3
      continue
    }
    const name = /^<\/?([a-z][a-z0-9]{0,20})/.exec(lower.slice(open, open + 24))?.[1] ?? ''
    // A sign that opens no tag, as in "a < b", is text.
    if (name === '' && !/^<[!?/]/.test(html.slice(open, open + 2))) {
      text += '<'
      at = open + 1
      continue
    }
    const close = html.indexOf('>', open)
    if (close < 0) return text
    if (BLOCKS.has(name)) text += '\n'
    at =
      HIDDEN.has(name) && html[open + 1] !== '/'
        ? afterHidden(html, lower, name, close + 1)
        : close + 1
  }
  return text
}
