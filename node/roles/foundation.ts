/** What both roles stand on: folder, secrets, storage, libp2p host, and the core's ports. */
import { setInterval } from 'node:timers'
import { equalBytes, toHex } from '../../protocol/bytes.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { Registry } from '../../protocol/registry.ts'
import {
  createIdentity,
  derivePrivateKeys,
  type Identity,
  type PrivateKeys,
} from '../core/identity.ts'
import type { Node, NodePorts } from '../core/node.ts'
import type { Events, NetworkHandlers } from '../core/ports.ts'
import { reasonOf } from '../core/tasks.ts'
import { createHost, type Host } from '../network/host.ts'
import { createFolder, type Folder } from '../store/folder.ts'
import { openStorage } from '../store/storage.ts'
import type { Config } from './config.ts'
import { listening, OperatorError } from './faults.ts'
import type { Steps } from './lifetime.ts'
import { readSecrets } from './secrets.ts'
import { createClock, systemCrypto, systemRandom } from './system.ts'

const DAY_SECONDS = 86_400
/** Seconds between two looks at whether a compaction is due. */
const LOOK_SECONDS = 3600

export interface Foundation {
  folder: Folder
  identity: Identity
  keys: PrivateKeys
  ports: NodePorts
  host: Host
}

/** Setting that ties a data folder to one log: under another name it would begin a second one. */
const ORIGIN_SETTING = 'origin'

/** Looks up keys and sites in the registry as it is now; tables are made once per change. */
function createLookup(config: Config, identity: Identity, registry: () => Registry | null) {
  const { network } = config
  const configured = config.coordinatorKey?.publicKey ?? identity.logKey.publicKey
  let built: Registry | null = null
  let bySite = new Map<SiteId, Uint8Array>()
  let byKey = new Map<string, SiteId>()

  function refresh(): void {
    const current = registry()
    if (current === built && byKey.size > 0) return
    built = current
    bySite = new Map()
    const members = [...(current?.members.values() ?? [])]
    for (const { site, keys } of members) {
      const newest = keys.at(-1)
      if (newest !== undefined) bySite.set(site, newest.logKey)
    }
    bySite.set(network, current?.coordinator?.keys.at(-1)?.logKey ?? configured)
    byKey = new Map([...bySite].map(([site, key]) => [toHex(key), site]))
  }

  return {
    siteOfKey: (key: Uint8Array): SiteId | null => {
      refresh()
      return byKey.get(toHex(key)) ?? null
    },
    keyOf: (site: SiteId): Uint8Array | null => {
      refresh()
      return bySite.get(site) ?? null
    },
  }
}

/** Handlers that let nobody in until the core behind them has started. */
function lateHandlers(core: () => NetworkHandlers | null): NetworkHandlers {
  const ready = (): NetworkHandlers => {
    const handlers = core()
    if (handlers === null) throw new OperatorError('The node is not started yet')
    return handlers
  }
  return {
    mayConnect: (site) => core()?.mayConnect(site) ?? false,
    announcement: async (from, announcement) =>
      core()?.announcement(from, announcement) ?? 'ignore',
    sync: (from, request) => ready().sync(from, request),
    bodies: (from, request) => ready().bodies(from, request),
    pictures: (from, request) => ready().pictures(from, request),
    report: (from, report) => ready().report(from, report),
    audit: (from, request) => ready().audit(from, request),
    talk: (from, request) => ready().talk(from, request),
    presence: (from) => ready().presence(from),
    connected: (site) => core()?.connected(site),
  }
}

/** Peer addresses under which a node behind a NAT asks the coordinator to relay for it. */
function listenAddresses(config: Config, circuits: readonly string[]): string[] {
  return config.role === 'site' && config.relay
    ? [...config.listen, ...circuits]
    : [...config.listen]
}

/** @throws OperatorError where the folder is another site's or the node key is not its own */
async function checkOwnership({ store }: Pick<NodePorts, 'store'>, identity: Identity) {
  const known = await store.read((tx) => tx.desk.setting(ORIGIN_SETTING))
  if (known !== null && known !== identity.origin)
    throw new OperatorError(
      `This data folder is the one of ${known}, not of ${identity.origin}: choose another folder`,
    )
  if (known === null) await store.write((tx) => tx.desk.setSetting(ORIGIN_SETTING, identity.origin))
}

