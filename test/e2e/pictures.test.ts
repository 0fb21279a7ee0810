/**
 * Pictures over real libp2p, between real processes: put at one site, seen at the other also when
 * it is killed in between, never on a disk in clear, and gone for good with the record.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentOf, filesIn } from './files.ts'
import { aMarkedMember } from './canaries.ts'
import { completed, startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { until } from './process.ts'
import { slotsIn } from './theft.ts'

interface Links {
  picture: string
  small: string
  large: string
}

let network: TestNetwork
let amor: TestSite
let brio: TestSite
const { person } = aMarkedMember('pictured', ['discovery', 'pictures'])
let record = ''

beforeAll(async () => {
  network = await startNetwork()
  amor = await network.startSite('amor.example')
  brio = await network.startSite('brio.example')
  await brio.api.require({})
  record = (await amor.api.put(person)).record
})
afterAll(() => network.stop())

async function aPhoto(red: number): Promise<Buffer> {
  const background = { r: red, g: 90, b: 30 }
  const noise = { type: 'gaussian', mean: 128, sigma: 20 } as const
  return sharp({ create: { width: 1600, height: 1200, channels: 3, background, noise } })
    .jpeg()
    .toBuffer()
}

async function upload(red: number): Promise<string> {
  const path = `/v1/members/${person.id}/pictures`
  return (await amor.api.upload<Links>(path, await aPhoto(red), 'image/jpeg')).picture
}

async function shownAt({ api }: TestSite): Promise<Links[]> {
  const { status, text } = await api.ask('GET', `/v1/records/amor.example/${record}`)
  return status === 200 ? (JSON.parse(text) as { pictures: Links[] }).pictures : []
}
const sealedAt = ({ folder }: TestSite): string[] =>
  filesIn(folder).filter((path) => path.includes('/pictures/'))

/** The files as browsers get them. */
async function filesOf(site: TestSite): Promise<Buffer[]> {
  const files: Buffer[] = []
  for (const { small, large } of await shownAt(site))
    for (const link of [small, large]) {
      const answer = await fetch(`${site.url}${link}`)
      expect(answer.status).toBe(200)
      files.push(Buffer.from(await answer.arrayBuffer()))
    }
  return files
}

describe('pictures over libp2p', () => {
  const seen: Buffer[] = []

  it('come to the partner, also when that is killed meanwhile', async () => {
    const pictures = [await upload(10), await upload(120)]
    await brio.kill()
    pictures.push(await upload(230))
    await brio.start()
    await until('all pictures are at the partner', async () => {
      const shown = await shownAt(brio)
      return shown.map(({ picture }) => picture).join() === pictures.join()
    })
    seen.push(...(await filesOf(brio)))
    expect(seen).toHaveLength(6)
    for (const file of seen) expect((await sharp(file).metadata()).format).toBe('webp')
  })

  it('are on no disk in clear', () => {
    expect(sealedAt(amor)).toHaveLength(6)
    expect(sealedAt(brio)).toHaveLength(6)
    // Any stretch of a file would do; these bytes stand nowhere else.
    const needles = seen.map((file) => file.subarray(200, 264))
    for (const path of filesIn(network.root)) {
      const content = contentOf(path)
      expect(needles.filter((needle) => content.includes(needle))).toEqual([])
      expect(content.includes('WEBPVP8 ')).toBe(false)
    }
  })

  it('are gone with the record, keys and files', async () => {
    await amor.api.withdraw([person.id])
    await completed(amor, [record])
    for (const site of [amor, brio]) {
      expect(sealedAt(site)).toEqual([])
      expect(slotsIn(readFileSync(join(site.folder, 'keys')))).toEqual([])
      expect(await shownAt(site)).toEqual([])
    }
  })
})
