/** Work on a data folder whose node is not running, and work that needs no node at all. */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  writeSync,
} from 'node:fs'
import { ProtocolError } from '../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import { formatVerifierKey } from '../../protocol/note.ts'
import { COORDINATOR_ROLES, createAccess, SITE_ROLES, type Access } from '../core/access.ts'
import { createIdentity, derivePrivateKeys } from '../core/identity.ts'
import { loadView } from '../core/node.ts'
import { OPERATOR_ACTOR } from '../core/people/actor.ts'
import { createActs } from '../core/people/acts.ts'
import { createPeople, type People } from '../core/people/people.ts'
import { ACCOUNT_ROLES } from '../core/people/rows.ts'
import { backup, restore } from '../store/backup.ts'
import { createFolder, folderAt } from '../store/folder.ts'
import { openStorage, type Storage } from '../store/storage.ts'
import { configPath, loadConfig, readSettings, type Config } from './config.ts'
import { OperatorError } from './faults.ts'
import { createNextNodeKey, createSecrets, readNextNodeKey, readSecrets } from './secrets.ts'
import {
  settingsOfEnvironment,
  settingsOfFile,
  type SettingName,
  type Settings,
} from './settings.ts'
import { createClock, systemCrypto, systemRandom } from './system.ts'

/** The public keys of a node, as verifier keys. */
export interface PublicKeys {
  site: SiteId
  network: SiteId
  logKey: string
  witnessKey: string
  /** The key of the network's coordinator, as configured; of a coordinator its own. */
  coordinatorKey: string
}

export type RawSettings = Partial<Record<SettingName, string | number | boolean | object>>

