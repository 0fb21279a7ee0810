/** `/v1/bridge/members` and `/v1/bridge/links`: members that the module has sent, and their links. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { BridgedMember } from '../../core/bridge/members/holds.ts'
import { BRIDGED_STATES, LOSS_REASONS, REFUSALS } from '../../core/bridge/rows.ts'
import type { Door } from '../app.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { BRIDGE_TAG, bridgeOf } from './bridge.ts'
import { ADMIN, READ, WRITE, type OwnersBridge, type SitePorts } from './ports.ts'
import { limit, seconds } from './shapes.ts'

const LARGEST_ID = 0x7f_ff_ff_ff
/** Members that one call makes links for. */
const MOST_LINKS = 1000
/** What stands in the log of withdrawals for one by the owner. */
const OWNER_NOTICE = 'bridge-owner'

const localId = z.int().min(1).max(LARGEST_ID)
const stateWord = z.enum(BRIDGED_STATES)
const page = { after: z.string().max(200).optional() }

const member = z.object({
  localId,
  state: stateWord.describe(
    'held: waits for a consent; refused: cannot be published as it is; published; suspended: ' +
      'hidden, since the module has sent a withdrawal that may mean this member',
  ),
  netId: z.int().nullable().describe('the number by which the module knows the record'),
  refusal: z.enum(REFUSALS).nullable(),
  losses: z
    .array(z.object({ field: z.string(), reason: z.enum(LOSS_REASONS) }))
    .describe('what of the profile did not come through, never a value'),
  receivedAt: seconds,
  changedAt: seconds,
  expiresAt: seconds
    .nullable()
    .describe('when a hold is wiped, or who is suspended is withdrawn; null while published'),
})
const decided = z.object({ localId, state: z.enum(['withdrawn', 'published']) })

function idIn(c: OperationContext): number {
  const text = c.req.param('id') ?? ''
  const id = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (id < 1 || id > LARGEST_ID)
    throw new ProtocolError('malformed', '/id', "the site's own id: a whole number from 1")
  return id
}

function unknown(): ProtocolError {
  return new ProtocolError('not_found', '/id', 'a member that the module has sent')
}

function mountLooking(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/bridge/members',
      roles: READ,
      tag: BRIDGE_TAG,
      summary: 'List the members that the module has sent, with what was lost or refused',
      query: z.strictObject({ state: stateWord.optional(), ...page, limit }),
      answers: {
        200: {
          description: 'In an order of no meaning',
          schema: z.object({
            members: z.array(member),
            next: z.string().nullable().describe('`after` of the next page; null at the end'),
          }),
        },
      },
    },
    async (c, { query }) => {
      const { state, after } = query
      const listed = await bridgeOf(ports).holds.list({
        limit: query.limit,
        ...(state !== undefined && { state }),
        ...(after !== undefined && { after }),
      })
      takeRows(door, c, listed.members.length)
      return c.json(listed)
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/bridge/members/{id}',
      roles: READ,
      tag: BRIDGE_TAG,
      summary: 'One member that the module has sent',
      answers: { 200: { description: 'As the bridge keeps it', schema: member } },
    },
    async (c) => {
      const found: BridgedMember | null = await bridgeOf(ports).holds.get(idIn(c))
      if (found === null) throw unknown()
      return c.json(found)
    },
  )
}

interface Wanted {
  localIds?: readonly number[] | undefined
  state?: 'held' | 'suspended' | undefined
  after?: string | undefined
  limit: number
}
async function idsOf(
  { holds }: Pick<OwnersBridge, 'holds'>,
  { localIds, state, after, limit: most }: Wanted,
): Promise<{ ids: readonly number[]; next: string | null }> {
  if (localIds !== undefined && state === undefined && after === undefined)
    return { ids: localIds, next: null }
  if (localIds !== undefined || state === undefined)
    throw new ProtocolError('out_of_range', '/localIds', 'either localIds or a state')
  const filter = { state, limit: most, ...(after !== undefined && { after }) }
  const { members, next } = await holds.list(filter)
  return { ids: members.map((one) => one.localId), next }
}

function mountLinks(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/links',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Make links to the consent page, for you to send to each member',
      description:
        `For members by localId (at most ${MOST_LINKS}), or for all in a state, page by page. Who ` +
        'opens a link decides for the member: send it to that member alone, by the mail of your ' +
        'site. Earlier links of the same member are void. A link of a held member decides once and ' +
        'ends with the hold; one of a published member opens its own page until the consent ends.',
      body: z.strictObject({
        localIds: z.array(localId).min(1).max(MOST_LINKS).optional(),
        state: z.enum(['held', 'suspended']).optional(),
        ...page,
        limit: z.int().min(1).max(MOST_LINKS).default(MOST_LINKS),
      }),
      answers: {
        200: {
          description: 'Links; who has nothing to decide is left out',
          schema: z.object({
            links: z.array(z.object({ localId, url: z.string() })),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (c, { body }) => {
      const bridge = bridgeOf(ports)
      const { ids, next } = await idsOf(bridge, body)
      const links = await bridge.consents.links(ids)
      return c.json({ links: links.map(({ localId: id, url }) => ({ localId: id, url })), next })
    },
  )
}

function mountDecisions(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/members/{id}/withdraw',
      roles: WRITE,
      tag: BRIDGE_TAG,
      summary: 'Withdraw a member, or wipe what is held of one',
      description: 'The module is not told: it has no word for it. The member is known no more.',
      answers: { 200: { description: 'Done', schema: decided } },
    },
    async (c) => {
      const id = idIn(c)
      const known = await bridgeOf(ports).holds.withdraw([id], OWNER_NOTICE)
      if (known.length === 0) throw unknown()
      return c.json({ localId: id, state: 'withdrawn' })
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/members/{id}/keep',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Say that a hidden member did not mean to leave',
      description: 'Ask the member first. Without an answer it is withdrawn after 30 days.',
      answers: { 200: { description: 'It is shown again', schema: decided } },
    },
    async (c) => {
      const id = idIn(c)
      const { holds } = bridgeOf(ports)
      if ((await holds.keep([id])).length === 0) {
        if ((await holds.get(id)) === null) throw unknown()
        throw new ProtocolError('conflict', '/id', 'a member that is suspended')
      }
      return c.json({ localId: id, state: 'published' })
    },
  )
}

/** Mounts the resources. */
export function mountBridgeMembers(door: Door, ports: SitePorts): void {
  mountLooking(door, ports)
  mountLinks(door, ports)
  mountDecisions(door, ports)
}
