/** Brings the demo's network up: folders, keys, processes; and talks to its interfaces. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { initFolder, withAccess, type RawSettings } from '../../node/roles/offline.ts'
import { NETWORK, TERMS, type SitePlan } from './plan.ts'
import { DemoError, freePorts, startNode, until, type NodeProcess } from './processes.ts'

const START_SECONDS = 30
/** On one machine every node seems to be at the same address. */
const INBOUND_PER_SECOND = 1000

/** An answer of a node's interface. */
export interface Answer<T> {
  status: number
  json: T
}

/** One node of the demo. */
export interface DemoNode {
  name: string
  folder: string
  url: string
  /** An API key for everything. */
  key: string
  /** What a command needs to talk to it. */
  env: Record<string, string>
  /** The process, once it was started. */
  process: NodeProcess | null
  start: () => Promise<void>
  ask: <T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<Answer<T>>
}

async function ask(
  { url, key }: Pick<DemoNode, 'url' | 'key'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer<unknown>> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(START_SECONDS * 1000),
  })
  const text = await answer.text()
  return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as unknown) }
}

async function isUp(node: Pick<DemoNode, 'url' | 'name' | 'process'>): Promise<true | undefined> {
  if (node.process?.hasEnded() === true)
    throw new DemoError(`${node.name} has ended:\n${node.process.tail()}`)
  try {
    return (await fetch(`${node.url}/v1/health`)).ok ? true : undefined
  } catch {
    return undefined
  }
}

const urlOf = ({ httpPort }: { httpPort: number }): string => `http://127.0.0.1:${httpPort}`

async function makeNode(
  base: string,
  name: string,
  options: { settings: RawSettings; httpPort: number; peerPort: number; role: string },
): Promise<DemoNode & { logKey: string }> {
  const folder = join(base, name)
  const { httpPort, peerPort, role } = options
  const settings: RawSettings = {
    ...options.settings,
    httpPort,
    listen: `/ip4/127.0.0.1/tcp/${peerPort}`,
    tickSeconds: 1,
    exchangeSeconds: 2,
    inboundPerSecond: INBOUND_PER_SECOND,
  }
  const { logKey } = initFolder(folder, settings, {})
  const { secret } = await withAccess(folder, {}, (access) => access.create('demo', role))
  const url = urlOf({ httpPort })
  const node: DemoNode & { logKey: string } = {
    name,
    folder,
    url,
    key: secret,
    logKey,
    env: { DPN_URL: url, DPN_API_KEY: secret },
    process: null,
    start: async () => {
      node.process = startNode(folder, join(base, `${name}.log`), {})
      await until(`${name} is up`, START_SECONDS, () => isUp(node))
    },
    ask: <T>(method: string, path: string, body?: unknown) =>
      ask(node, method, path, body) as Promise<Answer<T>>,
  }
  return node
}

export interface DemoNetwork {
  coordinator: DemoNode
  /** What `dpn verify` is given. */
  coordinatorKey: string
  /** Opens the pages and the interface for auditors. */
  auditorKey: string
  sites: { plan: SitePlan; node: DemoNode }[]
  /** Makes one more site; it neither runs nor is admitted. */
  addSite: (site: string, settings?: (url: string) => RawSettings) => Promise<DemoNode>
}

/** Makes all nodes below `base`, and starts the coordinator. */
export async function makeNetwork(base: string, plans: readonly SitePlan[]): Promise<DemoNetwork> {
  mkdirSync(base, { recursive: true })
  const ports = await freePorts(2 * (plans.length + 1))
  const take = async () => {
    const [httpPort = 0, peerPort = 0] = ports.length > 0 ? ports.splice(0, 2) : await freePorts(2)
    return { httpPort, peerPort }
  }
  const coordinator = await makeNode(base, NETWORK, {
    ...(await take()),
    role: 'staff',
    settings: {
      role: 'coordinator',
      network: NETWORK,
      jurisdiction: 'CY',
      controllerName: 'Demo Controller',
      controllerAddress: '1 Example Street, Nicosia',
      controllerEmail: 'office@dpn.example',
      terms: TERMS,
    },
  })
  const addSite: DemoNetwork['addSite'] = async (site, more) => {
    const place = await take()
    const settings: RawSettings = {
      role: 'site',
      site,
      coordinatorKey: coordinator.logKey,
      coordinatorUrl: coordinator.url,
      ...more?.(urlOf(place)),
    }
    return makeNode(base, site, { ...place, role: 'admin', settings })
  }
  const sites: DemoNetwork['sites'] = []
  for (const plan of plans) sites.push({ plan, node: await addSite(plan.site) })
  const { secret: auditorKey } = await withAccess(coordinator.folder, {}, (access) =>
    access.create('demo', 'auditor'),
  )
  await coordinator.start()
  return { coordinator, coordinatorKey: coordinator.logKey, auditorKey, sites, addSite }
}
