/** The interfaces of a small network, and the requests that tests send to them. */
import {
  COORDINATOR_ROLES,
  createAccess,
  SITE_ROLES,
  type Access,
  type CoordinatorRole,
  type SiteRole,
} from '../../node/core/access.ts'
import type { App, RequestSeen } from '../../node/http/app.ts'
import { createCoordinatorApp } from '../../node/http/coordinator-app.ts'
import { createSiteApp } from '../../node/http/site-app.ts'
import type { SitePorts } from '../../node/http/v1/ports.ts'
import { mailReader } from '../../node/inbound/mail.ts'
import { systemRandom } from '../../node/roles/system.ts'
import { createWebhooks, type Webhooks } from '../../node/core/webhook/delivery.ts'
import { createOutbound } from '../../node/outbound/webhook.ts'
import { createMetrics } from '../../node/telemetry/metrics.ts'
import { mountCoordinatorPages, type PagePorts } from '../../node/web/coordinator-pages.ts'
import type { PageReaders } from '../../node/web/readers.ts'
import type { Problem } from '../../node/http/problem.ts'
import type { TestSite, World } from '../fixtures/network.ts'

export const CONTROLLER = {
  name: 'Example Controller',
  address: 'Street 1, 10115 Berlin',
  email: 'office@controller.example',
  dpoName: 'Example Officer',
  dpoEmail: 'officer@controller.example',
}

export interface TestApp<Role extends string> {
  app: App
  access: Access<Role>
  /** A secret of each role. */
  keys: Record<Role, string>
  seen: RequestSeen[]
  faults: unknown[]
}

async function secretsOf<Role extends string>(
  access: Access<Role>,
  roles: readonly Role[],
): Promise<Record<Role, string>> {
  const entries: [Role, string][] = []
  for (const role of roles) entries.push([role, (await access.create('test', role)).secret])
  return Object.fromEntries(entries) as Record<Role, string>
}

/** The webhooks of a site, which may call this machine; not started. */
export function someWebhooks({ site, ports }: Pick<TestSite, 'site' | 'ports'>): Webhooks {
  return createWebhooks({
    ...ports,
    feed: site.feed,
    hub: site.hub,
    tasks: site.node.tasks,
    outbound: createOutbound({ allowPrivate: true }),
    key: systemRandom.bytes(32),
  })
}

/** The interface of a site, with keys. */
export async function aSiteApp(
  of: Pick<TestSite, 'site' | 'ports'>,
  settings: Partial<SitePorts> = {},
): Promise<TestApp<SiteRole>> {
  const { site, ports } = of
  const access = createAccess(ports, SITE_ROLES)
  const seen: RequestSeen[] = []
  const faults: unknown[] = []
  const app = createSiteApp({
    site,
    store: site.feed.store,
    clock: ports.clock,
    network: ports.network,
    access,
    webhooks: someWebhooks(of),
    bridge: null,
    metrics: createMetrics(),
    version: '0.0.0',
    accessLog: (request) => void seen.push(request),
    onFault: (error) => void faults.push(error),
    ...settings,
  })
  return { app, access, keys: await secretsOf(access, SITE_ROLES), seen, faults }
}

/** The interface of the coordinator, with keys. */
export async function aCoordinatorApp(
  { coordinator: { coordinator, ports } }: World,
  settings: Partial<PagePorts> & { readers?: PageReaders } = {},
): Promise<TestApp<CoordinatorRole>> {
  const { acts } = coordinator.people
  const access = createAccess({ ...ports, acts }, COORDINATOR_ROLES)
  const seen: RequestSeen[] = []
  const faults: unknown[] = []
  const interfacePorts: PagePorts = {
    coordinator,
    store: ports.store,
    clock: ports.clock,
    crypto: ports.crypto,
    network: ports.network,
    access,
    controller: CONTROLLER,
    mail: mailReader,
    metrics: createMetrics(),
    version: '0.0.0',
    accessLog: (request) => void seen.push(request),
    onFault: (error) => void faults.push(error),
    ...settings,
  }
  const app = createCoordinatorApp({
    ...interfacePorts,
    pages: (door, gate) => mountCoordinatorPages(door, { ...interfacePorts, gate }),
  })
  return { app, access, keys: await secretsOf(access, COORDINATOR_ROLES), seen, faults }
}

export interface Answer<T> {
  status: number
  headers: Headers
  json: T
}

/** Sends a request with a key; the body is JSON. */
export async function send<T = Record<string, unknown>>(
  { app }: { app: App },
  key: string | null,
  request: string,
  body?: unknown,
): Promise<Answer<T>> {
  const [method = '', path = ''] = request.split(' ')
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (key !== null) headers['authorization'] = `Bearer ${key}`
  const answer = await app.request(path, {
    method,
    headers,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') ?? false
  return {
    status: answer.status,
    headers: answer.headers,
    json: (isJson ? JSON.parse(text) : text) as T,
  }
}

/** Sends a request that is refused, and gives what the problem says. */
export async function refused(
  app: { app: App },
  key: string | null,
  request: string,
  body?: unknown,
): Promise<Pick<Problem, 'status' | 'code' | 'pointer'>> {
  const { json, headers, status } = await send<Problem>(app, key, request, body)
  const isProblem = headers.get('content-type') === 'application/problem+json'
  if (!isProblem || json.status !== status) throw new Error(`${request} answered ${status}`)
  const { code, pointer } = json
  return { status, code, ...(pointer !== undefined && { pointer }) }
}
