/** `/v1/requests`: what people ask for by their rights, how far each is, and what came of it. */
import { z } from '@hono/zod-openapi'
import { at } from '../../../protocol/errors.ts'
import { REQUEST_TEXT_CHARS } from '../../../protocol/limits.ts'
import { CHANNELS, RIGHTS } from '../../../protocol/request.ts'
import { parseMemberId } from '../../core/record/member.ts'
import { COMPLAINT, type PersonsRequest, type Rights } from '../../core/request/rights.ts'
import {
  EXTENSION_REASONS,
  IDENTITY_METHODS,
  IDENTITY_RESULTS,
  PARTIAL_REASONS,
  REFUSAL_REASONS,
  REQUEST_STATES,
} from '../../core/request/rows.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { nextBefore, parseBefore } from '../cursor.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { limit, seconds, siteId } from './shapes.ts'

const tag = 'Requests of people'

const requestShape = z.object({
  id: z.string(),
  subject: z.enum(['member', 'owner']),
  customer: z.string().nullable().describe('id of the site owner, at the coordinator'),
  site: siteId.nullable().describe("the member's site, at the coordinator"),
  right: z.enum(RIGHTS),
  channel: z.enum(CHANNELS),
  receivedAt: seconds,
  dueAt: seconds.describe('by when there has to be an answer: a calendar month, three if extended'),
  extension: z.enum(EXTENSION_REASONS).nullable(),
  identity: z.enum(IDENTITY_RESULTS),
  method: z.enum(IDENTITY_METHODS).nullable(),
  state: z.enum(REQUEST_STATES),
  reason: z.enum([...REFUSAL_REASONS, ...PARTIAL_REASONS]).nullable(),
  kept: z.array(z.string()).describe('fields that a partial deletion has left'),
  closedAt: seconds.nullable(),
  steps: z.array(z.object({ time: seconds, actor: z.string(), what: z.string() })),
  isOverdue: z.boolean(),
  complaint: z.string().optional().describe('with a refusal, or a part: how to complain'),
})
const personShape = z.object({
  name: z.string(),
  email: z.string(),
  member: z.string().describe("the site's own id, at the site"),
  text: z.string(),
})

/** Fields of a new request that both roles have. */
export const newRequest = {
  right: z.enum(RIGHTS),
  channel: z.enum(CHANNELS),
  receivedAt: seconds.optional().describe('when it came, if not now: the month runs from then'),
  text: z.string().max(REQUEST_TEXT_CHARS).default('').describe('what the person says'),
}
/** What a new request answers. */
export const requestAnswers = { 201: { description: 'It is open', schema: requestShape } }

/** A request as it is shown: who was refused something is told how to complain. */
export function shownRequest(request: PersonsRequest): object {
  const isLess = request.state === 'refused' || request.state === 'partly-fulfilled'
  return isLess ? { ...request, complaint: COMPLAINT } : request
}

interface Roles {
  look: readonly string[]
  act: readonly string[]
}

const idOf = (c: OperationContext): string => c.req.param('id') ?? ''

function mountLists(door: Door, rights: Rights, { look, act }: Roles): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/requests',
      roles: look,
      tag,
      summary: 'Requests, the newest first',
      description: 'Without names, addresses and words: those are in the single request.',
      query: z.strictObject({
        limit,
        cursor: z.string().max(80).optional(),
        state: z.enum(REQUEST_STATES).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({
            requests: z.array(requestShape),
            next: z.string().nullable(),
            open: z.int(),
            overdue: z.int(),
          }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const before = parseBefore(query.cursor)
      const rows = await rights.list({
        limit: query.limit,
        ...(query.state !== undefined && { states: [query.state] }),
        ...(before !== null && { before }),
      })
      const next = nextBefore(rows, query.limit)
      return c.json({ requests: rows.map(shownRequest), next, ...(await rights.counts()) })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/requests/{id}',
      roles: act,
      tag,
      summary: 'A request with who asks, and what they say',
      answers: {
        200: {
          description: 'person is null some time after the end, when it was erased',
          schema: requestShape.extend({ person: personShape.nullable() }),
        },
      },
    },
    async (c) => {
      const { request, person } = await rights.get(idOf(c))
      return c.json({ ...shownRequest(request), person })
    },
  )
}

