import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openBlobs } from '../../node/store/blobs-disk.ts'
import { aFolder } from './builders.ts'

/** Slots of two shards: the first and the last are in one. */
const SLOTS = [1, 2, 0x101]
const fileOf = (slot: number, fill = slot) => ({
  slot,
  ciphertext: new Uint8Array(1000).fill(fill & 0xff),
})

function namesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted()
}

describe('openBlobs', () => {
  it('makes nothing before the first file, and has none then', async () => {
    const { pictures } = aFolder()
    const blobs = openBlobs(pictures)
    expect(await blobs.get(1)).toBeNull()
    await blobs.remove([1])
    await blobs.retain(new Set())
    expect(existsSync(pictures)).toBe(false)
  })

  it('gives back what was put, also after it is opened again', async () => {
    const { pictures } = aFolder()
    await openBlobs(pictures).put(SLOTS.map((slot) => fileOf(slot)))
    const again = openBlobs(pictures)
    for (const slot of SLOTS) expect(await again.get(slot)).toEqual(fileOf(slot).ciphertext)
    expect(await again.get(3)).toBeNull()
  })

  it('leaves nothing of what a slot had before', async () => {
    const { pictures } = aFolder()
    const blobs = openBlobs(pictures)
    await blobs.put([fileOf(1, 0xaa)])
    await blobs.put([{ slot: 1, ciphertext: new Uint8Array([7]) }])
    expect(await blobs.get(1)).toEqual(new Uint8Array([7]))
    expect(namesIn(pictures)).toEqual(['1'])
  })

  it('lets nobody but the owner look inside', async () => {
    const { pictures } = aFolder()
    await openBlobs(pictures).put([fileOf(1)])
    expect(statSync(join(pictures, '01')).mode & 0o777).toBe(0o700)
    expect(statSync(join(pictures, '01', '1')).mode & 0o777).toBe(0o600)
  })

  it('removes what is named and nothing else, as often as it is asked', async () => {
    const { pictures } = aFolder()
    const blobs = openBlobs(pictures)
    await blobs.put(SLOTS.map((slot) => fileOf(slot)))
    for (let times = 0; times < 2; times += 1) await blobs.remove([1, 0x999])
    expect(namesIn(pictures)).toEqual(['101', '2'])
    expect(await blobs.get(1)).toBeNull()
  })

  it('keeps what is in use, and removes drafts and whatever else a crash has left', async () => {
    const { pictures } = aFolder()
    const blobs = openBlobs(pictures)
    await blobs.put(SLOTS.map((slot) => fileOf(slot)))
    writeFileSync(join(pictures, '01', '201.new'), 'half a picture')
    mkdirSync(join(pictures, '01', 'folder'))
    await blobs.retain(new Set([0x101]))
    expect(namesIn(pictures)).toEqual(['101'])
    expect(existsSync(join(pictures, '01', 'folder'))).toBe(false)
    expect(await blobs.get(0x101)).toEqual(fileOf(0x101).ciphertext)
  })

  it('leaves no draft, and the other files, where one cannot be written', async () => {
    const { pictures } = aFolder()
    const blobs = openBlobs(pictures)
    await blobs.put([fileOf(2)])
    // A folder in the place of a file: the draft cannot take its name.
    mkdirSync(join(pictures, '03', '3'), { recursive: true })
    writeFileSync(join(pictures, '03', '3', 'x'), '')
    await expect(blobs.put([fileOf(1), fileOf(3), fileOf(4)])).rejects.toThrow(/EISDIR|ENOTEMPTY/)
    expect(namesIn(pictures)).toEqual(['1', '2', '4', 'x'])
    expect(readFileSync(join(pictures, '02', '2'))).toHaveLength(1000)
  })
})
