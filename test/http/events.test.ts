/** The stream of events over real sockets, and webhooks over a real interface. */
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { SiteRole } from '../../node/core/access.ts'
import type { MessageEvent } from '../../node/core/website.ts'
import { serve } from '../../node/http/server.ts'
import { createEventStream } from '../../node/http/sse.ts'
import { recordIdOf } from '../../protocol/ids.ts'
import { systemRandom } from '../../node/roles/system.ts'
import { A, aMember, aWorld, B, put, type SiteMachine } from '../core/world.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

interface Received {
  event: string
  id: string | null
  data: Record<string, unknown>
}
interface Client {
  received: Received[]
  /** Resolves when the server has ended the stream. */
  ended: Promise<void>
  types: () => string[]
  until: (count: number) => Promise<void>
  close: () => Promise<void>
}

/** Reads a stream as a browser would. */
async function open(
  url: string,
  key: string,
  { query = '', last }: { query?: string; last?: string } = {},
): Promise<Client> {
  const abort = new AbortController()
  const headers: Record<string, string> = { authorization: `Bearer ${key}` }
  if (last !== undefined) headers['last-event-id'] = last
  const answer = await fetch(`${url}/v1/events${query}`, { headers, signal: abort.signal })
  if (!answer.ok) throw new Error(String(answer.status))
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const received: Received[] = []
  const read = async (): Promise<void> => {
    let rest = ''
    for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + part).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = new Map(
          block.split('\n').map((line): [string, string] => {
            const at = line.indexOf(':')
            return [line.slice(0, at), line.slice(at + 2)]
          }),
        )
        const event = fields.get('event')
        if (event === undefined) continue
        const data = JSON.parse(fields.get('data') ?? '') as Received['data']
        received.push({ event, id: fields.get('id') ?? null, data })
      }
    }
  }
  const ended = read().catch(() => undefined)
  const close = async (): Promise<void> => {
    abort.abort()
    await ended
  }
  onTestFinished(close)
  return {
    received,
    ended,
    types: () => received.map(({ event }) => event),
    until: (count) =>
      vi.waitFor(() => expect(received.length).toBeGreaterThanOrEqual(count), { timeout: 5000 }),
    close,
  }
}

async function serveSite(machine: SiteMachine, heartbeatMillis = 15_000) {
  const api: TestApp<SiteRole> = await aSiteApp(machine, { heartbeatMillis })
  const served = await serve(api.app, { host: '127.0.0.1', port: 0 })
  onTestFinished(served.close)
  return { api, ...served }
}

async function twoSites(heartbeatMillis?: number) {
  const world = await aWorld()
  const home = await world.addSite(A)
  const partner = await world.addSite(B)
  return { world, home, partner, ...(await serveSite(partner, heartbeatMillis)) }
}

const aMessage = (id: string, text = 'Good morning'): MessageEvent => ({
  type: 'message',
  id,
  from: { home: A, record: recordIdOf(systemRandom.bytes(16)) },
  to: recordIdOf(systemRandom.bytes(16)),
  content: { kind: 'text', text },
  time: 1_800_000_000,
})

