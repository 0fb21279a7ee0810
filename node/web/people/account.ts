/** `/account`: what is kept of whoever is signed in, and how they sign in. */
import { html } from 'hono/html'
import { ACCOUNT_ROLES } from '../../core/people/rows.ts'
import type { ShownPasskey } from '../../core/people/passkeys.ts'
import type { ShownSession } from '../../core/people/sign-in.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { personIn, purposeOf } from '../../http/coordinator/sign-in.ts'
import { csrfField } from '../form.ts'
import { mountForm, mountPage } from '../page.ts'
import { facts, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf, type Html } from '../words.ts'
import { mountPasskeyScript, passkeyButton, passkeyHead, SIGN_IN, type Gate } from './gate.ts'

const PATH = '/account'
const MAILS = 200

const PASSKEYS: Column<ShownPasskey>[] = [
  { name: 'id', label: 'Passkey', kind: 'code', value: ({ id }) => id.slice(0, 16) },
  { name: 'createdAt', label: 'Made', kind: 'time', value: ({ createdAt }) => createdAt },
  { name: 'usedAt', label: 'Last used', kind: 'time', value: ({ usedAt }) => usedAt },
]
const SESSIONS: Column<ShownSession>[] = [
  { name: 'id', label: 'Session', kind: 'code', value: ({ id }) => id },
  { name: 'method', label: 'By', value: ({ method }) => method },
  { name: 'createdAt', label: 'Began', kind: 'time', value: ({ createdAt }) => createdAt },
  { name: 'expiresAt', label: 'Ends', kind: 'time', value: ({ expiresAt }) => expiresAt },
]
type MailLine = Awaited<
  ReturnType<CoordinatorPorts['coordinator']['people']['mail']['list']>
>[number]
const MAIL_COLUMNS: Column<MailLine>[] = [
  { name: 'createdAt', label: 'Written', kind: 'time', value: ({ createdAt }) => createdAt },
  { name: 'kind', label: 'About', value: ({ kind }) => kind },
  { name: 'state', label: 'State', value: ({ state }) => state },
  { name: 'closedAt', label: 'Since', kind: 'time', value: ({ closedAt }) => closedAt },
]

/** A button in a form of its own. */
export function actButton(
  visit: Visit,
  action: string,
  label: string,
  fields: Readonly<Record<string, string>> = {},
): Html {
  return html`<form method="post" action="${action}">
    ${csrfField(visit)}
    ${Object.entries(fields).map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    <button type="submit">${label}</button>
  </form>`
}

function mountActs(web: Web, { coordinator }: CoordinatorPorts, { sessions }: Gate): void {
  const { signIn, passkeys } = coordinator.people
  const roles = ACCOUNT_ROLES
  mountForm(web, { path: `${PATH}/sign-out`, roles }, async ({ c }) => {
    await signIn.end(personIn(c))
    sessions.clear(c)
    return c.redirect(SIGN_IN, 303)
  })
  mountForm(web, { path: `${PATH}/sessions`, roles }, async ({ c }, form) => {
    await signIn.endOne(personIn(c).account.id, form.text('session'))
    return c.redirect(PATH, 303)
  })
  mountForm(web, { path: `${PATH}/passkeys`, roles }, async ({ c }, form) => {
    await passkeys?.remove(personIn(c).account, form.text('passkey'))
    return c.redirect(PATH, 303)
  })
}

/** Mounts the page and what its forms do. */
export function mountAccountPage(web: Web, ports: CoordinatorPorts, gate: Gate): void {
  const { accounts, signIn, passkeys, mail } = ports.coordinator.people
  const script = mountPasskeyScript(web)
  mountActs(web, ports, gate)
  mountPage(web, { path: PATH, roles: ACCOUNT_ROLES }, async (visit) => {
    const { account: row, formToken } = personIn(visit.c)
    const account = await accounts.get(row.id)
    const keyList = (await passkeys?.list(row.id)) ?? []
    const keySheet = await tableOf(visit, {
      id: 'passkeys',
      caption: 'Your passkeys',
      columns: PASSKEYS,
      rows: inMemory(keyList, PASSKEYS),
      empty: 'None yet: you sign in by links in mails.',
      acts: ({ id }) => actButton(visit, `${PATH}/passkeys`, 'Remove', { passkey: id }),
    })
    const sessionSheet = await tableOf(visit, {
      id: 'sessions',
      caption: 'Where you are signed in',
      columns: SESSIONS,
      rows: inMemory(await signIn.sessions(row.id), SESSIONS),
      acts: ({ id }) => actButton(visit, `${PATH}/sessions`, 'End', { session: id }),
    })
    const mailSheet = await tableOf(visit, {
      id: 'mails',
      caption: 'Mails to you',
      columns: MAIL_COLUMNS,
      rows: inMemory(await mail.list({ account: row.id, limit: MAILS }), MAIL_COLUMNS),
      empty: 'None.',
    })
    const { purpose, basis } = purposeOf(row)
    const make =
      passkeys === null
        ? html`<p>This coordinator offers no passkeys: its address has no TLS.</p>`
        : passkeyButton('create', { label: 'Make a passkey', formToken, next: PATH })
    return {
      title: 'Your account',
      lead:
        'Everything that is kept here of you. What you did is in the access log, under the id of ' +
        'this account and without your name.',
      body: [
        facts([
          ['Address', account?.email ?? ''],
          ['Role', row.role],
          ['Sites that you own', row.sites.length === 0 ? 'none' : row.sites.join(', ')],
          ['Account', html`<code>${row.id}</code>`],
          ['Kept', purpose],
          ['Legal basis', basis],
          ['From', row.source],
          ['Since', timeOf(row.createdAt)],
        ]),
        actButton(visit, `${PATH}/sign-out`, 'Sign out'),
        section('Passkeys', [keySheet.html, make]),
        section('Sessions', sessionSheet.html),
        section('Mails', mailSheet.html),
      ],
      ...(passkeys !== null && passkeyHead(script())),
      data: { account, purpose, basis },
      sheets: [keySheet, sessionSheet, mailSheet],
    }
  })
}
