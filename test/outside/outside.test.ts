/**
 * What the coordinator serves, checked by programs that share no code with it: Python with
 * `cryptography`, Go with its packages for transparency logs, and the commands of its own page.
 */
import { execFile } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNetwork, type DemoNetwork, type DemoNode } from '../../scripts/demo/network.ts'
import { makePlan } from '../../scripts/demo/plan.ts'
import { dpnJson, endAll, until } from '../../scripts/demo/processes.ts'
import { hasPackages } from '../e2e/debian.ts'

const base = mkdtempSync(join(tmpdir(), 'dpn-outside-'))
const TIMEOUT_MILLIS = 240_000
/** Debian's own, for which the package is made; not one that a version manager puts first. */
const PYTHON = '/usr/bin/python3'
const hasPython = hasPackages('python3-cryptography')
const hasGo = hasPackages('golang-go', 'golang-golang-x-mod-dev')
const hasTools = hasPackages('curl', 'openssl')

interface Ended {
  code: number
  out: string
}
function run(program: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((done) => {
    const options = { cwd: base, env: { ...process.env, ...env }, timeout: TIMEOUT_MILLIS }
    execFile(program, args, options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      done({ code, out: `${out}${err}` })
    })
  })
}

let network: DemoNetwork
let coordinator: DemoNode
const SITE = 'amor.example'
/** More than one full tile. */
const MEMBERS = 300

