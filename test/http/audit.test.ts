/** What auditors and staff see of the audit: findings, figures, tables as CSV. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinatorRole } from '../../node/core/access.ts'
import type { NewFinding } from '../../node/core/oversight/finding.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let api: TestApp<CoordinatorRole>

interface List {
  findings: { id: string; state: string }[]
  total: number
}

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  api = await aCoordinatorApp(world)
  const site = await aSiteApp(amor)
  const body = { profile: aProfile(), consent: aConsent() }
  await send(site, site.keys.write, 'PUT /v1/members/m-1', body)
  await send(site, site.keys.write, 'DELETE /v1/members/m-1')
  const { findings, figures } = world.coordinator.coordinator
  await world.until(async () => (await figures.overview(null)).states.complete === 1)
  const late: NewFinding = {
    kind: 'overdue-erasure',
    site: amor.identity.site,
    subject: 'amor.example/1',
    severity: 'serious',
    since: 1000,
    evidence: { log: 'amor.example', index: 1 },
  }
  await world.coordinator.ports.store.write(async (tx) => {
    await findings.raise(tx, late)
    await findings.raise(tx, { ...late, kind: 'failed-probe', subject: '=1+1', since: 2000 })
  })
})
afterAll(() => world.close())

const list = (query: string) => send<List>(api, api.keys.auditor, `GET /v1/findings?${query}`)

describe('/v1/findings', () => {
  it('lists, filters and sorts for whoever may look', async () => {
    expect((await list('')).json).toMatchObject({ total: 2, findings: [{ since: 2000 }, {}] })
    expect((await list('kind=overdue-erasure')).json).toMatchObject({ total: 1 })
    expect((await list('site=other.example')).json).toEqual({ total: 0, findings: [] })
    expect((await list('sort=since&order=asc&limit=1')).json).toMatchObject({
      total: 2,
      findings: [{ since: 1000 }],
    })
    expect((await list('state=gone')).status).toBe(422)
    expect((await send(api, null, 'GET /v1/findings')).status).toBe(401)
  })

  it('gives the table as CSV, in which nothing runs as a formula', async () => {
    const request = 'GET /v1/findings?format=csv&sort=since&order=asc'
    const { json, headers } = await send<string>(api, api.keys.auditor, request)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    const [names, first, second] = json.split('\r\n')
    expect(names).toBe('id,kind,site,subject,severity,since,foundAt,state,owner,curedAt')
    expect(first).toMatch(
      /^[0-9a-f]{32},overdue-erasure,amor\.example,amor\.example\/1,serious,1000/,
    )
    expect(second).toContain(",'=1+1,")
  })

  it('lets staff explain one, keeps why, and writes the act down', async () => {
    const id = (await list('kind=overdue-erasure')).json.findings[0]?.id ?? ''
    const path = `/v1/findings/${id}`
    const body = { state: 'explained', note: 'a disk was replaced' }
    expect((await send(api, api.keys.auditor, `PATCH ${path}`, body)).status).toBe(403)
    expect((await send(api, api.keys.staff, `PATCH ${path}`, body)).json).toMatchObject({
      state: 'explained',
    })
    expect(
      await refused(api, api.keys.staff, `PATCH ${path}`, { state: 'closed', note: 'so' }),
    ).toEqual({ status: 409, code: 'conflict', pointer: '/state' })
    expect((await send(api, api.keys.auditor, `GET ${path}`)).json).toMatchObject({
      state: 'explained',
      history: [{ note: 'found' }, { note: 'a disk was replaced', actor: { role: 'staff' } }],
    })
    const acts = await world.coordinator.coordinator.people.acts.list({ limit: 1 })
    expect(acts).toMatchObject([{ act: 'finding.explain', subject: id }])
    expect((await send(api, api.keys.auditor, 'GET /v1/findings/00')).status).toBe(404)
  })

  it('says that a finding has no file of its own', async () => {
    const id = (await list('kind=failed-probe')).json.findings[0]?.id ?? ''
    const answer = await send(api, api.keys.auditor, `GET /v1/findings/${id}/evidence`)
    expect(answer.status).toBe(404)
  })

  it('gives the file of one as an attachment', async () => {
    const id = (await list('kind=overdue-erasure')).json.findings[0]?.id ?? ''
    const answer = await send(api, api.keys.auditor, `GET /v1/findings/${id}/evidence`)
    expect(answer.json).toMatchObject({ format: 'dpn-finding/1', claim: { kind: 'no-receipt' } })
    expect(answer.headers.get('content-disposition')).toContain(`overdue-erasure-${id}.json`)
  })
})

describe('/v1/audit', () => {
  it('shows how withdrawals stand', async () => {
    const { json } = await send(api, api.keys.auditor, 'GET /v1/audit/overview')
    expect(json).toMatchObject({
      states: { complete: 1, overdue: 0 },
      complete: 1,
      days: [{ count: 1 }],
      sites: [{ site: 'amor.example', withdrawals: 1 }],
      findings: [{ kind: 'failed-probe', count: 1 }, { kind: 'overdue-erasure' }],
    })
    const csv = await send<string>(api, api.keys.auditor, 'GET /v1/audit/overview?format=csv')
    expect(csv.json).toMatch(/^day,count,medianSeconds,p95Seconds,maxSeconds,deadlineSeconds\r\n/)
    expect((await send(api, null, 'GET /v1/audit/overview')).status).toBe(401)
  })

  it('shows one site, and how far its receipts reach', async () => {
    const { json } = await send(api, api.keys.auditor, 'GET /v1/audit/sites/amor.example')
    expect(json).toMatchObject({ site: 'amor.example', states: { complete: 1 } })
    expect(json['receipts']).toContainEqual(
      expect.objectContaining({ log: 'amor.example', missingSince: null }),
    )
    const stranger = 'GET /v1/audit/sites/other.example'
    expect((await send(api, api.keys.auditor, stranger)).status).toBe(404)
  })

  it('lists withdrawals, and each with its receipts', async () => {
    const path = 'GET /v1/audit/withdrawals'
    const { json } = await send(api, api.keys.auditor, `${path}?state=complete&sort=seconds`)
    expect(json).toMatchObject({ total: 1, withdrawals: [{ log: 'amor.example', index: 1 }] })
    const one = await send(api, api.keys.auditor, `${path}/amor.example/1`)
    expect(one.json).toMatchObject({
      required: 2,
      received: 2,
      receipts: [{ site: 'network.example' }, { site: 'amor.example' }],
    })
    expect((await send(api, api.keys.auditor, `${path}/amor.example/0`)).status).toBe(404)
  })
})
