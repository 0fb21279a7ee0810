import { describe, expect, it } from 'vitest'
import { verifyEvidence } from '../../protocol/evidence.ts'
import { aConsent, NOW } from '../fixtures/people.ts'
import { keysOn } from './stored.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  heldBy,
  NETWORK,
  put,
  shownBy,
  type SiteMachine,
  type World,
} from './world.ts'

const HOUR = 3600

/** Two sites; the first has one member, the second holds its record. */
async function aPair(terms?: Parameters<typeof aWorld>[0]) {
  const world = await aWorld(terms)
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const record = await put(a, aMember('m1'))
  await world.quiet()
  expect(await shownBy(b)).toEqual([record])
  return { world, a, b, record }
}

async function withdraw(world: World, site: SiteMachine, id: string): Promise<number | null> {
  const done = await site.site.withdrawer.withdraw([id], 'consent-withdrawn', 'n1')
  await world.quiet()
  return done.get(id)?.index ?? null
}

describe('a withdrawal', () => {
  it('erases at home and partner, brings all receipts, and can be proven', async () => {
    const { world, a, b } = await aPair()
    const index = await withdraw(world, a, 'm1')
    expect(index).toBe(2)
    for (const machine of [a, b]) {
      expect(await heldBy(machine, A)).toBe(0)
      expect(keysOn(machine)).toBe(0)
    }
    // The coordinator's next heartbeat makes the registry as new as its receipt.
    await world.tick()
    const progress = await a.site.node.evidence.progress(A, index ?? -1)
    expect(progress.isComplete).toBe(true)
    expect(progress.receipts.map(({ site }) => site).toSorted()).toEqual([A, B, NETWORK])
    expect(progress.receipts.every(({ receivedAt }) => receivedAt !== null)).toBe(true)
    const file = await a.site.node.evidence.file(A, index ?? -1)
    expect(verifyEvidence(file, world.coordinator.identity.logKey).failure).toBeNull()
    const atCoordinator = world.coordinator.coordinator.node.evidence
    expect((await atCoordinator.progress(A, index ?? -1)).isComplete).toBe(true)
  })

  it('is confirmed at once each time, also twice in one second', async () => {
    const { world, a } = await aPair()
    await put(a, aMember('m2'))
    await world.quiet()
    const first = await withdraw(world, a, 'm1')
    const second = await withdraw(world, a, 'm2')
    await world.tick()
    for (const index of [first, second])
      expect((await a.site.node.evidence.progress(A, index ?? -1)).isComplete).toBe(true)
  })

  it('waits for the receipt of a partner that is away, and takes it when it is back', async () => {
    const { world, a, b } = await aPair()
    world.cut(B)
    const index = await withdraw(world, a, 'm1')
    const before = await a.site.node.evidence.progress(A, index ?? -1)
    expect(before.isComplete).toBe(false)
    expect(before.receipts.find(({ site }) => site === B)?.receivedAt).toBeNull()
    expect(await heldBy(b, A)).toBe(1)
    await world.heal(B)
    await world.tick()
    expect(await heldBy(b, A)).toBe(0)
    await world.tick(300)
    expect((await a.site.node.evidence.progress(A, index ?? -1)).isComplete).toBe(true)
  })

  it('of a member who is not there changes nothing', async () => {
    const { a } = await aPair()
    const done = await a.site.withdrawer.withdraw(['nobody'], 'erased', '')
    expect(done.size).toBe(0)
  })

  it('lets a member come back by a later consent only, under a new record', async () => {
    const { world, a, b, record } = await aPair()
    await world.tick(HOUR)
    await withdraw(world, a, 'm1')
    const withdrawnAt = world.clock.now()
    await expect(put(a, aMember('m1'))).rejects.toMatchObject({ code: 'no_consent' })
    await expect(
      put(a, aMember('m1', { consent: { givenAt: withdrawnAt } })),
    ).rejects.toMatchObject({ code: 'no_consent', path: '/consent/givenAt' })
    await world.tick(60)
    const again = await put(a, aMember('m1', { consent: { givenAt: withdrawnAt + 1 } }))
    expect(again).not.toBe(record)
    await world.quiet()
    expect(await shownBy(b)).toEqual([again])
  })

  it('takes effect at once while the log may not be written, and its entry follows', async () => {
    const { world, a, b, record } = await aPair()
    world.cut(A)
    await world.restart(a)
    expect(a.site.node.writer.isWritable()).toBe(false)
    expect(await withdraw(world, a, 'm1')).toBeNull()
    expect(keysOn(a)).toBe(0)
    expect(await a.site.members.get('m1')).toBeNull()
    await expect(put(a, aMember('m1'))).rejects.toMatchObject({ code: 'no_consent' })
    expect(await shownBy(b)).toEqual([record])
    await world.heal(A)
    await world.tick()
    expect(a.site.node.writer.isWritable()).toBe(true)
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(a)).toBe(0)
    const state = await a.ports.store.read((tx) => tx.records.get(A, record))
    expect(state?.live).toBe(false)
    expect(await a.ports.store.read((tx) => tx.records.pendingWithdrawals())).toEqual([])
  })

  it('is honoured from a suspended site', async () => {
    const { world, a, b } = await aPair()
    await world.coordinator.coordinator.admission.measure('suspend', A, 'terms')
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    expect(await heldBy(b, A)).toBe(1)
    await withdraw(world, a, 'm1')
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
  })

  it('overtakes what waits to be published, and stops it where it is about the same member', async () => {
    const { world, a } = await aPair()
    const { publisher, withdrawer } = a.site
    const puts = [
      publisher.put([aMember('m2')]),
      publisher.put([aMember('m3')]),
      publisher.put([aMember('m4'), aMember('m1', { profile: { nickname: 'Ivy Moss' } })]),
    ]
    const withdrawn = await withdrawer.withdraw(['m1', 'm4'], 'consent-withdrawn', '')
    // After the entries of requirements, m1 and m2, and before that of m3. There was no m4 yet.
    expect([...withdrawn].map(([id, { index }]) => [id, index])).toEqual([['m1', 3]])
    const outcomes = (await Promise.all(puts)).flat()
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'published',
      'published',
      'refused',
      'refused',
    ])
    expect(outcomes[2]).toMatchObject({ error: { code: 'no_consent', path: '/consent' } })
    await world.quiet()
    expect(await a.site.members.get('m4')).toBeNull()
    // A consent given since then is a new decision.
    const givenAt = world.clock.now()
    await put(a, aMember('m4', { consent: { givenAt } }))
  })

  it('does not wait for publishing whose announcement hangs', async () => {
    const { world, a, b } = await aPair()
    const { network } = a.ports
    const announce = network.announce
    network.announce = (announcement) =>
      announcement.entries.length > 0 ? new Promise(() => undefined) : announce(announcement)
    const hanging = a.site.publisher.put([aMember('m2')])
    hanging.catch(() => undefined)
    await world.quiet()
    const done = a.site.withdrawer.withdraw(['m1'], 'erased', '')
    done.catch(() => undefined)
    await world.quiet()
    expect(keysOn(a)).toBe(1)
    expect(await heldBy(a, A)).toBe(1)
    await world.tick(30)
    expect(await heldBy(b, A)).toBe(1)
    expect((await a.site.node.evidence.progress(A, 3)).isComplete).toBe(true)
  })
})

