/** The end of the story: two more sites, whose websites run the old module and know of no node. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chat } from '../module/fast.ts'
import { installModule, type Module } from '../module/module.ts'
import { SETTINGS } from '../module/slow-loop.ts'
import { leave, look, openWebsite, register, save, type User } from '../module/website.ts'
import { NOTICE } from '../people.ts'
import type { DemoNetwork, DemoNode } from './network.ts'
import { assert, dpnJson, freePorts, until } from './processes.ts'

const ROSA = 'rosa.example'
const MILO = 'milo.example'
const SECONDS = 30
const ROUND_MILLIS = 3000
const SCOPES = ['discovery', 'pictures', 'messaging', 'presence']

type Tell = (line: string) => void

/** A site of which the owner has set two addresses in the module. */
export interface BridgedSite extends Module {
  site: string
  node: DemoNode
}
/** What the story says of the bridge. */
export interface Bridged {
  sites: { site: string; url: string }[]
  /** Sent by the modules, whatever the members have decided. */
  held: number
  published: { page: number; list: number }
  /** Where a bridged member was shown: a native site, and the website of another bridged one. */
  shownAt: string[]
  /** Anywhere, of who has not agreed. */
  shownWithoutConsent: number
  renamed: boolean
  messages: number
  /** Signed for her withdrawal. */
  receipts: number
  /** What her picture's address answers then. */
  pictureAfter: number
}

async function startSite(network: DemoNetwork, site: string): Promise<BridgedSite> {
  const website = await openWebsite()
  const [bridgePort = 0] = await freePorts(1)
  const node = await network.addSite(site, (url) => ({
    bridgePort,
    bridgePublicUrl: url,
    bridgeOrigins: website.photoOrigin,
  }))
  const applying = ['apply', '--data', node.folder, '--type', 'general', '--jurisdiction', 'IT']
  await dpnJson([...applying, '--contact', `owner@${site}`])
  const admitted = await network.coordinator.ask('POST', `/v1/applications/${site}/admit`)
  assert(admitted.status === 200, `${site} is admitted`)
  await node.start()
  await until(`${site} may write`, SECONDS, async () => {
    const { json } = await node.ask<{ writable: boolean }>('GET', '/v1/status')
    return json.writable || undefined
  })
  await node.ask('POST', '/v1/bridge/pairing')
  const settings = { ...SETTINGS, country_code: ['IT'] }
  const bridge = `http://127.0.0.1:${bridgePort}`
  const module = await installModule(website, { bridge, domain: site, settings })
  await module.loop.round()
  return { ...module, site, node }
}

function aUser({ website }: Module, name: string, isMan: boolean): User {
  return register(website, {
    nickname: name,
    birth_date: '1991-03-14',
    user_type: isMan ? 'male' : 'female',
    looking_user_type: isMan ? 'female' : 'male',
    age_max: 50,
    country_code: 'IT',
    city: 'Siena',
    lang: 'IT',
    address: `${name.toLowerCase()}@mail.example`,
    profile: { height: '5\' 7" (170 cm)' },
    pictures: [`${name}-1`, `${name}-2`],
    decision: 'agree',
  })
}

/** The member opens the link, ticks boxes, and agrees, as a browser does it. */
async function agreeOnPage({ node }: BridgedSite, { id }: User): Promise<void> {
  const made = await node.ask<{ links: { url: string }[] }>('POST', '/v1/bridge/links', {
    localIds: [id],
  })
  const link = made.json.links[0]?.url ?? ''
  const page = await (await fetch(link)).text()
  const form = new URLSearchParams(SCOPES.map((scope): [string, string] => ['scope', scope]))
  for (const name of ['notice', 'language'])
    form.set(name, new RegExp(`name="${name}"\\s+value="([^"]*)"`).exec(page)?.[1] ?? '')
  form.set('act', 'agree')
  const { status } = await fetch(link, { method: 'POST', body: form })
  assert(status === 200, 'the member agrees on the page')
}

