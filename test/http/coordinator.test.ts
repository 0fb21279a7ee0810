/** The coordinator's interface on real cores, with one site that publishes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseCheckpoint, signCheckpoint } from '../../protocol/checkpoint.ts'
import { parseCosignatureLines, verifyCosignature } from '../../protocol/cosignature.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import {
  appendLeaves,
  consistencyProof,
  EMPTY_RANGE,
  leafHash,
  rootOf,
} from '../../protocol/merkle.ts'
import { formatVerifierKey, parseNote } from '../../protocol/note.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { decodeEntryBundle, nodesFromTiles } from '../../protocol/tiles.ts'
import { toBase64 } from '../../protocol/bytes.ts'
import { createIdentity } from '../../node/core/identity.ts'
import type { CoordinatorRole, SiteRole } from '../../node/core/access.ts'
import { createWorld, NETWORK, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, CONTROLLER, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let site: TestApp<SiteRole>
let api: TestApp<CoordinatorRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  site = await aSiteApp(amor)
  api = await aCoordinatorApp(world)
  for (const id of ['m-1', 'm-2', 'm-3']) {
    const body = { profile: aProfile(), consent: aConsent() }
    await send(site, site.keys.write, `PUT /v1/members/${id}`, body)
  }
  await world.until(async () => (await ownSize()) === 3)
})
afterAll(() => world.close())

const LOG = `/log/${NETWORK}/amor.example`

async function ownSize(): Promise<number> {
  const { store } = world.coordinator.ports
  return (await store.read((tx) => tx.logs.get(amor.identity.site)))?.size ?? 0
}

async function bytesAt(path: string): Promise<Uint8Array> {
  const answer = await api.app.request(path)
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`)
  return new Uint8Array(await answer.arrayBuffer())
}

async function checkpointText(): Promise<string> {
  const text = await (await api.app.request(`${LOG}/checkpoint`)).text()
  return text
}

function aStranger(name = 'new.example') {
  const id = parseSiteId(name)
  return createIdentity(NETWORK, id, world.coordinator.ports.random.bytes(32))
}
function anApplication(identity = aStranger(), changes: object = {}) {
  return {
    site: identity.site,
    logKey: formatVerifierKey(identity.logKey),
    witnessKey: formatVerifierKey(identity.witnessKey),
    siteType: 'general',
    jurisdiction: 'AT',
    contact: 'owner@new.example',
    ...changes,
  }
}

describe('the directory', () => {
  it('shows everybody who is responsible and who takes part', async () => {
    const page = await send<string>(api, null, 'GET /')
    expect(page.status).toBe(200)
    expect(page.json).toContain(CONTROLLER.dpoEmail)
    const { json } = await send(api, null, 'GET /v1/directory')
    expect(json).toMatchObject({
      network: NETWORK,
      controller: CONTROLLER,
      logKey: formatVerifierKey(world.coordinator.identity.logKey),
      members: [
        {
          site: 'amor.example',
          status: 'admitted',
          type: 'general',
          jurisdiction: 'DE',
          logKey: formatVerifierKey(amor.identity.logKey),
          addresses: ['/dns4/amor.example/tcp/4001'],
        },
      ],
    })
    expect(JSON.stringify(json)).not.toContain('owner@')
  })
})

describe('applications', () => {
  it('takes one, keeps its keys until staff decide, admits', async () => {
    const first = anApplication()
    expect((await send(api, null, 'POST /v1/applications', first)).status).toBe(202)
    const squatter = anApplication()
    expect(await refused(api, null, 'POST /v1/applications', squatter)).toEqual({
      status: 409,
      code: 'conflict',
      pointer: '/site',
    })
    const list = await send(api, api.keys.auditor, 'GET /v1/applications')
    expect(JSON.stringify(list.json)).toContain(first.logKey)
    const admit = 'POST /v1/applications/new.example/admit'
    expect((await send(api, api.keys.auditor, admit)).status).toBe(403)
    expect(await send(api, api.keys.staff, admit)).toMatchObject({
      status: 200,
      json: { site: 'new.example', status: 'admitted', keys: [{ logKey: first.logKey }] },
    })
    expect((await send(api, api.keys.staff, admit.replace('new', 'no'))).status).toBe(404)
  })

  it.each([
    [
      'a key of another name',
      () => ({ logKey: formatVerifierKey(aStranger('x.example').logKey) }),
      '/logKey',
    ],
    [
      'keys that are swapped',
      () => ({ witnessKey: formatVerifierKey(aStranger('w.example').logKey) }),
      '/witnessKey',
    ],
    ['no key', () => ({ logKey: 'nothing' }), '/logKey'],
    ['an unknown country', () => ({ jurisdiction: 'XX' }), '/jurisdiction'],
    ['an unknown type', () => ({ siteType: 'other' }), '/siteType'],
    ['a stray field', () => ({ admin: true }), '/admin'],
  ])('refuses %s', async (_what, changes, pointer) => {
    const fresh = await aCoordinatorApp(world)
    const body = anApplication(aStranger('w.example'), changes())
    expect(await refused(fresh, null, 'POST /v1/applications', body)).toMatchObject({ pointer })
  })

  it('is limited strictly', async () => {
    const fresh = await aCoordinatorApp(world)
    const statuses: number[] = []
    for (let n = 0; n < 11; n += 1)
      statuses.push(
        (await send(fresh, null, 'POST /v1/applications', anApplication(aStranger('q.example'))))
          .status,
      )
    expect(statuses.filter((status) => status === 429)).toHaveLength(1)
  })
})

describe('tiles', () => {
  it('serves checkpoint, tiles and entries that lead to the signed root', async () => {
    const answer = await api.app.request(`${LOG}/checkpoint`)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    const { size, root, origin } = parseCheckpoint(parseNote(await answer.text()).text)
    expect(origin).toBe(`${NETWORK}/amor.example`)
    const bundle = await api.app.request(`${LOG}/tile/entries/000.p/${size}`)
    expect(bundle.headers.get('cache-control')).toContain('immutable')
    expect(bundle.headers.get('content-type')).toBe('application/octet-stream')
    const entries = decodeEntryBundle(new Uint8Array(await bundle.arrayBuffer()), size)
    expect(entries.map((entry) => decodeEntry(entry).type)).toContain('publish')
    const leaves = entries.map((entry) => leafHash(entry))
    expect(rootOf(appendLeaves(EMPTY_RANGE, leaves))).toEqual(root)
    const tile = await bytesAt(`${LOG}/tile/0/000.p/${size}`)
    expect(tile.length).toBe(32 * size)
    expect((await bytesAt(`${LOG}/tile/0/000.p/1`)).length).toBe(32)
  })

  it('serves its own log under the name of the network', async () => {
    const text = await (await api.app.request(`/log/${NETWORK}/checkpoint`)).text()
    expect(parseCheckpoint(parseNote(text).text).origin).toBe(NETWORK)
  })

  it.each([
    `${LOG}/tile/0/000`,
    `${LOG}/tile/0/000.p/200`,
    `${LOG}/tile/1/000.p/1`,
    `${LOG}/tile/0/001.p/1`,
    `${LOG}/tile/00/000.p/1`,
    `${LOG}/tile/0/0.p/1`,
    `${LOG}/other`,
    `/log/${NETWORK}/none.example/checkpoint`,
    '/log/other.example/checkpoint',
    `/log/${NETWORK}/..%2f/checkpoint`,
  ])('has no %s', async (path) => {
    expect((await api.app.request(path)).status).toBe(404)
  })
})

async function add(text: string) {
  const answer = await api.app.request('/witness/add-checkpoint', { method: 'POST', body: text })
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    text: await answer.text(),
  }
}
/** The size that the witness cosigned last, as it says itself. */
async function latest(): Promise<number> {
  const { store } = world.coordinator.ports
  return store.read((tx) => tx.receipts.largest(amor.identity.site, NETWORK))
}
async function proofLines(old: number, size: number): Promise<string> {
  if (old === 0 || old === size) return ''
  const tile = await bytesAt(`${LOG}/tile/0/000.p/${size}`)
  const hashes = consistencyProof(
    old,
    size,
    nodesFromTiles(() => tile),
  )
  return hashes.map((hash) => `${toBase64(hash)}\n`).join('')
}

