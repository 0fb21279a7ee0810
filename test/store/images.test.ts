/**
 * Uploads as people and attackers make them. Aim: what is a picture comes out as two small WebP
 * files with nothing of the original but what can be seen; all else is refused with its reason.
 * Method: real files, made by the same library, some of them spoilt by hand.
 */
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { createImages } from '../../node/store/images.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { PICTURE_BYTES, PICTURE_EDGES } from '../../protocol/limits.ts'
import { checkPictureFile, PICTURE_SIZES } from '../../protocol/picture.ts'
import { findIn, spellingsOfText } from '../e2e/files.ts'
import { canary } from '../e2e/canaries.ts'

const images = createImages()
const MEGABYTE = 1024 * 1024

/** A picture: a gradient with a red left half, so that turning it can be seen. */
function aPhoto(width = 600, height = 400) {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      pixels.set([x < width / 2 ? 220 : 20, (y * 255) / height, 40], (y * width + x) * 3)
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

async function codeOf(upload: Uint8Array): Promise<string> {
  try {
    await images.reencode(new Uint8Array(upload))
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** A PNG chunk. */
function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length)
  bytes.write(type, 4, 'latin1')
  bytes.set(data, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}
const PNG = Buffer.from('89504e470d0a1a0a', 'hex')

/** A PNG of one colour: kilobytes that unpack to gigabytes. */
function aBomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([1, 0], 8)
  const rows = deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))), { level: 9 })
  const end = chunk('IEND', Buffer.alloc(0))
  return Buffer.concat([PNG, chunk('IHDR', header), chunk('IDAT', rows), end])
}

