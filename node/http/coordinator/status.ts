/** `/v1/status` of the coordinator: how it is with each log. */
import { z } from '@hono/zod-openapi'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { LOOK, type CoordinatorPorts } from './ports.ts'

const shape = z.object({
  network: z.string(),
  version: z.string(),
  writable: z.boolean(),
  connected: z.array(z.string()),
  logs: z.array(
    z.object({
      site: z.string(),
      size: z.int(),
      heartbeat: z.int().nullable(),
      lease: z.enum(['fresh', 'hidden', 'lapsed']),
      forked: z.boolean(),
      records: z.object({ live: z.int(), withdrawn: z.int() }),
    }),
  ),
})

/** Mounts the resource. */
export function mountCoordinatorStatus(door: Door, ports: CoordinatorPorts): void {
  const { coordinator, store, network, version } = ports
  const { view, writer } = coordinator.node
  mount(
    door,
    {
      method: 'get',
      path: '/v1/status',
      roles: LOOK,
      tag: 'Node',
      summary: 'How the coordinator is with each log',
      answers: { 200: { description: 'Its state', schema: shape } },
    },
    async (c) => {
      const logs = await store.read(async (tx) => {
        const list = []
        for (const { site, size } of await tx.logs.all()) {
          const { live, withdrawn } = await tx.records.counts(site)
          list.push({
            site,
            size,
            heartbeat: view.heartbeat(site),
            lease: view.lease(site),
            forked: view.frozen.has(site),
            records: { live, withdrawn },
          })
        }
        return list
      })
      const connected = network.connected()
      return c.json({
        network: view.network,
        version,
        writable: writer.isWritable(),
        connected,
        logs,
      })
    },
  )
}
