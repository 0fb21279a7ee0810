/** Discovery over the real cores of three sites: what members of one find of the others. */
import { describe, expect, it } from 'vitest'
import type { DiscoverRequest } from '../../../node/core/record/discover.ts'
import type { RecordName } from '../../../node/core/search/query.ts'
import { createBodyReader } from '../../../node/core/search/reader.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import type { ProfileInput } from '../../../protocol/vocabulary.ts'
import { stateOf } from '../stored.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  C,
  put,
  type SiteMachine,
  type SiteOptions,
  type World,
} from '../world.ts'

const HOUR = 3600
const ALL: DiscoverRequest = { filter: {}, limit: 50 }
type Wishes = Pick<ProfileInput, 'gender' | 'seeks' | 'seeksAgeMin' | 'seeksAgeMax'>
const WOMAN: Wishes = { gender: 'woman', seeks: ['man'], seeksAgeMin: 30, seeksAgeMax: 45 }
const MAN: Wishes = { gender: 'man', seeks: ['woman'], seeksAgeMin: 30, seeksAgeMax: 45 }
/** A copy, since a node sorts the lists that it is given. */
const of = (wishes: Wishes): Wishes => ({ ...wishes, seeks: [...wishes.seeks] })

async function found(
  site: SiteMachine,
  request: Partial<DiscoverRequest> = {},
): Promise<RecordId[]> {
  const { records } = await site.site.discovery.find({ ...ALL, ...request })
  return records.map(({ record }) => record)
}

function readerOf({ ports: { store, vault } }: SiteMachine) {
  return createBodyReader({ store, vault, pause: () => Promise.resolve() })
}

/** A home A with one woman, and a partner B with one man who looks. */
async function aPair(options: SiteOptions = {}): Promise<{
  world: World
  a: SiteMachine
  b: SiteMachine
  record: RecordId
}> {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B, options)
  const scopes = { scopes: ['discovery', 'presence', 'religion'] as never }
  const profile = { ...of(WOMAN), religion: 'spiritual' as const }
  const record = await put(a, aMember('w', { profile, consent: scopes }))
  await put(b, aMember('m', { profile: of(MAN) }))
  await world.tick(2)
  return { world, a, b, record }
}

