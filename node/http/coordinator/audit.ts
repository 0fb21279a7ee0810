/** What auditors look at: withdrawals against their deadlines, evidence, forks. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { parseSize } from '../../../protocol/checkpoint.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { problemResponse } from '../problem.ts'
import { limit, progress, progressOf } from '../v1/shapes.ts'
import { LOOK, siteIn, type CoordinatorPorts } from './ports.ts'

const tag = 'Audit'

function mountWithdrawals(door: Door, { coordinator, clock }: CoordinatorPorts): void {
  const { view } = coordinator.node
  mount(
    door,
    {
      method: 'get',
      path: '/v1/withdrawals',
      roles: LOOK,
      tag,
      summary: 'Withdrawals of a site in the order of their entries, with receipts and deadlines',
      query: z.strictObject({
        site: z.string().max(253),
        limit,
        cursor: z.int().min(0).optional().describe('index of the last entry of the page before'),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ withdrawals: z.array(progress), next: z.int().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      const site = at('/site', () => parseSiteId(query.site))
      if (memberOf(view.registry(), site) === undefined)
        throw new ProtocolError('not_found', '/site', 'a site that was ever admitted')
      const above = query.cursor ?? -1
      const page = await coordinator.followUp.withdrawals(site, above, query.limit)
      const withdrawals = page.withdrawals.map((one) => progressOf(one, clock.now()))
      return c.json({ withdrawals, next: page.next })
    },
  )
}

function mountEvidence(door: Door, { coordinator }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/withdrawals/{site}/{index}/evidence',
      roles: LOOK,
      tag,
      summary: 'The evidence file of an entry of a log',
      description: 'Anybody can check it offline with the verifier key of the coordinator alone.',
      answers: {
        200: { description: 'A file', schema: z.record(z.string(), z.unknown()) },
        409: { description: 'not_ready: receipts are missing' },
      },
    },
    async (c) => {
      const site = siteIn(c.req.param('site'))
      const index = at('/index', () => parseSize(c.req.param('index') ?? ''))
      try {
        const file = await coordinator.node.evidence.file(site, index)
        return c.body(file, 200, {
          'content-type': 'application/json',
          'content-disposition': `attachment; filename="${site}-${index}.evidence.json"`,
        })
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
}

/** Mounts the audit's resources. */
export function mountAudit(door: Door, ports: CoordinatorPorts): void {
  mountWithdrawals(door, ports)
  mountEvidence(door, ports)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/forks',
      roles: LOOK,
      tag,
      summary: 'Logs that showed two histories, with both signed checkpoints',
      answers: {
        200: {
          description: 'All of them',
          schema: z.object({
            forks: z.array(
              z.object({
                log: z.string(),
                size: z.int(),
                notes: z.array(z.string()),
                foundAt: z.int(),
              }),
            ),
          }),
        },
      },
    },
    async (c) => c.json({ forks: await ports.store.read((tx) => tx.desk.forks()) }),
  )
}
