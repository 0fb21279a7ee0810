/** The page toolkit: who may look, formats, tables by links, forms with their token. */
import { html } from 'hono/html'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Actor } from '../../node/core/people/actor.ts'
import { createDoor } from '../../node/http/app.ts'
import { createMetrics } from '../../node/telemetry/metrics.ts'
import { barChart, lineChart } from '../../node/web/chart.ts'
import { errorsOf, formOf } from '../../node/web/form.ts'
import { mountForm, mountPage } from '../../node/web/page.ts'
import type { Column } from '../../node/web/sheet.ts'
import { inMemory, tableOf, type Filter } from '../../node/web/table.ts'
import { createWeb, type WebPorts } from '../../node/web/visit.ts'
import { durationText } from '../../node/web/words.ts'

const STAFF: Actor = { kind: 'account', id: 'a-1', role: 'staff' }
const AUDITOR: Actor = { kind: 'account', id: 'a-2', role: 'auditor' }
const KEYS = new Map([['dpn_auditor_x', 'auditor']])

interface Row {
  site: string
  count: number
  seenAt: number | null
}
const ROWS: Row[] = Array.from({ length: 120 }, (_, at) => ({
  site: at === 7 ? '=cmd|calc' : `s${String(at).padStart(3, '0')}.example`,
  count: (at * 7) % 120,
  seenAt: at % 2 === 0 ? 1_772_323_200 + at : null,
}))
const COLUMNS: Column<Row>[] = [
  { name: 'site', label: 'Site', value: (row) => row.site, isSortable: true },
  { name: 'count', label: 'Count', kind: 'number', value: (row) => row.count, isSortable: true },
  {
    name: 'seenAt',
    label: 'Seen',
    kind: 'time',
    value: (row) => row.seenAt,
    isSortable: true,
  },
]
const FILTERS: Filter[] = [{ name: 'site', label: 'Site' }]

function aWeb(ports: Partial<WebPorts> = {}) {
  const door = createDoor(
    { metrics: createMetrics() },
    {
      verify: async (secret) => {
        const role = KEYS.get(secret)
        if (role === undefined) return null
        return { id: 'k-1', name: 'test', role, createdAt: 0, revokedAt: null }
      },
    },
  )
  const web = createWeb({
    door,
    frame: { name: 'network.example', controller: null },
    sessionOf: async (c) => {
      const who = c.req.header('cookie')
      if (who === 'staff') return STAFF
      return who === 'auditor' ? AUDITOR : null
    },
    ...ports,
  })
  mountPage(web, { path: '/open', roles: null }, () => ({
    title: 'Open <1>',
    lead: 'What & why',
    body: html`<p>here</p>`,
  }))
  mountPage(web, { path: '/rows', roles: ['staff', 'auditor'] }, async (visit) => {
    const sheet = await tableOf(visit, {
      id: 'rows',
      caption: 'Rows',
      columns: COLUMNS,
      rows: inMemory(ROWS, COLUMNS, FILTERS),
      filters: FILTERS,
    })
    return { title: 'Rows', lead: '', body: sheet.html, data: { of: 'x' }, sheets: [sheet] }
  })
  mountPage(web, { path: '/things/{thing}', roles: ['staff'] }, (visit) => {
    if (visit.c.req.param('thing') !== '1')
      throw new ProtocolError('not_found', '/thing', 'a thing')
    const form = formOf(visit, {
      action: '/things',
      submit: 'Take',
      fields: [{ name: 'email', label: 'E-mail', kind: 'email', isRequired: true }],
    })
    return { title: 'Thing', lead: '', body: form }
  })
  mountForm(web, { path: '/things', roles: ['staff'] }, async (visit, form) => {
    const fields = [{ name: 'email', label: 'E-mail', isRequired: true as const }]
    try {
      if (!form.text('email').includes('@'))
        throw new ProtocolError('malformed', '/email', 'an address')
    } catch (error) {
      const errors = errorsOf(error)
      const values = { email: form.text('email') }
      const body = formOf(visit, { action: '/things', submit: 'Take', fields, values, errors })
      return { title: 'Thing', lead: '', body, status: 422 }
    }
    return visit.c.redirect('/things/1', 303)
  })
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await door.app.request(path, { headers: { accept: 'text/html', ...headers } })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  return { door, get }
}

const staff = { cookie: 'staff' }

