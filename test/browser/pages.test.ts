/**
 * Every page in a real browser: at the width of a desktop and of a phone, in light and in dark.
 * Nothing in the console, nothing asked of anybody else, no violation found by axe, nothing wider
 * than the window. Set DPN_SCREENSHOTS to a folder to look at them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  hasChromium,
  isTooWide,
  startBrowser,
  VIEWS,
  violationsOf,
  watchedPage,
} from './chromium.ts'
import { browsedNetwork, type BrowsedNetwork } from './network.ts'

const PUBLIC = [
  '/',
  '/members',
  '/terms',
  '/policy',
  '/processors',
  '/log',
  '/entries/amor.example',
  '/entries/amor.example/9',
  '/status',
]
const AUDIT = [
  '/audit',
  '/audit/sites',
  '/audit/sites/amor.example',
  '/audit/sites/kiss.example',
  '/audit/withdrawals',
  '/audit/withdrawals/amor.example/12',
  '/audit/findings',
  '/audit/challenges',
  '/audit/downloads',
]
/** Where the focus is, and whether that can be seen. */
const FOCUS = `(() => {
  const element = document.activeElement
  const { outlineStyle, outlineWidth } = getComputedStyle(element)
  const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) > 0
  return { href: element.getAttribute('href') ?? '', isSeen }
})()`
/** Milliseconds; many pages on a machine that has other things to do. */
const PATIENCE = 240_000
const SHOTS = process.env['DPN_SCREENSHOTS']

describe.skipIf(!hasChromium())('pages in a browser', () => {
  let network: BrowsedNetwork
  let browser: Browser
  beforeAll(async () => {
    network = await browsedNetwork()
    browser = await startBrowser()
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
  }, PATIENCE)
  afterAll(async () => {
    await browser.close()
    await network.close()
  })

  const open = async (page: Page, path: string): Promise<void> => {
    await page.goto(network.url + path)
    if (path.startsWith('/entries/')) await page.waitForSelector('#check-results[data-done]')
  }

  /** Looks at pages in every view; the address is asked once, the window changes around it. */
  async function faultsOf(
    paths: readonly string[],
    key?: string,
  ): Promise<Record<string, string[]>> {
    const { url } = network
    const { page, context, complaints } = await watchedPage(browser, {
      url,
      view: VIEWS[0],
      ...(key !== undefined && { key }),
    })
    const wrong: Record<string, string[]> = {}
    for (const path of paths) {
      await open(page, path)
      const found: string[] = []
      for (const view of VIEWS) {
        await page.setViewportSize(view)
        await page.emulateMedia({ colorScheme: view.scheme })
        const faults = await violationsOf(page, view === VIEWS[0] ? 'all' : 'looks')
        if (await isTooWide(page)) faults.push('wider than the window')
        found.push(...faults.map((fault) => `${view.name}: ${fault}`))
        const name = `${path.replaceAll('/', '_')}-${view.width}-${view.scheme}.png`
        if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, name), fullPage: true })
      }
      found.push(...complaints.splice(0))
      if ((await context.cookies()).length > 0) found.push('a cookie was set')
      if (found.length > 0) wrong[path] = found
    }
    await context.close()
    return wrong
  }

  it(
    'public pages are in order, and set no cookie',
    async () => {
      expect(await faultsOf(PUBLIC)).toEqual({})
    },
    PATIENCE,
  )

  it(
    "auditors' pages are in order",
    async () => {
      const { findings } = await network.world.coordinator.coordinator.findings.list({
        filter: {},
        order: 'since',
        isDescending: true,
        offset: 0,
        limit: 1,
      })
      const paths = [...AUDIT, ...findings.map(({ id }) => `/audit/findings/${id}`)]
      expect(await faultsOf(paths, network.api.keys.staff)).toEqual({})
    },
    PATIENCE,
  )

  it('a log is checked by the browser itself, against an older checkpoint too', async () => {
    const { page, context } = await watchedPage(browser, { url: network.url, view: VIEWS[0] })
    await open(page, '/entries/amor.example')
    const text = await page.locator('#check-results').innerText()
    expect(text).toContain('is signed with the key of this log')
    expect(text).toContain('nothing before was changed or taken away')
    expect(text).not.toContain('failed')
    const older = page.locator('#check-older')
    await older.fill((await older.inputValue()).replace(/\n[^\n]{8}/, '\n9\nAAAAAA'))
    await page.locator('#check-again').press('Enter')
    await page.waitForSelector('#check-results .bad')
    await context.close()
  })

  it('a log can be read without scripts, which says what checks it then', async () => {
    const { page, context, complaints } = await watchedPage(browser, {
      url: network.url,
      view: VIEWS[0],
      hasScript: false,
    })
    await page.goto(`${network.url}/entries/amor.example/9`)
    expect(await page.locator('main').innerText()).toContain('dpn verify')
    expect(await page.locator('#check-again').isVisible()).toBe(false)
    expect(complaints).toEqual([])
    await context.close()
  })

  it('the keyboard alone leads from the overview to the evidence, with the focus in sight', async () => {
    const { url, api } = network
    const view = VIEWS[0]
    const { page, context } = await watchedPage(browser, { url, view, key: api.keys.auditor })
    const follow = async (href: RegExp): Promise<void> => {
      for (let step = 0; step < 200; step += 1) {
        await page.keyboard.press('Tab')
        const at = await page.evaluate<{ href: string; isSeen: boolean } | null>(FOCUS)
        expect(at?.isSeen).toBe(true)
        if (at !== null && href.test(at.href)) {
          await Promise.all([page.waitForURL(href), page.keyboard.press('Enter')])
          return
        }
      }
      throw new Error(`no link to ${href.source} within 200 steps`)
    }
    await page.goto(`${url}/audit`)
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.className')).toBe('skip')
    await follow(/\/audit\/withdrawals$/)
    await follow(/sort=seconds/)
    await follow(/\/audit\/withdrawals\/amor\.example\/8$/)
    expect(await page.locator('a[download]').getAttribute('href')).toContain('/evidence')
    await context.close()
  })

  it('a member of staff explains a finding by keyboard alone', async () => {
    const { url, api, world } = network
    const { page, context } = await watchedPage(browser, {
      url,
      view: VIEWS[0],
      key: api.keys.staff,
    })
    const { findings } = world.coordinator.coordinator
    const filter = { kind: 'overdue-erasure' as const }
    const paging = { order: 'since' as const, isDescending: true, offset: 0, limit: 1 }
    const [finding] = (await findings.list({ filter, ...paging })).findings
    await page.goto(`${url}/audit/findings/${finding?.id}`)
    await page.locator('select[name=state]').focus()
    await page.keyboard.press('e')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    await page.keyboard.press('Tab')
    await page.keyboard.type('The site moves its machines; back on Monday')
    await page.keyboard.press('Tab')
    await Promise.all([page.waitForLoadState(), page.keyboard.press('Enter')])
    await page.waitForSelector('text=back on Monday')
    const changed = await findings.get(finding?.id ?? '')
    expect(changed.finding.state).toBe('explained')
    expect(changed.history.at(-1)?.note).toContain('back on Monday')
    await context.close()
  })
})
