/**
 * The stand-in for the old module sends what the real one was recorded to send, to the byte, and
 * has its faults. Method: a server that keeps the bytes of each request and answers as told.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runCron } from '../../scripts/module/cron.ts'
import { createReader, textFrame } from '../../scripts/module/frames.ts'
import { jsonEncode, serialize } from '../../scripts/module/serialize.ts'
import { createSlowLoop, pair, test as testKey } from '../../scripts/module/slow-loop.ts'
import type { ModuleOptions, SlowLoop } from '../../scripts/module/slow-loop.ts'
import { deleteUser, foreigners, leave, openWebsite } from '../../scripts/module/website.ts'
import { register, save, type Website } from '../../scripts/module/website.ts'

const RECORDED = '../shared/legacy-examples'

/** The request in a recording, with the address of now. */
function recorded(name: string, host: string): string {
  const text = readFileSync(`${RECORDED}/http-${name}.txt`, 'latin1')
  const from = text.indexOf('\n') + 1
  const request = text.slice(from, text.indexOf('\n\n<<< response'))
  // An empty line is left of a request without a body.
  const bytes = request.endsWith('\r\n\r\n\n') ? request.slice(0, -1) : request
  return bytes.replace('Host: 127.0.0.1:8090', `Host: ${host}`)
}

interface Server {
  origin: string
  host: string
  /** Requests so far, as bytes. */
  requests: string[]
  /** JSON by action; an action that is not there is answered with nothing. */
  answers: Record<string, unknown>
  close: () => Promise<void>
}

const actionOf = (request: string): string => /\/slow\/(\w+)/.exec(request)?.[1] ?? ''

