/** Re-encodes uploaded pictures: decoded within bounds, one at a time, and nothing kept of the rest. */
import type { Sharp, SharpConstructor } from 'sharp'
import { invariant, ProtocolError } from '../../protocol/errors.ts'
import { PICTURE_BYTES, PICTURE_EDGES } from '../../protocol/limits.ts'
import { checkPictureFile, type PictureFile, type PictureSize } from '../../protocol/picture.ts'
import { createLock } from '../core/lock.ts'
import type { Images } from '../core/ports.ts'
import { formOf, type UploadFormat } from './image-form.ts'

/**
 * Megapixels of an upload, by how much its decoder holds in memory: a progressive JPEG of that size
 * takes some 150 MB, an interlaced PNG of 16 bits 180 MB, an AVIF 210 MB (measured).
 */
export const UPLOAD_MEGAPIXELS: Readonly<Record<UploadFormat, number>> = {
  jpeg: 50,
  png: 24,
  webp: 24,
  avif: 12,
}
/** Seconds for one step of the work, on a machine that is busy: what takes longer was made to. */
const SECONDS = 60
/** Tries until a file fits: a picture of noise has no small one of good quality. */
const TRIES = [
  { quality: 80, scale: 1 },
  { quality: 60, scale: 1 },
  { quality: 40, scale: 1 },
  { quality: 40, scale: 0.75 },
  { quality: 20, scale: 0.5 },
] as const
const WHITE = '#ffffff'

/** What may read an upload; every other reader of the library stays switched off. */
const READERS = ['Jpeg', 'Png', 'Webp', 'Heif'].map((name) => `VipsForeignLoad${name}`)

/** Loaded with the first upload: most starts of a node never need its thirty megabytes. */
async function load(): Promise<SharpConstructor> {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: READERS })
  return sharp
}

const tooMany = (format: UploadFormat): ProtocolError =>
  new ProtocolError('too_large', '/picture', `at most ${UPLOAD_MEGAPIXELS[format]} megapixels`)

interface Pixels {
  data: Uint8Array
  width: number
  height: number
}

async function rawOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  invariant(info.channels === 3, 'pixels are of three colours')
  return { data, width: info.width, height: info.height }
}

async function decode(sharp: SharpConstructor, upload: Uint8Array): Promise<Pixels> {
  const { format, size } = formOf(upload)
  const limitInputPixels = UPLOAD_MEGAPIXELS[format] * 1e6
  if (size !== null && size.width * size.height > limitInputPixels) throw tooMany(format)
  try {
    const image = sharp(upload, { failOn: 'error', limitInputPixels, sequentialRead: true })
    const found = await image.metadata()
    if (found.format !== (format === 'avif' ? 'heif' : format))
      throw new ProtocolError('malformed', '/picture', 'a picture of the format that it begins as')
    if ((found.pages ?? 1) > 1)
      throw new ProtocolError('out_of_range', '/picture', 'a still picture, not several')
    const edge = PICTURE_EDGES.large
    return await rawOf(
      image
        .timeout({ seconds: SECONDS })
        .autoOrient()
        .resize({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })
        .flatten({ background: WHITE }),
    )
  } catch (error) {
    if (error instanceof ProtocolError || !(error instanceof Error)) throw error
    if (error.message.includes('pixel limit')) throw tooMany(format)
    // Whatever the decoder says of it, it quotes nothing that we would pass on.
    throw new ProtocolError('malformed', '/picture', 'a picture that can be read to its end')
  }
}

async function encode(
  sharp: SharpConstructor,
  pixels: Pixels,
  size: PictureSize,
): Promise<PictureFile> {
  const { data, width, height } = pixels
  for (const { quality, scale } of TRIES) {
    const edge = Math.round(PICTURE_EDGES[size] * scale)
    const made = await sharp(data, { raw: { width, height, channels: 3 } })
      .resize({ width: edge, height: edge, fit: 'inside', withoutEnlargement: true })
      .webp({ quality })
      .timeout({ seconds: SECONDS })
      .toBuffer({ resolveWithObject: true })
    if (made.data.length > PICTURE_BYTES[size]) continue
    const file = {
      width: made.info.width,
      height: made.info.height,
      bytes: new Uint8Array(made.data),
    }
    // What this node would refuse from others it does not send either.
    checkPictureFile(file, size)
    return file
  }
  throw new ProtocolError('too_large', '/picture', 'a picture that can be made small')
}

async function jpegOf(sharp: SharpConstructor, webp: Uint8Array): Promise<Uint8Array> {
  const limitInputPixels = PICTURE_EDGES.large ** 2
  const jpeg = await sharp(webp, { failOn: 'error', limitInputPixels })
    .jpeg({ quality: 85 })
    .timeout({ seconds: SECONDS })
    .toBuffer()
  return new Uint8Array(jpeg)
}

/** The reader of uploads, on libvips. */
export function createImages(): Images {
  let library: Promise<SharpConstructor> | null = null
  const lock = createLock()
  return {
    reencode: (upload) =>
      lock(async () => {
        library ??= load()
        const sharp = await library
        const pixels = await decode(sharp, upload)
        return {
          small: await encode(sharp, pixels, 'small'),
          large: await encode(sharp, pixels, 'large'),
        }
      }),
    toJpeg: (webp) =>
      lock(async () => {
        library ??= load()
        return jpegOf(await library, webp)
      }),
  }
}
