/**
 * Members of the old module from its first word to the end of their records: between two real cores,
 * with the photos of a site that a test fills.
 */
import { describe, expect, it } from 'vitest'
import { SUSPENSION_SECONDS, ZERO_SECONDS } from '../../../node/core/bridge/ending.ts'
import type { NetId } from '../../../node/core/bridge/rows.ts'
import { PHOTO_PAUSES } from '../../../node/core/bridge/photos.ts'
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import { NOW } from '../../fixtures/people.ts'
import { keysOn } from '../stored.ts'
import { A, shownBy, type SiteMachine } from '../world.ts'
import {
  aBridge,
  aGiven,
  aModuleProfile,
  anUpdate,
  HOLD_SECONDS,
  holdsOf,
  moduleValue,
  type Bridged,
} from './module.ts'

const ALL = ['appearance', 'discovery', 'names', 'pictures'] as const

/** A published member, its record and its number. */
async function published(
  bridged: Bridged,
  localId = 12,
  consent: Parameters<typeof aGiven>[1] = {},
): Promise<{ record: RecordId; netId: NetId }> {
  const { holds, world } = bridged
  await holds.put([aModuleProfile(localId)])
  const [outcome] = await holds.consent([aGiven(localId, consent)])
  if (outcome?.kind !== 'published') throw new Error('not published')
  await world.quiet()
  const netId = (await holds.get(localId))?.netId ?? 0
  return { record: outcome.record, netId }
}
const profileAt = async ({ site }: SiteMachine, record: RecordId) =>
  (await site.discovery.get(A, record))?.profile

describe('a profile that the module sends', () => {
  it('is answered, held under seal, and given to nobody', async () => {
    const { a, b, holds, world } = await aBridge()
    const answers = await holds.put([
      aModuleProfile(12),
      aModuleProfile(13, { user_type: 'couple' }),
      moduleValue({ nickname: 'no id' }),
      moduleValue('nothing'),
      aModuleProfile(-1),
    ])
    expect([...answers]).toEqual([
      [12, 'processed'],
      [13, 'processed'],
    ])
    await world.tick()
    expect([await shownBy(a), await shownBy(b)]).toEqual([[], []])
    expect(await holds.get(12)).toMatchObject({
      state: 'held',
      netId: null,
      losses: [{ field: 'postal_code', reason: 'no-field' }],
      expiresAt: world.clock.now() - 1 + HOLD_SECONDS,
    })
    expect(await holds.get(13)).toMatchObject({ state: 'refused', refusal: 'gender' })
    expect((await holds.profileOf(12))?.profile).toMatchObject({
      nickname: "Anna O'Neil 12",
      heightCm: 170,
    })
    expect(await holds.profileOf(13)).toBeNull()
    expect(await holds.numbers()).toEqual(new Map())
  })

  it('counts as it was sent last, in one request and in two; the key of the one before dies', async () => {
    const { a, holds } = await aBridge()
    await holds.put([aModuleProfile(12), aModuleProfile(12, { nickname: 'Bea' })])
    expect((await holds.profileOf(12))?.profile.nickname).toBe('Bea')
    expect(keysOn(a)).toBe(1)
    const first = await holds.get(12)
    await holds.put([aModuleProfile(12, { nickname: 'Cleo' })])
    expect((await holds.profileOf(12))?.profile.nickname).toBe('Cleo')
    expect(keysOn(a)).toBe(1)
    expect((await holds.get(12))?.expiresAt).toBe(first?.expiresAt)
  })

  it('is wiped when no consent has come in time', async () => {
    const { a, holds, world } = await aBridge()
    await holds.put([aModuleProfile(12), aModuleProfile(13, { birth_date: '2012-01-01' })])
    world.clock.set(world.clock.now() + HOLD_SECONDS - 1)
    await holds.tick()
    expect((await holds.list({ limit: 10 })).members).toHaveLength(2)
    world.clock.set(world.clock.now() + 1)
    await holds.tick()
    expect((await holds.list({ limit: 10 })).members).toEqual([])
    expect(keysOn(a)).toBe(0)
    expect(await holds.consent([aGiven(12)])).toEqual([{ kind: 'unknown' }])
  })

  it('is listed page by page, by state', async () => {
    const { holds } = await aBridge()
    await holds.put([1, 2, 3].map((id) => aModuleProfile(id)))
    await holds.put([aModuleProfile(4, { looking_user_type: false })])
    const first = await holds.list({ limit: 3 })
    const second = await holds.list({ limit: 3, after: first.next ?? '' })
    const all = [...first.members, ...second.members].map(({ localId }) => localId)
    expect(all.toSorted()).toEqual([1, 2, 3, 4])
    expect(second.next).toBeNull()
    const refused = await holds.list({ state: 'refused', limit: 3 })
    expect(refused.members).toMatchObject([{ localId: 4, refusal: 'seeks' }])
  })
})

