/**
 * Looks at the outer form of an uploaded picture before anything decodes it: which format it is,
 * whether all of it is there, that it does not move, and that nothing else hides behind it.
 */
import { ProtocolError } from '../../protocol/errors.ts'

export type UploadFormat = 'jpeg' | 'png' | 'webp' | 'avif'
/** Pixels as the header says; null where only the decoder finds them. */
export interface UploadForm {
  format: UploadFormat
  size: { width: number; height: number } | null
}

const PATH = '/picture'
const cutShort = (): ProtocolError =>
  new ProtocolError('malformed', PATH, 'a whole picture: this one is cut short or damaged')
const moving = (): ProtocolError =>
  new ProtocolError('out_of_range', PATH, 'a still picture: this one is an animation')
const followed = (): ProtocolError =>
  new ProtocolError('malformed', PATH, 'a picture and nothing else: something follows this one')

type Size = UploadForm['size']

function isAt(bytes: Buffer, at: number, text: string): boolean {
  return bytes.toString('latin1', at, at + text.length) === text
}

/** Some programs fill up with zeros. */
function isPadding(bytes: Buffer, from: number): boolean {
  return bytes.subarray(from).every((byte) => byte === 0)
}

/** Walks ISO boxes to the very end (ISO/IEC 14496-12 §4.2); false where they do not lead there. */
function areBoxes(bytes: Buffer, from: number): boolean {
  let at = from
  while (at < bytes.length) {
    if (at + 8 > bytes.length || !/^[\w ©-]{4}$/.test(bytes.toString('latin1', at + 4, at + 8)))
      return false
    const short = bytes.readUInt32BE(at)
    if (short === 0) return true
    if (short === 1 && at + 16 > bytes.length) return false
    const length = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short
    if (length < 8) return false
    at += length
  }
  return at === bytes.length
}

/**
 * The end of a JPEG that begins at `from` (ITU-T T.81 §B), and its size.
 *
 * @throws ProtocolError where it ends too soon
 */
function endOfJpeg(bytes: Buffer, from: number): { end: number; size: Size } {
  let size: Size = null
  let at = from + 2
  for (;;) {
    at = bytes.indexOf(0xff, at)
    if (at < 0) throw cutShort()
    while (bytes[at] === 0xff) at += 1
    const marker = bytes[at]
    at += 1
    if (marker === undefined) throw cutShort()
    if (marker === 0xd9) return { end: at, size }
    // Stuffed bytes and restarts inside a scan; markers without a segment.
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue
    if (at + 2 > bytes.length) throw cutShort()
    const length = bytes.readUInt16BE(at)
    if (length < 2 || at + length > bytes.length) throw cutShort()
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame && length >= 7)
      size = { height: bytes.readUInt16BE(at + 3), width: bytes.readUInt16BE(at + 5) }
    at += length
  }
}

/**
 * Cameras append more JPEGs (depth, HDR), a film of the moment, or a list of their own (it ends in
 * SEFT). Re-encoding drops it all; anything else there makes the file two things at once.
 */
function checkBehindJpeg(bytes: Buffer, end: number): void {
  if (isPadding(bytes, end) || isAt(bytes, bytes.length - 4, 'SEFT')) return
  if (isAt(bytes, end + 4, 'ftyp') && areBoxes(bytes, end)) return
  if (bytes.readUInt16BE(Math.min(end, bytes.length - 2)) !== 0xffd8) throw followed()
  checkBehindJpeg(bytes, endOfJpeg(bytes, end).end)
}

function jpegForm(bytes: Buffer): UploadForm {
  const { end, size } = endOfJpeg(bytes, 0)
  checkBehindJpeg(bytes, end)
  return { format: 'jpeg', size }
}

/** W3C PNG §5; animations by the chunk that announces them. */
function pngForm(bytes: Buffer): UploadForm {
  for (let at = 8; ;) {
    if (at + 12 > bytes.length) throw cutShort()
    const length = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    at += 12 + length
    if (at > bytes.length) throw cutShort()
    if (type === 'acTL') throw moving()
    if (type !== 'IEND') continue
    if (!isPadding(bytes, at)) throw followed()
    return {
      format: 'png',
      size: { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) },
    }
  }
}

/** RFC 9649 §2. */
function webpForm(bytes: Buffer): UploadForm {
  if (bytes.length < 30) throw cutShort()
  const end = bytes.readUInt32LE(4) + 8
  if (end > bytes.length) throw cutShort()
  if (!isPadding(bytes, end)) throw followed()
  const isExtended = isAt(bytes, 12, 'VP8X')
  if (isExtended && ((bytes[20] ?? 0) & 2) !== 0) throw moving()
  for (let at = 12; at + 8 <= end;) {
    if (isAt(bytes, at, 'ANIM') || isAt(bytes, at, 'ANMF')) throw moving()
    const length = bytes.readUInt32LE(at + 4)
    at += 8 + length + (length % 2)
    if (at > end + 1) throw cutShort()
  }
  const size = isExtended
    ? { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    : null
  return { format: 'webp', size }
}

/** Brands of image sequences (ISO/IEC 23008-12 §10, AVIF §6). */
const SEQUENCES = ['avis', 'msf1', 'hevc', 'hevx']
const HEIC = ['heic', 'heix', 'heim', 'heis']

function isoForm(bytes: Buffer): UploadForm {
  const length = bytes.readUInt32BE(0)
  if (length < 16 || length > bytes.length) throw cutShort()
  const brands: string[] = [bytes.toString('latin1', 8, 12)]
  for (let at = 16; at + 4 <= length; at += 4) brands.push(bytes.toString('latin1', at, at + 4))
  if (brands.some((brand) => SEQUENCES.includes(brand))) throw moving()
  if (!brands.includes('avif')) {
    const isHeic = brands.some((brand) => HEIC.includes(brand))
    throw isHeic ? foreign('; HEIC must be converted first') : foreign('')
  }
  if (!areBoxes(bytes, 0)) throw cutShort()
  return { format: 'avif', size: null }
}

const foreign = (hint: string): ProtocolError =>
  new ProtocolError('wrong_type', PATH, `a JPEG, PNG, WebP or AVIF picture${hint}`)

/**
 * The form of an upload.
 *
 * @throws ProtocolError `wrong_type` for another format, `malformed` for one that is cut short or
 *   followed by something else, `out_of_range` for an animation
 */
export function formOf(upload: Uint8Array): UploadForm {
  const bytes = Buffer.from(upload.buffer, upload.byteOffset, upload.byteLength)
  if (bytes.length < 16) throw foreign('')
  if (bytes.readUInt16BE(0) === 0xffd8) return jpegForm(bytes)
  if (isAt(bytes, 0, '\u0089PNG\r\n\u001a\n')) return pngForm(bytes)
  if (isAt(bytes, 0, 'RIFF') && isAt(bytes, 8, 'WEBP')) return webpForm(bytes)
  if (isAt(bytes, 4, 'ftyp')) return isoForm(bytes)
  throw foreign('')
}
