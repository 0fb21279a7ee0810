/** What the pages about people are handed: sessions, limits, the script for passkeys. */
import { html } from 'hono/html'
import type { LinkLimits } from '../../http/coordinator/link-limits.ts'
import type { Sessions } from '../../http/session.ts'
import { mountModule, type BrowserModule } from '../modules.ts'
import type { SessionReader, Web } from '../visit.ts'
import type { Html } from '../words.ts'

/** What the interface hands over to the pages. */
export interface Gate {
  sessions: Sessions
  limits: LinkLimits
}

/** Where people sign in. */
export const SIGN_IN = '/sign-in'

/** The reader of sessions that pages ask. */
export function sessionReader({ sessions }: Gate): SessionReader {
  return async (c) => {
    const signedIn = await sessions.read(c)
    if (signedIn !== null) c.set('signedIn', signedIn)
    return signedIn?.actor ?? null
  }
}

/** Mounts the script; it is read when a page first needs it. */
export function mountPasskeyScript(web: Web): () => BrowserModule {
  return mountModule(web.door, 'node/web/browser/passkeys.ts')
}

/** What a page with a passkey button needs in its head, and the policy for it. */
export function passkeyHead({ head, source }: BrowserModule) {
  return { head, policy: { scripts: ["'self'", source] } }
}

/** A button that the script brings to life; hidden without it. */
export function passkeyButton(
  kind: 'create' | 'use',
  { label, formToken, next }: { label: string; formToken: string; next: string },
): Html {
  return html`<div data-passkey="${kind}" data-form-token="${formToken}" data-next="${next}" hidden>
    <button type="button">${label}</button>
    <p role="status"></p>
  </div>`
}
