/** `/v1/sign-in` and `/v1/account`: how people sign in, and what each sees of their own account. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Account } from '../../core/people/accounts.ts'
import { ACCOUNT_ROLES, ACCOUNT_SOURCES, SIGN_IN_METHODS } from '../../core/people/rows.ts'
import type { Passkeys } from '../../core/people/passkeys.ts'
import type { SignedIn } from '../../core/people/sign-in.ts'
import type { Door } from '../app.ts'
import { mount, type OperationContext } from '../operation.ts'
import { HttpProblem } from '../problem.ts'
import { assertSameOrigin, type Sessions } from '../session.ts'
import { seconds } from '../v1/shapes.ts'
import { LINKS_HOURLY, type LinkLimits } from './link-limits.ts'
import type { CoordinatorPorts } from './ports.ts'

const tag = 'People'

export const accountShape = z.object({
  id: z.string(),
  role: z.enum(ACCOUNT_ROLES),
  sites: z.array(z.string()),
  email: z.string(),
  source: z.enum(ACCOUNT_SOURCES).describe('where the data came from'),
  createdAt: seconds,
  seenAt: seconds.nullable().describe('of the last sign-in'),
  disabledAt: seconds.nullable(),
})
const passkeyShape = z.object({ id: z.string(), createdAt: seconds, usedAt: seconds.nullable() })
const sessionShape = z.object({
  id: z.string(),
  method: z.enum(SIGN_IN_METHODS),
  createdAt: seconds,
  expiresAt: seconds,
})
const json = z.record(z.string(), z.unknown())
const email = z.string().max(254)

/** Why the data of an account are kept, and on which basis (GDPR Art. 6(1)). */
export function purposeOf({ role }: Pick<Account, 'role'>): { purpose: string; basis: string } {
  return role === 'owner'
    ? { purpose: 'to reach a member of the Network, and to tell of breaches', basis: 'contract' }
    : { purpose: 'to let somebody work here, on record', basis: 'legitimate interests' }
}

/** Whoever is signed in: the guard of the operation has seen to it. */
export function personIn(c: OperationContext): SignedIn {
  const signedIn = c.get('signedIn')
  if (signedIn === undefined) throw new HttpProblem('unauthorized', 'somebody who is signed in')
  return signedIn
}

function needed(passkeys: Passkeys | null): Passkeys {
  if (passkeys === null)
    throw new ProtocolError('not_ready', '', 'a coordinator whose httpUrl has TLS and a name')
  return passkeys
}

function mountLinks(
  door: Door,
  { coordinator }: CoordinatorPorts,
  sessions: Sessions,
  limits: LinkLimits,
): void {
  const { signIn } = coordinator.people
  mount(
    door,
    {
      method: 'post',
      path: '/v1/sign-in/links',
      roles: null,
      tag,
      summary: 'Ask for a link to sign in, by mail',
      description:
        'The answer is the same whether somebody has this address or not. The link is good once, ' +
        `for 15 minutes. At most ${LINKS_HOURLY.address} an hour from one address.`,
      body: z.strictObject({ email }),
      answers: { 202: { description: 'It is on its way, where there is an account' } },
    },
    async (c, { body }) => {
      assertSameOrigin(c)
      limits.take(door.addressOf(c))
      await signIn.ask(body.email)
      return c.body(null, 202)
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/sign-in',
      roles: null,
      tag,
      summary: 'Sign in by what a link carries, which uses it up',
      body: z.strictObject({ token: z.string().max(64) }),
      answers: {
        204: { description: 'A session has begun; its cookie comes along' },
        401: { description: 'The link opens nothing (any more)' },
      },
    },
    async (c, { body }) => {
      assertSameOrigin(c)
      const session = await signIn.open(body.token)
      if (session === null) throw new HttpProblem('unauthorized', 'a link that was not used yet')
      sessions.set(c, session)
      return c.body(null, 204)
    },
  )
}

