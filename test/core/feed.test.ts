/** What a site tells its website, on real cores in one process. */
import { describe, expect, it } from 'vitest'
import type { FeedEvent } from '../../node/core/feed.ts'
import { recordIdOf } from '../../protocol/ids.ts'
import { systemRandom } from '../../node/roles/system.ts'
import { A, aMember, aWorld, B, put, type SiteMachine } from './world.ts'

/** All events of a site's feed, as "type home count" or "type records". */
async function told(machine: SiteMachine, from = 0): Promise<FeedEvent[]> {
  const { feed } = machine.site
  const events: FeedEvent[] = []
  for (let cursor = from; ;) {
    const part = await feed.read(cursor, 7)
    if (part.kind === 'gap') throw new Error(`a gap after ${cursor}`)
    const last = part.events.at(-1)
    if (last === undefined) return events
    events.push(...part.events)
    cursor = last.cursor
  }
}
const typesOf = (events: readonly FeedEvent[]): string[] => events.map(({ type }) => type)

async function twoSites() {
  const world = await aWorld()
  const home = await world.addSite(A)
  const partner = await world.addSite(B)
  return { world, home, partner }
}

describe('the feed', () => {
  it('tells of a record that appears, changes, vanishes', async () => {
    const { world, home, partner } = await twoSites()
    const record = await put(home, aMember('m'))
    await world.tick()
    expect(await told(partner)).toMatchObject([
      { type: 'record.appeared', data: { home: A, records: [record] } },
    ])
    await put(home, aMember('m', { profile: { nickname: 'Moss' } }))
    await world.tick()
    await home.site.withdrawer.withdraw(['m'], 'erased', '')
    await world.tick()
    expect(typesOf(await told(partner))).toEqual([
      'record.appeared',
      'record.changed',
      'record.vanished',
    ])
  })

  it('tells home of its own ends, and when everybody has confirmed them', async () => {
    const { world, home } = await twoSites()
    const record = await put(home, aMember('m'))
    await world.tick()
    expect(await told(home)).toEqual([])
    await home.site.withdrawer.withdraw(['m'], 'erased', '')
    for (let round = 0; round < 4; round += 1) await world.tick(30)
    expect(await told(home)).toMatchObject([
      { type: 'record.vanished', data: { home: A, records: [record] } },
      { type: 'withdrawal.completed', data: { records: [record] } },
    ])
    const { index } = {
      index: (await home.ports.store.read((tx) => tx.records.get(A, record)))?.endIndex ?? -1,
    }
    expect((await home.site.node.evidence.progress(A, index)).isComplete).toBe(true)
  })

  it('does not call a withdrawal completed while one receipt is missing', async () => {
    const { world, home, partner } = await twoSites()
    await put(home, aMember('m'))
    await world.tick()
    world.cut(B)
    await home.site.withdrawer.withdraw(['m'], 'erased', '')
    for (let round = 0; round < 4; round += 1) await world.tick(60)
    expect(typesOf(await told(home))).toEqual(['record.vanished'])
    await world.heal(B)
    for (let round = 0; round < 6; round += 1) await world.tick(60)
    expect(typesOf(await told(home))).toEqual(['record.vanished', 'withdrawal.completed'])
    expect(typesOf(await told(partner)).at(-1)).toBe('record.vanished')
  })

  it('tells once that a home is hidden and shown, and of each record when it lapses', async () => {
    const { world, home, partner } = await twoSites()
    await put(home, aMember('m'))
    await put(home, aMember('n'))
    await world.tick()
    world.cut(A)
    const { hideAfterSeconds, eraseAfterSeconds } = partner.site.node.view.registry().terms
    await world.pass(hideAfterSeconds)
    await world.tick()
    expect(typesOf(await told(partner)).filter((type) => type.startsWith('home'))).toEqual([
      'home.hidden',
    ])
    await world.heal(A)
    await world.tick()
    await world.tick()
    const before = await told(partner)
    expect(before.at(-1)).toMatchObject({ type: 'home.shown', data: { home: A } })
    world.cut(A)
    await world.pass(eraseAfterSeconds)
    await world.tick()
    const since = await told(partner, before.at(-1)?.cursor)
    expect(typesOf(since)).toEqual(['home.hidden', 'record.vanished'])
    expect(since[1]?.data['records']).toHaveLength(2)
  })

  it('calls a record gone when its newer version does not come', async () => {
    const { world, home, partner } = await twoSites()
    await partner.site.demands.put({ ageMax: 40 }, undefined)
    await world.tick()
    const record = await put(home, aMember('m'))
    await world.tick()
    await put(home, aMember('m', { profile: { birthDate: '1950-01-01' as never } }))
    await world.tick()
    const events = await told(partner)
    expect(typesOf(events)).toEqual(['record.appeared', 'record.vanished'])
    expect(events[1]).toMatchObject({ data: { home: A, records: [record] } })
    // One whose home falls silent just then is given up after a minute.
    const other = await put(home, aMember('n'))
    await world.tick()
    world.wrap(A, (handlers) => ({
      ...handlers,
      async *bodies(_from, { indexes }) {
        yield { answers: indexes.map((index) => ({ kind: 'unknown' as const, index })) }
      },
    }))
    await put(home, aMember('n', { profile: { nickname: 'Moss' } }))
    await world.tick(30)
    expect(typesOf(await told(partner)).at(-1)).toBe('record.appeared')
    await world.tick(31)
    await world.tick()
    expect((await told(partner)).at(-1)).toMatchObject({
      type: 'record.vanished',
      data: { records: [other] },
    })
    world.wrap(A, null)
    await world.tick(65)
    await world.tick()
    expect((await told(partner)).at(-1)).toMatchObject({
      type: 'record.appeared',
      data: { records: [other] },
    })
  })

  it('keeps its place over a restart, and takes no id of another feed', async () => {
    const { world, home, partner } = await twoSites()
    await put(home, aMember('m'))
    await world.tick()
    const { feed } = partner.site
    const id = feed.idOf(await feed.newest())
    await world.restart(partner)
    const again = partner.site.feed
    expect(again.cursorOf(id)).toBe(1)
    await put(home, aMember('n'))
    await world.tick()
    const since = await told(partner, again.cursorOf(id))
    expect(typesOf(since).filter((type) => type.startsWith('record'))).toEqual(['record.appeared'])
    for (const odd of ['', '7', `${id}0`, '00000000-1', `${id}-1`, 'x'.repeat(999)])
      expect((await again.read(again.cursorOf(odd), 5)).kind).toBe('gap')
  })

  it('leads past what is no longer kept by a gap', async () => {
    const { world, home, partner } = await twoSites()
    await put(home, aMember('m'))
    await put(home, aMember('n'))
    await world.tick()
    const { feed } = partner.site
    const newest = await feed.newest()
    expect(newest).toBeGreaterThan(1)
    await feed.store.write((tx) => tx.feed.purge(0, 1))
    expect(await feed.read(0, 5)).toEqual({ kind: 'gap', cursor: newest })
    expect(await feed.read(newest - 1, 5)).toMatchObject({ kind: 'events' })
    expect(await feed.read(newest, 5)).toEqual({ kind: 'events', events: [] })
    // The newest row stays, however old, so that no id is given out twice.
    await feed.store.write((tx) => tx.feed.purge(2 ** 40, 1))
    await put(home, aMember('o'))
    await world.tick()
    expect(await feed.newest()).toBe(newest + 1)
  })

  it('forgets after a week', async () => {
    const { world, home, partner } = await twoSites()
    await put(home, aMember('m'))
    await world.tick()
    await world.pass(7 * 86_400)
    await put(home, aMember('n'))
    await world.tick()
    await world.pass(3600)
    expect((await partner.site.feed.read(0, 5)).kind).toBe('gap')
  })

  it('tells of many records in few rows', async () => {
    const { home } = await twoSites()
    const { feed } = home.site
    const records = Array.from({ length: 600 }, () => recordIdOf(systemRandom.bytes(16)))
    await feed.store.write((tx) =>
      feed.add(
        tx,
        records.map((record) => ({ type: 'record.appeared', home: B, record })),
      ),
    )
    const events = await told(home)
    expect(events.map(({ data }) => (data['records'] as string[]).length)).toEqual([256, 256, 88])
    expect(events.flatMap(({ data }) => data['records'])).toEqual(records)
  })

  it('holds no word that a person wrote', async () => {
    const { home } = await twoSites()
    const { feed } = home.site
    const record = recordIdOf(systemRandom.bytes(16))
    const add = (reason: string): Promise<void> =>
      feed.store.write((tx) => feed.add(tx, [{ type: 'member.reported', record, by: B, reason }]))
    await expect(add('He wrote to me')).rejects.toThrow('ids and words only')
    await add('scam')
    expect(await told(home)).toMatchObject([
      { type: 'member.reported', data: { by: B, reason: 'scam', records: [record] } },
    ])
  })

  it('tells who waits for news, after the commit and not where it is rolled back', async () => {
    const { home } = await twoSites()
    const { feed } = home.site
    let calls = 0
    const end = feed.onNews(() => {
      calls += 1
    })
    const add = (): Promise<void> =>
      feed.store.write((tx) => feed.add(tx, [{ type: 'home.shown', home: B }]))
    await add()
    const failing = feed.store.write(async (tx) => {
      await feed.add(tx, [{ type: 'home.shown', home: B }])
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(calls).toBe(1)
    end()
    await add()
    expect(calls).toBe(1)
  })
})
