/**
 * A network in one process: the real cores on stores and slot files in memory, a hub in place of
 * sockets, a clock that only tests move. Nothing here waits for real time, so that everything that
 * is going to happen has happened when `quiet` resolves.
 */
import { setImmediate } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import {
  createCoordinator,
  type Coordinator,
  type CoordinatorNodePorts,
} from '../../node/core/coordinator.ts'
import {
  createIdentity,
  derivePrivateKeys,
  type Identity,
  type PrivateKeys,
} from '../../node/core/identity.ts'
import type { NodeSettings } from '../../node/core/node.ts'
import type { Finding } from '../../node/core/oversight/finding.ts'
import type { Clock, Event, Network, NetworkHandlers, Vault } from '../../node/core/ports.ts'
import type { Company } from '../../node/core/record/discover.ts'
import { createSite, type Site, type SiteNodePorts } from '../../node/core/site.ts'
import { systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { openDatabase } from '../../node/store/database.ts'
import type { WebsitePorts } from '../../node/core/talk/talk.ts'
import type { SlotFile } from '../../node/store/slot-file.ts'
import { createStore } from '../../node/store/store.ts'
import { openVault } from '../../node/store/vault.ts'
import type { Terms } from '../../protocol/entry.ts'
import { parseSiteId, type RecordId, type SiteId } from '../../protocol/ids.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import { aConsent, aProfile, NOW } from '../fixtures/people.ts'
import { memoryBlobs, memoryImages } from '../fixtures/pictures.ts'

export const NETWORK = parseSiteId('network.example')
export const A = parseSiteId('amor.example')
export const B = parseSiteId('beau.example')
export const C = parseSiteId('cher.example')

const ROUNDS = 12

/** A slot file in memory, whose writes a test can make fail. */
export interface MemoryFile extends SlotFile {
  isBroken: boolean
}
function memoryFile(): MemoryFile {
  let bytes = new Uint8Array(0)
  return {
    isBroken: false,
    size: () => bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    write(offset, piece) {
      if (this.isBroken) throw new Error('the disk is gone')
      if (offset + piece.length > bytes.length) {
        const larger = new Uint8Array(offset + piece.length)
        larger.set(bytes)
        bytes = larger
      }
      bytes.set(piece, offset)
    },
    sync: () => undefined,
  }
}

const ALL_FINDINGS = {
  filter: {},
  order: 'since',
  isDescending: false,
  offset: 0,
  limit: 1000,
} as const

/** What survives a process: keys, database, slots, and what the operator has set. */
interface Machine {
  id: SiteId
  identity: Identity
  keys: PrivateKeys
  disk: MemoryFile
  /** Sealed pictures by slot. */
  files: Map<number, Uint8Array>
  database: Awaited<ReturnType<typeof openDatabase>>
  ports: SiteNodePorts
  isVolunteer: boolean
}
export interface SiteMachine extends Machine {
  site: Site
}
export interface CoordinatorMachine extends Machine {
  coordinator: Coordinator
}

type Wrap = (handlers: NetworkHandlers) => NetworkHandlers

export interface World {
  clock: Clock & { set: (time: number) => void }
  events: Event[]
  /** What the coordinator has found. */
  findings: () => Promise<Finding[]>
  coordinator: CoordinatorMachine
  /** Admits and starts a site; without `requirements` it accepts everybody. */
  addSite: (id: SiteId, options?: SiteOptions) => Promise<SiteMachine>
  /** Admits a site whose part the test plays itself. */
  admit: (id: SiteId) => Promise<Identity>
  /** Puts handlers on the hub, of a node or of a test in its place. */
  join: (id: SiteId, handlers: NetworkHandlers) => void
  /** Waits until nothing moves any more. */
  quiet: () => Promise<void>
  /** Moves the time once, runs all timers, waits until it is quiet. */
  tick: (seconds?: number) => Promise<void>
  /** Moves the time in steps that no lease notices. */
  pass: (seconds: number) => Promise<void>
  /** Cuts all connections of a node, or those of a pair. */
  cut: (one: SiteId, other?: SiteId) => void
  heal: (one: SiteId, other?: SiteId) => Promise<void>
  /** Stops gossip of a node: what it announces is lost. */
  mute: (site: SiteId, isMute: boolean) => void
  /** Puts something between the hub and a node; null takes it away. */
  wrap: (site: SiteId, wrap: Wrap | null) => void
  stop: (machine: SiteMachine) => Promise<void>
  /** Starts a site again on what it has on disk. */
  restart: (machine: SiteMachine, options?: { vault?: Vault }) => Promise<void>
  /** The node's database as bytes, for {@link World.rollBack}. */
  snapshot: (machine: SiteMachine) => Uint8Array
  /** Stops a site, puts an old database back, and starts it. */
  rollBack: (machine: SiteMachine, snapshot: Uint8Array) => Promise<void>
}
export interface SiteOptions {
  requirements?: unknown
  siteType?: string
  company?: Company
  /** Whether it runs probes for the coordinator. */
  isVolunteer?: boolean
  /** Who is handed messages and presence; nobody listens without it. */
  website?: WebsitePorts
}

interface Hub {
  networkOf: (self: SiteId) => Network
  join: (site: SiteId, handlers: NetworkHandlers) => void
  leave: (site: SiteId) => void
  greet: (site: SiteId) => void
  cut: (one: SiteId, other?: SiteId) => void
  heal: (one: SiteId, other?: SiteId) => void
  mute: (site: SiteId, isMute: boolean) => void
  wrap: World['wrap']
}

const pair = (a: SiteId, b: SiteId): string => [a, b].toSorted().join(' ')

function createHub(): Hub {
  const all = new Map<SiteId, NetworkHandlers>()
  const wraps = new Map<SiteId, Wrap>()
  const off = new Set<string>()
  const muted = new Set<SiteId>()
  const isLinked = (a: SiteId, b: SiteId): boolean =>
    a !== b && all.has(a) && all.has(b) && !off.has(a) && !off.has(b) && !off.has(pair(a, b))
  const reach = (self: SiteId, site: SiteId): NetworkHandlers => {
    const handlers = all.get(site)
    if (handlers === undefined || !isLinked(self, site)) throw new Error('unreachable')
    return wraps.get(site)?.(handlers) ?? handlers
  }
  const connected = (self: SiteId): SiteId[] =>
    [...all.keys()].filter((site) => isLinked(self, site))
  const greet = (site: SiteId): void => {
    for (const other of connected(site)) {
      all.get(site)?.connected(other)
      all.get(other)?.connected(site)
    }
  }

  return {
    networkOf: (self) => ({
      announce: async (announcement) => {
        if (muted.has(self)) return
        // As gossip does, this does not wait for the receivers, nor hears of their troubles.
        for (const site of connected(self))
          reach(self, site)
            .announcement(self, announcement)
            .catch(() => 'ignore')
      },
      connected: () => connected(self),
      learnAddresses: () => undefined,
      ownAddresses: () => [`/dns4/${self}/tcp/4001`],
      async *sync(site, request) {
        yield* reach(self, site).sync(self, request)
      },
      async *bodies(site, request) {
        yield* reach(self, site).bodies(self, request)
      },
      async *pictures(site, request) {
        yield* reach(self, site).pictures(self, request)
      },
      report: async (site, report) => reach(self, site).report(self, report),
      audit: async (site, request) => reach(self, site).audit(self, request),
      talk: async (site, request) => reach(self, site).talk(self, request),
      request: async (site, request) => reach(self, site).request(self, request),
      async *presence(site) {
        for await (const frame of reach(self, site).presence(self)) {
          if (!isLinked(self, site)) throw new Error('unreachable')
          yield frame
        }
      },
      disconnect: async (site) => void off.add(pair(self, site)),
    }),
    join: (site, handlers) => void all.set(site, handlers),
    leave: (site) => void all.delete(site),
    greet,
    cut: (one, other) => void off.add(other === undefined ? one : pair(one, other)),
    heal: (one, other) => {
      off.delete(other === undefined ? one : pair(one, other))
      greet(one)
    },
    mute: (site, isMute) => void (isMute ? muted.add(site) : muted.delete(site)),
    wrap: (site, wrap) => void (wrap === null ? wraps.delete(site) : wraps.set(site, wrap)),
  }
}

function createTestClock(onError: (error: unknown) => void) {
  let time = NOW + 12 * 3600
  const timers = new Set<() => Promise<void>>()
  return {
    now: () => time,
    every: (_seconds: number, task: () => Promise<void>) => {
      timers.add(task)
      return () => void timers.delete(task)
    },
    set: (next: number) => {
      time = next
    },
    run: () => {
      for (const task of timers) task().catch(onError)
    },
  }
}

async function quiet(): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) await setImmediate()
}

