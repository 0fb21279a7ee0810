/**
 * A member of the network that runs inside the test: the real core on a real host, which keeps all
 * that others have ever sent to it, in clear, and can ask for whatever it likes.
 */
import { join } from 'node:path'
import { createIdentity, derivePrivateKeys } from '../../node/core/identity.ts'
import type { Event, Network, NetworkHandlers } from '../../node/core/ports.ts'
import { createSite, type Site } from '../../node/core/site.ts'
import { createHost, type Host } from '../../node/network/host.ts'
import { createClock, systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { createFolder } from '../../node/store/folder.ts'
import { createImages } from '../../node/store/images.ts'
import { openStorage } from '../../node/store/storage.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { encodeCbor } from '../../protocol/cbor.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { formatVerifierKey } from '../../protocol/note.ts'
import type { BodyAnswer, SyncReply, SyncRequest } from '../../protocol/wire.ts'
import { NETWORK, type TestNetwork } from './network.ts'
import { until } from './process.ts'

const SEED_BYTES = 32
const CONNECTIONS = 50

export interface Partner {
  site: SiteId
  core: Site
  host: Host
  events: Event[]
  /** All messages that others have sent, in clear. */
  received: Uint8Array[]
  /** Every body among them. */
  bodies: Uint8Array[]
  /**
   * Asks for bodies, whether it may or not.
   *
   * @param requirements as in the request; by default what is true
   */
  ask: (
    source: string,
    home: string,
    indexes: readonly number[],
    requirements?: number,
  ) => Promise<BodyAnswer['kind'][]>
  sync: (source: string, request: SyncRequest) => Promise<SyncReply[]>
  stop: () => Promise<void>
}

/** Keeps what comes in by gossip, and what others ask. */
function recordingHandlers(
  inner: () => NetworkHandlers | null,
  keep: (message: unknown) => void,
): NetworkHandlers {
  const core = (): NetworkHandlers => {
    const handlers = inner()
    if (handlers === null) throw new Error('The partner is not started yet')
    return handlers
  }
  return {
    mayConnect: (site) => inner()?.mayConnect(site) ?? false,
    announcement: async (from, announcement) => {
      keep(announcement)
      return core().announcement(from, announcement)
    },
    sync: (from, request) => {
      keep(request)
      return core().sync(from, request)
    },
    bodies: (from, request) => {
      keep(request)
      return core().bodies(from, request)
    },
    pictures: (from, request) => {
      keep(request)
      return core().pictures(from, request)
    },
    report: async (from, report) => {
      keep(report)
      return core().report(from, report)
    },
    audit: async (from, request) => {
      keep(request)
      return core().audit(from, request)
    },
    talk: async (from, request) => {
      keep(request)
      return core().talk(from, request)
    },
    presence: (from) => core().presence(from),
    connected: (site) => inner()?.connected(site),
  }
}

/** Keeps what comes back on what this node asks. */
function recordingNetwork(host: Host, keep: (message: unknown) => void): Network {
  async function* kept<T>(replies: AsyncIterable<T>): AsyncIterable<T> {
    for await (const reply of replies) {
      keep(reply)
      yield reply
    }
  }
  return {
    ...host,
    sync: (site, request) => kept(host.sync(site, request)),
    bodies: (site, request) => kept(host.bodies(site, request)),
    report: async (site, report) => {
      const answer = await host.report(site, report)
      keep(answer)
      return answer
    },
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Has a partner admitted and starts it; resolves when it may write its log. */
export async function startPartner(network: TestNetwork, name: string): Promise<Partner> {
  const site = parseSiteId(name)
  const networkId = parseSiteId(NETWORK)
  const identity = createIdentity(networkId, site, systemRandom.bytes(SEED_BYTES))
  const keys = derivePrivateKeys(systemRandom.bytes(SEED_BYTES))
  await network.coordinator.api.apply({
    site: name,
    logKey: formatVerifierKey(identity.logKey),
    witnessKey: formatVerifierKey(identity.witnessKey),
  })
  await network.coordinator.api.admit(name)

  const events: Event[] = []
  const received: Uint8Array[] = []
  const bodies: Uint8Array[] = []
  const keep = (message: unknown): void => {
    received.push(encodeCbor(message))
    const answers = (message as { answers?: BodyAnswer[] }).answers ?? []
    for (const answer of answers) if (answer.kind === 'body') bodies.push(answer.body)
  }
  const record = { emit: (event: Event) => void events.push(event) }
  const storage = await openStorage({
    folder: createFolder(join(network.root, name)),
    site,
    masterKey: keys.master,
    random: systemRandom,
    crypto: systemCrypto,
  })
  let core: Site | null = null
  const keyOf = (asked: SiteId): Uint8Array | null =>
    asked === networkId
      ? network.coordinatorKey.publicKey
      : (core?.node.view.registry().members.get(asked)?.keys.at(-1)?.logKey ?? null)
  const handlers = recordingHandlers(() => core?.node.handlers ?? null, keep)
  const host = await createHost({
    logSeed: identity.logSeed,
    network: networkId,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    maxConnections: CONNECTIONS,
    inboundPerSecond: 1000,
    keyOf,
    siteOfKey: (key) => {
      const sites = [networkId, ...(core?.node.view.registry().members.keys() ?? [])]
      return sites.find((one) => equalBytes(keyOf(one) ?? new Uint8Array(0), key)) ?? null
    },
    handlers,
    events: record,
  })
  const tapped = recordingNetwork(host, keep)
  const made = await createSite(
    {
      clock: createClock(record),
      random: systemRandom,
      crypto: systemCrypto,
      store: storage.store,
      vault: storage.vault,
      blobs: storage.blobs,
      images: createImages(),
      network: tapped,
      events: record,
    },
    {
      identity,
      keys,
      coordinatorKey: network.coordinatorKey,
      tickSeconds: 1,
      exchangeSeconds: 1,
    },
  )
  core = made
  await host.start()
  await made.start()
  const address = `/ip4/127.0.0.1/tcp/${network.coordinator.announcedPort}`
  host.learnAddresses([{ site: networkId, addresses: [address] }])
  const partner: Partner = {
    site,
    core: made,
    host,
    events,
    received,
    bodies,
    ask: async (source, home, indexes, requirements) => {
      const own = (made.node.view.requirements(site)?.index ?? -1) + 1
      const request = {
        home: parseSiteId(home),
        indexes: [...indexes],
        requirements: requirements ?? own,
        registry: made.node.view.registry().size,
      }
      const replies = await all(tapped.bodies(parseSiteId(source), request))
      const answers = replies.flatMap((reply) => reply.answers)
      return indexes.map((at) => answers.find(({ index }) => index === at)?.kind ?? 'unknown')
    },
    sync: (source, request) => all(tapped.sync(parseSiteId(source), request)),
    stop: async () => {
      await made.stop()
      await host.stop()
      await storage.close()
    },
  }
  await until(`${name} may write its log`, () => made.node.writer.isWritable())
  return partner
}