/** The owner signs a list, with a key that the website never has. */
async function signList(
  { site, node }: BridgedSite,
  { id }: User,
  folder: string,
): Promise<number> {
  const [key, list] = [join(folder, `${site}.key`), join(folder, `${site}.ndjson`)]
  const { version, language, hash } = NOTICE
  const notice = { url: `https://${site}/notice`, version, language, hash }
  const given = {
    givenAt: Math.floor(Date.now() / 1000),
    channel: 'web',
    evidence: 'form 7, row 1',
  }
  writeFileSync(list, `${JSON.stringify({ localId: id, scopes: SCOPES, notice, ...given })}\n`)
  await dpnJson(['bridge', 'owner-key', key, '--site', site, '--register'], node.env)
  await dpnJson(['bridge', 'sign', list, '--key', key])
  const done = await dpnJson(['bridge', 'import', `${list}.signed`], node.env)
  return Number(done['published'])
}

interface Shown {
  home: string
  record: string
  profile: { nickname?: string }
  pictures: unknown[]
}
/** What a node shows of a member of that name. */
async function shownAt(node: DemoNode, home: string, nickname: string): Promise<Shown | undefined> {
  const path = `/v1/records?home=${home}&limit=200`
  const { json } = await node.ask<{ records: Shown[] }>('GET', path)
  return json.records.find(({ profile }) => profile.nickname === nickname)
}
/** Waits until a node shows a member with its pictures. */
const appears = (node: DemoNode, home: string, nickname: string): Promise<Shown> =>
  until(`${nickname} is shown at ${node.name}`, SECONDS, async () => {
    const shown = await shownAt(node, home, nickname)
    return shown !== undefined && shown.pictures.length > 1 ? shown : undefined
  })
interface Cast {
  rosa: BridgedSite
  milo: BridgedSite
  amor: DemoNode
  bianca: User
  enzo: User
}

/** Both agree, by two ways, and are shown where they may be. */
async function agree({ rosa, milo, amor, bianca, enzo }: Cast, folder: string) {
  await agreeOnPage(rosa, bianca)
  const list = await signList(milo, enzo, folder)
  assert(list === 1, 'the signed list publishes whoever is on it')
  const shown = await appears(amor, ROSA, 'Bianca')
  await Promise.all([appears(milo.node, ROSA, 'Bianca'), appears(rosa.node, MILO, 'Enzo')])
  const [at, user] = await Promise.all([
    rosa.until(`Enzo is a user of ${ROSA}`, () => rosa.foreigner('Enzo')),
    milo.until(`Bianca is a user of ${MILO}`, () => milo.foreigner('Bianca')),
  ])
  const picture = await look(user.fields.icon)
  assert(picture.status === 200, "her picture is on the other website's pages")
  return { shown, user, at, list }
}

/** They write to each other, each on the pages of the own website. */
async function write({ rosa, milo, bianca, enzo }: Cast, there: User, here: User): Promise<number> {
  const [line, answering] = [rosa.connect(), milo.connect()]
  await rosa.until('she has a number', () => bianca.netId > 0)
  await milo.until('he has a number', () => enzo.netId > 0)
  const { chats } = milo.website
  chat(rosa.website, line, bianca.id, here.id, 'Ciao Enzo')
  await until('he has her line', SECONDS, async () => chats.at(0))
  chat(milo.website, answering, enzo.id, there.id, 'Ciao Bianca')
  await until('she has his line', SECONDS, async () => rosa.website.chats.at(0))
  await Promise.all([line.stop(), answering.stop()])
  return chats.length + rosa.website.chats.length
}

