/**
 * Goal: a backup cannot bring anybody back, nor fork a log unawares. Method: back up a folder with
 * bodies, erase one, and look for it in the backup and in every file with the master key in hand.
 */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { concatBytes, toUtf8 } from '../../protocol/bytes.ts'
import { FEED_EPOCH } from '../../node/core/feed.ts'
import { backup, restore } from '../../node/store/backup.ts'
import { folderAt } from '../../node/store/folder.ts'
import { SLOT_BYTES } from '../../node/store/vault.ts'
import { aFolder, bytesIn } from './builders.ts'
import {
  aBody,
  aMember,
  aState,
  bytesOf,
  crypto,
  HOME,
  MASTER_KEY,
  openFolder,
  range,
} from './rows.ts'

describe('backup', () => {
  it('works while the node runs, and holds neither body nor key', async () => {
    const folder = aFolder()
    await using storage = await openFolder(folder)
    const { store, vault } = storage
    const sealed = await vault.seal(range(50).map((n) => toUtf8(`text ${n}`)))
    await store.write(async (tx) => {
      await tx.records.save(
        HOME,
        range(50).map((n) => aState(n)),
        true,
      )
      const bodies = sealed.map((one, n) => {
        const { facts } = aBody(n)
        return aBody(n, { sealed: one, facts: { ...facts, country: `qqmarker${n};` } })
      })
      await tx.bodies.insert(HOME, bodies)
    })
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const bytes = readFileSync(file)
    expect(bytes.includes('qqmarker')).toBe(false)
    for (const { ciphertext } of sealed) expect(bytes.includes(Buffer.from(ciphertext))).toBe(false)
    await store.settle()
    expect(bytesIn(folder.path).includes('qqmarker7;')).toBe(true)
  })

  it('refuses to write over a file, and a folder without a database', async () => {
    const folder = aFolder()
    expect(() => backup(folder.path, join(folder.path, 'backup'))).toThrow('no data')
    await (await openFolder(folder)).close()
    expect(() => backup(folder.path, folder.keys)).toThrow('exists already')
  })

  it('together with all files and the master key cannot yield an erased body', async () => {
    const folder = aFolder()
    await using storage = await openFolder(folder)
    const { store, vault } = storage
    const [sealed] = await vault.seal([toUtf8('secret')])
    if (sealed === undefined) throw new Error('nothing sealed')
    await store.write(async (tx) => {
      await tx.records.save(HOME, [aState(1)], true)
      await tx.bodies.insert(HOME, [aBody(1, { sealed })])
    })
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    await vault.destroy([sealed.slot])
    await store.write((tx) => tx.bodies.doom(HOME, [1]))
    await store.write((tx) => tx.bodies.remove([{ home: HOME, index: 1 }]))
    await store.settle()
    // Even who kept the ciphertext: no 32 bytes in any file are its key.
    const bytes = Buffer.concat([readFileSync(file), bytesIn(folder.path)])
    for (let at = 0; at + SLOT_BYTES <= bytes.length; at += 16) {
      const key = bytes.subarray(at, at + SLOT_BYTES)
      if (key.every((byte) => byte === 0)) continue
      const content = crypto.hmacSha256(MASTER_KEY, concatBytes(toUtf8('dpn/content'), key))
      if (crypto.open(content, sealed.ciphertext) !== null) throw new Error('the key is there')
    }
    expect(vault.open(sealed)).toBeNull()
  })
})

const account = (id: string, role: 'staff' | 'owner') => ({
  id,
  role,
  sites: [HOME],
  email: bytesOf(`sealed ${id}`),
  emailKey: bytesOf(`key ${id}`),
  source: 'invitation' as const,
  createdAt: 1,
  seenAt: null,
  disabledAt: null,
})

