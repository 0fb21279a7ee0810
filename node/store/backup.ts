/** Backups of the database, without bodies and without keys: they can bring nobody back. */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Sqlite from 'better-sqlite3'
import { FEED_EPOCH } from '../core/feed.ts'
import { APPLICATION_ID, openDatabase } from './database.ts'
import { createFolder, createPrivate, folderAt } from './folder.ts'
import { syncFolder } from './slot-file.ts'
import { VAULT_SETTING } from './storage.ts'

const BUSY_MILLISECONDS = 10_000
/** Settings that a restored node makes anew. */
const NOT_RESTORED = [VAULT_SETTING, FEED_EPOCH, 'restored']

function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  syncFolder(dirname(path))
}

/** Copies a consistent state into an empty file of mode 0600. */
function copyInto(source: string, target: string): void {
  createPrivate(target)
  const sqlite = new Sqlite(source, { fileMustExist: true, timeout: BUSY_MILLISECONDS })
  try {
    sqlite.pragma('temp_store = MEMORY')
    sqlite.prepare('vacuum into ?').run(target)
  } finally {
    sqlite.close()
  }
}

/** Takes bodies, pictures and holds out, in clear columns and ciphertext, down to the last byte. */
function dropBodies(path: string): void {
  const sqlite = new Sqlite(path)
  try {
    sqlite.pragma('journal_mode = MEMORY')
    sqlite.pragma('secure_delete = ON')
    sqlite.pragma('temp_store = MEMORY')
    sqlite.exec('delete from ciphertexts; delete from bodies; delete from pictures')
    // A slot of this node is another one's in the file of keys that a restored node begins.
    sqlite.exec(`delete from bridge_holds; update bridge_members set slot = null;
      delete from bridge_links where member_key in
        (select member_key from bridge_members where state in ('held', 'refused'));
      delete from bridge_members where state in ('held', 'refused'); vacuum`)
  } finally {
    sqlite.close()
  }
}

/**
 * Writes a backup of the data folder at `path`, also while its node runs. It holds logs, ledger,
 * consents, settings; no body (a body erased later would else be in it) and no key.
 *
 * @param file the backup to make
 * @throws Error where the file exists or the folder has no database
 */
export function backup(path: string, file: string): void {
  if (existsSync(file)) throw new Error(`The file ${file} exists already`)
  const { database } = folderAt(path)
  if (!existsSync(database)) throw new Error(`The folder ${path} holds no data of a node`)
  try {
    copyInto(database, file)
    dropBodies(file)
    syncFile(file)
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
}

/** @throws Error where the file is no backup of ours */
function checkBackup(file: string): void {
  const refuse = (cause?: unknown): Error =>
    new Error(`The file ${file} is not a backup of a node, or is damaged`, { cause })
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Error(`There is no file ${file}`)
  try {
    const sqlite = new Sqlite(file, { readonly: true, fileMustExist: true })
    try {
      if (sqlite.pragma('application_id', { simple: true }) !== APPLICATION_ID) throw refuse()
      const found: unknown = sqlite.pragma('quick_check(1)', { simple: true })
      if (found !== 'ok') throw refuse(found)
    } finally {
      sqlite.close()
    }
  } catch (cause) {
    throw refuse(cause)
  }
}

/**
 * Makes a data folder from a backup. The node that starts on it knows that it was restored
 * (setting `restored`), holds no body and wants that of every live record, and knows no API key.
 *
 * @param path a folder that is empty or not there
 * @throws Error where the folder is not empty or the file is no backup
 */
export async function restore(file: string, path: string): Promise<void> {
  checkBackup(file)
  const folder = createFolder(path)
  if (readdirSync(path).length > 0) throw new Error(`The folder ${path} is not empty`)
  try {
    copyInto(file, folder.database)
    const database = await openDatabase(folder.database)
    await database.transact(async (db) => {
      await db.deleteFrom('ciphertexts').execute()
      await db.deleteFrom('bodies').execute()
      await db.deleteFrom('pictures').execute()
      await db.updateTable('records').set({ wanted: 1 }).where('live', '=', 1).execute()
      // A key that was revoked since the backup must not come back with it.
      await db.deleteFrom('api_keys').execute()
      // Nor a session, a way to sign in, or the rights of somebody who has left meanwhile. Owners
      // stay: they are only told of things, and must be.
      for (const table of ['links', 'sessions', 'passkeys'] as const)
        await db.deleteFrom(table).execute()
      await db
        .updateTable('accounts')
        .set({ disabled_at: 0 })
        .where('role', '!=', 'owner')
        .where('disabled_at', 'is', null)
        .execute()
      // What waited was sent since, or is too old.
      await db.deleteFrom('mail').where('due_at', 'is not', null).execute()
      // Nor a webhook that was removed. The feed begins anew, since its next ids are given out.
      await db.deleteFrom('webhooks').execute()
      for (const table of ['feed', 'feed_aside', 'hidden_homes'] as const)
        await db.deleteFrom(table).execute()
      await db.deleteFrom('settings').where('name', 'in', NOT_RESTORED).execute()
      await db.insertInto('settings').values({ name: 'restored', value: '1' }).execute()
    })
    await database.close()
    syncFile(folder.database)
  } catch (error) {
    for (const name of readdirSync(path)) rmSync(`${path}/${name}`)
    throw error
  }
}
