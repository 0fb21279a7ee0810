/**
 * A network of real processes on 127.0.0.1: a coordinator and sites, each with a data folder in a
 * temporary place. Whoever makes one ends it with `stop`, also when the test has failed.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { initFolder, withAccess } from '../../node/roles/offline.ts'
import type { Terms } from '../../protocol/entry.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import { parseVerifierKey } from '../../protocol/note.ts'
import { createApi, createSiteApi, send, type Api, type SiteApi, type Status } from './api.ts'
import { createProcess, freePort, until, type NodeProcess, type Program } from './process.ts'

export const NETWORK = 'network.example'

/** Short intervals, so that tests need not wait; spans of time as in a real network. */
export const TERMS: Terms = {
  minimumAge: 18,
  hideAfterSeconds: 6 * 3600,
  eraseAfterSeconds: 72 * 3600,
  registryLeaseSeconds: 7 * 86_400,
  heartbeatSeconds: 1,
  erasureDeadlineSeconds: 24 * 3600,
  noticeVersions: ['2018-06-19'],
  challengeSeconds: 86_400,
  challengesPerRound: 4,
  probeSeconds: 86_400,
  probesPerRound: 4,
  auditAnswerSeconds: 72 * 3600,
}
/** Keys that take turns, so that nobody who polls meets the limit of one. */
const KEYS = 6
const STOP_SECONDS = 8

/** Settings of a node beside those that every test node has. */
export type ExtraSettings = Record<string, string | number | boolean | object>
/** Those that depend on where the node's interface will be. */
export type MoreSettings = ExtraSettings | ((url: string) => ExtraSettings)

export interface TestNode extends Omit<NodeProcess, 'spawn'> {
  site: string
  folder: string
  url: string
  p2pPort: number
  /** The port that others are told: another one where there is a proxy in between. */
  announcedPort: number
  /** Starts and waits until it answers. */
  start: () => Promise<void>
  /** Starts without waiting. */
  spawn: () => void
  /** Moves the node to another data folder, e.g. a restored one; it must not run. */
  moveTo: (folder: string) => void
}
export interface TestSite extends TestNode {
  api: SiteApi
  /** Makes new API keys in the folder: a restored one has none. The node must not run. */
  renewKeys: () => Promise<void>
  /** One of its API keys, for a client of its own. */
  key: () => string
}

/** What the staff of the coordinator does. */
export interface StaffApi extends Api {
  status: () => Promise<Status>
  admit: (site: string) => Promise<void>
  measure: (kind: 'suspend' | 'reinstate' | 'expel', site: string) => Promise<void>
  /** The evidence file of any entry of any log. */
  evidence: (log: string, index: number) => Promise<string>
  /** Size of a log as the coordinator knows it; 0 where it does not. */
  sizeOf: (log: string) => Promise<number>
  apply: (application: { site: string; logKey: string; witnessKey: string }) => Promise<void>
}
export interface TestCoordinator extends TestNode {
  api: StaffApi
  /** One of the keys of its staff, for a client of its own. */
  key: () => string
}

export interface TestNetwork {
  /** The folder that holds all others. */
  root: string
  coordinator: TestCoordinator
  coordinatorKey: VerifierKey
  /** The same as the text that `dpn verify` takes. */
  coordinatorVkey: string
  /** Makes the folder and keys of a site, and has it admitted; it does not run yet. */
  addSite: (site: string, settings?: MoreSettings, program?: Program) => Promise<TestSite>
  /** The same, and starts it; resolves when its log may be written. */
  startSite: (site: string, settings?: MoreSettings, program?: Program) => Promise<TestSite>
  nodes: () => TestNode[]
  stop: () => Promise<void>
}

function staffApi(url: string, keys: readonly string[]): StaffApi {
  const api = createApi(url, keys)
  const status = (): Promise<Status> => api.get('/v1/status')
  return {
    ...api,
    status,
    apply: async (application) => {
      const about = { siteType: 'general', jurisdiction: 'DE', contact: 'owner@site.example' }
      await api.send('POST', '/v1/applications', { ...application, ...about })
    },
    admit: async (site) => {
      await api.send('POST', `/v1/applications/${site}/admit`)
    },
    measure: async (kind, site) => {
      await api.send('POST', `/v1/members/${site}/${kind}`, { reason: 'terms' })
    },
    evidence: (log, index) => api.text(`/v1/withdrawals/${log}/${index}/evidence`),
    sizeOf: async (log) => (await status()).logs.find(({ site }) => site === log)?.size ?? 0,
  }
}

