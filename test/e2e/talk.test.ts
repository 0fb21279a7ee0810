/**
 * Members of two sites meet over real processes and real libp2p: messages, presence, blocks, reports,
 * and that withdrawing ends it all. Then ten thousand messages, of which nothing is found anywhere:
 * every text holds a word that stands nowhere else, and every file, log and metric is searched.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people, type Person } from '../../scripts/people.ts'
import type { MessageEvent, Notice, PresenceEvent } from '../../node/core/website.ts'
import { send as request } from './api.ts'
import { canary, MARK } from './canaries.ts'
import { filesIn, findInFiles, spellingsOfBytes, spellingsOfText } from './files.ts'
import { startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { dpn, until, type Program } from './process.ts'

const AMOR = 'amor.example'
const BRIO = 'brio.example'
const MEMBERS = 200
const MESSAGES = 10_000
const SEARCHES = 2
/** Members who write at the same time. */
const AT_ONCE = 16
/** With this begins the id of every message, so that one search finds them all. */
const ID_MARK = Buffer.from(canary('message ids').slice(-10)).toString('hex')
const PATH = join(import.meta.dirname, 'talk-site.ts')
const today = new Date().toISOString().slice(0, 10)

/** What the websites have been told. */
interface Heard {
  messages: MessageEvent[]
  presence: PresenceEvent[]
  notices: Notice[]
}
const aHeard = (): Heard => ({ messages: [], presence: [], notices: [] })
const heard: Record<string, Heard> = { [AMOR]: aHeard(), [BRIO]: aHeard() }

/** A website that acknowledges everything. */
function listening({ messages, presence, notices }: Heard): Program {
  return {
    path: PATH,
    heard: (told, answer) => {
      const one = told as { n: number } & Partial<{
        message: MessageEvent
        presence: PresenceEvent
        notices: Notice[]
      }>
      if (one.presence !== undefined) presence.push(one.presence)
      if (one.notices !== undefined) notices.push(...one.notices)
      if (one.message === undefined) return
      messages.push(one.message)
      answer({ n: one.n, answer: 'taken' })
    },
  }
}

let network: TestNetwork
let amor: TestSite
let brio: TestSite
/** Records by the sites' own ids. */
const records: Record<string, Map<string, string>> = {}
const keys: Record<string, string> = {}

function talkers(seed: number): Person[] {
  return people(seed, MEMBERS, today).map((person) => ({
    ...person,
    consent: { ...person.consent, scopes: ['discovery', 'messaging', 'presence'] },
  }))
}
const idOf = (site: string, at: number): string => [...(records[site]?.keys() ?? [])][at] ?? ''
const recordOf = (site: string, at: number): string => records[site]?.get(idOf(site, at)) ?? ''

interface Sent {
  id: string
  outcome: string
  reason?: string
}
function send(
  from: TestSite,
  at: number,
  to: { home: string; record: string },
  text: string,
): Promise<Sent> {
  return from.api.send('POST', '/v1/messages', { from: idOf(from.site, at), to, text })
}
const lastText = (site: string): string => {
  const content = heard[site]?.messages.at(-1)?.content
  return content?.kind === 'text' ? content.text : ''
}
async function onlineAt({ api }: TestSite): Promise<string[]> {
  const { online } = await api.get<{ online: { record: string }[] }>('/v1/presence')
  return online.map(({ record }) => record)
}
function setPresence({ api, site }: TestSite, at: number, state: string): Promise<unknown> {
  return api.send('PUT', `/v1/members/${idOf(site, at)}/presence`, { state })
}

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio] = (await Promise.all(
    [AMOR, BRIO].map((site) => network.startSite(site, {}, listening(heard[site] ?? aHeard()))),
  )) as [TestSite, TestSite]
  await Promise.all([amor.api.require({}), brio.api.require({})])
  records[AMOR] = await amor.api.bulk(talkers(1))
  records[BRIO] = await brio.api.bulk(talkers(2))
  for (const site of [amor, brio])
    await until(`${site.site} shows all`, async () => {
      return (await site.api.records()).length === MEMBERS
    })
}, 120_000)
afterAll(async () => {
  await network.stop()
})

