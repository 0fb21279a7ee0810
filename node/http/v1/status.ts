/** `/v1/status`, `/v1/health`, `/metrics`: how this node is. */
import { z } from '@hono/zod-openapi'
import { termsSchema } from '../../../protocol/entry.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { Door, HttpMetrics } from '../app.ts'
import { mount } from '../operation.ts'
import { READ, type SitePorts } from './ports.ts'
import { openBreaches } from './breaches.ts'
import { seconds, siteId } from './shapes.ts'

const tag = 'Node'

const status = z.object({
  site: siteId,
  network: siteId,
  version: z.string(),
  membership: z.enum(['none', 'admitted', 'suspended', 'expelled']),
  writable: z.boolean().describe('whether its log has been confirmed, so that it may publish'),
  connected: z.array(siteId),
  logs: z.array(
    z.object({
      site: siteId,
      size: z.int(),
      lease: z.enum(['fresh', 'hidden', 'lapsed']),
      forked: z.boolean(),
      records: z.object({ live: z.int(), withdrawn: z.int(), held: z.int() }),
    }),
  ),
  members: z.int().describe('members of this site with a live record'),
  breaches: z
    .array(z.object({ id: z.string(), site: siteId, known: seconds, affected: z.int() }))
    .describe('breaches of data whose members you have not told yet: see /v1/breaches'),
  terms: termsSchema,
})

/** Liveness for a supervisor: answers without a key, and says nothing. */
export function mountHealth(door: Door): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/health',
      roles: null,
      tag,
      summary: 'Whether the process answers',
      answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
    },
    (c) => c.json({ status: 'ok' }),
  )
}

/** Metrics for Prometheus, for whoever may read. */
export function mountMetrics(door: Door, metrics: HttpMetrics, roles: readonly string[]): void {
  mount(
    door,
    {
      method: 'get',
      path: '/metrics',
      roles,
      tag,
      summary: 'Metrics in the format of Prometheus',
      answers: { 200: { description: 'Text', type: 'text/plain' } },
    },
    async (c) => {
      const { contentType, text } = await metrics.render()
      return c.body(text, 200, { 'content-type': contentType })
    },
  )
}

/** Mounts the resource. */
export function mountStatus(door: Door, { site, store, network, version }: SitePorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/status',
      roles: READ,
      tag,
      summary: 'How this node is',
      answers: { 200: { description: 'Its state', schema: status } },
    },
    async (c) => {
      const { view, writer } = site.node
      const registry = view.registry()
      const { logs, members } = await store.read(async (tx) => {
        const states = await tx.logs.all()
        const shown = []
        for (const { site: log, size } of states)
          shown.push({
            site: log,
            size,
            lease: view.lease(log),
            forked: view.frozen.has(log),
            records: await tx.records.counts(log),
          })
        return { logs: shown, members: await tx.members.count() }
      })
      return c.json({
        site: view.self,
        network: view.network,
        version,
        membership: memberOf(registry, view.self)?.status ?? 'none',
        writable: writer.isWritable(),
        connected: network.connected(),
        logs,
        members,
        breaches: await openBreaches({ site }),
        terms: registry.terms,
      })
    },
  )
}