function mountPasskeySignIn(door: Door, { coordinator }: CoordinatorPorts, sessions: Sessions) {
  const { passkeys } = coordinator.people
  mount(
    door,
    {
      method: 'post',
      path: '/v1/sign-in/passkey/options',
      roles: null,
      tag,
      summary: 'What a browser needs to sign in by a passkey',
      answers: { 200: { description: 'For navigator.credentials.get', schema: json } },
    },
    async (c) => {
      assertSameOrigin(c)
      return c.json(await needed(passkeys).beginSignIn())
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/sign-in/passkey',
      roles: null,
      tag,
      summary: "Sign in by a passkey's answer",
      body: json,
      answers: {
        204: { description: 'A session has begun; its cookie comes along' },
        401: { description: 'The answer opens nothing' },
      },
    },
    async (c, { body }) => {
      assertSameOrigin(c)
      const session = await needed(passkeys).finishSignIn(body)
      if (session === null) throw new HttpProblem('unauthorized', 'a passkey of an account')
      sessions.set(c, session)
      return c.body(null, 204)
    },
  )
}

function mountAccount(door: Door, { coordinator }: CoordinatorPorts, sessions: Sessions): void {
  const { accounts, signIn, mail, passkeys } = coordinator.people
  const mine = { roles: ACCOUNT_ROLES, isForPeople: true, tag } as const
  mount(
    door,
    {
      ...mine,
      method: 'get',
      path: '/v1/account',
      summary: 'Everything that is kept of whoever is signed in',
      answers: {
        200: {
          description: 'The account, why it is kept, how its person signs in, what was sent',
          schema: z.object({
            account: accountShape,
            purpose: z.string(),
            basis: z.string(),
            formToken: z.string().describe('for the header of requests that change anything'),
            sessions: z.array(sessionShape),
            passkeys: z.array(passkeyShape),
            mails: z.array(z.record(z.string(), z.unknown())),
          }),
        },
      },
    },
    async (c) => {
      const { account, formToken } = personIn(c)
      const { id } = account
      return c.json({
        account: await accounts.get(id),
        ...purposeOf(account),
        formToken,
        sessions: await signIn.sessions(id),
        passkeys: (await passkeys?.list(id)) ?? [],
        mails: await mail.list({ account: id, limit: 200 }),
      })
    },
  )
  mount(
    door,
    {
      ...mine,
      method: 'post',
      path: '/v1/sign-out',
      summary: 'End this session',
      answers: { 204: { description: 'It opens nothing any more' } },
    },
    async (c) => {
      await signIn.end(personIn(c))
      sessions.clear(c)
      return c.body(null, 204)
    },
  )
  mount(
    door,
    {
      ...mine,
      method: 'delete',
      path: '/v1/account/sessions/{session}',
      summary: 'End another session of the same account',
      answers: { 204: { description: 'It opens nothing any more' } },
    },
    async (c) => {
      await signIn.endOne(personIn(c).account.id, c.req.param('session') ?? '')
      return c.body(null, 204)
    },
  )
}

function mountPasskeys(door: Door, { coordinator }: CoordinatorPorts): void {
  const { passkeys } = coordinator.people
  const mine = { roles: ACCOUNT_ROLES, isForPeople: true, tag } as const
  mount(
    door,
    {
      ...mine,
      method: 'post',
      path: '/v1/account/passkeys/options',
      summary: 'What a browser needs to make a passkey',
      answers: { 200: { description: 'For navigator.credentials.create', schema: json } },
    },
    async (c) => c.json(await needed(passkeys).beginCreation(personIn(c).account)),
  )
  mount(
    door,
    {
      ...mine,
      method: 'post',
      path: '/v1/account/passkeys',
      summary: 'Keep a passkey that a browser has made',
      body: json,
      answers: { 201: { description: 'It opens this account', schema: passkeyShape } },
    },
    async (c, { body }) =>
      c.json(await needed(passkeys).finishCreation(personIn(c).account, body), 201),
  )
  mount(
    door,
    {
      ...mine,
      method: 'delete',
      path: '/v1/account/passkeys/{passkey}',
      summary: 'Remove a passkey',
      answers: { 204: { description: 'It opens nothing any more' } },
    },
    async (c) => {
      await needed(passkeys).remove(personIn(c).account, c.req.param('passkey') ?? '')
      return c.body(null, 204)
    },
  )
}

/** Mounts the resources. */
export function mountSignIn(
  door: Door,
  ports: CoordinatorPorts,
  { sessions, limits }: { sessions: Sessions; limits: LinkLimits },
): void {
  mountLinks(door, ports, sessions, limits)
  mountPasskeySignIn(door, ports, sessions)
  mountAccount(door, ports, sessions)
  mountPasskeys(door, ports)
}
