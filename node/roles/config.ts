/** The configuration of a node: environment over `config.json` over defaults; validated, frozen. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Terms } from '../../protocol/entry.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import {
  SettingError,
  settingsOfEnvironment,
  settingsOfFile,
  variableOf,
  type LogLevel,
  type SettingName,
  type Settings,
} from './settings.ts'

const DEFAULT_FOLDER = './data'
const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/4001']
const DEFAULT_HTTP_HOST = '127.0.0.1'
const DEFAULT_HTTP_PORT = 8080
/** Not 25: it stands behind a mail server, and needs no rights of its own. */
const DEFAULT_INTAKE_PORT = 2525
const DEFAULT_HOLD_DAYS = 30
const DEFAULT_SILENCE_DAYS = 30
const DEFAULT_TICK_SECONDS = 5
const DEFAULT_EXCHANGE_SECONDS = 60
const DEFAULT_CONNECTIONS = 300
const DEFAULT_INBOUND = 10

interface Common {
  /** Path of the data folder. */
  folder: string
  site: SiteId
  network: SiteId
  listen: readonly string[]
  announce: readonly string[]
  http: { host: string; port: number }
  /** Whether X-Forwarded-For tells the caller's address: behind a proxy that sets it. */
  trustProxy: boolean
  logLevel: LogLevel
  /** Secrets given by the environment; null where the files have them. */
  secrets: { node: Uint8Array | null; storage: Uint8Array | null }
  tickSeconds: number
  exchangeSeconds: number
  maxConnections: number
  inboundPerSecond: number
}
export interface SiteConfig extends Common {
  role: 'site'
  coordinatorKey: VerifierKey
  /** libp2p addresses at which the coordinator is looked for. */
  coordinatorAddresses: readonly string[]
  /** Base of the coordinator's HTTP interface. */
  coordinatorUrl: string | null
  /** Whether this node is reached through the coordinator, being behind a NAT itself. */
  relay: boolean
  /** Whether it asks other sites for withdrawn records where the coordinator wants it to. */
  volunteer: boolean
  /** Whether webhooks may go to loopback and private addresses, and there without TLS. */
  webhookAllowPrivate: boolean
  /** The bridge to the old module; null where the site has none. */
  bridge: BridgeConfig | null
}
export interface BridgeConfig {
  /** Where the module reaches the node. */
  host: string
  port: number
  /** Where browsers of members and visitors reach this node's pages and pictures. */
  publicUrl: string
  /** Origins besides the site's own domain from which its photos may be fetched. */
  origins: readonly string[]
  /** Days for which what the module sends is held without a consent. */
  holdDays: number
  /** Days without a call of the module after which the site counts as gone. */
  silenceDays: number
}
/** Who runs the coordinator; shown to members and auditors. */
export interface Controller {
  name: string
  address: string
  email: string
  dpoName: string
  dpoEmail: string
}
export interface CoordinatorConfig extends Common {
  role: 'coordinator'
  /** The key that this node must turn out to have; null where none is configured. */
  coordinatorKey: VerifierKey | null
  jurisdiction: string
  controller: Controller
  /** Terms for a network that begins; null for the default ones. */
  terms: Terms | null
  /** Where its HTTP interface is reached from outside. */
  httpUrl: string | null
  /** The mail server that mails to people go through; null where there is none. */
  mail: { url: string; from: string } | null
  /** Where mail for the desk is taken by SMTP; null where it is not. */
  intake: { address: string; host: string; port: number } | null
  /** Key under which the payment provider signs its orders; null where there is none. */
  orderSecret: Uint8Array | null
}
export type Config = SiteConfig | CoordinatorConfig

/** Path of the data folder by option, environment, or default. */
export function folderPath(env: NodeJS.ProcessEnv, option?: string): string {
  return option ?? (env['DPN_DATA'] || DEFAULT_FOLDER)
}

/** Path of the file of settings. */
export function configPath(folder: string): string {
  return join(folder, 'config.json')
}

/** The settings in a data folder's file; none where there is no file. */
export function readSettings(folder: string): Settings {
  const path = configPath(folder)
  if (!existsSync(path)) return {}
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new SettingError(`${path}: expected JSON`)
  }
  return settingsOfFile(json, path)
}

function need<Name extends SettingName>(
  settings: Settings,
  name: Name,
  expected: string,
): NonNullable<Settings[Name]> {
  const value = settings[name]
  if (value === undefined || value === null)
    throw new SettingError(`${variableOf(name)}: expected ${expected}`)
  return value
}

