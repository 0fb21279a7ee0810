/** What the module is given: a few records at a time, and never one that may not be shown. */
import { describe, expect, it } from 'vitest'
import {
  OFFER_SECONDS,
  OFFER_TRIES,
  OPEN_OFFERS,
  REMOVAL_SECONDS,
  UPDATE_SECONDS,
  UPDATES,
  type ModuleProfile,
} from '../../../node/core/bridge/delivery/deliveries.ts'
import { toUtf8 } from '../../../protocol/bytes.ts'
import { DEFAULT_TERMS } from '../../../protocol/registry.ts'
import { A, aMember, B, put } from '../world.ts'
import { aBridge, deliveriesOf, PUBLIC_URL } from './fixture.ts'

/** Numbers and ids in an order of their own. */
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1)

const { hideAfterSeconds, erasureDeadlineSeconds } = DEFAULT_TERMS

describe('offers', () => {
  it('are records of other sites in the words of the module, each under a number of its own', async () => {
    const { deliveries, publish, b } = await aBridge()
    await put(b, aMember('own'))
    const ann = await publish('ann', { nickname: "Ann's" })
    const bea = await publish('bea', { nickname: 'Bea', gender: 'man', seeks: ['any'] })
    const offers = await deliveries.offers()
    expect(offers.map(({ nickname }) => nickname).toSorted(byText)).toEqual(['Ann&#39;s', 'Bea'])
    const [first, second] = offers
    expect(first?.id).not.toBe(second?.id)
    const records = await Promise.all(offers.map(({ id }) => deliveries.recordOf(id)))
    expect(records.map((one) => one?.record).toSorted(byText)).toEqual([ann, bea].toSorted(byText))
    expect(await deliveries.offers()).toEqual([])
  })

  it('leave out whom the module has no words for', async () => {
    const { deliveries, publish } = await aBridge()
    await publish('ann', { gender: 'non-binary' })
    await publish('bea', { seeks: ['self-described'] })
    expect(await deliveries.offers()).toEqual([])
  })

  it('are five at most until they are confirmed', async () => {
    const { deliveries, publish } = await aBridge()
    for (let n = 0; n < OPEN_OFFERS + 3; n += 1) await publish(`m${n}`)
    const first = (await deliveries.offers()).map(({ id }) => id)
    expect(first).toHaveLength(OPEN_OFFERS)
    expect(await deliveries.offers()).toEqual([])
    await deliveries.added(first.slice(0, 2))
    expect(await deliveries.offers()).toHaveLength(2)
    await deliveries.added(first.slice(2))
    expect(await deliveries.offers()).toHaveLength(1)
  })

  it('are repeated, and given up after some tries; a late confirmation counts', async () => {
    const { deliveries, publish, pass } = await aBridge()
    await publish('ann')
    const [offer] = await deliveries.offers()
    const id = offer?.id ?? 0
    for (let n = 1; n < OFFER_TRIES; n += 1) {
      await pass(OFFER_SECONDS)
      expect((await deliveries.offers()).map((one) => one.id)).toEqual([id])
      expect(await deliveries.offers()).toEqual([])
    }
    await pass(OFFER_SECONDS)
    expect(await deliveries.offers()).toEqual([])
    const record = (await deliveries.recordOf(id))?.record
    expect(await deliveries.netIdOf(A, record ?? ('' as never))).toBeNull()
    await deliveries.added([id])
    expect(await deliveries.netIdOf(A, record ?? ('' as never))).toBe(id)
  })

  it('are not made to a module that cannot remove, or of which that is not known', async () => {
    const { deliveries, publish, module } = await aBridge()
    await publish('ann')
    for (const canRemove of ['no', 'unknown'] as const) {
      module.canRemove = canRemove
      expect(await deliveries.offers()).toEqual([])
    }
    module.canRemove = 'yes'
    expect(await deliveries.offers()).toHaveLength(1)
  })

  it('stop while a removal is overdue, and go on when it is confirmed', async () => {
    const { deliveries, publish, take, pass, a } = await aBridge()
    await publish('ann')
    const [id = 0] = await take()
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await publish('bea')
    await pass(erasureDeadlineSeconds)
    expect(await deliveries.removals()).toEqual([id])
    expect(await deliveries.offers()).toEqual([])
    expect(await deliveries.updates()).toEqual([])
    expect(await deliveries.removed([id])).toEqual([])
    expect(await deliveries.offers()).toHaveLength(1)
  })

  it('are found one by one by a walk that rests when there is no news', async () => {
    const { deliveries, publish, take, b } = await aBridge()
    for (let n = 0; n < 7; n += 1) await publish(`m${n}`)
    expect(await take()).toHaveLength(5)
    expect(await take()).toHaveLength(2)
    expect(await take()).toEqual([])
    const { list } = b.site.discovery
    let lists = 0
    b.site.discovery.list = (filter) => {
      lists += 1
      return list(filter)
    }
    expect(await take()).toEqual([])
    expect(await deliveries.offers()).toEqual([])
    expect(lists).toBe(0)
    // What the feed names is offered without a walk.
    await publish('late')
    expect(await deliveries.offers()).toHaveLength(1)
    expect(lists).toBe(0)
  })

  it('go on after a restart with the same numbers, and repeat nothing that is here', async () => {
    const bridged = await aBridge()
    const { publish, take, pass } = bridged
    const ann = await publish('ann')
    const [id = 0] = await take()
    await publish('bea')
    const [open] = await bridged.deliveries.offers()
    await bridged.restart()
    // The node has heard of nobody yet: nothing is removed for that.
    await bridged.deliveries.tick()
    expect(await bridged.deliveries.removals()).toEqual([])
    await pass()
    expect(await bridged.deliveries.removals()).toEqual([])
    expect(await bridged.deliveries.netIdOf(A, ann)).toBe(id)
    expect(await bridged.deliveries.offers()).toEqual([])
    await pass(OFFER_SECONDS)
    expect((await bridged.deliveries.offers()).map((one) => one.id)).toEqual([open?.id])
  })
})