/**
 * Opens everything below the core.
 *
 * @param core gives the handlers once the core has started, null before
 * @throws OperatorError, SecretError, or the storage's errors
 */
export async function layFoundation(
  config: Config,
  parts: {
    events: Events
    steps: Steps
    core: () => Node | null
    registry: () => Registry | null
    circuits: readonly string[]
  },
): Promise<Foundation> {
  const { events, steps } = parts
  const folder = createFolder(config.folder)
  const secrets = readSecrets(folder, config.secrets)
  const identity = createIdentity(config.network, config.site, secrets.node)
  const keys = derivePrivateKeys(secrets.storage)
  if (
    config.role === 'coordinator' &&
    config.coordinatorKey !== null &&
    !equalBytes(config.coordinatorKey.publicKey, identity.logKey.publicKey)
  )
    throw new OperatorError(
      'DPN_COORDINATOR_KEY is not the key that follows from node.key: put the right node.key back',
    )
  const storage = await openStorage({
    folder,
    site: config.site,
    masterKey: keys.master,
    random: systemRandom,
    crypto: systemCrypto,
  })
  steps.add(storage.close)
  await checkOwnership(storage, identity)
  const { siteOfKey, keyOf } = createLookup(config, identity, parts.registry)
  const host = await createHost({
    logSeed: identity.logSeed,
    network: config.network,
    listen: listenAddresses(config, parts.circuits),
    announce: config.announce,
    maxConnections: config.maxConnections,
    inboundPerSecond: config.inboundPerSecond,
    relay: config.role === 'site' ? 'client' : 'server',
    siteOfKey,
    keyOf,
    handlers: lateHandlers(() => parts.core()?.handlers ?? null),
    events,
  })
  const ports: NodePorts = {
    clock: createClock(events),
    random: systemRandom,
    crypto: systemCrypto,
    store: storage.store,
    vault: storage.vault,
    blobs: storage.blobs,
    network: host,
    events,
  }
  return { folder, identity, keys, ports, host }
}

/** @throws OperatorError where the registry has this site under other keys */
export function checkAdmittedKeys(registry: Registry, identity: Identity): void {
  const member =
    identity.site === identity.network ? registry.coordinator : registry.members.get(identity.site)
  if (member === undefined || member === null) return
  if (member.keys.some(({ logKey }) => equalBytes(logKey, identity.logKey.publicKey))) return
  throw new OperatorError(
    `node.key is not the key under which ${identity.site} was admitted: put the right one back`,
  )
}

/** @throws OperatorError where the folder's registry was signed by another coordinator */
export function checkCoordinatorKey(registry: Registry, config: Config): void {
  const first = registry.coordinator?.keys[0]?.logKey
  const { coordinatorKey } = config
  if (first === undefined || coordinatorKey === null) return
  if (equalBytes(first, coordinatorKey.publicKey)) return
  throw new OperatorError(
    'DPN_COORDINATOR_KEY is not the key of the network in this data folder: correct it',
  )
}

/** Starts the host; a taken port becomes one line. */
export async function startHost(config: Config, host: Host, steps: Steps): Promise<void> {
  await listening(config.listen.join(', '), 'DPN_LISTEN', host.start)
  steps.add(host.stop)
}

/** Setting with the time of the last compaction, so that frequent restarts do not put it off. */
const COMPACTED = 'compacted'

/** Rewrites the database once a day, so that no remnant of a deleted row outlives one. */
export function compactDaily({ store, clock, events }: NodePorts, steps: Steps): void {
  let running: Promise<void> | null = null

  async function compact(): Promise<void> {
    const last = Number((await store.read((tx) => tx.desk.setting(COMPACTED))) ?? '0')
    if (clock.now() - last < DAY_SECONDS) return
    await store.compact()
    await store.write((tx) => tx.desk.setSetting(COMPACTED, String(clock.now())))
  }
  function look(): void {
    running ??= compact()
      .catch((error: unknown) => {
        events.emit({ type: 'task.failed', task: 'compact', reason: reasonOf(error) })
      })
      .finally(() => {
        running = null
      })
  }

  const timer = setInterval(look, LOOK_SECONDS * 1000)
  timer.unref()
  look()
  steps.add(async () => {
    clearInterval(timer)
    await running
  })
}