function commonOf(folder: string, settings: Settings, site: SiteId, network: SiteId): Common {
  return {
    folder,
    site,
    network,
    listen: settings.listen ?? DEFAULT_LISTEN,
    announce: settings.announce ?? [],
    http: {
      host: settings.httpHost ?? DEFAULT_HTTP_HOST,
      port: settings.httpPort ?? DEFAULT_HTTP_PORT,
    },
    trustProxy: settings.trustProxy ?? false,
    logLevel: settings.logLevel ?? 'info',
    secrets: { node: settings.nodeKey ?? null, storage: settings.storageKey ?? null },
    tickSeconds: settings.tickSeconds ?? DEFAULT_TICK_SECONDS,
    exchangeSeconds: settings.exchangeSeconds ?? DEFAULT_EXCHANGE_SECONDS,
    maxConnections: settings.maxConnections ?? DEFAULT_CONNECTIONS,
    inboundPerSecond: settings.inboundPerSecond ?? DEFAULT_INBOUND,
  }
}

function bridgeConfig(settings: Settings): BridgeConfig | null {
  const { bridgePort } = settings
  if (bridgePort === undefined) return null
  return {
    host: settings.bridgeHost ?? DEFAULT_HTTP_HOST,
    port: bridgePort,
    publicUrl: need(
      settings,
      'bridgePublicUrl',
      "where members' browsers reach this node, since the bridge is on",
    ),
    origins: settings.bridgeOrigins ?? [],
    holdDays: settings.bridgeHoldDays ?? DEFAULT_HOLD_DAYS,
    silenceDays: settings.bridgeSilenceDays ?? DEFAULT_SILENCE_DAYS,
  }
}

function siteConfig(folder: string, settings: Settings): SiteConfig {
  const site = need(settings, 'site', "this site's domain name (or run dpn init)")
  const coordinatorKey = need(
    settings,
    'coordinatorKey',
    'the verifier key of the coordinator, which the Network publishes',
  )
  const network = settings.network ?? (coordinatorKey.name as SiteId)
  if (network !== coordinatorKey.name)
    throw new SettingError(
      `${variableOf('network')}: expected the name in ${variableOf('coordinatorKey')}`,
    )
  if (site === network)
    throw new SettingError(
      `${variableOf('site')}: expected a name other than the network's, which is the coordinator's`,
    )
  const coordinatorAddresses = settings.coordinatorAddress ?? []
  const coordinatorUrl = settings.coordinatorUrl ?? null
  if (coordinatorAddresses.length === 0 && coordinatorUrl === null)
    throw new SettingError(
      `${variableOf('coordinatorAddress')}: expected where to reach the coordinator ` +
        `(or ${variableOf('coordinatorUrl')})`,
    )
  return {
    role: 'site',
    ...commonOf(folder, settings, site, network),
    coordinatorKey,
    coordinatorAddresses,
    coordinatorUrl,
    relay: settings.relay ?? false,
    volunteer: settings.volunteer ?? false,
    webhookAllowPrivate: settings.webhookAllowPrivate ?? false,
    bridge: bridgeConfig(settings),
  }
}

function coordinatorConfig(folder: string, settings: Settings): CoordinatorConfig {
  const network = need(settings, 'network', "the network's name, a lower-case domain name")
  const controllerName = need(settings, 'controllerName', 'who runs the coordinator')
  const controllerEmail = need(settings, 'controllerEmail', 'an e-mail address')
  return {
    role: 'coordinator',
    ...commonOf(folder, settings, network, network),
    coordinatorKey: settings.coordinatorKey ?? null,
    jurisdiction: need(settings, 'jurisdiction', 'an ISO 3166-1 alpha-2 country code'),
    controller: {
      name: controllerName,
      address: need(settings, 'controllerAddress', 'the postal address of the controller'),
      email: controllerEmail,
      dpoName: settings.dpoName ?? controllerName,
      dpoEmail: settings.dpoEmail ?? controllerEmail,
    },
    terms: settings.terms ?? null,
    httpUrl: settings.httpUrl ?? null,
    mail:
      settings.smtpUrl === undefined
        ? null
        : { url: settings.smtpUrl, from: settings.mailFrom ?? controllerEmail },
    intake:
      settings.intakeAddress === undefined
        ? null
        : {
            address: settings.intakeAddress,
            host: settings.intakeHost ?? DEFAULT_HTTP_HOST,
            port: settings.intakePort ?? DEFAULT_INTAKE_PORT,
          },
    orderSecret: settings.orderSecret ?? null,
  }
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)) freeze(inner)
  return Object.freeze(value)
}

/**
 * The configuration for a role.
 *
 * @param role null for the one that `dpn init` has written
 * @throws SettingError with one line for the operator
 */
export function loadConfig(
  env: NodeJS.ProcessEnv,
  folder: string,
  role: Config['role'] | null = null,
): Config {
  const settings = { ...readSettings(folder), ...settingsOfEnvironment(env) }
  const chosen = role ?? settings.role
  if (chosen === undefined)
    throw new SettingError(
      `${variableOf('role')}: expected site or coordinator (run "dpn init" first)`,
    )
  if (settings.role !== undefined && role !== null && settings.role !== role)
    throw new SettingError(`${folder} is the folder of a ${settings.role}, not of a ${role}`)
  return freeze(
    chosen === 'site' ? siteConfig(folder, settings) : coordinatorConfig(folder, settings),
  )
}
