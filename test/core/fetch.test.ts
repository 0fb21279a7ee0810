/**
 * Answers that are out of date when they arrive. `withheld` is final until something changes, and
 * what has changed while the answer was on its way must not be lost: nobody would ask again.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  C,
  NETWORK,
  put,
  shownBy,
  type SiteMachine,
  type World,
} from './world.ts'

let world: World
/** The home, and a partner that asks for its bodies. */
let a: SiteMachine
let b: SiteMachine

beforeEach(async () => {
  world = await aWorld()
  a = await world.addSite(A)
  b = await world.addSite(B, { requirements: { genders: ['man'] } })
})

interface Held {
  /** Lets the requests reach the home, which answers by what it knows then. */
  arrive: () => Promise<void>
  /** Lets its answers go, and all that comes later. */
  release: () => Promise<void>
}

/** Holds up what is asked of the home, on both ways. */
function hold(): Held {
  const there = Promise.withResolvers<undefined>()
  const back = Promise.withResolvers<undefined>()
  world.wrap(A, (handlers: NetworkHandlers) => ({
    ...handlers,
    async *bodies(from, request) {
      await there.promise
      const replies = await Array.fromAsync(handlers.bodies(from, request))
      await back.promise
      yield* replies
    },
  }))
  const arrive = async (): Promise<void> => {
    there.resolve(undefined)
    await world.quiet()
  }
  return {
    arrive,
    release: async () => {
      await arrive()
      world.wrap(A, null)
      back.resolve(undefined)
      await world.quiet()
    },
  }
}

describe('an answer', () => {
  it('under requirements that have changed since it was asked for is asked for again', async () => {
    const asked = hold()
    const woman = await put(a, aMember('m1'))
    await asked.arrive()
    await b.site.demands.put({}, undefined)
    await world.quiet()
    await asked.release()
    await world.tick()
    expect(await shownBy(b)).toEqual([woman])
  })

  it('of a home that has lifted an exclusion since is asked for again', async () => {
    const asked = hold()
    const man = await put(a, aMember('m1', { profile: { gender: 'man' } }))
    await world.quiet()
    world.mute(A, true)
    await a.site.demands.put({}, [B])
    await asked.arrive()
    world.mute(A, false)
    await a.site.demands.put({}, [])
    await world.quiet()
    await asked.release()
    await world.tick()
    expect(await shownBy(b)).toEqual([man])
  })

  it('of a home that excluded and included again, both told at once, is asked for again', async () => {
    const asked = hold()
    const man = await put(a, aMember('m1', { profile: { gender: 'man' } }))
    await world.quiet()
    world.mute(A, true)
    await a.site.demands.put({}, [B])
    await asked.release()
    await world.tick()
    expect(await shownBy(b)).toEqual([])
    world.mute(A, false)
    await a.site.demands.put({}, [])
    await world.quiet()
    await world.tick()
    expect(await shownBy(b)).toEqual([man])
  })

  it('of a home that does not know yet that it is reinstated is asked for again', async () => {
    const { admission } = world.coordinator.coordinator
    await admission.measure('suspend', A, 'terms')
    await world.quiet()
    world.cut(NETWORK, A)
    const man = await put(a, aMember('m1', { profile: { gender: 'man' } }))
    await admission.measure('reinstate', A, 'terms')
    await world.quiet()
    await world.tick()
    expect(await shownBy(b)).toEqual([])
    await world.heal(NETWORK, A)
    await world.tick(5)
    await world.tick(5)
    expect(await shownBy(b)).toEqual([man])
  })

  it('by a clock on which it is still the day before is asked for again in a while', async () => {
    const evening = world.clock.now() - (world.clock.now() % 86_400) + 86_300
    world.clock.set(evening)
    await world.tick()
    let isBehind = true
    world.wrap(A, (handlers) => ({
      ...handlers,
      async *bodies(from, request) {
        if (!isBehind) yield* handlers.bodies(from, request)
        else yield { answers: request.indexes.map((index) => ({ kind: 'withheld', index })) }
      },
    }))
    const man = await put(a, aMember('m1', { profile: { gender: 'man' } }))
    await world.tick(160)
    expect(await shownBy(b)).toEqual([])
    isBehind = false
    await world.tick(60)
    expect(await shownBy(b)).toEqual([])
    await world.tick(300)
    await world.tick()
    expect(await shownBy(b)).toEqual([man])
  })

  it('of a relay ends with the silence of the home, also where the asker starts anew', async () => {
    const c = await world.addSite(C)
    world.wrap(C, (handlers) => ({
      ...handlers,
      async *bodies(_from, request) {
        yield { answers: request.indexes.map((index) => ({ kind: 'gone', index })) }
      },
    }))
    world.cut(A, B)
    const man = await put(a, aMember('m1', { profile: { gender: 'man' } }))
    await world.tick(30)
    await world.tick(30)
    expect(await shownBy(c)).toEqual([man])
    expect(await b.ports.store.read((tx) => tx.records.get(A, man))).not.toBeNull()
    expect(await b.ports.store.read((tx) => tx.records.wanted(A, -1, 1))).toEqual([])
    await world.restart(b)
    expect(await shownBy(b)).toEqual([])
    await world.heal(A, B)
    await world.tick()
    expect(await shownBy(b)).toEqual([man])
  })
})
