/**
 * Mounts pages. A page is a title, a lead (what it shows and what it does not prove), a body, and
 * the tables and charts on it:
 *
 *   mountPage(web, { path: '/audit/sites/{site}', roles: LOOK }, async (visit) => {
 *     const sheet = await tableOf(visit, { … })
 *     return { title: …, lead: …, body: sheet.html, data: { … }, sheets: [sheet] }
 *   })
 *
 * From that come its JSON (`?format=json`: `data`, and the rows of each sheet under its id) and the
 * CSV of each sheet (`?format=csv&table=<id>`). Forms are sent to {@link mountForm} (fields: form.ts).
 * Errors become pages: throw ProtocolError or HttpProblem as anywhere. Who may not look learns
 * nothing. A public page (`roles: null`) never asks who is there, and sets no cookie.
 */
import { invariant, ProtocolError } from '../../protocol/errors.ts'
import { html } from 'hono/html'
import type { Actor } from '../core/people/actor.ts'
import type { OperationContext } from '../http/operation.ts'
import { HttpProblem, problemOf, PROBLEMS, problemResponse } from '../http/problem.ts'
import { readFormBody, type FormBody } from './body.ts'
import { layout, type Content } from './layout.ts'
import type { Sheet } from './sheet.ts'
import type { Visit, Web } from './visit.ts'

export interface PageSpec {
  /** With parameters in braces; read them with `visit.c.req.param`. */
  path: string
  /** Roles that may look; null for everybody. */
  roles: readonly string[] | null
}

export interface Page extends Content {
  /** 200 where it is left out; 422 for a form that was refused. */
  status?: 200 | 404 | 409 | 422
  /** What JSON says beside the sheets. */
  data?: Readonly<Record<string, unknown>>
  sheets?: readonly Sheet[]
  /** Sources of scripts and of the addresses that they ask, beyond the stylesheet. */
  policy?: PagePolicy
}
export interface PagePolicy {
  /** As in `script-src`: `'self'`, `'sha256-…'`. */
  scripts: readonly string[]
}

/** Seconds for which a public page may be kept by browsers and proxies. */
const PUBLIC_SECONDS = 5
/** What a browser asks for in the name of a key, where there is no page to sign in. */
const BASIC = 'Basic realm="A key of this node as the password", charset="UTF-8"'

function policyOf({ policy, scripts }: Pick<Page, 'policy' | 'scripts'>): string {
  const sources = [...(scripts === undefined ? [] : ["'self'"]), ...(policy?.scripts ?? [])]
  const scriptSource = sources.length === 0 ? "'none'" : [...new Set(sources)].join(' ')
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    `script-src ${scriptSource}`,
    `connect-src ${sources.length === 0 ? "'none'" : "'self'"}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The key in a request: `Bearer <key>`, or the password of `Basic`, which browsers can send. */
function keyTextOf(c: OperationContext): string | null {
  const [scheme = '', value = ''] = (c.req.header('authorization') ?? '').split(' ', 2)
  if (scheme === 'Bearer') return value
  if (scheme !== 'Basic') return null
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}

async function actorOf(web: Web, c: OperationContext): Promise<Actor | null> {
  const text = keyTextOf(c)
  if (text === null) return web.sessionOf(c)
  const key = /^\w{1,100}$/.test(text) ? await web.door.access.verify(text) : null
  if (key === null) {
    web.door.perAddress.take(`${web.door.addressOf(c)} wrong key`)
    return null
  }
  return { kind: 'key', id: key.id, role: key.role }
}

const isForBrowser = (c: OperationContext): boolean =>
  c.req.query('format') === undefined && (c.req.header('accept') ?? '').includes('text/html')

/** The visit of who may look; a refusal else. */
async function admit(
  web: Web,
  c: OperationContext,
  roles: readonly string[] | null,
): Promise<Visit> {
  const { door, csrf } = web
  const visit = { c, query: new URL(c.req.url).searchParams, path: c.req.path }
  if (roles === null) {
    door.perAddress.take(door.addressOf(c))
    return { ...visit, actor: null, csrf: csrf.tokenOf(null) }
  }
  const actor = await actorOf(web, c)
  if (actor === null) {
    door.perAddress.take(door.addressOf(c))
    const asks = web.signInPath === null ? BASIC : 'Bearer'
    throw new HttpProblem('unauthorized', 'somebody who is signed in', { 'www-authenticate': asks })
  }
  if (!roles.includes(actor.role))
    throw new HttpProblem('forbidden', `the role ${roles.join(' or ')}`)
  door.perKey.take(`${actor.kind} ${actor.id}`)
  return { ...visit, actor, csrf: csrf.tokenOf(actor) }
}

function refusal(web: Web, c: OperationContext, error: unknown): Response | Promise<Response> {
  if (!isForBrowser(c)) return problemResponse(error)
  const problem = problemOf(error)
  // The app's own handler gives it the request id and tells the operator.
  if (problem.code === 'internal') throw error
  const visit: Visit = { c, actor: null, query: new URLSearchParams(), path: c.req.path, csrf: '' }
  // Who sends a key is a program, and has no use for a form.
  const isKeyless = c.req.header('authorization') === undefined
  const maySignIn = isKeyless && web.signInPath !== null && c.req.method === 'GET'
  if (problem.code === 'unauthorized' && maySignIn) {
    const here = new URL(c.req.url)
    return c.redirect(
      `${web.signInPath}?next=${encodeURIComponent(here.pathname + here.search)}`,
      303,
    )
  }
  const { title, explanation } = PROBLEMS[problem.code]
  const content = layout(web, visit, {
    title,
    lead: explanation,
    body: html`<p>${problem.detail}</p>`,
  })
  const headers: Record<string, string> = {
    'content-security-policy': policyOf({}),
    ...(error instanceof HttpProblem && error.headers),
  }
  return c.html(content, problem.status as 400, headers)
}

async function* encoded(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const line of lines) yield encoder.encode(line)
}

function csvOf(c: OperationContext, sheets: readonly Sheet[]): Response {
  const id = c.req.query('table') ?? sheets.at(0)?.id
  const sheet = sheets.find((one) => one.id === id)
  if (sheet === undefined) throw new ProtocolError('not_found', '/table', 'a table of this page')
  return c.body(ReadableStream.from(encoded(sheet.csv())) as ReadableStream, 200, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${sheet.id}.csv"`,
  })
}