async function keysOf(folder: string, role: string): Promise<string[]> {
  return withAccess(folder, {}, async (access) => {
    const keys: string[] = []
    for (let at = 0; at < KEYS; at += 1) keys.push((await access.create(`key ${at}`, role)).secret)
    return keys
  })
}

/** Gives the port to announce instead of the one that a node listens on. */
export type Through = (port: number) => Promise<number>

interface Place {
  role: 'site' | 'coordinator'
  site: string
  folder: string
  logFile: string
  httpPort: number
  p2pPort: number
  announcedPort: number
  program?: Program
}
interface Ports {
  httpPort: number
  p2pPort: number
  announcedPort: number
}

async function choosePorts(through: Through | undefined): Promise<Ports> {
  const p2pPort = await freePort()
  const announcedPort = (await through?.(p2pPort)) ?? p2pPort
  return { httpPort: await freePort(), p2pPort, announcedPort }
}

const urlOf = ({ httpPort }: Pick<Ports, 'httpPort'>): string => `http://127.0.0.1:${httpPort}`

function createTestNode({ role, site, folder: first, logFile, program, ...ports }: Place) {
  const { httpPort, p2pPort, announcedPort } = ports
  let folder = first
  // Temporary files belong among those that tests search.
  const temporary = join(dirname(logFile), '../tmp')
  mkdirSync(temporary, { recursive: true })
  const env = { TMPDIR: temporary, SQLITE_TMPDIR: temporary }
  let runs = createProcess([role, '--data', folder], logFile, env, program)
  const url = urlOf({ httpPort })

  async function start(): Promise<void> {
    runs.spawn()
    await until(`${site} answers`, async () => {
      if (!runs.isRunning()) throw new Error(`${site} has ended: ${runs.log().slice(-2000)}`)
      return (await send(`${url}/v1/health`, 'GET')).status === 200
    })
  }
  const node: TestNode = {
    site,
    url,
    p2pPort,
    announcedPort,
    logFile,
    get folder() {
      return folder
    },
    start,
    spawn: () => runs.spawn(),
    isRunning: () => runs.isRunning(),
    ended: () => runs.ended(),
    stop: () => runs.stop(),
    kill: () => runs.kill(),
    log: () => runs.log(),
    moveTo: (other) => {
      if (runs.isRunning()) throw new Error(`${site} runs`)
      folder = other
      runs = createProcess([role, '--data', folder], logFile, env, program)
    },
  }
  return node
}

/** With the same getters, unlike a spread, which would freeze the folder of now. */
function withApi<A>(node: TestNode, api: A): TestNode & { api: A } {
  return Object.defineProperty(node, 'api', { value: api, enumerable: true }) as TestNode & {
    api: A
  }
}

/** Stops a process, by force where it does not follow. */
async function end(node: TestNode): Promise<void> {
  if (!node.isRunning()) return
  const timer = setTimeout(() => void node.kill(), STOP_SECONDS * 1000)
  await node.stop()
  clearTimeout(timer)
}

const common = ({ p2pPort, httpPort, announcedPort }: Ports): ExtraSettings => ({
  listen: `/ip4/127.0.0.1/tcp/${p2pPort}`,
  ...(announcedPort !== p2pPort && { announce: `/ip4/127.0.0.1/tcp/${announcedPort}` }),
  httpPort,
  tickSeconds: 1,
  exchangeSeconds: 1,
  inboundPerSecond: 1000,
  logLevel: 'debug',
})

interface Started {
  root: string
  coordinator: TestCoordinator
  vkey: string
}

