/** Bounds that only a real socket shows: slow, idle, oversized and broken clients. */
import { connect, type Socket } from 'node:net'
import { OpenAPIHono } from '@hono/zod-openapi'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readLines, readText } from '../../node/http/body.ts'
import { serve, type Served, type ServeOptions } from '../../node/http/server.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** An app that reads what it is sent, served with short limits. */
async function aServer(limits: ServeOptions['limits'] = {}): Promise<Served> {
  const app = new OpenAPIHono()
  app.onError((error, c) => c.text(error.message, 400))
  app.get('/', (c) => c.text('here'))
  app.post('/whole', async (c) => c.text(String((await readText(c, 1000)).length)))
  app.post('/lines:bulk', async (c) => {
    let count = 0
    for await (const { line } of readLines(c)) count = line
    return c.text(String(count))
  })
  const served = await serve(app, { host: '127.0.0.1', port: 0, limits })
  cleanups.push(served.close)
  return served
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
    cleanups.push(() => socket.destroy())
  })
}

/** All that the server says until it ends the connection. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (part) => {
      text += part.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

describe('serve', () => {
  it('answers, and says where', async () => {
    const { url } = await aServer()
    expect(await (await fetch(url)).text()).toBe('here')
  })

  it('explains a port in use in one line', async () => {
    const { port } = await aServer()
    const again = serve(new OpenAPIHono(), { host: '127.0.0.1', port })
    await expect(again).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is in use: stop what uses it, or set another port`,
    )
  })

  it('cuts off headers that come one byte at a time', async () => {
    const { port } = await aServer({ headersTimeout: 600 })
    const socket = await open(port)
    const closed = untilClosed(socket)
    socket.write('GET / HTTP/1.1\r\nX: ')
    const drip = setInterval(() => socket.write('x'), 100)
    expect(await closed).toContain('408')
    clearInterval(drip)
  })

  it('cuts off a body that comes too slowly', async () => {
    const { port } = await aServer({ requestTimeout: 600 })
    const socket = await open(port)
    const closed = untilClosed(socket)
    socket.write('POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n')
    const drip = setInterval(() => socket.write('x'), 100)
    expect(await closed).toContain('408')
    clearInterval(drip)
  })

  it('lets a stream go on as long as it moves, and gives up a silent one', async () => {
    const { port } = await aServer({ requestTimeout: 300, silenceTimeout: 1500 })
    const head =
      'POST /lines:bulk HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    const moving = await open(port)
    const answered = untilClosed(moving)
    moving.write(head)
    for (let n = 0; n < 10; n += 1) {
      moving.write('3\r\n{}\n\r\n')
      await pause(250)
    }
    moving.write('0\r\n\r\n')
    expect(await answered).toMatch(/200 OK[\s\S]*10/)
    const silent = await open(port)
    const closed = untilClosed(silent)
    silent.write(`${head}3\r\n{}\n\r\n`)
    expect(await closed).not.toContain('200')
  })

  it('does not read a body on to its end when it is too long', async () => {
    const { url } = await aServer()
    const answer = await fetch(`${url}/whole`, {
      method: 'POST',
      body: 'x'.repeat(5_000_000),
    }).catch(() => null)
    expect(answer === null || answer.status === 400).toBe(true)
    expect(await (await fetch(url)).text()).toBe('here')
  })

  it('holds a bound of connections against 2,000 idle sockets, and lives on', async () => {
    const { port, url } = await aServer({ maxConnections: 64, headersTimeout: 8000 })
    // In portions below the kernel's queue: a client that overflows it believes to be connected.
    const sockets: Socket[] = []
    while (sockets.length < 2000) {
      const portion = Array.from({ length: 100 }, async () => (await open(port)).resume())
      sockets.push(...(await Promise.all(portion)))
    }
    const alive = await vi.waitFor(
      () => {
        const list = sockets.filter((one) => !one.destroyed && one.readable)
        if (list.length > 64) throw new Error(`${list.length} connections`)
        return list.length
      },
      { timeout: 6000, interval: 100 },
    )
    expect(alive).toBe(64)
    const answer = await vi.waitFor(async () => (await fetch(url)).text(), {
      timeout: 15_000,
      interval: 500,
    })
    expect(answer).toBe('here')
  })

  it('survives what is not HTTP, and headers that are too large', async () => {
    const { port, url } = await aServer()
    for (const text of ['\0\0\0\0\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`]) {
      const socket = await open(port)
      const closed = untilClosed(socket)
      socket.write(text)
      expect(await closed).toMatch(/^HTTP\/1.1 4/)
    }
    expect((await fetch(url)).status).toBe(200)
  })

  it('closes while a client keeps its connection', async () => {
    const { url, close } = await aServer()
    await (await fetch(url)).text()
    await close()
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })
})
