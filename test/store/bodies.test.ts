import { describe, expect, it } from 'vitest'
import { aStore } from './builders.ts'
import { aBody, aState, bytesOf, holdBodies, HOME, OTHER, range, recordOf } from './rows.ts'

describe('bodies', () => {
  it('keeps bodies of live records at exactly their index, and they are wanted no more', async () => {
    const store = await aStore()
    const states = [aState(1), aState(2, { live: false }), aState(3, { index: 30 }), aState(5)]
    await store.write((tx) => tx.records.save(HOME, states, true))
    const otherRecord = aBody(5, { record: recordOf(55) })
    const offered = [aBody(1), aBody(2), aBody(3), aBody(4), otherRecord]
    expect(await store.write((tx) => tx.bodies.insert(HOME, offered))).toEqual([1])
    expect(await store.write((tx) => tx.bodies.insert(OTHER, [aBody(1)]))).toEqual([])
    await store.read(async (tx) => {
      const found = await tx.bodies.atIndexes(HOME, range(40))
      expect(found).toEqual([{ ...aBody(1), home: HOME }])
      expect((await tx.records.wanted(HOME, -1, 10)).map((s) => s.index)).toEqual([5, 30])
      expect(await tx.bodies.ofRecord(HOME, recordOf(1))).toEqual({ ...aBody(1), home: HOME })
      expect(await tx.bodies.ofRecord(HOME, recordOf(2))).toBeNull()
    })
  })

  it('does not let a body slip in after its withdrawal', async () => {
    const store = await aStore()
    await store.write((tx) => tx.records.save(HOME, [aState(1)], true))
    await store.write((tx) => tx.records.save(HOME, [aState(1, { live: false })], true))
    expect(await store.write((tx) => tx.bodies.insert(HOME, [aBody(1)]))).toEqual([])
    expect(await store.read((tx) => tx.bodies.slots())).toEqual([])
  })

  it('keeps the body it has where the same one is offered again', async () => {
    const store = await aStore()
    await holdBodies(store, [1])
    const again = aBody(1, { sealed: { slot: 77, ciphertext: bytesOf('again') } })
    expect(await store.write((tx) => tx.bodies.insert(HOME, [again]))).toEqual([])
    expect(await store.read((tx) => tx.bodies.slots())).toEqual([1])
  })

  it('keeps more bodies than fit one statement', async () => {
    const store = await aStore()
    await holdBodies(store, range(1_234))
    const found = await store.read((tx) => tx.bodies.atIndexes(HOME, range(2_000)))
    expect(new Set(found.map((body) => body.index)).size).toBe(1_234)
    for (const body of found) expect(body).toEqual({ ...aBody(body.index), home: HOME })
  })

  it('gives columns by index in pages', async () => {
    const store = await aStore()
    await holdBodies(store, [1, 2, 3])
    const { sealed: _, ...columns } = aBody(2)
    expect(await store.read((tx) => tx.bodies.columns(HOME, 1, 1))).toEqual([columns])
  })

  it('hides doomed bodies at once and removes only those', async () => {
    const store = await aStore()
    await holdBodies(store, [1, 2, 3, 4])
    await store.write(async (tx) => {
      await tx.bodies.doom(HOME, [1])
      await tx.records.save(HOME, [aState(2, { live: false })], true)
      await tx.bodies.doomStale(HOME)
    })
    const doomed = [1, 2].map((n) => ({ home: HOME, index: n, slot: n }))
    await store.read(async (tx) => {
      expect(await tx.bodies.doomed(10)).toEqual(doomed)
      expect((await tx.bodies.atIndexes(HOME, range(9))).map((b) => b.index)).toEqual([3, 4])
      expect((await tx.bodies.columns(HOME, -1, 9)).map((b) => b.index)).toEqual([3, 4])
      expect(await tx.bodies.ofRecord(HOME, recordOf(1))).toBeNull()
      expect(await tx.bodies.slots()).toEqual([1, 2, 3, 4])
      expect((await tx.records.counts(HOME)).held).toBe(2)
    })
    await store.write((tx) => tx.bodies.remove([...doomed, { home: HOME, index: 3 }]))
    await store.write((tx) => tx.bodies.doom(HOME, 'all'))
    await store.read(async (tx) => {
      expect(await tx.bodies.slots()).toEqual([3, 4])
      expect(await tx.bodies.doomed(1)).toEqual([{ home: HOME, index: 3, slot: 3 }])
    })
  })
})
