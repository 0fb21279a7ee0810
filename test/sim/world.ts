/** A whole network in one process: nodes with their disks, clocks and keys, and what connects them. */
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import type { Terms } from '../../protocol/entry.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { BodiesRequest, SyncReply } from '../../protocol/wire.ts'
import { createCoordinator, type Coordinator } from '../../node/core/coordinator.ts'
import type { Identity, PrivateKeys } from '../../node/core/identity.ts'
import type { NodePorts, NodeSettings } from '../../node/core/node.ts'
import type { Clock, Crypto, Event, NetworkHandlers, Vault } from '../../node/core/ports.ts'
import { FEED_EPOCH } from '../../node/core/feed.ts'
import type { Finding } from '../../node/core/oversight/finding.ts'
import { createSite, type Site, type SiteNodePorts } from '../../node/core/site.ts'
import type { Store } from '../../node/core/store.ts'
import { openDatabase, type Database } from '../../node/store/database.ts'
import type { SlotFile } from '../../node/store/slot-file.ts'
import { VAULT_SETTING } from '../../node/store/storage.ts'
import { openVault } from '../../node/store/vault.ts'
import { memoryImages } from '../fixtures/pictures.ts'
import { checkAudited, checkFound } from './audit-judge.ts'
import { clockOf } from './clock.ts'
import { createSimCrypto } from './crypto.ts'
import type { Dice } from './dice.ts'
import { Crashed, createFuse, SlotDisk, slotFileOn, type CrashMoment, type Fuse } from './disk.ts'
import { Judge } from './judge.ts'
import type { Judged } from './judged.ts'
import { keysFor } from './keys.ts'
import { backedUp, emptyKnowledge, type Knowledge } from './knowledge.ts'
import { SimNetwork, type Port } from './network.ts'
import { createQueue, type Queue } from './queue.ts'
import { blobsOn, bodyRows, liveRows, storeOn, vaultOn } from './storage.ts'
import { misbelief, nothingTold, toldRows } from './told.ts'

export const NETWORK = parseSiteId('network.example')
export const SITES = ['amor', 'beso', 'cuore', 'douce', 'eros'].map((name) =>
  parseSiteId(`${name}.example`),
)
/** 10 March 2026, 10:00 UTC. */
export const START = 1_773_136_800
export const TICK_SECONDS = 900
export const TERMS: Terms = {
  ...DEFAULT_TERMS,
  hideAfterSeconds: 5400,
  eraseAfterSeconds: 4 * 3600,
  registryLeaseSeconds: 12 * 3600,
  heartbeatSeconds: 900,
  noticeVersions: ['2018-06-19'],
  challengeSeconds: 3600,
  challengesPerRound: 2,
  probeSeconds: 3600,
  probesPerRound: 2,
  auditAnswerSeconds: 6 * 3600,
}
/** Sites that run probes for the coordinator. */
const VOLUNTEERS = new Set(SITES.slice(0, 2))

/**
 * A planted fault: it wraps what the core is given, never the core, and the invariants have to see
 * it. The names say what is wrapped.
 */
export interface Plant {
  name: string
  /** Acts that come more often, since they bring the fault to light. */
  often?: readonly string[]
  store?: (store: Store, node: SimNode) => Store
  vault?: (vault: Vault) => Vault
  slotFile?: (file: SlotFile) => SlotFile
  clock?: (clock: Clock, node: SimNode) => Clock
  crypto?: (crypto: Crypto, node: SimNode) => Crypto
  network?: (network: NodePorts['network'], node: SimNode) => NodePorts['network']
  handlers?: (handlers: NetworkHandlers, node: SimNode) => NetworkHandlers
  /** Changes a database that was restored. */
  restored?: (database: Database) => Promise<void>
  /** The scopes with which the website hands in what a member consented to. */
  scopes?: (scopes: string[]) => string[]
}

/** One running process of a node. */
export interface Process extends Port {
  fuse: Fuse
  site: SiteId
  core: Site | null
  coordinator: Coordinator | null
}

export interface Backup {
  bytes: Uint8Array
  known: Knowledge
}