describe('mountPage', () => {
  it('shows a public page to everybody, escaped, and sets no cookie', async () => {
    const { get } = aWeb({
      sessionOf: () => {
        throw new Error('a public page must not ask who is there')
      },
    })
    const { status, headers, text } = await get('/open', staff)
    expect(status).toBe(200)
    expect(text).toContain('<h1>Open &lt;1&gt;</h1>')
    expect(headers.get('set-cookie')).toBeNull()
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).toContain("script-src 'none'")
    expect(text).not.toMatch(/<style|style=|<script/)
  })

  it('names the page in the navigation and the stylesheet by its hash', async () => {
    const { get } = aWeb()
    const { text } = await get('/open')
    const href = /href="(\/assets\/[^"]+\.css)"/.exec(text)?.[1] ?? ''
    const css = await get(href)
    expect(css.headers.get('content-type')).toContain('text/css')
    expect(css.headers.get('cache-control')).toContain('immutable')
  })

  it('opens to the roles it names, by session or key, and to nobody else', async () => {
    const { get } = aWeb()
    expect((await get('/rows')).status).toBe(401)
    expect((await get('/rows')).headers.get('www-authenticate')).toContain('Basic')
    expect((await get('/rows', staff)).status).toBe(200)
    expect((await get('/things/1', { cookie: 'auditor' })).status).toBe(403)
    expect((await get('/rows', { authorization: 'Bearer dpn_auditor_x' })).status).toBe(200)
    const basic = Buffer.from('me:dpn_auditor_x').toString('base64')
    expect((await get('/rows', { authorization: `Basic ${basic}` })).status).toBe(200)
    expect((await get('/rows', { authorization: 'Bearer dpn_auditor_y' })).status).toBe(401)
  })

  it('sends a browser to the sign-in page, and back', async () => {
    const { get } = aWeb({ signInPath: '/sign-in' })
    const { status, headers } = await get('/rows?sort=-count')
    expect(status).toBe(303)
    expect(headers.get('location')).toBe('/sign-in?next=%2Frows%3Fsort%3D-count')
    expect((await get('/rows?format=json')).status).toBe(401)
  })

  it('answers an error as a page to a browser, as a problem to a program', async () => {
    const { get } = aWeb()
    const page = await get('/things/2', staff)
    expect(page.status).toBe(404)
    expect(page.text).toContain('<h1>Not found</h1>')
    const problem = await get('/things/2?format=json', staff)
    expect(problem.headers.get('content-type')).toBe('application/problem+json')
    expect((await get('/rows?format=xml', staff)).status).toBe(422)
  })
})

describe('tableOf', () => {
  it('sorts, filters and pages by the address', async () => {
    const { get } = aWeb()
    const json = async (query: string) =>
      JSON.parse((await get(`/rows?format=json&${query}`, staff)).text) as {
        of: string
        rows: { total: number; offset: number; rows: Row[] }
      }
    const first = await json('sort=-count')
    expect(first.of).toBe('x')
    expect(first.rows.total).toBe(120)
    expect(first.rows.rows.map(({ count }) => count).slice(0, 3)).toEqual([119, 118, 117])
    expect((await json('sort=count&page=2')).rows.rows[0]?.count).toBe(50)
    for (const sort of ['seenAt', '-seenAt'])
      expect((await json(`sort=${sort}&page=3`)).rows.rows.at(-1)?.seenAt).toBeNull()
    expect((await json('site=S03')).rows.total).toBe(10)
    expect((await json('sort=nothing&page=-1')).rows.offset).toBe(0)
  })

  it('keeps filter and order in its links', async () => {
    const { get } = aWeb()
    const { text } = await get('/rows?sort=-count&site=s', staff)
    expect(text).toContain('aria-sort="descending"')
    expect(text).toContain('href="/rows?sort=count&amp;site=s#rows"')
    expect(text).toContain('href="/rows?sort=-count&amp;site=s&amp;page=2#rows"')
    expect(text).toContain('href="/rows?sort=-count&amp;site=s&amp;format=csv&amp;table=rows"')
  })

  it('gives all rows as CSV, times as text, and no formula', async () => {
    const { get } = aWeb()
    const { text, headers } = await get('/rows?format=csv&table=rows', staff)
    const lines = text.trimEnd().split('\r\n')
    expect(headers.get('content-type')).toContain('text/csv')
    expect(lines).toHaveLength(121)
    expect(lines[0]).toBe('site,count,seenAt')
    expect(lines).toContain('s000.example,0,2026-03-01T00:00:00Z')
    expect(text).toContain("'=cmd|calc,49,\r\n")
    expect((await get('/rows?format=csv&table=other', staff)).status).toBe(404)
  })
})

