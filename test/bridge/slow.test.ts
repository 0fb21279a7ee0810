/** The slow channel as the module and others meet it: over a socket, byte by byte. */
import { describe, expect, it } from 'vitest'
import { field } from '../fixtures/php.ts'
import { aServedBridge, call, expectAlive, refused, request, send, type Served } from './served.ts'

const partsOf = ({ script }: Served): string[] => script.calls.map(({ part }) => part)

describe('the slow channel', () => {
  it('answers "nothing" in the forms that the module can read', async () => {
    const served = await aServedBridge()
    const none = field('profiles', [])
    expect(await call(served, 'POST', 'put_profiles', none)).toBe('{"profiles":{}}')
    expect(await call(served, 'GET', 'get_profiles_status?')).toBe('{"status":{}}')
    expect(await call(served, 'GET', 'get_profiles?last_id=7')).toBe('{"profiles":[]}')
    expect(await call(served, 'POST', 'put_removed', field('id', []))).toBe('{"status":"ok"}')
    expect(await call(served, 'GET', 'get_removed?')).toBe('{"removed":[]}')
    expect(await call(served, 'POST', 'put_updated', none)).toBe('{"status":"ok"}')
    expect(await call(served, 'POST', 'get_updated')).toBe('{"profiles":[]}')
    expect(await call(served, 'GET', 'settings?min_age=18')).toBe('{"status":"ok"}')
  })

  it('answers each readable local id with one word, and never a number', async () => {
    const served = await aServedBridge()
    const profiles = [{ id: 12, nickname: 'Anna' }, 'strange', { id: '7' }, { nickname: 'Ben' }]
    expect(await call(served, 'POST', 'put_profiles', field('profiles', profiles))).toBe(
      '{"profiles":{"7":"processed","12":"processed"}}',
    )
    expect(served.script.calls).toEqual([{ part: 'put', handed: profiles }])
  })

  it('hands the core a hundred profiles at a time, and answers all', async () => {
    const served = await aServedBridge()
    const profiles = Array.from({ length: 250 }, (_, index) => ({ id: index + 1 }))
    const body = await call(served, 'POST', 'put_profiles', field('profiles', profiles))
    expect(Object.keys((JSON.parse(body) as { profiles: object }).profiles)).toHaveLength(250)
    expect(partsOf(served)).toEqual(['put', 'put', 'put'])
  })

  it('takes a hundred profiles as large as the module can send them', async () => {
    const served = await aServedBridge()
    const description = 'Ж'.repeat(29_000)
    const profiles = Array.from({ length: 100 }, (_, index) => ({ id: index + 1, description }))
    const body = await call(served, 'POST', 'put_profiles', field('profiles', profiles))
    expect(Object.keys((JSON.parse(body) as { profiles: object }).profiles)).toHaveLength(100)
  })

  it('tells numbers by local id, offers and updates as lists, and removals', async () => {
    const served = await aServedBridge()
    const { script } = served
    script.numbers = new Map([[12, 2_147_483_647]])
    script.offers = [{ id: 5, nickname: 'O&#39;Neil', photos: [], profile_data: [] }]
    script.updates = [{ id: 6, photos: [], profile_data: { headline: 'Hello' } }]
    script.removals = [9, 8]
    expect(await call(served, 'GET', 'get_profiles_status?')).toBe('{"status":{"12":2147483647}}')
    expect(await call(served, 'GET', 'get_profiles?last_id=0')).toBe(
      '{"profiles":[{"id":5,"nickname":"O&#39;Neil","photos":[],"profile_data":[]}]}',
    )
    expect(await call(served, 'POST', 'get_updated')).toBe(
      '{"profiles":[{"id":6,"photos":[],"profile_data":{"headline":"Hello"}}]}',
    )
    expect(await call(served, 'GET', 'get_removed?')).toBe('{"removed":[9,8]}')
  })

  it('says nothing that would reach beyond a string of SQL', async () => {
    const served = await aServedBridge()
    const { script } = served
    const good = { id: 5, photos: [], profile_data: [] }
    script.offers = [
      good,
      { ...good, nickname: "O'Neil" },
      { ...good, nickname: 'a\\' },
      { ...good, profile_data: { "x'": 'y' } },
      { ...good, city: '<b>' },
      { ...good, age_max: 1.5 },
      { ...good, id: 0 },
    ]
    expect(await call(served, 'GET', 'get_profiles?last_id=0')).toBe(
      '{"profiles":[{"id":5,"photos":[],"profile_data":[]}]}',
    )
    script.numbers = new Map([[12, 0]])
    expect(await refused(served, request('GET', 'get_profiles_status?', served))).toBe(500)
    script.removals = [-1]
    expect(await refused(served, request('GET', 'get_removed?', served))).toBe(500)
    expect(served.faults).toHaveLength(2)
  })

  it('hands removals to own members first, then to what was given, and counts the rest', async () => {
    const served = await aServedBridge()
    const { script, bridge, world } = served
    script.own = new Set([11])
    script.given = new Set([22])
    const ids = ['0', 11, '22', 33, 'strange', -4, null]
    expect(await call(served, 'POST', 'put_removed', field('id', ids))).toBe('{"status":"ok"}')
    expect(script.calls).toEqual([
      { part: 'own removed', handed: [0, 11, 22, 33] },
      { part: 'given removed', handed: [22, 33] },
    ])
    expect(bridge.removals.unknown()).toBe(1)
    expect(world.events).toContainEqual({ type: 'bridge.unknown', count: 1 })
  })

  it('takes confirmations of adds from a plain list, and of removals as removals', async () => {
    const served = await aServedBridge()
    const body = 'id%5B0%5D=2001&id%5B1%5D=2002&id%5B2%5D=x&id%5B3%5D=0'
    expect(await call(served, 'POST', 'put_profiles_status', body)).toBe('{"status":"ok"}')
    expect(await call(served, 'POST', 'put_removed_status', field('id', [7]))).toBe(
      '{"status":"ok"}',
    )
    expect(served.script.calls.slice(0, 2)).toEqual([
      { part: 'added', handed: [2001, 2002] },
      { part: 'own removed', handed: [7] },
    ])
  })

  it('learns by the form of ids whether the module can remove', async () => {
    const served = await aServedBridge()
    const { contact } = served.bridge
    expect(contact.canRemove()).toBe('unknown')
    await call(served, 'POST', 'put_removed', field('id', []))
    await call(served, 'POST', 'put_updated', field('profiles', [{ id: 5, net_id: '5' }]))
    expect(contact.canRemove()).toBe('unknown')
    await call(served, 'POST', 'put_profiles', field('profiles', [{ id: '5' }]))
    expect(contact.canRemove()).toBe('no')
    await call(served, 'POST', 'put_removed', field('id', [5]))
    expect(contact.canRemove()).toBe('yes')
    await call(served, 'POST', 'put_removed', field('id', [5, '6']))
    expect(contact.canRemove()).toBe('no')
  })

  it('notes when the module has called', async () => {
    const served = await aServedBridge()
    const { contact } = served.bridge
    await send(served.port, request('POST', 'test', { key: 'wrong' }))
    expect(contact.view().lastSeenAt).toBeNull()
    await expectAlive(served)
    expect(contact.view().lastSeenAt).toBe(served.world.clock.now())
  })

  it('is found under whatever path the owner has set', async () => {
    const served = await aServedBridge()
    for (const prefix of ['/', '/a/b/', '//'])
      expect(
        (await send(served.port, request('POST', 'test', served).replace('/slow/', prefix)))?.body,
      ).toBe('{"test":1}')
  })

  it('lets a client that asks first send its body', async () => {
    const served = await aServedBridge()
    const body = field('profiles', [{ id: 3 }])
    const head = request('POST', 'put_profiles', served, body).replace(
      '\r\n\r\n',
      '\r\nExpect: 100-continue\r\n\r\n',
    )
    expect((await send(served.port, head))?.body).toBe('{"profiles":{"3":"processed"}}')
  })

  it('answers "nothing" before the module gives up, and shares what is under way', async () => {
    const served = await aServedBridge({ answerMilliseconds: 20 })
    const { script, world } = served
    const { promise, resolve: release } = Promise.withResolvers<void>()
    script.hold = promise
    script.removals = [4]
    expect(await call(served, 'GET', 'get_removed?')).toBe('{"removed":[]}')
    expect(world.events).toContainEqual({
      type: 'bridge.refused',
      action: 'get_removed',
      reason: 'late',
    })
    const second = call(served, 'GET', 'get_removed?')
    expect(await second).toBe('{"removed":[]}')
    expect(partsOf(served)).toEqual(['removals'])
    release()
    await script.hold
    expect(await call(served, 'GET', 'get_removed?')).toBe('{"removed":[4]}')
  })

  it('takes what is put one after another, in the order of coming', async () => {
    const served = await aServedBridge()
    const { script, port } = served
    const { promise, resolve: release } = Promise.withResolvers<void>()
    script.hold = promise
    const first = send(port, request('POST', 'put_removed', served, field('id', [1])))
    while (script.calls.length === 0) await served.world.quiet()
    const second = send(
      port,
      request('POST', 'put_updated', served, field('profiles', [{ id: 2 }])),
    )
    // Answered while the others wait: it is none of them.
    await call(served, 'POST', 'test')
    expect(partsOf(served)).toEqual(['own removed'])
    release()
    await Promise.all([first, second])
    expect(partsOf(served)).toEqual(['own removed', 'given removed', 'update'])
  })

  it('tries removals again that failed, since the module says them once', async () => {
    const served = await aServedBridge()
    const { script, bridge } = served
    script.fault = new Error('the disk is full')
    expect(await call(served, 'POST', 'put_removed', field('id', [1, 0]))).toBe('{"status":"ok"}')
    script.fault = null
    await bridge.removals.tick()
    await bridge.removals.tick()
    expect(script.calls).toEqual([
      { part: 'own removed', handed: [1, 0] },
      { part: 'own removed', handed: [1, 0] },
      { part: 'given removed', handed: [1] },
    ])
  })
})

