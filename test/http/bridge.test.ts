/** The owner's interface to the bridge, on the real core of an admitted site. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SiteRole } from '../../node/core/access.ts'
import { BRIDGE_WARNINGS, warningsOf } from '../../node/core/bridge/warnings.ts'
import { makeOwnerKey, signList, verifierKeyOf } from '../../node/roles/consent-list.ts'
import { aBridge, PUBLIC_URL, type HandBridge } from '../fixtures/bridge.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let bridge: HandBridge
let api: TestApp<SiteRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bridge = aBridge(amor)
  api = await aSiteApp(amor, { bridge })
  for (const id of [11, 12, 13, 14]) await bridge.hold(id)
  await bridge.refuse(13)
})
afterAll(() => world.close())

const asAdmin = <T = Record<string, unknown>>(request: string, body?: unknown) =>
  send<T>(api, api.keys.admin, request, body)
async function linkOf(localId: number): Promise<string> {
  const { json } = await asAdmin<{ links: { url: string }[] }>('POST /v1/bridge/links', {
    localIds: [localId],
  })
  return json.links[0]?.url.split('/').at(-1) ?? ''
}
const line = (localId: number) =>
  JSON.stringify({
    localId,
    scopes: ['discovery'],
    notice: {
      url: 'https://amor.example/notice',
      version: '2018-06-19',
      language: 'en',
      hash: 'a'.repeat(64),
    },
    givenAt: world.clock.now(),
    channel: 'web',
    evidence: 'row 1',
  })
const post = (note: string, type = 'text/plain') =>
  api.app.request('/v1/bridge/consents', {
    method: 'POST',
    headers: { authorization: `Bearer ${api.keys.admin}`, 'content-type': type },
    body: note,
  })

describe('/v1/bridge/removals', () => {
  it('names what waits, and takes the word of the owner that it is done', async () => {
    await amor.site.feed.store.write((tx) => tx.bridge.addRemovals([7, 8], 19))
    const { json } = await asAdmin('GET /v1/bridge/removals')
    expect(json).toEqual({
      removals: [
        { netId: 7, since: 19 },
        { netId: 8, since: 19 },
      ],
    })
    const said = await asAdmin('POST /v1/bridge/removals', { netIds: [7, 8, 9] })
    expect(said.json).toEqual({ removed: [7, 8], unknown: [9] })
    expect((await asAdmin('GET /v1/bridge/removals')).json).toEqual({ removals: [] })
    for (const netIds of [[], [0], ['7'], [2 ** 31]])
      expect((await asAdmin('POST /v1/bridge/removals', { netIds })).status).toBe(422)
  })
})

describe('GET /v1/bridge', () => {
  it('counts by state, and warns in closed words with what to do', async () => {
    const { json, status } = await asAdmin<Record<string, object>>('GET /v1/bridge')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      module: { paired: false, canRemove: 'unknown', lastSeenAt: null },
      members: { held: 3, refused: 1, published: 0, suspended: 0 },
      deliveries: { offered: 0, here: 0, refused: 0, removing: 0 },
      lastZeroAt: null,
      oldestRemovalAt: null,
      noticeVersion: '2018-06-19',
      warnings: [{ word: 'not-paired', explanation: BRIDGE_WARNINGS['not-paired'] }],
    })
    await amor.site.feed.store.write((tx) => tx.bridge.addRemovals([5], 17))
    const { json: later } = await asAdmin<{ warnings: { word: string }[] }>('GET /v1/bridge')
    expect(later).toMatchObject({ oldestRemovalAt: 17, deliveries: { removing: 1 } })
    expect(later.warnings.map(({ word }) => word)).toEqual(['not-paired', 'removals-late'])
  })

  it('is a clear problem where the node has no bridge', async () => {
    const none = await aSiteApp(amor)
    for (const request of ['GET /v1/bridge', 'GET /v1/bridge/members', 'POST /v1/bridge/pairing']) {
      const { status, json } = await send(none, none.keys.admin, request)
      expect(status).toBe(404)
      expect(json['detail']).toContain('DPN_BRIDGE_PORT')
    }
  })
})

describe('warningsOf', () => {
  const facts = {
    now: 1_000_000,
    contact: {
      isPaired: true,
      windowUntil: null,
      lastSeenAt: 999_990,
      canRemove: 'yes' as const,
      requirements: null,
    },
    isFastConnected: true,
    suspended: 0,
    oldestRemovalAt: null,
    erasureDeadlineSeconds: 3600,
    isNoticeAccepted: true,
  }
  it.each([
    [{}, []],
    [{ contact: { ...facts.contact, isPaired: false, lastSeenAt: null } }, ['not-paired']],
    [{ contact: { ...facts.contact, lastSeenAt: null } }, ['never-called']],
    [{ contact: { ...facts.contact, lastSeenAt: 1_000_000 - 86_400 } }, ['silent']],
    [{ contact: { ...facts.contact, canRemove: 'no' as const } }, ['cannot-remove']],
    [{ oldestRemovalAt: 1_000_000 - 3600 }, []],
    [{ oldestRemovalAt: 1_000_000 - 3601 }, ['removals-late']],
    [{ suspended: 2, isNoticeAccepted: false }, ['undecided', 'notice-refused']],
    [{ isFastConnected: false }, ['fast-channel']],
  ])('%j', (changes, expected) => {
    expect(warningsOf({ ...facts, ...changes })).toEqual(expected)
  })
})

describe('keys of the bridge', () => {
  it('opens the pairing window, and makes a key, for administrators alone', async () => {
    const { json } = await asAdmin('POST /v1/bridge/pairing')
    expect(json['until']).toBeGreaterThan(world.clock.now())
    const made = await asAdmin('POST /v1/bridge/key')
    expect([made.status, made.json['key']]).toEqual([201, expect.stringMatching(/^[0-9a-f]{32}$/)])
    for (const path of ['pairing', 'key'])
      expect(await refused(api, api.keys.write, `POST /v1/bridge/${path}`)).toMatchObject({
        code: 'forbidden',
      })
  })
})

describe('members of the bridge', () => {
  it('lists them by state with losses and refusals, page by page', async () => {
    const { json } = await asAdmin('GET /v1/bridge/members?state=refused')
    expect(json).toEqual({
      members: [
        {
          localId: 13,
          state: 'refused',
          netId: null,
          refusal: 'gender',
          losses: [{ field: 'postal_code', reason: 'no-field' }],
          receivedAt: expect.any(Number),
          changedAt: expect.any(Number),
          expiresAt: expect.any(Number),
        },
      ],
      next: null,
    })
    const ids: number[] = []
    for (let after = ''; ;) {
      const page = await asAdmin<{ members: { localId: number }[]; next: string | null }>(
        `GET /v1/bridge/members?limit=1${after}`,
      )
      ids.push(...page.json.members.map(({ localId }) => localId))
      if (page.json.next === null) break
      after = `&after=${page.json.next}`
    }
    expect(new Set(ids)).toEqual(new Set([11, 12, 13, 14]))
    expect(ids).toHaveLength(4)
  })

  it('shows one, and says where there is none or no id', async () => {
    expect((await asAdmin('GET /v1/bridge/members/11')).json).toMatchObject({ state: 'held' })
    expect(await refused(api, api.keys.read, 'GET /v1/bridge/members/999')).toMatchObject({
      code: 'not_found',
    })
    for (const id of ['x', '0', '-1', '2147483648', '1.5'])
      expect(await refused(api, api.keys.read, `GET /v1/bridge/members/${id}`)).toEqual({
        status: 400,
        code: 'malformed',
        pointer: '/id',
      })
  })

  it('makes links for some, or for all in a state', async () => {
    const { json } = await asAdmin<{ links: { localId: number; url: string }[] }>(
      'POST /v1/bridge/links',
      { localIds: [12, 13, 999] },
    )
    expect(json.links).toEqual([
      {
        localId: 12,
        url: expect.stringMatching(/^https:\/\/amor\.example\/bridge\/consent\/.{43}$/),
      },
    ])
    expect(json.links[0]?.url.startsWith(`${PUBLIC_URL}/bridge/consent/`)).toBe(true)
    const all: number[] = []
    for (let after: string | undefined; ;) {
      const page = await asAdmin<{ links: { localId: number }[]; next: string | null }>(
        'POST /v1/bridge/links',
        { state: 'held', limit: 2, ...(after !== undefined && { after }) },
      )
      all.push(...page.json.links.map(({ localId }) => localId))
      if (page.json.next === null) break
      after = page.json.next
    }
    expect(new Set(all)).toEqual(new Set([11, 12, 14]))
    expect(all).toHaveLength(3)
    for (const body of [{}, { localIds: [] }, { localIds: ['12'] }, { state: 'published' }])
      expect((await refused(api, api.keys.admin, 'POST /v1/bridge/links', body)).status).toBe(422)
    // Who has a link decides for the member: the website's key is not enough.
    expect(
      await refused(api, api.keys.write, 'POST /v1/bridge/links', { localIds: [12] }),
    ).toMatchObject({ code: 'forbidden' })
  })

  it('keeps who is hidden, and withdraws', async () => {
    const token = await linkOf(11)
    const decided = await bridge.consents.agree(token, {
      scopes: ['discovery'],
      language: 'en',
      email: null,
    })
    expect(decided.kind).toBe('agreed')
    expect(await refused(api, api.keys.admin, 'POST /v1/bridge/members/11/keep')).toMatchObject({
      code: 'conflict',
    })
    await bridge.suspend(11)
    expect((await asAdmin('GET /v1/bridge')).json).toMatchObject({
      lastZeroAt: world.clock.now(),
      members: { suspended: 1 },
    })
    const { json } = await asAdmin('POST /v1/bridge/members/11/keep')
    expect(json).toEqual({ localId: 11, state: 'published' })
    expect((await asAdmin('GET /v1/members/11')).status).toBe(200)
    const done = await send(api, api.keys.write, 'POST /v1/bridge/members/11/withdraw')
    expect(done.json).toEqual({ localId: 11, state: 'withdrawn' })
    expect((await asAdmin('GET /v1/members/11')).status).toBe(404)
    for (const act of ['withdraw', 'keep'])
      expect(await refused(api, api.keys.admin, `POST /v1/bridge/members/11/${act}`)).toMatchObject(
        { code: 'not_found' },
      )
  })
})

describe('POST /v1/bridge/consents', () => {
  const privateKey = makeOwnerKey('amor.example')
  it('takes a list by the registered key, and answers a line for each', async () => {
    const { note } = signList(`${line(14)}\n${line(999)}`, privateKey)
    expect((await post(note)).status).toBe(409)
    const key = verifierKeyOf(privateKey)
    expect((await asAdmin('PUT /v1/bridge/owner-key', { key })).json).toEqual({ key })
    expect((await asAdmin('GET /v1/bridge')).json['ownerKey']).toBe(key)
    const answer = await post(note)
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await answer.text()).trim().split('\n')
    expect(lines.map((one) => JSON.parse(one) as unknown)).toEqual([
      { line: 1, localId: 14, outcome: 'published' },
      { line: 2, localId: 999, outcome: 'unknown' },
    ])
    const again = await post(signList(line(13), privateKey).note)
    expect(JSON.parse(await again.text())).toMatchObject({ line: 1 })
  })

  it('refuses what is no list', async () => {
    const { note } = signList(line(14), privateKey)
    expect((await post(note, 'application/json')).status).toBe(415)
    expect((await post('x')).status).toBe(400)
    expect((await post(note.replace('row 1', 'row 2'))).status).toBe(422)
    expect((await post('x'.repeat(4 * 1024 * 1024 + 1))).status).toBe(413)
    const key = verifierKeyOf(makeOwnerKey('kiss.example'))
    expect(await refused(api, api.keys.admin, 'PUT /v1/bridge/owner-key', { key })).toMatchObject({
      code: 'malformed',
    })
  })

  it('is described in the document of the interface', async () => {
    const { json } = await send<{ paths: Record<string, Record<string, object>> }>(
      api,
      null,
      'GET /v1/openapi.json',
    )
    const paths = Object.keys(json.paths).filter((path) => path.startsWith('/v1/bridge'))
    expect(paths.toSorted()).toEqual([
      '/v1/bridge',
      '/v1/bridge/consents',
      '/v1/bridge/key',
      '/v1/bridge/links',
      '/v1/bridge/members',
      '/v1/bridge/members/{id}',
      '/v1/bridge/members/{id}/keep',
      '/v1/bridge/members/{id}/withdraw',
      '/v1/bridge/owner-key',
      '/v1/bridge/pairing',
      '/v1/bridge/removals',
    ])
  })
})
