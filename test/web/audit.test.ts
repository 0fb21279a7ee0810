/** Auditors' pages over the real core: the figures of the audit, in the page, as JSON and as CSV. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole } from '../../node/core/access.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send, type TestApp } from '../http/apps.ts'
import { someReaders, type Demanded } from './readers.ts'

let world: World
let amor: TestSite
let herz: TestSite
let api: TestApp<CoordinatorRole>
const demanded: Demanded[] = []

const PAGES = [
  '/audit',
  '/audit/sites',
  '/audit/sites/amor.example',
  '/audit/withdrawals',
  '/audit/withdrawals/amor.example/2',
  '/audit/findings',
  '/audit/challenges',
  '/audit/downloads',
]

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  herz = await world.addSite('herz.example')
  const site = await aSiteApp(amor)
  for (const id of ['m-1', 'm-2'])
    await send(site, site.keys.write, `PUT /v1/members/${id}`, {
      profile: aProfile(),
      consent: aConsent(),
    })
  await send(site, site.keys.write, 'POST /v1/members/m-1/withdraw', { reason: 'erased' })
  const { ports, coordinator } = world.coordinator
  await world.until(async () => {
    const counts = await ports.store.read((tx) => tx.audit.counts({}, ports.clock.now()))
    if (counts.complete !== 1) return false
    return (await coordinator.node.evidence.progress(amor.identity.site, 2)).isComplete
  })
  await ports.store.write((tx) =>
    coordinator.findings.raise(tx, {
      kind: 'fork',
      site: herz.identity.site,
      subject: 'herz.example/7',
      severity: 'critical',
      since: ports.clock.now(),
      evidence: { size: 7, notes: ['<one>\n', 'two\n'] },
    }),
  )
  api = await aCoordinatorApp(world, {
    readers: someReaders(amor.identity.site, herz.identity.site, demanded),
  })
})
afterAll(() => world.close())

const json = async <T = Record<string, unknown>>(path: string) =>
  (await send<T>(api, api.keys.auditor, `GET ${path}${path.includes('?') ? '&' : '?'}format=json`))
    .json
const page = async (path: string, key: string | null = api.keys.auditor) => {
  const answer = await api.app.request(path, {
    headers: { accept: 'text/html', ...(key !== null && { authorization: `Bearer ${key}` }) },
  })
  return { status: answer.status, text: await answer.text() }
}

const demand = async (count: string) =>
  api.app.request('/audit/challenges/probe', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${api.keys.auditor}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ site: 'herz.example', count }).toString(),
  })

describe("auditors' pages", () => {
  it.each(PAGES)('are for auditors and staff alone: %s', async (path) => {
    expect((await page(path, null)).status).toBe(303)
    const { status, text } = await page(path)
    expect(status).toBe(200)
    expect(text).toContain('<p class="lead">')
    expect(text).not.toMatch(/<style|\sstyle=/)
  })

  it('show the figures of the audit', async () => {
    const overview = await json<{
      withdrawals: { complete: number }
      findingsByState: { open: number }
      times: { rows: { value: number }[] }
      days: { rows: object[] }
    }>('/audit')
    expect(overview.withdrawals.complete).toBe(1)
    expect(overview.findingsByState.open).toBe(1)
    expect(overview.times.rows.reduce((sum, { value }) => sum + value, 0)).toBe(1)
    expect(overview.days.rows).toHaveLength(1)
    const csv = await send<string>(api, api.keys.auditor, 'GET /audit?format=csv&table=times')
    expect(csv.json.split('\r\n')[0]).toBe('label,value')
  })

  it('list withdrawals by state, each with its matrix of receipts', async () => {
    const list = async (query: string) =>
      (await json<{ withdrawals: { total: number } }>(`/audit/withdrawals?${query}`)).withdrawals
    expect((await list('state=complete')).total).toBe(1)
    expect((await list('state=overdue')).total).toBe(0)
    expect((await list('site=herz.example')).total).toBe(0)
    const one = await json<{
      isComplete: boolean
      receipts: { rows: { site: string; state: string }[] }
    }>('/audit/withdrawals/amor.example/2')
    expect(one.isComplete).toBe(true)
    expect(one.receipts.rows.map(({ site, state }) => [site, state])).toEqual([
      ['amor.example', 'in time'],
      ['herz.example', 'in time'],
      ['network.example', 'in time'],
    ])
    expect((await page('/audit/withdrawals/amor.example/99')).status).toBe(404)
    const path = '/audit/withdrawals/amor.example/2/evidence'
    expect((await page(path)).text).toBe(
      await world.coordinator.coordinator.node.evidence.file(amor.identity.site, 2),
    )
    expect((await page(path, null)).status).toBe(303)
  })

  it('never say that something was erased', async () => {
    for (const path of PAGES) {
      const { text } = await page(path)
      const words = text.replaceAll(/<[^>]*>/g, ' ')
      expect(words).not.toMatch(/\b(?:was|were|is|has been|data) erased\b/)
    }
    expect((await page('/audit/withdrawals/amor.example/2')).text).toContain('Receipt received')
  })

  it('take what staff say about a finding, and show what they may not', async () => {
    const { findings } = await json<{ findings: { rows: { kind: string }[] } }>('/audit/findings')
    expect(findings.rows.map(({ kind }) => kind)).toEqual(['fork'])
    const [finding] = (
      await world.coordinator.coordinator.findings.list({
        filter: {},
        order: 'since',
        isDescending: true,
        offset: 0,
        limit: 1,
      })
    ).findings
    const path = `/audit/findings/${finding?.id}`
    expect((await page(path)).text).not.toContain('<textarea')
    expect((await page(path)).text).toContain('&lt;one&gt;')
    const say = async (fields: Record<string, string>) => {
      const answer = await api.app.request(path, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${api.keys.staff}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams(fields).toString(),
      })
      return { status: answer.status, text: await answer.text() }
    }
    expect((await say({ state: 'explained', note: 'a test', own: 'yes' })).status).toBe(303)
    const refused = await say({ state: 'closed', note: 'over' })
    expect(refused.status).toBe(422)
    expect(refused.text).toContain('Expected the role dpo for this change.')
    const named = await say({ state: 'explained', note: 'ask lotte@mail.example' })
    expect(named.text).toContain('Expected a text without e-mail addresses.')
    const { state, owner } = await json<{ state: string; owner: string | null }>(path)
    expect(state).toBe('explained')
    expect(owner).not.toBeNull()
  })

  it('show challenges with how sure their rates are, and take a demand', async () => {
    const { text } = await page('/audit/challenges')
    expect(text).toContain('class="range"')
    expect(text).toContain('90%')
    expect((await demand('0')).status).toBe(422)
    expect((await demand('3')).status).toBe(303)
    expect(demanded.map(([{ role }, site, count]) => [role, site, count])).toEqual([
      ['auditor', 'herz.example', 3],
    ])
  })
})

describe('readers of other parts', () => {
  it('light up their pages and rows', async () => {
    expect((await page('/processors', null)).text).toContain('mail.example')
    const policy = await json<{
      promises: { rows: { clause: string; evidence: string | null }[] }
    }>('/policy')
    const evidence = policy.promises.rows.map((row) => row.evidence)
    expect(evidence).toContain('1 processors in the register')
    expect(evidence).toContain('2 orders')
    expect(evidence.join()).toContain('9 of 10 challenges passed')
    expect(evidence.join()).toContain('1 with all receipts within')
  })
})
