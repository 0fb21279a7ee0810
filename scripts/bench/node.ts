/** Puts a node together from the pieces of the roles, with its requests counted. */
import { setImmediate } from 'node:timers/promises'
import { createCoordinator, type Coordinator } from '../../node/core/coordinator.ts'
import type { Identity, PrivateKeys } from '../../node/core/identity.ts'
import type { Node, NodePorts } from '../../node/core/node.ts'
import type { Event, Events, Network } from '../../node/core/ports.ts'
import { createSite, type Site } from '../../node/core/site.ts'
import type { TalkRates } from '../../node/core/talk/limits.ts'
import type { Website } from '../../node/core/website.ts'
import type { Host } from '../../node/network/host.ts'
import { loadConfig, type Config } from '../../node/roles/config.ts'
import { layFoundation, startHost, type Foundation } from '../../node/roles/foundation.ts'
import { createSteps, type Steps } from '../../node/roles/lifetime.ts'
import { createImages } from '../../node/store/images.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import type { SiteId } from '../../protocol/ids.ts'
import {
  bodiesReplyCodec,
  bodiesRequestCodec,
  reportAnswerCodec,
  reportCodec,
  syncReplyCodec,
  syncRequestCodec,
} from '../../protocol/wire.ts'
import type { NodeOptions, Traffic } from './calls.ts'

/** A node that runs, and what a benchmark looks at. */
export interface BenchNode {
  identity: Identity
  keys: PrivateKeys
  ports: NodePorts
  host: Host
  steps: Steps
  /** Calls `heard` with each event from now on. */
  listen: (heard: (event: Event) => void) => () => void
  traffic: (site: string) => Traffic
}
export interface BenchSite extends BenchNode {
  site: Site
}
export interface BenchCoordinator extends BenchNode {
  coordinator: Coordinator
}

function createTraffic(): (site: string) => Traffic {
  const bySite = new Map<string, Traffic>()
  return (site) => {
    const known = bySite.get(site) ?? { requests: 0, bytes: 0, lastAt: 0, open: 0 }
    bySite.set(site, known)
    return known
  }
}

/** The network with the messages of each request counted, as long as their encodings are. */
function counted(network: Network, traffic: (site: string) => Traffic): Network {
  async function* count<Reply>(
    site: SiteId,
    request: Uint8Array,
    replies: AsyncIterable<Reply>,
    bytesOf: (reply: Reply) => number,
  ): AsyncGenerator<Reply> {
    const seen = traffic(site)
    seen.requests += 1
    seen.bytes += request.length
    seen.open += 1
    try {
      for await (const reply of replies) {
        seen.bytes += bytesOf(reply)
        yield reply
      }
    } finally {
      seen.open -= 1
      seen.lastAt = performance.now()
    }
  }
  return {
    ...network,
    sync: (site, request) =>
      count(site, syncRequestCodec.encode(request), network.sync(site, request), (reply) =>
        // Encoding entries a second time would be measured with the node.
        reply.kind === 'entries'
          ? reply.entries.reduce((sum, entry) => sum + entry.length, 0)
          : syncReplyCodec.encode(reply).length,
      ),
    bodies: (site, request) =>
      count(site, bodiesRequestCodec.encode(request), network.bodies(site, request), (reply) =>
        reply.answers.reduce(
          (sum, answer) =>
            sum +
            (answer.kind === 'body'
              ? answer.body.length
              : bodiesReplyCodec.encode({ answers: [answer] }).length),
          0,
        ),
      ),
    report: async (site, report) => {
      const seen = traffic(site)
      seen.requests += 1
      seen.open += 1
      seen.bytes += reportCodec.encode(report).length
      try {
        const answer = await network.report(site, report)
        seen.bytes += reportAnswerCodec.encode(answer).length
        return answer
      } finally {
        seen.open -= 1
        seen.lastAt = performance.now()
      }
    },
  }
}

/** Events to whoever listens; to the terminal, too, where BENCH_EVENTS is 1. */
function createListeners(): { events: Events; listen: BenchNode['listen'] } {
  const listeners = new Set<(event: Event) => void>()
  const isLoud = process.env['BENCH_EVENTS'] === '1'
  return {
    events: {
      emit: (event) => {
        if (isLoud) process.stderr.write(`${process.pid} ${JSON.stringify(event)}\n`)
        for (const heard of listeners) heard(event)
      },
    },
    listen: (heard) => {
      listeners.add(heard)
      return () => void listeners.delete(heard)
    },
  }
}

async function start<
  Made extends { node: Node; start: () => Promise<void>; stop: () => Promise<void> },
>(
  options: NodeOptions,
  role: Config['role'],
  build: (
    config: Config,
    ports: NodePorts,
    keys: { identity: Identity; keys: PrivateKeys },
  ) => Promise<Made>,
): Promise<BenchNode & { made: Made }> {
  const config = loadConfig(options.env, options.folder, role)
  const steps = createSteps()
  const { events, listen } = createListeners()
  const traffic = createTraffic()
  let made: Made | null = null
  let isOpen = false
  const foundation: Foundation = await layFoundation(config, {
    events,
    steps,
    core: () => (isOpen ? (made?.node ?? null) : null),
    registry: () => made?.node.view.registry() ?? null,
    circuits: [],
  })
  const { host, identity, keys } = foundation
  const ports = { ...foundation.ports, network: counted(foundation.ports.network, traffic) }
  made = await build(config, ports, { identity, keys })
  await startHost(config, host, steps)
  steps.add(made.stop)
  await made.start()
  isOpen = true
  return { made, identity, keys, ports, host, steps, listen, traffic }
}

/** A website that takes everything at once, so that only the nodes are measured. */
const READY: Website = { deliver: async () => 'taken', show: () => undefined }
const UNBOUND = { perSecond: 1e9, burst: 1e9 }
const NO_LIMITS: TalkRates = {
  pair: UNBOUND,
  member: UNBOUND,
  signs: UNBOUND,
  site: UNBOUND,
  sameTextByMember: 1e9,
  sameTextBySite: 1e9,
}

/** Starts a site; it looks for nobody until it is told an address. */
export async function startSite(
  options: NodeOptions,
  coordinatorKey: VerifierKey,
): Promise<BenchSite> {
  const { made, ...node } = await start(options, 'site', (config, ports, keys) =>
    createSite(
      {
        ...ports,
        images: createImages(),
        website: READY,
        talkRates: NO_LIMITS,
        pause: () => setImmediate(),
      },
      {
        ...keys,
        coordinatorKey,
        tickSeconds: config.tickSeconds,
        exchangeSeconds: config.exchangeSeconds,
      },
    ),
  )
  return { ...node, site: made }
}

/** Starts a coordinator. */
export async function startCoordinator(options: NodeOptions): Promise<BenchCoordinator> {
  const { made, ...node } = await start(
    options,
    'coordinator',
    (config, ports, { identity, keys }) =>
      createCoordinator(ports, {
        identity,
        coordinatorKey: identity.logKey,
        tickSeconds: config.tickSeconds,
        exchangeSeconds: config.exchangeSeconds,
        jurisdiction: 'DE',
        keys,
      }),
  )
  return { ...node, coordinator: made }
}
