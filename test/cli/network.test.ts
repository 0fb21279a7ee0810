/** The commands against a running coordinator and site, all of them real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeNetwork, type DemoNetwork, type DemoNode } from '../../scripts/demo/network.ts'
import { makePlan } from '../../scripts/demo/plan.ts'
import { dpn, dpnJson, endAll, until } from '../../scripts/demo/processes.ts'

const MAIN = 'node/main.ts'
const base = mkdtempSync(join(tmpdir(), 'dpn-cli-network-'))
const [plan] = makePlan()
const members = plan?.members ?? []
let network: DemoNetwork
let site: DemoNode
let coordinator: DemoNode

beforeAll(async () => {
  network = await makeNetwork(base, makePlan().slice(0, 1))
  coordinator = network.coordinator
  const [first] = network.sites
  if (first === undefined) throw new Error('there is no site')
  site = first.node
})
afterAll(endAll)

const ndjson = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const file = (name: string, text: string): string => {
  const path = join(base, name)
  writeFileSync(path, text)
  return path
}
const memberCount = async (): Promise<number> =>
  Number((await dpnJson(['status'], site.env))['members'])

describe('admission', () => {
  it('goes from the application to the first connection', async () => {
    const applied = await dpnJson([
      'apply',
      '--data',
      site.folder,
      '--type',
      'general',
      '--jurisdiction',
      'ES',
      '--contact',
      'owner@amor.example',
    ])
    expect(applied).toMatchObject({ network: 'dpn.example', state: 'open' })
    const open = await dpnJson(['applications'], coordinator.env)
    expect(open).toMatchObject({ applications: [{ site: 'amor.example', state: 'open' }] })
    await site.start()
    expect(await dpnJson(['admit', 'amor.example'], coordinator.env)).toMatchObject({
      site: 'amor.example',
      status: 'admitted',
    })
    await until('the site may write', 30, async () => {
      const { writable } = await dpnJson(['status'], site.env)
      return writable === true || undefined
    })
    expect((await dpn(['members'], coordinator.env)).out).toContain('amor.example')
  })

  it('sends no application to a coordinator with another key', async () => {
    const made = await dpnJson([
      'init',
      '--site',
      'brio.example',
      '--data',
      join(base, 'brio'),
      '--coordinator-key',
      await keyOfAnother(),
      '--coordinator-url',
      coordinator.url,
    ])
    expect(made['network']).toBe('dpn.example')
    const args = ['apply', '--data', join(base, 'brio'), '--type', 'general']
    const { code, err } = await dpn([...args, '--jurisdiction', 'ES', '--contact', 'a@b.example'])
    expect([code, err]).toEqual([1, expect.stringMatching(/^dpn: .* is not the coordinator .*\n$/)])
  })

  it('lets no node start under another key of the coordinator', async () => {
    const { code, err } = await dpn(['start', '--data', join(base, 'brio')])
    expect([code, err]).toEqual([1, expect.stringMatching(/^dpn: .*DPN_COORDINATOR_KEY.*\n$/)])
  })
})

async function keyOfAnother(): Promise<string> {
  const made = await dpnJson([
    'init',
    '--role',
    'coordinator',
    '--network',
    'dpn.example',
    '--jurisdiction',
    'DE',
    '--data',
    join(base, 'another'),
    '--controller-name',
    'x',
    '--controller-address',
    'y',
    '--controller-email',
    'a@b.example',
  ])
  return String(made['logKey'])
}

describe('a data folder in use', () => {
  it('is refused to a second node', async () => {
    const { code, err } = await dpn(['start', '--data', site.folder])
    expect([code, err]).toEqual([1, expect.stringMatching(/^dpn: The data folder .* in use .*\n$/)])
  })

  it('has its keys managed through the node', async () => {
    const folder = ['--data', site.folder]
    const offline = await dpn(['key', 'list', ...folder])
    expect([offline.code, offline.err]).toEqual([1, expect.stringContaining('pass --url')])
    const made = await dpnJson(['key', 'create', 'second', '--role', 'read'], site.env)
    const env = { DPN_URL: site.url, DPN_API_KEY: String(made['secret']) }
    const denied = await dpn(['member', 'withdraw', 'x'], env)
    expect([denied.code, denied.err]).toEqual([1, expect.stringMatching(/^dpn: .*403.*\n$/)])
    await dpnJson(['key', 'revoke', String(made['id'])], site.env)
    expect((await dpn(['status'], env)).err).toContain('401')
  })

  it('is backed up while its node runs, without a key', async () => {
    const backup = join(base, 'backup.db')
    await dpnJson(['backup', backup, '--data', site.folder])
    const secret = readFileSync(join(site.folder, 'storage.key'), 'latin1').trim()
    expect(readFileSync(backup, 'latin1')).not.toContain(secret)
    await dpnJson(['restore', backup, '--data', join(base, 'restored'), '--keys', site.folder])
    expect(existsSync(join(base, 'restored', 'config.json'))).toBe(true)
    const again = await dpn(['restore', backup, '--data', join(base, 'restored')])
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('is not empty')])
  })
})

describe('dpn member picture', () => {
  it('adds, lists, arranges and removes pictures', async () => {
    const [one] = members
    const consent = { ...one?.consent, scopes: ['discovery', 'pictures'] }
    const member = file('pictured.json', JSON.stringify({ profile: one?.profile, consent }))
    await dpnJson(['member', 'put', 'pictured', member], site.env)
    const ids: string[] = []
    for (const red of [20, 200]) {
      const path = join(base, `${red}.png`)
      const background = { r: red, g: 60, b: 60 }
      await sharp({ create: { width: 64, height: 48, channels: 3, background } }).toFile(path)
      const added = await dpnJson(['member', 'picture', 'add', 'pictured', path], site.env)
      ids.push(String(added['picture']))
    }
    const [first = '', second = ''] = ids
    const listed = await dpnJson(['member', 'picture', 'list', 'pictured'], site.env)
    expect(listed).toMatchObject({ main: { picture: first }, gallery: [{ picture: second }] })
    const arrange = ['member', 'picture', 'arrange', 'pictured', second, first]
    expect(await dpnJson(arrange, site.env)).toMatchObject({ main: { picture: second } })
    const remove = ['member', 'picture', 'remove', 'pictured', second]
    expect(await dpnJson(remove, site.env)).toMatchObject({ main: { picture: first }, gallery: [] })
    const { code, err } = await dpn(['member', 'picture', 'add', 'pictured', member], site.env)
    expect([code, err]).toEqual([2, expect.stringMatching(/^dpn: .*422.*JPEG.*\n$/)])
    await dpnJson(['member', 'withdraw', 'pictured'], site.env)
  })
})

describe('dpn member import', () => {
  it('sets refused rows aside with line, field and reason, and goes on', async () => {
    const [a, b, c, d] = members
    const path = file(
      'mixed.ndjson',
      ndjson([a, { ...b, profile: { ...b?.profile, birthDate: '2015-01-01' } }]) +
        '{broken\n\n' +
        ndjson([
          { ...c, profile: { ...c?.profile, description: 'Call +49 341 1234567 tonight' } },
          { ...c, phone: 'SECRET' },
          d,
        ]),
    )
    const { code, out } = await dpn(['member', 'import', path, '--json'], site.env)
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ rows: 6, published: 2, refused: 4 })
    const text = readFileSync(`${path}.rejected.ndjson`, 'utf8')
    const rejected = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; field: string; reason: string })
    expect(rejected.map(({ line, field }) => [line, field])).toEqual([
      [2, 'profile.birthDate'],
      [3, ''],
      [5, 'profile.description'],
      [6, 'phone'],
    ])
    expect(text).not.toMatch(/2015|1234567|SECRET|broken/)
    expect(existsSync(`${path}.progress`)).toBe(false)
  })

  it('reads CSV with other names and a common consent', async () => {
    const now = Math.floor(Date.now() / 1000)
    const { givenAt: _givenAt, ...consent } = members[0]?.consent ?? {}
    const consentFile = file('consent.json', JSON.stringify(consent))
    const head = 'user_id;nick;profile.birthDate;sex;profile.seeks;profile.seeksAgeMin;'
    const path = file(
      'members.csv',
      `\uFEFF${head}profile.seeksAgeMax;profile.country;profile.language;consent.givenAt;internal\n` +
        `csv-1;"Lotte; the first";1990-05-12;woman;man|woman;30;45;DE;de;${now - 60};x\n` +
        `csv-2;Uwe;1980-05-12;man;woman;30;45;DE;de;${new Date(0).toISOString()};x\n` +
        `csv-3;Jana;1985-05-12;woman;man;30;forty;DE;de;${now - 60};x\n`,
    )
    const maps = ['user_id=id', 'nick=profile.nickname', 'sex=profile.gender', 'internal=']
    const args = ['member', 'import', path, '--consent', consentFile, '--json']
    const unmapped = await dpn(args, site.env)
    expect([unmapped.code, unmapped.err]).toEqual([2, expect.stringContaining('"user_id"')])
    const { out } = await dpn([...args, ...maps.flatMap((one) => ['--map', one])], site.env)
    expect(JSON.parse(out)).toMatchObject({ rows: 3, published: 1, refused: 2 })
    expect(readFileSync(`${path}.rejected.ndjson`, 'utf8')).toMatch(
      /"line":3,"field":"consent.*\n.*"line":4,"field":"profile.seeksAgeMax"/,
    )
    expect((await site.ask('GET', '/v1/members/csv-1')).json).toMatchObject({
      profile: { nickname: 'Lotte; the first', seeks: ['man', 'woman'] },
    })
  })

  it('goes on after an interruption, and publishes nobody twice', async () => {
    const before = await memberCount()
    const rows = [...members.slice(10), { id: 'bad one' }]
    const path = file('all.ndjson', ndjson(rows))
    const args = ['member', 'import', path, '--batch', '5', '--json']
    const env = { ...process.env, ...site.env }
    const first = spawn(process.execPath, [MAIN, ...args], { env, stdio: 'ignore' })
    await until('some batches are sent', 30, async () =>
      existsSync(`${path}.progress`) || first.exitCode !== null ? true : undefined,
    )
    first.kill('SIGKILL')
    if (first.exitCode === null && first.signalCode === null) await once(first, 'exit')
    expect(existsSync(`${path}.progress`)).toBe(true)
    const { out, code } = await dpn(args, site.env)
    const done = JSON.parse(out) as Record<string, number>
    expect(code).toBe(1)
    expect(done['resumedAfterLine']).toBeGreaterThan(0)
    expect(done).toMatchObject({ rows: rows.length, refused: 1, updated: 0 })
    expect(await memberCount()).toBe(before + rows.length - 1)
    const again = JSON.parse((await dpn(args, site.env)).out) as Record<string, number>
    expect(again).toMatchObject({ unchanged: rows.length - 1, published: 0, resumedAfterLine: 0 })
  })

  it('refuses to go on with another state of the file', async () => {
    const path = file('changed.ndjson', ndjson(members.slice(0, 1)))
    writeFileSync(`${path}.progress`, JSON.stringify({ fingerprint: 'other', line: 1 }))
    const { code, err } = await dpn(['member', 'import', path], site.env)
    expect([code, err]).toEqual([2, expect.stringMatching(/^dpn: .*remove it to begin anew\n$/)])
  })
})

describe('dpn member opening', () => {
  it('shows an auditor the consent of one member, and dpn verify accepts it', async () => {
    const path = join(base, 'opening.json')
    const args = ['member', 'opening', 'csv-1', path, '--auditor', 'dpa.example', '--days', '7']
    await until('the receipts are here', 60, async () =>
      (await dpn(args, site.env)).code === 0 ? true : undefined,
    )
    const key = ['--key', network.coordinatorKey]
    const truth = await dpn(['verify', path, ...key])
    expect([truth.code, truth.out]).toEqual([0, expect.stringContaining('PROVEN to dpa.example')])
    const forged = readFileSync(path, 'utf8').replace('dpa.example', 'spy.example')
    expect((await dpn(['verify', file('spy.json', forged), ...key])).code).toBe(1)
  })
})

describe('a withdrawal', () => {
  it('is followed to its evidence, which is verified; a forged one is refused', async () => {
    const [first] = members
    const done = await dpnJson(['member', 'withdraw', String(first?.id)], site.env)
    const { withdrawn } = done as { withdrawn: { record: string }[] }
    const record = String(withdrawn[0]?.record)
    await until('all receipts are here', 30, async () => {
      const { state } = await dpnJson(['withdrawals', 'show', record], site.env)
      return state === 'complete' || undefined
    })
    const evidence = join(base, 'evidence.json')
    await dpnJson(['withdrawals', 'evidence', record, evidence], site.env)
    const key = ['--key', network.coordinatorKey]
    const truth = await dpn(['verify', evidence, ...key])
    expect([truth.code, truth.out]).toEqual([0, expect.stringContaining(`record ${record}`)])
    const text = readFileSync(evidence, 'utf8')
    for (const [what, forged] of [
      ['cut', text.slice(0, 300)],
      ['receipt', text.replace(/\\n— dpn\.example\/witness [^\\]+/, '')],
      [
        'entry',
        text.replace(/"entry": "(.)/, (_all, letter) => `"entry": "${letter === 'p' ? 'q' : 'p'}`),
      ],
    ] as const) {
      expect(forged).not.toBe(text)
      const lie = await dpn(['verify', file(`${what}.json`, forged), ...key])
      expect([what, lie.code]).toEqual([what, 1])
      expect(
        lie.out
          .trim()
          .split('\n')
          .filter((line) => line.startsWith('FAIL')),
      ).toHaveLength(1)
    }
    const other = await dpn(['verify', evidence, '--key', await anotherKey()])
    expect(other.code).toBe(1)
  })

  it('is in the archive of its site, which is verified offline; a forged one is refused', async () => {
    const archive = join(base, 'amor.tar')
    const args = ['evidence', archive, '--site', 'amor.example', '--from', '2020-01-01']
    expect(await dpnJson(args, coordinator.env)).toMatchObject({ file: archive })
    const key = ['--key', network.coordinatorKey]
    const truth = await dpn(['verify', archive, ...key])
    expect([truth.code, truth.out]).toEqual([0, expect.stringMatching(/^SHOWN for amor\.example/)])
    expect(truth.out).toContain('NOT SHOWN:\n  that bytes are gone')
    const told = await dpn(['verify', archive, ...key, '--json'])
    expect(JSON.parse(told.out)).toMatchObject({ verdict: 'proven', failure: null, missing: [] })
    const forged = readFileSync(archive)
    forged[forged.length - 3000] = (forged.at(-3000) ?? 0) ^ 1
    writeFileSync(join(base, 'forged.tar'), forged)
    const lie = await dpn(['verify', join(base, 'forged.tar'), ...key])
    expect([lie.code, lie.out]).toEqual([1, expect.stringMatching(/^FAIL {2}\S+: .*\nREFUSED/)])
    expect((await dpn(['verify', join(base, 'nothing.tar'), ...key])).code).toBe(2)
    expect((await dpn(args, coordinator.env)).err).toContain('is there already')
    const wrong = [...args.slice(0, 1), join(base, 'wrong.tar'), '--from', 'yesterday']
    expect((await dpn(wrong, coordinator.env)).code).toBe(2)
    expect((await dpn(['evidence', join(base, 'wrong.tar')], site.env)).code).not.toBe(0)
    expect(existsSync(join(base, 'wrong.tar.part'))).toBe(false)
  })
})

async function anotherKey(): Promise<string> {
  const config = readFileSync(join(base, 'brio', 'config.json'), 'utf8')
  return (JSON.parse(config) as { coordinatorKey: string }).coordinatorKey
}

describe('the staff', () => {
  it('sees withdrawals, sets terms, orders, suspends and reinstates', async () => {
    const { env } = coordinator
    const list = await dpnJson(['withdrawals', 'list', '--site', 'amor.example'], env)
    expect((list['withdrawals'] as unknown[]).length).toBeGreaterThan(0)
    const found = await dpnJson(['audit', 'withdrawals', '--site', 'amor.example'], env)
    expect(found).toMatchObject({ total: expect.any(Number) as number })
    const [row] = found['withdrawals'] as { index: number }[]
    const one = await dpn(['audit', 'withdrawal', 'amor.example', String(row?.index)], env)
    expect(one.out).toContain('receipts received')
    for (const which of [[], ['amor.example']])
      expect((await dpn(['audit', 'overview', ...which], env)).out).toMatch(/^unwitnessed +0$/m)
    expect(await dpnJson(['finding', 'list'], env)).toEqual({ findings: [], total: 0 })
    expect((await dpn(['finding', 'show', '0'.repeat(32)], env)).err).toContain('404')
    const terms = await dpnJson(['terms'], env)
    const path = file('terms.json', JSON.stringify({ ...terms, erasureDeadlineSeconds: 500 }))
    expect(await dpnJson(['terms', path], env)).toMatchObject({ erasureDeadlineSeconds: 500 })
    const order = ['order', 'amor.example', '--notice', 'mail-1']
    expect((await dpn(order, env)).code).toBe(2)
    expect(await dpnJson([...order, '--all'], env)).toMatchObject({ all: true })
    await until('the order is carried out', 30, async () =>
      (await memberCount()) === 0 ? true : undefined,
    )
    const measure = ['amor.example', '--reason', 'security']
    expect(await dpnJson(['suspend', ...measure], env)).toMatchObject({ status: 'suspended' })
    expect((await dpn(['suspend', ...measure], env)).err).toContain('409')
    expect(await dpnJson(['reinstate', ...measure], env)).toMatchObject({ status: 'admitted' })
  })

  it('stops a node within seconds', async () => {
    const started = performance.now()
    await site.process?.stop()
    expect(performance.now() - started).toBeLessThan(6000)
    expect(site.process?.tail()).not.toContain('"error"')
  })
})
