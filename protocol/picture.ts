/** A picture: the manifest that names its bytes, and the one form that its two files may have. */
import { z } from 'zod'
import { equalBytes } from './bytes.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { at, ProtocolError } from './errors.ts'
import { pictureIdOf, type PictureId } from './ids.ts'
import { sha256, type Hash } from './keys.ts'
import {
  PICTURE_BYTES,
  PICTURE_CHUNK_BYTES,
  PICTURE_EDGES,
  PICTURE_MANIFEST_BYTES,
} from './limits.ts'
import { bytesOf, count, parseWith } from './schema.ts'

export const PICTURE_SALT_BYTES = 16

/** The two files of each picture, in the order in which they travel. */
export const PICTURE_SIZES = ['small', 'large'] as const
export type PictureSize = (typeof PICTURE_SIZES)[number]

/** One file of a picture: WebP of the form that {@link checkPictureFile} accepts. */
export interface PictureFile {
  width: number
  height: number
  bytes: Uint8Array
}
/** Both files. */
export type PictureFiles = Record<PictureSize, PictureFile>

/** What a manifest says of one file. */
export interface DescribedFile {
  width: number
  height: number
  /** Bytes. */
  length: number
  /** SHA-256 of each chunk of {@link PICTURE_CHUNK_BYTES}; the last one may be shorter. */
  chunks: Uint8Array[]
}
/** Names the bytes of a picture. The salt keeps its hash from being found by guessing. */
export type PictureManifest = { salt: Uint8Array } & Record<PictureSize, DescribedFile>

const fileSchema = (size: PictureSize) =>
  z.strictObject({
    width: z.int().min(1).max(PICTURE_EDGES[size]),
    height: z.int().min(1).max(PICTURE_EDGES[size]),
    length: count.min(1).max(PICTURE_BYTES[size]),
    chunks: z.array(bytesOf(32)).max(PICTURE_BYTES[size] / PICTURE_CHUNK_BYTES),
  })
const manifestSchema = z.strictObject({
  salt: bytesOf(PICTURE_SALT_BYTES),
  small: fileSchema('small'),
  large: fileSchema('large'),
})

/** The chunks of a file; they share its memory. */
export function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let from = 0; from < bytes.length; from += PICTURE_CHUNK_BYTES)
    chunks.push(bytes.subarray(from, from + PICTURE_CHUNK_BYTES))
  return chunks
}

/**
 * The manifest of a picture, and its name.
 *
 * @param salt 16 random bytes
 */
export function describePicture(
  files: PictureFiles,
  salt: Uint8Array,
  hash: Hash = sha256,
): { picture: PictureId; manifest: Uint8Array } {
  const describe = ({ width, height, bytes }: PictureFile): DescribedFile => ({
    width,
    height,
    length: bytes.length,
    chunks: chunksOf(bytes).map((chunk) => hash(chunk)),
  })
  const { small, large } = files
  const manifest = encodeCbor({ salt, small: describe(small), large: describe(large) })
  return { picture: pictureIdOf(hash(manifest)), manifest }
}

/**
 * Opens the manifest of the picture of that name.
 *
 * @throws ProtocolError `too_large`, `bad_commitment` where it is another picture's, or for a field
 */
export function openManifest(
  bytes: Uint8Array,
  picture: PictureId,
  hash: Hash = sha256,
): PictureManifest {
  if (bytes.length > PICTURE_MANIFEST_BYTES)
    throw new ProtocolError('too_large', '', `at most ${PICTURE_MANIFEST_BYTES} bytes`)
  if (pictureIdOf(hash(bytes)) !== picture)
    throw new ProtocolError('bad_commitment', '', 'the manifest that the picture is named after')
  const manifest = parseWith(manifestSchema, decodeCbor(bytes))
  for (const size of PICTURE_SIZES) {
    const { length, chunks } = manifest[size]
    if (chunks.length !== Math.ceil(length / PICTURE_CHUNK_BYTES))
      throw new ProtocolError('out_of_range', `/${size}/chunks`, 'a hash for each chunk')
  }
  return manifest
}

/** Chunks of both files together. */
export function chunkCount({ small, large }: PictureManifest): number {
  return small.chunks.length + large.chunks.length
}

