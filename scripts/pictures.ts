/** Pictures without a picture in them: the right form, and random bytes behind its headers. */
import type { PictureFile } from '../protocol/picture.ts'

/** Bytes in front of the content. */
export const PICTURE_HEADER_BYTES = 30

/** A WebP of one lossy key frame, as far as its headers go, with `content` behind them. */
export function aPictureFile(width: number, height: number, content: Uint8Array): PictureFile {
  const frame = 10 + content.length
  const bytes = new Uint8Array(20 + frame + (frame % 2))
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode('RIFF'))
  view.setUint32(4, bytes.length - 8, true)
  bytes.set(new TextEncoder().encode('WEBPVP8 '), 8)
  view.setUint32(16, frame, true)
  bytes.set([0x10, 0, 0, 0x9d, 0x01, 0x2a], 20)
  view.setUint16(26, width, true)
  view.setUint16(28, height, true)
  bytes.set(content, PICTURE_HEADER_BYTES)
  return { width, height, bytes }
}