describe('a consent', () => {
  it('publishes what its scopes cover, and nothing else is kept', async () => {
    const bridged = await aBridge()
    const { a, b, holds } = bridged
    const { record, netId } = await published(bridged)
    const there = await profileAt(b, record)
    expect(there).toMatchObject({ nickname: "Anna O'Neil 12", firstName: 'Anna', ageYears: 36 })
    expect(there).not.toHaveProperty('heightCm')
    expect(await holds.get(12)).toMatchObject({ state: 'published', expiresAt: null })
    expect(await holds.memberOf(netId)).toBe('12')
    expect(await holds.netIdOf(record)).toBe(netId)
    // One key for the record, one for whose it is.
    expect(keysOn(a)).toBe(2)
    const held = await holds.profileOf(12)
    expect(held).toMatchObject({ icon: null, photos: [] })
    expect(held?.profile).not.toHaveProperty('heightCm')
  })

  it('is answered line by line, in the order of the input', async () => {
    const { holds } = await aBridge()
    await holds.put([aModuleProfile(1), aModuleProfile(2, { birth_date: '2009-01-01' })])
    const outcomes = await holds.consent([
      aGiven(3),
      aGiven(2),
      aGiven(1, { scopes: ['names'] }),
      aGiven(1),
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['unknown', 'refused', 'refused', 'published'])
    expect(outcomes[1]).toMatchObject({ error: { code: 'under_age', path: '/profile/birthDate' } })
    expect(outcomes[2]).toMatchObject({ error: { code: 'no_consent' } })
  })

  it('said again changes nothing; a newer one changes the record', async () => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { record } = await published(bridged)
    expect(await holds.consent([aGiven(12)])).toEqual([{ kind: 'published', record }])
    expect((await a.site.members.get('12'))?.version).toBe(1)
    await holds.consent([aGiven(12, { scopes: ['discovery'], givenAt: NOW })])
    await world.quiet()
    expect(await profileAt(b, record)).not.toHaveProperty('firstName')
  })

  it('gives a number, which is told three times', async () => {
    const bridged = await aBridge()
    const { holds } = bridged
    const { netId } = await published(bridged)
    for (let time = 0; time < 3; time += 1)
      expect(await holds.numbers()).toEqual(new Map([[12, netId]]))
    expect(await holds.numbers()).toEqual(new Map())
    await holds.put([aModuleProfile(12)])
    expect(await holds.numbers()).toEqual(new Map([[12, netId]]))
  })

  it('is not lost where the log may not be written: the caller keeps it', async () => {
    const { a, b, holds, world } = await aBridge()
    await holds.put([aModuleProfile(12)])
    a.site.node.writer.setWritable(false)
    await expect(holds.consent([aGiven(12)])).rejects.toMatchObject({ code: 'not_ready' })
    expect((await holds.get(12))?.state).toBe('held')
    a.site.node.writer.setWritable(true)
    expect(await holds.consent([aGiven(12)])).toMatchObject([{ kind: 'published' }])
    await world.quiet()
    expect(await shownBy(b)).toHaveLength(1)
  })

  it('is known again after a crash between the record and its row', async () => {
    const bridged = await aBridge()
    const { a, holds } = bridged
    await holds.put([aModuleProfile(12)])
    const crashing = holdsOf(a, bridged, {
      ...a.site.feed.store,
      write: () => Promise.reject(new Error('the end')),
    })
    await expect(crashing.consent([aGiven(12)])).rejects.toThrow('the end')
    expect((await holds.get(12))?.state).toBe('held')
    const again = await bridged.restarted()
    await again.tick()
    const record = (await a.site.members.get('12'))?.record
    expect(record).toBeDefined()
    expect(await again.get(12)).toMatchObject({ state: 'published', expiresAt: null })
    expect((await again.numbers()).size).toBe(1)
  })

  it('is taken for a thousand at once', async () => {
    const { b, holds, world } = await aBridge()
    const ids = Array.from({ length: 1000 }, (_, at) => at + 1)
    for (let from = 0; from < 1000; from += 100)
      await holds.put(ids.slice(from, from + 100).map((id) => aModuleProfile(id)))
    const outcomes = await holds.consent(ids.map((id) => aGiven(id)))
    expect(outcomes.every(({ kind }) => kind === 'published')).toBe(true)
    await world.quiet()
    await world.tick()
    expect((await b.site.discovery.list({ limit: 1 })).records).toHaveLength(1)
    const numbers = await holds.numbers()
    expect([numbers.size, new Set(numbers.values()).size]).toEqual([100, 100])
  })
})

