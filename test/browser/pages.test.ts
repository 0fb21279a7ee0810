/**
 * Every page in a real browser: at the width of a desktop and of a phone, in light and in dark.
 * Nothing in the console, nothing asked of anybody else, no violation found by axe, nothing wider
 * than the window. Set DPN_SCREENSHOTS to a folder to look at them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
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
  '/log',
  '/entries/amor.example',
  '/entries/amor.example/9',
  '/status',
]
const SHOTS = process.env['DPN_SCREENSHOTS']

describe.skipIf(!hasChromium())('pages in a browser', () => {
  let network: BrowsedNetwork
  let browser: Browser
  beforeAll(async () => {
    network = await browsedNetwork()
    browser = await startBrowser()
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
  })
  afterAll(async () => {
    await browser.close()
    await network.close()
  })

  it.each(VIEWS)('public pages are in order: $name', async (view) => {
    const { url } = network
    const { page, context, complaints } = await watchedPage(browser, { url, view })
    const wrong: Record<string, string[]> = {}
    for (const path of PUBLIC) {
      await page.goto(url + path)
      if (path.startsWith('/entries/')) await page.waitForSelector('#check-results[data-done]')
      const found = [...complaints.splice(0), ...(await violationsOf(page))]
      if (await isTooWide(page)) found.push('wider than the window')
      if ((await context.cookies()).length > 0) found.push('a cookie was set')
      if (found.length > 0) wrong[path] = found
      const name = `${path.replaceAll('/', '_')}-${view.width}-${view.scheme}.png`
      if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, name), fullPage: true })
    }
    await context.close()
    expect(wrong).toEqual({})
  })
})
