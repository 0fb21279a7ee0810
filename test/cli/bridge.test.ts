/** `dpn bridge` against a served interface, and its commands that need none. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../node/cli/program.ts'
import { serve, type Served } from '../../node/http/server.ts'
import { aBridge, type HandBridge } from '../fixtures/bridge.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aSiteApp } from '../http/apps.ts'

const folder = mkdtempSync(join(tmpdir(), 'dpn-cli-bridge-'))
const at = (name: string): string => join(folder, name)
let world: World
let amor: TestSite
let bridge: HandBridge
let served: Served
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bridge = aBridge(amor)
  const { app, keys } = await aSiteApp(amor, { bridge })
  served = await serve(app, { host: '127.0.0.1', port: 0 })
  env = { DPN_URL: served.url, DPN_API_KEY: keys.admin }
  for (const id of [21, 22, 23]) await bridge.hold(id)
  await bridge.refuse(23)
})
afterAll(async () => {
  await served.close()
  await world.close()
  rmSync(folder, { recursive: true })
})

async function dpn(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const code = await run(['bridge', ...args], {
    env,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    isTerminal: false,
  })
  return { code, out, err }
}
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await dpn(...args, '--json')).out) as Record<string, unknown>
/** One line on standard error that begins with the program's name. */
const ONE_LINE = /^dpn: [^\n]+\n$/
const line = (localId: number, changes: object = {}): string =>
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
    channel: 'post',
    evidence: 'binder 4',
    ...changes,
  })

describe('dpn bridge status, pair, key', () => {
  it('says how it is, and what to look after', async () => {
    const { code, out } = await dpn('status')
    expect(code).toBe(0)
    expect(out).toContain('2 held, 1 refused')
    expect(out).toContain('! not-paired: ')
    expect(await json('status')).toMatchObject({ members: { held: 2 } })
    expect((await dpn('pair')).out).toMatch(/^Until 2026-\d\d-\d\dT.*Z the module/)
    expect((await dpn('key')).out).toMatch(/^[0-9a-f]{32}\n/)
    expect((await dpn('status')).out).toContain('module:      paired')
  })

  it('ends with one line where there is no bridge, no node, or no key', async () => {
    const { app, keys } = await aSiteApp(amor)
    const none = await serve(app, { host: '127.0.0.1', port: 0 })
    const answers = [
      await dpn('status', '--url', none.url, '--key', keys.admin),
      await dpn('status', '--key', 'dpn_admin_x'),
    ]
    await none.close()
    answers.push(await dpn('status', '--url', none.url))
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 1])
    for (const { err } of answers) expect(err).toMatch(ONE_LINE)
    expect(answers[0]?.err).toContain('DPN_BRIDGE_PORT')
  })
})

describe('dpn bridge members, links, keep, withdraw', () => {
  it('lists who was sent, with what was lost or refused', async () => {
    const { out } = await dpn('members', '--state', 'refused')
    expect(out).toMatch(/^ID +STATE/)
    expect(out).toMatch(/^23 +refused .*refused: gender, postal_code: no-field$/m)
    expect((await json('members'))['members']).toHaveLength(3)
    expect((await dpn('members', '--state', 'nonsense')).code).toBe(2)
  })

  it('writes links to a file that only the owner can read, and overwrites none', async () => {
    const file = at('links.csv')
    const { code, out } = await dpn('links', '--state', 'held', '--csv', file)
    expect([code, out]).toEqual([0, expect.stringContaining('Wrote 2 links')])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const rows = readFileSync(file, 'utf8').trim().split('\n')
    expect(rows[0]).toBe('id,url')
    expect(new Set(rows.slice(1).map((row) => row.split(',')[0]))).toEqual(new Set(['21', '22']))
    const again = await dpn('links', '--state', 'held', '--csv', file)
    expect([again.code, again.err]).toEqual([1, expect.stringMatching(ONE_LINE)])
    // The links in the file still work: nothing was made before the file was seen.
    const token = rows[1]?.split('/').at(-1) ?? ''
    expect(await bridge.consents.visit(token)).not.toBeNull()
    expect((await dpn('links', '21', '--csv', '-')).out).toMatch(/^id,url\n21,https:/)
    for (const args of [[], ['21', '--state', 'held'], ['x'], ['0']])
      expect((await dpn('links', ...args)).code).toBe(2)
  })

  it('keeps and withdraws, and says where it stopped', async () => {
    const [link] = await bridge.consents.links([22])
    const decision = { scopes: ['discovery'] as const, language: 'en', email: null }
    await bridge.consents.agree(link?.token ?? '', decision)
    await bridge.suspend(22)
    expect((await dpn('keep', '22')).out).toBe('22 is shown again.\n')
    const stopped = await dpn('withdraw', '22', '999', '21')
    expect(stopped.code).toBe(1)
    expect(stopped.err).toMatch(/^dpn: 999: .*Done before it: 1\n$/)
    expect(await amor.site.members.get('22')).toBeNull()
    expect(await bridge.holds.get(21)).toMatchObject({ state: 'held' })
  })
})