describe('GET /v1/events', () => {
  it('asks for a key, and for types that exist', async () => {
    const { api } = await twoSites()
    expect(await refused(api, null, 'GET /v1/events')).toMatchObject({ code: 'unauthorized' })
    const odd = await refused(api, api.keys.read, 'GET /v1/events?type=record.*')
    expect(odd).toMatchObject({ code: 'out_of_range', pointer: '/type/0' })
  })

  it('streams what happens, with ids, from now on', async () => {
    const { world, home, url, api } = await twoSites()
    await put(home, aMember('before'))
    await world.tick()
    const client = await open(url, api.keys.read)
    await client.until(1)
    const record = await put(home, aMember('m'))
    await world.tick()
    await client.until(2)
    await home.site.withdrawer.withdraw(['m'], 'erased', '')
    await world.tick()
    await client.until(3)
    expect(client.received).toMatchObject([
      { event: 'ready', data: {} },
      { event: 'record.appeared', data: { home: A, records: [record] } },
      { event: 'record.vanished', data: { home: A, records: [record] } },
    ])
    const numbers = client.received.map(({ id }) => Number(id?.split('-')[1]))
    expect(numbers).toEqual([1, 2, 3])
  })

  it('sends only the types that were asked for', async () => {
    const { world, home, url, api } = await twoSites()
    const client = await open(url, api.keys.read, {
      query: '?type=record.vanished&type=home.hidden',
    })
    await put(home, aMember('m'))
    await world.tick()
    await home.site.withdrawer.withdraw(['m'], 'erased', '')
    await world.tick()
    await client.until(2)
    expect(client.types()).toEqual(['ready', 'record.vanished'])
  })

  it('resumes where a reader stopped, without loss or repetition, over restarts of the node', async () => {
    const { world, home, partner, ...first } = await twoSites()
    let { url, api } = first
    const seen: string[] = []
    let last: string | undefined
    for (let round = 0; round < 4; round += 1) {
      const client = await open(url, api.keys.read, last === undefined ? {} : { last })
      const expected = round === 0 ? 1 : 2
      await client.until(expected)
      await put(home, aMember(`open ${round}`.replace(' ', '-')))
      await world.tick()
      await vi.waitFor(() =>
        expect(client.types().filter((type) => type === 'record.appeared')).toHaveLength(expected),
      )
      for (const { event, id } of client.received) {
        if (event === 'record.appeared') seen.push(id ?? '')
        last = id ?? last
      }
      await client.close()
      // While nobody reads more comes, and the node is started anew.
      await put(home, aMember(`away-${round}`))
      await world.tick()
      await world.restart(partner)
      await world.tick()
      const again = await serveSite(partner)
      url = again.url
      api = again.api
    }
    const client = await open(url, api.keys.read, last === undefined ? {} : { last })
    await client.until(1)
    seen.push(
      ...client.received
        .filter((one) => one.event === 'record.appeared')
        .map((one) => one.id ?? ''),
    )
    expect(seen).toHaveLength(8)
    const numbers = seen.map((id) => Number(id.split('-')[1]))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(new Set(numbers).size).toBe(8)
    const rows = await partner.ports.store.read((tx) => tx.feed.after(0, 100))
    const appeared = rows.filter(({ type }) => type === 'record.appeared').map(({ id }) => id)
    expect(numbers).toEqual(appeared)
  })

  it('tells of a gap where it cannot resume', async () => {
    const { world, home, url, api } = await twoSites()
    await put(home, aMember('m'))
    await world.tick()
    for (const last of ['nonsense', '00000000-1']) {
      const client = await open(url, api.keys.read, { last })
      await client.until(1)
      expect(client.received).toMatchObject([{ event: 'gap', data: {} }])
      await put(home, aMember(`m-${last}`))
      await world.tick()
      await client.until(2)
      expect(client.types()).toEqual(['gap', 'record.appeared'])
    }
  })

  it('brings a message to keys that may write, without an id, until it is acknowledged', async () => {
    const { partner, url, api } = await twoSites()
    const reading = await open(url, api.keys.read)
    await reading.until(1)
    expect(await partner.site.hub.deliver(aMessage('m0'))).toBe('absent')
    const one = await open(url, api.keys.write)
    const other = await open(url, api.keys.admin)
    await one.until(1)
    await other.until(1)
    const delivered = partner.site.hub.deliver(aMessage('m1'))
    await one.until(2)
    await other.until(2)
    expect(one.received[1]).toMatchObject({
      event: 'message',
      id: null,
      data: { id: 'm1', content: { kind: 'text', text: 'Good morning' } },
    })
    const answer = await send(api, api.keys.write, 'POST /v1/messages/m1/ack')
    expect(answer.status).toBe(204)
    expect(await delivered).toBe('taken')
    const late = await refused(api, api.keys.write, 'POST /v1/messages/m1/ack')
    expect(late).toMatchObject({ code: 'not_found', pointer: '/id' })
    const denied = await refused(api, api.keys.read, 'POST /v1/messages/m1/ack')
    expect(denied).toMatchObject({ code: 'forbidden' })
    partner.site.hub.show({
      type: 'presence',
      who: { home: A, record: recordIdOf(systemRandom.bytes(16)) },
      state: 'online',
    })
    await reading.until(2)
    expect(reading.received[1]).toMatchObject({ event: 'presence', id: null })
    const bytes = Buffer.from(partner.database.serialize())
    expect(bytes.includes('Good morning')).toBe(false)
  })

  it('calls the website absent where nobody acknowledges in time, or the stream breaks', async () => {
    const { world, partner, url, api } = await twoSites()
    const client = await open(url, api.keys.write)
    await client.until(1)
    const slow = partner.site.hub.deliver(aMessage('m1'))
    await client.until(2)
    await world.tick(11)
    expect(await slow).toBe('absent')
    const broken = partner.site.hub.deliver(aMessage('m2'))
    await client.until(3)
    await client.close()
    expect(await broken).toBe('absent')
    expect(await partner.site.hub.deliver(aMessage('m3'))).toBe('absent')
  })

  it('counts no acknowledgement against the key, but what acknowledges nothing', async () => {
    const { partner } = await twoSites()
    const rates = { perKey: { perSecond: 0.001, burst: 2 } }
    const api = await aSiteApp(partner, { rates })
    partner.site.hub.listen({ wants: () => true, give: async () => 'handed' })
    const ids = ['m1', 'm2', 'm3', 'm4']
    const delivered = ids.map((id) => partner.site.hub.deliver(aMessage(id)))
    for (const id of ids)
      expect((await send(api, api.keys.write, `POST /v1/messages/${id}/ack`)).status).toBe(204)
    expect(await Promise.all(delivered)).toEqual(ids.map(() => 'taken'))
    const codes: string[] = []
    for (let n = 0; n < 3; n += 1)
      codes.push((await refused(api, api.keys.write, 'POST /v1/messages/m1/ack')).code)
    expect(codes).toEqual(['not_found', 'not_found', 'too_many_requests'])
  })

  it('ends when its key is revoked, and no other does', async () => {
    const { partner, url, api } = await twoSites()
    const { key, secret } = await api.access.create('second', 'write')
    const client = await open(url, secret)
    const other = await open(url, api.keys.write)
    await client.until(1)
    await other.until(1)
    const revoked = await send(api, api.keys.admin, `DELETE /v1/keys/${key.id}`)
    expect(revoked.status).toBe(204)
    await client.ended
    const delivered = partner.site.hub.deliver(aMessage('m1'))
    await other.until(2)
    expect(partner.site.hub.acknowledge('m1')).toBe(true)
    expect(await delivered).toBe('taken')
    expect(client.types()).toEqual(['ready'])
    await expect(open(url, secret)).rejects.toThrow('401')
  })

  it('bounds the streams of one key', async () => {
    const { url, api } = await twoSites()
    const clients: Client[] = []
    for (let n = 0; n < 8; n += 1) clients.push(await open(url, api.keys.read))
    await expect(open(url, api.keys.read)).rejects.toThrow('429')
    await open(url, api.keys.write)
    await clients[0]?.close()
    await vi.waitFor(() => open(url, api.keys.read), { timeout: 3000 })
  })

  it('sends comments while nothing happens', async () => {
    const { port, api } = await twoSites(50)
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.on('data', (part: Buffer) => (text += part.toString()))
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.keys.read}\r\n\r\n`,
    )
    await vi.waitFor(() => expect(text).toMatch(/event: ready[\s\S]*\n:\n\n[\s\S]*\n:\n\n/))
  })

  it('cuts off a reader that does not read, and keeps little for it', async () => {
    const { partner, port, api } = await twoSites()
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${api.keys.write}\r\n\r\n`,
    )
    await new Promise((resolve) => {
      socket.once('data', resolve)
    })
    socket.pause()
    const { hub } = partner.site
    const text = 'x'.repeat(16_000)
    // More than the buffers of both sockets hold: then the queue fills up, and its bound is met.
    const outcomes = await Promise.all(
      Array.from({ length: 999 }, (_, n) => hub.deliver(aMessage(`m${n}`, text))),
    )
    expect(new Set(outcomes)).toEqual(new Set(['absent']))
    const closed = new Promise((resolve) => {
      socket.once('close', resolve)
    })
    socket.on('error', () => undefined)
    socket.resume()
    await closed
  })
})

