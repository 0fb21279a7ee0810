/** `/v1/discover` as a website's back end calls it: two sites and a coordinator in one process. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SiteRole } from '../../node/core/access.ts'
import { createBodyReader } from '../../node/core/search/reader.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let bella: TestSite
let api: TestApp<SiteRole>
let woman: string

const member = (changes: object) => ({ profile: aProfile(changes), consent: aConsent() })
const man = { gender: 'man', seeks: ['woman'], city: 'York', latitude: 53.96, longitude: -1.08 }

beforeAll(async () => {
  world = await createWorld()
  const amor = await world.addSite('amor.example')
  bella = await world.addSite('bella.example')
  const home = await aSiteApp(amor)
  api = await aSiteApp(bella)
  for (const site of [home, api])
    await send(site, site.keys.admin, 'PUT /v1/requirements', { requirements: {} })
  const { json } = await send(home, home.keys.write, 'PUT /v1/members/w', member({}))
  woman = String(json['record'])
  await send(home, home.keys.write, 'PUT /v1/members/x', member(man))
  await send(api, api.keys.write, 'PUT /v1/members/m', member(man))
  await world.until(async () => (await post({})).json['total'] === 2)
})
afterAll(() => world.close())

const post = (body: object) => send(api, api.keys.read, 'POST /v1/discover', body)
const records = (json: Record<string, unknown>): unknown[] => json['records'] as unknown[]

describe('POST /v1/discover', () => {
  it('finds for a member who fits both ways, and how far away about', async () => {
    const { status, json } = await post({ member: 'm', facets: ['age', 'country'] })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      records: [{ record: woman, home: 'amor.example', age: 35, isOnline: false, withinKm: 50 }],
      next: null,
      total: 1,
      facets: { age: { 30: 1 }, country: { GB: 1 } },
    })
    expect(JSON.stringify(json)).not.toMatch(/"language"|itude|sealed|mail/)
  })

  it('takes filters, places, words of fields and what was seen', async () => {
    const none = [
      { member: 'm', seen: [woman] },
      { member: 'm', radiusKm: 20 },
      { ageMin: 36 },
      { countries: ['DE'] },
      { languages: ['en'] },
      { hasPicture: true },
      { isOnline: true },
      { joinedSince: 4_000_000_000 },
      { siteTypes: ['senior'] },
      { heightCm: { min: 150 } },
      { smoking: ['never'] },
      { near: { latitude: 40, longitude: 3 }, radiusKm: 100 },
    ]
    for (const body of none)
      expect((await post(body)).json).toMatchObject({ records: [], total: 0 })
    for (const body of [{ member: 'm', radiusKm: 60 }, { genders: ['woman'] }])
      expect(records((await post(body)).json)).toMatchObject([{ record: woman }])
  })

  it('answers 503 for words until bodies are read, and then finds them', async () => {
    const answer = await send(api, api.keys.read, 'POST /v1/discover', { text: 'walks' })
    expect(answer).toMatchObject({ status: 503, json: { code: 'not_ready' } })
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
    await createBodyReader({ ...bella.ports, pause: () => Promise.resolve() }).run()
    for (const body of [{ text: 'long WALK' }, { city: 'léeds' }])
      expect(records((await post({ ...body, genders: ['woman'] })).json)).toMatchObject([
        { record: woman },
      ])
    expect((await post({ text: 'dance' })).json).toMatchObject({ total: 0 })
  })

  it('pages by an opaque cursor', async () => {
    const body = { sort: 'newest', limit: 1 }
    const first = await post(body)
    const second = await post({ ...body, cursor: first.json['next'] })
    expect(second.json['next']).toBeNull()
    const shown = [...records(first.json), ...records(second.json)] as { record: string }[]
    expect(new Set(shown.map(({ record }) => record)).size).toBe(2)
  })

  it.each<[body: object, status: number, code: string, pointer: string]>([
    [{ member: 'nobody' }, 404, 'not_found', '/member'],
    [{ member: 'no body' }, 400, 'malformed', '/member'],
    [{ colour: 'red' }, 422, 'unknown_field', '/colour'],
    [{ bodyType: ['round'] }, 422, 'out_of_range', '/bodyType/0'],
    [{ ageMin: 40, ageMax: 30 }, 422, 'out_of_range', '/ageMax'],
    [{ heightCm: { min: 9, max: 3 } }, 422, 'out_of_range', '/heightCm/max'],
    [{ text: '?!' }, 422, 'out_of_range', '/text'],
    [{ firstName: 'Hazel' }, 422, 'unknown_field', '/firstName'],
    [{ radiusKm: 10 }, 422, 'out_of_range', '/radiusKm'],
    [{ sort: 'nearest' }, 422, 'out_of_range', '/sort'],
    [{ reciprocal: true }, 422, 'out_of_range', '/reciprocal'],
    [{ seen: ['x'] }, 400, 'malformed', '/seen'],
    [{ homes: ['-'] }, 400, 'malformed', '/homes'],
    [{ limit: 201 }, 422, 'out_of_range', '/limit'],
    [{ cursor: 'abc' }, 422, 'out_of_range', '/cursor'],
  ])('refuses %j', async (body, status, code, pointer) => {
    expect(await refused(api, api.keys.read, 'POST /v1/discover', body)).toEqual({
      status,
      code,
      pointer,
    })
  })

  it('asks for a key', async () => {
    expect(await refused(api, 'dpn_read_wrong', 'POST /v1/discover', {})).toMatchObject({
      status: 401,
    })
  })
})

describe('GET /v1/discover', () => {
  it('is the same for simple filters', async () => {
    const { json } = await send(
      api,
      api.keys.read,
      'GET /v1/discover?member=m&gender=woman&country=GB&age_min=30&age_max=40&radius_km=100' +
        '&home=amor.example&picture=false&sort=active&facet=age&facet=gender&limit=5',
    )
    expect(json).toMatchObject({
      records: [{ record: woman }],
      total: 1,
      facets: { age: { 30: 1 }, gender: { woman: 1 } },
    })
    const none = await send(api, api.keys.read, 'GET /v1/discover?smoking=never&reciprocal=false')
    expect(none.json).toMatchObject({ total: 0 })
  })

  it('takes no texts, which would stand in the address', async () => {
    expect(await refused(api, api.keys.read, 'GET /v1/discover?text=walks')).toMatchObject({
      status: 422,
      code: 'unknown_field',
    })
  })
})