describe('dpn bridge compare', () => {
  it('finds who is no user of the website any more, and withdraws them where it is told to', async () => {
    for (const id of [31, 32, 33]) await bridge.hold(id)
    const others = ((await json('members'))['members'] as { localId: number }[])
      .map(({ localId }) => localId)
      .filter((id) => id < 31)
    const file = at('users')
    writeFileSync(file, [...others, 32, 4711].map((id) => `${id}\r\n`).join(''))
    const found = await dpn('compare', file)
    expect([found.code, found.out]).toEqual([
      1,
      `31 is here, and not in ${file}.\n33 is here, and not in ${file}.\n2 are here, and not there.\n`,
    ])
    expect(await bridge.holds.get(31)).not.toBeNull()
    const done = await dpn('compare', file, '--withdraw')
    expect([done.code, done.out]).toEqual([0, '31 is withdrawn.\n33 is withdrawn.\n'])
    expect(await bridge.holds.get(31)).toBeNull()
    expect(await bridge.holds.get(32)).not.toBeNull()
    expect((await dpn('compare', file)).code).toBe(0)
  })

  it('takes no empty file, which would be the end of everybody, and nothing but ids', async () => {
    for (const text of ['', '\n\n', 'id\n21\n', '21;22\n']) {
      writeFileSync(at('wrong'), text)
      expect((await dpn('compare', at('wrong'), '--withdraw')).code).toBe(2)
    }
    expect(await bridge.holds.get(21)).not.toBeNull()
  })
})

describe('dpn bridge removals', () => {
  it('lists what waits, and says that it is done', async () => {
    await amor.site.feed.store.write((tx) => tx.bridge.addRemovals([77], 19))
    expect((await dpn('removals')).out).toMatch(/^NET ID +SINCE\n77 +1970-01-01/)
    expect((await dpn('removals', '--done', '77', '78')).out).toBe(
      '77 is done.\n78 stands for nothing.\n',
    )
    expect((await dpn('removals', '--done', 'x')).code).toBe(2)
  })
})

describe('dpn bridge owner-key, sign, import', () => {
  it('makes a key, signs a list offline, and hands it in', async () => {
    const key = at('owner.key')
    const made = await json('owner-key', key, '--site', 'amor.example')
    expect(made).toMatchObject({ made: true, registered: false })
    expect(made['key']).toMatch(/^amor\.example\/consents\+[0-9a-f]{8}\+/)
    expect(statSync(key).mode & 0o777).toBe(0o600)
    expect(readFileSync(key, 'utf8')).toMatch(/^PRIVATE\+KEY\+amor\.example\/consents\+/)
    const registered = await json('owner-key', key, '--register')
    expect(registered).toEqual({ ...made, made: false, registered: true })
    expect(await bridge.consents.ownerKey()).toBe(made['key'])

    writeFileSync(at('list'), `${line(21)}\n\n${line(23)}\n${line(4711)}\n`)
    const signed = await dpn('sign', at('list'), '--key', key)
    expect([signed.code, signed.out]).toEqual([0, expect.stringContaining('Signed 3 lines')])
    const { code, out } = await dpn('import', at('list.signed'))
    expect(code).toBe(1)
    expect(out).toContain('line 3: 4711: the module has not sent this member\n')
    expect(out).toMatch(/^3 lines: [12] published, 1 unknown, [01] refused\.$/m)
    expect(await amor.site.members.get('21')).not.toBeNull()
    expect(await json('import', at('list.signed'))).toMatchObject({ lines: 3, unknown: 1 })
  })

  it('says which line of a list is wrong, and never what stands there', async () => {
    writeFileSync(at('bad'), `${line(21)}\n${line(22, { email: 'secret words' })}\n`)
    const { code, err } = await dpn('sign', at('bad'), '--key', at('owner.key'))
    expect([code, err]).toEqual([2, expect.stringMatching(/^dpn: .*Line 2 at \/email: .*\n$/)])
    expect(err).not.toContain('secret')
  })

  it('refuses what is no key, no site, or no list of the key', async () => {
    writeFileSync(at('none'), 'PRIVATE+KEY+x\n')
    writeFileSync(at('one'), `${line(21)}\n`)
    for (const args of [
      ['owner-key', at('none')],
      ['owner-key', at('new')],
      ['owner-key', at('new'), '--site', 'not a site'],
      ['sign', at('one'), '--key', at('none')],
      ['sign', at('one')],
      ['sign', at('absent'), '--key', at('owner.key')],
      ['import', at('one')],
    ]) {
      const { code, err } = await dpn(...args)
      expect([code, err]).toEqual([2, expect.stringMatching(ONE_LINE)])
    }
    await json('owner-key', at('other.key'), '--site', 'amor.example')
    await dpn('sign', at('one'), '--key', at('other.key'))
    const { code, err } = await dpn('import', at('one.signed'))
    expect([code, err]).toEqual([2, expect.stringMatching(/^dpn: .*signature by a known key.*\n$/)])
    const again = await dpn('sign', at('one'), '--key', at('other.key'))
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('is there already')])
  })
})
