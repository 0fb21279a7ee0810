import { describe, expect, it } from 'vitest'
import type { Store } from '../../node/core/store.ts'
import type { Ballast } from '../../node/store/ballast.ts'
import { openDatabase, type Database } from '../../node/store/database.ts'
import { createStore } from '../../node/store/store.ts'
import { aFolder, aStore } from './builders.ts'
import { aMember, aState, HOME, OTHER, OWN, range } from './rows.ts'

function fakeBallast(): Ballast & { released: number; restored: number } {
  const ballast = {
    released: 0,
    restored: 0,
    release() {
      ballast.released += 1
      return ballast.released === 1
    },
    restore() {
      ballast.restored += 1
    },
  }
  return ballast
}
const diskFull = (): Error => Object.assign(new Error('full'), { code: 'SQLITE_FULL' })

async function fileDatabase(): Promise<Database> {
  return openDatabase(aFolder().database)
}

describe('createStore', () => {
  it('leaves nothing of a write that rejects, the numbers of new sites included', async () => {
    const store = await aStore()
    const failing = store.write(async (tx) => {
      await tx.records.save(HOME, [aState(1)], true)
      await tx.members.save([aMember(1)])
      await tx.desk.setSetting('name', 'value')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await store.write((tx) => tx.records.save(OTHER, [aState(2)], true))
    await store.read(async (tx) => {
      expect(await tx.records.get(HOME, aState(1).record)).toBeNull()
      expect(await tx.records.counts(HOME)).toEqual({ live: 0, withdrawn: 0, held: 0 })
      expect(await tx.records.counts(OTHER)).toEqual({ live: 1, withdrawn: 0, held: 0 })
      expect(await tx.members.count()).toBe(0)
      expect(await tx.desk.setting('name')).toBeNull()
    })
  })

  it('goes on after a statement failed inside a write', async () => {
    const store = await aStore()
    const twice = { ...aMember(2), record: aMember(1).record }
    await expect(store.write((tx) => tx.members.save([aMember(1), twice]))).rejects.toThrow(
      'UNIQUE',
    )
    await store.write((tx) => tx.members.save([aMember(1)]))
    expect(await store.read((tx) => tx.members.count())).toBe(1)
  })

  it('runs one write at a time', async () => {
    const store = await aStore()
    const add = async (): Promise<void> =>
      store.write(async (tx) => {
        const before = Number((await tx.desk.setting('count')) ?? '0')
        await new Promise((resolve) => setImmediate(resolve))
        await tx.desk.setSetting('count', String(before + 1))
      })
    await Promise.all(range(20).map(add))
    expect(await store.read((tx) => tx.desk.setting('count'))).toBe('20')
  })

  it('lets a write go before reads that wait, and a read before further writes', async () => {
    const store = await aStore()
    const order: string[] = []
    const read = (name: string): Promise<void> => store.read(async () => void order.push(name))
    const write = (name: string): Promise<void> => store.write(async () => void order.push(name))
    await Promise.all([read('r1'), read('r2'), read('r3'), write('w1'), write('w2')])
    expect(order).toEqual(['r1', 'w1', 'r2', 'w2', 'r3'])
  })

  it('fails at once where a transaction asks the store instead of what it was handed', async () => {
    const store = await aStore()
    const count = () => store.read((tx) => tx.members.count())
    const bug = 'only the one that was handed out'
    await expect(store.read(count)).rejects.toThrow(bug)
    await expect(store.write(count)).rejects.toThrow(bug)
    await expect(store.write(() => store.write(async () => 1))).rejects.toThrow(bug)
    expect(await count()).toBe(0)
  })

  it('lets what a transaction has begun ask after its end', async () => {
    const store = await aStore()
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    let later = Promise.resolve(-1)
    await store.write(async () => {
      later = ended.then(() => store.read((tx) => tx.members.count()))
    })
    end()
    expect(await later).toBe(0)
  })

  it('erases on a full disk by giving the ballast free and trying once more', async () => {
    const database = await openDatabase(':memory:')
    const ballast = fakeBallast()
    const store: Store = createStore({ database, site: OWN, ballast })
    let attempts = 0
    const work: Parameters<Store['write']>[0] = async (tx) => {
      attempts += 1
      await tx.desk.setSetting('attempt', String(attempts))
      if (attempts === 1) throw diskFull()
    }
    await store.write(work, 'erase')
    expect(await store.read((tx) => tx.desk.setting('attempt'))).toBe('2')
    expect(ballast.released).toBe(1)
    await store.settle()
    expect(ballast.restored).toBe(1)
    await database.close()
  })

  it('keeps the ballast from writes that do not erase', async () => {
    const database = await openDatabase(':memory:')
    const ballast = fakeBallast()
    const store = createStore({ database, site: OWN, ballast })
    await expect(store.write(() => Promise.reject(diskFull()))).rejects.toThrow('full')
    expect(ballast.released).toBe(0)
    await database.close()
  })

  it('settles only when no reader is in the way, and says so when one stays', async () => {
    const database = await fileDatabase()
    let attempts = 0
    const pause = async (): Promise<void> => void (attempts += 1)
    const busy = createStore({
      database: { ...database, checkpoint: () => attempts === 3 },
      site: OWN,
      pause,
    })
    await busy.settle()
    expect(attempts).toBe(3)
    const stuck = createStore({
      database: { ...database, checkpoint: () => false },
      site: OWN,
      pause,
    })
    await expect(stuck.settle()).rejects.toThrow('in use')
    await database.close()
  })
})
