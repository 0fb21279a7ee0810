/** Messages, presence, blocks and reports by HTTP: shapes, roles, and what is refused with which field. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWorld, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, refused, send, type TestApp } from './apps.ts'
import type { CoordinatorRole, SiteRole } from '../../node/core/access.ts'

let world: World
let amor: TestApp<SiteRole>
let brio: TestApp<SiteRole>
let staff: TestApp<CoordinatorRole>
let ann = ''
let bob = ''

const member = {
  profile: aProfile(),
  consent: aConsent({ scopes: ['discovery', 'messaging', 'presence'] }),
}
async function publish(api: TestApp<SiteRole>, id: string): Promise<string> {
  const answer = await send<{ record: string }>(
    api,
    api.keys.write,
    `PUT /v1/members/${id}`,
    member,
  )
  return answer.json.record
}
const shows = async (api: TestApp<SiteRole>): Promise<boolean> =>
  (await send<{ records: unknown[] }>(api, api.keys.read, 'GET /v1/records')).json.records.length >
  0

const message = () => ({ from: 'ann', to: { home: 'brio.example', record: bob }, text: 'Hello' })
const post = (body: object) => refused(amor, amor.keys.write, 'POST /v1/messages', body)
const body = () => ({ member: 'bob', home: 'amor.example', record: ann, reason: 'scam' })
const report = (json: object) => refused(brio, brio.keys.write, 'POST /v1/reports', json)

beforeAll(async () => {
  world = await createWorld()
  const [a, b] = [await world.addSite('amor.example'), await world.addSite('brio.example')]
  ;[amor, brio] = [await aSiteApp(a), await aSiteApp(b)]
  staff = await aCoordinatorApp(world)
  for (const api of [amor, brio])
    await send(api, api.keys.admin, 'PUT /v1/requirements', { requirements: {} })
  ann = await publish(amor, 'ann')
  bob = await publish(brio, 'bob')
  await world.until(async () => (await shows(amor)) && (await shows(brio)))
})
afterAll(async () => {
  await world.close()
})

describe('POST /v1/messages', () => {
  it('says that nobody listens at the other site', async () => {
    const answer = await send(amor, amor.keys.write, 'POST /v1/messages', message())
    expect(answer).toMatchObject({ status: 200, json: { outcome: 'unreachable' } })
    expect(answer.json['id']).toMatch(/^[0-9a-f]{32}$/)
  })

  it('names the field that is wrong, and never what was in it', async () => {
    const { text: _text, ...bare } = message()
    const home = { home: 'amor.example', record: ann }
    expect(await post(bare)).toEqual({ status: 422, code: 'wrong_type', pointer: '/text' })
    expect(await post({ ...message(), to: home })).toMatchObject({ pointer: '/to/home' })
    expect(await post({ ...message(), kind: 'typing' })).toMatchObject({ pointer: '/text' })
    expect(await post({ ...message(), id: 'x' })).toMatchObject({ pointer: '/id' })
    expect(await post({ ...message(), from: 'nobody' })).toMatchObject({ status: 404 })
    const long = { ...message(), text: 'zuvokilamope'.repeat(1400) }
    const { json } = await send(amor, amor.keys.write, 'POST /v1/messages', long)
    expect(json).toMatchObject({ status: 422, code: 'out_of_range', pointer: '/text' })
    expect(JSON.stringify(json)).not.toContain('zuvokilamope')
  })

  it('is for keys that may write', async () => {
    const answer = await refused(amor, amor.keys.read, 'POST /v1/messages', message())
    expect(answer.status).toBe(403)
  })
})

describe('presence', () => {
  const path = '/v1/members/ann/presence'

  it('is set, shown and told to the partner', async () => {
    const set = await send(amor, amor.keys.write, `PUT ${path}`, { state: 'online' })
    expect(set).toMatchObject({ status: 200, json: { state: 'online' } })
    expect((await send(amor, amor.keys.read, `GET ${path}`)).json).toMatchObject(set.json)
    await world.until(async () => {
      const { json } = await send(brio, brio.keys.read, 'GET /v1/presence')
      return (
        JSON.stringify(json) ===
        JSON.stringify({ online: [{ home: 'amor.example', record: ann }], next: null })
      )
    })
  })

  it('is set of many at once, with the reason for those that are refused', async () => {
    const members = [
      { id: 'ann', state: 'invisible' },
      { id: 'nobody', state: 'online' },
    ]
    const { json } = await send(amor, amor.keys.write, 'PUT /v1/presence', { members })
    expect(json).toEqual({ set: 1, refused: [{ id: 'nobody', code: 'not_found' }] })
    const odd = { members: [{ id: 'a b', state: 'online' }] }
    const problem = { pointer: '/members/0/id' }
    expect(await refused(amor, amor.keys.write, 'PUT /v1/presence', odd)).toMatchObject(problem)
  })
})

describe('blocks', () => {
  it('are put, listed and taken back', async () => {
    const path = `/v1/members/ann/blocks/${bob}`
    const block = { home: 'brio.example', record: bob }
    expect(await send(amor, amor.keys.write, `PUT ${path}`)).toMatchObject({ status: 204 })
    const list = () =>
      send<{ blocks: object[] }>(amor, amor.keys.read, 'GET /v1/members/ann/blocks')
    expect((await list()).json.blocks).toMatchObject([block])
    expect(await send(amor, amor.keys.write, `DELETE ${path}`)).toMatchObject({ status: 204 })
    expect((await list()).json.blocks).toEqual([])
    const unknown = await refused(amor, amor.keys.write, `PUT /v1/members/ann/blocks/${ann}`)
    expect(unknown).toMatchObject({ status: 404, pointer: '/record' })
  })
})

describe('reports', () => {
  it('reach the home, are paged, and are handled', async () => {
    expect(await send(brio, brio.keys.write, 'POST /v1/reports', body())).toMatchObject({
      status: 201,
      json: { direction: 'out', state: 'open', record: ann },
    })
    type Page = { reports: { id: string; state: string }[]; next: string | null }
    const list = (query = '') => send<Page>(amor, amor.keys.read, `GET /v1/reports?limit=1${query}`)
    await world.until(async () => (await list()).json.reports.length === 1)
    const { reports, next } = (await list()).json
    expect((await list(`&cursor=${next}`)).json).toEqual({ reports: [], next: null })
    const path = `/v1/reports/${reports[0]?.id}`
    const handled = { state: 'handled' }
    expect(await send(amor, amor.keys.write, `PUT ${path}`, handled)).toMatchObject({ status: 204 })
    expect((await list('&state=open')).json.reports).toEqual([])
    expect(await refused(brio, brio.keys.write, `PUT ${path}`, handled)).toMatchObject({
      status: 404,
    })
  })

  it('take a reason from the list, and no words', async () => {
    expect(await report({ ...body(), reason: 'he wrote' })).toMatchObject({ pointer: '/reason' })
    expect(await report({ ...body(), text: 'he wrote' })).toMatchObject({ pointer: '/text' })
  })

  it('are seen by auditors at the coordinator, and handled by staff', async () => {
    const { json } = await send(staff, staff.keys.auditor, 'GET /v1/reports')
    expect(json).toEqual({ reports: [], next: null })
    const path = `PUT /v1/reports/${'0'.repeat(32)}`
    const handled = { state: 'handled' }
    expect(await refused(staff, staff.keys.auditor, path, handled)).toMatchObject({ status: 403 })
    expect(await refused(staff, staff.keys.staff, path, handled)).toMatchObject({ status: 404 })
  })
})
