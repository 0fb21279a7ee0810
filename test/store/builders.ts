/** Folders and stores that are gone when their test is over. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Store } from '../../node/core/store.ts'
import { openDatabase } from '../../node/store/database.ts'
import { createFolder, type Folder } from '../../node/store/folder.ts'
import { createStore } from '../../node/store/store.ts'
import { OWN } from './rows.ts'

/** A data folder that is removed when the test is over. */
export function aFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'dpn-store-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return createFolder(path)
}

/** A store in memory that is closed when the test is over. */
export async function aStore(): Promise<Store> {
  const database = await openDatabase(':memory:')
  onTestFinished(database.close)
  return createStore({ database, site: OWN })
}

/**
 * The bytes of all files of a folder, one after another. Not of the lock: reading a file here drops
 * this process's locks on it.
 */
export function bytesIn(path: string): Buffer {
  const names = readdirSync(path).filter((name) => !['ballast', 'lock'].includes(name))
  return Buffer.concat(names.map((name) => readFileSync(join(path, name))))
}
