/** `/v1/bridge/removals`: what the module has still to remove, and the owner's word that it is done. */
import { z } from '@hono/zod-openapi'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { BRIDGE_TAG, bridgeOf } from './bridge.ts'
import { ADMIN, READ, type SitePorts } from './ports.ts'
import { limit, seconds } from './shapes.ts'

/** Removals that one call confirms. */
const MOST = 1000

const netId = z.int().min(1).max(0x7f_ff_ff_ff).describe('`net_id` in the users of the website')

/** Mounts the resource. */
export function mountBridgeRemovals(door: Door, ports: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/bridge/removals',
      roles: READ,
      tag: BRIDGE_TAG,
      summary: 'List what the module was told to remove and has not confirmed, the oldest first',
      query: z.strictObject({ limit }),
      answers: {
        200: {
          description: 'Numbers and times: which records they were is not known any more',
          schema: z.object({ removals: z.array(z.object({ netId, since: seconds })) }),
        },
      },
    },
    async (c, { query }) => {
      bridgeOf(ports)
      const removals = await ports.store.read((tx) => tx.bridge.removals(query.limit))
      return c.json({ removals })
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/bridge/removals',
      roles: ADMIN,
      tag: BRIDGE_TAG,
      summary: 'Say that users of the website are gone, where the module does not confirm it',
      description:
        'Look first: no user of the website may have one of these numbers as its net_id any more. ' +
        'The module is not told again, and nothing else keeps these profiles from being shown there.',
      body: z.strictObject({ netIds: z.array(netId).min(1).max(MOST) }),
      answers: {
        200: {
          description: 'Done; `unknown` are numbers that stand for nothing',
          schema: z.object({ removed: z.array(netId), unknown: z.array(netId) }),
        },
      },
    },
    async (c, { body }) => {
      const { deliveries } = bridgeOf(ports)
      const unknown = await deliveries.removed(body.netIds)
      const removed = body.netIds.filter((id) => !unknown.includes(id))
      return c.json({ removed, unknown })
    },
  )
}
