/** The stand-in's daemon for events, against a server that keeps its bytes. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chat, showUp, startFast, type FastLine } from '../../scripts/module/fast.ts'
import { openWebsite, register, type Website } from '../../scripts/module/website.ts'
import { until } from '../e2e/process.ts'

const RECORDED = '../shared/legacy-examples'
const OPEN =
  '{"sid":"2b3f890a6a51c6113950","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":60000}'

/** A text frame of a server. */
function frame(text: string): Buffer {
  const content = Buffer.from(text)
  const head =
    content.length < 126
      ? [0x81, content.length]
      : [0x81, 126, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}

/** What short masked frames say. */
function unmask(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let rest = bytes; rest.length > 0;) {
    const isLong = ((rest[1] ?? 0) & 0x7f) === 126
    const length = isLong ? rest.readUInt16BE(2) : (rest[1] ?? 0) & 0x7f
    const from = isLong ? 8 : 6
    const mask = rest.subarray(from - 4, from)
    const content = rest.subarray(from, from + length)
    texts.push(Buffer.from(content.map((byte, at) => byte ^ (mask[at % 4] ?? 0))).toString())
    rest = rest.subarray(from + length)
  }
  return texts
}

interface Server {
  host: string
  requests: string[]
  /** Packets of the newest line. */
  packets: string[]
  say: (bytes: Buffer) => void
  handshake: string
  close: () => void
}

async function openServer(): Promise<Server> {
  const sockets = new Set<Socket>()
  let line: Socket | null = null
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      if (socket === line) {
        state.packets.push(...unmask(bytes))
        return
      }
      const request = bytes.toString('latin1')
      state.requests.push(request)
      if (request.includes('polling')) {
        const { handshake } = state
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${handshake.length}\r\n\r\n${handshake}`)
        return
      }
      line = socket
      state.packets.length = 0
      const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
      socket.write(Buffer.concat([Buffer.from(head), frame(`0${OPEN}`), frame('40')]))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const state: Server = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    packets: [],
    say: (bytes) => void line?.write(bytes),
    handshake: `97:0${OPEN}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  return state
}

/** A request without what differs each time. */
function known(request: string): string {
  return request
    .replace(/Host: .*\r\n/, 'Host: here\r\n')
    .replace(/Sec-WebSocket-Key: [\w+/]{22}==\r\n/, 'Sec-WebSocket-Key: random\r\n')
}

let server: Server
let site: Website
let line: FastLine

beforeEach(async () => {
  server = await openServer()
  site = await openWebsite('http://127.0.0.1:8090')
  for (const [nickname, netId] of [
    ['Anna', 1001],
    ['Dora', 2001],
    ['Nobody', 0],
  ] as const)
    register(site, { nickname, birth_date: '', user_type: '' }).netId = netId
})
afterEach(async () => {
  await line.stop()
  server.close()
})
function start(): void {
  line = startFast(site, {
    fast: `http://${server.host}/dpn`,
    key: 'KEY-abc-123',
    domain: 'example-one.test',
    retryMillis: 10,
  })
}
const connected = (): Promise<unknown> =>
  until('the daemon is connected', () => server.packets.includes('42/dpn,["saved"]'))

describe('startFast', () => {
  it.skipIf(!existsSync(RECORDED))('opens its line with the recorded bytes', async () => {
    start()
    await connected()
    const recorded = ['socket-io-1', 'ws-upgrade-1'].map((name) => {
      const text = readFileSync(`${RECORDED}/http-${name}.txt`, 'latin1')
      return `${/(?:GET)[\s\S]*?\r\n\r\n/.exec(text)?.[0]}`
    })
    expect(server.requests.map(known)).toEqual(recorded.map(known))
    expect(server.packets).toEqual(['40/dpn', '42/dpn,["saved"]'])
  })

  it('writes a line of a chat and presence as recorded, and nothing for who has no number', async () => {
    start()
    await connected()
    chat(site, line, 3, 2, 'never sent')
    chat(site, line, 1, 2, 'Hello é 中')
    await until('the chat', () => server.packets.length === 3)
    showUp(site, line, 1, 'active')
    await until('the presence', () => server.packets.length === 4)
    expect(server.packets.slice(2)).toEqual([
      String.raw`42/dpn,["im.message",{"id_user":1001,"id_contact":2001,"text":"Hello \u00e9 \u4e2d"}]`,
      '42/dpn,["active",{"id_user":1001}]',
    ])
  })

  it('takes events, also about nobody, and loses those without a comma before them', async () => {
    start()
    await connected()
    const said = { id_user: 2001, id_contact: 1001, text: 'Salut' }
    server.say(frame('42["active",{"id_user":1001}]'))
    server.say(frame(`42/dpn,${JSON.stringify(['im.message', { ...said, id_user: 9999 }])}`))
    server.say(frame(`42/dpn,${JSON.stringify(['im.message', said])}`))
    await until('both texts', () => site.chats.length === 2)
    expect(site.chats).toEqual([
      { from: 0, to: 1, text: 'Salut' },
      { from: 2, to: 1, text: 'Salut' },
    ])
    expect([...site.online]).toEqual([])
  })

  it('starts anew after an empty ping, which it takes for the end', async () => {
    start()
    await connected()
    server.say(Buffer.from([0x89, 0]))
    await until('a second line', () => server.requests.length === 4)
    await connected()
    expect(line.state()).toBe('connected')
  })

  it('dies where the handshake is answered with a page, and not where with nothing', async () => {
    server.handshake = ''
    start()
    await until('it has tried twice', () => server.requests.length > 1)
    server.handshake = '<html></html>'
    await until('it is dead', () => line.state() === 'dead')
    expect(server.requests.every((request) => request.includes('polling'))).toBe(true)
  })
})
