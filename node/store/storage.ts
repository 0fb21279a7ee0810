/** Opens all that a node keeps in its data folder. */
import { existsSync } from 'node:fs'
import type { SiteId } from '../../protocol/ids.ts'
import type { Blobs, Crypto, Random, Vault } from '../core/ports.ts'
import type { Store } from '../core/store.ts'
import { openBallast } from './ballast.ts'
import { openBlobs } from './blobs-disk.ts'
import { openDatabase } from './database.ts'
import { lockFolder, type Folder } from './folder.ts'
import { openSlotFile } from './slot-file.ts'
import { createStore } from './store.ts'
import { openVault } from './vault.ts'

const BALLAST_BYTES = 16 * 1024 * 1024

/** Name of the setting by which the database knows that there is a file of slot keys. */
export const VAULT_SETTING = 'vault'

export interface StorageOptions {
  folder: Folder
  /** The site whose node this is. */
  site: SiteId
  masterKey: Uint8Array
  random: Random
  crypto: Pick<Crypto, 'seal' | 'open' | 'hmacSha256'>
  /** Space kept back for erasing on a full disk; 16 MiB by default. */
  ballastBytes?: number
}
export interface Storage extends AsyncDisposable {
  store: Store
  vault: Vault
  blobs: Blobs
  close: () => Promise<void>
}

/** An empty or missing file is a new vault's only where the database has never had one. */
async function openVaultOf(store: Store, options: StorageOptions) {
  const { folder, masterKey, random, crypto } = options
  const create = (await store.read((tx) => tx.desk.setting(VAULT_SETTING))) === null
  if (!create && !existsSync(folder.keys))
    throw new Error(`The file ${folder.keys} is missing: put it back, or restore a backup`)
  const file = openSlotFile(folder.keys, create)
  try {
    const vault = openVault({ file, masterKey, random, crypto, create })
    if (create) await store.write((tx) => tx.desk.setSetting(VAULT_SETTING, '1'))
    return { vault, file }
  } catch (error) {
    file.close()
    throw error
  }
}

/**
 * Locks the data folder and opens what is in it.
 *
 * @throws Error where another process has it, the database or the slot keys are damaged, or the
 *   master key is another one
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { folder, site, ballastBytes = BALLAST_BYTES } = options
  await using closing = new AsyncDisposableStack()
  closing.defer(lockFolder(folder))
  const database = await openDatabase(folder.database)
  closing.defer(database.close)
  const ballast = openBallast(folder.ballast, ballastBytes)
  const store = createStore({ database, site, ballast })
  const { vault, file } = await openVaultOf(store, options)
  closing.defer(file.close)
  const opened = closing.move()
  const close = (): Promise<void> => opened.disposeAsync()
  return { store, vault, blobs: openBlobs(folder.pictures), close, [Symbol.asyncDispose]: close }
}
