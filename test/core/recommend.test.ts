import { describe, expect, it } from 'vitest'
import type { Wishes } from '../../node/core/record/recommend/score.ts'
import type { ConsentRecord, Scope } from '../../protocol/consent.ts'
import { DAY_SECONDS, parseIsoDate } from '../../protocol/dates.ts'
import type { RecordId } from '../../protocol/ids.ts'
import type { ProfileInput } from '../../protocol/vocabulary.ts'
import { A, aMember, aWorld, B, C, put, type SiteMachine } from './world.ts'

const SCOPES: Scope[] = ['discovery', 'race', 'recommendations', 'religion']
const HER: Partial<ProfileInput> = { birthDate: parseIsoDate('1991-02-03') }
const HIM: Partial<ProfileInput> = {
  nickname: 'Ewan',
  gender: 'man',
  seeks: ['woman'],
  birthDate: parseIsoDate('1990-01-01'),
}

const her = (id = 'her', consent: Partial<ConsentRecord> = {}, profile = HER): unknown =>
  aMember(id, { profile, consent: { scopes: SCOPES, ...consent } })
const him = (
  id: string,
  profile: Partial<ProfileInput> = {},
  consent: Partial<ConsentRecord> = {},
): unknown =>
  aMember(id, { profile: { ...HIM, ...profile }, consent: { scopes: SCOPES, ...consent } })

/** A site with her, and a partner with these. */
async function aPair(...members: unknown[]) {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  await put(b, her())
  const records: RecordId[] = []
  for (const member of members) records.push(await put(a, member))
  await world.tick()
  return { world, a, b, records }
}

async function recommended(
  site: SiteMachine,
  request: { wishes?: Wishes; seen?: RecordId[]; limit?: number; radiusKm?: number } = {},
): Promise<RecordId[]> {
  const found = await site.site.recommender.recommend({ member: 'her', limit: 50, ...request })
  return found.map(({ record }) => record)
}

describe('recommend', () => {
  it('gives who fits both ways, with fields that may be shown, a score, and why', async () => {
    const { b } = await aPair(him('1'))
    const [found] = await b.site.recommender.recommend({ member: 'her', limit: 10 })
    expect(found).toMatchObject({ home: A, age: 36, profile: { nickname: 'Ewan', gender: 'man' } })
    expect(Object.keys(found?.profile ?? {})).not.toEqual(
      expect.arrayContaining(['language', 'latitudeTenths', 'sealed']),
    )
    expect(found?.score).toBeGreaterThan(0.5)
    expect(found?.reasons.map(({ text }) => text)).toEqual([
      'within 10 km',
      'both looking for 30-45',
    ])
  })

  it.each<[what: string, member: unknown]>([
    ['is of a gender that she does not seek', him('1', { gender: 'non-binary' })],
    ['is too old for her', him('1', { birthDate: parseIsoDate('1960-01-01') })],
    ['seeks another gender', him('1', { seeks: ['man'] })],
    ['seeks another age', him('1', { seeksAgeMin: 50, seeksAgeMax: 60 })],
    ['has not consented to be recommended', him('1', {}, { scopes: ['discovery'] })],
    ['has consented to other purposes', him('1', {}, { purposes: ['account', 'viewable'] })],
  ])('leaves out who %s', async (_what, member) => {
    const { b, records } = await aPair(member, him('2'))
    expect(await recommended(b)).toEqual(records.slice(1))
  })

  it('leaves out who has been seen, and who is farther away than asked', async () => {
    const far = him('2', { latitude: 51.5, longitude: -0.1 })
    const { b, records } = await aPair(him('1'), far, him('3'))
    const [first, second, third] = records
    expect(await recommended(b, { radiusKm: 50 })).toHaveLength(2)
    const seen = first === undefined ? [] : [first]
    expect(new Set(await recommended(b, { seen }))).toEqual(new Set([second, third]))
  })

  it('recommends nobody to who has not consented to it, or is not there', async () => {
    const { b } = await aPair(him('1'))
    const ask = (member: string) => b.site.recommender.recommend({ member, limit: 10 })
    await expect(ask('nobody')).rejects.toMatchObject({ code: 'not_found', path: '/member' })
    await put(b, her('shy', { scopes: ['discovery'] }))
    await expect(ask('shy')).rejects.toMatchObject({ code: 'no_consent' })
    await put(b, her('strict', { purposes: ['account', 'viewable'] }))
    await expect(ask('strict')).rejects.toMatchObject({ code: 'no_consent' })
  })

  it('leaves out the records of a site at which she cannot be recommended', async () => {
    const { world, b, records } = await aPair(him('1'))
    const c = await world.addSite(C, { requirements: { ageMin: 60 } })
    await put(c, him('2'))
    await world.tick()
    expect(await recommended(b)).toEqual(records)
    await put(b, her('her', { excludes: [A], givenAt: world.clock.now() }))
    expect(await recommended(b)).toEqual([])
  })

  it('leaves out who withdraws, and everybody of a home that falls silent', async () => {
    const { world, a, b, records } = await aPair(him('1'), him('2'))
    expect(await recommended(b)).toHaveLength(2)
    await a.site.withdrawer.withdraw(['1'], 'consent-withdrawn', '')
    await world.tick()
    expect(await recommended(b)).toEqual(records.slice(1))
    world.cut(A)
    await world.pass(7 * 3600)
    expect(await recommended(b)).toEqual([])
  })

  it('ranks by religion only where it is passed, and only who consents to share it', async () => {
    const members = Array.from({ length: 12 }, (_, n) =>
      him(
        String(n),
        { religion: n % 2 === 0 ? 'spiritual' : 'none' },
        { scopes: n < 8 ? SCOPES : ['discovery', 'recommendations'] },
      ),
    )
    const { b, records } = await aPair(...members)
    const scoresBy = async (wishes: Wishes): Promise<number[]> => {
      const found = await b.site.recommender.recommend({ member: 'her', limit: 50, wishes })
      const scores = new Map(found.map(({ record, score }) => [record, score]))
      return records.map((record) => scores.get(record) ?? 0)
    }
    const plain = await scoresBy({})
    expect(new Set(plain).size).toBe(1)
    const wished = await scoresBy({ religion: ['spiritual'] })
    const rise = wished.map((score, n) => Math.sign(score - (plain[n] ?? 0)))
    expect(rise).toEqual([1, -1, 1, -1, 1, -1, 1, -1, 0, 0, 0, 0])
  })

  it('is the same all day, also after a restart, and another list tomorrow', async () => {
    const members = Array.from({ length: 60 }, (_, n) => him(String(n)))
    const { world, b } = await aPair(...members)
    const today = await recommended(b, { limit: 10 })
    expect(await recommended(b, { limit: 20 })).toEqual(expect.arrayContaining(today))
    await world.restart(b)
    await world.tick(60)
    expect(await recommended(b, { limit: 10 })).toEqual(today)
    await world.pass(DAY_SECONDS)
    const tomorrow = await recommended(b, { limit: 10 })
    expect(tomorrow).toHaveLength(10)
    expect(tomorrow).not.toEqual(today)
  })
})
