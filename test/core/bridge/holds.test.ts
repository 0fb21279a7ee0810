/** Members of the old module: held, published with a consent, changed. */
import { describe, expect, it } from 'vitest'
import { NOW } from '../../fixtures/people.ts'
import { keysOn } from '../stored.ts'
import { shownBy } from '../world.ts'
import {
  aBridge,
  aGiven,
  ALL_SCOPES,
  aModuleProfile,
  anUpdate,
  HOLD_SECONDS,
  holdsOf,
  moduleValue,
  profileAt,
  published,
} from './module.ts'

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
    expect(all.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4])
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
    const { record, netId } = await published(bridged, 12, { scopes: [...ALL_SCOPES] })
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
    const { record, netId } = await published(bridged, 12, { scopes: [...ALL_SCOPES] })
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