/** Mounts what both roles have: lists, and the steps of a request. */
export function mountRequestDesk(door: Door, rights: Rights, roles: Roles): void {
  mountLists(door, rights, roles)
  const answers = {
    200: { description: 'As it is now', schema: requestShape },
    409: { description: 'The request is over, or this step is not due' },
  }
  const common = { method: 'post', roles: roles.act, tag, answers } as const
  mount(
    door,
    {
      ...common,
      path: '/v1/requests/{id}/identity',
      summary: 'Note what came of the identity step',
      description:
        'Only the result and the way are kept. There is no field for a document, and none is taken.',
      body: z.strictObject({
        result: z.enum(['asked', 'proven', 'not-proven']),
        method: z.enum(IDENTITY_METHODS).optional().describe('with proven, and only then'),
      }),
    },
    async (c, { body }) => c.json(shownRequest(await rights.identify(actorIn(c), idOf(c), body))),
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/requests/{id}/extend',
      summary: 'Take two months more, once, within the first',
      body: z.strictObject({ reason: z.enum(EXTENSION_REASONS) }),
    },
    async (c, { body }) =>
      c.json(shownRequest(await rights.extend(actorIn(c), idOf(c), body.reason))),
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/requests/{id}/fulfil',
      summary: 'Do what was asked',
      description:
        'Deletion withdraws the record of a member, or shrinks the data of a site owner; ' +
        'restriction hides the record from every partner while it lasts; objection ends what rests ' +
        'on it; correction asks for a version published since; a copy asks for a proven identity.',
      body: z.strictObject({
        partial: z
          .strictObject({
            reason: z.enum(PARTIAL_REASONS),
            kept: z
              .array(z.string().regex(/^[\w-]{1,40}$/))
              .min(1)
              .max(50),
          })
          .nullable()
          .default(null)
          .describe('of a deletion: why something has to stay, and which fields'),
      }),
    },
    async (c, { body }) => c.json(shownRequest(await rights.fulfil(actorIn(c), idOf(c), body))),
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/requests/{id}/refuse',
      summary: 'Refuse, with one of the named reasons',
      description: 'The answer says how to complain; hand it to the person.',
      body: z.strictObject({ reason: z.enum(REFUSAL_REASONS) }),
    },
    async (c, { body }) =>
      c.json(shownRequest(await rights.refuse(actorIn(c), idOf(c), body.reason))),
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/requests/{id}/withdraw',
      summary: 'The person asks no more; a restriction that lasts ends',
    },
    async (c) => c.json(shownRequest(await rights.withdraw(actorIn(c), idOf(c)))),
  )
}

/** Mounts the resource of a site. */
export function mountRequests(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/requests',
      roles: WRITE,
      tag,
      summary: 'Open a request of a member',
      description: 'By the channel website the identity counts as proven: you have signed them in.',
      body: z.strictObject({
        ...newRequest,
        member: z.string().describe("the site's own id of the member"),
        name: z.string().max(200).default(''),
        email: z.string().max(254).default('').describe('where the answer goes'),
      }),
      answers: requestAnswers,
    },
    async (c, { body }) => {
      const member = at('/member', () => parseMemberId(body.member))
      const { right, channel, receivedAt, text, name, email } = body
      const request = await site.rights.open(actorIn(c), {
        subject: 'member',
        memberKey: site.memberKeyOf(member),
        right,
        channel,
        receivedAt,
        person: { name, email, member, text },
      })
      return c.json(shownRequest(request), 201)
    },
  )
  mountRequestDesk(door, site.rights, { look: READ, act: WRITE })
}