describe('removals', () => {
  it('come for whoever has withdrawn, every ten minutes until the module confirms', async () => {
    const { deliveries, publish, take, pass, a } = await aBridge()
    const ann = await publish('ann')
    const [id = 0] = await take()
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    expect(await deliveries.removals()).toEqual([id])
    expect(await deliveries.removals()).toEqual([])
    await pass(REMOVAL_SECONDS)
    expect(await deliveries.removals()).toEqual([id])
    expect(await deliveries.netIdOf(A, ann)).toBeNull()
    expect(await deliveries.recordOf(id)).toBeNull()
    expect(await deliveries.removed([id, 77])).toEqual([77])
    expect(await deliveries.removals()).toEqual([])
  })

  it('come for one that was offered and not confirmed: it may wait in the queue of the module', async () => {
    const { deliveries, publish, pass, a } = await aBridge()
    await publish('ann')
    const [offer] = await deliveries.offers()
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    await deliveries.added([offer?.id ?? 0])
    expect(await deliveries.removals()).toEqual([offer?.id])
    expect(await deliveries.offers()).toEqual([])
  })

  it('come for whom the requirements do not let in any more', async () => {
    const { deliveries, publish, take, pass, b } = await aBridge()
    await publish('ann')
    const [id] = await take()
    await b.site.demands.put({ genders: ['man'] }, undefined)
    await pass()
    expect(await deliveries.removals()).toEqual([id])
  })

  it('come for all of a home that is silent; it is offered anew under new numbers', async () => {
    const { deliveries, publish, take, pass, world } = await aBridge()
    for (const id of ['ann', 'bea']) await publish(id)
    const before = await take()
    world.cut(A)
    await pass(hideAfterSeconds + 120)
    expect((await deliveries.removals()).toSorted(byText)).toEqual(before.toSorted(byText))
    await world.heal(A)
    await pass(REMOVAL_SECONDS)
    const again = await take()
    expect(again).toHaveLength(2)
    expect(again.some((id) => before.includes(id))).toBe(false)
    expect((await deliveries.removals()).toSorted(byText)).toEqual(before.toSorted(byText))
  })

  it('come after a restart for a home that stays silent', async () => {
    const bridged = await aBridge()
    const { publish, take, pass, world } = bridged
    await publish('ann')
    const [id] = await take()
    world.cut(A)
    await pass(3600)
    await bridged.restart()
    await bridged.deliveries.tick()
    await pass(3600)
    expect(await bridged.deliveries.removals()).toEqual([])
    await pass(hideAfterSeconds)
    expect(await bridged.deliveries.removals()).toEqual([id])
  })

  it('come after a restore for whom the backup knows, and who has withdrawn since', async () => {
    const bridged = await aBridge()
    const { publish, take, pass, world, a, b } = bridged
    await publish('ann')
    await publish('bea')
    const before = await take()
    const backup = world.snapshot(b)
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    const [gone = 0] = await bridged.deliveries.removals()
    await bridged.deliveries.removed([gone])
    await world.rollBack(b, backup)
    bridged.deliveries = deliveriesOf(b, bridged.module)
    await pass()
    await pass(3600)
    expect(await bridged.deliveries.removals()).toContain(gone)
    expect(await bridged.deliveries.recordOf(gone)).toBeNull()
    const kept = before.find((id) => id !== gone) ?? 0
    expect(await bridged.deliveries.recordOf(kept)).not.toBeNull()
  })

  it('come also where the feed has a gap, by asking about everything', async () => {
    const { deliveries, publish, take, a, b, world } = await aBridge()
    await publish('ann')
    const [id] = await take()
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await world.pass(60)
    await b.site.feed.store.write((tx) => tx.feed.purge(world.clock.now() + 1, 0))
    await b.site.feed.store.write((tx) => tx.desk.setSetting('bridge-feed', 'another-1'))
    await deliveries.tick()
    expect(await deliveries.removals()).toEqual([id])
  })

  it('are not made by a record that the module itself has removed, and it is not offered again', async () => {
    const { deliveries, publish, take, pass, a, b } = await aBridge()
    const ann = await publish('ann')
    const [id = 0] = await take()
    expect(await deliveries.removed([id])).toEqual([])
    expect(await deliveries.recordOf(id)).toBeNull()
    await publish('bea')
    expect((await take()).length).toBe(1)
    await pass(7200)
    expect(await deliveries.offers()).toEqual([])
    const rows = () => b.site.feed.store.read((tx) => tx.bridge.deliveriesOf(A, [ann]))
    expect(await rows()).toHaveLength(1)
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    expect(await deliveries.removals()).toEqual([])
    expect(await rows()).toEqual([])
  })
})

