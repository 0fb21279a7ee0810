/** What PHP writes: serialize(), http_build_query(), json_encode(). */

/** A value of PHP as far as the module sends any. */
export type PhpValue =
  string | number | boolean | null | readonly PhpValue[] | { readonly [key: string]: PhpValue }

function entriesOf(value: object): [string | number, PhpValue][] {
  return Array.isArray(value)
    ? value.map((one: PhpValue, at): [number, PhpValue] => [at, one])
    : Object.entries(value as Record<string, PhpValue>)
}

/** `serialize()`: strings are as long as their bytes. */
export function serialize(value: PhpValue): string {
  if (value === null) return 'N;'
  if (typeof value === 'boolean') return `b:${Number(value)};`
  if (typeof value === 'number') return `${Number.isInteger(value) ? 'i' : 'd'}:${value};`
  if (typeof value === 'string') return `s:${Buffer.byteLength(value)}:"${value}";`
  const entries = entriesOf(value)
  const content = entries.map(([key, one]) => serialize(key) + serialize(one)).join('')
  return `a:${entries.length}:{${content}}`
}

/** `urlencode()`. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

export type FormFields = Readonly<Record<string, string | number | readonly (string | number)[]>>

/** `http_build_query()`: a list becomes `name[0]=…&name[1]=…`. */
export function formOf(fields: FormFields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) =>
      typeof value === 'object'
        ? value.map((one, at) => [`${name}[${at}]`, one] as const)
        : [[name, value] as const],
    )
    .map(([name, value]) => `${encode(name)}=${encode(String(value))}`)
    .join('&')
}

/** `json_encode()`: in ASCII, with slashes escaped. */
export function jsonEncode(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replaceAll(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
}

/** How the product quotes what members type before it stores it. */
export function quote(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
