/** The data folder: its files, and the lock that keeps a second process out. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'

export interface Folder {
  path: string
  /** The SQLite database. */
  database: string
  /** The slots of the vault; in no backup. */
  keys: string
  /** Sealed pictures, a file each; in no backup. */
  pictures: string
  /** The seed of the node's keys. */
  nodeKey: string
  /** The seed that takes its place once the coordinator has bound its keys to the site. */
  nextNodeKey: string
  /** The master key of the vault. */
  storageKey: string
  lock: string
  ballast: string
}

/** The files of the data folder at `path`. */
export function folderAt(path: string): Folder {
  return {
    path,
    database: join(path, 'node.db'),
    keys: join(path, 'keys'),
    pictures: join(path, 'pictures'),
    nodeKey: join(path, 'node.key'),
    nextNodeKey: join(path, 'node.key.next'),
    storageKey: join(path, 'storage.key'),
    lock: join(path, 'lock'),
    ballast: join(path, 'ballast'),
  }
}

/** Makes the folder where there is none; nobody but its owner may look inside. */
export function createFolder(path: string): Folder {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  return folderAt(path)
}

/**
 * Makes an empty file of mode 0600 where there is none; SQLite would give it the mode of the umask.
 * One that is there is not even opened: closing it would drop every lock (POSIX) that this process
 * holds on it through SQLite.
 */
export function createPrivate(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'ax', 0o600))
}

/**
 * Locks the folder until the returned function is called or the process is gone, however it ends:
 * the lock is an open SQLite transaction, and the kernel drops that with the process.
 *
 * @throws Error where another process has it
 */
export function lockFolder(folder: Folder): () => void {
  createPrivate(folder.lock)
  const lock = new Sqlite(folder.lock, { timeout: 0 })
  try {
    lock.pragma('journal_mode = MEMORY')
    lock.exec('begin exclusive')
  } catch (cause) {
    lock.close()
    throw new Error(`The data folder ${folder.path} is in use by another process`, { cause })
  }
  return () => void lock.close()
}
