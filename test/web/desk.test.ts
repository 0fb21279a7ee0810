/** The desk's pages on real cores: every act by a form, without scripts, and what a form says back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole, SiteRole } from '../../node/core/access.ts'
import { mailNamed } from '../fixtures/mails.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send, type TestApp } from '../http/apps.ts'

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

interface Shown {
  status: number
  text: string
  location: string
}
async function visit(
  path: string,
  fields?: Record<string, string | File>,
  key: string = api.keys.staff,
): Promise<Shown> {
  const isFile = Object.values(fields ?? {}).some((value) => typeof value !== 'string')
  let body: FormData | URLSearchParams | null = null
  if (fields !== undefined) {
    body = isFile ? new FormData() : new URLSearchParams()
    for (const [name, value] of Object.entries(fields)) body.set(name, value as string)
  }
  const answer = await api.app.request(path, {
    method: fields === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, accept: 'text/html' },
    body,
  })
  const { status, headers } = answer
  return { status, text: await answer.text(), location: headers.get('location') ?? '' }
}
const PAGES = [
  '/desk',
  '/desk/notices',
  '/desk/requests',
  '/desk/applications',
  '/desk/owners',
  '/desk/retention',
  '/desk/authorities',
  '/desk/processors',
]

describe('the pages of the desk', () => {
  it.each(PAGES)('%s is for staff alone, runs no script and loads nothing', async (path) => {
    const { status, text } = await visit(path)
    expect(status).toBe(200)
    expect(text).not.toMatch(/<script|style="|src="http|onclick/)
    expect((await visit(path, undefined, api.keys.auditor)).status).toBe(403)
    expect((await visit(path, undefined, 'dpn_staff_none')).status).toBe(401)
    const json = await send(api, api.keys.staff, `GET ${path}?format=json`)
    expect(json.json).toHaveProperty('title')
  })

  it('lead a forwarded mail to its end', async () => {
    const member = { email: 'sanne@brief.example', profile: aProfile(), consent: aConsent() }
    await send(site, site.keys.write, 'PUT /v1/members/m-1', member)
    const file = new File([new Uint8Array(mailNamed('thunderbird-attached'))], 'mail.eml')
    const taken = await visit('/desk/notices/file', { file })
    expect(taken.status).toBe(303)
    const shown = await visit(taken.location)
    expect(shown.text).toContain('value="sanne@brief.example"')
    expect(shown.text).toContain('Ik trek mijn toestemming in')
    const wrong = await visit(`${taken.location}/confirm`, { site: 'AMOR', address: 'x' })
    expect(wrong.status).toBe(422)
    expect(wrong.text).toContain('aria-invalid="true"')
    expect(wrong.text).toContain('value="AMOR"')
    const fields = { site: 'amor.example', address: 'sanne@brief.example' }
    expect((await visit(`${taken.location}/confirm`, fields)).status).toBe(303)
    await world.until(async () => (await visit(taken.location)).text.includes('>done<'))
    const after = await visit(taken.location)
    expect(after.text).not.toContain('sanne@')
    expect(after.text).not.toContain('<form method="post"')
    expect((await visit(`${taken.location}/close`, { reason: 'duplicate' })).status).toBe(409)
  })

  it('take pasted words, and close what is none', async () => {
    expect((await visit('/desk/notices', { text: '' })).status).toBe(422)
    const taken = await visit('/desk/notices', {
      text: 'Take me off, jo@mail.example <b>',
      channel: 'post',
    })
    const { text } = await visit(taken.location)
    expect(text).toContain('jo@mail.example &lt;b&gt;')
    const order = await visit(`${taken.location}/order`, { record: '' })
    expect(order.status).toBe(422)
    const closed = await visit(`${taken.location}/close`, { reason: 'not-a-withdrawal' })
    expect(closed.status).toBe(303)
    expect((await visit('/desk/notices?state=closed')).text).toContain(
      taken.location.split('/').at(-1),
    )
    expect((await visit('/desk/notices/n-none')).status).toBe(404)
  })

  it('lead a request of a site owner to its end, and say how to complain', async () => {
    const owner = await visit('/desk/owners', {
      email: 'olga@owner.example',
      source: 'registration',
      name: 'Olga Owner',
    })
    expect((await visit(owner.location)).text).toContain('Olga Owner')
    const bad = await visit('/desk/owners', {
      email: 'olga@owner.example',
      source: 'registration',
      address: 'DE89370400440532013000',
    })
    expect(bad.status).toBe(422)
    const opened = await visit('/desk/requests', {
      email: 'olga@owner.example',
      right: 'copy',
      channel: 'email',
      receivedOn: '2026-02-20',
    })
    expect(opened.status).toBe(303)
    const early = await visit(`${opened.location}/fulfil`, {})
    expect(early.status).toBe(409)
    const step = { result: 'proven', method: 'registered-address' }
    expect((await visit(`${opened.location}/identity`, step)).status).toBe(303)
    expect((await visit(`${opened.location}/refuse`, { reason: 'x' })).status).toBe(422)
    const refused = await visit(`${opened.location}/refuse`, { reason: 'trade-secrets' })
    expect(refused.status).toBe(303)
    const { text } = await visit(opened.location)
    expect(text).toContain('GDPR Art. 77')
    expect(text).toContain('2026-03-20')
  })

  it('hand nothing to an authority before two have approved', async () => {
    const owners = await send(api, api.keys.staff, 'GET /v1/customers')
    const [owner] = owners.json['customers'] as { id: string }[]
    const about = { authority: 'Court of Example', basis: '§ 1, file 7/26' }
    expect((await visit('/desk/authorities', { ...about, customer: 'c-none' })).status).toBe(422)
    const made = await visit('/desk/authorities', { ...about, customer: owner?.id ?? '' })
    expect((await visit(`${made.location}/approve`, {})).status).toBe(303)
    expect((await visit(`${made.location}/approve`, {})).status).toBe(409)
    expect((await visit(`${made.location}/export`, {})).status).toBe(409)
    const second = (await api.access.create('second', 'staff')).secret
    expect((await visit(`${made.location}/approve`, {}, second)).status).toBe(303)
    const file = await visit(`${made.location}/export`, {})
    expect(JSON.parse(file.text)).toMatchObject({ content: { email: 'olga@owner.example' } })
    expect((await visit(made.location)).text).toContain('exported')
  })

  it('keep notes of an application, the register of processors, and sweep', async () => {
    const path = '/desk/applications/amor.example'
    expect((await visit(`${path}/notes`, { text: 'Imprint <checked>.' })).status).toBe(303)
    expect((await visit(path)).text).toContain('Imprint &lt;checked&gt;.')
    const one = {
      name: 'Example Mailer',
      purpose: 'Sends mail',
      category: 'mail',
      country: 'DE',
      policy: 'https://mailer.example/privacy',
    }
    expect((await visit('/desk/processors', { ...one, country: 'XX' })).status).toBe(422)
    expect((await visit('/desk/processors', one)).status).toBe(303)
    expect((await visit('/desk/processors')).text).toContain('https://mailer.example/privacy')
    await visit('/desk/processors/remove', { name: one.name })
    expect((await visit('/desk/processors')).text).not.toContain('mailer.example')
    expect((await visit('/desk/retention', {})).status).toBe(303)
  })
})