describe('two members', () => {
  const [to, back] = [
    {
      home: BRIO,
      get record() {
        return recordOf(BRIO, 0)
      },
    },
    {
      home: AMOR,
      get record() {
        return recordOf(AMOR, 0)
      },
    },
  ]

  it('write to each other, by the interface and by the program', async () => {
    expect(await send(amor, 0, to, 'Grüß dich')).toMatchObject({ outcome: 'delivered' })
    expect(lastText(BRIO)).toBe('Grüß dich')
    const env = { DPN_URL: brio.url, DPN_API_KEY: brio.key() }
    const args = ['message', 'send', idOf(BRIO, 0), AMOR, back.record, 'Привет']
    expect(await dpn(args, env)).toMatchObject({ code: 0, err: '' })
    expect(lastText(AMOR)).toBe('Привет')
    expect(heard[AMOR]?.messages.at(-1)?.from).toEqual({ home: BRIO, record: to.record })
  })

  it('see each other come online, hide, and go', async () => {
    await setPresence(amor, 0, 'online')
    await until('brio is told', () => heard[BRIO]?.presence.at(-1)?.state === 'online', 1)
    expect(await onlineAt(brio)).toEqual([back.record])
    await setPresence(amor, 0, 'invisible')
    await until('brio is told', () => heard[BRIO]?.presence.at(-1)?.state === 'offline', 1)
    expect(await onlineAt(brio)).toEqual([])
    const env = { DPN_URL: amor.url, DPN_API_KEY: amor.key() }
    const args = ['member', 'presence', idOf(AMOR, 0), 'online']
    expect(await dpn(args, env)).toMatchObject({ code: 0, err: '' })
    await until('brio shows her', async () => (await onlineAt(brio)).includes(back.record))
  })

  it('block and report each other', async () => {
    const env = { DPN_URL: brio.url, DPN_API_KEY: brio.key() }
    const block = ['member', 'block', idOf(BRIO, 0), back.record]
    expect(await dpn(block, env)).toMatchObject({ code: 0, err: '' })
    expect(await send(amor, 0, to, 'hello?')).toMatchObject({
      outcome: 'refused',
      reason: 'blocked',
    })
    const unblock = ['member', 'unblock', idOf(BRIO, 0), back.record]
    expect(await dpn(unblock, env)).toMatchObject({ code: 0, err: '' })
    expect(await send(amor, 0, to, 'hello!')).toMatchObject({ outcome: 'delivered' })
    const report = ['report', 'send', idOf(BRIO, 0), AMOR, back.record, 'harassment']
    expect(await dpn(report, env)).toMatchObject({ code: 0, err: '' })
    await until('amor is told', () => heard[AMOR]?.notices.at(-1)?.type === 'member.reported')
    const { reports } = await amor.api.get<{ reports: { id: string; reporter: string }[] }>(
      '/v1/reports?direction=in&state=open',
    )
    expect(reports).toMatchObject([{ reporter: BRIO, record: back.record, reason: 'harassment' }])
  })

  it('are gone for each other with a withdrawal', async () => {
    await setPresence(amor, 0, 'online')
    await until('brio shows her', async () => (await onlineAt(brio)).includes(back.record))
    const gone = back.record
    await amor.api.withdraw([idOf(AMOR, 0)])
    await until('brio hides her', async () => (await onlineAt(brio)).length === 0)
    const late = await send(brio, 0, { home: AMOR, record: gone }, 'still there?')
    expect(late).toMatchObject({ outcome: 'refused', reason: 'not-visible' })
    const { status } = await amor.api.ask('POST', '/v1/messages', {
      from: idOf(AMOR, 0),
      to: { home: to.home, record: to.record },
      text: 'x',
    })
    expect(status).toBe(404)
  })
})

const everyFile = (): string[] => filesIn(network.root)

async function ask(site: TestSite, method: string, path: string, body: object): Promise<string> {
  const init = { key: keys[site.site] ?? '', body: JSON.stringify(body) }
  return (await request(`${site.url}${path}`, method, init)).text
}

/** Texts, ids, and pairs of records side by side. */
function forbidden(): ReturnType<typeof spellingsOfText> {
  const all = [heard[AMOR], heard[BRIO]].flatMap((one) => one?.messages ?? [])
  const some = [...all.slice(0, 1), ...all.slice(-1)]
  return [
    ...spellingsOfText(MARK),
    ...spellingsOfBytes('message id', Buffer.from(ID_MARK, 'hex')),
    ...some.flatMap(({ from, to }) => [
      ...spellingsOfBytes('pair', Buffer.from(from.record + to, 'hex')),
      ...spellingsOfBytes('pair', Buffer.from(to + from.record, 'hex')),
    ]),
  ]
}

