/**
 * The consent pages in a real browser: at the width of a desktop and of a phone, in light and in
 * dark, in two languages and two scripts, without a script and by keyboard alone. Set
 * DPN_SCREENSHOTS to a folder to look at them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve, type Served } from '../../node/http/server.ts'
import { mountConsentPages } from '../../node/web/consent/pages.ts'
import { aBridge, type HandBridge } from '../fixtures/bridge.ts'
import { createWorld, NETWORK, type TestSite, type World } from '../fixtures/network.ts'
import { aSiteApp } from '../http/apps.ts'
import {
  hasChromium,
  isTooWide,
  startBrowser,
  VIEWS,
  violationsOf,
  watchedPage,
} from './chromium.ts'

const PATIENCE = 240_000
const SHOTS = process.env['DPN_SCREENSHOTS']
const SENT = {
  nickname: 'Lotte',
  profile_data: {
    headline: 'Brot und Radio',
    height: '172 cm',
    body_type: 'Athletic',
    race: 'Mixed race',
    religion: 'No religion',
  },
}
const FOCUS = `(() => {
  const element = document.activeElement
  const { outlineStyle, outlineWidth } = getComputedStyle(element)
  const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) > 0
  return { value: element.getAttribute('value') ?? '', name: element.getAttribute('name') ?? '', isSeen }
})()`

/** Looks at what the page shows now in every view. */
async function faultsOf(page: Page, name: string): Promise<string[]> {
  const found: string[] = []
  for (const view of VIEWS) {
    await page.setViewportSize(view)
    await page.emulateMedia({ colorScheme: view.scheme })
    const faults = await violationsOf(page, view === VIEWS[0] ? 'all' : 'looks')
    if (await isTooWide(page)) faults.push('wider than the window')
    found.push(...faults.map((fault) => `${name}, ${view.name}: ${fault}`))
    const file = `consent-${name}-${view.width}-${view.scheme}.png`
    if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, file), fullPage: true })
  }
  return found
}
const press = (page: Page, act: string) =>
  Promise.all([page.waitForLoadState(), page.locator(`button[value=${act}]`).click()])

describe.skipIf(!hasChromium())('the consent pages in a browser', () => {
  let world: World
  let amor: TestSite
  let bridge: HandBridge
  let served: Served
  let browser: Browser
  beforeAll(async () => {
    world = await createWorld()
    amor = await world.addSite('amor.example')
    bridge = aBridge(amor)
    const wide = { perSecond: 1000, burst: 10_000 }
    const { app } = await aSiteApp(amor, {
      bridge,
      rates: { perAddress: wide },
      pages: (door) =>
        mountConsentPages(door, {
          bridge,
          site: amor.identity.site,
          network: NETWORK,
          crypto: amor.ports.crypto,
        }),
    })
    served = await serve(app, { host: '127.0.0.1', port: 0 })
    browser = await startBrowser()
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
  }, PATIENCE)
  afterAll(async () => {
    await browser.close()
    await served.close()
    await world.close()
  })

  async function linkOf(localId: number, language: string): Promise<string> {
    if ((await bridge.holds.get(localId)) === null)
      await bridge.hold(localId, { ...SENT, lang: language.toUpperCase() })
    const [link] = await bridge.consents.links([localId])
    return served.url + new URL(link?.url ?? '').pathname
  }
  async function ownLinkOf(localId: number, language: string): Promise<string> {
    const link = await linkOf(localId, language)
    const token = link.split('/').at(-1) ?? ''
    await bridge.consents.agree(token, {
      scopes: ['discovery', 'race'],
      language,
      email: 'a@b.example',
    })
    return linkOf(localId, language)
  }

  it.each([
    ['en', 1],
    ['de', 2],
    ['ru', 3],
  ])(
    'are in order in %s, and look well',
    async (language, localId) => {
      const { page, context, complaints } = await watchedPage(browser, {
        url: served.url,
        view: VIEWS[0],
      })
      const faults: string[] = []
      const look = async (name: string) => {
        faults.push(...(await faultsOf(page, `${language}-${name}`)))
        faults.push(...complaints.splice(0).filter((text) => !/status of (?:404|422)/.test(text)))
      }
      await page.goto(await linkOf(localId, language))
      await look('ask')
      await press(page, 'agree')
      await look('untaken')
      await page.locator('#discovery').check()
      await page.locator('#email').fill('none')
      await press(page, 'agree')
      await look('bad-email')
      await page.locator('#email').fill('lotte@mail.example')
      await press(page, 'agree')
      await look('agreed')
      await page.goto(await linkOf(localId, language))
      await look('own')
      await bridge.suspend(localId)
      await page.reload()
      await look('suspended')
      await press(page, 'keep')
      await look('kept')
      await page.goto(await linkOf(localId, language))
      const gone = page.url()
      await press(page, 'decline')
      await look('withdrawn')
      await page.goto(`${gone}?language=${language}`)
      await look('gone')
      expect(faults).toEqual([])
      expect(await context.cookies()).toEqual([])
      await context.close()
    },
    PATIENCE,
  )

  it(
    'let a member agree by keyboard alone, without a script, with the focus in sight',
    async () => {
      const { page, context, complaints } = await watchedPage(browser, {
        url: served.url,
        view: VIEWS[2],
        hasScript: false,
      })
      await page.goto(await linkOf(10, 'en'))
      const focusOn = async (value: string, key: 'Space' | 'Enter') => {
        for (let step = 0; step < 60; step += 1) {
          await page.keyboard.press('Tab')
          const at = await page.evaluate<{ value: string; isSeen: boolean }>(FOCUS)
          expect(at.isSeen).toBe(true)
          if (at.value !== value) continue
          await page.keyboard.press(key)
          return
        }
        throw new Error(`no ${value} within 60 steps`)
      }
      await focusOn('discovery', 'Space')
      await focusOn('messaging', 'Space')
      await Promise.all([page.waitForSelector('.banner a'), focusOn('agree', 'Enter')])
      expect((await amor.site.members.get('10'))?.consent.scopes).toEqual([
        'discovery',
        'messaging',
      ])
      expect(complaints).toEqual([])
      await context.close()
    },
    PATIENCE,
  )

  it('let a member change scopes and withdraw by its own link', async () => {
    const { page, context } = await watchedPage(browser, { url: served.url, view: VIEWS[0] })
    await page.goto(await ownLinkOf(11, 'de'))
    expect(await page.locator('#race').isChecked()).toBe(true)
    expect(await page.locator('#religion').isChecked()).toBe(false)
    world.clock.advance(1)
    await page.locator('#race').uncheck()
    await press(page, 'agree')
    expect((await amor.site.members.get('11'))?.consent.scopes).toEqual(['discovery'])
    await page.goto(await linkOf(11, 'de'))
    await press(page, 'decline')
    expect(await page.locator('h1').innerText()).toBe('Sie haben widerrufen')
    expect(await amor.site.members.get('11')).toBeNull()
    await context.close()
  })
})