describe('the witness', () => {
  it('cosigns what it has applied', async () => {
    const note = await checkpointText()
    const { size } = parseCheckpoint(parseNote(note).text)
    const old = await latest()
    const done = await add(`old ${old}\n${await proofLines(old, size)}\n${note}`)
    expect(done.status).toBe(200)
    const [signature] = parseCosignatureLines(done.text)
    if (signature === undefined) throw new Error('no signature')
    const key = world.coordinator.identity.witnessKey
    const { text } = parseNote(note)
    expect(verifyCosignature({ checkpointText: text, signature, key })).toBe(world.clock.now())
    expect(await latest()).toBe(size)
    expect((await add(`old ${size}\n\n${note}`)).status).toBe(200)
  })

  it('answers 409 with its size to another old size', async () => {
    const note = await checkpointText()
    const size = await latest()
    const done = await add(`old ${size - 1}\n\n${note}`)
    expect(done).toEqual({ status: 409, type: 'text/x.tlog.size', text: `${size}\n` })
  })

  it('answers 400 to an old size above the new one, and to what is no request', async () => {
    const note = await checkpointText()
    for (const text of [
      '',
      'old 1',
      `old 99\n\n${note}`,
      `old 01\n\n${note}`,
      `old 1\nx\n\n${note}`,
    ])
      expect((await add(text)).status).toBe(400)
    expect((await add(`old 1\n${'A'.repeat(43)}=\n`.repeat(70) + `\n${note}`)).status).toBe(400)
    expect((await add('x'.repeat(400_000))).status).toBe(413)
  })

  it('answers 404 to an unknown log and its own, 403 to a bad signature', async () => {
    const other = createIdentity(NETWORK, parseSiteId('none.example'), new Uint8Array(32))
    const root = new Uint8Array(32)
    const unknown = signCheckpoint({ origin: other.origin, size: 1, root }, other.logSeed).text
    expect((await add(`old 0\n\n${unknown}`)).status).toBe(404)
    const own = await (await api.app.request(`/log/${NETWORK}/checkpoint`)).text()
    expect((await add(`old 0\n\n${own}`)).status).toBe(404)
    const forged = signCheckpoint(
      { origin: amor.identity.origin, size: 9, root },
      other.logSeed,
    ).text
    expect((await add(`old 0\n\n${forged}`)).status).toBe(403)
  })

  it('answers 422 to a bad proof, and 503 to entries that it does not have', async () => {
    const size = await latest()
    const { range } = await world.coordinator.ports.store.read(async (tx) => {
      const state = await tx.logs.get(amor.identity.site)
      if (state === null) throw new Error('no log')
      return state
    })
    const { origin, logSeed } = amor.identity
    const leaf = leafHash(Uint8Array.of(1))
    const root = rootOf(appendLeaves(range, [leaf]))
    const larger = signCheckpoint({ origin, size: size + 1, root }, logSeed).text
    expect((await add(`old ${size}\n${toBase64(leaf)}\n\n${larger}`)).status).toBe(422)
    const nodes = await world.coordinator.ports.store.read((tx) =>
      tx.logs.tile(amor.identity.site, 0, 0),
    )
    const tile = Uint8Array.from([...(nodes ?? []), ...leaf])
    const proof = consistencyProof(
      size,
      size + 1,
      nodesFromTiles(() => tile),
    )
    const lines = proof.map((hash) => `${toBase64(hash)}\n`).join('')
    expect((await add(`old ${size}\n${lines}\n${larger}`)).status).toBe(503)
    expect(await latest()).toBe(size)
  })
})

