/** Chromium for tests, where it is there or can be installed. */
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import axe from 'axe-core'
import { hasPackages } from '../e2e/debian.ts'

/** Whether browser tests can run here: see {@link hasPackages}. */
export const hasChromium = (): boolean => hasPackages('chromium')

/** Widths and schemes in which every page is looked at. */
export const VIEWS = [
  { name: 'desktop, light', width: 1280, height: 900, scheme: 'light' },
  { name: 'desktop, dark', width: 1280, height: 900, scheme: 'dark' },
  { name: 'phone, light', width: 360, height: 780, scheme: 'light' },
  { name: 'phone, dark', width: 360, height: 780, scheme: 'dark' },
] as const
export type BrowserView = (typeof VIEWS)[number]

/** Starts a browser without a window. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}

export interface Watched {
  page: Page
  context: BrowserContext
  /** Console errors, page errors, and requests to anywhere but `url`. */
  complaints: string[]
}

/** Opens a page that is watched for what it must not do. */
export async function watchedPage(
  browser: Browser,
  {
    url,
    view,
    key,
    hasScript = true,
  }: {
    url: string
    view: BrowserView
    /** Sent with every request, as an auditor's program would. */
    key?: string
    hasScript?: boolean
  },
): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.scheme,
    javaScriptEnabled: hasScript,
    ...(key !== undefined && { extraHTTPHeaders: { authorization: `Bearer ${key}` } }),
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => void complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) complaints.push(`asked for ${request.url()}`)
  })
  return { page, context, complaints }
}

/** Rules of axe whose answer depends on the window and its colours. */
const LOOKS = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable', 'target-size']

/** What axe finds wrong on a page, a line for each; `looks` for another view of the same page. */
export async function violationsOf(page: Page, what: 'all' | 'looks'): Promise<string[]> {
  if (what === 'all') await page.evaluate(axe.source)
  const found = await page.evaluate(
    async (rules) => {
      const { axe: runner } = globalThis as unknown as {
        axe: {
          run: (options: object) => Promise<{
            violations: { id: string; nodes: { html: string }[] }[]
          }>
        }
      }
      const options = { resultTypes: ['violations'], ...(rules !== null && { runOnly: rules }) }
      return (await runner.run(options)).violations
    },
    what === 'all' ? null : LOOKS,
  )
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
}

/** Whether the page is wider than its window, so that it would scroll sideways as a whole. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > window.innerWidth')
}