/** She leaves. Her module does not say who it was, and the owner confirms. */
async function leaves({ rosa, milo, amor, bianca }: Cast, record: string, user: User, tell: Tell) {
  leave(rosa.website, bianca.id)
  await rosa.loop.round()
  const others = [amor, milo.node]
  for (const node of others)
    await until(`she is hidden at ${node.name}`, SECONDS, async () => {
      const { status } = await node.ask('GET', `/v1/records/${ROSA}/${record}`)
      return status === 404 || undefined
    })
  tell(
    'Bianca leaves. Her module tells it without saying who it was: she is hidden everywhere at once,',
  )
  const confirmed = await rosa.node.ask('POST', `/v1/bridge/members/${bianca.id}/withdraw`)
  assert(confirmed.status === 200, 'the owner confirms')
  const progress = await until('everybody has confirmed', SECONDS, async () => {
    const path = `/v1/withdrawals/${record}`
    const { json } = await rosa.node.ask<{ state: string; receipts: unknown[] }>('GET', path)
    return json.state === 'complete' ? json : undefined
  })
  await milo.until(`${MILO} has deleted her`, () => milo.foreigner(user.fields.nickname) === null)
  const { status } = await look(user.fields.icon)
  assert(status === 404, "her picture's address opens nothing")
  tell(
    `  the owner says that she has gone, ${progress.receipts.length} nodes have signed for it, ` +
      `the website of ${MILO} has deleted her, and her picture's address answers ${status}.`,
  )
  return { receipts: progress.receipts.length, pictureAfter: status }
}

/** Plays it; the websites go on until `close`. */
export async function joinBridged(
  network: DemoNetwork,
  folder: string,
  tell: Tell,
): Promise<{ bridged: Bridged; sites: BridgedSite[] }> {
  const amor = network.sites[0]?.node
  assert(amor !== undefined, 'there is a native site')
  const [rosa, milo] = await Promise.all([startSite(network, ROSA), startSite(network, MILO)])
  const sites = [rosa, milo]
  tell(
    `${ROSA} and ${MILO} join. Their websites run the old module: two addresses in it were changed.`,
  )
  const bianca = aUser(rosa, 'Bianca', false)
  const dario = aUser(rosa, 'Dario', true)
  const enzo = aUser(milo, 'Enzo', true)
  await Promise.all(sites.map((one) => one.loop.round()))
  const held = [bianca, dario, enzo].filter(
    ({ status, netId }) => status !== 'ready' && netId === 0,
  ).length
  assert(held === 3, 'all are held')
  tell(
    `The modules send ${held} members, whatever they have decided. The nodes hold them, and tell nobody.`,
  )

  const cast: Cast = { rosa, milo, amor, bianca, enzo }
  const { shown, user, at, list } = await agree(cast, folder)
  const everywhere = [amor, milo.node, rosa.node]
  const seen = await Promise.all(everywhere.map((node) => shownAt(node, ROSA, 'Dario')))
  const shownWithoutConsent = seen.filter((one) => one !== undefined).length
  assert(shownWithoutConsent === 0 && milo.foreigner('Dario') === null, 'Dario is nowhere')
  tell('Bianca agrees on the page behind her link, Enzo is on the list that his owner has signed:')
  tell(
    `  she is shown by ${amor.name} and a user of ${MILO}, he is one of ${ROSA}; Dario is nowhere.`,
  )

  save(rosa.website, bianca.id, { fields: { nickname: 'Bibi' } })
  await rosa.loop.round()
  await appears(milo.node, ROSA, 'Bibi')
  await milo.until('she has her new name', () => user.fields.nickname === 'Bibi')
  const messages = await write(cast, user, at)
  tell(
    `She calls herself Bibi now, there too; and they have written ${messages} messages to each other.`,
  )
  const { receipts, pictureAfter } = await leaves(cast, shown.record, user, tell)
  const bridged: Bridged = {
    sites: sites.map(({ site, node }) => ({ site, url: node.url })),
    held,
    published: { page: 1, list },
    shownAt: [amor.name, MILO],
    shownWithoutConsent,
    renamed: true,
    messages,
    receipts,
    pictureAfter,
  }
  return { bridged, sites }
}

/** Lets a website go on until it is told to stop; faster than a real one, where one may wait half an hour. */
export async function goOn({ sync, close }: BridgedSite, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sync()
    await delay(ROUND_MILLIS, undefined, { signal }).catch(() => undefined)
  }
  await close()
}
