/** The desk's interface on real cores: who may see what, and what strangers cannot do. */
import { hash } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole, SiteRole } from '../../node/core/access.ts'
import { mailNamed } from '../fixtures/mails.ts'
import { createWorld, ORDER_SECRET, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let site: TestApp<SiteRole>
let api: TestApp<CoordinatorRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  site = await aSiteApp(amor)
  api = await aCoordinatorApp(world)
})
afterAll(() => world.close())

const putMember = (id: string, email: string) =>
  send(site, site.keys.write, `PUT /v1/members/${id}`, {
    email,
    profile: aProfile(),
    consent: aConsent(),
  })
async function upload(name: string): Promise<Record<string, unknown>> {
  const answer = await api.app.request('/v1/notices/eml', {
    method: 'POST',
    headers: { authorization: `Bearer ${api.keys.staff}`, 'content-type': 'message/rfc822' },
    body: new Uint8Array(mailNamed(name)),
  })
  expect(answer.status).toBe(201)
  return (await answer.json()) as Record<string, unknown>
}
const staff = (request: string, body?: unknown) => send(api, api.keys.staff, request, body)

describe('/v1/notices', () => {
  it('takes an .eml file and ends the record at its home', async () => {
    await putMember('m-1', 'lotte@mail.example')
    const { id, state } = await upload('gmail-english')
    expect(state).toBe('parsed')
    const { json } = await staff(`GET /v1/notices/${String(id)}`)
    expect(json['content']).toMatchObject({ address: 'lotte@mail.example' })
    expect((await staff(`POST /v1/notices/${String(id)}/confirm`, {})).status).toBe(200)
    await world.until(
      async () => (await staff(`GET /v1/notices/${String(id)}`)).json['state'] === 'done',
    )
    expect((await send(site, site.keys.read, 'GET /v1/members/m-1')).status).toBe(404)
    const after = await staff(`GET /v1/notices/${String(id)}`)
    expect(after.json).toMatchObject({ content: null, orders: [] })
  })

  it('takes pasted words, and a pasted mail with its headers', async () => {
    const words = { text: 'From: Jo <jo@mail.example>\nDate: today\nSubject: x\n\nRemove me' }
    const typed = await staff('POST /v1/notices', { ...words, site: 'amor.example' })
    expect(typed.json).toMatchObject({ channel: 'pasted', state: 'parsed', site: 'amor.example' })
    const source = new TextDecoder().decode(mailNamed('chain'))
    const pasted = await staff('POST /v1/notices', { text: source })
    const { json } = await staff(`GET /v1/notices/${String(pasted.json['id'])}`)
    expect(json['content']).toMatchObject({
      candidates: [{ address: 'piet@mailbox.example', how: 'forwarded' }],
    })
    const reason = { reason: 'duplicate' }
    const closed = await staff(`POST /v1/notices/${String(pasted.json['id'])}/close`, reason)
    expect(closed.json).toMatchObject({ state: 'closed', reason: 'duplicate' })
  })

  it('shows auditors that there are notices, and nobody in them', async () => {
    const { json } = await send(api, api.keys.auditor, 'GET /v1/notices?site=amor.example')
    expect(json['notices']).not.toEqual([])
    expect(JSON.stringify(json)).not.toContain('@')
    const [first] = json['notices'] as { id: string }[]
    const one = `/v1/notices/${first?.id ?? ''}`
    expect((await send(api, api.keys.auditor, `GET ${one}`)).status).toBe(403)
    expect((await send(api, api.keys.auditor, `POST ${one}/confirm`, {})).status).toBe(403)
    expect((await send(api, null, 'GET /v1/notices')).status).toBe(401)
  })

  it('pages without repeating, and says what is wrong', async () => {
    const seen: string[] = []
    for (let cursor = ''; ;) {
      const { json } = await send<{ notices: { id: string }[]; next: string | null }>(
        api,
        api.keys.staff,
        `GET /v1/notices?limit=1${cursor}`,
      )
      for (const { id } of json.notices) seen.push(id)
      if (json.next === null) break
      cursor = `&cursor=${json.next}`
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(2)
    const key = api.keys.staff
    expect(await refused(api, key, 'GET /v1/notices?cursor=x')).toMatchObject({
      pointer: '/cursor',
    })
    expect(await refused(api, key, 'GET /v1/notices/n-1')).toMatchObject({ status: 404 })
    expect(await refused(api, key, 'POST /v1/notices', { text: 'x', site: 'no.example' })).toEqual({
      status: 404,
      code: 'not_found',
      pointer: '/site',
    })
    expect(await refused(api, key, 'POST /v1/notices/eml', '{}')).toMatchObject({ status: 415 })
  })
})

describe('/v1/requests', () => {
  it('has no place for a document, nor for a refusal without a reason', async () => {
    await putMember('m-2', 'ann@mail.example')
    const key = site.keys.write
    const opened = await send(site, key, 'POST /v1/requests', {
      member: 'm-2',
      right: 'copy',
      channel: 'email',
      email: 'ann@mail.example',
    })
    expect(opened.status).toBe(201)
    const path = `/v1/requests/${String(opened.json['id'])}`
    const proof = { result: 'proven', method: 'document-seen', document: 'data:…' }
    expect(await refused(site, key, `POST ${path}/identity`, proof)).toMatchObject({
      code: 'unknown_field',
      pointer: '/document',
    })
    for (const body of [{}, { reason: 'no' }, { reason: '' }])
      expect(await refused(site, key, `POST ${path}/refuse`, body)).toMatchObject({
        pointer: '/reason',
      })
    expect(await refused(site, site.keys.read, `GET ${path}`)).toMatchObject({ status: 403 })
    const done = await send(site, key, `POST ${path}/refuse`, { reason: 'privacy-of-another' })
    expect(done.json).toMatchObject({ state: 'refused', reason: 'privacy-of-another' })
    expect(done.json['complaint']).toContain('Art. 77')
    const list = await send(site, site.keys.read, 'GET /v1/requests?state=refused')
    expect(list.json).toMatchObject({ requests: [{ id: opened.json['id'] }], open: 0 })
    expect(JSON.stringify(list.json)).not.toContain('ann@')
  })

  it('goes from the coordinator to the home of a member', async () => {
    await putMember('m-3', 'bea@mail.example')
    const opened = await staff('POST /v1/requests', {
      site: 'amor.example',
      email: 'bea@mail.example',
      right: 'restriction',
      channel: 'form',
      text: 'until this is settled',
    })
    const id = String(opened.json['id'])
    await world.until(
      async () => (await staff(`GET /v1/requests/${id}`)).json['state'] === 'forwarded',
    )
    const key = site.keys.write
    const home = await send(site, key, `GET /v1/requests/${id}`)
    expect(home.json).toMatchObject({
      right: 'restriction',
      channel: 'form',
      person: { text: 'until this is settled' },
    })
    await send(site, key, `POST /v1/requests/${id}/fulfil`, {})
    const all = await send(site, key, 'GET /v1/members/m-3/export')
    expect(all.json).toMatchObject({ isRestricted: true, requests: [{ id, state: 'fulfilled' }] })
  })
})

describe('/v1/members/{id}/export/page', () => {
  it('is one file that loads nothing, and says who has been given what', async () => {
    await putMember('m-4', 'cleo@mail.example')
    const { record, index } = await amor.ports.store.read(async (tx) => {
      const [row] = await tx.members.byKeys([amor.site.memberKeyOf('m-4')])
      const state = row && (await tx.records.get(amor.identity.site, row.record))
      if (!state) throw new Error('there is no record')
      return state
    })
    const home = amor.identity.site
    const partner = world.coordinator.identity.site
    await amor.ports.store.write((tx) =>
      tx.ledger.add({
        home,
        partner,
        what: 'body',
        time: world.clock.now(),
        versions: [{ record, index }],
        via: null,
      }),
    )
    const json = await send(site, site.keys.read, 'GET /v1/members/m-4/export')
    expect(json.json['recipients']).toMatchObject([{ partner, what: ['body'], versions: 1 }])
    const page = await send<string>(site, site.keys.read, 'GET /v1/members/m-4/export/page')
    const text = page.json
    expect(page.headers.get('content-type')).toContain('text/html')
    for (const words of [partner, 'cleo@mail.example', 'Hazel Moss', record, 'discovery'])
      expect(text).toContain(words)
    expect(text).not.toMatch(/<script|<link|<img|src=|@import|url\(/)
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(text) ?? []
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`'sha256-${hash('sha256', style, 'base64')}'`)
    expect((await send(site, site.keys.read, 'GET /v1/members/none/export/page')).status).toBe(404)
  })

  it('escapes what a member has written', async () => {
    const body = { profile: aProfile({ nickname: 'A <b>&' }), consent: aConsent() }
    await send(site, site.keys.write, 'PUT /v1/members/m-5', body)
    const page = await send<string>(site, site.keys.read, 'GET /v1/members/m-5/export/page')
    expect(page.json).toContain('A &lt;b&gt;&amp;')
  })
})

const order = (body: object, secret = ORDER_SECRET) => {
  const text = JSON.stringify(body)
  const now = world.clock.now()
  const signature = new Webhook(secret).sign('msg_1', new Date(now * 1000), text)
  return api.app.request('/v1/orders-received', {
    method: 'POST',
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signature,
    },
    body: text,
  })
}

