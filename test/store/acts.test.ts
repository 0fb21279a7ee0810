/** The access log on a real database: a chain in which a change or a gap is seen. */
import { sha256 } from '@noble/hashes/sha2.js'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { createActs } from '../../node/core/people/acts.ts'
import type { Folder } from '../../node/store/folder.ts'
import { aFolder } from './builders.ts'
import { openFolder } from './rows.ts'

const staff = { kind: 'key', id: '00000000000000aa', role: 'staff' } as const
const crypto = { sha256: (bytes: Uint8Array) => sha256(bytes) }
const clock = { now: () => 1_800_000_000, every: () => () => undefined }

async function withActs(count: number): Promise<Folder> {
  const folder = aFolder()
  await using storage = await openFolder(folder)
  const acts = createActs({ store: storage.store, clock, crypto })
  for (let at = 0; at < count; at += 1)
    await storage.store.write((tx) =>
      acts.add(tx, { actor: staff, act: 'application.admit', subject: `site${at}.example` }),
    )
  return folder
}

async function verified(folder: Folder) {
  await using storage = await openFolder(folder)
  return createActs({ store: storage.store, clock, crypto }).verify()
}

function tamper(folder: Folder, sql: string): void {
  const db = new Sqlite(folder.database)
  db.exec(sql)
  db.close()
}

describe('createActs', () => {
  it('keeps every act in one chain', async () => {
    expect(await verified(await withActs(5))).toEqual({ count: 5, brokenAt: null })
  })
  it.each([
    ['a changed line', "update acts set subject = 'other.example' where id = 3", 3],
    ['a changed time', 'update acts set time = 1 where id = 2', 2],
    ['a removed line', 'delete from acts where id = 4', 5],
  ])('names %s', async (_what, sql, brokenAt) => {
    const folder = await withActs(5)
    tamper(folder, sql)
    expect((await verified(folder)).brokenAt).toBe(brokenAt)
  })
  it('takes no name, address or text as a subject', async () => {
    const folder = aFolder()
    await using storage = await openFolder(folder)
    const acts = createActs({ store: storage.store, clock, crypto })
    for (const subject of ['Anna Smith', 'anna@amor.example'])
      await expect(
        storage.store.write((tx) => acts.add(tx, { actor: staff, act: 'notice.take', subject })),
      ).rejects.toThrow('/subject')
  })
})
