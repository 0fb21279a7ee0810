import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../node/store/database.ts'
import { keysOn } from './stored.ts'
import { A, aMember, aWorld, B, C, heldBy, put, shownBy } from './world.ts'

/** A home with two members, rolled back to when it had one and nobody had withdrawn. */
async function aRollback() {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const first = await put(a, aMember('m1'))
  await world.tick(300)
  const snapshot = world.snapshot(a)
  const second = await put(a, aMember('m2'))
  await world.tick(60)
  await a.site.withdrawer.withdraw(['m1'], 'consent-withdrawn', '')
  await world.tick(300)
  return { world, a, b, first, second, snapshot }
}

const NOT_READY = { code: 'not_ready' }

describe('a home behind what others have witnessed', () => {
  it('writes nothing while it is alone', async () => {
    const { world, a, snapshot } = await aRollback()
    world.cut(A)
    await world.rollBack(a, snapshot)
    await world.tick(300)
    expect(a.site.node.writer.isWritable()).toBe(false)
    await expect(put(a, aMember('m3'))).rejects.toMatchObject(NOT_READY)
    await expect(a.site.demands.put({}, [])).rejects.toMatchObject(NOT_READY)
    const log = await a.ports.store.read((tx) => tx.logs.get(A))
    expect(log?.size).toBe(2)
  })

  it('fetches what it misses, ends what was withdrawn, and goes on without a fork', async () => {
    const { world, a, b, first, second, snapshot } = await aRollback()
    await world.rollBack(a, snapshot)
    await world.tick(30)
    await world.tick(30)
    expect(a.site.node.writer.isWritable()).toBe(true)
    expect((await a.ports.store.read((tx) => tx.logs.get(A)))?.size).toBe(4)
    expect(await a.site.members.get('m1')).toBeNull()
    expect((await a.ports.store.read((tx) => tx.records.get(A, first)))?.live).toBe(false)
    const third = await put(a, aMember('m3'))
    await world.tick(30)
    expect((await shownBy(b)).toSorted()).toEqual([second, third].toSorted())
    expect(world.events.filter(({ type }) => type === 'log.forked')).toEqual([])
    // The body of the second member came back from the partner, and with it the member.
    expect((await a.site.members.get('m2'))?.record).toBe(second)
    expect(keysOn(a)).toBe(2)
  })

  it('does not let the old consent of a withdrawn member publish it again', async () => {
    const { world, a, snapshot } = await aRollback()
    await world.rollBack(a, snapshot)
    await world.tick(30)
    await world.tick(30)
    await expect(put(a, aMember('m1'))).rejects.toMatchObject({ code: 'no_consent' })
  })

  it('that was restored from a backup waits for everybody who is active', async () => {
    const { world, a, b, snapshot } = await aRollback()
    world.cut(B)
    await world.rollBack(a, snapshot)
    await a.ports.store.write((tx) => tx.desk.setSetting('restored', '1'))
    await world.restart(a)
    await world.tick(30)
    expect(a.site.node.writer.isWritable()).toBe(false)
    await world.heal(B)
    await world.tick(30)
    expect(a.site.node.writer.isWritable()).toBe(true)
    expect(await heldBy(b, A)).toBe(1)
  })

  it('that has lost its whole log does not begin a second one', async () => {
    const { world, a } = await aRollback()
    await world.addSite(C)
    const database = await openDatabase(':memory:')
    const blank = database.serialize()
    await database.close()
    // The registry arrives before the heads do: nothing may be written in between.
    const before = world.events.length
    await world.rollBack(a, blank)
    await world.tick(30)
    await world.tick(30)
    const sizes = world.events
      .slice(before)
      .flatMap((event) => (event.type === 'log.writable' ? [event.size] : []))
    expect(sizes).toEqual([4])
    await put(a, aMember('m4'))
    await world.tick(30)
    expect(world.events.filter(({ type }) => type === 'log.forked')).toEqual([])
  })

  it('keeps a withdrawal that was asked for while it could not write, over a restart', async () => {
    const { world, a, b, second, snapshot } = await aRollback()
    world.cut(A)
    await world.rollBack(a, snapshot)
    await a.site.withdrawer.withdraw(['m1'], 'consent-withdrawn', 'n7')
    await world.restart(a)
    expect(await a.ports.store.read((tx) => tx.records.pendingWithdrawals())).toHaveLength(1)
    await world.heal(A)
    await world.tick(30)
    await world.tick(30)
    expect(await a.ports.store.read((tx) => tx.records.pendingWithdrawals())).toEqual([])
    expect(await shownBy(b)).toEqual([second])
  })
})

describe('a partner behind', () => {
  it('shows nothing that was withdrawn since, once it shows anything', async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const b = await world.addSite(B)
    await put(a, aMember('m1'))
    const kept = await put(a, aMember('m2'))
    await world.tick(300)
    const snapshot = world.snapshot(b)
    await a.site.withdrawer.withdraw(['m1'], 'consent-withdrawn', '')
    await world.tick(300)
    world.cut(B)
    await world.rollBack(b, snapshot)
    expect(await shownBy(b)).toEqual([])
    await world.heal(B)
    await world.tick(30)
    await world.tick(5)
    expect(await shownBy(b)).toEqual([kept])
    expect(keysOn(b)).toBe(1)
  })
})
