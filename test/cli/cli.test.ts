/** The commands that need no running node, as real processes. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { dpn, dpnJson } from '../../scripts/demo/processes.ts'

const CONTROLLER = ['--jurisdiction', 'DE', '--controller-name', 'Pilot Group']
const ADDRESS = ['--controller-address', '1 Example Street', '--controller-email', 'a@b.example']
let base = ''
let coordinatorKey = ''
const coordinator = (): string => join(base, 'coordinator')
const site = (): string => join(base, 'site')

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'dpn-cli-'))
  const made = await dpnJson([
    'init',
    '--role',
    'coordinator',
    '--network',
    'dpn.example',
    '--data',
    coordinator(),
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--http-port',
    '0',
    ...CONTROLLER,
    ...ADDRESS,
  ])
  coordinatorKey = String(made['logKey'])
  await dpnJson([
    'init',
    '--site',
    'amor.example',
    '--data',
    site(),
    '--coordinator-key',
    coordinatorKey,
    '--coordinator-address',
    '/ip4/127.0.0.1/tcp/1',
    '--listen',
    '/ip4/127.0.0.1/tcp/0',
    '--http-port',
    '0',
  ])
})

/** One line on standard error that begins with the program's name. */
const ONE_LINE = /^dpn: [^\n]+\n$/

describe('dpn init', () => {
  it('makes settings and keys that only the owner can read', () => {
    for (const name of ['config.json', 'node.key', 'storage.key'])
      expect(statSync(join(site(), name)).mode & 0o777).toBe(0o600)
    expect(statSync(site()).mode & 0o777).toBe(0o700)
    expect(readFileSync(join(site(), 'config.json'), 'utf8')).not.toMatch(/[0-9a-f]{64}/)
  })

  it('prints the keys that the coordinator needs', async () => {
    const { out } = await dpn([
      'init',
      '--site',
      'brio.example',
      '--data',
      join(base, 'printed'),
      '--coordinator-key',
      coordinatorKey,
      '--coordinator-url',
      'http://127.0.0.1:1',
    ])
    expect(out).toMatch(/log key: +dpn\.example\/brio\.example\+[0-9a-f]{8}\+/)
    expect(out).toMatch(/witness key: +dpn\.example\/brio\.example\/witness\+/)
  })

  it('overwrites nothing', async () => {
    const before = readFileSync(join(site(), 'node.key'), 'utf8')
    const again = await dpn(['init', '--site', 'amor.example', '--data', site()])
    expect(again.code).toBe(1)
    expect(again.err).toMatch(ONE_LINE)
    expect(readFileSync(join(site(), 'node.key'), 'utf8')).toBe(before)
  })

  it('makes nothing where a setting is wrong', async () => {
    const folder = join(base, 'wrong')
    const { code, err } = await dpn(['init', '--data', folder, '--http-port', 'x'])
    expect([code, err]).toEqual([2, expect.stringMatching(/^dpn: httpPort .*expected a whole/)])
    expect(existsSync(folder)).toBe(false)
  })
})

