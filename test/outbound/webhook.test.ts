/** Calls to servers on this machine, honest and otherwise; names are resolved by the tests. */
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSocket, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createOutbound, type OutboundOptions } from '../../node/outbound/webhook.ts'
import type { OutboundAnswer } from '../../node/core/ports.ts'

const servers: Server[] = []
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0))
    await new Promise((resolve) => {
      server.close(resolve)
    })
})

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.on('connection', (socket: Socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
const aServer = (answer: RequestListener): Promise<number> => listen(createServer(answer))

function post(
  url: string,
  options: Partial<OutboundOptions> = {},
  headers: Record<string, string> = {},
): Promise<OutboundAnswer> {
  const outbound = createOutbound({ allowPrivate: true, timeoutMillis: 1500, ...options })
  return outbound.post({ url, headers, body: '{"a":"ü"}' })
}

const forbidden = { kind: 'failed', reason: 'forbidden-address' }

describe('createOutbound', () => {
  it('posts headers and body, and tells the status', async () => {
    const seen: unknown[] = []
    const port = await aServer((request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        seen.push([request.method, request.url, request.headers['webhook-id'], body])
        response.statusCode = 204
        response.end()
      })
    })
    const url = `http://127.0.0.1:${port}/hook?a=1`
    expect(await post(url, {}, { 'webhook-id': 'x' })).toEqual({ kind: 'answered', status: 204 })
    expect(seen).toEqual([['POST', '/hook?a=1', 'x', '{"a":"ü"}']])
  })

  it('calls no private address unless the operator allows it', async () => {
    let calls = 0
    const port = await aServer((_request, response) => {
      calls += 1
      response.end()
    })
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', 'localhost'])
      expect(await post(`http://${host}:${port}/`, { allowPrivate: false })).toEqual(forbidden)
    for (const host of ['169.254.169.254', '[fe80::1]', '0.0.0.0', '[::]', '[fd00:ec2::254]'])
      expect(await post(`http://${host}/`)).toEqual(forbidden)
    expect(calls).toBe(0)
  })

  it('calls nobody whose name has any address that may not be called', async () => {
    for (const found of [['127.0.0.1'], ['1.1.1.1', '10.0.0.1'], ['::ffff:a9fe:a9fe'], ['fe80::1']])
      expect(
        await post('https://site.example/', { allowPrivate: false, resolve: async () => found }),
      ).toEqual(forbidden)
  })

  it('resolves once, and connects to that very address', async () => {
    // The second answer would lead to the metadata service.
    const answers = [['127.0.0.1'], ['169.254.169.254']]
    const hosts: (string | undefined)[] = []
    const port = await aServer((request, response) => {
      hosts.push(request.headers.host)
      response.end()
    })
    const resolve = async (): Promise<string[]> => answers.shift() ?? []
    const answer = await post(`http://site.example:${port}/`, { resolve })
    expect(answer).toEqual({ kind: 'answered', status: 200 })
    expect(answers).toEqual([['169.254.169.254']])
    expect(hosts).toEqual([`site.example:${port}`])
  })

  it('sends nothing in clear to a public address, nor a user name, nor by another scheme', async () => {
    expect(await post('http://site.example/', { resolve: async () => ['1.1.1.1'] })).toEqual(
      forbidden,
    )
    expect(await post('http://1.1.1.1/')).toEqual(forbidden)
    expect(await post('http://user:secret@127.0.0.1/')).toEqual(forbidden)
    expect(await post('ftp://127.0.0.1/')).toEqual(forbidden)
  })

  it('follows no redirect', async () => {
    let followed = 0
    const target = await aServer((_request, response) => {
      followed += 1
      response.end()
    })
    for (const status of [301, 302, 303, 307, 308]) {
      const port = await aServer((_request, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${target}/` }).end()
      })
      expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'answered', status })
    }
    expect(followed).toBe(0)
  })

  it('gives up who says nothing, or headers one byte at a time', async () => {
    const silent = await listen(createSocket((socket: Socket) => void socket.resume()))
    expect(await post(`http://127.0.0.1:${silent}/`, { timeoutMillis: 300 })).toEqual({
      kind: 'failed',
      reason: 'timeout',
    })
    const slow = createSocket((socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX: ')
      const drip = setInterval(() => socket.write('x'), 50)
      socket.on('close', () => clearInterval(drip))
      socket.on('error', () => undefined)
    })
    const url = `http://127.0.0.1:${await listen(slow)}/`
    expect(await post(url, { timeoutMillis: 300 })).toEqual({ kind: 'failed', reason: 'timeout' })
    const lost = { timeoutMillis: 300, resolve: () => new Promise<string[]>(() => undefined) }
    expect(await post('https://site.example/', lost)).toEqual({ kind: 'failed', reason: 'timeout' })
  })

  it('reads a bounded part of an answer, which counts by its status', async () => {
    let sent = 0
    const port = await aServer((_request, response) => {
      const part = Buffer.alloc(64 * 1024)
      const more = (): void => {
        while (!response.destroyed && response.write(part)) sent += part.length
      }
      response.on('drain', more)
      more()
    })
    const url = `http://127.0.0.1:${port}/`
    expect(await post(url)).toEqual({ kind: 'answered', status: 200 })
    expect(sent).toBeLessThan(32 * 1024 * 1024)
    const drip = await aServer((_request, response) => {
      response.write('a')
    })
    const answer = await post(`http://127.0.0.1:${drip}/`, { timeoutMillis: 300 })
    expect(answer).toEqual({ kind: 'answered', status: 200 })
  })

  it('refuses headers beyond their bound, and what is no HTTP', async () => {
    const port = await listen(
      createSocket((socket: Socket) => {
        socket.on('error', () => undefined)
        socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)
      }),
    )
    const unreachable = { kind: 'failed', reason: 'unreachable' }
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual(unreachable)
    const odd = await listen(
      createSocket((socket: Socket) => {
        socket.on('error', () => undefined)
        socket.end('SSH-2.0-x\r\n')
      }),
    )
    expect(await post(`http://127.0.0.1:${odd}/`)).toEqual(unreachable)
    expect(await post(`https://127.0.0.1:${odd}/`)).toMatchObject({ kind: 'failed' })
  })

  it('ends what is under way when it closes', async () => {
    const outbound = createOutbound({ allowPrivate: true, timeoutMillis: 60_000 })
    const port = await aServer(() => outbound.close())
    const answer = await outbound.post({ url: `http://127.0.0.1:${port}/`, headers: {}, body: '' })
    expect(answer).toEqual({ kind: 'failed', reason: 'timeout' })
  })
})