async function openServer(): Promise<Server> {
  const sockets = new Set<Socket>()
  const requests: string[] = []
  const answers: Record<string, unknown> = {}
  const server = createServer((socket) => {
    sockets.add(socket)
    let heard = ''
    socket.on('error', () => undefined)
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text
      const [head = '', body] = heard.split('\r\n\r\n')
      const length = Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0)
      if (body === undefined || body.length < length) return
      requests.push(heard)
      const answer = answers[actionOf(heard)]
      const json = answer === undefined ? '' : JSON.stringify(answer)
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  return { origin: `http://${host}`, host, requests, answers, close }
}

let server: Server
let site: Website
let options: ModuleOptions
let loop: SlowLoop

beforeEach(async () => {
  server = await openServer()
  site = await openWebsite('http://127.0.0.1:8090')
  options = {
    slow: `${server.origin}/slow/`,
    key: 'KEY-abc-123',
    domain: 'example-one.test',
    ids: 'text',
    settings: {
      site_type: ['general'],
      user_type: ['all'],
      orientation: ['all'],
      lang: ['all'],
      land: ['europe', 'north-america'],
      country_code: ['FR', 'US'],
      min_age: 18,
      max_age: 80,
    },
  }
  loop = createSlowLoop(site, options)
})
afterEach(() => server.close())

/** Sent in one round, by action. */
async function round(): Promise<Record<string, string>> {
  const before = server.requests.length
  await loop.round()
  return Object.fromEntries(server.requests.slice(before).map((one) => [actionOf(one), one]))
}

/** Whom the recordings are about. */
function registerRecorded(): void {
  const person = { birth_date: '1985-07-08', age_max: 30, user_type: 'male', country_code: 'US' }
  const place = { region: 'Test Region 4', city: 'Testville 6' }
  const users = [
    register(site, {
      nickname: "Anna O'Neil",
      fname: 'Anna',
      postal_code: '75001',
      user_type: 'female',
      birth_date: '1990-02-03',
      age_max: 40,
      looking_user_type: 'male',
      country_code: 'FR',
      region: 'Test Region 3',
      city: 'Testville 5',
      pictures: ['u1', 'g1-1', 'g1-2'],
      profile: { body_type: 'Athletic', height: '5\' 7" (170 cm)', weight: '70 kg' },
    }),
    register(site, {
      ...person,
      ...place,
      nickname: 'Bob',
      looking_user_type: 'female,male',
      pictures: ['u2', 'g2-1', 'g2-2'],
      decision: 'disagree',
    }),
    register(site, {
      ...person,
      ...place,
      nickname: 'Carl',
      birth_date: '1999-12-31',
      pictures: ['u3', 'g3-1', 'g3-2'],
    }),
  ]
  const hashes = [
    'c38bc6620d9dc3e0b6bbe38b74681fac',
    '71f80adb39e5bb3bfa4aef0c40fba415',
    '8a875f400fc0d0bb6bd48723085370a6',
  ]
  for (const [at, { fields }] of users.entries()) fields.email = hashes[at] ?? ''
}

const DORA = {
  id: 2001,
  nickname: 'Dora',
  user_type: 'female',
  birth_date: '1991-05-06',
  icon: 'http://127.0.0.1:8090/img/dora.jpg',
  photos: [],
  profile_data: { headline: 'Hello' },
}

/** Whether it is the recorded request. */
function same(request: string | undefined, name: string): void {
  expect(request).toBe(recorded(name, server.host))
}

describe.skipIf(!existsSync(RECORDED))('the recorded client', () => {
  it('asks for a key and tests it as recorded', async () => {
    server.answers['get_key'] = { code: 'KEY-abc-123' }
    expect(await pair(options)).toBe('KEY-abc-123')
    server.answers['test'] = { test: 1 }
    expect(await testKey(options)).toBe(true)
    const [key, tested] = server.requests
    same(key, 'get_key-1')
    same(tested, 'test-1')
  })

  it('sends the recorded bytes through the life of three users', async () => {
    registerRecorded()
    let sent = await round()
    same(sent['settings'], 'settings-1')
    same(sent['put_profiles'], 'put_profiles-1')
    same(sent['get_profiles'], 'get_profiles-1')
    same(sent['get_profiles_status'], 'get_profiles_status-1')
    same(sent['put_removed'], 'put_removed-1')
    same(sent['get_removed'], 'get_removed-1')
    same(sent['put_updated'], 'put_updated-1')
    same(sent['get_updated'], 'get_updated-1')
    expect(sent).not.toHaveProperty('put_profiles_status')

    // Words and a number; the number of Bob comes later, Carl counts as sent.
    server.answers['put_profiles'] = { profiles: { 1: 1001, 2: 'processed' } }
    server.answers['get_profiles_status'] = { status: { 2: 1002 } }
    server.answers['get_profiles'] = { profiles: [DORA, { ...DORA, id: 2002 }] }
    sent = await round()
    same(sent['put_profiles'], 'put_profiles-2')
    same(sent['get_profiles'], 'get_profiles-2')

    server.answers['get_profiles'] = { profiles: [] }
    server.answers['put_profiles'] = { profiles: { 3: 'processed' } }
    await runCron(site, options)
    const fields = {
      fname: 'Annabel',
      nickname: 'Anna2',
      email: 'db6572513f36f58ebfc7e83fde7ee64b',
      city: 'Testville 8',
    }
    save(site, 1, { fields, profile: { height: '175 cm' } })
    sent = await round()
    same(sent['put_profiles_status'], 'put_profiles_status-1')
    same(sent['put_updated'], 'put_updated-2')

    leave(site, 1)
    sent = await round()
    same(sent['put_removed'], 'put_removed-2')
    same(sent['put_profiles'], 'put_profiles-3')
    expect(sent['put_updated']?.split('\r\n\r\n')[1]).toBe(
      `profiles=${encodeURIComponent(
        serialize(
          [1, 2].map(() => ({
            id: 1001,
            net_id: '1001',
            photos: [1, 2].map((n) => `http://127.0.0.1:8090/img/g1-${n}.jpg`),
            profile_data: [],
            local_id: 1,
          })),
        ),
      )}`,
    )
    deleteUser(site, 2)
    sent = await round()
    expect(sent['put_removed']).toContain('id=a%3A1%3A%7Bi%3A0%3Bs%3A4%3A%221002%22%3B%7D')
  })

  it('confirms a removal as recorded', async () => {
    options.ids = 'integers'
    server.answers['get_profiles'] = { profiles: [{ ...DORA, id: 2002 }] }
    server.answers['get_removed'] = { removed: [2002] }
    await round()
    delete server.answers['get_removed']
    await runCron(site, options)
    same((await round())['put_removed'], 'put_removed-3')
    expect(foreigners(site)).toEqual([])
  })
})

describe('createSlowLoop', () => {
  it('sends whoever is ready and has a picture, whatever they have decided', async () => {
    for (const decision of ['agree', 'disagree', 'unknown'] as const)
      register(site, {
        nickname: decision,
        birth_date: '',
        user_type: '',
        pictures: ['p'],
        decision,
      })
    register(site, { nickname: 'no-picture', birth_date: '', user_type: '', decision: 'agree' })
    const { put_profiles: body } = await round()
    for (const word of ['agree', 'disagree', 'unknown']) expect(body).toContain(`%22${word}%22`)
    expect(body).not.toContain('no-picture')
  })

  it('sends a hundred at a time, again until it has a status', async () => {
    for (let n = 1; n <= 101; n += 1)
      register(site, { nickname: `user${n}`, birth_date: '', user_type: '', pictures: ['p'] })
    expect((await round())['put_profiles']).not.toContain('user101')
    expect((await round())['put_profiles']).toContain('user100')
    server.answers['put_profiles'] = {
      profiles: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at + 1, 'processed'])),
    }
    await round()
    expect((await round())['put_profiles']).toContain('user101')
  })

  it('goes round and round with its pauses until it is told to stop, and tells settings once', async () => {
    const over = new AbortController()
    const running = loop.run(over.signal, { step: 0, round: 1 })
    await vi.waitUntil(() => server.requests.length > 20)
    over.abort()
    await running
    const actions = server.requests.map(actionOf)
    expect(actions.filter((action) => action === 'settings')).toHaveLength(1)
    expect(actions.slice(1, 8)).toEqual([
      'put_profiles',
      'get_profiles_status',
      'get_profiles',
      'put_removed',
      'get_removed',
      'put_updated',
      'get_updated',
    ])
    expect(actions.slice(8, 15)).toEqual(actions.slice(1, 8))
  })

  it('forgets what it has told, also where nobody heard it', async () => {
    const user = register(site, { nickname: 'n', birth_date: '', user_type: '', pictures: ['p'] })
    user.netId = 7
    await server.close()
    deleteUser(site, 1)
    await loop.round()
    expect(site.queue).toEqual([])
  })

  it('takes every word for success where ids are integers, also one that says to wait', async () => {
    for (let n = 1; n <= 3; n += 1)
      register(site, { nickname: 'n', birth_date: '', user_type: '', pictures: ['p'] })
    options.ids = 'integers'
    server.answers['put_profiles'] = { profiles: { 1: 'icon_req', 2: 'hello', 3: 'processed' } }
    await round()
    const told = [...site.users.values()].map(({ netId, status }) => [netId, status])
    expect(told).toEqual(Array.from({ length: 3 }, () => [0, 'ok']))
  })
})

const queued = (): number[] =>
  site.queue.flatMap((row) => ('netId' in row && row.direction === 'in' ? [row.netId] : []))

describe('the queue of what comes in', () => {
  it('takes nothing of a list whose last one it has', async () => {
    server.answers['get_removed'] = { removed: [11] }
    await round()
    server.answers['get_removed'] = { removed: [12, 11] }
    await round()
    expect(queued()).toEqual([11])
    server.answers['get_removed'] = { removed: [11, 12] }
    await round()
    expect(queued()).toEqual([11, 12])
  })

  it('is removed from before it is added to, where more than five adds wait', async () => {
    options.ids = 'integers'
    server.answers['get_profiles'] = { profiles: offer(6) }
    server.answers['get_removed'] = { removed: [3006] }
    await round()
    for (const action of Object.keys(server.answers)) delete server.answers[action]
    await runCron(site, options)
    expect((await round())['put_removed']).toContain('3006')
    await runCron(site, options)
    expect((await round())['put_profiles_status']).toContain('3006')
    expect(foreigners(site).map(({ netId }) => netId)).toContain(3006)
  })
})

function aUser(): void {
  register(site, { nickname: 'n', birth_date: '', user_type: '', pictures: ['p'] }).netId = 7
}

describe('a user', () => {
  it('keeps its number when it leaves', async () => {
    aUser()
    leave(site, 1)
    await round()
    save(site, 1, { fields: { nickname: 'm' } })
    expect((await round())['put_updated']).toContain('%22nickname%22')
  })

  it('says nothing of a new main picture', async () => {
    aUser()
    save(site, 1, { fields: { icon: 'http://127.0.0.1:8090/img/new.jpg' } })
    expect((await round())['put_updated']).not.toContain('icon')
  })
})

const offer = (count: number): unknown =>
  Array.from({ length: count }, (_, at) => ({ ...DORA, id: 3001 + at }))

describe('runCron', () => {
  it('adds five a run, and starves a removal behind twenty-five adds', async () => {
    options.ids = 'integers'
    server.answers['get_profiles'] = { profiles: offer(30) }
    server.answers['get_removed'] = { removed: [3001] }
    await round()
    await runCron(site, options)
    expect(foreigners(site)).toHaveLength(5)
    delete server.answers['get_profiles']
    // The removal is the thirty-first row, and comes into sight when six before it are done.
    const isThere = (): boolean => foreigners(site).some(({ netId }) => netId === 3001)
    await runCron(site, options)
    expect(isThere()).toBe(true)
    await runCron(site, options)
    expect(isThere()).toBe(false)
  })

  it('dies at the first removal where rows are text, so that updates never come', async () => {
    server.answers['get_profiles'] = { profiles: offer(1) }
    await round()
    server.answers['get_profiles'] = undefined
    server.answers['get_removed'] = { removed: [3001] }
    server.answers['get_updated'] = { profiles: [{ id: 3001, nickname: 'New' }] }
    await round()
    await runCron(site, options)
    expect(foreigners(site).map(({ fields }) => fields.nickname)).toEqual(['Dora'])
  })

  it('drops what it has already without a word to the server', async () => {
    options.ids = 'integers'
    server.answers['get_profiles'] = { profiles: offer(1) }
    await round()
    await runCron(site, options)
    await round()
    await runCron(site, options)
    expect((await round())['put_profiles_status']).toBeUndefined()
    expect(foreigners(site)).toHaveLength(1)
  })
})

describe('serialize', () => {
  it('counts bytes, and knows lists, maps and plain values', () => {
    expect(serialize({ a: ['é', 1, true, null], b: [] })).toBe(
      'a:2:{s:1:"a";a:4:{i:0;s:2:"é";i:1;i:1;i:2;b:1;i:3;N;}s:1:"b";a:0:{}}',
    )
  })
})

describe('jsonEncode', () => {
  it('writes ASCII alone', () => {
    expect(jsonEncode(['a/b', 'é 中'])).toBe('["a\\/b","\\u00e9 \\u4e2d"]')
  })
})

describe('createReader', () => {
  it('reads frames in pieces, and takes an empty ping for the end', () => {
    const read = createReader()
    const bytes = Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('40'), Buffer.from([0x89, 0])])
    const heard = [...bytes].flatMap((byte) => read(Buffer.from([byte])))
    expect(heard).toEqual([{ kind: 'text', text: '40' }, { kind: 'end' }])
  })

  it('knows no masked frames, which only clients send', () => {
    expect(() => createReader()(textFrame('40'))).toThrow('masked')
  })
})
