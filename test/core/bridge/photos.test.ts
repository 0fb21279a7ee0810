/** Pictures of members of the old module, from a site that a test fills. */
import { describe, expect, it } from 'vitest'
import { PHOTO_PAUSES } from '../../../node/core/bridge/members/photos.ts'
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import { keysOn } from '../stored.ts'
import { A, type SiteMachine } from '../world.ts'
import { aBridge, ALL_SCOPES, anUpdate, published, type Bridged } from './module.ts'

const addressOf = (name: string): string => `http://amor.example/img/${name}.jpg`
async function pictured(before: (bridged: Bridged) => void = () => undefined) {
  const bridged = await aBridge()
  before(bridged)
  const member = await published(bridged, 12, { scopes: [...ALL_SCOPES] })
  await bridged.holds.tick()
  await bridged.world.quiet()
  await bridged.world.tick()
  const at = async ({ site }: SiteMachine): Promise<number> =>
    ((await site.pictures.of(A, [member.record])).get(member.record) ?? []).length
  return { ...bridged, ...member, at }
}

async function own({ site }: SiteMachine) {
  const member = await site.members.get('12')
  if (member === null) throw new Error('no member')
  return member
}

describe('pictures', () => {
  it('are pulled from their addresses: the icon first, the gallery in its order', async () => {
    const { a, b, at, gallery } = await pictured()
    expect(gallery.asked.toSorted()).toEqual(['g12-1', 'g12-2', 'u12'].map(addressOf).toSorted())
    expect(await at(b)).toBe(3)
    const { profile, version } = await own(a)
    expect([profile.picture, profile.gallery?.length]).toEqual([expect.any(String), 2])
    // One version brings all of them.
    expect(version).toBe(2)
  })

  it('are not asked for without the scope', async () => {
    const bridged = await aBridge()
    await published(bridged)
    await bridged.holds.tick()
    expect(bridged.gallery.asked).toEqual([])
  })

  it('follow the gallery: new ones come, others go', async () => {
    const { a, b, holds, world, netId, gallery, at } = await pictured()
    const before = (await own(a)).profile
    gallery.asked.length = 0
    const photos = [addressOf('g12-2'), addressOf('new')]
    await holds.update([anUpdate(netId, 12, { photos })])
    await holds.tick()
    await world.quiet()
    await world.tick()
    expect(gallery.asked).toEqual([addressOf('new')])
    const after = (await own(a)).profile
    expect(after.picture).toBe(before.picture)
    expect(after.gallery).toEqual([before.gallery?.[1], expect.any(String)])
    expect(await at(b)).toBe(3)
    await holds.update([anUpdate(netId, 12, { photos: [], icon: '' })])
    await holds.tick()
    await world.quiet()
    expect(await at(b)).toBe(0)
    // The record and the hold.
    expect(keysOn(a)).toBe(2)
  })

  it('lose the main one when its address has nothing any more, of which no update speaks', async () => {
    const { a, b, holds, world, netId, gallery, at } = await pictured()
    const before = (await own(a)).profile
    const save = async (): Promise<void> => {
      await holds.update([anUpdate(netId, 12)])
      await holds.tick()
      await world.quiet()
      await world.tick()
    }
    gallery.asked.length = 0
    await save()
    expect((await own(a)).profile).toEqual(before)
    gallery.gone.add(addressOf('u12'))
    await save()
    const { profile, version } = await own(a)
    expect([profile.picture, profile.gallery]).toEqual([undefined, before.gallery])
    expect(await at(b)).toBe(2)
    expect((await holds.get(12))?.losses).toContainEqual({ field: 'icon', reason: 'picture' })
    // It is settled, and nothing was fetched for it.
    await save()
    expect((await own(a)).version).toBe(version)
    expect(gallery.asked).toEqual([])
  })

  it('are tried again with growing pauses, and given up', async () => {
    const { holds, world, gallery } = await pictured(({ gallery: { answers } }) => {
      answers.set(addressOf('g12-1'), { kind: 'failed' })
    })
    gallery.asked.length = 0
    for (const pause of PHOTO_PAUSES) {
      world.clock.set(world.clock.now() + pause - 5)
      await holds.tick()
      expect(gallery.asked).toEqual([])
      world.clock.set(world.clock.now() + 5)
      await holds.tick()
      expect(gallery.asked.splice(0)).toEqual([addressOf('g12-1')])
    }
    world.clock.set(world.clock.now() + 30 * DAY_SECONDS)
    await holds.tick()
    expect(gallery.asked).toEqual([])
    expect((await holds.get(12))?.losses).toContainEqual({ field: 'photos', reason: 'picture' })
  })

  it('that are refused, or none at all, are not asked for again', async () => {
    const { a, holds, world, gallery } = await pictured(({ gallery: { answers } }) => {
      answers.set(addressOf('u12'), { kind: 'refused' })
      answers.set(addressOf('g12-2'), { kind: 'fetched', bytes: new Uint8Array(20) })
    })
    expect((await holds.get(12))?.losses).toEqual([
      { field: 'postal_code', reason: 'no-field' },
      { field: 'icon', reason: 'picture' },
      { field: 'photos', reason: 'picture' },
    ])
    const { profile } = await own(a)
    expect([profile.picture, profile.gallery?.length]).toEqual([undefined, 1])
    gallery.asked.length = 0
    world.clock.set(world.clock.now() + DAY_SECONDS)
    await holds.tick()
    expect(gallery.asked).toEqual([])
  })

  it('of somebody who has withdrawn meanwhile are not kept', async () => {
    const bridged = await aBridge()
    const { a, holds, gallery } = bridged
    await published(bridged, 12, { scopes: [...ALL_SCOPES] })
    let ending: Promise<unknown> | undefined
    // While the first one is on its way.
    gallery.onAsked = () => {
      ending ??= a.site.withdrawer.withdraw(['12'], 'consent-withdrawn', '')
    }
    await holds.tick()
    await ending
    await holds.tick()
    expect(keysOn(a)).toBe(0)
    expect(a.files.size).toBe(0)
  })
})
