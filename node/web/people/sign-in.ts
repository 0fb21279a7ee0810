/**
 * `/sign-in`: by a link in a mail, or by a passkey. Opening the link shows a button and uses nothing
 * up: programs that look at the links in mails do not press it.
 */
import { html } from 'hono/html'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { assertSameOrigin } from '../../http/session.ts'
import type { FormBody } from '../body.ts'
import { banner, errorsOf, formOf, type FieldErrors } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { section } from '../parts.ts'
import type { Visit, Web } from '../visit.ts'
import { mountPasskeyScript, passkeyButton, passkeyHead, SIGN_IN, type Gate } from './gate.ts'

const LINK = `${SIGN_IN}/{token}`
/** Pages of this node alone: no host, no scheme, nothing that a browser reads as one. */
const NEXT = /^\/(?![/\\])[\w\-./?=&%+]{0,500}$/
const AFTER = '/account'
const SENT = '/sign-in/sent'

const nextOf = (text: string | null): string =>
  text !== null && NEXT.test(text) && !text.startsWith(SIGN_IN) ? text : AFTER

function mountAsking(web: Web, ports: CoordinatorPorts, { limits }: Gate): void {
  const { signIn, mail, passkeys } = ports.coordinator.people
  const script = mountPasskeyScript(web)

  function page(visit: Visit, next: string, errors: FieldErrors = {}, email = ''): Page {
    const form = formOf(visit, {
      action: SIGN_IN,
      submit: 'Send me a link',
      fields: [
        {
          name: 'email',
          label: 'Your e-mail address',
          kind: 'email',
          isRequired: true,
          maxLength: 254,
          autocomplete: 'email',
        },
      ],
      errors,
      values: { email },
    })
    return {
      title: 'Sign in',
      lead:
        'For staff, auditors and owners of sites. There is no password: you get a link by mail, or ' +
        'use a passkey that you have made here.',
      body: [
        ...(mail.isOn
          ? []
          : [banner('bad', 'This coordinator has no mail server yet: its operator makes links.')]),
        section('By mail', form),
        ...(passkeys === null
          ? []
          : [
              section(
                'By passkey',
                passkeyButton('use', { label: 'Use a passkey', formToken: '', next }),
              ),
            ]),
      ],
      ...(passkeys !== null && passkeyHead(script())),
      ...(Object.keys(errors).length > 0 && { status: 422 as const }),
    }
  }

  mountPage(web, { path: SIGN_IN, roles: null }, (visit) =>
    page(visit, nextOf(visit.query.get('next'))),
  )
  mountForm(web, { path: SIGN_IN, roles: null }, async (visit, form: FormBody) => {
    limits.take(web.door.addressOf(visit.c))
    try {
      await signIn.ask(form.text('email'))
    } catch (error) {
      const errors = errorsOf(error)
      return page(visit, AFTER, { email: Object.values(errors)[0] ?? '' }, form.text('email'))
    }
    return visit.c.redirect(SENT, 303)
  })
  mountPage(web, { path: SENT, roles: null }, () => ({
    title: 'Look into your mail',
    lead:
      'If there is an account with that address, a link is on its way to it. It works once, within ' +
      '15 minutes. Nobody learns here whether there is one.',
    body: html`<p><a href="${SIGN_IN}">Back</a></p>`,
  }))
}

function mountOpening(web: Web, ports: CoordinatorPorts, { sessions }: Gate): void {
  const { signIn } = ports.coordinator.people
  mountPage(web, { path: LINK, roles: null }, (visit) => ({
    title: 'Sign in',
    lead: 'One press, and you are in. Whoever only opened this page has used nothing up.',
    body: formOf(visit, { action: visit.path, submit: 'Sign in', fields: [] }),
  }))
  mountForm(web, { path: LINK, roles: null }, async ({ c }) => {
    // The token of the form is everybody's while nobody is signed in, hence this on top.
    assertSameOrigin(c)
    const session = await signIn.open(c.req.param('token') ?? '')
    if (session !== null) {
      sessions.set(c, session)
      return c.redirect(AFTER, 303)
    }
    return {
      title: 'This link is over',
      lead: 'It was used before, or its 15 minutes have passed.',
      body: html`<p><a href="${SIGN_IN}">Ask for another one</a></p>`,
      status: 409,
    }
  })
}

/** Mounts the pages. */
export function mountSignInPages(web: Web, ports: CoordinatorPorts, gate: Gate): void {
  mountAsking(web, ports, gate)
  mountOpening(web, ports, gate)
}