describe('an update', () => {
  it('changes what it names, and leaves the rest', async () => {
    const bridged = await aBridge()
    const { b, holds, world } = bridged
    const { record, netId } = await published(bridged, 12, { scopes: [...ALL] })
    await holds.update([
      anUpdate(netId, 12, { nickname: 'Bea', profile_data: { height: '171-180' } }),
      anUpdate(netId, 12, { city: 'Lyon' }),
    ])
    await world.quiet()
    expect(await profileAt(b, record)).toMatchObject({
      nickname: 'Bea',
      city: 'Lyon',
      heightCm: 176,
      weightKg: 70,
    })
    expect((await holds.get(12))?.losses).toEqual([
      { field: 'postal_code', reason: 'no-field' },
      { field: 'profile_data.height', reason: 'rounded' },
    ])
  })

  it('takes a field away whose new value does not come through, but for the nickname', async () => {
    const bridged = await aBridge()
    const { b, holds, world } = bridged
    const { record, netId } = await published(bridged, 12, { scopes: [...ALL] })
    await holds.update([
      anUpdate(netId, 12, {
        nickname: 'write to anna@mail.example',
        profile_data: { weight: 'a secret' },
      }),
    ])
    await world.quiet()
    const there = await profileAt(b, record)
    expect(there).toMatchObject({ nickname: "Anna O'Neil 12", heightCm: 170 })
    expect(there).not.toHaveProperty('weightKg')
  })

  it('that says nothing new publishes nothing', async () => {
    const bridged = await aBridge()
    const { a, holds } = bridged
    const { netId } = await published(bridged)
    await holds.update([anUpdate(netId, 12), anUpdate(netId, 12, { lang: 'EN' })])
    await holds.update([anUpdate(netId, 12, { profile_data: { height: '180 cm' } })])
    expect((await a.site.members.get('12'))?.version).toBe(1)
  })

  it.each([
    ['is a child', { birth_date: '2010-01-01' }, 'under-age'],
    ['has no birth date', { birth_date: '0000-00-00' }, 'birth-date'],
    ['is two people', { user_type: 'couple' }, 'gender'],
    ['seeks nobody that is known', { looking_user_type: 'couple' }, 'seeks'],
  ])('of somebody who %s ends the record', async (_name, parts, refusal) => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { netId } = await published(bridged)
    await holds.update([anUpdate(netId, 12, parts)])
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    expect(await holds.get(12)).toMatchObject({ state: 'refused', refusal, netId: null })
    expect(keysOn(a)).toBe(1)
    await holds.update([anUpdate(netId, 12, { birth_date: '1990-02-03' })])
    expect(await a.site.members.get('12')).toBeNull()
  })

  it('waits where the log may not be written, also over a restart', async () => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { record, netId } = await published(bridged)
    a.site.node.writer.setWritable(false)
    await holds.update([anUpdate(netId, 12, { nickname: 'Bea', sname: 'Moss' })])
    await holds.update([anUpdate(netId, 12, { sname: '' })])
    expect((await profileAt(b, record))?.nickname).toBe("Anna O'Neil 12")
    expect((await holds.profileOf(12))?.profile.nickname).toBe('Bea')
    const again = await bridged.restarted()
    await world.tick()
    await again.tick()
    await world.quiet()
    const there = await profileAt(b, record)
    expect(there?.nickname).toBe('Bea')
    expect(there).not.toHaveProperty('lastName')
  })

  it('for a number that is nobody, or nobody any more, changes nothing', async () => {
    const bridged = await aBridge()
    const { a, holds } = bridged
    const { netId } = await published(bridged)
    await holds.withdraw([12], '')
    await holds.update([anUpdate(netId, 12, { nickname: 'Bea' }), anUpdate(7, 7), moduleValue(3)])
    expect(await a.site.members.get('12')).toBeNull()
    expect(await holds.get(12)).toBeNull()
    expect(keysOn(a)).toBe(0)
  })
})

