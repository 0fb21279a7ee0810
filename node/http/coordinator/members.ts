/** `/v1/members`: the sites that take part, and measures against them. */
import { z } from '@hono/zod-openapi'
import { MEASURE_REASONS } from '../../../protocol/entry.ts'
import type { Member } from '../../../protocol/registry.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { ACT, keyTexts, LOOK, parseKeyTexts, siteIn, type CoordinatorPorts } from './ports.ts'

const tag = 'Members'
const KEY_CHARS = 512
const keys = { logKey: z.string().max(KEY_CHARS), witnessKey: z.string().max(KEY_CHARS) }

/** A member as staff and auditors see it. */
export const memberShape = z.object({
  site: z.string(),
  status: z.enum(['admitted', 'suspended', 'expelled']),
  siteType: z.string(),
  jurisdiction: z.string(),
  admittedAt: z.int(),
  expires: z.int(),
  admissions: z
    .array(z.object({ from: z.int(), until: z.int() }))
    .describe('when it was admitted, and until when'),
  expelledAt: z.int().nullable(),
  keys: z.array(z.object({ above: z.int().describe('log size from which they sign'), ...keys })),
  heartbeat: z.int().nullable().describe('unix seconds of the newest one heard since the start'),
  lease: z.enum(['fresh', 'hidden', 'lapsed']),
  forked: z.boolean(),
})

export function memberOf({ coordinator }: CoordinatorPorts, member: Member): object {
  const { view } = coordinator.node
  const { site } = member
  return {
    ...member,
    keys: member.keys.map((span) => ({
      above: span.above,
      ...keyTexts(view.network, site, span),
    })),
    heartbeat: view.heartbeat(site),
    lease: view.lease(site),
    forked: view.frozen.has(site),
  }
}

function mountMeasures(door: Door, ports: CoordinatorPorts): void {
  const { admission } = ports.coordinator
  const kinds = {
    suspend: 'Suspend a site: it gets nothing and shows nothing, but its withdrawals count',
    reinstate: 'Reinstate a suspended site',
    expel: 'Expel a site: whatever others hold of it is erased, and it stays out for good',
  } as const
  for (const kind of ['suspend', 'reinstate', 'expel'] as const)
    mount(
      door,
      {
        method: 'post',
        path: `/v1/members/{site}/${kind}`,
        roles: ACT,
        tag,
        summary: kinds[kind],
        body: z.strictObject({ reason: z.enum(MEASURE_REASONS) }),
        answers: { 200: { description: 'The member', schema: memberShape } },
      },
      async (c, { body }) => {
        const member = await admission.measure(kind, siteIn(c.req.param('site')), body.reason)
        return c.json(memberOf(ports, member))
      },
    )
}

/** Mounts the resource. */
export function mountMembers(door: Door, ports: CoordinatorPorts): void {
  const { view } = ports.coordinator.node
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members',
      roles: LOOK,
      tag,
      summary: 'The sites that take part or did',
      answers: {
        200: { description: 'All of them', schema: z.object({ members: z.array(memberShape) }) },
      },
    },
    (c) =>
      c.json({
        members: [...view.registry().members.values()].map((member) => memberOf(ports, member)),
      }),
  )
  mountMeasures(door, ports)
  mount(
    door,
    {
      method: 'post',
      path: '/v1/members/{site}/rotate',
      roles: ACT,
      tag,
      summary: 'Bind new keys to a site',
      description:
        'They sign from the size of its log that is known here. The site must have stopped writing ' +
        'with the old ones.',
      body: z.strictObject(keys),
      answers: { 200: { description: 'The member', schema: memberShape } },
    },
    async (c, { body }) => {
      const site = siteIn(c.req.param('site'))
      const parsed = parseKeyTexts(view.network, site, body)
      return c.json(memberOf(ports, await ports.coordinator.admission.rotate(site, parsed)))
    },
  )
}
