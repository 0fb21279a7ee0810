import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Requirements } from '../../protocol/requirements.ts'
import { aStore } from './builders.ts'
import { bytesOf, HOME, OTHER, range } from './rows.ts'

const hashes = (size: number): Uint8Array[] =>
  range(size.toString(2).replaceAll('0', '').length).map((n) => bytesOf(`hash ${n}`))
const batch = (from: number, count: number) => ({
  from,
  entries: range(count).map((n) => bytesOf(`entry ${from + n}`)),
  range: { size: from + count, hashes: hashes(from + count) },
  tiles: [{ level: 0, index: 0, hashes: bytesOf(`tile ${from + count}`) }],
})

describe('logs', () => {
  it('appends entries and gives them back by range and by index', async () => {
    const store = await aStore()
    await store.write((tx) => tx.logs.append(HOME, batch(0, 700)))
    await store.write((tx) => tx.logs.append(HOME, batch(700, 3)))
    await store.read(async (tx) => {
      const log = await tx.logs.get(HOME)
      expect(log).toEqual({
        site: HOME,
        size: 703,
        range: { size: 703, hashes: hashes(703) },
        note: null,
        heartbeat: null,
        requirements: null,
      })
      const entries = await tx.logs.entries(HOME, 698, 900)
      expect(entries).toEqual([698, 699, 700, 701, 702].map((n) => bytesOf(`entry ${n}`)))
      expect(await tx.logs.entriesAt(HOME, [0, 702, 703])).toEqual(
        new Map([
          [0, bytesOf('entry 0')],
          [702, bytesOf('entry 702')],
        ]),
      )
      expect(await tx.logs.tile(HOME, 0, 0)).toEqual(bytesOf('tile 703'))
      expect(await tx.logs.tile(HOME, 1, 0)).toBeNull()
    })
  })

  it('knows nothing of a log that it has never seen', async () => {
    const store = await aStore()
    await store.read(async (tx) => {
      expect(await tx.logs.get(HOME)).toBeNull()
      expect(await tx.logs.all()).toEqual([])
      expect(await tx.logs.entries(HOME, 0, 9)).toEqual([])
      expect(await tx.logs.tile(HOME, 0, 0)).toBeNull()
    })
  })

  it('refuses to append at a size that the log has not, and changes nothing', async () => {
    const store = await aStore()
    await store.write((tx) => tx.logs.append(HOME, batch(0, 5)))
    for (const from of [0, 4, 6]) {
      const appending = store.write((tx) => tx.logs.append(HOME, batch(from, 2)))
      await expect(appending).rejects.toThrow(ProtocolError)
      await expect(appending).rejects.toMatchObject({ code: 'conflict' })
    }
    expect((await store.read((tx) => tx.logs.get(HOME)))?.size).toBe(5)
  })

  it('keeps the newest checkpoint, heartbeat and requirements of each log', async () => {
    const store = await aStore()
    const requirements: Requirements = { ageMin: 20, countries: ['DE'] }
    const published = { requirements, excludes: [OTHER], index: 3 }
    await store.write(async (tx) => {
      await tx.logs.saveCheckpoint(HOME, 'note', 7)
      await tx.logs.saveCheckpoint(HOME, 'newer note', 8)
      await tx.logs.saveRequirements(HOME, published)
      await tx.logs.saveRequirements(OTHER, { ...published, index: 9 })
    })
    const logs = await store.read((tx) => tx.logs.all())
    const rest = { size: 0, range: { size: 0, hashes: [] } }
    expect(logs).toEqual([
      { site: HOME, note: 'newer note', heartbeat: 8, requirements: published, ...rest },
      {
        site: OTHER,
        note: null,
        heartbeat: null,
        requirements: { ...published, index: 9 },
        ...rest,
      },
    ])
  })
})