describe('a withdrawal', () => {
  it.each([
    ['by number', ({ holds }: Bridged, netId: number) => holds.removed([netId, 77])],
    ['by the owner', ({ holds }: Bridged) => holds.withdraw([12, 77], 'n1')],
    ['at the API', ({ a }: Bridged) => a.site.withdrawer.withdraw(['12'], 'consent-withdrawn', '')],
    [
      'by an order',
      async ({ world }: Bridged, _netId: number, record: RecordId) => {
        await world.coordinator.coordinator.admission.order(A, record, 'case-1')
        await world.tick()
        await world.tick()
      },
    ],
    ['when the consent runs out', ({ world }: Bridged) => world.pass(2 * DAY_SECONDS)],
  ])('%s ends record, row, number and hold', async (_name, end) => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { record, netId } = await published(bridged, 12, { expiresAt: NOW + 2 * DAY_SECONDS })
    await end(bridged, netId, record)
    await world.quiet()
    await holds.tick()
    expect(await holds.get(12)).toBeNull()
    expect(await holds.memberOf(netId)).toBeNull()
    expect(await shownBy(b)).toEqual([])
    expect(keysOn(a)).toBe(0)
  })

  it('names ids that are no own member', async () => {
    const bridged = await aBridge()
    const { netId } = await published(bridged)
    expect(await bridged.holds.removed([netId, 77, 77, -3, 0])).toEqual([77])
    expect(await bridged.holds.withdraw([12, 13], '')).toEqual([])
  })

  it('is the end of that consent: sent anew, the profile waits for another', async () => {
    const bridged = await aBridge()
    const { b, holds, world } = bridged
    await published(bridged)
    expect(await holds.withdraw([12], '')).toEqual([12])
    await holds.put([aModuleProfile(12)])
    expect(await holds.consent([aGiven(12)])).toMatchObject([
      { kind: 'refused', error: { code: 'no_consent' } },
    ])
    expect((await holds.get(12))?.state).toBe('held')
    world.clock.set(world.clock.now() + 10)
    const fresh = aGiven(12, { givenAt: world.clock.now() })
    expect(await holds.consent([fresh])).toMatchObject([{ kind: 'published' }])
    await world.quiet()
    expect(await shownBy(b)).toHaveLength(1)
  })

  it('is that of somebody whose id stands for another person now', async () => {
    const bridged = await aBridge()
    const { b, holds, world } = bridged
    await published(bridged)
    await holds.put([aModuleProfile(12, { nickname: 'Zoe', birth_date: '1970-01-01' })])
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    expect(await holds.get(12)).toMatchObject({ state: 'held', netId: null })
    expect(await holds.consent([aGiven(12)])).toMatchObject([{ kind: 'refused' }])
  })
})