/** Answers a visit with a page, in the format that it asks for. */
export function answerPage(web: Web, visit: Visit, page: Page): Response | Promise<Response> {
  const { c } = visit
  const sheets = page.sheets ?? []
  c.header('cache-control', visit.actor === null ? `public, max-age=${PUBLIC_SECONDS}` : 'no-store')
  switch (c.req.query('format')) {
    case undefined:
      break
    case 'json': {
      invariant(
        !sheets.some(({ id }) => id in (page.data ?? {})),
        'a table named as a fact of its page',
      )
      const tables = Object.fromEntries(sheets.map((sheet) => [sheet.id, sheet.json()]))
      return c.json({ title: page.title, ...page.data, ...tables }, page.status ?? 200)
    }
    case 'csv':
      return csvOf(c, sheets)
    default:
      throw new ProtocolError('out_of_range', '/format', 'json or csv')
  }
  return c.html(layout(web, visit, page), page.status ?? 200, {
    'content-security-policy': policyOf(page),
  })
}

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

/** Mounts a page. */
export function mountPage(
  web: Web,
  { path, roles }: PageSpec,
  show: (visit: Visit) => Promise<Page> | Page,
): void {
  web.paths.add(path)
  web.door.app.get(honoPath(path), async (c: OperationContext) => {
    c.set('route', path)
    try {
      const visit = await admit(web, c, roles)
      return await answerPage(web, visit, await show(visit))
    } catch (error) {
      return refusal(web, c, error)
    }
  })
}

/** Mounts a file of a page: who may look at the one may take the other. */
export function mountFile(
  web: Web,
  { path, roles }: PageSpec,
  give: (visit: Visit) => Promise<Response>,
): void {
  web.door.app.get(honoPath(path), async (c: OperationContext) => {
    c.set('route', path)
    try {
      return await give(await admit(web, c, roles))
    } catch (error) {
      return refusal(web, c, error)
    }
  })
}

export interface FormSpec extends PageSpec {
  /** Bytes of what is sent; a form without files needs no more than it says by default. */
  bytes?: number
}

const FORM_BYTES = 64 * 1024

/** Whether a form comes from a page of this node, as far as the browser says. */
function isOwnOrigin(c: OperationContext): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin'
  const origin = c.req.header('origin')
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === c.req.header('host')
}

/**
 * Mounts what a form is sent to (`POST`). `act` does it, and answers with a redirect
 * (`visit.c.redirect(path, 303)`) or with a page that shows the form again and its errors.
 * A form of another site, or without the token of form.ts, is refused before it is looked at.
 */
export function mountForm(
  web: Web,
  { path, roles, bytes }: FormSpec,
  act: (visit: Visit, form: FormBody) => Promise<Page | Response>,
): void {
  web.door.app.post(honoPath(path), async (c: OperationContext) => {
    c.set('route', path)
    try {
      const visit = await admit(web, c, roles)
      if (!isOwnOrigin(c)) throw new HttpProblem('forbidden', 'a form of this node')
      const form = await readFormBody(c, bytes ?? FORM_BYTES)
      // A header with a key is set by a program on purpose: no other site can make a browser do so.
      const isProgram = (c.req.header('authorization') ?? '').startsWith('Bearer ')
      if (!isProgram && !web.csrf.isOf(visit.actor, form.text('csrf')))
        throw new HttpProblem('forbidden', 'a form that was opened lately: reload the page')
      const done = await act(visit, form)
      return done instanceof Response ? done : await answerPage(web, visit, done)
    } catch (error) {
      return refusal(web, c, error)
    }
  })
}
