/** The two secrets of a node, 32 bytes each: `node.key` (who it is) and `storage.key` (its vault). */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import type { Folder } from '../store/folder.ts'
import { syncFolder } from '../store/slot-file.ts'
import { systemRandom } from './system.ts'

export const SECRET_BYTES = 32

export interface Secrets {
  /** Seed of the signing keys. */
  node: Uint8Array
  /** Seed of the keys for what only this node may read. */
  storage: Uint8Array
}

/** A secret that is missing, malformed or open to others; the message is for the operator. */
export class SecretError extends Error {
  override readonly name = 'SecretError'
}

const HEX = /^[0-9a-f]{64}$/
const OTHERS = 0o077

/** 32 bytes of 64 hexadecimal digits, or null. */
export function parseSecret(text: string): Uint8Array | null {
  const trimmed = text.trim().toLowerCase()
  return HEX.test(trimmed) ? Uint8Array.from(Buffer.from(trimmed, 'hex')) : null
}

function createSecret(path: string): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, `${Buffer.from(systemRandom.bytes(SECRET_BYTES)).toString('hex')}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function readSecret(path: string, variable: string): Uint8Array {
  if (!existsSync(path))
    throw new SecretError(
      `The file ${path} is missing: put it back, set ${variable}, or run "dpn init" for a new node`,
    )
  if ((statSync(path).mode & OTHERS) !== 0)
    throw new SecretError(`Others can read ${path}: run "chmod 600 ${path}"`)
  const secret = parseSecret(readFileSync(path, 'utf8'))
  if (secret === null)
    throw new SecretError(`The file ${path} does not hold a key: expected 64 hexadecimal digits`)
  return secret
}

/** Makes the secret files that are not there yet, with mode 0600; returns the paths made. */
export function createSecrets(folder: Folder): string[] {
  const missing = [folder.nodeKey, folder.storageKey].filter((path) => !existsSync(path))
  for (const path of missing) createSecret(path)
  return missing
}

/** Makes the next node key, if there is none yet. */
export function createNextNodeKey(folder: Folder): void {
  if (!existsSync(folder.nextNodeKey)) createSecret(folder.nextNodeKey)
}

/** The next node key, or null where none is prepared. @throws SecretError */
export function readNextNodeKey(folder: Folder): Uint8Array | null {
  return existsSync(folder.nextNodeKey) ? readSecret(folder.nextNodeKey, 'DPN_NODE_KEY') : null
}

/** Puts the next node key in the place of the present one, in one step that a crash cannot split. */
export function adoptNextNodeKey(folder: Folder): void {
  renameSync(folder.nextNodeKey, folder.nodeKey)
  syncFolder(folder.path)
}

/**
 * Reads the secrets: from the given values (the environment), else from the folder's files.
 *
 * @throws SecretError where one is missing, malformed, or readable by others
 */
export function readSecrets(
  folder: Folder,
  given: { node: Uint8Array | null; storage: Uint8Array | null },
): Secrets {
  return {
    node: given.node ?? readSecret(folder.nodeKey, 'DPN_NODE_KEY'),
    storage: given.storage ?? readSecret(folder.storageKey, 'DPN_STORAGE_KEY'),
  }
}