describe('updates', () => {
  it('carry a newer version once, whole', async () => {
    const { deliveries, publish, take } = await aBridge()
    await publish('ann', { city: 'Leeds' })
    const [id] = await take()
    expect(await deliveries.updates()).toEqual([])
    await publish('ann', { nickname: 'Annie' })
    const [update] = await deliveries.updates()
    expect(update).toMatchObject({ id, nickname: 'Annie', fname: '', city: 'Leeds' })
    expect(await deliveries.updates()).toEqual([])
  })

  it('are few in a time', async () => {
    const { deliveries, publish, take, pass } = await aBridge()
    const all = Array.from({ length: UPDATES + 2 }, (_, n) => `m${n}`)
    for (const id of all) await publish(id)
    while ((await take()).length > 0);
    for (const id of all) await publish(id, { nickname: `New ${id}` })
    await pass()
    expect(await deliveries.updates()).toHaveLength(UPDATES)
    expect(await deliveries.updates()).toEqual([])
    await pass(UPDATE_SECONDS)
    expect(await deliveries.updates()).toHaveLength(2)
  })

  it('become a removal where the module has no words for the new version', async () => {
    const { deliveries, publish, take } = await aBridge()
    await publish('ann')
    const [id] = await take()
    await publish('ann', { gender: 'non-binary' })
    expect(await deliveries.updates()).toEqual([])
    expect(await deliveries.removals()).toEqual([id])
    expect(await deliveries.offers()).toEqual([])
  })
})

/** The name at the end of the address of the main picture. */
const nameOf = (profile: ModuleProfile | undefined): string =>
  (profile?.['icon'] as string | undefined)?.split('/').at(-1) ?? ''
const upload = (text: string): Uint8Array => toUtf8(`picture ${text}`)

