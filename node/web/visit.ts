/**
 * What pages share: the web that they hang in, and the visit that asks for one.
 *
 *   const web = createWeb({ door, frame, sessionOf })    // once for each node
 *   mountPage(web, { … }, (visit) => …)                  // page.ts
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Actor } from '../core/people/actor.ts'
import type { Door } from '../http/app.ts'
import type { Controller } from '../http/coordinator/ports.ts'
import type { OperationContext } from '../http/operation.ts'
import { mountAssets, type Assets } from './assets.ts'

/** One request for a page. */
export interface Visit {
  c: OperationContext
  /** Who is signed in; null on public pages, which do not ask. */
  actor: Actor | null
  query: URLSearchParams
  /** Path of the address, for links to the same page. */
  path: string
  /** Token for the forms of this visit: see form.ts. */
  csrf: string
}

/** Who is signed in, by a session cookie; null where nobody is. */
export type SessionReader = (c: OperationContext) => Promise<Actor | null>

/** What stands around every page. */
export interface Frame {
  /** The Network, or the site. */
  name: string
  /** Who answers for it and how to reach them; null where the site's own pages say so. */
  controller: Controller | null
}

export interface WebPorts {
  door: Door
  frame: Frame
  /** Without it only keys open the pages that are not public. */
  sessionOf?: SessionReader
  /** Where people sign in; without it a browser is asked for a key as the password. */
  signInPath?: string
}

export interface Web extends Required<Pick<WebPorts, 'door' | 'frame' | 'sessionOf'>> {
  signInPath: string | null
  assets: Assets
  /** Pages that are mounted, by which the navigation knows what it may name. */
  paths: Set<string>
  csrf: Csrf
}

/** Tokens that tell forms of this node from forms that another site submits. */
export interface Csrf {
  tokenOf: (actor: Actor | null) => string
  isOf: (actor: Actor | null, token: string) => boolean
}

const SECRET_BYTES = 32

function createCsrf(): Csrf {
  // Drawn anew at each start: a form that was open meanwhile is sent again after a reload.
  const secret = randomBytes(SECRET_BYTES)
  const digest = (actor: Actor | null): Buffer =>
    createHmac('sha256', secret)
      .update(actor === null ? 'nobody' : `${actor.kind}:${actor.id}:${actor.role}`)
      .digest()
  return {
    tokenOf: (actor) => digest(actor).toString('base64url'),
    isOf: (actor, token) => {
      const given = Buffer.from(token, 'base64url')
      const own = digest(actor)
      return given.length === own.length && timingSafeEqual(given, own)
    },
  }
}

/** Makes the web of a node: its assets are served from here on. */
export function createWeb({ door, frame, sessionOf, signInPath }: WebPorts): Web {
  return {
    door,
    frame,
    sessionOf: sessionOf ?? (async () => null),
    signInPath: signInPath ?? null,
    assets: mountAssets(door),
    paths: new Set(),
    csrf: createCsrf(),
  }
}