describe('find', () => {
  it('shows who fits both ways, and nothing hidden', async () => {
    const { b, record } = await aPair()
    const page = await b.site.discovery.find({ ...ALL, member: 'm' })
    expect(page).toMatchObject({
      records: [{ record, home: A, age: 35, withinKm: 10, isOnline: false }],
      next: null,
      total: 1,
    })
    expect(Object.keys(page.records[0]?.profile ?? {}).toSorted()).toEqual(
      [
        'ageYears',
        'city',
        'country',
        'description',
        'gender',
        'nickname',
        'religion',
        'seeks',
        'seeksAgeMax',
        'seeksAgeMin',
      ].toSorted(),
    )
  })

  it('leaves out who seeks others, unless it is asked for', async () => {
    const { world, a, b, record } = await aPair()
    const other = of({ ...WOMAN, seeks: ['woman'] })
    const picky = await put(a, aMember('w2', { profile: other }))
    await world.tick(2)
    expect(await found(b, { member: 'm' })).toEqual([record])
    const all = await found(b, { member: 'm', reciprocal: false })
    expect(all.toSorted()).toEqual([record, picky].toSorted())
  })

  it('shows nobody of a site where the member cannot be seen', async () => {
    const { world, a, b, record } = await aPair()
    await put(b, aMember('shy', { profile: of(MAN), consent: { excludes: [A] } }))
    await world.tick(2)
    expect(await found(b, { member: 'shy' })).toEqual([])
    expect(await found(b, { member: 'm' })).toEqual([record])
    await a.site.demands.put({ genders: ['woman'] }, undefined)
    await world.tick(2)
    expect(await found(b, { member: 'm' })).toEqual([])
    expect(await found(b, { member: 'm', reciprocal: false })).toEqual([record])
  })

  it('knows no member without a live record', async () => {
    const { b } = await aPair()
    await expect(found(b, { member: 'nobody' })).rejects.toMatchObject({
      code: 'not_found',
      path: '/member',
    })
    await b.site.withdrawer.withdraw(['m'], 'erased', '')
    await expect(found(b, { member: 'm' })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('forgets a withdrawn record at once, words and all', async () => {
    const { world, a, b, record } = await aPair()
    await readerOf(b).run()
    const walks = { filter: { text: 'WÁLKS' } }
    expect(await found(b, walks)).toEqual([record])
    await a.site.withdrawer.withdraw(['w'], 'erased', '')
    await world.quiet()
    expect(await found(b)).toEqual([])
    expect(await found(b, walks)).toEqual([])
    expect((await b.site.discovery.find(ALL)).total).toBe(0)
  })

  it('finds the words of the newest version, and no others', async () => {
    const { world, a, b, record } = await aPair()
    await readerOf(b).run()
    await put(a, aMember('w', { profile: { ...of(WOMAN), description: 'Now I dance.' } }))
    await world.tick(2)
    await readerOf(b).run()
    expect(await found(b, { filter: { text: 'dance' } })).toEqual([record])
    expect(await found(b, { filter: { text: 'walks' } })).toEqual([])
  })

  it('answers everything else while bodies are still to be read', async () => {
    const { b, record } = await aPair()
    expect(await found(b, { member: 'm' })).toEqual([record])
    for (const filter of [
      { text: 'walks' },
      { choices: { religion: ['spiritual'] } },
      { words: { city: 'leeds' } },
    ])
      await expect(found(b, { filter })).rejects.toMatchObject({ code: 'not_ready' })
    await readerOf(b).run()
    expect(await found(b, { filter: { choices: { religion: ['spiritual'] } } })).toEqual([record])
    expect(await found(b, { filter: { words: { city: 'leeds' } } })).toEqual([record])
    expect(await found(b, { filter: { words: { city: 'york' } } })).toEqual([])
  })

  it('is the same after a restart, and has no text, race or religion on disk', async () => {
    const { world, b, record } = await aPair()
    await readerOf(b).run()
    const disk = Buffer.from(stateOf(b), 'base64').toString('latin1')
    for (const word of ['spiritual', 'walks', 'Hazel']) expect(disk).not.toContain(word)
    await world.restart(b)
    await world.tick(300)
    expect(await found(b, { member: 'm' })).toEqual([record])
    await readerOf(b).run()
    expect(await found(b, { filter: { text: 'walks' } })).toEqual([record])
  })

  it('hides a home that has fallen silent, in lists and in counts', async () => {
    const { world, b, record } = await aPair()
    world.cut(A)
    await world.pass(5 * HOUR)
    expect(await found(b)).toEqual([record])
    await world.pass(2 * HOUR)
    expect((await b.site.discovery.find(ALL)).total).toBe(0)
  })

  it('counts by facets what is on all pages', async () => {
    const { world, a, b } = await aPair()
    for (const n of [1, 2, 3]) await put(a, aMember(`x${n}`, { profile: of(MAN) }))
    await world.tick(2)
    const { total, facets, next } = await b.site.discovery.find({
      ...ALL,
      limit: 2,
      facets: ['gender', 'age', 'home', 'hasPicture'],
    })
    expect(total).toBe(4)
    expect(facets).toEqual({
      gender: { man: 3, woman: 1 },
      age: { 30: 4 },
      home: { [A]: 4 },
      hasPicture: { false: 4 },
    })
    expect(next).toMatch(/^[0-9a-f]+$/)
  })
})

describe('a cursor', () => {
  it('is good for its own query alone, and for none that nobody gave out', async () => {
    const { world, a, b } = await aPair()
    await put(a, aMember('w2', { profile: of(WOMAN) }))
    await world.tick(2)
    const request = { ...ALL, member: 'm', limit: 1 }
    const { next } = await b.site.discovery.find(request)
    const cursor = next ?? ''
    expect(await found(b, { ...request, cursor })).toHaveLength(1)
    expect(await found(b, { ...request, cursor, limit: 5, facets: ['age'] })).toHaveLength(1)
    const refusal = { code: 'out_of_range', path: '/cursor' }
    await expect(found(b, { ...request, cursor, sort: 'newest' })).rejects.toMatchObject(refusal)
    for (const wrong of ['', 'zz', 'abc', cursor.slice(2), `${cursor}00`, '00'.repeat(600)])
      await expect(found(b, { ...request, cursor: wrong })).rejects.toMatchObject(refusal)
    expect(Buffer.from(cursor, 'hex').toString('latin1')).not.toContain('record')
  })
})

describe('company', () => {
  it('puts who is online first, says so where there is consent, and keeps to it page by page', async () => {
    let online: RecordName[] = []
    const company = { online: () => online, blocksOf: () => Promise.resolve([]) }
    const { world, a, b, record } = await aPair({ company })
    const quiet = await put(a, aMember('w2', { profile: of(WOMAN) }))
    await world.tick(60)
    const late = await put(
      a,
      aMember('w3', {
        profile: of(WOMAN),
        consent: { scopes: ['discovery', 'presence'] as never },
      }),
    )
    await world.tick(2)
    online = [record, quiet].map((one) => ({ home: A, record: one }))
    const request = { ...ALL, sort: 'active' as const, limit: 1 }
    const first = await b.site.discovery.find(request)
    expect(first.records).toMatchObject([{ record, isOnline: true }])
    online = [{ home: A, record: late }]
    await world.tick(30)
    const rest = await found(b, { ...request, limit: 9, cursor: first.next ?? '' })
    expect(rest).toEqual([late, quiet])
    expect(await found(b, { isOnline: true })).toEqual([late])
    await world.tick(HOUR)
    await expect(found(b, { ...request, cursor: first.next ?? '' })).rejects.toMatchObject({
      code: 'conflict',
      path: '/cursor',
    })
  })

  it('leaves out who is blocked and who was seen', async () => {
    let blocked: RecordId[] = []
    const company = { online: () => [], blocksOf: () => Promise.resolve(blocked) }
    const { b, record } = await aPair({ company })
    expect(await found(b, { member: 'm', seen: [record] })).toEqual([])
    blocked = [record]
    expect(await found(b, { member: 'm' })).toEqual([])
    expect(await found(b)).toEqual([record])
  })
})

describe('a record id that two homes use', () => {
  it('stands for two records', async () => {
    const world = await aWorld()
    const b = await world.addSite(B)
    for (const home of [A, C]) await world.addSite(home)
    const record = 'ab'.repeat(16) as RecordId
    const index = 7
    const times = { publishedAt: 1, joinedAt: 1, expires: world.clock.now() + HOUR }
    const { body } = await bodyOf(b)
    for (const home of [A, C])
      await b.ports.store.write(async (tx) => {
        const state = {
          record,
          index,
          firstIndex: 0,
          version: 1,
          live: true,
          endIndex: null,
          ...times,
        }
        await tx.records.save(home, [state], false)
        await tx.bodies.insert(home, [{ ...body, record, index }])
      })
    const query = {
      homes: [A, C],
      now: world.clock.now(),
      order: { by: 'record' as const },
      limit: 9,
    }
    const homes = async () =>
      (await b.ports.store.read((tx) => tx.search.find(query))).rows.map(({ home }) => home)
    expect(await homes()).toEqual([A, C])
    await b.ports.store.write((tx) => tx.bodies.doom(A, [index]))
    expect(await homes()).toEqual([C])
  })
})

/** A body of the site's own, for rows of others. */
async function bodyOf(site: SiteMachine) {
  await put(site, aMember('self'))
  const record = await put(site, aMember('self'))
  const held = await site.ports.store.read((tx) => tx.bodies.ofRecord(site.id, record))
  if (held === null) throw new Error('no body')
  const { home: _home, ...body } = held
  return { body }
}