function writeConfig(path: string, settings: RawSettings): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, `${JSON.stringify(settings, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Makes a data folder: settings and secrets. Nothing that is there is overwritten.
 *
 * @throws SettingError for a bad setting, OperatorError where the folder has settings already
 */
export function initFolder(
  path: string,
  raw: RawSettings,
  env: NodeJS.ProcessEnv,
): PublicKeys & { created: string[] } {
  const file = configPath(path)
  if (existsSync(file)) throw new OperatorError(`The folder ${path} has settings already: ${file}`)
  // Checked before anything is written.
  settingsOfFile(raw, 'the options')
  const folder = createFolder(path)
  writeConfig(file, raw)
  const created = [file, ...createSecrets(folder)]
  return { ...readPublicKeys(path, env), created }
}

function settingsOf(path: string, env: NodeJS.ProcessEnv): Settings {
  return { ...readSettings(path), ...settingsOfEnvironment(env) }
}

/** The public keys that follow from a folder's settings and secrets. */
export function readPublicKeys(path: string, env: NodeJS.ProcessEnv): PublicKeys {
  const settings = settingsOf(path, env)
  const network = settings.network ?? (settings.coordinatorKey?.name as SiteId | undefined)
  const site = settings.role === 'coordinator' ? network : settings.site
  if (network === undefined || site === undefined)
    throw new OperatorError(`The folder ${path} does not say which site it is: run "dpn init"`)
  const { node } = readSecrets(folderAt(path), {
    node: settings.nodeKey ?? null,
    storage: settings.storageKey ?? new Uint8Array(0),
  })
  const { logKey, witnessKey } = createIdentity(network, site, node)
  return {
    site,
    network,
    logKey: formatVerifierKey(logKey),
    witnessKey: formatVerifierKey(witnessKey),
    coordinatorKey: formatVerifierKey(settings.coordinatorKey ?? logKey),
  }
}

/**
 * Prepares the next keys of a site, or gives those that are prepared already.
 *
 * @throws OperatorError where the node key comes from the environment: then it is replaced there
 */
export function prepareRotation(
  path: string,
  env: NodeJS.ProcessEnv,
): Pick<PublicKeys, 'site' | 'logKey' | 'witnessKey'> {
  const config = loadConfig(env, path)
  if (config.role !== 'site' || config.secrets.node !== null)
    throw new OperatorError(
      'Only a site whose node key is in its data folder can prepare the next one',
    )
  const folder = folderAt(path)
  createNextNodeKey(folder)
  const seed = readNextNodeKey(folder)
  if (seed === null) throw new OperatorError(`The file ${folder.nextNodeKey} cannot be made`)
  const { logKey, witnessKey } = createIdentity(config.network, config.site, seed)
  return {
    site: config.site,
    logKey: formatVerifierKey(logKey),
    witnessKey: formatVerifierKey(witnessKey),
  }
}

function portsOn({ store }: Pick<Storage, 'store'>) {
  const events = { emit: () => undefined }
  return { store, clock: createClock(events), random: systemRandom, crypto: systemCrypto, events }
}

/** Runs `work` with the API keys of a folder whose node is not running. */
export async function withAccess<T>(
  path: string,
  env: NodeJS.ProcessEnv,
  work: (access: Access) => Promise<T>,
): Promise<T> {
  const config: Config = loadConfig(env, path)
  const folder = folderAt(path)
  const secrets = readSecrets(folder, config.secrets)
  await using storage = await openStorage({
    folder,
    site: config.site,
    masterKey: derivePrivateKeys(secrets.storage).master,
    random: systemRandom,
    crypto: systemCrypto,
  })
  const ports = portsOn(storage)
  const access =
    config.role === 'site'
      ? createAccess<string>(ports, SITE_ROLES)
      : createAccess<string>({ ...ports, acts: createActs(ports) }, COORDINATOR_ROLES)
  // Awaited here: the storage must not be closed before the work is done.
  return await work(access)
}

/** Runs `work` with the people of a coordinator that is not running; no mail is sent. */
async function withPeople<T>(
  path: string,
  env: NodeJS.ProcessEnv,
  work: (people: People) => Promise<T>,
): Promise<T> {
  const config = loadConfig(env, path)
  if (config.role !== 'coordinator')
    throw new OperatorError(`The folder ${path} is a site's: people sign in at a coordinator`)
  const folder = folderAt(path)
  const secrets = readSecrets(folder, config.secrets)
  const keys = derivePrivateKeys(secrets.storage)
  await using storage = await openStorage({
    folder,
    site: config.site,
    masterKey: keys.master,
    random: systemRandom,
    crypto: systemCrypto,
  })
  const ports = portsOn(storage)
  const identity = createIdentity(config.network, config.site, secrets.node)
  const view = await loadView(ports, identity)
  const settings = { network: config.network, keys, url: config.httpUrl }
  return await work(createPeople({ ...ports, view }, settings))
}

/**
 * Makes an account in the folder of a coordinator that is not running; the link signs in once.
 *
 * @throws ProtocolError for a role, an address or a site that is none
 */
export function createAccount(
  path: string,
  env: NodeJS.ProcessEnv,
  { email, role, sites }: { email: string; role: string; sites: readonly string[] },
): ReturnType<People['accounts']['create']> {
  const known = ACCOUNT_ROLES.find((one) => one === role)
  if (known === undefined)
    throw new ProtocolError('out_of_range', '/role', `one of ${ACCOUNT_ROLES.join(', ')}`)
  const account = { email, role: known, sites: sites.map(parseSiteId) }
  return withPeople(path, env, (people) => people.accounts.create(OPERATOR_ACTOR, account))
}

/** Writes a backup; the node may run. It holds no body and no key. */
export function backupFolder(path: string, file: string): void {
  backup(path, file)
}

/**
 * Makes a data folder from a backup, and copies settings and secrets into it, which no backup has.
 *
 * @param from a folder with `config.json`, `node.key` and `storage.key`; null where the
 *   environment has them, or the operator puts them there
 */
export async function restoreFolder(file: string, path: string, from: string | null) {
  await restore(file, path)
  if (from === null) return
  const [source, target] = [folderAt(from), folderAt(path)]
  for (const [old, fresh] of [
    [configPath(from), configPath(path)],
    [source.nodeKey, target.nodeKey],
    [source.storageKey, target.storageKey],
  ] as const) {
    if (!existsSync(old)) continue
    copyFileSync(old, fresh)
    chmodSync(fresh, 0o600)
  }
}
