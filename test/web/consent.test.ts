/** The consent pages as a browser without scripts sees them, on the real core of an admitted site. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SCOPES } from '../../protocol/consent.ts'
import { FIELD_NAMES } from '../../protocol/vocabulary.ts'
import type { SiteRole } from '../../node/core/access.ts'
import { NOTICE_LANGUAGES, noticeText } from '../../node/core/bridge/consent/notice.ts'
import { mountConsentPages } from '../../node/web/consent/pages.ts'
import { WORDS } from '../../node/web/consent/languages.ts'
import { aBridge, type HandBridge } from '../fixtures/bridge.ts'
import { createWorld, NETWORK, type TestSite, type World } from '../fixtures/network.ts'
import { aSiteApp, type TestApp } from '../http/apps.ts'

let world: World
let amor: TestSite
let bridge: HandBridge
let api: TestApp<SiteRole>
let id = 0

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bridge = aBridge(amor)
  api = await anApp()
})
afterAll(() => world.close())
beforeEach(async () => {
  id += 1
  world.clock.advance(1)
  await bridge.hold(id, { nickname: 'Hazel &#38; &#34;Moss&#34;', lang: 'EN' })
})

const anApp = (settings = {}): Promise<TestApp<SiteRole>> =>
  aSiteApp(amor, {
    bridge,
    pages: (door) =>
      mountConsentPages(door, {
        bridge,
        site: amor.identity.site,
        network: NETWORK,
        crypto: amor.ports.crypto,
      }),
    ...settings,
  })
async function pathOf(localId = id): Promise<string> {
  const [link] = await bridge.consents.links([localId])
  return new URL(link?.url ?? '').pathname
}
async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await api.app.request(path, { headers })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
async function post(path: string, fields: readonly (readonly [string, string])[]) {
  const answer = await api.app.request(path, {
    method: 'POST',
    // As browsers do where the page sends no referrer.
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' },
    body: new URLSearchParams(
      fields.map(([name, value]): [string, string] => [name, value]),
    ).toString(),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}
const hiddenIn = (text: string, name: string): string =>
  new RegExp(`name="${name}"\\s+value="([^"]*)"`).exec(text)?.[1] ?? ''
/** Fills in the form that a page shows, and presses its first button. */
async function agree(
  path: string,
  scopes: readonly string[],
  others: readonly (readonly [string, string])[] = [],
) {
  const { text } = await get(path)
  const carried = (['language', 'notice'] as const).map(
    (name) => [name, hiddenIn(text, name)] as const,
  )
  return post(path, [
    ...carried,
    ...scopes.map((scope) => ['scope', scope] as const),
    ['act', 'agree'],
    ...others,
  ])
}
const ownPathIn = (text: string): string =>
  /href="https:\/\/amor\.example(\/bridge\/consent\/[\w-]{43})"/.exec(text)?.[1] ?? ''
const member = () => amor.site.members.get(String(id))