beforeAll(async () => {
  const [plan] = makePlan()
  if (plan === undefined) throw new Error('there is no plan')
  network = await makeNetwork(base, [plan])
  coordinator = network.coordinator
  const site = network.sites[0]?.node
  if (site === undefined) throw new Error('there is no site')
  const owner = ['--type', 'general', '--jurisdiction', 'ES', '--contact', 'owner@amor.example']
  await dpnJson(['apply', '--data', site.folder, ...owner], {})
  await dpnJson(['admit', SITE], coordinator.env)
  await site.start()
  await until('the site may write', 60, async () => {
    const { json } = await site.ask<{ writable?: boolean }>('GET', '/v1/status')
    return json.writable === true || undefined
  })
  const [member] = plan.members
  for (let at = 0; at < MEMBERS; at += 100) {
    const rows = Array.from({ length: 100 }, (_, place) => ({ ...member, id: `x-${at + place}` }))
    const answer = await fetch(`${site.url}/v1/members:bulk`, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.key}`, 'content-type': 'application/x-ndjson' },
      body: rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    })
    if ((await answer.text()).includes('problem')) throw new Error('a member was refused')
  }
  await site.ask('POST', '/v1/withdrawals', { ids: ['x-0', 'x-7', 'x-299'] })
  await until('all receipts are here', 60, async () => {
    const { json } = await coordinator.ask<{ withdrawals: { state: string }[] }>(
      'GET',
      `/v1/withdrawals?site=${SITE}`,
    )
    const complete = json.withdrawals.filter(({ state }) => state === 'complete')
    return complete.length === 3 || undefined
  })
}, TIMEOUT_MILLIS)
afterAll(async () => {
  await endAll()
  rmSync(base, { recursive: true, force: true })
})

/**
 * Where a bit is flipped: in the root of a checkpoint, since a line with another name below it would
 * be nobody's signature; in the middle of a tile or bundle.
 */
function placeIn(path: string, bytes: Uint8Array): number {
  if (!path.endsWith('/checkpoint')) return Math.floor(bytes.length / 2)
  const [origin = '', size = ''] = Buffer.from(bytes).toString('utf8').split('\n')
  return origin.length + size.length + 7
}

/** Serves what the coordinator serves, with one bit of the files of a path flipped. */
async function withFlipped<T>(
  isFlipped: (path: string) => boolean,
  work: (url: string) => Promise<T>,
): Promise<T> {
  async function pass(path: string, response: ServerResponse): Promise<void> {
    const answer = await fetch(`${coordinator.url}${path}`)
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const place = placeIn(path, bytes)
    if (isFlipped(path)) bytes[place] = (bytes[place] ?? 0) ^ 1
    response.writeHead(answer.status).end(bytes)
  }
  const server = createServer((request, response) => {
    void pass(request.url ?? '', response).catch(() => response.destroy())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

/** One kind of file each: whatever bit is flipped in it must be found. */
const FLIPS: [string, (path: string) => boolean][] = [
  ["the coordinator's checkpoint", (path) => path.endsWith('dpn.example/checkpoint')],
  ["the site's checkpoint", (path) => path.endsWith(`${SITE}/checkpoint`)],
  ['an entry', (path) => path.includes(`${SITE}/tile/entries/000`)],
  ['a leaf', (path) => path.includes(`${SITE}/tile/0/000`)],
  ['a leaf of the last tile', (path) => path.includes(`${SITE}/tile/0/001.p`)],
  ['an inner node', (path) => path.includes(`${SITE}/tile/1/`)],
]

describe.skipIf(!hasPython)('a program in Python', () => {
  const script = resolve('test/outside/check_logs.py')
  const check = (url: string): Promise<Ended> => run(PYTHON, [script, url, network.coordinatorKey])

  it(
    'finds every log whole, and every receipt good',
    async () => {
      const { code, out } = await check(coordinator.url)
      expect([code, out]).toEqual([0, expect.stringContaining('OK: every log')])
      expect(out).toMatch(/^dpn\.example: size \d+, [1-9]\d* receipts$/m)
      expect(out).toMatch(/^dpn\.example\/amor\.example: size 30\d, 2 receipts$/m)
    },
    TIMEOUT_MILLIS,
  )

  it.each(FLIPS)(
    'finds a bit that was flipped in %s',
    async (_what, isFlipped) => {
      const { code, out } = await withFlipped(isFlipped, check)
      expect([code, out]).toEqual([1, expect.stringContaining('REFUSED')])
    },
    TIMEOUT_MILLIS,
  )

  it(
    'finds another key',
    async () => {
      const other = 'dpn.example+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
      expect((await run(PYTHON, [script, coordinator.url, other])).code).toBe(1)
    },
    TIMEOUT_MILLIS,
  )
})

describe.skipIf(!hasGo)("Go's own packages for transparency logs", () => {
  let key = ''
  beforeAll(async () => {
    copyFileSync(resolve('test/outside/check_logs.go'), join(base, 'check_logs.go'))
    const env = {
      GOPATH: '/usr/share/gocode',
      GO111MODULE: 'off',
      GOFLAGS: '',
      GOCACHE: join(base, 'go'),
    }
    const built = await run('go', ['build', '-o', join(base, 'check_logs'), 'check_logs.go'], env)
    if (built.code !== 0) throw new Error(built.out)
    const { json } = await coordinator.ask<{ members: { logKey: string }[] }>(
      'GET',
      '/v1/directory',
    )
    key = json.members[0]?.logKey ?? ''
  }, TIMEOUT_MILLIS)
  const check = (url: string, index: number): Promise<Ended> =>
    run(join(base, 'check_logs'), [url, key, `dpn.example/${SITE}`, String(index)])

  it(
    'open the checkpoint and prove entries of full and of partial tiles',
    async () => {
      for (const index of [0, 255, 256, 302])
        expect(await check(coordinator.url, index)).toEqual({ code: 0, out: 'OK: included\n' })
    },
    TIMEOUT_MILLIS,
  )

  it.each(FLIPS.slice(1))(
    'find a bit that was flipped in %s',
    async (what, isFlipped) => {
      // A proof reads what is on its path: the entry in the middle of the bundle, and its tiles.
      const index = what.includes('last') ? 280 : 128
      const { code, out } = await withFlipped(isFlipped, async (url) => {
        const tried: Ended[] = []
        for (let at = index - 8; at < index + 8; at += 1) tried.push(await check(url, at))
        return tried.find((one) => one.code !== 0) ?? { code: 0, out: '' }
      })
      expect([code, out]).toEqual([1, expect.stringContaining('REFUSED')])
    },
    TIMEOUT_MILLIS,
  )
})

/** The commands of all steps. */
const commandsOf = (page: string): string =>
  [...page.matchAll(/<pre><code>(.*?)<\/code><\/pre>/gs)]
    .map(([, text = '']) => text)
    .join('\n')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')

describe.skipIf(!hasTools)('the page of the coordinator that says how to check it', () => {
  it(
    'has commands that find all as it should be, and a bit that was flipped',
    async () => {
      const page = await (await fetch(`${coordinator.url}/v1/docs/verify`)).text()
      const script = commandsOf(page)
      const follow = async (url: string): Promise<Ended> => {
        const folder = mkdtempSync(join(base, 'steps-'))
        const env = { NODE: url, VKEY: network.coordinatorKey, SITE, KEY: coordinator.key }
        return run('bash', ['-euo', 'pipefail', '-c', `cd ${folder}\n${script}`], env)
      }
      const { code, out } = await follow(coordinator.url)
      expect([code, out]).toEqual([0, expect.stringContaining('entry 0 is the leaf')])
      expect(out.match(/Signature Verified Successfully/g)).toHaveLength(4)
      for (const [, isFlipped] of FLIPS.slice(0, 2))
        expect((await withFlipped(isFlipped, follow)).code).not.toBe(0)
    },
    TIMEOUT_MILLIS,
  )
})