describe('wrong usage', () => {
  it.each([
    [[]],
    [['fly']],
    [['verify']],
    [['verify', 'x', '--colour']],
    [['key', 'create', 'name']],
    [['verify', '/nonexistent', '--key', 'dpn.example+1+2']],
    [['member', 'import', '/nonexistent']],
    [['status', '--url', 'gopher://x']],
    [['records', '--limit', '1000']],
    [['breach', 'told', 'x', 'many']],
    [['breach', 'open', 'amor.example', '--known', 'lately']],
  ])('ends %j with exit code 2 and one line', async (args) => {
    const { code, out, err } = await dpn(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(ONE_LINE)
  })

  it('is told from a node that does not answer: exit code 1', async () => {
    const { code, err } = await dpn(['status', '--url', 'http://127.0.0.1:1'])
    expect([code, err]).toEqual([1, expect.stringMatching(ONE_LINE)])
  })

  it('shows help with examples on standard output', async () => {
    const { code, out } = await dpn(['member', 'import', '--help'])
    expect(code).toBe(0)
    expect(out).toContain('Examples:\n  $ dpn member import')
  })
})

describe('the shim', () => {
  it('runs under the Node of the project whatever comes first on the path', () => {
    const fake = mkdtempSync(join(tmpdir(), 'dpn-path-'))
    writeFileSync(join(fake, 'node'), '#!/bin/sh\nexit 99\n', { mode: 0o755 })
    const env = { ...process.env, PATH: `${fake}:/usr/bin:/bin` }
    const { status, stdout } = spawnSync('bin/dpn', ['--help'], { env, encoding: 'utf8' })
    expect(status).toBe(0)
    expect(stdout).toContain('Usage: dpn')
  })
})

describe('dpn key', () => {
  it('works on the folder before the node has ever run', async () => {
    const made = await dpnJson(['key', 'create', 'website', '--role', 'write', '--data', site()])
    expect(made).toMatchObject({ role: 'write', secret: expect.stringMatching(/^dpn_write_/) })
    const { keys } = await dpnJson(['key', 'list', '--data', site()])
    expect(JSON.stringify(keys)).not.toContain(String(made['secret']))
    await dpnJson(['key', 'revoke', String(made['id']), '--data', site()])
    const after = await dpnJson(['key', 'list', '--data', site()])
    expect(after).toMatchObject({ keys: [{ id: made['id'], revokedAt: expect.any(Number) }] })
  })

  it('refuses a role that the node does not know', async () => {
    const args = ['key', 'create', 'x', '--role', 'staff', '--data', site()]
    const { code, err } = await dpn(args)
    expect([code, err]).toEqual([2, expect.stringContaining('one of admin, write, read')])
  })
})

const create = (email: string, role: string, folder: string) =>
  dpn(['account', 'create', email, '--role', role, '--data', folder])

describe('dpn account', () => {
  it('makes the first one on the folder, with a link that signs in once', async () => {
    const made = await create('anna@desk.example', 'dpo', coordinator())
    expect([made.code, made.err]).toEqual([0, ''])
    expect(made.out).toMatch(/^\/sign-in\/[0-9a-f]{64}\n/)
    expect((await create('ANNA@desk.example', 'staff', coordinator())).code).toBe(2)
    const database = readFileSync(join(coordinator(), 'node.db')).toString('latin1')
    expect(database).not.toMatch(/anna@/i)
  })

  it('refuses a role and an address that are none, and the folder of a site', async () => {
    const role = await create('a@desk.example', 'king', coordinator())
    expect([role.code, role.err]).toEqual([2, expect.stringContaining('one of staff')])
    const address = await create('nobody', 'staff', coordinator())
    expect([address.code, address.err]).toEqual([2, expect.stringContaining('an e-mail address')])
    const folder = await create('a@desk.example', 'staff', site())
    expect([folder.code, folder.err]).toEqual([1, expect.stringMatching(ONE_LINE)])
  })
})

const start = (folder: string, env: Record<string, string> = {}) =>
  dpn(['start', '--data', folder], { DPN_LOG_LEVEL: 'silent', ...env })

describe('a node that cannot start', () => {
  it('says which port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const http = await start(coordinator(), { DPN_HTTP_PORT: String(port) })
    expect([http.code, http.err]).toEqual([
      1,
      expect.stringMatching(/^dpn: Port \d+ .*in use.*\n$/),
    ])
    const peers = await start(coordinator(), { DPN_LISTEN: `/ip4/127.0.0.1/tcp/${port}` })
    expect([peers.code, peers.err]).toEqual([1, expect.stringMatching(/in use.*DPN_LISTEN.*\n$/)])
    server.close()
  })

  it("says that the coordinator's key is not the one of its node.key", async () => {
    const other = join(base, 'other')
    const made = await dpnJson([
      'init',
      '--role',
      'coordinator',
      '--network',
      'dpn.example',
      '--data',
      other,
      ...CONTROLLER,
      ...ADDRESS,
    ])
    const env = { DPN_COORDINATOR_KEY: String(made['logKey']) }
    const { code, err } = await start(coordinator(), env)
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^dpn: DPN_COORDINATOR_KEY is not .*\n$/),
    ])
  })

  it('says that a secret is missing or another one', async () => {
    const missing = join(base, 'missing')
    mkdirSync(missing)
    writeFileSync(join(missing, 'config.json'), readFileSync(join(site(), 'config.json')))
    const none = await start(missing)
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/node\.key is missing.*\n$/)])
    const other = await start(site(), { DPN_STORAGE_KEY: 'ab'.repeat(32) })
    expect([other.code, other.err]).toEqual([
      1,
      expect.stringMatching(/^dpn: The master key .*\n$/),
    ])
  })

  it('says that the database is damaged, and what to do', async () => {
    const damaged = join(base, 'damaged')
    const args = ['init', '--role', 'coordinator', '--network', 'd.example', '--data', damaged]
    await dpnJson([...args, ...CONTROLLER, ...ADDRESS])
    writeFileSync(join(damaged, 'node.db'), 'this is not a database at all, but text'.repeat(200))
    const { code, err } = await start(damaged)
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^dpn: .*node\.db cannot .*restore.*\n$/),
    ])
  })
})