describe('the page behind a link', () => {
  it('shows who, what each scope shares, the notice, and no box ticked', async () => {
    const { text, status } = await get(await pathOf())
    expect(status).toBe(200)
    expect(text).toContain('Hazel &amp; &quot;Moss&quot;')
    for (const scope of SCOPES) expect(text).toContain(`value="${scope}"`)
    expect(text).not.toContain('checked')
    expect(text).toContain('whom you seek')
    expect(text).toContain('main picture')
    const notice = noticeText({ site: amor.identity.site, network: NETWORK }, 'en')
    const shown = text.replaceAll(/\s+/g, ' ')
    for (const part of notice.trim().split('\n\n')) expect(shown).toContain(part)
  })

  it('keeps the address to itself, and may do nothing but send its form', async () => {
    const { headers, text } = await get(await pathOf())
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-robots-tag')).toBe('noindex, nofollow')
    expect(headers.get('set-cookie')).toBeNull()
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("form-action 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(text).not.toMatch(/<script|src=|action=/)
  })

  it('changes nothing by being looked at, as programs do that check mails', async () => {
    const path = await pathOf()
    for (const method of ['GET', 'HEAD', 'GET'])
      expect((await api.app.request(path, { method })).status).toBe(200)
    expect((await api.app.request(path, { method: 'PUT' })).status).toBe(405)
    expect(await bridge.holds.get(id)).toMatchObject({ state: 'held' })
    expect((await agree(path, ['discovery'])).status).toBe(200)
  })

  it('publishes what is ticked, and gives the own link, which works again and again', async () => {
    const path = await pathOf()
    const done = await agree(path, ['discovery', 'religion'], [['email', ' a@mail.example ']])
    expect(done.text).toContain('You have agreed')
    expect((await member())?.consent.scopes).toEqual(['discovery', 'religion'])
    expect((await amor.site.members.export(String(id))).member?.email).toBe('a@mail.example')
    expect((await get(path)).status).toBe(404)
    const own = ownPathIn(done.text)
    for (let look = 0; look < 2; look += 1) {
      const { text } = await get(own)
      expect(text).toMatch(/value="religion"[^>]*checked/)
      expect(text).not.toMatch(/value="race"[^>]*checked/)
      expect(text).toContain(WORDS.en.heldLater)
      expect(text).not.toContain('a@mail.example')
    }
    world.clock.advance(2)
    await agree(own, ['discovery'])
    expect((await member())?.consent.scopes).toEqual(['discovery'])
    const withdrawn = await post(own, [['act', 'decline']])
    expect(withdrawn.text).toContain('You have withdrawn')
    expect(await member()).toBeNull()
    expect((await get(own)).status).toBe(404)
  })

  it('says what is missing, and fills in again what was there', async () => {
    const path = await pathOf()
    const without = await agree(path, ['race'], [['email', 'a@mail.example']])
    expect(without.status).toBe(422)
    expect(without.text).toContain(WORDS.en.untaken.scope.slice(0, 4))
    expect(without.text).toContain('role="alert"')
    expect(without.text).toMatch(/value="race"[^>]*checked/)
    expect(without.text).toContain('value="a@mail.example"')
    const wrong = await agree(path, ['discovery'], [['email', '"><script>']])
    expect(wrong.status).toBe(422)
    expect(wrong.text).toContain(WORDS.en.untaken.email)
    expect(wrong.text).not.toContain('<script')
    expect(await member()).toBeNull()
  })

  it('takes no consent to another text than the one that is shown', async () => {
    const path = await pathOf()
    const stale = await post(path, [
      ['language', 'en'],
      ['notice', 'a'.repeat(64)],
      ['scope', 'discovery'],
      ['act', 'agree'],
    ])
    expect([stale.status, stale.text]).toEqual([
      422,
      expect.stringContaining(WORDS.en.untaken.notice),
    ])
    expect(await member()).toBeNull()
  })

  it('wipes what is held of who says no', async () => {
    const { text } = await post(await pathOf(), [['act', 'decline']])
    expect(text).toContain('Nothing is shared')
    expect(await bridge.holds.get(id)).toBeNull()
  })

  it('asks a hidden member whether it was them: kept, or withdrawn', async () => {
    const own = ownPathIn((await agree(await pathOf(), ['discovery'])).text)
    await bridge.suspend(id)
    expect((await get(own)).text).toContain('Do you want to leave?')
    expect((await post(own, [['act', 'keep']])).text).toContain('Your profile stays')
    expect(await bridge.holds.get(id)).toMatchObject({ state: 'published' })
    await bridge.suspend(id)
    expect((await post(own, [['act', 'decline']])).text).toContain('You have withdrawn')
    expect(await bridge.holds.get(id)).toBeNull()
  })

  it('gives one answer for what is wrong, used, or void', async () => {
    const path = await pathOf()
    const used = await pathOf()
    await post(used, [['act', 'decline']])
    const answers = [
      await get('/bridge/consent/x'),
      await get(`/bridge/consent/${'A'.repeat(43)}`),
      await get(path),
      await get(used),
      await post(used, [['act', 'agree']]),
    ]
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(404)
    const german = await get(path, { 'accept-language': 'de-AT,en;q=0.5' })
    expect(german.text).toContain('Dieser Link öffnet nichts')
  })

  it('is written to no log but by its pattern, and holds no cookie', async () => {
    await get(await pathOf())
    expect(api.seen.at(-1)?.route).toBe('/bridge/consent/{token}')
  })

  it('bounds what is sent, and how often', async () => {
    const path = await pathOf()
    expect((await post(path, [['email', 'x'.repeat(20_000)]])).status).toBe(413)
    expect((await api.app.request(path, { method: 'POST', body: 'x' })).status).toBe(415)
    const hurried = await anApp({ rates: { perAddress: { perSecond: 0.001, burst: 2 } } })
    for (const status of [200, 200]) expect((await hurried.app.request(path)).status).toBe(status)
    const third = await hurried.app.request(path)
    expect(third.status).toBe(429)
    expect(third.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await third.text()).toContain('Not now')
  })

  it('says that it cannot be done now while the log may not be written', async () => {
    const lone = await world.addSite('lone.example', { isAdmitted: false })
    const others = aBridge(lone)
    const waiting = await aSiteApp(lone, {
      bridge: others,
      pages: (door) =>
        mountConsentPages(door, {
          bridge: others,
          site: lone.identity.site,
          network: NETWORK,
          crypto: lone.ports.crypto,
        }),
    })
    await others.hold(1)
    const [link] = await others.consents.links([1])
    const path = new URL(link?.url ?? '').pathname
    const shown = await waiting.app.request(path)
    const text = await shown.text()
    const body = new URLSearchParams({
      act: 'agree',
      scope: 'discovery',
      language: 'en',
      notice: hiddenIn(text, 'notice'),
    })
    const answer = await waiting.app.request(path, { method: 'POST', body })
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('Not now')
    expect(await others.consents.visit(link?.token ?? '')).not.toBeNull()
  })
})

describe('languages', () => {
  it.each(NOTICE_LANGUAGES)(
    '%s: by the language of the member, with that notice',
    async (language) => {
      await bridge.hold(id, { lang: language.toUpperCase() })
      const path = await pathOf()
      const { text } = await get(path)
      expect(text).toContain(`<html lang="${language}">`)
      expect(text).toContain(WORDS[language].choose)
      const done = await agree(path, ['discovery'])
      expect(done.text).toContain(`<html lang="${language}">`)
      const { notice } = (await member())?.consent ?? {}
      expect(notice?.language).toBe(language)
      expect(notice?.url).toBe(`https://amor.example/bridge/notice/${language}`)
      const shown = await get(new URL(notice?.url ?? '').pathname)
      expect(shown.headers.get('content-type')).toMatch(/^text\/plain; charset=utf-8$/i)
      const hash = amor.ports.crypto.sha256(new TextEncoder().encode(shown.text))
      expect(Buffer.from(hash).toString('hex')).toBe(notice?.hash)
    },
  )

  it('is English where there are no words, and another where the member chooses it', async () => {
    await bridge.hold(id, { lang: 'XX' })
    const path = await pathOf()
    expect((await get(path)).text).toContain('<html lang="en">')
    const french = await get(`${path}?language=fr`)
    expect(french.text).toContain('<html lang="fr">')
    await post(`${path}?language=fr`, [
      ['language', 'fr'],
      ['notice', hiddenIn(french.text, 'notice')],
      ['scope', 'discovery'],
      ['act', 'agree'],
    ])
    expect((await member())?.consent.notice.language).toBe('fr')
    expect((await get('/bridge/notice/xx')).status).toBe(404)
  })

  it.each(NOTICE_LANGUAGES)('%s names every scope and field, each by another word', (language) => {
    const { scopes, fields } = WORDS[language]
    const titles = Object.values(scopes).map(({ title }) => title)
    expect(new Set(titles).size).toBe(SCOPES.length)
    expect(new Set(Object.values(fields)).size).toBe(FIELD_NAMES.length)
  })
})

describe('a notice that the Network does not accept', () => {
  it('is said, and nobody can agree; who has agreed can withdraw', async () => {
    const own = ownPathIn((await agree(await pathOf(), ['discovery'])).text)
    const { coordinator } = world.coordinator
    const { terms } = coordinator.node.view.registry()
    await coordinator.admission.setTerms({ ...terms, noticeVersions: ['2027-01-01'] })
    await world.until(() =>
      amor.site.node.view.registry().terms.noticeVersions.includes('2027-01-01'),
    )
    await bridge.hold(id + 1000)
    const closed = await get(await pathOf(id + 1000))
    expect(closed.text).toContain('Nobody can agree now')
    expect(closed.text).not.toContain('value="agree"')
    expect(closed.text).toContain('value="decline"')
    const mine = await get(own)
    expect(mine.text).toContain('Nobody can agree now')
    expect((await post(own, [['act', 'decline']])).text).toContain('You have withdrawn')
  })
})