const send = async (
  { door }: ReturnType<typeof aWeb>,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) =>
  door.app.request('/things', {
    method: 'POST',
    headers: {
      accept: 'text/html',
      cookie: 'staff',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  })
const tokenIn = (text: string): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''

describe('mountForm', () => {
  it('takes a form of its own page', async () => {
    const web = aWeb()
    const csrf = tokenIn((await web.get('/things/1', staff)).text)
    const answer = await send(web, { csrf, email: 'a@b.example' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe('/things/1')
  })

  it('shows a refused form again, with what is wrong at the field', async () => {
    const web = aWeb()
    const csrf = tokenIn((await web.get('/things/1', staff)).text)
    const answer = await send(web, { csrf, email: 'a"b' })
    const text = await answer.text()
    expect(answer.status).toBe(422)
    expect(text).toContain('value="a&quot;b"')
    expect(text).toContain('aria-invalid="true"')
    expect(text).toMatch(/class="error" id="([^"]+)">Expected an address\./)
  })

  it('refuses a form without the token, with one of somebody else, or of another site', async () => {
    const web = aWeb()
    const csrf = tokenIn((await web.get('/things/1', staff)).text)
    const other = aWeb()
    expect((await send(web, { email: 'a@b.example' })).status).toBe(403)
    expect((await send(other, { csrf, email: 'a@b.example' })).status).toBe(403)
    const form = { csrf, email: 'a@b.example' }
    expect((await send(web, form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await send(web, form, { origin: 'https://evil.example' })).status).toBe(403)
    expect((await send(web, form, { cookie: 'auditor' })).status).toBe(403)
    expect((await send(web, form, { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await send(web, { ...form, email: 'x'.repeat(70_000) })).status).toBe(413)
  })
})

describe('charts', () => {
  it('draw what the numbers say, and give them as a table and CSV', async () => {
    const door = createDoor({ metrics: createMetrics() }, { verify: async () => null })
    const web = createWeb({ door, frame: { name: 'network.example', controller: null } })
    mountPage(web, { path: '/charts', roles: null }, (visit) => {
      const shared = { caption: 'Times', description: 'How long', unit: 'hours' }
      const bars = barChart(visit, {
        ...shared,
        id: 'bars',
        labelTitle: 'range',
        bars: [
          { label: 'to 1 h', value: 3 },
          { label: 'more', value: 1, tone: 'bad' },
        ],
        mark: { before: 1, label: 'deadline' },
      })
      const lines = lineChart(visit, {
        ...shared,
        id: 'lines',
        series: [
          {
            name: 'p95',
            label: '95 %',
            points: [
              { time: 1_772_323_200, value: 2 },
              { time: 1_772_409_600, value: null },
              { time: 1_772_496_000, value: 9 },
            ],
          },
        ],
        limit: { value: 24, label: 'deadline' },
      })
      const none = barChart(visit, { ...shared, id: 'none', labelTitle: 'range', bars: [] })
      return {
        title: 'Charts',
        lead: '',
        body: [bars.html, lines.html, none.html],
        sheets: [bars, lines, none],
      }
    })
    const page = await (await door.app.request('/charts')).text()
    expect(page.match(/role="img"/g)).toHaveLength(4)
    expect(page.match(/class="bar bad"/g)).toHaveLength(2)
    expect(page).toContain('Nothing to draw yet.')
    expect(page).not.toContain('NaN')
    const csv = await (await door.app.request('/charts?format=csv&table=lines')).text()
    expect(csv).toBe('day,p95\r\n2026-03-01,2\r\n2026-03-02,\r\n2026-03-03,9\r\n')
  })
})

describe('durationText', () => {
  it('says the two largest units', () => {
    expect(
      [0, 59, 3600, 11_520, 90_061].map((one) => durationText(one).replaceAll('\u202f', ' ')),
    ).toEqual(['0 s', '59 s', '1 h', '3 h 12 min', '1 d 1 h'])
  })
})
