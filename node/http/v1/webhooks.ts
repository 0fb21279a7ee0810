/** `/v1/webhooks`: addresses of the website that are called with every event. */
import { z } from '@hono/zod-openapi'
import { EVENT_TYPES } from '../../core/website.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { ADMIN, type SitePorts } from './ports.ts'
import { seconds } from './shapes.ts'

const tag = 'Webhooks'
const types = z
  .array(z.enum(EVENT_TYPES as [string, ...string[]]))
  .max(EVENT_TYPES.length)
  .default([])
  .describe('events that are sent; an empty list for all')
const input = z.strictObject({ url: z.string(), types })

const endpoint = z.object({
  id: z.string(),
  url: z.string(),
  types: z.array(z.string()),
  createdAt: seconds,
  failures: z.int().describe('failed attempts since the last success'),
  failingSince: seconds.nullable(),
  retryAt: seconds.describe('not before this time is it tried again'),
  lastSuccessAt: seconds.nullable(),
  lastFailure: z
    .string()
    .nullable()
    .describe('status-<number>, forbidden-address, unreachable, timeout or untrusted'),
  disabledAt: seconds.nullable().describe('after five days of failure; PUT tries it again'),
})

const DESCRIPTION =
  'Calls are signed after the Standard Webhooks specification: headers webhook-id, ' +
  'webhook-timestamp, webhook-signature; body {type, timestamp, data} as in /v1/events. Check the ' +
  'signature, and that the timestamp is not older than five minutes. Notices come in order, each ' +
  'until you answer 2xx, so that one may come twice: its webhook-id is the same. A message or a ' +
  'presence comes once; 2xx acknowledges a message. The address has to be https, is called without ' +
  'following redirects, and has ten seconds to answer. Private addresses are called only where the ' +
  'operator allows it (DPN_WEBHOOK_ALLOW_PRIVATE), and then also without TLS.'

function mountMaking(door: Door, { webhooks }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/webhooks',
      roles: ADMIN,
      tag,
      summary: 'List the webhooks, and how they fare',
      answers: {
        200: {
          description: 'Without their secrets',
          schema: z.object({ webhooks: z.array(endpoint) }),
        },
      },
    },
    async (c) => c.json({ webhooks: await webhooks.list() }),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/webhooks',
      roles: ADMIN,
      tag,
      summary: 'Add a webhook',
      description: DESCRIPTION,
      body: input,
      answers: {
        201: {
          description: 'The secret is shown this once; the webhook gets what comes from now on',
          schema: endpoint.extend({ secret: z.string().describe('whsec_…') }),
        },
      },
    },
    async (c, { body }) => {
      const made = await webhooks.add(body.url, body.types)
      return c.json({ ...made.endpoint, secret: made.secret }, 201)
    },
  )
}

/** Mounts the resource. */
export function mountWebhooks(door: Door, ports: SitePorts): void {
  const { webhooks } = ports
  mountMaking(door, ports)
  mount(
    door,
    {
      method: 'put',
      path: '/v1/webhooks/{id}',
      roles: ADMIN,
      tag,
      summary: 'Change a webhook, and try it again if it was disabled',
      description: 'The secret and the place in the feed stay.',
      body: input,
      answers: { 200: { description: 'As changed', schema: endpoint } },
    },
    async (c, { body }) =>
      c.json(await webhooks.change(c.req.param('id') ?? '', body.url, body.types)),
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/webhooks/{id}',
      roles: ADMIN,
      tag,
      summary: 'Remove a webhook',
      answers: { 204: { description: 'It is called no more' } },
    },
    async (c) => {
      await webhooks.remove(c.req.param('id') ?? '')
      return c.body(null, 204)
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/webhooks/{id}/test',
      roles: ADMIN,
      tag,
      summary: 'Call a webhook now, with an event of the type ping',
      answers: {
        200: {
          description: 'How it answered',
          schema: z.object({
            kind: z.enum(['answered', 'failed']),
            status: z.int().optional(),
            reason: z.string().optional(),
          }),
        },
      },
    },
    async (c) => c.json(await webhooks.test(c.req.param('id') ?? '')),
  )
}