describe('supersession', () => {
  it('erases the version before at home and at the partner', async () => {
    const { world, a, b, record } = await aPair()
    const [outcome] = await a.site.publisher.put([
      aMember('m1', { profile: { nickname: 'Hazel Fern' } }),
    ])
    expect(outcome).toMatchObject({ kind: 'updated', record, version: 2 })
    await world.quiet()
    for (const machine of [a, b]) {
      expect(await heldBy(machine, A)).toBe(1)
      expect(keysOn(machine)).toBe(1)
    }
    const shown = await b.site.discovery.get(A, record)
    expect(shown?.profile.nickname).toBe('Hazel Fern')
  })

  it('does not happen where the same member is put again', async () => {
    const { a, record } = await aPair()
    const { size } = (await a.ports.store.read((tx) => tx.logs.get(A))) ?? { size: 0 }
    const [outcome] = await a.site.publisher.put([aMember('m1')])
    expect(outcome).toMatchObject({ kind: 'unchanged', record, version: 1 })
    expect((await a.ports.store.read((tx) => tx.logs.get(A)))?.size).toBe(size)
  })

  it('counts the same member twice in one call as two versions', async () => {
    const { a } = await aPair()
    const outcomes = await a.site.publisher.put([
      aMember('m2'),
      aMember('m2', { profile: { nickname: 'Ivy Moss' } }),
      aMember('m2', { profile: { nickname: 'Ivy Moss' } }),
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['published', 'updated', 'unchanged'])
  })
})

describe('requirements', () => {
  it('that are narrowed erase what no longer matches, and that are widened bring it', async () => {
    const { world, b, record } = await aPair()
    await b.site.demands.put({ ageMin: 60 }, [])
    await world.quiet()
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
    await world.tick()
    expect(await heldBy(b, A)).toBe(0)
    await b.site.demands.put({}, [])
    await world.quiet()
    await world.tick(2)
    expect(await shownBy(b)).toEqual([record])
  })

  it('of a home that excludes a partner erase there, and bring back when lifted', async () => {
    const { world, a, b, record } = await aPair()
    await a.site.demands.put({}, [B])
    await world.quiet()
    expect(await shownBy(b)).toEqual([])
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
    await a.site.demands.put({}, [])
    await world.quiet()
    await world.tick(2)
    expect(await shownBy(b)).toEqual([record])
  })

  it('apply to what comes from a home of another type', async () => {
    const world = await aWorld()
    const a = await world.addSite(A, { siteType: 'senior' })
    const b = await world.addSite(B, { requirements: { siteTypes: ['general'] } })
    await put(a, aMember('m1'))
    await world.tick()
    expect(await heldBy(b, A)).toBe(0)
  })
})

describe('an order', () => {
  it('erases one record everywhere, and the home forgets the member', async () => {
    const { world, a, b, record } = await aPair()
    const other = await put(a, aMember('m2'))
    await world.quiet()
    await world.coordinator.coordinator.admission.order(A, record, 'case-1')
    await world.tick()
    for (const machine of [a, b]) {
      expect(await heldBy(machine, A)).toBe(1)
      expect(keysOn(machine)).toBe(1)
    }
    expect(await shownBy(b)).toEqual([other])
    expect(await a.site.members.get('m1')).toBeNull()
  })

  it('is not undone by the old consent sent again', async () => {
    const { world, a, record } = await aPair()
    await world.coordinator.coordinator.admission.order(A, record, 'case-1')
    await world.quiet()
    await world.tick(60)
    await expect(put(a, aMember('m1'))).rejects.toMatchObject({ code: 'no_consent' })
    const later = await put(a, aMember('m1', { consent: { givenAt: world.clock.now() } }))
    expect(later).not.toBe(record)
  })

  it('lets the member come back by a new consent, also where the home stopped right after it', async () => {
    const { world, a, record } = await aPair()
    await world.coordinator.coordinator.admission.order(A, record, 'case-1')
    await world.quiet()
    await world.restart(a)
    await world.tick(60)
    const later = await put(a, aMember('m1', { consent: { givenAt: world.clock.now() } }))
    expect(later).not.toBe(record)
  })

  it('against a site erases all it had published, and nothing that came later', async () => {
    const { world, a, b } = await aPair()
    await put(a, aMember('m2'))
    await world.quiet()
    await world.coordinator.coordinator.admission.order(A, null, 'case-2')
    await world.tick()
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(a)).toBe(0)
    expect(keysOn(b)).toBe(0)
    const fresh = await put(a, aMember('m3'))
    await world.quiet()
    expect(await shownBy(b)).toEqual([fresh])
  })

  it('that comes before the record ends it when it comes', async () => {
    const { world, a, b } = await aPair()
    world.cut(B)
    const late = await put(a, aMember('m2'))
    await world.quiet()
    await world.coordinator.coordinator.admission.order(A, late, 'case-3')
    await world.quiet()
    await world.heal(B)
    await world.tick()
    expect(await shownBy(b)).not.toContain(late)
    expect(keysOn(b)).toBe(1)
  })
})