/** A picture as it comes in, chunk by chunk, each checked before it is kept. */
export interface IncomingPicture {
  /** Chunks that are here; the next one to come is the one of this number. */
  received: () => number
  /** @throws ProtocolError `malformed` for one too many, `bad_commitment` for another one */
  add: (chunk: Uint8Array) => void
  /** The files once all is here, else null. @throws ProtocolError for another form */
  files: () => PictureFiles | null
}

const EMPTY = new Uint8Array(0)

function checkedFile(manifest: PictureManifest, size: PictureSize, bytes: Uint8Array): PictureFile {
  const { width, height } = manifest[size]
  const file = { width, height, bytes }
  at(`/${size}`, () => checkPictureFile(file, size))
  return file
}

/** Makes room for a picture of that manifest, whose sizes have been checked. */
export function receivePicture(manifest: PictureManifest, hash: Hash = sha256): IncomingPicture {
  const room = PICTURE_SIZES.map((size) => new Uint8Array(manifest[size].length))
  const places = PICTURE_SIZES.flatMap((size, file) =>
    manifest[size].chunks.map((expected, number) => {
      const from = number * PICTURE_CHUNK_BYTES
      const length = Math.min(PICTURE_CHUNK_BYTES, manifest[size].length - from)
      return { file, from, length, expected }
    }),
  )
  let received = 0
  return {
    received: () => received,
    add: (chunk) => {
      const place = places[received]
      if (place === undefined || chunk.length !== place.length)
        throw new ProtocolError('malformed', '', 'the next chunk')
      if (!equalBytes(hash(chunk), place.expected))
        throw new ProtocolError('bad_commitment', '', 'the chunk that the manifest names')
      room[place.file]?.set(chunk, place.from)
      received += 1
    },
    files: () => {
      if (received < places.length) return null
      const [small = EMPTY, large = EMPTY] = room
      return {
        small: checkedFile(manifest, 'small', small),
        large: checkedFile(manifest, 'large', large),
      }
    },
  }
}

/** Bytes before the frame: RIFF header, form, chunk header. */
const FRAME_AT = 20
/** Bytes of the frame's own header: tag, start code, width and height. */
const FRAME_HEADER_BYTES = 10

function isText(bytes: Uint8Array, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[from + i] !== text.charCodeAt(i)) return false
  return true
}

/**
 * Refuses a file that is not a WebP image of one lossy key frame and nothing else: no metadata, no
 * animation, nothing behind it, and not more pixels than it says. Whoever shows it can decode that.
 *
 * @throws ProtocolError `too_large`, `malformed`, `out_of_range`
 * @see RFC 9649 (WebP) §2.5, RFC 6386 (VP8) §9.1
 */
export function checkPictureFile({ width, height, bytes }: PictureFile, size: PictureSize): void {
  if (bytes.length > PICTURE_BYTES[size])
    throw new ProtocolError('too_large', '', `at most ${PICTURE_BYTES[size]} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isForm =
    bytes.length >= FRAME_AT + FRAME_HEADER_BYTES &&
    isText(bytes, 0, 'RIFF') &&
    isText(bytes, 8, 'WEBPVP8 ') &&
    view.getUint32(4, true) === bytes.length - 8
  const length = isForm ? view.getUint32(16, true) : 0
  // An odd frame is followed by one byte that must be zero.
  const isWhole =
    isForm &&
    FRAME_AT + length + (length % 2) === bytes.length &&
    (length % 2 === 0 || bytes.at(-1) === 0)
  // The lowest bit of the tag is zero for a key frame; its start code follows the tag.
  const isKeyFrame = isWhole && ((bytes[FRAME_AT] ?? 1) & 1) === 0 && view.getUint16(23) === 0x9d01
  if (!isKeyFrame || bytes[25] !== 0x2a)
    throw new ProtocolError('malformed', '', 'a WebP image of one lossy frame and nothing else')
  // The two bits above each are a scale, which nobody needs.
  if (view.getUint16(26, true) !== width || view.getUint16(28, true) !== height)
    throw new ProtocolError('out_of_range', '', 'the width and height that the manifest says')
  if (Math.max(width, height) > PICTURE_EDGES[size])
    throw new ProtocolError('out_of_range', '', `edges of at most ${PICTURE_EDGES[size]} pixels`)
}
