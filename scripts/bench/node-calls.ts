/** Runs one node in this process, and does with it what the benchmark asks. */
import { setTimeout as delay } from 'node:timers/promises'
import { fromHex, toHex } from '../../protocol/bytes.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { formatVerifierKey, parseVerifierKey } from '../../protocol/note.ts'
import { logStateOf } from '../../node/core/log/writer.ts'
import type { Calls, NodeFacts, Traffic } from './calls.ts'
import { bridgeSiteCallsOn } from './bridge-site.ts'
import { serveHttp } from './http-calls.ts'
import { batches, memberId } from './members.ts'
import {
  startCoordinator,
  startSite,
  type BenchCoordinator,
  type BenchNode,
  type BenchSite,
} from './node.ts'
import { pictureCallsOn } from './picture-calls.ts'
import { timed, type Spent } from './timing.ts'

/** Milliseconds between two looks at something that has no event of its own. */
const LOOK_MILLIS = 10
/** Milliseconds without a request after which two nodes count as having nothing more to say. */
const QUIET_MILLIS = 500
const READY_MILLIS = 60_000

let running: BenchSite | BenchCoordinator | null = null
/** The site that runs in this process. */
export function bySite(): BenchSite {
  if (running === null || !('site' in running)) throw new Error('no site runs in this process')
  return running
}
const byNode = (): BenchNode => {
  if (running === null) throw new Error('no node runs in this process')
  return running
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + READY_MILLIS; ; await delay(LOOK_MILLIS)) {
    if (await holds()) return
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
  }
}

function factsOf({ identity, host }: BenchNode): NodeFacts {
  return {
    site: identity.site,
    vkey: formatVerifierKey(identity.logKey),
    logKey: toHex(identity.logKey.publicKey),
    witnessKey: toHex(identity.witnessKey.publicKey),
    addresses: host.ownAddresses(),
  }
}

async function join(addresses: string[]): Promise<void> {
  const { site, host, identity } = bySite()
  host.learnAddresses([{ site: identity.network, addresses }])
  await host.dial(identity.network)
  await until('a log that may be written', () => site.node.writer.isWritable())
}

/** Waits until all entries of a log are here and no body of it is asked for any more. */
async function settled(home: SiteId, size: number): Promise<number> {
  const { store } = bySite().ports
  for (;;) {
    const isSettled = await store.read(
      async (tx) =>
        (await logStateOf(tx, home)).size >= size &&
        (await tx.records.wanted(home, -1, 1)).length === 0,
    )
    if (isSettled) return (await store.read((tx) => tx.records.counts(home))).held
    await delay(LOOK_MILLIS)
  }
}

async function quiet(traffic: Traffic): Promise<void> {
  await until('an exchange with the peer', () => traffic.requests > 0 && traffic.open === 0)
  for (let seen = -1; seen !== traffic.requests || traffic.open > 0;) {
    seen = traffic.requests
    await delay(QUIET_MILLIS)
  }
}

async function reconnect(peer: SiteId): Promise<Traffic & { millis: number }> {
  const { host, traffic } = byNode()
  await host.disconnect(peer)
  await until('the end of the connection', () => !host.connected().includes(peer))
  const seen = traffic(peer)
  Object.assign(seen, { requests: 0, bytes: 0, lastAt: 0 })
  const from = performance.now()
  await until('a connection', async () => {
    // The other side dials as well, and one of two connections made at once may be cut again.
    await host.dial(peer).catch(() => undefined)
    return host.connected().includes(peer)
  })
  await quiet(seen)
  return { ...seen, millis: seen.lastAt - from }
}

