/** What holds for every request to a site: bulk, keys, limits, headers, documents. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROTOCOL_ERROR_CODES } from '../../protocol/errors.ts'
import type { SiteRole } from '../../node/core/access.ts'
import { PROBLEMS } from '../../node/http/problem.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let api: TestApp<SiteRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  api = await aSiteApp(amor)
})
afterAll(() => world.close())

const member = (changes: object = {}) => ({
  email: 'someone@mail.example',
  profile: aProfile(),
  consent: aConsent(),
  ...changes,
})

async function bulk(lines: string): Promise<Record<string, unknown>[]> {
  const answer = await api.app.request('/v1/members:bulk', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${api.keys.write}`,
      'content-type': 'application/x-ndjson',
    },
    body: lines,
  })
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
  const text = (await answer.text()).trim()
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as never)
}

describe('bulk', () => {
  it('answers each line in order, whatever the others are', async () => {
    const line = (id: string): string => JSON.stringify({ id, ...member() })
    const huge = JSON.stringify({ id: 'huge', text: 'x'.repeat(70_000) })
    const young = JSON.stringify({
      id: 'young',
      ...member({ profile: aProfile({ birthDate: '2012-01-01' as never }) }),
    })
    const text = [line('n-1'), '', '{broken', huge, young, line('n-2'), line('n-1')].join('\n')
    const results = await bulk(text)
    expect(results).toMatchObject([
      { line: 1, id: 'n-1', outcome: 'published' },
      { line: 3, problem: { code: 'malformed' } },
      { line: 4, problem: { code: 'too_large' } },
      { line: 5, id: 'young', problem: { code: 'under_age' } },
      { line: 6, id: 'n-2', outcome: 'published' },
      { line: 7, id: 'n-1', outcome: 'unchanged' },
    ])
  })

  it('takes more than a batch, and the same again as unchanged', async () => {
    const lines = Array.from({ length: 1201 }, (_, n) =>
      JSON.stringify({ id: `k-${n}`, ...member() }),
    )
    const first = await bulk(lines.join('\n'))
    expect(first).toHaveLength(1201)
    expect(first.every((one, at) => one['line'] === at + 1 && one['outcome'] === 'published')).toBe(
      true,
    )
    const again = await bulk(`${lines.join('\n')}\n`)
    expect(again.every((one) => one['outcome'] === 'unchanged')).toBe(true)
  })

  it('answers nothing to nothing, and refuses another type', async () => {
    expect(await bulk('')).toEqual([])
    expect(await refused(api, api.keys.write, 'POST /v1/members:bulk', '{}')).toMatchObject({
      status: 415,
    })
  })
})

describe('keys and roles', () => {
  it('asks for a key everywhere but at liveness, problems and docs', async () => {
    for (const path of ['/v1/health', '/v1/openapi.json', '/v1/docs', '/problems/no_consent'])
      expect((await send(api, null, `GET ${path}`)).status).toBe(200)
    const none = await send(api, null, 'GET /v1/status')
    expect(none.status).toBe(401)
    expect(none.headers.get('www-authenticate')).toBe('Bearer')
    for (const key of ['', 'dpn_admin_x', `${api.keys.admin}x`, api.keys.admin.slice(0, -1)])
      expect((await send(api, key, 'GET /v1/status')).status).toBe(401)
  })

  it.each([
    ['read', 'PUT /v1/members/m', 403],
    ['read', 'DELETE /v1/members/m', 403],
    ['read', 'POST /v1/members:bulk', 403],
    ['read', 'GET /v1/keys', 403],
    ['write', 'PUT /v1/requirements', 403],
    ['write', 'POST /v1/keys', 403],
    ['read', 'GET /v1/status', 200],
    ['read', 'GET /metrics', 200],
    ['admin', 'GET /v1/keys', 200],
  ] as const)('a key with the role %s gets for %s: %i', async (role, request, status) => {
    expect((await send(api, api.keys[role], request)).status).toBe(status)
  })

  it('makes a key, shows its secret once, and shuts it out when revoked', async () => {
    const body = { name: 'shop', role: 'read' }
    const made = await send(api, api.keys.admin, 'POST /v1/keys', body)
    const { id, secret } = made.json as { id: string; secret: string }
    expect(made.status).toBe(201)
    expect(secret).toMatch(/^dpn_read_[0-9A-Za-z]{43}$/)
    const list = await send(api, api.keys.admin, 'GET /v1/keys')
    expect(JSON.stringify(list.json)).not.toContain(secret)
    expect((await send(api, secret, 'GET /v1/status')).status).toBe(200)
    expect((await send(api, api.keys.admin, `DELETE /v1/keys/${id}`)).status).toBe(204)
    expect((await send(api, secret, 'GET /v1/status')).status).toBe(401)
    expect((await send(api, api.keys.admin, 'DELETE /v1/keys/none')).status).toBe(404)
    const bad = { name: 'shop', role: 'staff' }
    expect(await refused(api, api.keys.admin, 'POST /v1/keys', bad)).toMatchObject({
      pointer: '/role',
    })
  })
})

describe('every request', () => {
  it('refuses unknown parameters and repeated ones, naming them', async () => {
    for (const [query, pointer] of [
      ['limitt=1', '/limitt'],
      ['limit=1&limit=2', '/limit'],
      ['limit=x', '/limit'],
      ['limit=1000', '/limit'],
      ['cursor=zz', '/cursor'],
    ])
      expect(await refused(api, api.keys.read, `GET /v1/members?${query}`)).toMatchObject({
        pointer,
      })
    expect(await refused(api, api.keys.read, 'GET /v1/status?x=1')).toMatchObject({ pointer: '/x' })
  })

  it('answers 404 and 405 as problems', async () => {
    expect(await refused(api, null, 'GET /v1/nothing')).toEqual({ status: 404, code: 'not_found' })
    const { status, headers } = await send(api, null, 'POST /v1/status')
    expect([status, headers.get('allow')]).toEqual([405, 'GET'])
  })

  it('refuses a body of another type or too long', async () => {
    const answer = await api.app.request('/v1/members/m-9', {
      method: 'PUT',
      headers: { authorization: `Bearer ${api.keys.write}`, 'content-type': 'text/plain' },
      body: '{}',
    })
    expect(answer.status).toBe(415)
    const long = JSON.stringify({ text: 'x'.repeat(1024 * 1024) })
    expect(await refused(api, api.keys.write, 'PUT /v1/members/m-9', long)).toMatchObject({
      status: 413,
    })
    const deep = '['.repeat(500_000)
    expect(await refused(api, api.keys.write, 'PUT /v1/members/m-9', deep)).toMatchObject({
      status: 400,
    })
  })

  it('sets strict headers and logs nothing but patterns', async () => {
    const { headers } = await send(api, api.keys.read, 'GET /v1/members/m-1?limit=3')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    const log = JSON.stringify(api.seen)
    expect(log).toContain('/v1/members/{id}')
    expect(log).not.toMatch(/m-1|limit=|a@b|a%40b/)
  })

  it('limits each key, and tells when to come back', async () => {
    const rates = { perKey: { perSecond: 0.1, burst: 2 }, rowsPerKey: { perSecond: 1, burst: 60 } }
    const limited = await aSiteApp(amor, { rates })
    for (let n = 0; n < 2; n += 1)
      expect((await send(limited, limited.keys.read, 'GET /v1/status')).status).toBe(200)
    const { status, headers } = await send(limited, limited.keys.read, 'GET /v1/status')
    expect([status, headers.get('retry-after')]).toEqual([429, '10'])
    const request = 'GET /v1/records?limit=50'
    expect((await send(limited, limited.keys.write, request)).status).toBe(200)
    expect((await send(limited, limited.keys.write, request)).status).toBe(429)
  })

  it('has a problem page for each code, and a status for each', () => {
    for (const code of PROTOCOL_ERROR_CODES) {
      expect(PROBLEMS[code].status).toBeGreaterThanOrEqual(400)
      expect(PROBLEMS[code].explanation.length).toBeGreaterThan(20)
    }
  })

  it('documents every operation, and loads nothing from elsewhere', async () => {
    const { json } = await send<{ openapi: string; paths: Record<string, object> }>(
      api,
      null,
      'GET /v1/openapi.json',
    )
    expect(json.openapi).toBe('3.1.0')
    expect(Object.keys(json.paths)).toEqual(
      expect.arrayContaining(['/v1/members/{id}', '/v1/members:bulk', '/v1/records', '/v1/keys']),
    )
    const page = await send<string>(api, null, 'GET /v1/docs')
    for (const path of Object.keys(json.paths)) expect(page.json).toContain(path)
    expect(page.json).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  })

  it('tells the state of the node', async () => {
    const { json } = await send(api, api.keys.read, 'GET /v1/status')
    expect(json).toMatchObject({
      site: 'amor.example',
      network: 'network.example',
      membership: 'admitted',
      writable: true,
    })
    expect(json['connected']).toEqual(['network.example'])
    expect(api.faults).toEqual([])
  })
})

describe('a site that is not admitted', () => {
  it('answers 503 with not_ready to writing, and keeps nothing', async () => {
    const stranger = await aSiteApp(await world.addSite('new.example', { isAdmitted: false }))
    const { status, headers, json } = await send(
      stranger,
      stranger.keys.write,
      'PUT /v1/members/m-1',
      member(),
    )
    expect([status, headers.get('retry-after'), json['code']]).toEqual([503, '30', 'not_ready'])
    expect((await send(stranger, stranger.keys.read, 'GET /v1/members/m-1')).status).toBe(404)
    const health = await send(stranger, null, 'GET /v1/health')
    expect(health.json).toEqual({ status: 'ok' })
  })
})
