/** Every setting of a node: its name, what it accepts, and how that is said to the operator. */
import { z } from 'zod'
import { termsSchema, type Terms } from '../../protocol/entry.ts'
import { isCountry } from '../../protocol/countries.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import type { VerifierKey } from '../../protocol/note.ts'
import { parseOrderSecret } from '../core/oversight/orders-received.ts'
import { parseLogKey } from './evidence.ts'
import { parseSecret } from './secrets.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** A setting: how its text is read, and the end of the sentence "expected …". */
interface Setting<T> {
  schema: z.ZodType<T, string>
  expected: string
  /** A secret has no place in the file of settings. */
  secret: boolean
}

function setting<T>(
  expected: string,
  schema: z.ZodType<T, string>,
  options: { secret?: boolean } = {},
): Setting<T> {
  return { schema, expected, secret: options.secret ?? false }
}

/** Text that `parse` turns into a value, or refuses by throwing or with null. */
function read<T>(parse: (text: string) => T | null): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    try {
      const value = parse(text)
      if (value !== null) return value
    } catch {
      // The setting says what was expected, and never repeats the value.
    }
    context.addIssue({ code: 'custom' })
    return z.NEVER
  })
}

const text = (chars: number): z.ZodType<string, string> => z.string().min(1).max(chars)

function whole(least: number, most: number): Setting<number> {
  const inRange = (digits: string): number | null => {
    const value = /^\d{1,9}$/.test(digits) ? Number(digits) : -1
    return value >= least && value <= most ? value : null
  }
  return setting(`a whole number from ${least} to ${most}`, read(inRange))
}

const MULTIADDR = /^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/\d{1,5}(?:\/[^\s]*)?$/

function parseAddresses(list: string): string[] | null {
  const addresses = list.split(',').map((one) => one.trim())
  return addresses.every((one) => MULTIADDR.test(one)) ? addresses : null
}

function multiaddrs(example: string): Setting<string[]> {
  return setting(`libp2p addresses, separated by commas, such as ${example}`, read(parseAddresses))
}

const site = setting<SiteId>(
  'a lower-case domain name such as amor.example',
  read((name) => parseSiteId(name)),
)
const secret = setting<Uint8Array>('64 hexadecimal digits', read(parseSecret), { secret: true })
const yesNo = setting<boolean>(
  'true or false',
  z.enum(['true', 'false']).transform((word) => word === 'true'),
)

function parseUrl(address: string): string | null {
  const { protocol, href, search, hash } = new URL(address)
  const isPlain = search === '' && hash === ''
  return isPlain && ['http:', 'https:'].includes(protocol) ? href.replace(/\/+$/, '') : null
}

function isOrigin({ protocol, href, origin }: URL): boolean {
  return ['http:', 'https:'].includes(protocol) && href === `${origin}/`
}

function parseOrigins(list: string): string[] | null {
  const origins = list.split(',').map((one) => new URL(one.trim()))
  return origins.every(isOrigin) ? origins.map(({ origin }) => origin) : null
}

function parseSmtpUrl(address: string): string | null {
  const { protocol, hostname } = new URL(address)
  return ['smtp:', 'smtps:'].includes(protocol) && hostname !== '' ? address : null
}