describe('createImages', () => {
  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('makes two files of %s', async (format) => {
    const files = await images.reencode(await aPhoto(2000, 1000).toFormat(format).toBuffer())
    expect(files.large).toMatchObject({ width: 1280, height: 640 })
    expect(files.small).toMatchObject({ width: 320, height: 160 })
    for (const size of PICTURE_SIZES) {
      checkPictureFile(files[size], size)
      expect((await sharp(files[size].bytes).stats()).channels[0]?.mean).toBeCloseTo(120, -1)
    }
  })

  it('makes a JPEG of a file that it has made, with nothing but the picture in it', async () => {
    const { large } = await images.reencode(await aPhoto(2000, 1000).png().toBuffer())
    const jpeg = await images.toJpeg(large.bytes)
    const found = await sharp(jpeg).metadata()
    expect(found).toMatchObject({ format: 'jpeg', width: 1280, height: 640 })
    expect([found.exif, found.icc, found.xmp]).toEqual([undefined, undefined, undefined])
    expect((await sharp(jpeg).stats()).channels[0]?.mean).toBeCloseTo(120, -1)
  })

  it('does not enlarge a small picture', async () => {
    const { small, large } = await images.reencode(await aPhoto(90, 60).png().toBuffer())
    expect([small.width, small.height, large.width, large.height]).toEqual([90, 60, 90, 60])
  })

  it('keeps no metadata of any kind, and turns the picture upright', async () => {
    const secret = canary('camera owner')
    const upload = await aPhoto()
      .withExif({
        IFD0: { Artist: secret, ImageDescription: secret },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '52/1 31/1 0/1' },
      })
      .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>${secret}</a></x:xmpmeta>`)
      .withIccProfile('p3')
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    expect(findIn(upload, spellingsOfText(secret))).not.toEqual([])
    const { small, large } = await images.reencode(upload)
    expect([large.width, large.height]).toEqual([400, 600])
    for (const { bytes } of [small, large]) {
      expect(findIn(Buffer.from(bytes), spellingsOfText(secret))).toEqual([])
      const { exif, xmp, icc, iptc, orientation } = await sharp(bytes).metadata()
      expect([exif, xmp, icc, iptc, orientation]).toEqual(Array(5).fill(undefined))
    }
    // Turned by a quarter, what was on the left is at the top.
    const top = sharp(large.bytes).extract({ left: 0, top: 0, width: 400, height: 250 })
    expect((await sharp(await top.toBuffer()).stats()).channels[0]?.mean).toBeGreaterThan(180)
  })

  it.each([
    ['grey', aPhoto().greyscale().png()],
    ['transparent', aPhoto().ensureAlpha(0.5).png()],
    ['of 16 bits', aPhoto().toColourspace('rgb16').png()],
    ['in CMYK', aPhoto().toColourspace('cmyk').jpeg()],
    ['progressive', aPhoto().jpeg({ progressive: true })],
    ['lossless', aPhoto().webp({ lossless: true })],
  ])('takes one that is %s', async (_name, upload) => {
    const { large } = await images.reencode(await upload.toBuffer())
    expect(large.width).toBe(600)
  })

  it('makes noise fit, which nothing compresses', async () => {
    const upload = await sharp({
      create: {
        width: 1600,
        height: 1600,
        channels: 3,
        background: '#888',
        noise: { type: 'gaussian', mean: 128, sigma: 90 },
      },
    })
      .png()
      .toBuffer()
    const files = await images.reencode(upload)
    for (const size of PICTURE_SIZES) {
      expect(files[size].bytes.length).toBeLessThanOrEqual(PICTURE_BYTES[size])
      expect(files[size].width).toBeGreaterThanOrEqual(PICTURE_EDGES[size] / 2)
    }
  })

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)(
    'refuses %s that is cut short, wherever',
    async (format) => {
      const upload = await aPhoto(300, 200).toFormat(format).toBuffer()
      for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
        expect(await codeOf(upload.subarray(0, Math.floor(upload.length * share)))).not.toBe(
          'accepted',
        )
      expect(await codeOf(upload.subarray(0, -1))).toBe('malformed')
    },
  )

  it('refuses one that is damaged inside', async () => {
    const upload = await aPhoto(300, 200).png().toBuffer()
    upload.fill(0x55, upload.length / 2, upload.length / 2 + 40)
    expect(await codeOf(upload)).toBe('malformed')
  })

  it('refuses animations', async () => {
    const frames = Buffer.alloc(40 * 80 * 3, 90).fill(200, 40 * 40 * 3)
    const film = sharp(frames, { raw: { width: 40, height: 80, channels: 3, pageHeight: 40 } })
    expect(
      await codeOf(
        await film
          .clone()
          .webp({ loop: 0, delay: [50, 50] })
          .toBuffer(),
      ),
    ).toBe('out_of_range')
    expect(
      await codeOf(
        await film
          .clone()
          .gif({ delay: [50, 50] })
          .toBuffer(),
      ),
    ).toBe('wrong_type')
    const still = await aPhoto(40, 40).png().toBuffer()
    const apng = Buffer.concat([
      still.subarray(0, 33),
      chunk('acTL', Buffer.from('0000000200000000', 'hex')),
      still.subarray(33),
    ])
    expect(await codeOf(apng)).toBe('out_of_range')
    const avif = await aPhoto(40, 40).avif().toBuffer()
    avif.write('avis', 8, 'latin1')
    expect(await codeOf(avif)).toBe('out_of_range')
  })

  it('refuses a file that is a picture and something else', async () => {
    const archive = Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(60, 1)])
    const behind = [archive, toUtf8('<script>alert(1)</script>'), toUtf8('<?php evil(); ?>')]
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const upload = await aPhoto(60, 40).toFormat(format).toBuffer()
      for (const more of behind)
        expect(await codeOf(Buffer.concat([upload, more]))).toBe('malformed')
    }
    const inFront = Buffer.concat([toUtf8('%PDF-1.7\n'), await aPhoto(60, 40).jpeg().toBuffer()])
    expect(await codeOf(inFront)).toBe('wrong_type')
  })

  it('takes what cameras append to a JPEG, and drops it', async () => {
    const upload = await aPhoto(60, 40).jpeg().toBuffer()
    const depth = await aPhoto(30, 20).jpeg().toBuffer()
    const film = Buffer.concat([Buffer.from('0000001066747970', 'hex'), toUtf8('mp42\0\0\0\0')])
    for (const more of [Buffer.alloc(100), depth, film])
      expect(await codeOf(Buffer.concat([upload, more]))).toBe('accepted')
  })

  it.each([
    ['a GIF', () => aPhoto(40, 40).gif().toBuffer()],
    ['a TIFF', () => aPhoto(40, 40).tiff().toBuffer()],
    ['an SVG', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a PDF', async () => Buffer.from('%PDF-1.7 with more than sixteen bytes')],
    ['HEIC', async () => Buffer.from('00000018667479706865696300000000686569636d696631', 'hex')],
    ['nothing', async () => Buffer.alloc(0)],
  ])('refuses %s', async (_name, make) => {
    expect(await codeOf(await make())).toBe('wrong_type')
  })

  it('names the format that it cannot read', async () => {
    const heic = Buffer.from('00000018667479706865696300000000686569636d696631', 'hex')
    await expect(images.reencode(heic)).rejects.toMatchObject({
      path: '/picture',
      expected: 'a JPEG, PNG, WebP or AVIF picture; HEIC must be converted first',
    })
  })

  it('refuses decompression bombs without unpacking them', async () => {
    const before = process.memoryUsage().rss
    const bombs = [aBomb(20_000, 20_000), aBomb(1_000_000, 50)]
    for (const bomb of bombs) {
      expect(bomb.length).toBeLessThan(MEGABYTE)
      expect(await codeOf(bomb)).toBe('too_large')
    }
    // 20,000 x 20,000 pixels would be 1.2 GB.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MEGABYTE)
  })

  it('refuses a bomb that says another size in front than it has inside', async () => {
    const webp = await aPhoto(2000, 1000).webp({ lossless: true }).toBuffer()
    const extended = Buffer.alloc(30)
    webp.copy(extended, 0, 0, 12)
    extended.write('VP8X', 12, 'latin1')
    extended.writeUInt32LE(10, 16)
    extended.writeUIntLE(9, 24, 3)
    extended.writeUIntLE(9, 27, 3)
    const lie = Buffer.concat([extended, webp.subarray(12)])
    lie.writeUInt32LE(lie.length - 8, 4)
    expect(await codeOf(lie)).not.toBe('accepted')
  })
})