/** Withdraws, then waits until every member has said that it holds nothing of it any more. */
async function withdraw(from: number, count: number): Promise<Spent & { localMillis: number }> {
  const { site, identity, listen } = bySite()
  const ids = Array.from({ length: count }, (_, offset) => memberId(from + offset))
  let news = Promise.withResolvers<void>()
  const ignore = listen(({ type }) => {
    if (type !== 'receipt.received') return
    news.resolve()
    news = Promise.withResolvers<void>()
  })
  try {
    let localMillis = 0
    const { millis, cpuMillis } = await timed(async () => {
      const start = performance.now()
      const done = await site.withdrawer.withdraw(ids, 'consent-withdrawn', '')
      localMillis = performance.now() - start
      const last = Math.max(...[...done.values()].map(({ index }) => index ?? Number.NaN))
      for (const end = start + READY_MILLIS; performance.now() < end;) {
        const next = news.promise
        // The evidence file comes later, with the coordinator's next heartbeat.
        const { receipts } = await site.node.evidence.progress(identity.site, last)
        if (receipts.every(({ receivedAt }) => receivedAt !== null)) return
        await Promise.race([next, delay(READY_MILLIS, undefined, { ref: false })])
      }
      throw new Error(`waited in vain for the receipts of entry ${last}`)
    })
    return { millis, cpuMillis, localMillis }
  } finally {
    ignore()
  }
}

async function publish(from: number, count: number): Promise<Spent & { published: number }> {
  const spent = { millis: 0, cpuMillis: 0, published: 0 }
  for (const batch of batches(from, count)) {
    const { millis, cpuMillis, value } = await timed(() => bySite().site.publisher.put(batch))
    const refused = value.find((outcome) => outcome.kind === 'refused')
    if (refused !== undefined) throw refused.error
    spent.millis += millis
    spent.cpuMillis += cpuMillis
    spent.published += value.length
  }
  return spent
}

export const nodeCalls = {
  ...pictureCallsOn(bySite, join),
  ...bridgeSiteCallsOn(bySite),
  startCoordinator: async (options) => {
    running = await startCoordinator(options)
    return factsOf(running)
  },
  startSite: async (options) => {
    running = await startSite(options, parseVerifierKey(options.env['DPN_COORDINATOR_KEY'] ?? ''))
    return factsOf(running)
  },
  admit: async ({ site, logKey, witnessKey }) => {
    if (running === null || !('coordinator' in running)) throw new Error('no coordinator')
    const { admission } = running.coordinator
    const name = parseSiteId(site)
    await admission.apply({
      site: name,
      logKey: fromHex(logKey),
      witnessKey: fromHex(witnessKey),
      siteType: 'general',
      jurisdiction: 'DE',
      contact: 'bench@mail.example',
    })
    await admission.admit(name)
  },
  join: async ({ addresses }) => {
    const { millis, cpuMillis } = await timed(() => join(addresses))
    return { millis, cpuMillis }
  },
  publish: ({ from, count }) => publish(from, count),
  serveHttp: () => serveHttp(bySite()),
  requirements: async (requirements) => {
    await bySite().site.demands.put(requirements, undefined)
  },
  replicate: async ({ addresses, home, size, requirements }) => {
    const { millis, cpuMillis, value } = await timed(async () => {
      await join(addresses)
      await bySite().site.demands.put(requirements, undefined)
      return settled(parseSiteId(home), size)
    })
    return { millis, cpuMillis, held: value }
  },
  settled: async ({ home, size }) => ({ held: await settled(parseSiteId(home), size) }),
  connected: async (sites) => {
    const { host } = byNode()
    await until('all connections', () => {
      const connected: string[] = host.connected()
      return sites.every((site) => connected.includes(site))
    })
  },
  reconnect: ({ site }) => reconnect(parseSiteId(site)),
  traffic: async ({ site, reset }) => {
    const seen = byNode().traffic(site)
    const copy = { ...seen }
    if (reset) Object.assign(seen, { requests: 0, bytes: 0, lastAt: 0 })
    return copy
  },
  withdraw: ({ from, count }) => withdraw(from, count),
  cpu: async () => {
    const { user, system } = process.cpuUsage()
    return { cpuMillis: (user + system) / 1000 }
  },
  stop: async () => {
    await running?.steps.undo()
    running = null
  },
} satisfies Partial<Calls>
