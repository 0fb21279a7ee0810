/** A site's interface on real cores: two admitted sites and a coordinator in one process. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyEvidence } from '../../protocol/evidence.ts'
import type { SiteRole } from '../../node/core/access.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let bella: TestSite
let api: TestApp<SiteRole>
let partner: TestApp<SiteRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bella = await world.addSite('bella.example')
  api = await aSiteApp(amor)
  partner = await aSiteApp(bella)
  await send(partner, partner.keys.admin, 'PUT /v1/requirements', { requirements: {} })
})
afterAll(() => world.close())

const member = (changes: object = {}) => ({
  email: 'someone@mail.example',
  profile: aProfile(),
  consent: aConsent(),
  ...changes,
})

async function publish(id: string, changes: object = {}): Promise<string> {
  const { status, json } = await send(api, api.keys.write, `PUT /v1/members/${id}`, member(changes))
  expect(status).toBeLessThan(300)
  return json['record'] as string
}

const isShown = async (record: string): Promise<boolean> =>
  (await send(partner, partner.keys.read, `GET /v1/records/amor.example/${record}`)).status === 200

describe('members', () => {
  it('publishes, leaves the same unchanged, updates', async () => {
    const body = member({ profile: aProfile({ firstName: 'Hazel' }) })
    const first = await send(api, api.keys.write, 'PUT /v1/members/m-1', body)
    expect(first).toMatchObject({
      status: 201,
      json: { outcome: 'published', version: 1, keptBack: ['birthDate', 'firstName'] },
    })
    const again = await send(api, api.keys.write, 'PUT /v1/members/m-1', body)
    expect(again).toMatchObject({ status: 200, json: { outcome: 'unchanged', version: 1 } })
    const other = member({ profile: aProfile({ nickname: 'Moss' }) })
    const changed = await send(api, api.keys.write, 'PUT /v1/members/m-1', other)
    expect(changed).toMatchObject({ status: 200, json: { outcome: 'updated', version: 2 } })
    const got = await send(api, api.keys.read, 'GET /v1/members/m-1')
    expect(got.json).toMatchObject({ id: 'm-1', profile: { nickname: 'Moss', ageYears: 35 } })
    expect(got.headers.get('cache-control')).toBe('no-store')
  })

  it('decodes ids in the path, and refuses what is none', async () => {
    await publish('a%40b.example')
    const { json } = await send(api, api.keys.read, 'GET /v1/members/a%40b.example')
    expect(json['id']).toBe('a@b.example')
    const problem = { status: 400, code: 'malformed', pointer: '/id' }
    for (const id of ['a%20b', 'a%2Fb', '%ff', 'x'.repeat(65)])
      expect(await refused(api, api.keys.read, `GET /v1/members/${id}`)).toEqual(problem)
  })

  it.each([
    [
      'a phone number',
      { profile: aProfile({ description: 'Call 0171 2345678' }) },
      'contact_details',
      '/profile/description',
    ],
    [
      'a minor',
      { profile: aProfile({ birthDate: '2010-01-01' as never }) },
      'under_age',
      '/profile/birthDate',
    ],
    [
      'an unknown field',
      { profile: { ...aProfile(), iban: 'DE00' } },
      'unknown_field',
      '/profile/iban',
    ],
    ['no consent', { consent: null }, 'no_consent', '/consent'],
    [
      'another notice',
      { consent: aConsent({ notice: { ...aConsent().notice, version: '9' } }) },
      'outdated_notice',
      '/consent/notice/version',
    ],
    ['a stray part', { other: 1 }, 'unknown_field', '/other'],
    ['another id', { id: 'm-3' }, 'conflict', '/id'],
  ])('refuses %s and names the field', async (_what, changes, code, pointer) => {
    const problem = await refused(api, api.keys.write, 'PUT /v1/members/m-2', member(changes))
    expect(problem).toMatchObject({ code, pointer })
    expect((await send(api, api.keys.read, 'GET /v1/members/m-2')).status).toBe(404)
  })

  it('never repeats a refused value', async () => {
    const body = member({ profile: aProfile({ description: 'Call 0171 2345678' }) })
    const { json } = await send(api, api.keys.write, 'PUT /v1/members/m-2', body)
    expect(JSON.stringify(json)).not.toContain('2345678')
    const odd = await send(api, api.keys.write, 'PUT /v1/members/m-2', '{"secret": oops')
    expect(JSON.stringify(odd.json)).not.toMatch(/secret|oops/)
  })

  it('lists by cursor', async () => {
    await publish('l-1')
    await publish('l-2')
    type Page = { members: { id: string }[]; next: string | null }
    const ids: string[] = []
    for (let next: string | null = ''; next !== null;) {
      const cursor: string = next === '' ? '' : `&cursor=${next}`
      const page: { json: Page } = await send<Page>(
        api,
        api.keys.read,
        `GET /v1/members?limit=1${cursor}`,
      )
      ids.push(...page.json.members.map(({ id }) => id))
      next = page.json.next
    }
    expect(ids).toEqual(expect.arrayContaining(['l-1', 'l-2']))
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('changes the consent, and names fields of it without a prefix', async () => {
    await publish('c-1', {
      profile: aProfile({ firstName: 'Hazel' }),
      consent: aConsent({ scopes: ['discovery', 'names'] }),
    })
    const changed = await send(api, api.keys.write, 'PUT /v1/members/c-1/consent', aConsent())
    expect(changed).toMatchObject({ status: 200, json: { version: 2 } })
    expect(JSON.stringify(changed.json)).not.toContain('firstName')
    const bad = { ...aConsent(), scopes: ['everything'] }
    expect(await refused(api, api.keys.write, 'PUT /v1/members/c-1/consent', bad)).toEqual({
      status: 422,
      code: 'out_of_range',
      pointer: '/scopes/0',
    })
  })

  it('exports what is kept, also after the end', async () => {
    await publish('e-1')
    await send(api, api.keys.write, 'DELETE /v1/members/e-1')
    const { json } = await send(api, api.keys.read, 'GET /v1/members/e-1/export')
    expect(json).toMatchObject({
      member: null,
      consents: [{ kind: 'given' }, { kind: 'withdrawn' }],
    })
    expect((await send(api, api.keys.read, 'GET /v1/members/nobody/export')).status).toBe(404)
  })
})

describe('records and withdrawals', () => {
  it('shows a record at the partner, and its disclosure at home', async () => {
    const record = await publish('r-1')
    await world.until(() => isShown(record))
    const query = 'gender=woman&country=GB&country=DE&age_min=30&age_max=40&home=amor.example'
    const page = await send(partner, partner.keys.read, `GET /v1/records?${query}&limit=200`)
    const records = page.json['records'] as { record: string; profile: object }[]
    expect(records.find((one) => one.record === record)).toMatchObject({ age: 35 })
    expect(JSON.stringify(records)).not.toMatch(/someone@mail|"language"/)
    const none = await send(partner, partner.keys.read, 'GET /v1/records?gender=man')
    expect(none.json['records']).toEqual([])
    const { json } = await send(api, api.keys.read, 'GET /v1/members/r-1/disclosures')
    expect(json).toMatchObject({ disclosures: [{ partner: 'bella.example', via: null }] })
  })

  it('withdraws: gone at the partner, receipts counted, evidence that verifies', async () => {
    const record = await publish('w-1')
    await world.until(() => isShown(record))
    world.cut(bella.identity.site)
    const notice = { notice: 'ticket-7' }
    const done = await send(api, api.keys.write, 'POST /v1/members/w-1/withdraw', notice)
    expect(done).toMatchObject({ status: 200, json: { outcome: 'withdrawn', record } })
    const path = `/v1/withdrawals/${record}`
    const early = await send(api, api.keys.read, `GET ${path}`)
    expect(early.json).toMatchObject({
      record,
      state: 'partial',
      reason: 'consent-withdrawn',
      notice: 'ticket-7',
      overdue: false,
    })
    expect(await refused(api, api.keys.read, `GET ${path}/evidence`)).toMatchObject({
      status: 409,
      code: 'not_ready',
    })
    world.heal(bella.identity.site)
    await world.until(async () => {
      const { json } = await send(api, api.keys.read, `GET ${path}`)
      return json['state'] === 'complete'
    })
    expect(await isShown(record)).toBe(false)
    const file = await api.app.request(`${path}/evidence`, {
      headers: { authorization: `Bearer ${api.keys.read}` },
    })
    expect(file.status).toBe(200)
    expect(file.headers.get('content-disposition')).toContain('attachment')
    const verdict = verifyEvidence(await file.text(), world.coordinator.identity.logKey)
    expect(verdict.failure).toBeNull()
    expect(verdict.proven?.entry).toMatchObject({ type: 'withdraw', record })
  })

  it('withdraws many, lists them by cursor, and knows no second end', async () => {
    await publish('b-1')
    await publish('b-2')
    const ids = ['b-1', 'b-2', 'b-3']
    const { json } = await send(api, api.keys.write, 'POST /v1/withdrawals', { ids })
    expect(json).toMatchObject({ withdrawn: [{ id: 'b-1' }, { id: 'b-2' }], unknown: ['b-3'] })
    type Page = { withdrawals: { index: number }[]; next: number | null }
    const first = await send<Page>(api, api.keys.read, 'GET /v1/withdrawals?limit=1')
    const path = `GET /v1/withdrawals?cursor=${first.json.next}`
    const rest = await send<Page>(api, api.keys.read, path)
    expect(rest.json.withdrawals.length).toBeGreaterThan(0)
    expect(rest.json.withdrawals[0]?.index).toBeGreaterThan(first.json.withdrawals[0]?.index ?? 0)
    expect(await refused(api, api.keys.write, 'DELETE /v1/members/b-1')).toMatchObject({
      status: 404,
    })
    const bad = { ids: ['b-1', 'not an id'] }
    expect(await refused(api, api.keys.write, 'POST /v1/withdrawals', bad)).toEqual({
      status: 400,
      code: 'malformed',
      pointer: '/ids/1',
    })
  })

  it('does not take an old consent after the withdrawal', async () => {
    await publish('o-1')
    await send(api, api.keys.write, 'DELETE /v1/members/o-1')
    expect(await refused(api, api.keys.write, 'PUT /v1/members/o-1', member())).toMatchObject({
      code: 'no_consent',
      pointer: '/consent/givenAt',
    })
    world.clock.advance(1)
    const later = member({ consent: aConsent({ givenAt: world.clock.now() }) })
    expect((await send(api, api.keys.write, 'PUT /v1/members/o-1', later)).status).toBe(201)
  })

  it('answers 404 for a record that lives, and 400 for what names none', async () => {
    const record = await publish('x-1')
    expect((await send(api, api.keys.read, `GET /v1/withdrawals/${record}`)).status).toBe(404)
    expect((await send(api, api.keys.read, 'GET /v1/withdrawals/xyz')).status).toBe(400)
  })
})

describe('requirements', () => {
  it('publishes and shows them, and names a bad field', async () => {
    const body = { requirements: { ageMin: 25, countries: ['DE', 'AT'] }, excludes: ['ex.example'] }
    const put = await send(api, api.keys.admin, 'PUT /v1/requirements', body)
    expect(put.status).toBe(200)
    const got = await send(api, api.keys.read, 'GET /v1/requirements')
    expect(got.json).toMatchObject({
      requirements: { ageMin: 25, countries: ['AT', 'DE'] },
      excludes: ['ex.example'],
    })
    const bad = { requirements: { ageMin: 12 } }
    expect(await refused(api, api.keys.admin, 'PUT /v1/requirements', bad)).toEqual({
      status: 422,
      code: 'out_of_range',
      pointer: '/requirements/ageMin',
    })
    const stray = { requirements: {}, surprise: true }
    expect(await refused(api, api.keys.admin, 'PUT /v1/requirements', stray)).toMatchObject({
      pointer: '/surprise',
    })
  })
})
