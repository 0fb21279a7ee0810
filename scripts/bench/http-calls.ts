/** Publishing through the HTTP interface: the server in the home's process, the client in another. */
import { createAccess, SITE_ROLES } from '../../node/core/access.ts'
import { createWebhooks } from '../../node/core/webhook/delivery.ts'
import { createOutbound } from '../../node/outbound/webhook.ts'
import { serve } from '../../node/http/server.ts'
import { createSiteApp } from '../../node/http/site-app.ts'
import { createMetrics } from '../../node/telemetry/metrics.ts'
import type { Calls } from './calls.ts'
import { batches } from './members.ts'
import type { BenchSite } from './node.ts'
import { timed, type Spent } from './timing.ts'

/** Serves a site's interface on a free port, under a key of its own. */
export async function serveHttp(bench: BenchSite): Promise<{ url: string; key: string }> {
  const { site, ports, host, steps } = bench
  const access = createAccess(ports, SITE_ROLES)
  const { secret } = await access.create('bench', 'admin')
  const app = createSiteApp({
    site,
    store: site.feed.store,
    clock: ports.clock,
    network: host,
    access,
    webhooks: createWebhooks({
      ...ports,
      feed: site.feed,
      hub: site.hub,
      tasks: site.node.tasks,
      outbound: createOutbound({ allowPrivate: false }),
      key: ports.random.bytes(32),
    }),
    bridge: null,
    metrics: createMetrics(),
    version: 'bench',
  })
  const served = await serve(app, { host: '127.0.0.1', port: 0 })
  steps.add(served.close)
  return { url: served.url, key: secret }
}

/** Streams members as NDJSON, and counts the lines of the answer that say `published`. */
async function bulk({ url, key, from, count }: Parameters<Calls['bulk']>[0]) {
  const encoder = new TextEncoder()
  const lines = [...batches(from, count)].map((batch) =>
    encoder.encode(batch.map((person) => `${JSON.stringify(person)}\n`).join('')),
  )
  const { millis, cpuMillis, value } = await timed(async () => {
    const answer = await fetch(`${url}/v1/members:bulk`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
      body: ReadableStream.from(lines) as ReadableStream<Uint8Array<ArrayBuffer>>,
      duplex: 'half',
    })
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
    return answer.text()
  })
  const published = value.split('\n').filter((line) => line.includes('"published"')).length
  return { millis, cpuMillis, published } satisfies Spent & { published: number }
}

export const httpCalls = { bulk } satisfies Partial<Calls>