export interface SimNode extends Judged {
  identity: Identity
  keys: PrivateKeys
  database: Database
  /** Seconds that its clock is ahead of the true time. */
  skew: number
  frozenAt: number | null
  process: Process | null
  isDirty: boolean
  backups: Backup[]
}

/** Chance that a write waits on the queue before its turn. */
const PAUSE_CHANCE = 0.04
const TRACE_LINES = 4000

export class World {
  readonly queue: Queue
  readonly dice: Dice
  readonly judge: Judge
  readonly network: SimNetwork
  readonly nodes: SimNode[] = []
  readonly trace: string[] = []
  /** What the coordinator has found. */
  readonly findings: Finding[] = []
  readonly plant: Plant
  /** Changes what a malicious node sends; null keeps it from answering. */
  forge: (node: SimNode, kind: 'sync' | 'bodies', request: unknown, reply: unknown) => unknown = (
    _node,
    _kind,
    _request,
    reply,
  ) => reply
  readonly #crypto: Crypto
  readonly #randomDice: Dice
  readonly #pauseDice: Dice
  /** Whether some clock was wrong by more than the network allows for. */
  wereClocksWrong = false

  constructor(dice: Dice, plant: Plant, start: number = START) {
    this.dice = dice
    this.plant = plant
    this.queue = createQueue(start)
    this.judge = new Judge(NETWORK, () => this.nodes)
    this.#crypto = createSimCrypto(dice.fork())
    this.#randomDice = dice.fork()
    this.#pauseDice = dice.fork()
    const nodeOf = (port: Port): SimNode | undefined =>
      this.nodes.find((node) => node.process === port)
    this.network = new SimNetwork(this.queue, dice.fork(), {
      announced: (to, { log, note }) => {
        const node = nodeOf(to)
        if (node !== undefined) this.judge.heard(node, log, note)
      },
      verdict: (to, { log }, verdict) => {
        const node = nodeOf(to)
        if (node !== undefined && verdict === 'reject' && node.isHonest && this.isTrusted(log))
          this.judge.fail(14, `${node.name} rejects what ${log} signed`)
      },
      synced: (to, reply) => {
        const node = nodeOf(to)
        if (node !== undefined && reply.kind === 'checkpoint') this.#heardBySync(node, reply)
      },
      served: (from, to, request: BodiesRequest, reply) => {
        const node = nodeOf(from)
        if (node !== undefined) this.judge.served(node, to.site, request, reply)
      },
      pictured: (from, to, request, index) => {
        const node = nodeOf(from)
        if (node !== undefined) this.judge.pictured(node, to.site, request, index)
      },
      audited: (from, request, reply) => {
        const node = nodeOf(from)
        if (node?.isHonest === true) checkAudited(node, NETWORK, { request, reply }, this.judge)
      },
      forge: <T>(from: Port, kind: 'sync' | 'bodies', request: unknown, reply: T): T | null => {
        const node = nodeOf(from)
        if (node === undefined || node.isHonest) return reply
        return this.forge(node, kind, request, reply) as T | null
      },
    })
  }

