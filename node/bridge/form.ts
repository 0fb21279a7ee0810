/** Reads application/x-www-form-urlencoded as PHP writes it: lists have names such as `id[0]`. */
import { fromUtf8 } from '../../protocol/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'

/** Values by name, without the indexes of lists; as bytes, since not all are text. */
export type Form = ReadonlyMap<string, readonly Uint8Array[]>

const FIELDS = 2000
const NAME_BYTES = 64
const NAME = /^([A-Za-z_]{1,40})(?:\[\d{0,5}\])?$/

const AMPERSAND = 0x26
const EQUALS = 0x3d
const PERCENT = 0x25
const PLUS = 0x2b
const SPACE = 0x20

function digit(byte: number | undefined): number {
  const value = byte === undefined ? Number.NaN : Number.parseInt(String.fromCharCode(byte), 16)
  if (Number.isNaN(value)) throw new ProtocolError('malformed', '', 'two digits behind each %')
  return value
}

/** Decodes `%41` and `+`. */
function decode(piece: Uint8Array): Uint8Array {
  const decoded = new Uint8Array(piece.length)
  let length = 0
  for (let at = 0; at < piece.length; at += 1) {
    const byte = piece[at] ?? 0
    if (byte === PERCENT) {
      decoded[length] = digit(piece[at + 1]) * 16 + digit(piece[at + 2])
      at += 2
    } else decoded[length] = byte === PLUS ? SPACE : byte
    length += 1
  }
  return decoded.subarray(0, length)
}

function* piecesOf(body: Uint8Array): Generator<Uint8Array> {
  let start = 0
  while (start < body.length) {
    const found = body.indexOf(AMPERSAND, start)
    const end = found < 0 ? body.length : found
    if (end > start) yield body.subarray(start, end)
    start = end + 1
  }
}

/**
 * Reads a form. Fields with other names than of letters and `_` are left out.
 *
 * @throws ProtocolError `malformed`, or `too_large` for more fields than anybody sends
 */
export function readForm(body: Uint8Array): Form {
  const form = new Map<string, Uint8Array[]>()
  let fields = 0
  for (const piece of piecesOf(body)) {
    fields += 1
    if (fields > FIELDS) throw new ProtocolError('too_large', '', `at most ${FIELDS} fields`)
    const equals = piece.indexOf(EQUALS)
    const end = equals < 0 ? piece.length : equals
    if (end > NAME_BYTES) continue
    // Each byte as a character: whatever is no ASCII is no name that is known here.
    const name = NAME.exec(String.fromCharCode(...decode(piece.subarray(0, end))))?.[1]
    if (name === undefined) continue
    const value = decode(piece.subarray(Math.min(end + 1, piece.length)))
    const before = form.get(name)
    if (before === undefined) form.set(name, [value])
    else before.push(value)
  }
  return form
}

/**
 * The values as text.
 *
 * @throws ProtocolError `malformed` for bad UTF-8
 */
export function textsOf(form: Form): Map<string, string[]> {
  return new Map([...form].map(([name, values]) => [name, values.map(fromUtf8)]))
}
