/** What every interface of a node has in common, in the order in which a request passes it. */
import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { ProtocolError } from '../../protocol/errors.ts'
import type { ApiKey } from '../core/access.ts'
import type { Actor } from '../core/people/actor.ts'
import type { SignedIn } from '../core/people/sign-in.ts'
import type { KeyVerifier } from './auth.ts'
import { HttpProblem, problemOf, problemResponse } from './problem.ts'
import { problemPage } from './problem-page.ts'
import { createLimiter, type Limiter, type Rate } from './rate.ts'
import { FORM_HEADER, SESSION_COOKIE, type Sessions } from './session.ts'

export interface Env {
  Variables: {
    requestId: string
    /** The pattern of the route that answers. */
    route?: string
    /** The key of the caller, where the route asks for one. */
    key?: ApiKey
    /** The person who is signed in, where the request came with a session. */
    signedIn?: SignedIn
    /** Whoever asks, by key or by session. */
    actor?: Actor
  }
  Bindings: Partial<HttpBindings>
}
export type App = OpenAPIHono<Env>

/** One answered request: the pattern of its route, never its path, query or address. */
export interface RequestSeen {
  method: string
  route: string
  status: number
  seconds: number
}

/** The part of the metrics that this door uses. */
export interface HttpMetrics {
  observe: (request: RequestSeen) => void
  render: () => Promise<{ contentType: string; text: string }>
}

export interface BasePorts {
  metrics: HttpMetrics
  /** One line for each answered request. */
  accessLog?: (request: RequestSeen) => void
  /** An error that is answered with 500; it may name files and statements, never a body. */
  onFault?: (error: unknown, requestId: string) => void
  /** Whether X-Forwarded-For tells the caller's address: only behind a proxy that sets it. */
  trustProxy?: boolean
  rates?: Partial<Rates>
}
export interface Rates {
  /** Requests of one key. */
  perKey: Rate
  /** Requests of one address where no key is asked for, and requests with a wrong key. */
  perAddress: Rate
  /** Rows of members or records listed with one key: a stolen key must not copy everything. */
  rowsPerKey: Rate
}

const DEFAULT_RATES: Rates = {
  perKey: { perSecond: 50, burst: 200 },
  perAddress: { perSecond: 20, burst: 200 },
  rowsPerKey: { perSecond: 25, burst: 100_000 },
}

/** Where routes are mounted, and what guards them. */
export interface Door {
  app: App
  access: KeyVerifier
  /** Sessions of people; null where nobody signs in. */
  sessions: Sessions | null
  perKey: Limiter
  perAddress: Limiter
  rowsPerKey: Limiter
  addressOf: (c: Context<Env>) => string
}

/** For answers without a policy of their own: nothing is loaded, run, framed or submitted. */
const CONTENT_POLICY =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const SECURE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000',
  'cache-control': 'no-store',
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH']

function allowedMethods(app: App, path: string): string[] {
  return METHODS.filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  )
}

function addressReader(trustProxy: boolean): Door['addressOf'] {
  return (c) => {
    const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : ''
    if (forwarded) return forwarded
    return c.env?.incoming?.socket.remoteAddress ?? 'unknown'
  }
}

function useCommon(app: App, ports: BasePorts): void {
  app.use('*', async (c, next) => {
    const started = performance.now()
    const requestId = randomUUID()
    c.set('requestId', requestId)
    await next()
    const { headers, status } = c.res
    for (const [name, value] of Object.entries(SECURE_HEADERS))
      if (!headers.has(name)) headers.set(name, value)
    headers.set('x-request-id', requestId)
    const pattern = c.get('route') ?? (status === 404 ? 'other' : routePath(c, -1))
    const seconds = (performance.now() - started) / 1000
    const seen = { method: c.req.method, route: pattern, status, seconds }
    ports.metrics.observe(seen)
    ports.accessLog?.(seen)
  })
  app.onError((error, c) => {
    if (problemOf(error).code === 'internal') ports.onFault?.(error, c.get('requestId'))
    return problemResponse(error)
  })
  app.notFound((c) => {
    const allowed = allowedMethods(app, c.req.path)
    if (allowed.length === 0)
      return problemResponse(new ProtocolError('not_found', '', 'an address of this interface'))
    const allow = allowed.join(', ')
    return problemResponse(
      new HttpProblem('method_not_allowed', `one of the methods ${allow}`, { allow }),
    )
  })
}

/** Creates an app with everything but its routes. */
export function createDoor(
  ports: BasePorts,
  access: KeyVerifier,
  sessions: Sessions | null = null,
): Door {
  const app: App = new OpenAPIHono<Env>()
  const rates = { ...DEFAULT_RATES, ...ports.rates }
  useCommon(app, ports)
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key: dpn_<role>_<secret>',
  })
  if (sessions !== null)
    app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
      type: 'apiKey',
      in: 'cookie',
      name: SESSION_COOKIE,
      description: `A session of a person; what changes anything needs the header ${FORM_HEADER} too`,
    })
  app.get('/problems/:code', problemPage)
  return {
    app,
    access,
    sessions,
    perKey: createLimiter(rates.perKey),
    perAddress: createLimiter(rates.perAddress),
    rowsPerKey: createLimiter(rates.rowsPerKey),
    addressOf: addressReader(ports.trustProxy ?? false),
  }
}