/** The settings, by the names that they have in `config.json`. */
export const SETTINGS = {
  role: setting('site or coordinator', z.enum(['site', 'coordinator'])),
  site,
  network: site,
  coordinatorKey: setting<VerifierKey>(
    'the verifier key of the coordinator: a name, a key id and a key, joined by +',
    read(parseLogKey),
  ),
  coordinatorUrl: setting<string>('an http(s) address', read(parseUrl)),
  coordinatorAddress: multiaddrs('/dns4/coordinator.example/tcp/4001'),
  listen: multiaddrs('/ip4/0.0.0.0/tcp/4001'),
  announce: multiaddrs('/dns4/node.amor.example/tcp/4001'),
  relay: yesNo,
  volunteer: yesNo,
  webhookAllowPrivate: yesNo,
  bridgePort: whole(0, 65_535),
  bridgeHost: setting<string>(
    'a loopback or private IP address, or a host name that has none but such',
    text(253),
  ),
  bridgePublicUrl: setting<string>('an http(s) address', read(parseUrl)),
  bridgeOrigins: setting<string[]>(
    'origins, separated by commas, such as https://pictures.amor.example',
    read(parseOrigins),
  ),
  bridgeHoldDays: whole(1, 365),
  bridgeSilenceDays: whole(2, 365),
  httpHost: setting<string>('an address or a host name to listen on', text(253)),
  httpPort: whole(0, 65_535),
  trustProxy: yesNo,
  httpUrl: setting<string>('an http(s) address', read(parseUrl)),
  logLevel: setting<LogLevel>(`one of ${LOG_LEVELS.join(', ')}`, z.enum(LOG_LEVELS)),
  nodeKey: secret,
  storageKey: secret,
  jurisdiction: setting<string>(
    'an ISO 3166-1 alpha-2 country code',
    read((code) => (isCountry(code) ? code : null)),
  ),
  controllerName: setting<string>('a name of at most 200 characters', text(200)),
  controllerAddress: setting<string>('an address of at most 500 characters', text(500)),
  controllerEmail: setting<string>('an e-mail address', z.email()),
  dpoName: setting<string>('a name of at most 200 characters', text(200)),
  dpoEmail: setting<string>('an e-mail address', z.email()),
  smtpUrl: setting<string>(
    'an smtp:// or smtps:// address, with user and password where the mail server wants them',
    read(parseSmtpUrl),
    { secret: true },
  ),
  mailFrom: setting<string>('an e-mail address', z.email()),
  terms: setting<Terms>(
    "the Network's terms as JSON",
    read((json) => termsSchema.parse(JSON.parse(json))),
  ),
  intakeAddress: setting<string>('the e-mail address of the desk', z.email()),
  intakeHost: setting<string>('an address or a host name to listen on', text(253)),
  intakePort: whole(0, 65_535),
  orderSecret: setting<Uint8Array>('whsec_ and 24 to 64 bytes in base64', read(parseOrderSecret), {
    secret: true,
  }),
  tickSeconds: whole(1, 3600),
  exchangeSeconds: whole(1, 86_400),
  maxConnections: whole(8, 2000),
  inboundPerSecond: whole(1, 100_000),
} as const

export type SettingName = keyof typeof SETTINGS
export type Settings = {
  [Name in SettingName]?: z.output<(typeof SETTINGS)[Name]['schema']>
}

const NAMES = Object.keys(SETTINGS) as SettingName[]

/** The environment variable of a setting: `httpPort` is DPN_HTTP_PORT. */
export function variableOf(name: SettingName): string {
  return `DPN_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** A setting that cannot be used; the message names it and says what was expected. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}

/** Variables with our prefix that are no settings: the folder, and what the commands read. */
const OTHER_VARIABLES = new Set(['DPN_DATA', 'DPN_URL', 'DPN_API_KEY', 'DPN_IMAGE', 'DPN_PORT'])

function parseOne(into: Settings, name: SettingName, from: string, raw: string): void {
  const { schema, expected } = SETTINGS[name]
  const result = schema.safeParse(raw)
  if (!result.success) throw new SettingError(`${from}: expected ${expected}`)
  Object.assign(into, { [name]: result.data })
}

/** A value of the JSON file as the text that the environment would hold. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * Reads settings from the content of `config.json`.
 *
 * @param path of the file, for messages
 * @throws SettingError for what is unknown, secret or malformed
 */
export function settingsOfFile(json: unknown, path: string): Settings {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new SettingError(`${path}: expected an object`)
  const settings: Settings = {}
  for (const [key, value] of Object.entries(json)) {
    const name = NAMES.find((known) => known === key)
    const at = `${/^\w{1,40}$/.test(key) ? key : 'a setting'} in ${path}`
    if (name === undefined) throw new SettingError(`${at}: there is no such setting`)
    if (SETTINGS[name].secret)
      throw new SettingError(`${at}: expected in a file of its own or in ${variableOf(name)}`)
    parseOne(settings, name, at, asText(value))
  }
  return settings
}

/**
 * Reads settings from the environment; empty variables count as absent.
 *
 * @throws SettingError naming the variable
 */
export function settingsOfEnvironment(env: NodeJS.ProcessEnv): Settings {
  const settings: Settings = {}
  const known = new Map(NAMES.map((name) => [variableOf(name), name]))
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('DPN_') || value === undefined || value === '') continue
    if (OTHER_VARIABLES.has(variable)) continue
    const name = known.get(variable)
    if (name === undefined) throw new SettingError(`${variable}: there is no such setting`)
    parseOne(settings, name, variable, value)
  }
  return settings
}
