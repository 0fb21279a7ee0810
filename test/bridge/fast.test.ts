/**
 * The fast channel as the module speaks it: bytes on a socket against the real server. The recorded
 * session is replayed where it is at hand.
 */
import { existsSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { Hono } from 'hono'
import { createFast, type Fast } from '../../node/bridge/fast.ts'
import type {
  ModuleLine,
  ModuleTalk,
  TalkData,
  TalkEvent,
} from '../../node/core/bridge/module-talk.ts'
import { serve, type Served } from '../../node/http/server.ts'
import { aRawClient, maskedFrame, UPGRADE, type RawClient } from './raw-client.ts'

const SESSION = '../shared/legacy-examples/ws-session.jsonl'

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** Talk that notes what it is told; `send` of the newest line speaks to the module. */
function aTalk() {
  const said: [string, unknown][] = []
  const lines: { send: (event: TalkEvent, data: TalkData) => boolean; isOpen: boolean }[] = []
  const talk: Pick<ModuleTalk, 'connect'> = {
    connect: (send): ModuleLine => {
      const line = { send, isOpen: true }
      lines.push(line)
      return {
        saved: () => void said.push(['saved', null]),
        say: (event, data) => void said.push([event, data]),
        close: () => {
          line.isOpen = false
        },
      }
    },
  }
  return { talk, said, lines }
}

async function aServer({ silenceMilliseconds }: { silenceMilliseconds?: number } = {}) {
  const { talk, said, lines } = aTalk()
  let seen = 0
  const fast: Fast = createFast({
    talk,
    contact: {
      isKnown: async (key, domain) => key === 'KEY-abc-123' && domain === 'example-one.test',
      seen: () => {
        seen += 1
      },
    },
    ...(silenceMilliseconds !== undefined && { silenceMilliseconds }),
  })
  const app = new Hono()
  app.get('/socket.io/', (c) => fast.handshake(c))
  const served: Served = await serve(
    { fetch: (request) => app.fetch(request) },
    { host: '127.0.0.1', port: 0, onUpgrade: fast.upgrade },
  )
  ends.push(() => served.close(), fast.close)
  const client = async (headers: readonly string[] = UPGRADE): Promise<RawClient> => {
    const one = await aRawClient(served.port, headers)
    ends.push(one.end)
    return one
  }
  /** A client that is in its namespace, with the frames so far read. */
  const joined = async (): Promise<RawClient> => {
    const one = await client()
    one.send('40/dpn')
    for (let at = 0; at < 3; at += 1) await one.next()
    return one
  }
  return { fast, served, said, lines, client, joined, seen: () => seen }
}

const line = (name: string, value: string): string[] =>
  UPGRADE.map((one) => (one.startsWith(`${name}:`) ? `${name}: ${value}` : one))
const texts = (frames: readonly { op: number; text: string }[]): string[] =>
  frames.filter(({ op }) => op === 1).map(({ text }) => text)
/** Waits until all that was sent before is worked on: a ping is answered in its turn. */
async function settled(client: RawClient): Promise<string[]> {
  client.send('2/sync')
  const before: string[] = []
  for (;;) {
    const frame = await client.next()
    if (frame === null || frame.text === '3/sync') return before
    before.push(frame.text)
  }
}

describe('a session', () => {
  it('begins with a handshake of one flat object, framed by its length', async () => {
    const { served } = await aServer()
    const answer = await fetch(`${served.url}/socket.io/?EIO=2&transport=polling`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=UTF-8')
    const text = await answer.text()
    const [, length, json = ''] = /^(\d+):0(.*)$/.exec(text) ?? []
    expect(Number(length)).toBe(json.length + 1)
    expect(JSON.parse(json)).toEqual({
      sid: expect.stringMatching(/^[0-9a-f]{20}$/) as string,
      upgrades: ['websocket'],
      pingInterval: 25_000,
      pingTimeout: 60_000,
    })
    const other = await fetch(`${served.url}/socket.io/?EIO=2&transport=other`)
    expect([other.status, await other.text()]).toEqual([400, ''])
  })

  it('goes on in the namespace that the client names, with its heartbeats answered', async () => {
    const { client, said, lines } = await aServer()
    const one = await client()
    expect(one.head).toMatch(/^HTTP\/1.1 101 /)
    const opening = await one.next()
    expect(opening?.text).toMatch(/^0\{"sid":"[0-9a-f]{20}","upgrades":\[\],"pingInterval":25000,/)
    expect((await one.next())?.text).toBe('40')
    one.send('40/dpn')
    expect((await one.next())?.text).toBe('40/dpn')
    one.send('42/dpn,["saved"]')
    one.send('2/dpn')
    one.send('42/dpn,["heartbeat"]')
    expect((await one.next())?.text).toBe('3/dpn')
    one.send('42/dpn,["im.message",{"id_user":1001,"id_contact":2001,"text":"\\u4e2d, [x]"}]')
    one.send('42/dpn,["active",{"id_user":"1001"}]')
    expect(await settled(one)).toEqual([])
    expect(said).toEqual([
      ['saved', null],
      ['im.message', { id_user: 1001, id_contact: 2001, text: '中, [x]' }],
      ['active', { id_user: '1001' }],
    ])
    expect(lines[0]?.send('active', { id_user: 2001 })).toBe(true)
    const frame = await one.next()
    expect(frame).toEqual({
      op: 1,
      text: '42/dpn,["active",{"id_user":2001}]',
      isMasked: false,
      isWhole: true,
    })
  })

  it('takes the other path and a namespace of another name', async () => {
    const { client, lines } = await aServer()
    const path = 'GET /socket.io/?EIO=2&transport=websocket HTTP/1.1'
    const one = await client([path, ...UPGRADE.slice(1)])
    one.send('40/other.name/2')
    for (let at = 0; at < 3; at += 1) await one.next()
    lines[0]?.send('inactive', { id_user: 1 })
    expect((await one.next())?.text).toBe('42/other.name/2,["inactive",{"id_user":1}]')
  })

  it('has frames of 65,535 bytes at most, each in one piece', async () => {
    const { joined, lines } = await aServer()
    const one = await joined()
    const around = '42/dpn,["im.message",{"text":""}]'.length
    expect(lines[0]?.send('im.message', { text: 'é'.repeat(40_000) })).toBe(false)
    expect(lines[0]?.send('im.message', { text: 'x'.repeat(65_536 - around) })).toBe(false)
    expect(lines[0]?.send('im.message', { text: 'x'.repeat(65_535 - around) })).toBe(true)
    const frame = await one.next()
    expect(frame).toMatchObject({ isWhole: true, isMasked: false })
    expect(frame?.text).toHaveLength(65_535)
  })

  it('ends when the client says so, and closes its half too', async () => {
    const { joined, lines } = await aServer()
    const one = await joined()
    one.send('0/dpn')
    expect((await one.rest()).map(({ op }) => op)).toEqual([8])
    expect(lines[0]?.isOpen).toBe(false)
    expect(lines[0]?.send('active', { id_user: 1 })).toBe(false)
  })

  it('ends after silence, never with a ping of the websocket', async () => {
    const { joined, lines } = await aServer({ silenceMilliseconds: 50 })
    const one = await joined()
    expect((await one.rest()).map(({ op }) => op)).toEqual([8])
    expect(lines[0]?.isOpen).toBe(false)
  })

  it('gives way to a newer one', async () => {
    const { joined, lines } = await aServer()
    const older = await joined()
    const newer = await joined()
    expect((await older.rest()).map(({ op }) => op)).toEqual([8])
    expect(lines.map(({ isOpen }) => isOpen)).toEqual([false, true])
    expect(await settled(newer)).toEqual([])
  })

  it('is not answered where a client sends pings of the websocket', async () => {
    const { joined } = await aServer()
    const one = await joined()
    one.send('', 9)
    expect(await settled(one)).toEqual([])
  })

  it('ends with the channel, and no other begins', async () => {
    const { fast, joined, client } = await aServer()
    const one = await joined()
    fast.close()
    expect((await one.rest()).map(({ op }) => op)).toEqual([8])
    expect((await client()).head).toMatch(/^HTTP\/1.1 503 /)
  })
})

describe('what is refused', () => {
  it('is a wrong key, the domain of another site, and none: without a word', async () => {
    const { client, lines, seen } = await aServer()
    for (const headers of [
      line('PGN-Key', 'KEY-abc-124'),
      line('PGN-Domain', 'example-two.test'),
      UPGRADE.filter((one) => !one.startsWith('PGN-')),
    ]) {
      const one = await client(headers)
      expect(one.head).toMatch(/^HTTP\/1.1 401 [\s\S]*Content-Length: 0$/)
      expect(await one.rest()).toEqual([])
    }
    expect([lines, seen()]).toEqual([[], 0])
  })

  it('does not disturb the module that is connected', async () => {
    const { client, joined } = await aServer()
    const one = await joined()
    await client(line('PGN-Key', 'wrong'))
    expect(await settled(one)).toEqual([])
  })

  it('is another path, transport or protocol', async () => {
    const { client } = await aServer()
    for (const first of ['/socket.io//?EIO=2&transport=polling', '/other?transport=websocket'])
      expect((await client([`GET ${first} HTTP/1.1`, ...UPGRADE.slice(1)])).head).toMatch(/ 404 /)
    expect((await client(line('Sec-WebSocket-Key', 'short'))).head).toMatch(/ 400 /)
    expect((await client(line('Sec-WebSocket-Version', '7'))).head).toMatch(/ 400 /)
  })

  it('is garbage: left out, and too much of it ends the connection', async () => {
    const { joined, said } = await aServer()
    const one = await joined()
    const garbage = [
      '',
      'x',
      '42["saved"]',
      '42/dpn,',
      '42/dpn,{"a":1}',
      '42/dpn,["im.message",{"text":{"a":1}}]',
      `42/dpn,["im.message",${'['.repeat(5000)}`,
      `42/${'n'.repeat(100)},["saved"]`,
    ]
    for (const text of garbage) one.send(text)
    one.send('42/elsewhere,["im.message",{"id_user":1}]')
    expect(await settled(one)).toEqual([])
    expect(said).toEqual([])
    for (const text of garbage) one.send(text)
    expect((await one.rest()).at(-1)?.op).toBe(8)
  })

  it('is a frame that is too long, not text, or not masked', async () => {
    const { joined, said } = await aServer()
    const long = await joined()
    long.raw(maskedFrame(Buffer.alloc(128 * 1024 + 1, 'x')))
    await long.rest()
    const endless = await joined()
    // Only its length is sent: nothing waits for the rest.
    endless.raw(Buffer.from([0x81, 0xff, 0, 0, 0, 255, 255, 255, 255, 255, 1, 2, 3, 4]))
    await endless.rest()
    const binary = await joined()
    binary.send('42/dpn,["saved"]', 2)
    await binary.rest()
    const bare = await joined()
    bare.raw(Buffer.from([0x81, 2, 0x32, 0x32]))
    await bare.rest()
    const broken = await joined()
    broken.raw(maskedFrame(Buffer.from([0x34, 0xff, 0xfe])))
    await broken.rest()
    expect(said).toEqual([])
  })

  it('is a flood', async () => {
    const { joined, said } = await aServer()
    const one = await joined()
    const frame = maskedFrame(Buffer.from('42/dpn,["active",{"id_user":1}]'))
    for (let n = 0; n < 3000; n += 1) one.raw(frame)
    await one.rest()
    expect(said.length).toBeLessThan(1000)
    expect(await settled(await joined())).toEqual([])
  })
})

interface Recorded {
  dir?: 'C>S' | 'S>C'
  op?: number
  p?: string
  upgrade?: string
  raw?: string[]
}
/** Recorded sessions, each from its upgrade on. */
function sessions(): Recorded[][] {
  const all: Recorded[][] = []
  for (const text of readFileSync(SESSION, 'utf8').split('\n').filter(Boolean)) {
    const one = JSON.parse(text) as Recorded
    if (one.upgrade === undefined) all.at(-1)?.push(one)
    else all.push([one])
  }
  return all
}
/** What the channel answers to a frame of the client, as it is documented. */
function documented(text: string): string[] {
  if (text.startsWith('40/')) return [text]
  return text.startsWith('2/') ? [`3${text.slice(1)}`] : []
}

describe('recorded sessions of the client', () => {
  it.skipIf(!existsSync(SESSION))('replay to the documented answers', async () => {
    const { client, said } = await aServer()
    const all = sessions()
    expect(all.length).toBeGreaterThan(0)
    for (const [upgrade, ...frames] of all) {
      const headers = (upgrade?.raw ?? []).flatMap((value, at, raw) =>
        at % 2 === 0 ? [`${value}: ${raw[at + 1] ?? ''}`] : [],
      )
      const one = await client([`GET ${upgrade?.upgrade ?? ''} HTTP/1.1`, ...headers])
      expect(one.head).toMatch(/^HTTP\/1.1 101 /)
      expect((await one.next())?.text).toMatch(/^0\{"sid":/)
      expect((await one.next())?.text).toBe('40')
      const sent = frames.filter(({ dir }) => dir === 'C>S').map(({ p = '' }) => p)
      const isLeaving = sent.at(-1)?.startsWith('0/') === true
      const expected = sent.flatMap(documented)
      for (const text of sent) one.send(text)
      const answers = isLeaving ? texts(await one.rest()) : await settled(one)
      expect(answers).toEqual(expected)
    }
    expect(said.filter(([event]) => event === 'saved').length).toBe(all.length)
    expect(said).toContainEqual([
      'im.message',
      { id_user: 1001, id_contact: 2001, text: 'Hello "Dora" é 中' },
    ])
    expect(said).toContainEqual(['active', { id_user: 1001 }])
  })
})