describe('a withdrawal that names nobody', () => {
  it.each([
    ['before', -ZERO_SECONDS],
    ['after', ZERO_SECONDS],
  ])('hides whoever sends an update that says nothing, up to 90 s %s', async (_when, apart) => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { netId } = await published(bridged, 12)
    const other = await published(bridged, 13)
    await world.tick(200)
    const bare = (): Promise<void> => holds.update([anUpdate(netId, 12)])
    const first = apart < 0 ? bare : () => holds.removed([0])
    const second = apart < 0 ? () => holds.removed([0]) : bare
    await first()
    await holds.update([anUpdate(other.netId, 13, { lang: 'EN' })])
    world.clock.set(world.clock.now() + Math.abs(apart))
    await second()
    await world.quiet()
    await world.tick()
    expect(await shownBy(b)).toEqual([other.record])
    expect(await holds.memberOf(netId)).toBeNull()
    expect(await holds.get(12)).toMatchObject({
      state: 'suspended',
      expiresAt: (await holds.get(12))!.changedAt + SUSPENSION_SECONDS,
    })
    // Hidden is not withdrawn: the record is there, at home alone.
    expect(await a.site.members.get('12')).not.toBeNull()
  })

  it('hides nobody whose updates are further away', async () => {
    const bridged = await aBridge()
    const { b, holds, world } = bridged
    const { netId } = await published(bridged)
    await holds.update([anUpdate(netId, 12)])
    world.clock.set(world.clock.now() + ZERO_SECONDS + 1)
    await holds.removed([0])
    world.clock.set(world.clock.now() + ZERO_SECONDS + 1)
    await holds.update([anUpdate(netId, 12)])
    await world.quiet()
    expect(await shownBy(b)).toHaveLength(1)
  })

  async function hidden() {
    const bridged = await aBridge()
    const member = await published(bridged)
    const { holds, world } = bridged
    await holds.removed([0])
    world.clock.set(world.clock.now() + 3)
    await holds.update([anUpdate(member.netId, 12), anUpdate(member.netId, 12)])
    await world.quiet()
    expect(await shownBy(bridged.b)).toEqual([])
    return { ...bridged, ...member }
  }

  it('is undone by a word of the owner or the member', async () => {
    const { b, holds, world, record, netId } = await hidden()
    world.clock.set(world.clock.now() + 1)
    expect(await holds.keep([12, 13])).toEqual([12])
    expect(await holds.keep([12])).toEqual([])
    // Another one of the same withdrawal does not hide again whoever was asked.
    await holds.update([anUpdate(netId, 12)])
    await world.quiet()
    expect(await shownBy(b)).toEqual([record])
    expect(await holds.get(12)).toMatchObject({ state: 'published', netId, expiresAt: null })
  })

  it('is undone by a consent given since, and by no older one', async () => {
    const { b, holds, world, record } = await hidden()
    expect(await holds.consent([aGiven(12)])).toMatchObject([{ kind: 'refused' }])
    world.clock.set(world.clock.now() + 60)
    const fresh = aGiven(12, { givenAt: world.clock.now() })
    expect(await holds.consent([fresh])).toEqual([{ kind: 'published', record }])
    await world.quiet()
    expect(await shownBy(b)).toEqual([record])
  })

  it('becomes a withdrawal when nobody says anything', async () => {
    const { a, holds, world } = await hidden()
    await world.pass(SUSPENSION_SECONDS)
    await holds.tick()
    expect(await a.site.members.get('12')).toBeNull()
    expect(await holds.get(12)).toBeNull()
    expect(keysOn(a)).toBe(0)
  })

  it('does not lift a restriction that was asked for, nor is lifted with it', async () => {
    const { a, b, holds, world } = await hidden()
    const key = a.site.memberKeyOf('12')
    await a.ports.store.write((tx) => tx.requests.restrict(key, 'r-1', world.clock.now()))
    await holds.keep([12])
    await holds.tick()
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    await a.ports.store.write((tx) => tx.requests.lift(key))
    await a.site.members.republish([key])
    await world.quiet()
    expect(await shownBy(b)).toHaveLength(1)
  })

  it('hides as soon as the log may be written again', async () => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { netId } = await published(bridged)
    a.site.node.writer.setWritable(false)
    await holds.update([anUpdate(netId, 12)])
    await holds.removed([0])
    a.site.node.writer.setWritable(true)
    await holds.tick()
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
  })
})

