/** Reports go to the home; where it does nothing, to the coordinator; and hold no content. */
import { NODE_ACTOR } from '../../node/core/people/actor.ts'
import { describe, expect, it } from 'vitest'
import { REPORT_SECONDS } from '../../protocol/limits.ts'
import { aWebsite } from './website.ts'
import { A, aMember, aWorld, B, put } from './world.ts'

async function aPair() {
  const world = await aWorld()
  const website = aWebsite()
  const a = await world.addSite(A)
  const b = await world.addSite(B, { website: website.ports })
  await put(a, aMember('ann'))
  const bob = await put(b, aMember('bob'))
  await world.tick(30)
  await world.tick(30)
  const report = () =>
    a.site.talk.reports.create({ id: 'ann', home: B, record: bob, reason: 'scam' })
  const stateOfFirst = async (): Promise<string | undefined> =>
    (await a.site.talk.reports.list({ limit: 10 }))[0]?.state
  const desk = () => world.coordinator.coordinator.reports.list({ limit: 10 })
  return { world, a, b, bob, report, stateOfFirst, desk, website }
}

describe('a report', () => {
  it('reaches the home, which tells its website, and says when it is handled', async () => {
    const { world, b, bob, report, stateOfFirst, desk, website } = await aPair()
    const { id } = await report()
    await world.tick()
    expect(website.notices).toEqual([
      { type: 'member.reported', record: bob, by: A, reason: 'scam' },
    ])
    expect(await b.site.talk.reports.list({ limit: 10, direction: 'in' })).toMatchObject([
      { id, record: bob, reporter: A, reason: 'scam', state: 'open' },
    ])
    await b.site.talk.reports.handle(id, NODE_ACTOR)
    await world.pass(REPORT_SECONDS)
    expect(await stateOfFirst()).toBe('handled')
    expect(await desk()).toEqual([])
  })

  it('waits for a home that is away, and comes once', async () => {
    const { world, b, report, website } = await aPair()
    world.cut(B)
    await report()
    await world.tick(300)
    await world.heal(B)
    await world.tick(300)
    await world.tick(300)
    expect(website.notices).toHaveLength(1)
    expect(await b.site.talk.reports.list({ limit: 10 })).toHaveLength(1)
  })

  it('goes to the coordinator when the home does nothing, without content', async () => {
    const { world, bob, report, stateOfFirst, desk } = await aPair()
    const { id } = await report()
    await world.pass(REPORT_SECONDS - 3600)
    expect([await stateOfFirst(), await desk()]).toEqual(['open', []])
    await world.pass(4 * 3600)
    expect(await stateOfFirst()).toBe('escalated')
    const [row] = await desk()
    expect(row).toMatchObject({ id, direction: 'desk', home: B, record: bob, reporter: A })
    expect(Object.keys(row ?? {}).toSorted()).toEqual([
      'closedAt',
      'direction',
      'dueAt',
      'home',
      'id',
      'reason',
      'record',
      'reporter',
      'state',
      'time',
    ])
    await world.coordinator.coordinator.reports.handle(id, NODE_ACTOR)
    expect(await desk()).toMatchObject([{ state: 'handled' }])
  })

  it('is closed where the record ends meanwhile', async () => {
    const { world, b, report, stateOfFirst, desk } = await aPair()
    await report()
    await world.tick()
    await b.site.withdrawer.withdraw(['bob'], 'erased', '')
    await world.pass(REPORT_SECONDS)
    expect([await stateOfFirst(), await desk()]).toEqual(['handled', []])
  })

  it('is by a member, about a record of another site that may be shown', async () => {
    const { a, bob } = await aPair()
    const { reports } = a.site.talk
    const good = { id: 'ann', home: B, record: bob, reason: 'spam' } as const
    await expect(reports.create({ ...good, id: 'x' })).rejects.toMatchObject({ path: '/id' })
    await expect(reports.create({ ...good, home: A })).rejects.toMatchObject({ path: '/home' })
    await a.site.demands.put({ genders: ['man'] }, undefined)
    await expect(reports.create(good)).rejects.toMatchObject({ path: '/record' })
  })

  it('is refused from another site about what is not there, and beyond the limit', async () => {
    const { b, bob } = await aPair()
    const { take } = b.site.talk.reports
    const wire = (n: number) =>
      ({
        kind: 'report',
        id: n.toString(16).padStart(32, '0'),
        home: B,
        record: bob,
        reason: 'other',
        time: 0,
      }) as const
    expect(await take(A, { ...wire(1), home: A })).toEqual({
      kind: 'refused',
      reason: 'not-visible',
    })
    const unknown = wire(2).id as typeof bob
    expect(await take(A, { ...wire(1), record: unknown })).toMatchObject({ kind: 'refused' })
    const kinds: string[] = []
    for (let n = 0; n < 501; n += 1) kinds.push((await take(A, wire(n))).kind)
    expect(kinds.filter((kind) => kind === 'noted')).toHaveLength(499)
  })
})
