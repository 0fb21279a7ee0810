/** Pictures from servers on this machine, honest and otherwise; names are resolved by the tests. */
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSocket, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createPhotos, PHOTO_BYTES, type PhotoOptions } from '../../node/outbound/photo.ts'
import type { PhotoAnswer } from '../../node/core/ports.ts'
import { parseSiteId } from '../../protocol/ids.ts'

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

const site = parseSiteId('amor.example')
function fetchFrom(address: string, options: Partial<PhotoOptions> = {}): Promise<PhotoAnswer> {
  return createPhotos({ site, origins: [], timeoutMillis: 1500, ...options }).fetch(address)
}
const local = (port: number): string[] => [`http://127.0.0.1:${port}`]
const refused = { kind: 'refused' }
const failed = { kind: 'failed' }

describe('createPhotos', () => {
  it('gets what is at an address of a configured origin', async () => {
    const seen: unknown[] = []
    const port = await aServer((request, response) => {
      seen.push([request.method, request.url, request.headers.cookie])
      response.end(Buffer.from([1, 2, 3]))
    })
    expect(
      await fetchFrom(`http://127.0.0.1:${port}/a/b.jpg?v=1`, { origins: local(port) }),
    ).toEqual({ kind: 'fetched', bytes: new Uint8Array([1, 2, 3]) })
    expect(seen).toEqual([['GET', '/a/b.jpg?v=1', undefined]])
  })

  it('says what is gone only where the site says so', async () => {
    let status = 404
    const port = await aServer((_request, response) => {
      response.statusCode = status
      response.end('a page')
    })
    const { isGone } = createPhotos({ site, origins: local(port), timeoutMillis: 1500 })
    const address = `http://127.0.0.1:${port}/a.jpg`
    const said: boolean[] = []
    for (status of [404, 410, 200, 302, 403, 500]) said.push(await isGone(address))
    expect(said).toEqual([true, true, false, false, false, false])
    for (const socket of sockets.splice(0)) socket.destroy()
    await new Promise((resolve) => {
      servers.splice(0)[0]?.close(resolve)
    })
    for (const other of [address, 'http://beau.example/a.jpg', 'no address'])
      expect(await isGone(other)).toBe(false)
  })

  it('asks the site alone: its domain, with www. or without, and no port of another service', async () => {
    const asked: string[] = []
    const resolve = async (host: string): Promise<string[]> => {
      asked.push(host)
      return []
    }
    for (const address of [
      'http://amor.example/a.jpg',
      'https://amor.example/a.jpg',
      'http://www.amor.example/a.jpg',
      'https://www.amor.example:443/a.jpg',
    ])
      expect(await fetchFrom(address, { resolve })).toEqual(failed)
    expect(asked).toEqual([site, site, `www.${site}`, `www.${site}`])
    for (const address of [
      'http://beau.example/a.jpg',
      'http://img.amor.example/a.jpg',
      'http://amor.example.evil.example/a.jpg',
      'http://amor.example:8080/a.jpg',
      'https://amor.example:80/a.jpg',
      'http://amor.example@beau.example/a.jpg',
      'http://user:secret@amor.example/a.jpg',
      'ftp://amor.example/a.jpg',
      'file:///etc/passwd',
      'data:image/png;base64,AAAA',
      '//amor.example/a.jpg',
      'no address',
    ])
      expect(await fetchFrom(address, { resolve })).toEqual(refused)
    expect(asked).toHaveLength(4)
  })

  it("calls no private address by the site's own name, and no forbidden one by any", async () => {
    let calls = 0
    const port = await aServer((_request, response) => {
      calls += 1
      response.end()
    })
    for (const found of [['127.0.0.1'], ['10.0.0.1'], ['1.1.1.1', '192.168.0.1'], ['::1']])
      expect(await fetchFrom('http://amor.example/a.jpg', { resolve: async () => found })).toEqual(
        refused,
      )
    const metadata = 'http://169.254.169.254'
    expect(await fetchFrom(`${metadata}/a.jpg`, { origins: [metadata] })).toEqual(refused)
    // An origin is scheme, host and port: another port is another service of that machine.
    expect(await fetchFrom(`http://127.0.0.1:${port}/`, { origins: local(port + 1) })).toEqual(
      refused,
    )
    expect(calls).toBe(0)
  })

  it('resolves once, and connects to that very address', async () => {
    const answers = [['127.0.0.1'], ['169.254.169.254']]
    const port = await aServer((_request, response) => void response.end('x'))
    const origin = `http://pictures.example:${port}`
    const resolve = async (): Promise<string[]> => answers.shift() ?? []
    const answer = await fetchFrom(`${origin}/a.jpg`, { origins: [origin], resolve })
    expect(answer.kind).toBe('fetched')
    expect(answers).toEqual([['169.254.169.254']])
  })

  it('follows no redirect, and takes nothing but success', async () => {
    let followed = 0
    const target = await aServer((_request, response) => {
      followed += 1
      response.end('x')
    })
    for (const status of [204, 206, 301, 302, 307, 401, 404, 500]) {
      const port = await aServer((_request, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${target}/` }).end()
      })
      const origins = [...local(port), ...local(target)]
      expect(await fetchFrom(`http://127.0.0.1:${port}/`, { origins })).toEqual(failed)
    }
    expect(followed).toBe(0)
  })

  it('reads pictures up to their bound, whatever is said of their length', async () => {
    let sent = 0
    const endless = await aServer((_request, response) => {
      const part = Buffer.alloc(64 * 1024)
      const more = (): void => {
        while (!response.destroyed && response.write(part)) sent += part.length
      }
      response.on('drain', more)
      more()
    })
    expect(await fetchFrom(`http://127.0.0.1:${endless}/`, { origins: local(endless) })).toEqual(
      refused,
    )
    expect(sent).toBeLessThan(4 * PHOTO_BYTES)
    const boastful = await aServer((_request, response) => {
      response.writeHead(200, { 'content-length': String(PHOTO_BYTES + 1) })
      response.write('x')
    })
    expect(await fetchFrom(`http://127.0.0.1:${boastful}/`, { origins: local(boastful) })).toEqual(
      refused,
    )
    const full = await aServer((_request, response) => void response.end(Buffer.alloc(PHOTO_BYTES)))
    const answer = await fetchFrom(`http://127.0.0.1:${full}/`, { origins: local(full) })
    expect(answer.kind === 'fetched' && answer.bytes.length).toBe(PHOTO_BYTES)
  })

  it('gives up who is silent, slow, cut off or no server', async () => {
    const silent = await listen(createSocket((socket: Socket) => void socket.resume()))
    const slow = await aServer((_request, response) => {
      const drip = setInterval(() => response.write('x'), 50)
      response.on('close', () => clearInterval(drip))
    })
    const short = await aServer((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('x', () => response.destroy())
    })
    for (const port of [silent, slow, short])
      expect(
        await fetchFrom(`http://127.0.0.1:${port}/`, { origins: local(port), timeoutMillis: 300 }),
      ).toEqual(failed)
    const lost = { timeoutMillis: 300, resolve: () => new Promise<string[]>(() => undefined) }
    expect(await fetchFrom('https://amor.example/', lost)).toEqual(failed)
  })

  it('ends what is under way when it closes', async () => {
    const port = await aServer(() => photos.close())
    const photos = createPhotos({ site, origins: local(port), timeoutMillis: 60_000 })
    expect(await photos.fetch(`http://127.0.0.1:${port}/`)).toEqual(failed)
  })
})