describe('audit', () => {
  it('follows withdrawals to their evidence', async () => {
    await send(site, site.keys.write, 'DELETE /v1/members/m-1')
    type Page = { withdrawals: { index: number; state: string; overdue: boolean }[] }
    const page = async (): Promise<Page> => {
      const request = 'GET /v1/withdrawals?site=amor.example'
      return (await send<Page>(api, api.keys.auditor, request)).json
    }
    await world.until(async () => (await page()).withdrawals.length === 1)
    const [first] = (await page()).withdrawals
    expect(first).toMatchObject({ reason: 'erased', overdue: false })
    // The site that was admitted meanwhile has no node: its receipt stays out.
    expect(first?.state).toBe('partial')
    const path = `/v1/withdrawals/amor.example/${first?.index}/evidence`
    expect(await refused(api, api.keys.auditor, `GET ${path}`)).toMatchObject({
      status: 409,
      code: 'not_ready',
    })
    const none = 'GET /v1/withdrawals/amor.example/999/evidence'
    expect((await send(api, api.keys.auditor, none)).status).toBe(404)
    expect((await send(api, null, `GET ${path}`)).status).toBe(401)
  })

  it('refuses a stranger and a missing parameter', async () => {
    expect(await refused(api, api.keys.auditor, 'GET /v1/withdrawals')).toMatchObject({
      pointer: '/site',
    })
    const request = 'GET /v1/withdrawals?site=none.example'
    expect((await send(api, api.keys.auditor, request)).status).toBe(404)
  })

  it('shows members, forks, terms and status', async () => {
    const status = await send(api, api.keys.auditor, 'GET /v1/status')
    expect(status.json).toMatchObject({ network: NETWORK, writable: true })
    const members = await send(api, api.keys.auditor, 'GET /v1/members')
    expect(members.json).toMatchObject({ members: [{ site: 'amor.example', lease: 'fresh' }, {}] })
    expect((await send(api, api.keys.auditor, 'GET /v1/forks')).json).toEqual({ forks: [] })
    expect((await send(api, api.keys.auditor, 'GET /v1/terms')).json).toMatchObject({
      minimumAge: 18,
    })
  })
})

