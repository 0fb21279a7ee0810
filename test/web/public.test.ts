/** The coordinator's public pages, over its real core: what they say, and what they leave behind. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole } from '../../node/core/access.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, CONTROLLER, send, type TestApp } from '../http/apps.ts'

let world: World
let amor: TestSite
let api: TestApp<CoordinatorRole>

const PAGES = [
  '/',
  '/members',
  '/terms',
  '/policy',
  '/log',
  '/status',
  '/entries/amor.example',
  '/entries/amor.example/0',
]
const VISITOR = 'canary-visitor-7f3a'

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  const site = await aSiteApp(amor)
  for (const id of ['m-1', 'm-2', 'm-3'])
    await send(site, site.keys.write, `PUT /v1/members/${id}`, {
      profile: aProfile(),
      consent: aConsent(),
    })
  const { store } = world.coordinator.ports
  await world.until(async () => {
    const state = await store.read((tx) => tx.logs.get(amor.identity.site))
    return state?.size === 3
  })
  api = await aCoordinatorApp(world, { trustProxy: true })
})
afterAll(() => world.close())

async function visit(path: string) {
  const answer = await api.app.request(path, {
    headers: {
      accept: 'text/html',
      'user-agent': VISITOR,
      'x-forwarded-for': '198.51.100.23',
      cookie: `session=${VISITOR}`,
    },
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

function* filesBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* filesBelow(path)
    else yield path
  }
}

describe('public pages', () => {
  it.each(PAGES)('are there for everybody, within a strict policy: %s', async (path) => {
    const { status, headers, text } = await visit(path)
    expect(status).toBe(200)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*|https?:/)
    expect(text).not.toMatch(/<[^>]+\s(?:style|on\w+)=|<style/)
    expect(text).toContain('<p class="lead">')
  })

  it('names the controller and the officer on every page', async () => {
    for (const path of PAGES) {
      const { text } = await visit(path)
      for (const fact of Object.values(CONTROLLER)) expect(text).toContain(fact)
    }
  })

  it('sets no cookie and keeps no trace of a visitor', async () => {
    for (const path of PAGES) expect((await visit(path)).headers.get('set-cookie')).toBeNull()
    for (const file of filesBelow(world.coordinator.folder)) {
      const bytes = readFileSync(file, 'latin1')
      expect(bytes.includes(VISITOR)).toBe(false)
      expect(bytes.includes('198.51.100.23')).toBe(false)
    }
    expect(JSON.stringify(api.seen)).not.toContain('amor.example')
    expect(JSON.stringify(api.seen)).not.toContain(VISITOR)
  })

  it.each(PAGES)('have their JSON, and CSV where there is a table: %s', async (path) => {
    const { json, status } = await send(api, null, `GET ${path}?format=json`)
    expect(status).toBe(200)
    expect(json['title']).toBeTypeOf('string')
    const tables = Object.entries(json).filter(
      ([, value]) => value !== null && typeof value === 'object' && 'rows' in value,
    )
    for (const [id] of tables) {
      const csv = await send<string>(api, null, `GET ${path}?format=csv&table=${id}`)
      expect(csv.headers.get('content-type')).toContain('text/csv')
      expect(csv.json).toContain('\r\n')
    }
  })

  it('answer 404 for what is not there', async () => {
    for (const path of ['/entries/none.example', '/entries/amor.example/99', '/nothing'])
      expect((await visit(path)).status).toBe(404)
  })

  it('show every promise with what the coordinator can show of it', async () => {
    const { json } = await send<{ promises: { rows: { clause: string; evidence: string }[] } }>(
      api,
      null,
      'GET /policy?format=json',
    )
    const evidence = json.promises.rows.map((row) => row.evidence ?? '').join('\n')
    expect(evidence).toContain('3 records in force')
    expect(evidence).toContain('0 bodies of profiles at the coordinator')
    expect(evidence).toContain('Minimum age 18')
    expect(evidence).toContain('2018-06-19')
  })

  it('page through a log, decoded, and lead to each entry', async () => {
    const { json } = await send<{ entries: { total: number; rows: { type: string }[] } }>(
      api,
      null,
      'GET /entries/amor.example?format=json',
    )
    expect(json.entries.total).toBe(3)
    expect(json.entries.rows.map(({ type }) => type)).toEqual(['publish', 'publish', 'publish'])
    const entry = await send<{ fields: { version: number; consent: string } }>(
      api,
      null,
      'GET /entries/amor.example/0?format=json',
    )
    expect(entry.json.fields.version).toBe(1)
    expect(entry.json.fields.consent).toMatch(/^[0-9a-f]{64}$/)
  })

  it('serve the modules of the check, and nothing else of the program', async () => {
    const { text } = await visit('/entries/amor.example')
    const script = /src="(\/modules\/[^"]+log-check\.ts)"/.exec(text)?.[1] ?? ''
    const module = await visit(script)
    expect(module.headers.get('content-type')).toContain('text/javascript')
    expect(module.text).not.toMatch(/: Told\b|interface /)
    const prefix = script.slice(0, script.indexOf('/node/web'))
    for (const path of ['/protocol/merkle.ts', '/packages/@noble/hashes/sha2.js'])
      expect((await visit(prefix + path)).status).toBe(200)
    for (const path of ['/node/main.ts', '/package.json', '/protocol/../package.json'])
      expect((await visit(prefix + path)).status).toBe(404)
  })
})
