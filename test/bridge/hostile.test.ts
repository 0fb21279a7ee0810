/** What others than the module may send, and what the module never does: refused, nothing lost. */
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../protocol/errors.ts'
import { field, serialize } from '../fixtures/php.ts'
import { aServedBridge, expectAlive, open, refused, request, send } from './served.ts'

describe('the slow channel, on hostile input', () => {
  it.each<[string, object]>([
    ['no key', {}],
    ['an empty key', { key: '' }],
    ['a wrong key', { key: 'KEY-abc-123' }],
    ['a key with more behind it', { key: 'x', longer: true }],
    ["another site's domain", { domain: 'other.test' }],
    ['a domain below its own', { domain: 'sub.example-one.test' }],
  ])('refuses %s with nothing, and "test" with its own answer', async (_, wrong) => {
    const served = await aServedBridge()
    const isLonger = 'longer' in wrong
    const caller = {
      ...('domain' in wrong && { key: served.key }),
      ...wrong,
      ...(isLonger && { key: `${served.key}0` }),
    }
    const body = field('id', [1])
    expect(await refused(served, request('POST', 'put_removed', caller, body))).toBe(401)
    const test = await send(served.port, request('POST', 'test', caller))
    expect([test?.status, test?.body]).toEqual([401, '{"test":0}'])
    expect(served.script.calls).toEqual([])
    await expectAlive(served)
  })

  it.each<[string, string, number]>([
    ['nothing', '', 400],
    ['another field', 'x=1', 400],
    ['garbage', 'profiles=%00%01%FF', 400],
    ['what is no list', `profiles=${encodeURIComponent('i:1;')}`, 400],
    ['a broken sign', 'profiles=%4', 400],
    ['an object', `profiles=${encodeURIComponent('O:8:"stdClass":0:{}')}`, 400],
    [
      'a list that ends early',
      `profiles=${encodeURIComponent(serialize([{ id: 1, nickname: 'Anna' }]).slice(0, -9))}`,
      400,
    ],
    ['a length beyond all memory', `profiles=${encodeURIComponent('s:999999999:"a";')}`, 400],
    ['a count beyond all memory', `profiles=${encodeURIComponent('a:999999999:{')}`, 400],
    [
      'lists inside of lists without end',
      `profiles=${encodeURIComponent('a:1:{i:0;'.repeat(50_000))}`,
      413,
    ],
    ['more fields than anybody has', 'a=1&'.repeat(3000), 413],
  ])('refuses %s, and loses nothing', async (_, body, status) => {
    const served = await aServedBridge()
    for (const action of ['put_profiles', 'put_updated'])
      expect(await refused(served, request('POST', action, served, body))).toBe(status)
    expect(served.script.calls).toEqual([])
    expect(served.faults).toEqual([])
    await expectAlive(served)
  })

  it('refuses a body beyond its bounds before it is read', async () => {
    const served = await aServedBridge()
    const head = request('POST', 'put_profiles', served).replace(
      'Content-Length: 0',
      `Content-Length: ${100 * 1024 * 1024}`,
    )
    expect(await refused(served, head)).toBe(413)
    const chunked = request('POST', 'put_profiles_status', served).replace(
      'Content-Length: 0',
      'Transfer-Encoding: chunked',
    )
    expect(await refused(served, `${chunked}zz\r\n`)).toBe(400)
    await expectAlive(served)
  })

  it('refuses other actions and other methods', async () => {
    const served = await aServedBridge()
    const { port } = served
    for (const path of ['', 'put_everything', 'constructor', '__proto__', '..%2fput_profiles'])
      expect(await refused(served, request('POST', path, served))).toBe(404)
    expect(await refused(served, request('GET', 'put_profiles', served))).toBe(405)
    expect(await refused(served, request('POST', 'get_removed', served))).toBe(405)
    expect(await refused(served, request('GET', 'get_key', {}))).toBe(405)
    const head = await send(port, request('GET', 'test', served).replace('GET', 'HEAD'))
    expect(head?.status).toBe(405)
    await expectAlive(served)
  })

  it('does not echo what it was sent, nor answers with a page', async () => {
    const served = await aServedBridge()
    const canary = 'Canary Melville'
    const path = encodeURIComponent(`<b>${canary}`)
    served.script.fault = new Error(canary)
    const calls = [
      request('POST', path, served),
      request('POST', `put_profiles?${path}`, served, `profiles=${path}`),
      request('POST', 'put_updated', served, field('profiles', [{ id: 1, nickname: canary }])),
      request('POST', 'test', { key: canary }),
      request('POST', 'get_key', {}, `domain=${path}`),
    ]
    for (const bytes of calls) {
      const answer = await send(served.port, bytes)
      const all = JSON.stringify([answer?.body, [...(answer?.headers ?? [])]])
      expect(all).not.toContain('Canary')
      expect(all).not.toContain('html')
    }
    expect(JSON.stringify(served.world.events)).not.toContain('Canary')
    served.script.fault = null
    await expectAlive(served)
  })

  it('says 503 while the core is not ready, and 500 where it fails', async () => {
    const served = await aServedBridge()
    const { script } = served
    const update = request('POST', 'put_updated', served, field('profiles', [{ id: 1 }]))
    script.fault = new ProtocolError('not_ready', '', 'a log that may be written')
    expect(await refused(served, update)).toBe(503)
    expect(served.faults).toEqual([])
    script.fault = new Error('the disk is full')
    expect(await refused(served, update)).toBe(500)
    expect(await refused(served, request('GET', 'get_profiles?last_id=0', served))).toBe(500)
    expect(served.faults).toHaveLength(2)
  })

  it('keeps a flood of strangers away from the module', async () => {
    const slow = { perSecond: 0.001, burst: 3 }
    const served = await aServedBridge({ rates: { unknown: slow } })
    const statuses: number[] = []
    for (let index = 0; index < 6; index += 1)
      statuses.push(await refused(served, request('GET', 'get_removed?', { key: 'wrong' })))
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429])
    const { events } = served.world
    expect(
      events.filter((event) => event.type === 'bridge.refused' && event.reason === 'flood'),
    ).toHaveLength(1)
    await served.bridge.contact.openWindow()
    expect(await refused(served, request('POST', 'get_key', {}, 'domain=x'))).toBe(429)
    await expectAlive(served)
  })

  it('takes in no more large bodies at once than it can hold', async () => {
    const served = await aServedBridge()
    const { script, port } = served
    const { promise, resolve: release } = Promise.withResolvers<void>()
    script.hold = promise
    const update = request('POST', 'put_updated', served, field('profiles', [{ id: 1 }]))
    const all = Array.from({ length: 9 }, () => send(port, update))
    expect((await Promise.race(all))?.status).toBe(503)
    release()
    const statuses = (await Promise.all(all)).map((answer) => answer?.status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(8)
    await expectAlive(served)
  })

  it('stops a flood that has the key', async () => {
    const served = await aServedBridge({ rates: { known: { perSecond: 0.001, burst: 2 } } })
    await expectAlive(served)
    await expectAlive(served)
    expect(await refused(served, request('POST', 'test', served))).toBe(429)
  })

  it('cuts off a body that comes too slowly, and goes on with the others', async () => {
    const served = await aServedBridge({}, { limits: { requestTimeout: 300 } })
    const socket = await open(served.port)
    const closed = new Promise((resolve) => {
      socket.on('close', resolve)
    })
    socket.on('data', () => undefined)
    socket.write(
      request('POST', 'put_profiles', served).replace('Content-Length: 0', 'Content-Length: 500'),
    )
    const drip = setInterval(() => socket.write('p'), 50)
    await expectAlive(served)
    await closed
    clearInterval(drip)
    expect(served.script.calls).toEqual([])
    await expectAlive(served)
  })

  it('survives bytes that are no HTTP', async () => {
    const served = await aServedBridge()
    const garbage = [
      '\0\0\0\0',
      'GET\r\n\r\n',
      `POST /slow/test HTTP/9.9\r\n\r\n`,
      '\x16\x03\x01\x02',
    ]
    for (const bytes of garbage)
      expect((await send(served.port, `${bytes}\r\n\r\n`))?.body ?? '').toBe('')
    await expectAlive(served)
  })
})
