/** `/v1/probes`: sites that were asked for records that have ended, and what they answered. */
import { z } from '@hono/zod-openapi'
import { PROBE_ANSWERS } from '../../../protocol/challenge.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { DRAWN_PER_LOG } from '../../../protocol/limits.ts'
import { PROBE_STATES, type ProbeRow } from '../../core/challenge-rows.ts'
import type { Door } from '../app.ts'
import { mount, takeRows } from '../operation.ts'
import { limit, seconds, siteId } from '../v1/shapes.ts'
import { actorOf, rateShape } from './challenges.ts'
import { LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Audit'

const probe = z.object({
  id: z.int(),
  target: siteId.describe('the site that is asked'),
  home: siteId.describe('the site whose record it was'),
  index: z.int().describe("of the publish entry in the home's log"),
  state: z.enum(PROBE_STATES),
  answer: z
    .enum(PROBE_ANSWERS)
    .nullable()
    .describe('body: just what was published; bytes: something else in its place'),
  via: siteId.nullable().describe('the volunteer that asked; null for the coordinator'),
  statement: z.string().nullable().describe('what the volunteer has signed: a C2SP signed note'),
  plannedAt: seconds,
  dueAt: seconds,
  decidedAt: seconds.nullable(),
})

function probeOf({ retryAt: _retryAt, tries: _tries, ...row }: ProbeRow): object {
  return row
}

/** Mounts the resource. */
export function mountProbes(door: Door, { coordinator }: CoordinatorPorts): void {
  const { probes, node } = coordinator
  mount(
    door,
    {
      method: 'get',
      path: '/v1/probes',
      roles: LOOK,
      tag,
      summary: 'Sites that were asked for records that have ended; the newest first',
      description: 'Right answers are gone and unknown. A body that came was not kept.',
      query: z.strictObject({
        limit,
        cursor: z.int().min(0).optional().describe('id of the last one of the page before'),
        target: z.string().max(253).optional(),
        state: z.enum(PROBE_STATES).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ probes: z.array(probe), next: z.int().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const { cursor, target, state } = query
      const rows = await probes.list({
        limit: query.limit,
        ...(cursor !== undefined && { before: cursor }),
        ...(target !== undefined && { target: at('/target', () => parseSiteId(target)) }),
        ...(state !== undefined && { state }),
      })
      const next = rows.length < query.limit ? null : (rows.at(-1)?.id ?? null)
      return c.json({ probes: rows.map(probeOf), next })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/probes/rates',
      roles: LOOK,
      tag,
      summary: 'How often each site has passed',
      answers: {
        200: {
          description: 'Each site that was ever probed',
          schema: z.object({ rates: z.array(rateShape.extend({ unanswered: z.int() })) }),
        },
      },
    },
    async (c) => c.json({ rates: await probes.rates() }),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/probes',
      roles: LOOK,
      tag,
      summary: 'Probe one site',
      description: 'At times of the next hour that nobody knows before. Stands in the access log.',
      body: z.strictObject({
        target: z.string().max(253),
        count: z.int().min(1).max(DRAWN_PER_LOG),
      }),
      answers: {
        202: {
          description: 'How many are planned: none where no record has ended that it must not have',
          schema: z.object({ target: siteId, planned: z.int() }),
        },
        404: { description: 'No such site takes part' },
      },
    },
    async (c, { body }) => {
      const target = at('/target', () => parseSiteId(body.target))
      if (!node.view.activeOthers().includes(target))
        throw new ProtocolError('not_found', '/target', 'a site that takes part')
      const planned = await probes.demand(actorOf(c), target, body.count)
      return c.json({ target, planned }, 202)
    },
  )
}