async function startCoordinator({ settings, terms, through }: NetworkOptions): Promise<Started> {
  const root = mkdtempSync(join(tmpdir(), 'dpn-e2e-'))
  mkdirSync(join(root, 'logs'))
  const folder = join(root, NETWORK)
  const ports = await choosePorts(through)
  const { logKey } = initFolder(
    folder,
    {
      role: 'coordinator',
      network: NETWORK,
      jurisdiction: 'DE',
      controllerName: 'A Controller',
      controllerAddress: '1 Example Street, Berlin',
      controllerEmail: 'office@network.example',
      terms: { ...TERMS, ...terms },
      ...common(ports),
      ...settings,
    },
    {},
  )
  const keys = await keysOf(folder, 'staff')
  const logFile = join(root, 'logs', `${NETWORK}.log`)
  const node = createTestNode({ role: 'coordinator', site: NETWORK, folder, logFile, ...ports })
  const coordinator = Object.assign(withApi(node, staffApi(node.url, keys)), {
    key: () => keys[0] ?? '',
  })
  await coordinator.start()
  const founded = async (): Promise<boolean> => (await coordinator.api.sizeOf(NETWORK)) >= 2
  await until('the network is founded', founded)
  return { root, coordinator, vkey: logKey }
}

export interface NetworkOptions {
  /** Settings of the coordinator's node. */
  settings?: ExtraSettings
  /** Terms where they differ from {@link TERMS}. */
  terms?: Partial<Terms>
  /** Puts something between the nodes. */
  through?: Through
}

/** Starts a coordinator. */
export async function startNetwork(options: NetworkOptions = {}): Promise<TestNetwork> {
  const { root, coordinator, vkey } = await startCoordinator(options)
  const nodes: TestNode[] = [coordinator]

  async function addSite(
    site: string,
    more: MoreSettings = {},
    program?: Program,
  ): Promise<TestSite> {
    const folder = join(root, site)
    const ports = await choosePorts(options.through)
    const extra = typeof more === 'function' ? more(urlOf(ports)) : more
    const at = `/ip4/127.0.0.1/tcp/${coordinator.announcedPort}`
    const given = { role: 'site', site, coordinatorKey: vkey, coordinatorAddress: at }
    const made = initFolder(folder, { ...given, ...common(ports), ...extra }, {})
    const keys = await keysOf(folder, 'admin')
    const { logKey, witnessKey } = made
    await coordinator.api.apply({ site, logKey, witnessKey })
    await coordinator.api.admit(site)
    const logFile = join(root, 'logs', `${site}.log`)
    const place = { role: 'site' as const, site, folder, logFile, ...ports }
    const node = createTestNode({ ...place, ...(program && { program }) })
    nodes.push(node)
    const renewKeys = async (): Promise<void> => {
      keys.splice(0, keys.length, ...(await keysOf(node.folder, 'admin')))
    }
    return Object.assign(withApi(node, createSiteApi(node.url, keys)), {
      renewKeys,
      key: () => keys[0] ?? '',
    })
  }

  async function startSite(
    site: string,
    more?: MoreSettings,
    program?: Program,
  ): Promise<TestSite> {
    const node = await addSite(site, more, program)
    await node.start()
    await writable(node)
    return node
  }

  return {
    root,
    coordinator,
    coordinatorVkey: vkey,
    coordinatorKey: parseVerifierKey(vkey),
    addSite,
    startSite,
    nodes: () => nodes,
    stop: async () => {
      await Promise.all(nodes.map(end))
      if (existsSync(root) && process.env['DPN_E2E_KEEP'] === undefined)
        rmSync(root, { recursive: true, force: true })
    },
  }
}

/** Waits until a site's log may be written. */
export async function writable({ site, api }: TestSite): Promise<void> {
  await until(`${site} may write its log`, async () => (await api.status()).writable)
}

/** Waits until every withdrawal has the receipts of all members. */
export async function completed(
  { site, api }: TestSite,
  records: readonly string[],
  seconds?: number,
): Promise<void> {
  const open = new Set(records)
  await until(
    `all receipts for ${records.length} withdrawals of ${site}`,
    async () => {
      for (const record of open) {
        const progress = await api.progress(record)
        if (progress.state !== 'complete')
          throw new Error(`${open.size} are open: ${JSON.stringify(progress)}`)
        open.delete(record)
      }
      return true
    },
    seconds,
  )
}
