/** `/v1/keys`: the API keys of this node. */
import { z } from '@hono/zod-openapi'
import { SITE_ROLES } from '../../core/access.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { ADMIN, type SitePorts } from './ports.ts'
import { seconds } from './shapes.ts'

const tag = 'Keys'
const key = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(SITE_ROLES),
  createdAt: seconds,
  revokedAt: seconds.nullable(),
})

/** Mounts the resource. */
export function mountKeys(door: Door, { access }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/keys',
      roles: ADMIN,
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
      roles: ADMIN,
      tag,
      summary: 'Make an API key',
      body: z.strictObject({ name: z.string().min(1).max(64), role: z.enum(SITE_ROLES) }),
      answers: {
        201: {
          description: 'The secret is shown this once',
          schema: key.extend({ secret: z.string() }),
        },
      },
    },
    async (c, { body }) => {
      const made = await access.create(body.name, body.role)
      return c.json({ ...made.key, secret: made.secret }, 201)
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path: '/v1/keys/{id}',
      roles: ADMIN,
      tag,
      summary: 'Revoke an API key',
      answers: { 204: { description: 'It opens nothing any more' } },
    },
    async (c) => {
      await access.revoke(c.req.param('id') ?? '')
      return c.body(null, 204)
    },
  )
}
