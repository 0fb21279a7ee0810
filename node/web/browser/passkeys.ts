/**
 * Makes and uses passkeys on the pages that offer them. Without a script, or where the browser knows
 * no passkeys, those pages work by links in mails.
 */
import {
  browserSupportsWebAuthn,
  startAuthentication,
  startRegistration,
  WebAuthnError,
} from '@simplewebauthn/browser'

type CreationOptions = Parameters<typeof startRegistration>[0]['optionsJSON']
type RequestOptions = Parameters<typeof startAuthentication>[0]['optionsJSON']

async function post(path: string, formToken: string, body?: unknown): Promise<Response> {
  const answer = await fetch(path, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json', 'x-form-token': formToken },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`)
  return answer
}

async function create(formToken: string): Promise<void> {
  const options = await post('/v1/account/passkeys/options', formToken)
  const optionsJSON = (await options.json()) as CreationOptions
  await post('/v1/account/passkeys', formToken, await startRegistration({ optionsJSON }))
}

async function use(): Promise<void> {
  const options = await post('/v1/sign-in/passkey/options', '')
  const optionsJSON = (await options.json()) as RequestOptions
  await post('/v1/sign-in/passkey', '', await startAuthentication({ optionsJSON }))
}

/** Why it did not work, in words for the person: what browsers say is for programmers. */
function reasonOf(error: unknown): string {
  if (error instanceof WebAuthnError && error.code === 'ERROR_AUTHENTICATOR_PREVIOUSLY_REGISTERED')
    return 'This device has a passkey for this account already.'
  return 'That did not work: it was broken off, or this device has no passkey for here.'
}

for (const part of document.querySelectorAll<HTMLElement>('[data-passkey]')) {
  const button = part.querySelector('button')
  const words = part.querySelector('[role=status]')
  if (button === null || words === null || !browserSupportsWebAuthn()) continue
  const { passkey, formToken = '', next = '/account' } = part.dataset
  part.hidden = false
  async function run(): Promise<void> {
    try {
      await (passkey === 'create' ? create(formToken) : use())
      location.assign(next)
    } catch (error) {
      if (button !== null) button.disabled = false
      if (words !== null) words.textContent = reasonOf(error)
    }
  }
  button.addEventListener('click', () => {
    button.disabled = true
    words.textContent = 'Your device asks you now.'
    void run()
  })
}
