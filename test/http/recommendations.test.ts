import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseIsoDate } from '../../protocol/dates.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'
import type { SiteRole } from '../../node/core/access.ts'

interface Answer {
  recommendations: {
    record: string
    profile: Record<string, unknown>
    score: number
    reasons: { code: string; text: string }[]
  }[]
}

const PATH = '/v1/members/her/recommendations'
const of = (id: string): string => `GET /v1/members/${id}/recommendations`
let world: World
let home: TestSite
let api: TestApp<SiteRole>

beforeAll(async () => {
  world = await createWorld()
  home = await world.addSite('amor.example')
  const site = await world.addSite('beau.example')
  api = await aSiteApp(site)
  await site.site.demands.put({}, undefined)
  await home.site.demands.put({}, undefined)
  const consent = aConsent({ scopes: ['discovery', 'habits', 'recommendations', 'religion'] })
  await home.site.publisher.put([
    {
      id: 'him',
      profile: aProfile({
        gender: 'man',
        seeks: ['woman'],
        birthDate: parseIsoDate('1990-01-01'),
        smoking: 'never',
        religion: 'none',
      }),
      consent,
    },
  ])
  await site.site.publisher.put([
    { id: 'her', profile: aProfile(), consent },
    { id: 'shy', profile: aProfile(), consent: aConsent() },
  ])
  await world.until(async () => {
    const { json } = await send<Answer>(api, api.keys.read, `GET ${PATH}`)
    return json.recommendations.length === 1
  })
})
afterAll(() => world.close())

describe('recommendations', () => {
  it('gives people with score and reasons, and no hidden field', async () => {
    const { status, json } = await send<Answer>(api, api.keys.read, `GET ${PATH}?limit=5`)
    expect(status).toBe(200)
    const [found] = json.recommendations
    expect(found?.score).toBeGreaterThan(0.5)
    expect(found?.reasons.map(({ code }) => code)).toEqual(['near', 'both-seek-ages'])
    for (const hidden of ['language', 'latitudeTenths', 'longitudeTenths', 'sealed'])
      expect(found?.profile).not.toHaveProperty(hidden)
  })

  it('takes wishes and records already seen in the body', async () => {
    const wishes = { religion: ['none', 'spiritual'], smoking: ['never'] }
    const { json } = await send<Answer>(api, api.keys.read, `POST ${PATH}`, { wishes })
    const [found] = json.recommendations
    expect(found?.reasons.map(({ text }) => text)).toEqual([
      'as wished: smoking never',
      'as wished: religion none',
      'within 10 km',
      'both looking for 30-45',
    ])
    const seen = [found?.record]
    const rest = await send<Answer>(api, api.keys.read, `POST ${PATH}`, { seen })
    expect(rest.json.recommendations).toEqual([])
  })

  it.each([
    [{ wishes: { religion: ['unheard-of'] } }, '/wishes/religion/0'],
    [{ wishes: { headline: ['x'] } }, '/wishes/headline'],
    [{ limit: 101 }, '/limit'],
    [{ seen: ['xyz'] }, '/seen'],
  ])('refuses %j at %s', async (body, pointer) => {
    expect(await refused(api, api.keys.read, `POST ${PATH}`, body)).toMatchObject({ pointer })
  })

  it('says who is no member, who has not consented, and who has no key', async () => {
    expect(await refused(api, api.keys.read, of('nobody'))).toEqual({
      status: 404,
      code: 'not_found',
      pointer: '/id',
    })
    expect(await refused(api, api.keys.read, of('shy'))).toMatchObject({ code: 'no_consent' })
    expect((await refused(api, null, of('her'))).status).toBe(401)
  })
})