/** Starts a network with a coordinator. It is taken down when the test is over. */
export async function aWorld(
  terms: Partial<Terms> = {},
  {
    exchangeSeconds = 30,
    ...extra
  }: { exchangeSeconds?: number } & Pick<CoordinatorNodePorts, 'mailer'> = {},
): Promise<World> {
  const events: Event[] = []
  const emit = (event: Event): void => void events.push(event)
  const clock = createTestClock(() => emit({ type: 'task.failed', task: 'timer', reason: '' }))
  const hub = createHub()
  const machines: Machine[] = []
  const stops = new Map<SiteId, () => Promise<void>>()

  const vaultOn = ({ disk, keys }: Pick<Machine, 'disk' | 'keys'>): Vault =>
    openVault({
      file: disk,
      masterKey: keys.master,
      random: systemRandom,
      crypto: systemCrypto,
      create: true,
    })
  async function aMachine(id: SiteId): Promise<Machine> {
    const identity = createIdentity(NETWORK, id, systemRandom.bytes(32))
    const keys = derivePrivateKeys(systemRandom.bytes(32))
    const disk = memoryFile()
    const files = new Map<number, Uint8Array>()
    const database = await openDatabase(':memory:')
    const ports: SiteNodePorts = {
      clock,
      random: systemRandom,
      crypto: systemCrypto,
      store: createStore({ database, site: id }),
      vault: vaultOn({ disk, keys }),
      blobs: memoryBlobs(files),
      images: memoryImages(),
      network: hub.networkOf(id),
      events: { emit },
    }
    const machine = { id, identity, keys, disk, files, database, ports, isVolunteer: false }
    machines.push(machine)
    return machine
  }
  const tick = async (seconds = 1): Promise<void> => {
    clock.set(clock.now() + seconds)
    clock.run()
    await quiet()
  }

  const coordinatorBase = await aMachine(NETWORK)
  const settingsOf = ({ identity }: Machine): NodeSettings => ({
    identity,
    coordinatorKey: coordinatorBase.identity.logKey,
    tickSeconds: 1,
    exchangeSeconds,
  })
  const coordinator: CoordinatorMachine = {
    ...coordinatorBase,
    coordinator: await createCoordinator(
      { ...coordinatorBase.ports, ...extra },
      {
        ...settingsOf(coordinatorBase),
        keys: coordinatorBase.keys,
        jurisdiction: 'DE',
        terms: { ...DEFAULT_TERMS, ...terms },
      },
    ),
  }
  hub.join(NETWORK, coordinator.coordinator.node.handlers)
  await coordinator.coordinator.start()
  stops.set(NETWORK, coordinator.coordinator.stop)
  onTestFinished(async () => {
    for (const end of stops.values()) await end()
    for (const { database } of machines) await database.close()
  })
  await tick()

  async function admit({ site, logKey, witnessKey }: Identity, siteType: string): Promise<void> {
    const { admission } = coordinator.coordinator
    await admission.apply({
      site,
      logKey: logKey.publicKey,
      witnessKey: witnessKey.publicKey,
      siteType,
      jurisdiction: 'DE',
      contact: 'owner@site.example',
    })
    await admission.admit(site)
    await quiet()
  }
  async function boot(machine: Machine): Promise<Site> {
    const { keys, isVolunteer } = machine
    const settings = { ...settingsOf(machine), keys, isVolunteer }
    const site = await createSite(machine.ports, settings)
    await site.start()
    stops.set(machine.id, site.stop)
    hub.join(machine.id, site.node.handlers)
    hub.greet(machine.id)
    await quiet()
    return site
  }
  async function stop(machine: SiteMachine): Promise<void> {
    hub.leave(machine.id)
    stops.delete(machine.id)
    await machine.site.stop()
    await quiet()
  }
  const restart: World['restart'] = async (machine, { vault } = {}) => {
    if (stops.has(machine.id)) await stop(machine)
    const { database } = machine
    machine.ports = {
      ...machine.ports,
      store: createStore({ database, site: machine.id }),
      vault: vault ?? vaultOn(machine),
    }
    machine.site = await boot(machine)
  }

  return {
    clock,
    events,
    findings: async () => (await coordinator.coordinator.findings.list(ALL_FINDINGS)).findings,
    coordinator,
    admit: async (id) => {
      const identity = createIdentity(NETWORK, id, systemRandom.bytes(32))
      await admit(identity, 'general')
      return identity
    },
    join: hub.join,
    addSite: async (
      id,
      { requirements = {}, siteType = 'general', website = {}, company, isVolunteer = false } = {},
    ) => {
      const machine = { ...(await aMachine(id)), isVolunteer }
      machine.ports = { ...machine.ports, ...website, ...(company && { company }) }
      await admit(machine.identity, siteType)
      const started: SiteMachine = { ...machine, site: await boot(machine) }
      await tick()
      if (requirements !== null) await started.site.demands.put(requirements, undefined)
      await tick()
      return started
    },
    quiet,
    tick,
    pass: async (seconds) => {
      for (let left = seconds; left > 0; left -= 4 * 3600) {
        await tick(Math.min(left, 4 * 3600))
        await tick()
      }
      await tick(30)
    },
    cut: hub.cut,
    heal: async (one, other) => {
      hub.heal(one, other)
      await quiet()
    },
    mute: hub.mute,
    wrap: hub.wrap,
    stop,
    restart,
    snapshot: ({ database }) => database.serialize(),
    rollBack: async (machine, snapshot) => {
      if (stops.has(machine.id)) await stop(machine)
      await machine.database.close()
      machines.splice(
        machines.findIndex(({ id }) => id === machine.id),
        1,
        machine,
      )
      machine.database = await openDatabase(snapshot)
      await restart(machine)
    },
  }
}

/** A member as a site's JSON gives it. */
export function aMember(
  id: string,
  parts: {
    profile?: Parameters<typeof aProfile>[0]
    consent?: Parameters<typeof aConsent>[0]
  } = {},
): unknown {
  return {
    id,
    email: `${id}@mail.example`,
    profile: aProfile(parts.profile),
    consent: aConsent(parts.consent),
  }
}

/** Puts one member; fails where it is refused. */
export async function put(machine: SiteMachine, member: unknown): Promise<RecordId> {
  const [outcome] = await machine.site.publisher.put([member])
  if (outcome === undefined || outcome.kind === 'refused')
    throw outcome?.error ?? new Error('no outcome')
  return outcome.record
}

/** How many bodies of a home a node has, readable or not, and doomed ones left out. */
export async function heldBy(machine: SiteMachine, home: SiteId): Promise<number> {
  return (await machine.ports.store.read((tx) => tx.records.counts(home))).held
}

/** Records that a site may show now. */
export async function shownBy(machine: SiteMachine): Promise<RecordId[]> {
  const { records } = await machine.site.discovery.list({ limit: 100 })
  return records.map(({ record }) => record)
}
