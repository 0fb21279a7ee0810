import { describe, expect, it } from 'vitest'
import { encodeCbor } from '../../protocol/cbor.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { pictureIdOf } from '../../protocol/ids.ts'
import { sha256 } from '../../protocol/keys.ts'
import { PICTURE_BYTES, PICTURE_CHUNK_BYTES } from '../../protocol/limits.ts'
import {
  checkPictureFile,
  chunkCount,
  chunksOf,
  openManifest,
  receivePicture,
} from '../../protocol/picture.ts'
import { aPicture, aPictureFile } from '../fixtures/pictures.ts'

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'accepted'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}
const upload = new Uint8Array(150_000).map((_, at) => at % 251)
const { files, picture, manifest } = aPicture(upload)

describe('openManifest', () => {
  it('opens what the picture is named after, and nothing else', () => {
    const opened = openManifest(manifest, picture)
    expect(opened.large).toMatchObject({ width: 1280, height: 800 })
    expect(chunkCount(opened)).toBe(4)
    for (let at = 0; at < manifest.length; at += 1) {
      expect(codeOf(() => openManifest(manifest.subarray(0, at), picture))).toBe('bad_commitment')
      const flipped = manifest.map((byte, place) => (place === at ? byte ^ 1 : byte))
      expect(codeOf(() => openManifest(flipped, picture))).toBe('bad_commitment')
    }
    expect(codeOf(() => openManifest(new Uint8Array(1025), picture))).toBe('too_large')
  })

  it.each([
    ['a length over the limit', { length: PICTURE_BYTES.large + 1 }],
    ['no length', { length: 0 }],
    ['a chunk too many', { length: PICTURE_CHUNK_BYTES }],
    ['a chunk too few', { length: 4 * PICTURE_CHUNK_BYTES }],
    ['an edge too long', { width: 1281 }],
    ['no height', { height: 0 }],
    ['a short hash', { chunks: [new Uint8Array(31)] }],
    ['another field', { owner: 'x' }],
  ])('refuses %s, whatever the hash says', (_name, change) => {
    const described = openManifest(manifest, picture)
    const bytes = encodeCbor({ ...described, large: { ...described.large, ...change } })
    expect(codeOf(() => openManifest(bytes, pictureIdOf(sha256(bytes))))).not.toBe('accepted')
  })
})

describe('receivePicture', () => {
  const opened = openManifest(manifest, picture)
  const chunks = [...chunksOf(files.small.bytes), ...chunksOf(files.large.bytes)]

  it('gives the files when the last chunk is here', () => {
    const incoming = receivePicture(opened)
    for (const chunk of chunks) {
      expect(incoming.files()).toBeNull()
      incoming.add(chunk)
    }
    expect(incoming.received()).toBe(4)
    expect(incoming.files()).toEqual(files)
  })

  it('refuses a chunk that is another, out of turn, longer, or one too many', () => {
    const [first = new Uint8Array(0), second = new Uint8Array(0)] = chunks
    const incoming = receivePicture(opened)
    expect(codeOf(() => incoming.add(first.map((byte) => byte ^ 1)))).toBe('bad_commitment')
    expect(codeOf(() => incoming.add(first.subarray(1)))).toBe('malformed')
    incoming.add(first)
    expect(codeOf(() => incoming.add(chunks[2] ?? first))).not.toBe('accepted')
    incoming.add(second)
    for (const chunk of chunks.slice(2)) incoming.add(chunk)
    expect(codeOf(() => incoming.add(first))).toBe('malformed')
  })
})

function code(bytes: Uint8Array, size = { width: 320, height: 200 }): string {
  return codeOf(() => checkPictureFile({ ...size, bytes }, 'small'))
}

describe('checkPictureFile', () => {
  const file = aPictureFile(320, 200, upload.slice(0, 1001))
  it('takes one lossy frame and nothing else', () => {
    expect(code(file.bytes)).toBe('accepted')
    expect(code(new Uint8Array([...file.bytes, 0]))).toBe('malformed')
    expect(code(new Uint8Array(0))).toBe('malformed')
    for (let at = 0; at < 40; at += 1) expect(code(file.bytes.subarray(0, at))).toBe('malformed')
    expect(code(file.bytes.subarray(0, -1))).toBe('malformed')
  })

  it.each([
    ['another container', 0],
    ['another length', 4],
    ['another chunk', 15],
    ['another length of the chunk', 16],
    ['no key frame', 20],
    ['another start code', 23],
    ['another width', 26],
    ['a scale', 27, 0x40],
    ['another height', 28],
  ])('refuses %s', (_name, at, mask = 1) => {
    const bytes = file.bytes.map((byte, place) => (place === at ? byte ^ mask : byte))
    expect(code(bytes)).not.toBe('accepted')
  })

  it('refuses more pixels than its size may have, and more bytes', () => {
    const wide = aPictureFile(321, 10, new Uint8Array(10))
    expect(codeOf(() => checkPictureFile(wide, 'small'))).toBe('out_of_range')
    expect(codeOf(() => checkPictureFile(wide, 'large'))).toBe('accepted')
    const heavy = aPictureFile(10, 10, new Uint8Array(PICTURE_BYTES.small))
    expect(codeOf(() => checkPictureFile(heavy, 'small'))).toBe('too_large')
  })
})
