/** `/v1/customers` and what is about site owners: their data, their orders, their retention. */
import { actorIn } from '../auth.ts'
import { z } from '@hono/zod-openapi'
import { at } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { CHANNELS, parseEmail, RIGHTS } from '../../../protocol/request.ts'
import { REQUEST_TEXT_CHARS } from '../../../protocol/limits.ts'
import type { Customer } from '../../core/oversight/customers.ts'
import {
  OWNER_FIELD_NAMES,
  OWNER_FIELDS,
  SOURCES,
  type OwnerField,
} from '../../core/oversight/owner-fields.ts'
import type { Door } from '../app.ts'
import { readText } from '../body.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { createLimiter } from '../rate.ts'
import {
  disclosureAnswers,
  mountAuthorityDesk,
  newDisclosure,
  shownDisclosure,
} from '../v1/authorities.ts'
import { mountRequestDesk, newRequest, requestAnswers, shownRequest } from '../v1/requests.ts'
import { limit, seconds, siteId } from '../v1/shapes.ts'
import { ACT, LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Site owners'
const ORDER_BYTES = 64 * 1024
/** Calls of the payment provider, from whomever: each costs a signature check. */
const ORDERS_PER_SECOND = { perSecond: 5, burst: 50 }

const kept = z.object({
  value: z.string(),
  source: z.enum(SOURCES),
  at: seconds,
  purpose: z.string(),
  basis: z.enum(['contract', 'legitimate-interests']),
})
const customer = z.object({
  id: z.string(),
  site: siteId.nullable(),
  email: z.string(),
  fields: z.record(z.string(), kept),
  orders: z.array(z.string()),
  createdAt: seconds,
  lastContactAt: seconds,
  keptUntil: seconds.describe('two years after the last contact: then only the minimum stays'),
  shrunkAt: seconds.nullable(),
  objectedAt: seconds.nullable(),
  restrictedAt: seconds.nullable(),
})

/** An owner as the interface shows one: each field with its purpose and its basis. */
export function shownCustomer({ content, hasOrders: _hasOrders, ...row }: Customer): object {
  const fields = Object.fromEntries(
    OWNER_FIELD_NAMES.flatMap((name) => {
      const field = content.fields[name]
      const { purpose, basis } = OWNER_FIELDS[name]
      return field === undefined ? [] : [[name, { ...field, purpose, basis }]]
    }),
  )
  return { ...row, email: content.email, fields, orders: content.orders }
}

const fieldValues = z.strictObject(
  Object.fromEntries(
    OWNER_FIELD_NAMES.map((name) => [
      name,
      z.string().max(OWNER_FIELDS[name].chars).nullable().optional(),
    ]),
  ) as Record<OwnerField, z.ZodOptional<z.ZodNullable<z.ZodString>>>,
)

const idOf = (c: OperationContext): string => c.req.param('id') ?? ''

function mountData(door: Door, { coordinator }: CoordinatorPorts): void {
  const { customers } = coordinator.desk
  mount(
    door,
    {
      method: 'put',
      path: '/v1/customers',
      roles: ACT,
      tag,
      summary: 'Make or change a site owner, found by the e-mail address',
      description: 'A field that is left out stays, null takes it away. The source is one of four.',
      body: z.strictObject({
        email: z.string().max(254),
        site: siteId.max(253).optional(),
        source: z.enum(SOURCES),
        fields: fieldValues.default({}),
      }),
      answers: {
        200: { description: 'As kept', schema: customer },
        409: { description: 'The owner has objected, or the data is restricted' },
      },
    },
    async (c, { body }) => {
      const { site } = body
      const change = {
        email: at('/email', () => parseEmail(body.email)),
        site: site === undefined ? undefined : at('/site', () => parseSiteId(site)),
        source: body.source,
        fields: body.fields,
      }
      return c.json(shownCustomer(await customers.put(actorIn(c), change)))
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/customers',
      roles: ACT,
      tag,
      summary: 'Site owners, in the order of their ids',
      query: z.strictObject({
        limit,
        cursor: z.string().max(40).optional(),
        offers: z.boolean().default(false).describe('only those who may be made offers'),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ customers: z.array(customer), next: z.string().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      if (query.offers) {
        const rows = await customers.offers()
        return c.json({ customers: rows.map(shownCustomer), next: null })
      }
      const rows = await customers.list({
        limit: query.limit,
        ...(query.cursor !== undefined && { after: query.cursor }),
      })
      const next = rows.length < query.limit ? null : (rows.at(-1)?.id ?? null)
      return c.json({ customers: rows.map(shownCustomer), next })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/customers/{id}',
      roles: ACT,
      tag,
      summary: 'A site owner: a copy of all that is kept, for a request',
      answers: { 200: { description: 'All of it', schema: customer } },
    },
    async (c) => c.json(shownCustomer(await customers.get(idOf(c)))),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/customers/{id}/contact',
      roles: ACT,
      tag,
      summary: 'Note a contact: the two years begin anew',
      answers: { 200: { description: 'As kept', schema: customer } },
    },
    async (c) => c.json(shownCustomer(await customers.touch(actorIn(c), idOf(c)))),
  )
}

function mountRetention(door: Door, { coordinator }: CoordinatorPorts): void {
  const { customers } = coordinator.desk
  const schema = z.object({
    shrunk: z.array(z.string()).describe('of whom address and order numbers stay'),
    removed: z.array(z.string()).describe('of whom nothing stays: there is no order'),
  })
  mount(
    door,
    {
      method: 'get',
      path: '/v1/retention',
      roles: LOOK,
      tag,
      summary: 'What a sweep would do now, without doing it',
      answers: { 200: { description: 'Ids of site owners', schema } },
    },
    async (c) => c.json(await customers.due()),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/retention',
      roles: ACT,
      tag,
      summary: 'Sweep now; it runs once a day by itself',
      answers: { 200: { description: 'What was done', schema } },
    },
    async (c) => c.json(await customers.sweep(actorIn(c))),
  )
}

function mountOrders(door: Door, { coordinator }: CoordinatorPorts): void {
  const all = createLimiter(ORDERS_PER_SECOND)
  mount(
    door,
    {
      method: 'post',
      path: '/v1/orders-received',
      roles: null,
      guard: () => all.take('all'),
      tag,
      summary: 'An order, told by the payment provider',
      description:
        'Signed after the Standard Webhooks specification. Of the body, email and order are kept; ' +
        'numbers of cards and accounts are refused wherever they stand.',
      shownBody: {
        schema: z.object({ email: z.string(), order: z.string() }),
        example: { email: 'owner@site.example', order: '2026-0042' },
      },
      answers: {
        204: { description: 'Kept' },
        404: { description: 'No payment provider is configured' },
        422: { description: 'Not signed just now by the provider, or with payment data' },
      },
    },
    async (c) => {
      await coordinator.desk.takeOrder({
        id: c.req.header('webhook-id') ?? '',
        timestamp: c.req.header('webhook-timestamp') ?? '',
        signature: c.req.header('webhook-signature') ?? '',
        body: await readText(c, ORDER_BYTES),
      })
      return c.body(null, 204)
    },
  )
}

function mountPeople(door: Door, { coordinator }: CoordinatorPorts): void {
  const { rights, customers, authorities, forwardSoon } = coordinator.desk
  mount(
    door,
    {
      method: 'post',
      path: '/v1/requests',
      roles: ACT,
      tag: 'Requests of people',
      summary: 'Open a request of a site owner, or of a member for its home',
      description: 'With site it is a member: the home is told, and answers.',
      body: z.strictObject({
        right: z.enum(RIGHTS),
        channel: z.enum(CHANNELS),
        receivedAt: newRequest.receivedAt,
        email: z.string().max(254),
        name: z.string().max(200).default(''),
        site: siteId.max(253).optional().describe('the site of which the person is a member'),
        text: z.string().max(REQUEST_TEXT_CHARS).default(''),
      }),
      answers: requestAnswers,
    },
    async (c, { body }) => {
      const { site: home, right, channel, receivedAt, name, text } = body
      const email = at('/email', () => parseEmail(body.email))
      const site = home === undefined ? undefined : at('/site', () => parseSiteId(home))
      const owner = site === undefined ? await customers.byEmail(email) : null
      const request = await rights.open(actorIn(c), {
        subject: site === undefined ? 'owner' : 'member',
        ...(owner !== null && { customer: owner.id }),
        ...(site !== undefined && { site, tell: true }),
        right,
        channel,
        receivedAt,
        person: { name, email, member: '', text },
      })
      if (site !== undefined) forwardSoon()
      return c.json(shownRequest(request), 201)
    },
  )
  mountRequestDesk(door, rights, { look: LOOK, act: ACT })
  mount(
    door,
    {
      method: 'post',
      path: '/v1/authority-disclosures',
      roles: ACT,
      tag: 'Disclosures to authorities',
      summary: 'Propose to disclose what is kept of a site owner',
      body: z.strictObject({ ...newDisclosure, customer: z.string().max(40) }),
      answers: disclosureAnswers,
    },
    async (c, { body }) => {
      const { id } = await customers.get(body.customer)
      const { authority, basis } = body
      const what = { subject: 'owner', customer: id, authority, basis } as const
      return c.json(shownDisclosure(await authorities.propose(actorIn(c), what)), 201)
    },
  )
  mountAuthorityDesk(door, authorities, { look: LOOK, act: ACT })
}

/** Mounts the resources. */
export function mountCustomers(door: Door, ports: CoordinatorPorts): void {
  mountData(door, ports)
  mountRetention(door, ports)
  mountOrders(door, ports)
  mountPeople(door, ports)
}