describe('an expulsion', () => {
  it("erases the expelled site's records, and what it holds of others", async () => {
    const { world, a, b } = await aPair()
    await put(b, aMember('m9'))
    await world.quiet()
    expect(await heldBy(a, B)).toBe(1)
    await world.coordinator.coordinator.admission.measure('expel', B, 'terms')
    await world.quiet()
    expect(await heldBy(a, B)).toBe(0)
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(a)).toBe(1)
    await world.tick()
    expect(await heldBy(a, B)).toBe(0)
    expect(a.site.node.handlers.mayConnect(B)).toBe(false)
  })
})

describe('a changed consent', () => {
  it('removes the fields of a scope that is withdrawn, everywhere', async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const b = await world.addSite(B)
    const wide = aMember('m1', {
      profile: { firstName: 'Hazel', religion: 'spiritual' },
      consent: { scopes: ['birth-date', 'discovery', 'names', 'religion'] },
    })
    const record = await put(a, wide)
    await world.quiet()
    const before = (await b.site.discovery.get(A, record))?.profile
    expect(before).toMatchObject({ firstName: 'Hazel', religion: 'spiritual' })
    const narrow = aConsent({ scopes: ['discovery', 'names'], givenAt: NOW + HOUR })
    await a.site.members.changeConsent('m1', narrow)
    await world.quiet()
    const after = (await b.site.discovery.get(A, record))?.profile
    expect(after).toMatchObject({ firstName: 'Hazel', ageYears: 35 })
    expect(after).not.toHaveProperty('religion')
    expect(after).not.toHaveProperty('birthDate')
    expect((await a.site.members.get('m1'))?.profile).not.toHaveProperty('religion')
    expect(keysOn(a)).toBe(1)
    expect(keysOn(b)).toBe(1)
  })

  it('is not undone by an older consent sent again', async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const wide = aMember('m1', {
      profile: { religion: 'spiritual' },
      consent: { scopes: ['discovery', 'religion'] },
    })
    await put(a, wide)
    const narrow = aConsent({ scopes: ['discovery'], givenAt: NOW + HOUR })
    await a.site.members.changeConsent('m1', narrow)
    await expect(put(a, wide)).rejects.toMatchObject({ code: 'no_consent' })
    expect((await a.site.members.get('m1'))?.profile).not.toHaveProperty('religion')
  })

  it('that excludes a partner erases there', async () => {
    const { world, a, b } = await aPair()
    await a.site.members.changeConsent('m1', aConsent({ excludes: [B], givenAt: NOW + HOUR }))
    await world.quiet()
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
  })
})
