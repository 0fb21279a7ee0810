import { describe, expect, it } from 'vitest'
import { aStore } from './builders.ts'
import { aBody, aState, HOME, OTHER, range, recordOf } from './rows.ts'

describe('records', () => {
  it('saves, replaces, and finds by record and by index', async () => {
    const store = await aStore()
    const states = range(600).map((n) => aState(n))
    const newer = aState(3, { index: 600, version: 2 })
    const ended = aState(4, { live: false, endIndex: 601, firstIndex: -1 })
    await store.write(async (tx) => {
      await tx.records.save(HOME, states, true)
      await tx.records.save(HOME, [newer, ended], true)
    })
    await store.read(async (tx) => {
      expect(await tx.records.get(HOME, recordOf(3))).toEqual(newer)
      expect(await tx.records.get(HOME, recordOf(900))).toBeNull()
      expect(await tx.records.get(OTHER, recordOf(3))).toBeNull()
      const many = await tx.records.getMany(HOME, range(700).map(recordOf))
      expect(many).toHaveLength(600)
      expect(many).toContainEqual(ended)
      expect(await tx.records.atIndexes(HOME, [3, 5, 600])).toEqual([states[5], newer])
      expect(await tx.records.ended(HOME, -1, 10)).toEqual([ended])
      expect(await tx.records.ended(HOME, 601, 10)).toEqual([])
      expect(await tx.records.counts(HOME)).toEqual({ live: 599, withdrawn: 1, held: 0 })
    })
  })

  it('wants the bodies of live records, by index, until asked for', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.records.save(HOME, [aState(1), aState(2), aState(3, { live: false })], true)
      await tx.records.save(HOME, [aState(4)], false)
      await tx.records.save(HOME, [aState(5)], true)
    })
    const wanted = (above: number, limit = 10): Promise<number[]> =>
      store.read(async (tx) => (await tx.records.wanted(HOME, above, limit)).map((s) => s.index))
    expect(await wanted(-1)).toEqual([1, 2, 5])
    expect(await wanted(1, 1)).toEqual([2])
    await store.write((tx) => tx.records.setAsked(HOME, [2]))
    expect(await wanted(-1)).toEqual([1, 5])
    await store.write(async (tx) => {
      await tx.bodies.insert(HOME, [aBody(5)])
      await tx.records.wantAll(HOME)
    })
    expect(await wanted(-1)).toEqual([1, 2, 4])
    await store.write((tx) => tx.bodies.doom(HOME, [5]))
    await store.write((tx) => tx.records.wantAll(HOME))
    expect(await wanted(-1)).toEqual([1, 2, 4, 5])
  })

  it('finds expired live records and ends those below a size', async () => {
    const store = await aStore()
    await store.write((tx) =>
      tx.records.save(HOME, [aState(1), aState(2), aState(3), aState(4, { live: false })], true),
    )
    const expired = await store.read((tx) => tx.records.expired(HOME, 2_002, 10))
    expect(expired.map((state) => state.index)).toEqual([1, 2])
    await store.write((tx) => tx.records.endBelow(HOME, 3))
    await store.read(async (tx) => {
      expect(await tx.records.counts(HOME)).toEqual({ live: 1, withdrawn: 3, held: 0 })
      expect(await tx.records.wanted(HOME, -1, 10)).toEqual([aState(3)])
      expect(await tx.records.expired(HOME, 9_000, 10)).toEqual([aState(3)])
    })
  })

  it('keeps the first of two pending withdrawals of a record', async () => {
    const store = await aStore()
    const first = { record: recordOf(1), reason: 'erased' as const, time: 5, notice: 'a' }
    const second = { record: recordOf(2), reason: 'expired' as const, time: 4, notice: 'b' }
    await store.write(async (tx) => {
      await tx.records.addPending(first)
      await tx.records.addPending({ ...first, time: 9 })
      await tx.records.addPending(second)
    })
    expect(await store.read((tx) => tx.records.pendingWithdrawals())).toEqual([second, first])
    await store.write((tx) => tx.records.removePending(recordOf(1)))
    expect(await store.read((tx) => tx.records.pendingWithdrawals())).toEqual([second])
  })
})