describe('/v1/customers and /v1/orders-received', () => {
  it('keeps address and number of a signed order, and refuses the others', async () => {
    const good = { email: 'olga@owner.example', order: 'PP-1', card: null, total: 49 }
    expect((await order(good)).status).toBe(204)
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`
    expect((await order({ ...good, order: 'PP-2' }, other)).status).toBe(422)
    const paid = await order({ ...good, order: 'PP-3', note: '4111111111111111' })
    expect(paid.status).toBe(422)
    expect(await paid.text()).not.toContain('4111')
    const { json } = await staff('GET /v1/customers')
    expect(json['customers']).toMatchObject([
      { email: 'olga@owner.example', fields: {}, orders: ['PP-1'] },
    ])
    expect((await send(api, api.keys.auditor, 'GET /v1/customers')).status).toBe(403)
  })

  it('names purpose and basis of each field, and takes no other field or source', async () => {
    const body = { email: 'olga@owner.example', source: 'survey', fields: { phone: '030 1' } }
    const { json } = await staff('PUT /v1/customers', body)
    expect(json['fields']).toMatchObject({
      phone: { source: 'survey', basis: 'legitimate-interests' },
    })
    const key = api.keys.staff
    for (const [changes, pointer] of [
      [{ source: 'bought' }, '/source'],
      [{ fields: { religion: 'x' } }, '/fields/religion'],
      [{ fields: { name: 'DE89370400440532013000' } }, '/fields/name'],
      [{ email: 'x' }, '/email'],
    ] as const)
      expect(await refused(api, key, 'PUT /v1/customers', { ...body, ...changes })).toMatchObject({
        pointer,
      })
    const due = await send(api, api.keys.auditor, 'GET /v1/retention')
    expect(due.json).toEqual({ shrunk: [], removed: [] })
    expect((await send(api, api.keys.auditor, 'POST /v1/retention')).status).toBe(403)
  })
})

describe('/v1/authority-disclosures', () => {
  it('leaves with two keys of staff, and not with one', async () => {
    const { json } = await staff('GET /v1/customers')
    const [owner] = json['customers'] as { id: string }[]
    const about = { customer: owner?.id, authority: 'Court of Example', basis: '§ 1, file 7/26' }
    const proposed = await staff('POST /v1/authority-disclosures', about)
    const path = `/v1/authority-disclosures/${String(proposed.json['id'])}`
    expect((await staff(`POST ${path}/approve`)).json).toMatchObject({ state: 'proposed' })
    expect((await staff(`POST ${path}/approve`)).status).toBe(409)
    expect((await staff(`POST ${path}/export`)).status).toBe(409)
    const second = (await api.access.create('second', 'staff')).secret
    await send(api, second, `POST ${path}/approve`)
    const file = await staff(`POST ${path}/export`)
    expect(file.json).toMatchObject({ content: { email: 'olga@owner.example' } })
    const list = await send(api, api.keys.auditor, 'GET /v1/authority-disclosures')
    expect(list.json['disclosures']).toMatchObject([{ state: 'exported' }])
    expect(JSON.stringify(list.json)).not.toContain('olga')
  })
})

describe('/v1/processors and the notes of a review', () => {
  it('names those of the policy to everybody, until staff replace them', async () => {
    const { json } = await send(api, null, 'GET /v1/processors')
    const list = json['processors'] as { name: string }[]
    expect(list.map(({ name }) => name)).toEqual([
      'Intercom',
      'AmoCRM',
      'Roistat',
      'Google Analytics',
      'Yandex Metrica',
      'Amplitude',
      'PayPro Global',
      'Hetzner',
    ])
    const fewer = { processors: list.slice(6) }
    expect((await send(api, api.keys.auditor, 'PUT /v1/processors', fewer)).status).toBe(403)
    expect((await staff('PUT /v1/processors', fewer)).json).toEqual(fewer)
    const twice = { processors: [...fewer.processors, ...fewer.processors] }
    expect((await staff('PUT /v1/processors', twice)).status).toBe(409)
  })

  it('keeps what staff write, for staff', async () => {
    const path = '/v1/applications/amor.example/notes'
    const text = 'The imprint names Olga Owner.'
    expect((await staff(`POST ${path}`, { text })).status).toBe(201)
    expect((await staff(`GET ${path}`)).json['notes']).toMatchObject([{ text }])
    expect((await send(api, api.keys.auditor, `GET ${path}`)).status).toBe(403)
    expect((await staff('GET /v1/applications/no.example/notes')).status).toBe(404)
  })
})

describe('every act of staff', () => {
  it('is in the access log, which names no person and is whole', async () => {
    const { acts } = world.coordinator.coordinator.people
    const list = await acts.list({ limit: 1000 })
    const kinds = new Set(list.map(({ act }) => act))
    for (const act of [
      'notice.take',
      'notice.confirm',
      'notice.close',
      'request.open',
      'customer.change',
      'customer.order',
      'authority.approve',
      'authority.export',
      'processors.replace',
      'application.note',
    ])
      expect(kinds).toContain(act)
    expect(JSON.stringify(list)).not.toMatch(/@|Olga|lotte/)
    expect((await acts.verify()).brokenAt).toBeNull()
  })
})
