/** `/v1/accounts`, `/v1/keys`, `/v1/acts`, `/v1/mail`: who may what here, and what they did. */
import { z } from '@hono/zod-openapi'
import { toHex } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { COORDINATOR_ROLES } from '../../core/access.ts'
import { ACCOUNT_ROLES, MAIL_KINDS, MAIL_STATES } from '../../core/people/rows.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { mount, takeRows } from '../operation.ts'
import { limit, seconds } from '../v1/shapes.ts'
import { ACT, LOOK, type CoordinatorPorts } from './ports.ts'
import { accountShape } from './sign-in.ts'

const tag = 'People'
const siteList = z.array(z.string().max(253)).max(50)
const sitesOf = (names: readonly string[]) =>
  names.map((name, index) => at(`/sites/${index}`, () => parseSiteId(name)))

function mountAccounts(door: Door, { coordinator }: CoordinatorPorts): void {
  const { accounts } = coordinator.people
  mount(
    door,
    {
      method: 'get',
      path: '/v1/accounts',
      roles: ACT,
      tag,
      summary: 'Accounts of people',
      query: z.strictObject({
        limit,
        cursor: z
          .string()
          .regex(/^[0-9a-f]{16}$/, '16 hexadecimal digits')
          .optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ accounts: z.array(accountShape), next: z.string().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      return c.json(await accounts.list(query.cursor ?? '', query.limit))
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/accounts',
      roles: ACT,
      tag,
      summary: 'Make an account, and invite its person',
      description:
        'Staff give every role but that of the data protection officer. Where mail is not set up ' +
        'the answer has a link that signs in once, within 15 minutes.',
      body: z.strictObject({
        email: z.string().max(254),
        role: z.enum(ACCOUNT_ROLES),
        sites: siteList.default([]).describe('sites that the person owns'),
      }),
      answers: {
        201: {
          description: 'Made',
          schema: accountShape.extend({ link: z.string().nullable() }),
        },
      },
    },
    async (c, { body }) => {
      const { email, role } = body
      const sites = sitesOf(body.sites)
      const { account, link } = await accounts.create(actorIn(c), { email, role, sites })
      return c.json({ ...account, link }, 201)
    },
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/accounts/{account}',
      roles: ACT,
      tag,
      summary: 'Change the role or the sites of an account, or disable it',
      description: 'Its sessions end.',
      body: z.strictObject({
        role: z.enum(ACCOUNT_ROLES).optional(),
        sites: siteList.optional(),
        disabled: z.boolean().optional(),
      }),
      answers: { 200: { description: 'As it is now', schema: accountShape } },
    },
    async (c, { body }) => {
      const { role, disabled: isDisabled } = body
      const sites = body.sites && sitesOf(body.sites)
      const change = {
        ...(role !== undefined && { role }),
        ...(sites !== undefined && { sites }),
        ...(isDisabled !== undefined && { isDisabled }),
      }
      return c.json(await accounts.change(actorIn(c), c.req.param('account') ?? '', change))
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/accounts/{account}',
      roles: ACT,
      tag,
      summary: 'Remove an account and all that is kept of its person',
      answers: {
        204: { description: 'Removed' },
        409: { description: 'It is the only owner of a member, who must be reached' },
      },
    },
    async (c) => {
      await accounts.remove(actorIn(c), c.req.param('account') ?? '')
      return c.body(null, 204)
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/accounts/{account}/sessions',
      roles: ACT,
      tag,
      summary: 'End whatever sessions and links an account has',
      answers: { 204: { description: 'None opens anything any more' } },
    },
    async (c) => {
      await accounts.endSessions(actorIn(c), c.req.param('account') ?? '')
      return c.body(null, 204)
    },
  )
}

function mountKeys(door: Door, { access }: CoordinatorPorts): void {
  const key = z.object({
    id: z.string(),
    name: z.string(),
    role: z.enum(COORDINATOR_ROLES),
    createdAt: seconds,
    revokedAt: seconds.nullable(),
  })
  mount(
    door,
    {
      method: 'get',
      path: '/v1/keys',
      roles: ACT,
      tag,
      summary: 'List the API keys',
      answers: {
        200: { description: 'Without their secrets', schema: z.object({ keys: z.array(key) }) },
      },
    },
    async (c) => c.json({ keys: await access.list() }),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/keys',
      roles: ACT,
      tag,
      summary: 'Make an API key',
      body: z.strictObject({ name: z.string().min(1).max(64), role: z.enum(COORDINATOR_ROLES) }),
      answers: {
        201: {
          description: 'The secret is shown this once',
          schema: key.extend({ secret: z.string() }),
        },
      },
    },
    async (c, { body }) => {
      const made = await access.create(body.name, body.role, actorIn(c))
      return c.json({ ...made.key, secret: made.secret }, 201)
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/keys/{key}',
      roles: ACT,
      tag,
      summary: 'Revoke an API key',
      answers: { 204: { description: 'It opens nothing any more' } },
    },
    async (c) => {
      await access.revoke(c.req.param('key') ?? '', actorIn(c))
      return c.body(null, 204)
    },
  )
}

