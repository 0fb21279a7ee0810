/** What staff set and command: the Network's terms, and orders. */
import { z } from '@hono/zod-openapi'
import { termsSchema } from '../../../protocol/entry.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../../protocol/ids.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { mount } from '../operation.ts'
import { notice } from '../v1/shapes.ts'
import { ACT, LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Desk'

const order = z.strictObject({
  site: z.string().max(253),
  record: z.string().optional().describe('one record, or'),
  all: z.literal(true).optional().describe('all that the site has published so far'),
  notice,
})

function mountTerms(door: Door, { coordinator }: CoordinatorPorts): void {
  const { view } = coordinator.node
  mount(
    door,
    {
      method: 'get',
      path: '/v1/terms',
      roles: LOOK,
      tag,
      summary: "The Network's numbers",
      answers: { 200: { description: 'As in force', schema: termsSchema } },
    },
    (c) => c.json(view.registry().terms),
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/terms',
      roles: ACT,
      tag,
      summary: "Set the Network's numbers",
      body: termsSchema,
      answers: { 200: { description: 'As in force', schema: termsSchema } },
    },
    async (c, { body }) => {
      if (body.hideAfterSeconds > body.eraseAfterSeconds)
        throw new ProtocolError(
          'out_of_range',
          '/eraseAfterSeconds',
          'no less than hideAfterSeconds',
        )
      await coordinator.admissionBy(actorIn(c)).setTerms(body)
      return c.json(view.registry().terms)
    },
  )
}

/** Mounts the desk's resources. */
export function mountDesk(door: Door, ports: CoordinatorPorts): void {
  mountTerms(door, ports)
  mount(
    door,
    {
      method: 'post',
      path: '/v1/orders',
      roles: ACT,
      tag,
      summary: 'Order the end of one record, or of all that a site has published so far',
      body: order,
      answers: {
        201: {
          description: "Written into the coordinator's log at index",
          schema: z.object({ index: z.int() }),
        },
      },
    },
    async (c, { body }) => {
      const { record, all } = body
      if ((record === undefined) === (all === undefined))
        throw new ProtocolError('malformed', '', 'either record, or all: true')
      const site = at('/site', () => parseSiteId(body.site))
      const one = record === undefined ? null : at('/record', () => parseRecordId(record))
      const admission = ports.coordinator.admissionBy(actorIn(c))
      return c.json(await admission.order(site, one, body.notice), 201)
    },
  )
}