describe('createEventStream', () => {
  it('cuts a connection on which nothing moves between two beats', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let ends = 0
    const stream = createEventStream({
      next: async () => [],
      onEnd: () => void (ends += 1),
      cut: resolve,
      heartbeatMillis: 20,
    })
    await promise
    expect(ends).toBe(1)
    expect(stream.push({ event: 'presence', data: {} })).toBe(false)
    const { done } = await stream.body.getReader().read()
    expect(done).toBe(true)
  })

  it('ends where what it reads from has closed', async () => {
    let ends = 0
    const stream = createEventStream({
      next: () => Promise.reject(new Error('closed')),
      onEnd: () => void (ends += 1),
      cut: () => undefined,
      heartbeatMillis: 1000,
    })
    expect((await stream.body.getReader().read()).done).toBe(true)
    expect(ends).toBe(1)
  })
})

describe('/v1/webhooks', () => {
  it('adds, lists, changes, tests and removes, for administrators', async () => {
    const { api } = await twoSites()
    const calls: (string | undefined)[] = []
    const server = createServer((request, response) => {
      calls.push(request.headers['webhook-signature']?.toString())
      response.end()
    })
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
    const body = { url, types: ['message'] }
    expect(await refused(api, api.keys.write, 'POST /v1/webhooks', body)).toMatchObject({
      code: 'forbidden',
    })
    const made = await send(api, api.keys.admin, 'POST /v1/webhooks', body)
    expect(made).toMatchObject({ status: 201, json: { url, types: ['message'], failures: 0 } })
    expect(made.json['secret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const id = String(made.json['id'])
    const listed = await send(api, api.keys.admin, 'GET /v1/webhooks')
    expect(listed.json).toMatchObject({ webhooks: [{ id, url }] })
    expect(JSON.stringify(listed.json)).not.toMatch(/whsec|secret/)
    const tested = await send(api, api.keys.admin, `POST /v1/webhooks/${id}/test`)
    expect(tested.json).toEqual({ kind: 'answered', status: 200 })
    expect(calls).toEqual([expect.stringMatching(/^v1,/)])
    const changed = await send(api, api.keys.admin, `PUT /v1/webhooks/${id}`, { url, types: [] })
    expect(changed).toMatchObject({ status: 200, json: { types: [] } })
    const odd = await refused(api, api.keys.admin, 'POST /v1/webhooks', { url: 'file:///x' })
    expect(odd).toMatchObject({ code: 'out_of_range', pointer: '/url' })
    expect((await send(api, api.keys.admin, `DELETE /v1/webhooks/${id}`)).status).toBe(204)
    expect(await refused(api, api.keys.admin, `DELETE /v1/webhooks/${id}`)).toMatchObject({
      code: 'not_found',
    })
  })
})