describe('the desk', () => {
  it('lets staff measure, and nobody else', async () => {
    const body = { reason: 'terms' }
    const request = 'POST /v1/members/new.example/suspend'
    expect((await send(api, api.keys.auditor, request, body)).status).toBe(403)
    expect(await send(api, api.keys.staff, request, body)).toMatchObject({
      status: 200,
      json: { status: 'suspended' },
    })
    expect((await send(api, api.keys.staff, request, body)).status).toBe(409)
    expect(await refused(api, api.keys.staff, request, { reason: 'whim' })).toMatchObject({
      pointer: '/reason',
    })
    const back = 'POST /v1/members/new.example/reinstate'
    expect((await send(api, api.keys.staff, back, { reason: 'resolved' })).status).toBe(200)
    const out = 'POST /v1/members/new.example/expel'
    expect((await send(api, api.keys.staff, out, body)).json).toMatchObject({ status: 'expelled' })
  })

  it('sets terms within reason', async () => {
    const { json } = await send(api, api.keys.staff, 'GET /v1/terms')
    const terms = { ...json, noticeVersions: [...(json['noticeVersions'] as string[]), '2'] }
    const put = await send(api, api.keys.staff, 'PUT /v1/terms', terms)
    expect(put).toMatchObject({ status: 200, json: terms })
    const bad = { ...terms, eraseAfterSeconds: 1 }
    expect(await refused(api, api.keys.staff, 'PUT /v1/terms', bad)).toMatchObject({
      pointer: '/eraseAfterSeconds',
    })
  })

  it('orders the end of a record, which the site then shows as ended', async () => {
    const { json } = await send(site, site.keys.read, 'GET /v1/members/m-2')
    const record = json['record'] as string
    const body = { site: 'amor.example', record, notice: 'order-1' }
    const made = await send(api, api.keys.staff, 'POST /v1/orders', body)
    expect(made.status).toBe(201)
    await world.until(async () => {
      const ended = await send(site, site.keys.read, `GET /v1/withdrawals/${record}`)
      return ended.status === 200 && ended.json['reason'] === 'order'
    })
    const both = { ...body, all: true }
    expect((await send(api, api.keys.staff, 'POST /v1/orders', both)).status).toBe(400)
  })

  it('rotates to keys that are named after the site', async () => {
    const next = createIdentity(NETWORK, amor.identity.site, new Uint8Array(32).fill(7))
    const body = {
      logKey: formatVerifierKey(next.logKey),
      witnessKey: formatVerifierKey(next.witnessKey),
    }
    const swapped = { logKey: body.witnessKey, witnessKey: body.logKey }
    const request = 'POST /v1/members/amor.example/rotate'
    expect(await refused(api, api.keys.staff, request, swapped)).toMatchObject({
      pointer: '/logKey',
    })
    const done = await send(api, api.keys.staff, request, body)
    expect(done).toMatchObject({ status: 200, json: { keys: [{}, { logKey: body.logKey }] } })
    expect(api.faults).toEqual([])
  })
})