describe('pictures', () => {
  it('have addresses by which they are had as JPEG while the record may be shown', async () => {
    const { deliveries, publish, take, pass, a } = await aBridge()
    await publish('ann')
    for (const at of [0, 1, 2]) await a.site.ownPictures.add('ann', upload(`${at}`))
    await pass()
    const [offer] = await deliveries.offers()
    const id = offer?.id ?? 0
    const addresses = [offer?.['icon'], ...((offer?.['photos'] ?? []) as string[])].map(String)
    expect(addresses).toHaveLength(3)
    const names = addresses.map((address) => {
      expect(address).toMatch(/^https:\/\/node\.beau\.example\/bridge\/p\/\d+\/[0-9a-f]{32}\.jpg$/)
      expect(address.startsWith(`${PUBLIC_URL}/bridge/p/${id}/`)).toBe(true)
      return address.split('/').at(-1) ?? ''
    })
    for (const name of names)
      expect((await deliveries.picture(id, name))?.bytes.subarray(0, 2)).toEqual(
        Uint8Array.of(0xff, 0xd8),
      )
    expect(await deliveries.picture(id + 1, names[0] ?? '')).toBeNull()
    expect(await deliveries.picture(id, `${'0'.repeat(32)}.jpg`)).toBeNull()
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    for (const name of names) expect(await deliveries.picture(id, name)).toBeNull()
    expect(await take()).toEqual([])
  })

  it('on their way are waited for: the module never looks at a gallery again', async () => {
    const { deliveries, publish, pass, a, world } = await aBridge()
    world.wrap(A, (handlers) => ({
      ...handlers,
      pictures: () => {
        throw new Error('busy')
      },
    }))
    await publish('ann')
    await a.site.ownPictures.add('ann', upload('main'))
    await pass()
    expect(await deliveries.offers()).toEqual([])
    world.wrap(A, null)
    await pass(300)
    const [offer] = await deliveries.offers()
    expect(offer?.['icon']).toMatch(/jpg$/)
  })

  it('that do not come are not waited for without end', async () => {
    const { deliveries, publish, pass, a, world } = await aBridge()
    world.wrap(A, (handlers) => ({
      ...handlers,
      pictures: () => {
        throw new Error('broken')
      },
    }))
    await publish('ann')
    await a.site.ownPictures.add('ann', upload('main'))
    await pass(1800)
    expect(await deliveries.offers()).toEqual([])
    await pass(1900)
    expect(await deliveries.offers()).toMatchObject([{ icon: '', photos: [] }])
  })

  it('that are taken back make the module forget all, and have the record anew', async () => {
    const { deliveries, publish, take, pass, a } = await aBridge()
    await publish('ann')
    const first = await a.site.ownPictures.add('ann', upload('main'))
    const second = await a.site.ownPictures.add('ann', upload('second'))
    await pass()
    const [id] = await take()
    await a.site.ownPictures.remove('ann', second.picture)
    await pass()
    expect(await deliveries.updates()).toEqual([])
    expect(await deliveries.removals()).toEqual([id])
    const [again] = await take()
    expect(again).not.toBe(id)
    await deliveries.removed([id ?? 0])
    await a.site.ownPictures.remove('ann', first.picture)
    await pass()
    expect(await deliveries.updates()).toEqual([])
    expect(await deliveries.removals()).toEqual([again])
    expect(await deliveries.offers()).toMatchObject([{ icon: '', photos: [] }])
  })

  it('have a new main one by an update, and the address of the one before is void', async () => {
    const { deliveries, publish, pass, a } = await aBridge()
    await publish('ann')
    const first = await a.site.ownPictures.add('ann', upload('first'))
    await pass()
    const [offer] = await deliveries.offers()
    const id = offer?.id ?? 0
    await deliveries.added([id])
    const second = await a.site.ownPictures.add('ann', upload('second'), 'main')
    await a.site.ownPictures.arrange('ann', { main: second.picture, gallery: [] })
    expect(second.picture).not.toBe(first.picture)
    await pass()
    const [update] = await deliveries.updates()
    expect(update?.id).toBe(id)
    expect(await deliveries.picture(id, nameOf(update))).not.toBeNull()
    expect(await deliveries.picture(id, nameOf(offer))).toBeNull()
  })
})

describe('the place of a bridge', () => {
  it('is with the records of others alone', async () => {
    const { deliveries, b } = await aBridge()
    const own = await put(b, aMember('own'))
    expect(await deliveries.offers()).toEqual([])
    expect(await deliveries.netIdOf(B, own)).toBeNull()
    expect(await deliveries.removed([1, 2, 3])).toEqual([1, 2, 3])
    expect(await deliveries.recordOf(1)).toBeNull()
  })
})
