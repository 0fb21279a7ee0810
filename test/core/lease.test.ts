import { describe, expect, it } from 'vitest'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import { keysOn } from './stored.ts'
import { A, aMember, aWorld, B, heldBy, put, shownBy } from './world.ts'

const { hideAfterSeconds, eraseAfterSeconds } = DEFAULT_TERMS

async function aPair() {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const record = await put(a, aMember('m1'))
  await world.tick(300)
  expect(await shownBy(b)).toEqual([record])
  const heard = b.site.node.view.heartbeat(A) ?? 0
  return { world, a, b, record, heard }
}

describe('a lease', () => {
  it('hides after hideAfter to the second, and shows again when the home is back', async () => {
    const { world, b, record, heard } = await aPair()
    world.cut(A)
    world.clock.set(heard + hideAfterSeconds - 1)
    expect(await shownBy(b)).toEqual([record])
    world.clock.set(heard + hideAfterSeconds)
    expect(await shownBy(b)).toEqual([])
    expect(await b.site.discovery.get(A, record)).toBeNull()
    await world.tick()
    expect(await heldBy(b, A)).toBe(1)
    await world.heal(A)
    await world.tick(30)
    expect(await shownBy(b)).toEqual([record])
  })

  it('erases after eraseAfter, and a return of the home brings the record again', async () => {
    const { world, b, record, heard } = await aPair()
    world.cut(A)
    world.clock.set(heard + eraseAfterSeconds - 61)
    await world.tick()
    expect(await heldBy(b, A)).toBe(1)
    expect(keysOn(b)).toBe(1)
    await world.tick(120)
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
    await world.heal(A)
    await world.tick(30)
    await world.tick(5)
    expect(await shownBy(b)).toEqual([record])
  })

  it('is closed after a restart until a heartbeat comes', async () => {
    const { world, b, record } = await aPair()
    world.cut(B)
    await world.restart(b)
    expect(await heldBy(b, A)).toBe(1)
    expect(keysOn(b)).toBe(1)
    expect(await shownBy(b)).toEqual([])
    await world.tick()
    expect(await shownBy(b)).toEqual([])
    await world.heal(B)
    await world.tick()
    expect(await shownBy(b)).toEqual([record])
  })

  it('does not open by a heartbeat from before a long absence', async () => {
    const { world, b } = await aPair()
    world.cut(A)
    world.cut(B)
    await world.stop(b)
    world.clock.set(world.clock.now() + hideAfterSeconds + 60)
    await world.heal(B)
    await world.restart(b)
    await world.tick(30)
    expect(await shownBy(b)).toEqual([])
  })

  it('is closed while the clock is years off, either way', async () => {
    const { world, b, record } = await aPair()
    const now = world.clock.now()
    world.clock.set(now - 365 * 86_400)
    expect(await shownBy(b)).toEqual([])
    world.clock.set(now + 365 * 86_400)
    expect(await shownBy(b)).toEqual([])
    world.clock.set(now)
    expect(await shownBy(b)).toEqual([record])
  })

  it('is not renewed for a node that misses entries', async () => {
    const { world, a, b, record, heard } = await aPair()
    // Only heartbeats arrive: the node hears of life, and not of what it lacks.
    world.wrap(B, (handlers) => ({
      ...handlers,
      announcement: async (from, one) => handlers.announcement(from, { ...one, entries: [] }),
    }))
    world.wrap(A, (handlers) => ({
      ...handlers,
      async *sync(_from, request) {
        if (request.kind === 'heads') yield { kind: 'heads', heads: [], peers: [] }
      },
    }))
    world.wrap(world.coordinator.id, (handlers) => ({
      ...handlers,
      async *sync(_from, request) {
        if (request.kind === 'heads') yield { kind: 'heads', heads: [], peers: [] }
      },
    }))
    await a.site.withdrawer.withdraw(['m1'], 'erased', '')
    await world.tick(300)
    expect(b.site.node.view.heartbeat(A)).toBe(heard)
    expect(await shownBy(b)).toEqual([record])
    world.clock.set(heard + hideAfterSeconds)
    expect(await shownBy(b)).toEqual([])
  })
})
