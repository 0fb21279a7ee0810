/** Challenges and probes over the coordinator's interface, and what the home's interface shows. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole, SiteRole } from '../../node/core/access.ts'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { sha256 } from '../../protocol/keys.ts'
import { createWorld, NETWORK, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let site: TestApp<SiteRole>
let api: TestApp<CoordinatorRole>

interface Challenge {
  id: number
  state: string
  index: number
  draw: number
}
async function look<T>(path: string): Promise<T> {
  const { status, json } = await send(api, api.keys.auditor, `GET ${path}`)
  expect(status).toBe(200)
  return json as T
}

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  await world.addSite('beso.example')
  site = await aSiteApp(amor)
  api = await aCoordinatorApp(world)
  for (const id of ['m-1', 'm-2', 'm-3', 'm-4']) {
    const body = { profile: aProfile(), consent: aConsent() }
    await send(site, site.keys.write, `PUT /v1/members/${id}`, body)
  }
  await send(site, site.keys.write, 'POST /v1/members/m-4/withdraw', {})
  const { store } = world.coordinator.ports
  await world.until(
    async () => ((await store.read((tx) => tx.logs.get(amor.identity.site)))?.size ?? 0) >= 5,
  )
  await world.until(async () => (await look<{ draws: object[] }>('/v1/draws')).draws.length > 0)
})
afterAll(() => world.close())

describe('POST /v1/challenges', () => {
  it('draws from a site, which opens: an auditor sees verdicts, draws and rates', async () => {
    const demanded = await send(api, api.keys.auditor, 'POST /v1/challenges', {
      site: 'amor.example',
      count: 2,
    })
    expect(demanded).toMatchObject({ status: 201, json: { drawn: 2 } })
    const { draw } = demanded.json as { draw: number }
    const path = `/v1/challenges?site=amor.example&draw=${draw}`
    const list = (): Promise<{ challenges: Challenge[]; next: number | null }> => look(path)
    await world.until(async () =>
      (await list()).challenges.every(({ state }) => state === 'passed'),
    )
    const page = await look<{ challenges: Challenge[]; next: number }>(`${path}&limit=1`)
    expect(page.challenges).toHaveLength(1)
    const rest = await look<{ challenges: Challenge[] }>(`${path}&cursor=${page.next}`)
    expect(rest.challenges).toHaveLength(1)

    const { draws } = await look<{ draws: { index: number; seed: string; commitment: string }[] }>(
      '/v1/draws',
    )
    const at = draws.findIndex(({ index }) => index === draw)
    expect(draws[at]).toMatchObject({ site: 'amor.example', count: 2, fault: null })
    const seed = fromHex(draws[at]?.seed ?? '')
    expect(toHex(sha256(seed))).toBe(draws[at + 1]?.commitment)

    const { rates } = await look<{ rates: object[] }>('/v1/challenges/rates')
    expect(rates).toContainEqual(
      expect.objectContaining({ site: 'amor.example', failed: 0, share: 1, high: 1 }),
    )
  })

  it('is shown to the member, by the home', async () => {
    const answers = await Promise.all(
      ['m-1', 'm-2', 'm-3'].map((id) =>
        send(site, site.keys.read, `GET /v1/members/${id}/disclosures`),
      ),
    )
    const all = answers.flatMap(({ json }) => (json as { disclosures: object[] }).disclosures)
    const opened = all.filter((one) => 'what' in one && one.what === 'consent')
    expect(opened.length).toBeGreaterThanOrEqual(2)
    for (const one of opened) expect(one).toMatchObject({ partner: NETWORK, via: null })
  })

  it.each([
    [
      { site: 'amor.example', count: 17 },
      { code: 'out_of_range', pointer: '/count' },
    ],
    [
      { site: 'AMOR', count: 1 },
      { code: 'malformed', pointer: '/site' },
    ],
    [
      { site: 'other.example', count: 1 },
      { code: 'not_found', pointer: '/site' },
    ],
  ])('refuses %j', async (body, problem) => {
    const answer = await refused(api, api.keys.staff, 'POST /v1/challenges', body)
    expect(answer).toMatchObject(problem)
  })

  it('is for those with a key alone', async () => {
    for (const path of ['/v1/challenges', '/v1/challenges/rates', '/v1/draws', '/v1/probes'])
      expect((await api.app.request(path)).status).toBe(401)
  })
})

describe('/v1/probes', () => {
  it('plans probes of a site, and shows what it answered', async () => {
    const planned = await send(api, api.keys.auditor, 'POST /v1/probes', {
      target: 'beso.example',
      count: 1,
    })
    expect(planned).toMatchObject({ status: 202, json: { target: 'beso.example' } })
    world.clock.advance(3600)
    const path = '/v1/probes?target=beso.example&state=passed'
    await world.until(async () => (await look<{ probes: object[] }>(path)).probes.length > 0)
    const { probes } = await look<{ probes: object[] }>(path)
    expect(probes[0]).toMatchObject({ home: 'amor.example', answer: 'gone', state: 'passed' })
    const { rates } = await look<{ rates: object[] }>('/v1/probes/rates')
    expect(rates).toContainEqual(expect.objectContaining({ site: 'beso.example', failed: 0 }))
  })

  it('refuses a site that takes no part', async () => {
    const body = { target: 'other.example', count: 1 }
    const answer = await send(api, api.keys.auditor, 'POST /v1/probes', body)
    expect(answer.status).toBe(404)
  })
})
