/** How members of the old module leave: by name, without one, by silence. */
import { describe, expect, it } from 'vitest'
import { SUSPENSION_SECONDS, ZERO_SECONDS } from '../../../node/core/bridge/members/ending.ts'
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import { NOW } from '../../fixtures/people.ts'
import { keysOn } from '../stored.ts'
import { A, shownBy } from '../world.ts'
import { aBridge, aGiven, aModuleProfile, anUpdate, published, type Bridged } from './module.ts'

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
    const row = await holds.get(12)
    expect(row?.state).toBe('suspended')
    expect((row?.expiresAt ?? 0) - (row?.changedAt ?? 0)).toBe(SUSPENSION_SECONDS)
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
    // A clock that jumps is no silence yet: the module has an hour to call.
    await world.pass(600)
    await holds.tick()
    expect(await shownBy(b)).toHaveLength(1)
    await world.pass(3600)
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
