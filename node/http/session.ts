/**
 * Sessions of people: one cookie, and what keeps other sites from acting with it. A cookie comes
 * along with whatever a browser sends, so a request that changes anything has to prove that it was
 * made by a page of this node.
 */
import { timingSafeEqual } from 'node:crypto'
import { getCookie, setCookie } from 'hono/cookie'
import type { Context } from 'hono'
import { SESSION_SECONDS, type SignedIn, type SignIn } from '../core/people/sign-in.ts'
import { HttpProblem } from './problem.ts'

/** Name of the cookie; where there is TLS it has the prefix that pins it to this host. */
export const SESSION_COOKIE = 'dpn-session'
/** Header by which scripts of this node's pages show that they know the form token. */
export const FORM_HEADER = 'x-form-token'
/** Field of forms for the same. */
export const FORM_FIELD = 'formToken'

export interface Sessions {
  /** Who is signed in; null for nobody. */
  read: (c: Context) => Promise<SignedIn | null>
  set: (c: Context, token: string) => void
  clear: (c: Context) => void
}

const SAFE = new Set(['GET', 'HEAD'])

function hostOf(c: Context): string {
  return c.req.header('host') ?? new URL(c.req.url).host
}

/** Browsers keep a cookie for TLS alone on loopback only where there is TLS: development has none. */
function isLoopback(c: Context): boolean {
  const { hostname } = new URL(`http://${hostOf(c)}/`)
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function refuse(): never {
  throw new HttpProblem('forbidden', 'a request that a page of this node has made')
}

/**
 * Refuses a request that another site has made a browser send.
 *
 * @throws HttpProblem `forbidden`
 */
export function assertSameOrigin(c: Context): void {
  const from = c.req.header('sec-fetch-site')
  if (from !== undefined && from !== 'same-origin') refuse()
  const origin = c.req.header('origin')
  // A page that hides where it is sends "null"; then only the browser's own word above counts.
  const hasOrigin = origin !== undefined && origin !== 'null'
  if (hasOrigin && (!URL.canParse(origin) || new URL(origin).host !== hostOf(c))) refuse()
  if (from === undefined && !hasOrigin) refuse()
}

/** Whether two tokens are the same, in a time that tells nothing about either. */
export function isSameToken(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Checks a request of a script that came with a session.
 *
 * @throws HttpProblem `forbidden`
 */
export function assertForm(c: Context, { formToken }: SignedIn): void {
  if (SAFE.has(c.req.method)) return
  assertSameOrigin(c)
  if (!isSameToken(c.req.header(FORM_HEADER) ?? '', formToken)) refuse()
}

const attributes = (c: Context) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'Strict' as const,
  ...(!isLoopback(c) && { secure: true, prefix: 'host' as const }),
})

/** Creates the reader of the cookie. */
export function createSessions(signIn: Pick<SignIn, 'verify'>): Sessions {
  return {
    read: async (c) => {
      const token = getCookie(c, SESSION_COOKIE, isLoopback(c) ? undefined : 'host')
      return token === undefined ? null : signIn.verify(token)
    },
    set: (c, token) =>
      setCookie(c, SESSION_COOKIE, token, { ...attributes(c), maxAge: SESSION_SECONDS }),
    clear: (c) => setCookie(c, SESSION_COOKIE, '', { ...attributes(c), maxAge: 0 }),
  }
}
