/** The commands of the desk and of members' rights, against the interfaces of a small network. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../node/cli/program.ts'
import { serve, type Served } from '../../node/http/server.ts'
import { mailNamed } from '../fixtures/mails.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send } from '../http/apps.ts'

let folder: string
let world: World
let amor: TestSite
let served: Served[]
let staff: NodeJS.ProcessEnv
let second: NodeJS.ProcessEnv
let owner: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dpn-cli-desk-'))
  world = await createWorld(folder)
  amor = await world.addSite('amor.example')
  const site = await aSiteApp(amor)
  const api = await aCoordinatorApp(world)
  served = [
    await serve(api.app, { host: '127.0.0.1', port: 0 }),
    await serve(site.app, { host: '127.0.0.1', port: 0 }),
  ]
  const [desk = '', home = ''] = served.map(({ url }) => url)
  staff = { DPN_URL: desk, DPN_API_KEY: api.keys.staff }
  second = { DPN_URL: desk, DPN_API_KEY: (await api.access.create('second', 'staff')).secret }
  owner = { DPN_URL: home, DPN_API_KEY: site.keys.admin }
  for (const [id, email] of [
    ['m-1', 'lotte@mail.example'],
    ['m-2', 'ann@mail.example'],
  ])
    await send(site, site.keys.write, `PUT /v1/members/${id}`, {
      email,
      profile: aProfile(),
      consent: aConsent(),
    })
})
afterAll(async () => {
  for (const { close } of served) await close()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

async function dpn(args: readonly string[], env: NodeJS.ProcessEnv) {
  let out = ''
  let err = ''
  const code = await run(args, {
    env,
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    isTerminal: false,
  })
  return { code, out, err }
}
async function json<T = Record<string, unknown>>(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<T> {
  const { code, out, err } = await dpn([...args, '--json'], env)
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as T
}
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('dpn notice', () => {
  it('takes a mail, confirms it, and follows it to its end', async () => {
    const path = file('forwarded.eml', mailNamed('gmail-english'))
    const { id } = await json<{ id: string }>(['notice', 'take', path], staff)
    expect((await dpn(['notice', 'show', id], staff)).out).toContain('lotte@mail.example')
    await json(['notice', 'confirm', id], staff)
    await world.until(async () => {
      const { out } = await dpn(['notice', 'list', '--state', 'done'], staff)
      return out.includes(id)
    })
    expect((await dpn(['notice', 'show', id], staff)).out).toContain('Nothing of the person')
    expect((await dpn(['notice', 'order', id], staff)).code).toBe(2)
    const late = await dpn(['notice', 'close', id, '--reason', 'duplicate'], staff)
    expect([late.code, late.err]).toEqual([1, expect.stringContaining('409')])
    expect((await dpn(['notice', 'take', join(folder, 'none')], staff)).code).toBe(2)
  })
})

describe('dpn request and dpn member export', () => {
  it('open, extend, prove, fulfil, and hand out a copy', async () => {
    const open = ['request', 'open', 'copy', '--member', 'm-2', '--channel', 'email']
    const { id } = await json<{ id: string }>(open, owner)
    expect((await dpn(['request', 'fulfil', id], owner)).code).toBe(1)
    await json(['request', 'extend', id, '--reason', 'complex'], owner)
    const proof = ['--result', 'proven', '--method', 'registered-address']
    await json(['request', 'identity', id, ...proof], owner)
    expect(await json(['request', 'fulfil', id], owner)).toMatchObject({ state: 'fulfilled' })
    expect((await dpn(['request', 'list'], owner)).out).toContain('fulfilled')
    expect((await dpn(['request', 'show', id], owner)).out).toContain('m-2')
    const page = join(folder, 'ann.html')
    expect((await dpn(['member', 'export', 'm-2', '--page', page], owner)).code).toBe(0)
    expect(readFileSync(page, 'utf8')).toContain('ann@mail.example')
    expect((await dpn(['member', 'export', 'm-2', '--page', page], owner)).code).toBe(1)
    expect(await json(['member', 'export', 'm-2'], owner)).toMatchObject({ recipients: [] })
  })

  it('refuse with a reason, and say what to tell the person', async () => {
    const open = ['request', 'open', 'deletion', '--member', 'm-2', '--channel', 'website']
    const { id } = await json<{ id: string }>(open, owner)
    const refused = await dpn(['request', 'refuse', id, '--reason', 'unlawful'], owner)
    expect(refused.out).toContain('Tell the person')
    expect((await dpn(['request', 'open', 'copy'], owner)).code).toBe(2)
  })
})

describe('dpn owner, dpn authority, dpn retention, dpn processors, dpn review', () => {
  it('do what the desk does', async () => {
    const fields = { name: 'Olga Owner' }
    const body = { email: 'olga@owner.example', source: 'registration', fields }
    const put = ['owner', 'put', file('owner.json', JSON.stringify(body))]
    const { id } = await json<{ id: string }>(put, staff)
    expect((await dpn(['owner', 'show', id], staff)).out).toContain('Olga Owner')
    expect((await dpn(['owner', 'list', '--offers'], staff)).out).toContain(id)
    expect((await dpn(['owner', 'contact', id], staff)).code).toBe(0)
    expect((await dpn(['retention'], staff)).out).toBe('Nothing is due.\n')
    expect((await dpn(['retention', '--run'], staff)).code).toBe(0)
    const propose = ['authority', 'propose', '--authority', 'Court', '--basis', '§ 1', '--owner']
    const made = await json<{ id: string }>([...propose, id], staff)
    await json(['authority', 'approve', made.id], staff)
    const out = join(folder, 'disclosure.json')
    expect((await dpn(['authority', 'export', made.id, out], staff)).code).toBe(1)
    await json(['authority', 'approve', made.id], second)
    expect((await dpn(['authority', 'export', made.id, out], staff)).code).toBe(0)
    expect(readFileSync(out, 'utf8')).toContain('olga@owner.example')
    expect((await dpn(['authority', 'list'], staff)).out).toContain('exported')
    const { processors } = await json<{ processors: object[] }>(['processors'], staff)
    const fewer = file('processors.json', JSON.stringify({ processors: processors.slice(0, 1) }))
    expect(await json(['processors', fewer], staff)).toEqual({ processors: processors.slice(0, 1) })
    await dpn(['review', 'amor.example', 'Imprint checked.'], staff)
    expect((await dpn(['review', 'amor.example'], staff)).out).toContain('Imprint checked.')
  })
})
