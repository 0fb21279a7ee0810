/** Who asks, by a bearer key or by a session, and whether the role allows it. */
import type { Context } from 'hono'
import { invariant } from '../../protocol/errors.ts'
import type { ApiKey } from '../core/access.ts'
import type { Actor } from '../core/people/actor.ts'
import { HttpProblem } from './problem.ts'

const BEARER = /^Bearer ([A-Za-z0-9_]{1,100})$/

/** The part of {@link Access} that this door uses. */
export interface KeyVerifier {
  verify: (secret: string) => Promise<ApiKey | null>
}

/** Whoever asks: the guard of the operation has found out. */
export function actorIn(c: { get: (name: 'actor') => Actor | undefined }): Actor {
  const actor = c.get('actor')
  invariant(actor !== undefined, 'an operation with roles knows its actor')
  return actor
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
  assertRole(key.role, roles)
  return key
}

/** @throws HttpProblem `forbidden` */
export function assertRole(role: string, roles: readonly string[]): void {
  if (!roles.includes(role)) throw new HttpProblem('forbidden', `the role ${roles.join(' or ')}`)
}