function mountActs(door: Door, { coordinator }: CoordinatorPorts): void {
  const { acts } = coordinator.people
  mount(
    door,
    {
      method: 'get',
      path: '/v1/acts',
      roles: LOOK,
      tag,
      summary: 'The access log: what people have done here, the newest first',
      description:
        'Each line has a hash over the line before and itself. It names accounts and keys by their ' +
        'ids, and nobody else.',
      query: z.strictObject({
        limit,
        cursor: z.int().min(1).optional().describe('id of the last line of the page before'),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({
            acts: z.array(
              z.object({
                id: z.int(),
                time: seconds,
                actor: z.object({ kind: z.string(), id: z.string(), role: z.string() }),
                act: z.string(),
                subject: z.string(),
                hash: z.string().describe('SHA-256 in hexadecimal digits'),
              }),
            ),
            next: z.int().nullable(),
          }),
        },
      },
    },
    async (c, { query }) => {
      const { cursor: before } = query
      const rows = await acts.list({
        limit: query.limit,
        ...(before !== undefined && { before }),
      })
      const last = rows.at(-1)
      const next = last === undefined || last.id === 1 ? null : last.id
      return c.json({ acts: rows.map((row) => ({ ...row, hash: toHex(row.hash) })), next })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/acts/verification',
      roles: LOOK,
      tag,
      summary: 'Go through the chain of the access log',
      answers: {
        200: {
          description: 'How many lines follow from one another, and the first that does not',
          schema: z.object({ count: z.int(), brokenAt: z.int().nullable() }),
        },
      },
    },
    async (c) => c.json(await acts.verify()),
  )
}

function parseCursor(cursor: string): { createdAt: number; id: string } {
  const [, time, id] = /^(\d{1,12})-([0-9a-f]{32})$/.exec(cursor) ?? []
  if (time === undefined || id === undefined)
    throw new ProtocolError('malformed', '/cursor', 'a cursor')
  return { createdAt: Number(time), id }
}

function mountMail(door: Door, { coordinator }: CoordinatorPorts): void {
  const { mail } = coordinator.people
  const row = z.object({
    id: z.string(),
    kind: z.enum(MAIL_KINDS),
    about: z.string().describe('the id of a breach, or nothing'),
    account: z.string().describe('to whom'),
    state: z.enum(MAIL_STATES),
    attempts: z.int(),
    createdAt: seconds,
    expiresAt: seconds,
    dueAt: seconds.nullable(),
    closedAt: seconds.nullable(),
    answer: z.string().nullable().describe('the last word of the mail server'),
  })
  mount(
    door,
    {
      method: 'get',
      path: '/v1/mail',
      roles: LOOK,
      tag,
      summary: 'Mails to people and what became of them, the newest first',
      description: 'Without addresses and without content, which is gone once a mail is sent.',
      query: z.strictObject({
        limit,
        cursor: z.string().max(60).optional(),
        kind: z.enum(MAIL_KINDS).optional(),
        state: z.enum(MAIL_STATES).optional(),
        about: z.string().max(64).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({
            isOn: z.boolean().describe('whether a mail server is set up'),
            mails: z.array(row),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (c, { query }) => {
      const { kind, state, about, cursor } = query
      const mails = await mail.list({
        limit: query.limit,
        ...(kind && { kind }),
        ...(state && { state }),
        ...(about !== undefined && { about }),
        ...(cursor !== undefined && { before: parseCursor(cursor) }),
      })
      const last = mails.length < query.limit ? undefined : mails.at(-1)
      const next = last === undefined ? null : `${last.createdAt}-${last.id}`
      return c.json({ isOn: mail.isOn, mails, next })
    },
  )
}

/** Mounts the resources. */
export function mountPeople(door: Door, ports: CoordinatorPorts): void {
  mountAccounts(door, ports)
  mountKeys(door, ports)
  mountActs(door, ports)
  mountMail(door, ports)
}
