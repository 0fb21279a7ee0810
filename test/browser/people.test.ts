/**
 * People in a real browser: a link from a mail, a passkey of Chromium's virtual authenticator, the
 * desk of a breach by keyboard alone; and each of these pages in every view.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OutgoingMail } from '../../node/core/mail.ts'
import { OPERATOR_ACTOR } from '../../node/core/people/actor.ts'
import { serve, type Served } from '../../node/http/server.ts'
import { createWebAuthn } from '../../node/http/webauthn.ts'
import { freePort } from '../e2e/process.ts'
import { createWorld, type World } from '../fixtures/network.ts'
import { aCoordinatorApp } from '../http/apps.ts'
import { hasChromium, isTooWide, startBrowser, VIEWS, violationsOf } from './chromium.ts'

const SHOTS = process.env['DPN_SCREENSHOTS']
const PLENTY = { perSecond: 1000, burst: 10_000 }

async function withDevice(context: BrowserContext, page: Page): Promise<void> {
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

describe.skipIf(!hasChromium())('people in a browser', () => {
  const inbox: OutgoingMail[] = []
  let world: World
  let served: Served
  let browser: Browser
  let url = ''

  beforeAll(async () => {
    const port = await freePort()
    url = `http://localhost:${port}`
    world = await createWorld(undefined, {
      url,
      webAuthn: createWebAuthn(url, 'network.example'),
      mailer: {
        send: async (mail) => {
          inbox.push(mail)
          return { kind: 'accepted', answer: '250' }
        },
      },
    })
    await world.addSite('amor.example')
    const { accounts } = world.coordinator.coordinator.people
    const staff = { email: 'staff@desk.example', role: 'staff', sites: [] } as const
    await accounts.create(OPERATOR_ACTOR, staff)
    const { app } = await aCoordinatorApp(world, {
      url,
      rates: { perAddress: PLENTY, perKey: PLENTY },
    })
    served = await serve(app, { host: '127.0.0.1', port })
    browser = await startBrowser()
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true })
  })
  afterAll(async () => {
    await browser.close()
    await served.close()
    await world.close()
  })

  /** Asks for a link on the page, and opens it. */
  async function signIn(page: Page): Promise<void> {
    await page.goto(`${url}/sign-in`)
    await page.getByLabel('Your e-mail address').fill('staff@desk.example')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${url}/sign-in/sent`)
    await world.coordinator.coordinator.people.mail.run()
    const links = inbox.flatMap(
      ({ text }) => /http\S+\/sign-in\/[0-9a-f]{64}/.exec(text)?.[0] ?? [],
    )
    const link = links.at(-1) ?? ''
    // A program that looks at the links in mails does not use them up.
    expect((await fetch(link)).status).toBe(200)
    await page.goto(link)
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`${url}/account`)
  }

  it('sign in by a link, make a passkey, and sign in by that', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await withDevice(context, page)
    await signIn(page)
    await page.getByRole('button', { name: 'Make a passkey' }).click()
    await page.getByRole('button', { name: 'Remove' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${url}/sign-in`)
    expect(await context.cookies()).toEqual([])
    await page.goto(`${url}/desk/acts`)
    await page.waitForURL(`${url}/sign-in?next=%2Fdesk%2Facts`)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.waitForURL(`${url}/desk/acts`)
    expect(await page.getByRole('main').textContent()).toContain('passkey.add')
    expect(complaints).toEqual([])
    await context.close()
  })

  it('declare a breach by keyboard alone, without a script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await signIn(page)
    await page.goto(`${url}/desk/breaches`)
    const type = async (label: string, text: string): Promise<void> => {
      await page.getByRole('textbox', { name: label }).focus()
      await page.keyboard.type(text)
    }
    const press = async (name: string): Promise<void> => {
      await page.getByRole('button', { name }).focus()
      const loaded = page.waitForEvent('load')
      await page.keyboard.press('Enter')
      await loaded
    }
    await type('Site concerned', 'amor.example')
    await type('Known since (UTC)', 'yesterday')
    await press('Open the breach')
    expect(await page.getByRole('alert').textContent()).toContain('not taken')
    await page.getByLabel('Known since (UTC)').fill('')
    await type('Known since (UTC)', '2026-02-28 09:30')
    await press('Open the breach')
    await type('What happened', 'A disk was lost.')
    await type('Likely consequences', 'Members may be recognised.')
    await type('Measures', 'Keys were replaced.')
    await type('Contact', 'privacy@network.example')
    for (const box of ['Concerns: members', 'Data: profiles']) {
      await page.getByLabel(box).focus()
      await page.keyboard.press('Space')
    }
    await press('Keep this text')
    await press('Declare: initial')
    expect(await page.getByRole('main').textContent()).toContain('Notice: initial')
    await page.goto(`${url}/announcements`)
    expect(await page.getByRole('article').textContent()).toContain('A disk was lost.')
    await context.close()
  })

  it.each(VIEWS)('see pages that are in order: $name', async (view) => {
    const context = await browser.newContext({
      viewport: { width: view.width, height: view.height },
      colorScheme: view.scheme,
    })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(message.text())
    })
    page.on('pageerror', (error) => void complaints.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`)) complaints.push(`asked for ${request.url()}`)
    })
    await signIn(page)
    const [breach] = await world.coordinator.coordinator.breaches.list()
    const wrong: Record<string, string[]> = {}
    for (const path of [
      '/sign-in',
      '/sign-in/sent',
      '/announcements',
      '/account',
      '/desk',
      '/desk/notices',
      '/desk/requests',
      '/desk/applications',
      '/desk/owners',
      '/desk/retention',
      '/desk/authorities',
      '/desk/processors',
      '/desk/accounts',
      '/desk/acts',
      '/desk/breaches',
      `/desk/breaches/${breach?.breach.id ?? 'none'}`,
    ]) {
      const answer = await page.goto(url + path)
      const found = [...complaints.splice(0), ...(await violationsOf(page, 'all'))]
      if (answer?.status() !== 200) found.push(`answered ${answer?.status() ?? 0}`)
      if (await isTooWide(page)) found.push('wider than the window')
      if (found.length > 0) wrong[path] = found
      const name = `people${path.replaceAll('/', '_').slice(0, 30)}-${view.width}-${view.scheme}.png`
      if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, name), fullPage: true })
    }
    await context.close()
    expect(wrong).toEqual({})
  })
})