describe('silence of the module', () => {
  it('for long is the end of all', async () => {
    const bridged = await aBridge()
    const { a, b, holds, contact, world } = bridged
    await published(bridged)
    await holds.put([aModuleProfile(13)])
    contact.at = world.clock.now()
    await world.pass(30 * DAY_SECONDS - 600)
    await holds.tick()
    expect(await shownBy(b)).toHaveLength(1)
    await world.pass(600)
    await holds.tick()
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    expect((await holds.list({ limit: 10 })).members).toEqual([])
    expect(keysOn(a)).toBe(0)
  })

  it('while the node itself was off is not counted', async () => {
    const bridged = await aBridge()
    const { contact, world } = bridged
    await bridged.holds.put([aModuleProfile(13)])
    contact.at = world.clock.now() - 40 * DAY_SECONDS
    const again = await bridged.restarted()
    await again.tick()
    expect(await again.get(13)).not.toBeNull()
    await world.tick(3600)
    await again.tick()
    expect(await again.get(13)).toBeNull()
  })
})

describe('pictures', () => {
  const addressOf = (name: string): string => `http://amor.example/img/${name}.jpg`
  async function pictured(before: (bridged: Bridged) => void = () => undefined) {
    const bridged = await aBridge()
    before(bridged)
    const member = await published(bridged, 12, { scopes: [...ALL] })
    await bridged.holds.tick()
    await bridged.world.quiet()
    await bridged.world.tick()
    const at = async ({ site }: SiteMachine): Promise<number> =>
      ((await site.pictures.of(A, [member.record])).get(member.record) ?? []).length
    return { ...bridged, ...member, at }
  }

  it('are pulled from their addresses: the icon first, the gallery in its order', async () => {
    const { a, b, at, gallery } = await pictured()
    expect(gallery.asked.toSorted()).toEqual(['g12-1', 'g12-2', 'u12'].map(addressOf).toSorted())
    expect(await at(b)).toBe(3)
    const { profile, version } = (await a.site.members.get('12'))!
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
    const before = (await a.site.members.get('12'))!.profile
    gallery.asked.length = 0
    const photos = [addressOf('g12-2'), addressOf('new')]
    await holds.update([anUpdate(netId, 12, { photos })])
    await holds.tick()
    await world.quiet()
    await world.tick()
    expect(gallery.asked).toEqual([addressOf('new')])
    const after = (await a.site.members.get('12'))!.profile
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
    const { profile } = (await a.site.members.get('12'))!
    expect([profile.picture, profile.gallery?.length]).toEqual([undefined, 1])
    gallery.asked.length = 0
    world.clock.set(world.clock.now() + DAY_SECONDS)
    await holds.tick()
    expect(gallery.asked).toEqual([])
  })

  it('of somebody who has withdrawn meanwhile are not kept', async () => {
    const bridged = await aBridge()
    const { a, holds, gallery } = bridged
    await published(bridged, 12, { scopes: [...ALL] })
    const set = gallery.answers
    const { get } = set
    let isFirst = true
    set.get = (address) => {
      // While the first one is on its way.
      if (isFirst) ending = a.site.withdrawer.withdraw(['12'], 'consent-withdrawn', '')
      isFirst = false
      return get.call(set, address)
    }
    let ending: Promise<unknown> = Promise.resolve()
    await holds.tick()
    await ending
    await holds.tick()
    expect(keysOn(a)).toBe(0)
    expect(a.files.size).toBe(0)
  })
})
