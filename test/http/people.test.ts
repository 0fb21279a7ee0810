/**
 * How people come in at the coordinator's interface, what they may do there, and what another site
 * cannot make their browser do. The requests are those that browsers send.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole } from '../../node/core/access.ts'
import type { OutgoingMail } from '../../node/core/mail.ts'
import { OPERATOR_ACTOR } from '../../node/core/people/actor.ts'
import type { AccountRole } from '../../node/core/people/rows.ts'
import { createWebAuthn } from '../../node/http/webauthn.ts'
import { anAuthenticator } from '../fixtures/authenticator.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aCoordinatorApp, aSiteApp, refused, send, type TestApp } from './apps.ts'

const PAGES = 'https://network.example'
const OWN = { origin: PAGES, 'sec-fetch-site': 'same-origin', host: 'network.example' }
const inbox: OutgoingMail[] = []
let world: World
let api: TestApp<CoordinatorRole>
let amor: TestSite
let brio: TestSite

beforeAll(async () => {
  world = await createWorld(undefined, {
    mailer: {
      send: async (mail) => {
        inbox.push(mail)
        return { kind: 'accepted', answer: '250' }
      },
    },
    webAuthn: createWebAuthn(PAGES, 'network.example'),
  })
  amor = await world.addSite('amor.example')
  brio = await world.addSite('brio.example')
  api = await aCoordinatorApp(world, { url: PAGES })
  const { accounts } = world.coordinator.coordinator.people
  for (const role of ['staff', 'dpo', 'auditor', 'owner'] as const)
    await accounts.create(OPERATOR_ACTOR, { email: `${role}@desk.example`, role, sites: [] })
})
afterAll(() => world.close())

interface Browser {
  cookie: string
  formToken: string
}

function post(path: string, headers: Record<string, string>, body?: unknown, method = 'POST') {
  return api.app.request(path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function linkFor(email: string): Promise<string> {
  expect((await post('/v1/sign-in/links', OWN, { email })).status).toBe(202)
  await world.coordinator.coordinator.people.mail.run()
  const links = inbox
    .filter(({ to }) => to === email)
    .flatMap(({ text }) => /\/sign-in\/([0-9a-f]{64})/.exec(text)?.[1] ?? [])
  const token = links.at(-1)
  if (token === undefined) throw new Error('no link came')
  return token
}

const cookieOf = (answer: Response): string =>
  (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''

async function browserWith(answer: Response): Promise<Browser> {
  expect(answer.status).toBe(204)
  const cookie = cookieOf(answer)
  const me = await api.app.request('/v1/account', { headers: { cookie, host: OWN.host } })
  const { formToken } = (await me.json()) as { formToken: string }
  return { cookie, formToken }
}

async function signIn(role: AccountRole): Promise<Browser> {
  const token = await linkFor(`${role}@desk.example`)
  return browserWith(await post('/v1/sign-in', OWN, { token }))
}

const by = ({ cookie, formToken }: Browser): Record<string, string> => ({
  ...OWN,
  cookie,
  'x-form-token': formToken,
})

async function read<T>(browser: Browser, path: string): Promise<T> {
  const answer = await api.app.request(path, { headers: by(browser) })
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
  return (await answer.json()) as T
}

describe('signing in', () => {
  it('gives one cookie, which scripts and other sites do not get', async () => {
    const token = await linkFor('staff@desk.example')
    const answer = await post('/v1/sign-in', OWN, { token })
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^__Host-dpn-session=[0-9a-f]{64};/)
    for (const word of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/'])
      expect(cookie).toContain(word)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('needs no TLS on this machine', async () => {
    const token = await linkFor('staff@desk.example')
    const local = { ...OWN, origin: 'http://127.0.0.1:8080', host: '127.0.0.1:8080' }
    const cookie = (await post('/v1/sign-in', local, { token })).headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^dpn-session=/)
    expect(cookie).not.toContain('Secure')
  })

  it('works once for each link, and tells nobody who has an account', async () => {
    const token = await linkFor('dpo@desk.example')
    expect((await post('/v1/sign-in', OWN, { token })).status).toBe(204)
    expect((await post('/v1/sign-in', OWN, { token })).status).toBe(401)
    const [known, unknown] = [
      await post('/v1/sign-in/links', OWN, { email: 'dpo@desk.example' }),
      await post('/v1/sign-in/links', OWN, { email: 'nobody@desk.example' }),
    ]
    expect([unknown.status, await unknown.text()]).toEqual([known.status, await known.text()])
    const bad = await post('/v1/sign-in/links', OWN, { email: 'nobody' })
    expect(bad.status).toBe(400)
  })

  it('is not for another site to start', async () => {
    const token = await linkFor('auditor@desk.example')
    for (const headers of [
      { ...OWN, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { host: OWN.host, origin: 'https://evil.example' },
      { host: OWN.host, 'sec-fetch-site': 'same-site', origin: PAGES },
      { host: OWN.host, origin: 'null' },
      { host: OWN.host },
    ])
      expect((await post('/v1/sign-in', headers, { token })).status).toBe(403)
    expect((await post('/v1/sign-in', OWN, { token })).status).toBe(204)
  })

  it('is asked for a bounded number of times', async () => {
    const other = await aCoordinatorApp(world)
    const statuses: number[] = []
    for (let at = 0; at < 25; at += 1) {
      const answer = await other.app.request('/v1/sign-in/links', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...OWN },
        body: JSON.stringify({ email: `guess${at}@desk.example` }),
      })
      statuses.push(answer.status)
    }
    expect(statuses.indexOf(429)).toBe(20)
  })
})

describe('a session', () => {
  it('reads and acts as its role, by name in the access log', async () => {
    const staff = await signIn('staff')
    const key = await post('/v1/keys', by(staff), { name: 'audit 26', role: 'auditor' })
    expect(key.status).toBe(201)
    const me = await read<{ account: { id: string } }>(staff, '/v1/account')
    const { acts } = await read<{ acts: { act: string; actor: object }[] }>(staff, '/v1/acts')
    expect(acts[0]).toMatchObject({
      act: 'key.create',
      actor: { kind: 'account', id: me.account.id, role: 'staff' },
    })
    expect(await read(staff, '/v1/acts/verification')).toMatchObject({ brokenAt: null })
  })

  it('opens no more than its role', async () => {
    const [auditor, owner] = [await signIn('auditor'), await signIn('owner')]
    expect((await post('/v1/keys', by(auditor), { name: 'x', role: 'auditor' })).status).toBe(403)
    for (const path of ['/v1/acts', '/v1/accounts', '/v1/breaches', '/v1/mail'])
      expect((await api.app.request(path, { headers: by(owner) })).status).toBe(403)
    expect(await read(owner, '/v1/account')).toMatchObject({ account: { role: 'owner' } })
  })

  it('does nothing that a page of this node has not asked for', async () => {
    const staff = await signIn('staff')
    const body = { name: 'x', role: 'auditor' }
    for (const headers of [
      { ...OWN, cookie: staff.cookie },
      { ...by(staff), 'x-form-token': '0'.repeat(64) },
      { ...by(staff), origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { cookie: staff.cookie, 'x-form-token': staff.formToken, host: OWN.host },
    ])
      expect((await post('/v1/keys', headers, body)).status).toBe(403)
  })

  it('of another browser has another form token', async () => {
    const [one, other] = [await signIn('staff'), await signIn('staff')]
    const mixed = { ...by(one), 'x-form-token': other.formToken }
    expect((await post('/v1/sign-out', mixed)).status).toBe(403)
    expect((await post('/v1/sign-out', by(one))).status).toBe(204)
    expect((await api.app.request('/v1/account', { headers: by(one) })).status).toBe(401)
    expect(await read(other, '/v1/account')).toBeDefined()
  })

  it('ends when somebody changes the account', async () => {
    const auditor = await signIn('auditor')
    const { account } = await read<{ account: { id: string } }>(auditor, '/v1/account')
    const path = `/v1/accounts/${account.id}`
    expect((await send(api, api.keys.staff, `PUT ${path}`, { disabled: true })).status).toBe(200)
    expect((await api.app.request('/v1/account', { headers: by(auditor) })).status).toBe(401)
    expect((await send(api, api.keys.staff, `PUT ${path}`, { disabled: false })).status).toBe(200)
  })

  it('is not what a bearer key is: /v1/account is for people', async () => {
    expect(await refused(api, api.keys.staff, 'GET /v1/account')).toMatchObject({ status: 401 })
  })
})

describe('public pages', () => {
  it('set no cookie, also for who has one', async () => {
    const staff = await signIn('staff')
    for (const path of ['/', '/v1/directory', '/v1/announcements', '/announcements.atom'])
      for (const headers of [{}, { cookie: staff.cookie }]) {
        const answer = await api.app.request(path, { headers: { host: OWN.host, ...headers } })
        expect([path, answer.status]).toEqual([path, 200])
        expect(answer.headers.get('set-cookie')).toBeNull()
      }
  })
})

async function register(browser: Browser, device = anAuthenticator(PAGES)) {
  const options = await post('/v1/account/passkeys/options', by(browser))
  const made = device.create((await options.json()) as object)
  const kept = await post('/v1/account/passkeys', by(browser), made)
  return { device, kept }
}
const signInOptions = async (): Promise<object> =>
  (await (await post('/v1/sign-in/passkey/options', OWN)).json()) as object

describe('passkeys', () => {
  it('sign in without an address, once for each challenge', async () => {
    const { device, kept } = await register(await signIn('dpo'))
    expect(kept.status).toBe(201)
    const answer = device.get(await signInOptions())
    const browser = await browserWith(await post('/v1/sign-in/passkey', OWN, answer))
    expect(await read(browser, '/v1/account')).toMatchObject({
      account: { email: 'dpo@desk.example' },
      sessions: expect.arrayContaining([expect.objectContaining({ method: 'passkey' })]),
      passkeys: [{ usedAt: world.clock.now() }],
    })
    expect((await post('/v1/sign-in/passkey', OWN, answer)).status).toBe(401)
  })

  it('do not sign in for another site, another name, or without asking their person', async () => {
    const { device } = await register(await signIn('staff'))
    for (const lies of [
      { origin: 'https://evil.example' },
      { rpId: 'evil.example' },
      { isVerified: false },
    ]) {
      const answer = device.get(await signInOptions(), lies)
      expect((await post('/v1/sign-in/passkey', OWN, answer)).status).toBe(401)
    }
    const stale = device.get(await signInOptions())
    world.clock.advance(5 * 60)
    expect((await post('/v1/sign-in/passkey', OWN, stale)).status).toBe(401)
  })

  it('are kept only where they answer a challenge of that very account', async () => {
    const [staff, auditor] = [await signIn('staff'), await signIn('auditor')]
    const options = (await (await post('/v1/account/passkeys/options', by(staff))).json()) as object
    const device = anAuthenticator(PAGES)
    const answer = device.create(options)
    expect((await post('/v1/account/passkeys', by(auditor), answer)).status).toBe(422)
    const evil = anAuthenticator('https://evil.example').create(options)
    expect((await post('/v1/account/passkeys', by(staff), evil)).status).toBe(422)
    expect((await post('/v1/account/passkeys', by(staff), { id: 'x' })).status).toBe(422)
  })

  it('open nothing once they are removed', async () => {
    const staff = await signIn('staff')
    const { device, kept } = await register(staff)
    const { id } = (await kept.json()) as { id: string }
    const options = await signInOptions()
    const path = `/v1/account/passkeys/${id}`
    expect((await post(path, by(staff), undefined, 'DELETE')).status).toBe(204)
    expect((await post('/v1/sign-in/passkey', OWN, device.get(options))).status).toBe(401)
  })

  it('are not offered where browsers would make none', () => {
    expect(createWebAuthn('http://network.example', 'x')).toBeNull()
    expect(createWebAuthn('https://192.0.2.7', 'x')).toBeNull()
    expect(createWebAuthn('http://127.0.0.1:8080', 'x')).toBeNull()
    expect(createWebAuthn('http://localhost:8080', 'x')).not.toBeNull()
  })
})

describe('accounts', () => {
  it('are made, changed and removed by staff, and only the last owner stays', async () => {
    const body = { email: 'new@desk.example', role: 'auditor' }
    const made = await send<{ id: string; link: null }>(
      api,
      api.keys.staff,
      'POST /v1/accounts',
      body,
    )
    expect(made).toMatchObject({ status: 201, json: { link: null, role: 'auditor' } })
    const path = `/v1/accounts/${made.json.id}`
    expect(await refused(api, api.keys.staff, 'POST /v1/accounts', body)).toMatchObject({
      status: 409,
      pointer: '/email',
    })
    expect(await refused(api, api.keys.staff, `PUT ${path}`, { role: 'dpo' })).toMatchObject({
      status: 422,
      pointer: '/role',
    })
    expect((await send(api, api.keys.dpo, `PUT ${path}`, { role: 'dpo' })).status).toBe(200)
    expect(await refused(api, api.keys.staff, `DELETE ${path}`)).toMatchObject({ status: 422 })
    expect((await send(api, api.keys.dpo, `DELETE ${path}`)).status).toBe(204)
    expect((await send(api, api.keys.auditor, 'GET /v1/accounts')).status).toBe(403)
    type Page = { accounts: { id: string; sites: string[]; email: string }[] }
    const { json } = await send<Page>(api, api.keys.staff, 'GET /v1/accounts')
    // Whoever was named in the application is the registered owner since the admission.
    const owner = json.accounts.find(({ email }) => email === 'owner@site.example')
    expect(owner?.sites.toSorted()).toEqual(['amor.example', 'brio.example'])
    expect(await refused(api, api.keys.dpo, `DELETE /v1/accounts/${owner?.id}`)).toMatchObject({
      status: 409,
    })
  })

  it('name no address in what an auditor sees', async () => {
    for (const path of ['/v1/acts?limit=200', '/v1/mail?limit=200']) {
      const { json } = await send(api, api.keys.auditor, `GET ${path}`)
      expect(JSON.stringify(json)).not.toMatch(/@|desk\.example/)
    }
  })

  it('keep the contact of an application sealed', async () => {
    const { json } = await send(api, api.keys.staff, 'GET /v1/applications')
    expect(JSON.stringify(json)).toContain('owner@site.example')
    const rows = await world.coordinator.ports.store.read((tx) => tx.desk.applications())
    expect(JSON.stringify(rows)).not.toContain('owner')
  })
})

describe('keys of the coordinator', () => {
  it('are made and revoked on record', async () => {
    type Key = { id: string; secret: string }
    const body = { name: 'desk', role: 'staff' }
    const { json } = await send<Key>(api, api.keys.staff, 'POST /v1/keys', body)
    expect((await send(api, json.secret, 'GET /v1/acts')).status).toBe(200)
    expect(
      await refused(api, json.secret, 'POST /v1/keys', { name: 'x', role: 'dpo' }),
    ).toMatchObject({ pointer: '/role' })
    expect((await send(api, api.keys.staff, `DELETE /v1/keys/${json.id}`)).status).toBe(204)
    expect((await send(api, json.secret, 'GET /v1/acts')).status).toBe(401)
    type Page = { acts: { act: string; subject: string }[] }
    const { json: page } = await send<Page>(api, api.keys.auditor, 'GET /v1/acts?limit=2')
    expect(page.acts).toMatchObject([
      { act: 'key.revoke', subject: json.id },
      { act: 'key.create', subject: json.id },
    ])
  })

  it('put every measure of staff into the access log, in the order of its pages', async () => {
    const request = 'POST /v1/members/brio.example/suspend'
    await send(api, api.keys.staff, request, { reason: 'terms' })
    const back = 'POST /v1/members/brio.example/reinstate'
    await send(api, api.keys.staff, back, { reason: 'resolved' })
    type Page = { acts: { id: number; act: string }[]; next: number | null }
    const first = (await send<Page>(api, api.keys.auditor, 'GET /v1/acts?limit=1')).json
    const path = `GET /v1/acts?limit=1&cursor=${first.next}`
    const second = (await send<Page>(api, api.keys.auditor, path)).json
    expect([...first.acts, ...second.acts].map(({ act }) => act)).toEqual([
      'site.reinstate',
      'site.suspend',
    ])
  })
})

describe('breaches', () => {
  const TEXT = {
    nature: 'A laptop with exports was stolen <b>today</b> & not found.',
    people: ['members'],
    peopleCount: 400,
    data: ['profiles'],
    dataCount: null,
    consequences: 'Members may be recognised.',
    measures: 'Keys were replaced.',
    contact: 'privacy@network.example',
  }

  it('go from the desk to every mailbox, feed and site, and back', async () => {
    const site = await aSiteApp(brio)
    const opened = await send<{ id: string }>(api, api.keys.staff, 'POST /v1/breaches', {
      site: 'amor.example',
      knownAt: world.clock.now() - 3600,
    })
    expect(opened.status).toBe(201)
    const path = `/v1/breaches/${opened.json.id}`
    const early = { phase: 'initial' }
    expect(await refused(api, api.keys.staff, `POST ${path}/notices`, early)).toMatchObject({
      status: 409,
    })
    const named = { ...TEXT, nature: 'Call +49 30 1234567' }
    expect(await refused(api, api.keys.staff, `PUT ${path}/draft`, named)).toMatchObject({
      code: 'contact_details',
      pointer: '/nature',
    })
    expect((await send(api, api.keys.staff, `PUT ${path}/draft`, TEXT)).status).toBe(200)
    expect((await send(api, api.keys.auditor, `POST ${path}/notices`, early)).status).toBe(403)
    expect((await send(api, api.keys.staff, `POST ${path}/notices`, early)).status).toBe(201)
    await world.until(() => inbox.some(({ subject }) => subject.includes('data breach')))
    const feed = await api.app.request('/announcements.atom')
    expect(feed.headers.get('content-type')).toContain('application/atom+xml')
    const text = await feed.text()
    expect(text).toContain('<title>Data breach at amor.example: first notice</title>')
    expect(text).toContain('stolen &lt;b&gt;today&lt;/b&gt; &amp; not found')
    type Seen = { breaches: { id: string; duty: string; affected: number }[] }
    const seen = async (): Promise<Seen> =>
      (await send<Seen>(site, site.keys.read, 'GET /v1/breaches')).json
    await world.until(async () => (await seen()).breaches[0]?.duty === 'done')
    const told = await send(site, site.keys.write, `POST ${path}/told`, { told: 3 })
    expect(told).toMatchObject({ status: 201, json: { told: { affected: 0, told: 3 } } })
    type File = { words: { site: string; told: number | null }[] }
    await world.until(async () => {
      const { json } = await send<File>(api, api.keys.auditor, `GET ${path}`)
      return json.words.find((word) => word.site === 'brio.example')?.told === 3
    })
    const step = { time: world.clock.now(), reference: 'LfD 17', reason: null }
    const done = await send(api, api.keys.dpo, `PUT ${path}/authority`, step)
    expect(done).toMatchObject({ status: 200, json: { authority: step, mails: { sent: 1 } } })
    expect(amor.site.node.view.registry().breaches).toHaveLength(1)
    expect(api.faults).toEqual([])
  })
})