describe('ten thousand messages', () => {
  /** Tables that change by themselves: heartbeats, receipts, checkpoints. */
  const BEATING = new Set(['logs', 'checkpoints', 'receipts', 'sqlite_sequence'])
  /** The withdrawal of the test before may be confirmed by everybody only now. */
  const LATE = /"withdrawal\.completed"|"completed-size"/
  const logSizes = new Map<string, number>()
  let count = 0

  /** The rows of each table, as text. */
  function tablesOf({ folder }: TestSite): Record<string, string[]> {
    const sqlite = new Sqlite(join(folder, 'node.db'), { readonly: true })
    try {
      const names = sqlite.prepare("select name from sqlite_master where type = 'table'").pluck()
      return Object.fromEntries(
        (names.all() as string[])
          .filter((name) => !BEATING.has(name))
          .map((name) => {
            const rows = sqlite.prepare(`select * from "${name}"`).all()
            return [name, rows.map((row) => JSON.stringify(row))]
          }),
      )
    } finally {
      sqlite.close()
    }
  }
  const allTables = () => [amor, brio].map(tablesOf)
  /** Rows that were not there, by the table that they are in now. */
  const addedSince = (before: readonly Record<string, string[]>[]): string[] =>
    allTables().flatMap((tables, at) =>
      Object.entries(tables).flatMap(([name, rows]) => {
        const known = new Set(before[at]?.[name])
        const added = rows.filter((row) => !known.has(row) && !LATE.test(row))
        return added.map((row) => `${name} ${row}`)
      }),
    )
  /** What the nodes have written to their logs since the messages began. */
  const newLog = (): string =>
    network
      .nodes()
      .map((node) => node.log().slice(logSizes.get(node.site) ?? 0))
      .join('')

  /** One member's share, one after the other, to members of the other site in turn. */
  async function write(site: TestSite, at: number, other: string): Promise<Sent[]> {
    const sent: Sent[] = []
    const from = idOf(site.site, at)
    for (let n = 0; n < MESSAGES / 2 / (MEMBERS - 1); n += 1) {
      const to = { home: other, record: recordOf(other, 1 + ((at + (n >> 2)) % (MEMBERS - 1))) }
      const text = `${canary(`${site.site} ${at} ${n}`)} ${n}`
      count += 1
      const id = `${ID_MARK}${count.toString(16).padStart(12, '0')}`
      const answer = await ask(site, 'POST', '/v1/messages', { from, to, text, id })
      sent.push(JSON.parse(answer) as Sent)
      const state = n % 2 === 0 ? 'online' : 'invisible'
      if (n % 5 === 0) await ask(site, 'PUT', `/v1/members/${from}/presence`, { state })
    }
    return sent
  }

  it(
    'arrive once, in order, and leave nothing anywhere, while they pass and after',
    { timeout: 600_000 },
    async () => {
      for (const site of [amor, brio]) {
        keys[site.site] = site.key()
        const one = heard[site.site]
        if (one) one.messages.length = 0
      }
      const before = allTables()
      for (const node of network.nodes()) logSizes.set(node.site, node.log().length)

      const sent: Sent[] = []
      for (let round = 0; round < SEARCHES; round += 1) {
        const writers: number[] = []
        for (let at = 1 + round; at < MEMBERS; at += SEARCHES) writers.push(at)
        const lots = await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            const own: Sent[] = []
            for (let at = writers.pop(); at !== undefined; at = writers.pop())
              own.push(...(await write(amor, at, BRIO)), ...(await write(brio, at, AMOR)))
            return own
          }),
        )
        sent.push(...lots.flat())
        expect(findInFiles(everyFile(), forbidden())).toEqual([])
      }
      expect(sent.length).toBeGreaterThanOrEqual(MESSAGES)
      expect(sent.filter(({ outcome }) => outcome !== 'delivered')).toEqual([])

      const taken = [heard[AMOR], heard[BRIO]].flatMap((one) => one?.messages ?? [])
      expect(taken.map(({ id }) => id).toSorted()).toEqual(sent.map(({ id }) => id).toSorted())
      const lastOf = new Map<string, number>()
      for (const { from, to, content } of taken) {
        const n = content.kind === 'text' ? Number(content.text.split(' ').at(-1)) : -1
        const pair = `${from.record} ${to}`
        expect(n).toBeGreaterThan(lastOf.get(pair) ?? -1)
        lastOf.set(pair, n)
      }

      // The files after a stop, too: what was in memory must not have gone to disk with it.
      const metrics = await Promise.all([amor, brio].map(({ api }) => api.text('/metrics')))
      expect(addedSince(before)).toEqual([])
      await Promise.all([amor.stop(), brio.stop()])
      expect(findInFiles(everyFile(), forbidden())).toEqual([])

      // Who wrote, to whom, and who was online: no record, member or state is in what was logged.
      const told = newLog() + metrics.join('')
      expect(newLog().length).toBeGreaterThan(1000)
      const names = [AMOR, BRIO].flatMap((site) => [...(records[site] ?? [])].flat())
      expect(names.filter((name) => told.includes(name))).toEqual([])
      expect(/online|invisible|typing/.exec(told)).toBeNull()
    },
  )

  it('would be found, were they there', () => {
    const planted = join(network.root, 'planted')
    const [one] = heard[AMOR]?.messages ?? []
    if (one === undefined) throw new Error('nothing was sent')
    writeFileSync(
      planted,
      `${MARK}${one.id}${Buffer.from(one.from.record + one.to, 'hex').toString('base64')}`,
    )
    const found = findInFiles([planted], forbidden())
    expect(readFileSync(planted).length).toBeGreaterThan(0)
    expect(found.some((name) => name.includes(MARK))).toBe(true)
    expect(found.some((name) => name.includes('message id'))).toBe(true)
    expect(found.some((name) => name.includes('pair'))).toBe(true)
  })
})