describe('restore', () => {
  it('brings back logs, members and settings, no body, and wants those of live records', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    await storage.store.write(async (tx) => {
      await tx.records.save(HOME, [aState(1), aState(2, { live: false })], true)
      await tx.bodies.insert(HOME, [aBody(1)])
      await tx.members.save([aMember(1)])
      await tx.desk.setSetting('name', 'value')
    })
    await storage.close()
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    const target = folderAt(join(aFolder().path, 'restored'))
    await restore(file, target.path)
    expect(statSync(target.database).mode & 0o777).toBe(0o600)
    await using restored = await openFolder(target, bytesOf('new master key'))
    await restored.store.read(async (tx) => {
      expect(await tx.desk.setting('restored')).toBe('1')
      expect(await tx.desk.setting('name')).toBe('value')
      expect(await tx.members.byRecord(aState(1).record)).toEqual(aMember(1))
      expect(await tx.bodies.slots()).toEqual([])
      expect(await tx.records.wanted(HOME, -1, 10)).toEqual([aState(1)])
    })
  })

  it('begins the feed anew, and brings back no webhook that may have been removed since', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    const notice = { type: 'record.appeared', home: HOME, record: aState(1).record } as const
    await storage.store.write(async (tx) => {
      await tx.feed.add([notice], 1)
      await tx.feed.putAside(HOME, [aState(1).record], 1)
      await tx.feed.setHidden(HOME, true)
      await tx.desk.setSetting(FEED_EPOCH, '00000000')
      await tx.webhooks.save({
        id: '1',
        url: 'https://site.example/',
        secret: bytesOf('sealed'),
        types: [],
        createdAt: 1,
        cursor: 1,
        failures: 0,
        failingSince: null,
        retryAt: 0,
        lastSuccessAt: null,
        lastFailure: null,
        disabledAt: null,
      })
    })
    await storage.close()
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    const target = folderAt(join(aFolder().path, 'restored'))
    await restore(file, target.path)
    await using restored = await openFolder(target, bytesOf('new master key'))
    await restored.store.read(async (tx) => {
      expect(await tx.feed.newest()).toBe(0)
      expect(await tx.feed.isAside(9)).toBe(false)
      expect(await tx.feed.hiddenHomes()).toEqual([])
      expect(await tx.desk.setting(FEED_EPOCH)).toBeNull()
      expect(await tx.webhooks.all()).toEqual([])
    })
  })

  it('lets nobody in who may have been removed since, and forgets no owner', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    const hash = bytesOf('session')
    const times = { createdAt: 1, expiresAt: 2_000_000_000 }
    await storage.store.write(async (tx) => {
      await tx.people.saveAccount(account('a', 'staff'))
      await tx.people.saveAccount(account('b', 'owner'))
      await tx.people.addSession({ hash, account: 'a', method: 'link', ...times })
      await tx.people.addLink({ hash, account: 'b', ...times })
      await tx.people.savePasskey({
        id: hash,
        account: 'a',
        publicKey: hash,
        counter: 0,
        transports: [],
        createdAt: 1,
        usedAt: null,
      })
    })
    await storage.close()
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    const target = folderAt(join(aFolder().path, 'restored'))
    await restore(file, target.path)
    await using again = await openFolder(target)
    await again.store.read(async (tx) => {
      expect(await tx.people.session(hash)).toBeNull()
      expect(await tx.people.link(hash)).toBeNull()
      expect(await tx.people.passkey(hash)).toBeNull()
      expect((await tx.people.account('a'))?.disabledAt).not.toBeNull()
      expect(await tx.people.account('b')).toEqual(account('b', 'owner'))
    })
  })

  it('refuses a folder that is not empty, and files that are no backups', async () => {
    const folder = aFolder()
    await (await openFolder(folder)).close()
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    await expect(restore(file, folder.path)).rejects.toThrow('not empty')
    const { path } = aFolder()
    await expect(restore(`${file}-missing`, path)).rejects.toThrow('no file')
    await expect(restore(folder.keys, path)).rejects.toThrow('not a backup')
    await expect(restore(folder.lock, path)).rejects.toThrow('not a backup')
    const damaged = join(path, 'damaged')
    writeFileSync(damaged, readFileSync(file).fill(0x5a, 8_192, 20_480))
    await expect(restore(damaged, aFolder().path)).rejects.toThrow('not a backup')
    truncateSync(file, 10_000)
    await expect(restore(file, aFolder().path)).rejects.toThrow('not a backup')
  })
})
