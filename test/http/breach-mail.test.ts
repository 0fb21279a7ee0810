/**
 * A breach from the desk to everybody who must know: through a real mail server to every owner's
 * mailbox, into the feed of every site, and into the announcements. The server is away at first.
 */
import { expect, it, onTestFinished } from 'vitest'
import { createMailer } from '../../node/outbound/mail.ts'
import { aMailbox } from '../fixtures/mailbox.ts'
import { createWorld } from '../fixtures/network.ts'
import { aCoordinatorApp, send } from './apps.ts'

const SITES = ['amor.example', 'brio.example', 'cher.example']
const NOTICE = {
  nature: 'Ein Datenträger mit Profilen ist verloren gegangen.',
  people: ['members'],
  peopleCount: 1200,
  data: ['profiles', 'pictures'],
  dataCount: 1300,
  consequences: 'Mitglieder könnten erkannt werden.',
  measures: 'Alle Schlüssel wurden ersetzt.',
  contact: 'privacy@network.example',
}

it('reaches every mailbox and every feed, also after the mail server was away', async () => {
  let isAway = true
  const { url, inbox } = await aMailbox({
    onMailFrom: (_address, _session, done) =>
      isAway ? done(Object.assign(new Error('later'), { responseCode: 421 })) : done(),
  })
  const mailer = createMailer({ url, from: 'office@network.example', timeoutMillis: 5000 })
  onTestFinished(mailer.close)
  const world = await createWorld(undefined, { mailer, url: 'https://network.example' })
  onTestFinished(world.close)
  const sites = []
  for (const name of SITES) sites.push(await world.addSite(name, { contact: `owner@${name}` }))
  const api = await aCoordinatorApp(world)
  const staff = api.keys.staff
  const opened = await send<{ id: string }>(api, staff, 'POST /v1/breaches', {
    site: 'amor.example',
    knownAt: world.clock.now(),
  })
  const path = `/v1/breaches/${opened.json.id}`
  await send(api, staff, `PUT ${path}/draft`, NOTICE)
  expect((await send(api, staff, `POST ${path}/notices`, { phase: 'initial' })).status).toBe(201)
  type File = { mails: { sent: number; waiting: number } }
  const mails = async () => (await send<File>(api, staff, `GET ${path}`)).json.mails
  type Page = { mails: { attempts: number }[] }
  await world.until(async () => {
    const { json } = await send<Page>(api, staff, 'GET /v1/mail?kind=breach')
    return json.mails.every(({ attempts }) => attempts > 0)
  })
  expect(await mails()).toMatchObject({ sent: 0, waiting: 3 })
  isAway = false
  world.clock.advance(60)
  await world.until(async () => (await mails()).sent === 3)

  const notices = (await inbox()).filter(({ subject }) => subject?.includes('data breach') === true)
  expect(new Set(notices.map(({ to }) => to?.[0]?.address))).toEqual(
    new Set(SITES.map((name) => `owner@${name}`)),
  )
  expect(notices).toHaveLength(SITES.length)
  for (const { text } of notices)
    for (const part of [NOTICE.nature, NOTICE.consequences, NOTICE.measures, opened.json.id])
      expect(text).toContain(part)
  for (const { site } of sites) {
    await world.until(async () => {
      const part = await site.feed.read(0, 100)
      return part.kind === 'events' && part.events.some(({ type }) => type === 'breach.declared')
    })
    const { breaches } = site.node.view.registry()
    expect(breaches).toMatchObject([{ ...NOTICE, id: opened.json.id }])
  }
  const feed = await (await api.app.request('/announcements.atom')).text()
  expect(feed).toContain(NOTICE.nature)
})