  #found(finding: Finding): void {
    this.findings.push(finding)
    if (this.isTrusted(finding.site)) checkFound(finding, this.judge)
  }

  #heardBySync(node: SimNode, reply: SyncReply & { kind: 'checkpoint' }): void {
    const origin = reply.note.split('\n', 1)[0] ?? ''
    const log = origin === NETWORK ? NETWORK : (origin.slice(NETWORK.length + 1) as SiteId)
    this.judge.heard(node, log, reply.note)
  }

  /** Whether every node that signs as this site is honest. */
  isTrusted(site: SiteId): boolean {
    return this.nodes.every((node) => node.site !== site || node.isHonest)
  }
  node(site: SiteId): SimNode {
    const found = this.nodes.find((node) => node.site === site)
    if (found === undefined) throw new Error(`no node ${site}`)
    return found
  }
  note(line: string): void {
    if (this.trace.length > TRACE_LINES) this.trace.splice(0, TRACE_LINES / 2)
    this.trace.push(`${(this.queue.now() - START).toFixed(2)} ${line}`)
  }

  async add(site: SiteId, from?: { database: Uint8Array; disk: SlotDisk; known: Knowledge }) {
    const count = this.nodes.filter((node) => node.site === site).length
    const node: SimNode = {
      ...keysFor(NETWORK, site),
      name: count === 0 ? site : `${site}#${count + 1}`,
      site,
      isHonest: true,
      known: from?.known ?? emptyKnowledge(),
      disk: from?.disk ?? new SlotDisk(),
      files: new Map(),
      database: await openDatabase(from?.database ?? ':memory:'),
      skew: 0,
      frozenAt: null,
      now: () => node.frozenAt ?? Math.floor(this.queue.now() + node.skew),
      earliest: Infinity,
      latest: 0,
      restores: 0,
      sealed: new Map(),
      rows: null,
      told: nothingTold(),
      process: null,
      isDirty: true,
      backups: [],
    }
    this.nodes.push(node)
    return node
  }

  /** Starts a node's process on its disk. */
  start(node: SimNode): void {
    if (node.process !== null) return
    let isDead = false
    const isGone = (): boolean => isDead
    const process: Process = {
      name: node.name,
      site: node.site,
      isDead: isGone,
      handlers: null,
      core: null,
      coordinator: null,
      fuse: createFuse(() => {
        isDead = true
        this.note(`${node.name} dies`)
        node.disk.crash(this.dice)
        node.process = null
        this.network.leave(process)
      }),
    }
    node.process = process
    node.known.beats = new Map()
    node.sealed = new Map()
    node.isDirty = true
    this.network.join(process)
    this.note(`${node.name} starts`)
    this.#boot(node, process).catch((error: unknown) => {
      if (isDead) return
      this.note(`${node.name} cannot start: ${String(error)}`)
      this.judge.fail(0, `${node.name} cannot start: ${String(error)}`)
    })
  }

  async #boot(node: SimNode, process: Process): Promise<void> {
    const { plant } = this
    const isDead = process.isDead
    const hooks = {
      isDead,
      fuse: process.fuse,
      pause: () => this.#pause(),
      beforeCommit: async (...args: Parameters<Parameters<typeof storeOn>[2]['beforeCommit']>) =>
        this.judge.beforeCommit(node, ...args),
      afterCommit: (facts: Parameters<Judge['afterCommit']>[1]) => {
        node.isDirty ||= facts.some(
          ({ kind }) => !['heartbeat', 'receipt', 'checkpoint'].includes(kind),
        )
        this.judge.afterCommit(node, facts)
        for (const fact of facts) if (fact.kind === 'found') this.#found(fact.finding)
      },
      settled: () => {
        node.known.unsettled.clear()
      },
    }
    const real = storeOn(node.database, node.site, hooks)
    const store = plant.store?.(real, node) ?? real
    const file = slotFileOn(node.disk, process.fuse, isDead)
    const random = { bytes: (length: number) => this.#randomDice.bytes(length) }
    const crypto = plant.crypto?.(this.#crypto, node) ?? this.#crypto
    const create = (await real.read((tx) => tx.desk.setting(VAULT_SETTING))) === null
    const opened = openVault({
      file: plant.slotFile?.(file) ?? file,
      masterKey: node.keys.master,
      random,
      crypto,
      create,
    })
    if (create) await real.write((tx) => tx.desk.setSetting(VAULT_SETTING, '1'))
    const vault = vaultOn(opened, hooks, (slot, bytes) => {
      node.sealed.set(slot, bytes)
    })
    const clock = clockOf(this, node, process)
    const port = this.network.portOf(process)
    const ports: SiteNodePorts = {
      clock: plant.clock?.(clock, node) ?? clock,
      random,
      crypto,
      store,
      vault: plant.vault?.(vault) ?? vault,
      blobs: blobsOn(node.files, hooks),
      images: memoryImages(),
      network: plant.network?.(port, node) ?? port,
      events: {
        emit: (event) => {
          if (!isDead()) this.#note(node, event)
        },
      },
    }
    const settings: NodeSettings = {
      identity: node.identity,
      coordinatorKey: keysFor(NETWORK, NETWORK).identity.logKey,
      tickSeconds: TICK_SECONDS,
      exchangeSeconds: 4 * TICK_SECONDS,
      beatSeconds: 4 * TICK_SECONDS,
    }
    if (node.site === NETWORK)
      process.coordinator = await createCoordinator(ports, {
        ...settings,
        jurisdiction: 'CY',
        terms: TERMS,
      })
    else {
      const isVolunteer = VOLUNTEERS.has(node.site)
      process.core = await createSite(ports, { ...settings, keys: node.keys, isVolunteer })
    }
    const core = process.core ?? process.coordinator
    if (core === null || isDead()) return
    await core.start()
    if (isDead()) return
    process.handlers = plant.handlers?.(core.node.handlers, node) ?? core.node.handlers
    this.network.dial()
  }

  async #pause(): Promise<void> {
    if (!this.#pauseDice.chance(PAUSE_CHANCE)) return
    await new Promise<void>((resolve) => {
      this.queue.after(this.#pauseDice.next() * 2, resolve)
    })
  }

  #note(node: SimNode, event: Event): void {
    const { type, ...rest } = event
    this.note(`${node.name} ${type} ${Object.values(rest).join(' ')}`)
  }

  /** Kills a node now. What it was writing is lost or torn. */
  kill(node: SimNode): void {
    if (node.process === null) return
    node.process.fuse.arm(1, 'before')
    try {
      node.process.fuse.before()
    } catch (error) {
      if (!(error instanceof Crashed)) throw error
    }
  }
  /** Kills a node at one of its next writes. */
  killSoon(node: SimNode, writes: number, moment: CrashMoment): void {
    node.process?.fuse.arm(writes, moment)
  }

  /** Takes a backup, as the shipped one does: no bodies, no keys. */
  async backup(node: SimNode): Promise<void> {
    const copy = await openDatabase(node.database.serialize())
    await copy.transact(async (db) => {
      await db.deleteFrom('ciphertexts').execute()
      await db.deleteFrom('bodies').execute()
      await db.deleteFrom('pictures').execute()
    })
    node.backups.push({ bytes: copy.serialize(), known: backedUp(node.known) })
    await copy.close()
  }

  /** Puts a dead node back to a backup, as the shipped restore does. */
  async restore(node: SimNode, backup: Backup): Promise<void> {
    const database = await openDatabase(backup.bytes)
    await database.transact(async (db) => {
      await db.updateTable('records').set({ wanted: 1 }).where('live', '=', 1).execute()
      for (const table of ['feed', 'feed_aside', 'hidden_homes'] as const)
        await db.deleteFrom(table).execute()
      await db
        .deleteFrom('settings')
        .where('name', 'in', [VAULT_SETTING, FEED_EPOCH, 'restored'])
        .execute()
      await db.insertInto('settings').values({ name: 'restored', value: '1' }).execute()
    })
    await this.plant.restored?.(database)
    await node.database.close()
    node.database = database
    node.disk = new SlotDisk()
    node.files = new Map()
    node.known = backedUp(backup.known)
    node.rows = null
    node.told = nothingTold()
    node.restores += 1
    this.network.flush(node.site)
    this.note(`${node.name} is restored`)
  }

  /** Looks at every node that has written since the last look. */
  async look(): Promise<void> {
    for (const node of this.nodes) {
      if (!node.isDirty) continue
      node.isDirty = false
      const { db } = node.database
      const rows = await bodyRows(db)
      this.judge.look(node, rows, await liveRows(db))
      const wrong = misbelief(node, NETWORK, await toldRows(db, node.told.at), rows)
      if (node.isHonest && wrong !== null) this.judge.fail(15, `${node.name} ${wrong}`)
      node.earliest = Infinity
      node.latest = 0
    }
    if (this.judge.violation !== null) throw this.judge.violation
  }

  async run(seconds: number): Promise<void> {
    await this.queue.runUntil(this.queue.now() + seconds, () => this.look())
  }

  async close(): Promise<void> {
    for (const node of this.nodes) {
      this.kill(node)
      await node.database.close()
    }
  }
}