function ask(domain: string): string {
  return request('POST', 'get_key', {}, new URLSearchParams({ domain }).toString())
}

describe('get_key', () => {
  it('answers while a window is open, for this site alone, and once', async () => {
    const served = await aServedBridge()
    const { port, bridge } = served
    const own = ask('http://www.Example-One.test/')
    expect((await send(port, own))?.body).toBe('{"error":"invalid_data"}')
    await bridge.contact.openWindow()
    expect((await send(port, ask('other.test')))?.body).toBe('{"error":"domain_exists"}')
    expect((await send(port, request('POST', 'get_key', {})))?.body).toBe(
      '{"error":"invalid_data"}',
    )
    const { code } = JSON.parse((await send(port, own))?.body ?? '') as { code: string }
    expect(code).toMatch(/^[0-9a-f]{32}$/)
    expect((await send(port, own))?.body).toBe('{"error":"invalid_data"}')
    expect((await send(port, request('POST', 'test', { key: code })))?.body).toBe('{"test":1}')
    // The key before is void.
    expect((await send(port, request('POST', 'test', served)))?.body).toBe('{"test":0}')
  })

  it('answers no more when the window has closed', async () => {
    const { port, bridge, world } = await aServedBridge()
    const until = await bridge.contact.openWindow()
    world.clock.set(until)
    expect((await send(port, ask('example-one.test')))?.body).toBe('{"error":"invalid_data"}')
  })
})
