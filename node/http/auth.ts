/** Bearer keys: who asks, and whether the key's role allows it. */
import type { Context } from 'hono'
import type { ApiKey } from '../core/access.ts'
import { HttpProblem } from './problem.ts'

const BEARER = /^Bearer ([A-Za-z0-9_]{1,100})$/

/** The part of {@link Access} that this door uses. */
export interface KeyVerifier {
  verify: (secret: string) => Promise<ApiKey | null>
}

/** The bearer token of a request; null where it has none. */
export function bearerOf(c: Context): string | null {
  return BEARER.exec(c.req.header('authorization') ?? '')?.[1] ?? null
}

/**
 * The key that a request carries.
 *
 * @throws HttpProblem `unauthorized` without a valid key, `forbidden` where its role is not listed
 */
export async function authenticate(
  c: Context,
  access: KeyVerifier,
  roles: readonly string[],
): Promise<ApiKey> {
  const token = bearerOf(c)
  const key = token === null ? null : await access.verify(token)
  if (key === null)
    throw new HttpProblem('unauthorized', 'a valid API key', { 'www-authenticate': 'Bearer' })
  if (!roles.includes(key.role))
    throw new HttpProblem('forbidden', `a key with the role ${roles.join(' or ')}`)
  return key
}
