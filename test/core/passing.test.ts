import { describe, expect, it } from 'vitest'
import { createVaultThatThrows } from './faults.ts'
import { dayNumber, DAY_SECONDS, parseIsoDate } from '../../protocol/dates.ts'
import { NOW } from '../fixtures/people.ts'
import { keysOn } from './stored.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  C,
  heldBy,
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

describe('time', () => {
  it('ends a record whose consent has expired, with an entry that says so', async () => {
    const { world, a, b, record } = await aPair()
    const short = aMember('m2', { consent: { expiresAt: NOW + 14 * HOUR } })
    const brief = await put(a, short)
    await world.quiet()
    expect((await shownBy(b)).toSorted()).toEqual([record, brief].toSorted())
    await world.pass(HOUR)
    expect(await shownBy(b)).toHaveLength(2)
    await world.pass(HOUR)
    expect(await shownBy(b)).toEqual([record])
    expect(keysOn(a)).toBe(1)
    expect(keysOn(b)).toBe(1)
    const state = await a.ports.store.read((tx) => tx.records.get(A, brief))
    expect(state?.live).toBe(false)
  })

  it('ends an expired record whose member this node no longer knows', async () => {
    const { world, a } = await aPair()
    const brief = await put(a, aMember('m2', { consent: { expiresAt: NOW + 14 * HOUR } }))
    await a.ports.store.write((tx) => tx.members.remove([brief]))
    await world.pass(3 * HOUR)
    expect((await a.ports.store.read((tx) => tx.records.get(A, brief)))?.live).toBe(false)
    expect(keysOn(a)).toBe(1)
  })

  it('ends an expired record at a partner whose home is away', async () => {
    const { world, a, b } = await aPair()
    await put(a, aMember('m2', { consent: { expiresAt: NOW + 13 * HOUR } }))
    await world.quiet()
    world.cut(A)
    await world.tick(2 * HOUR)
    expect(await heldBy(b, A)).toBe(1)
    expect(keysOn(b)).toBe(1)
  })

  it('brings a record into the requirements on a birthday, and out of them on another', async () => {
    const world = await aWorld()
    const tomorrow = dayNumber(parseIsoDate('2026-03-02')) * DAY_SECONDS
    const a = await world.addSite(A)
    const b = await world.addSite(B, { requirements: { ageMin: 30, ageMax: 39 } })
    const young = { birthDate: parseIsoDate('1996-03-02') }
    const older = { birthDate: parseIsoDate('1986-03-02') }
    const inScope = { scopes: ['birth-date' as const, 'discovery' as const] }
    const records = [
      await put(a, aMember('young', { profile: young })),
      await put(a, aMember('young-dated', { profile: young, consent: inScope })),
      await put(a, aMember('older', { profile: older })),
      await put(a, aMember('older-dated', { profile: older, consent: inScope })),
    ]
    await world.quiet()
    expect((await shownBy(b)).toSorted()).toEqual(records.slice(2).toSorted())
    await world.pass(tomorrow - world.clock.now())
    await world.tick(90)
    expect((await shownBy(b)).toSorted()).toEqual(records.slice(0, 2).toSorted())
    expect(keysOn(b)).toBe(2)
  })
})

describe('a crash between commit and key destruction', () => {
  it('at the partner is finished at the next start, before anything is served', async () => {
    const { world, a, b, record } = await aPair()
    b.disk.isBroken = true
    await withdraw(world, a, 'm1')
    expect(keysOn(b)).toBe(1)
    expect(await b.site.discovery.get(A, record)).toBeNull()
    const index = 2
    const progress = await a.site.node.evidence.progress(A, index)
    expect(progress.receipts.find(({ site }) => site === B)?.receivedAt).toBeNull()
    b.disk.isBroken = false
    await world.stop(b)
    await world.restart(b)
    expect(keysOn(b)).toBe(0)
    await world.tick(300)
    expect((await a.site.node.evidence.progress(A, index)).isComplete).toBe(true)
  })

  it('at home fails the call, shows nothing, and is finished at the next start', async () => {
    const { world, a, b } = await aPair()
    a.disk.isBroken = true
    await expect(withdraw(world, a, 'm1')).rejects.toThrow('the disk is gone')
    expect(await a.site.members.get('m1')).toBeNull()
    await world.quiet()
    expect(await heldBy(b, A)).toBe(0)
    await world.stop(a)
    const failing = createVaultThatThrows()
    await expect(world.restart(a, { vault: failing })).rejects.toThrow('no destruction today')
    a.disk.isBroken = false
    await world.restart(a)
    expect(keysOn(a)).toBe(0)
    await world.tick(300)
    expect((await a.site.node.evidence.progress(A, 2)).isComplete).toBe(true)
  })
})

describe('three sites', () => {
  it('a relay passes on what the gate allows, tells the home, and never a withdrawn record', async () => {
    const { world, a, b, record } = await aPair()
    world.cut(A, C)
    const c = await world.addSite(C)
    await world.tick(2)
    await world.tick(2)
    expect(await shownBy(c)).toEqual([])
    // The heartbeat of the home reaches the third site over the relay, by an exchange of heads.
    await world.tick(300)
    await world.tick(30)
    await world.tick(30)
    expect(await shownBy(c)).toEqual([record])
    await world.tick()
    const recipients = await a.site.members.disclosures(record)
    expect(recipients.map(({ partner, via }) => [partner, via])).toContainEqual([C, B])
    expect(await heldBy(b, A)).toBe(1)
    await withdraw(world, a, 'm1')
    await world.tick(30)
    expect(await heldBy(c, A)).toBe(0)
    expect(keysOn(c)).toBe(0)
  })
})
