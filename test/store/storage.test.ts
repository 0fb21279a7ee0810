/**
 * Goal: what was acknowledged is there, what was erased is not, whatever ends the process. Method:
 * real files, and real processes that are killed; the bytes of all files are searched.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { recordIdBytes } from '../../protocol/ids.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { openBallast } from '../../node/store/ballast.ts'
import { openDatabase } from '../../node/store/database.ts'
import type { Folder } from '../../node/store/folder.ts'
import { aFolder, bytesIn } from './builders.ts'
import { aBody, aState, bytesOf, holdBodies, HOME, openFolder, range, recordOf } from './rows.ts'

const WRITER = new URL('./writer.ts', import.meta.url).pathname
const MARKER = 'qqmarkercountry'

async function refusal(folder: Folder): Promise<string> {
  try {
    await (await openFolder(folder)).close()
    return 'none'
  } catch (error) {
    return String(error)
  }
}

describe('openStorage', () => {
  it('makes files that only their owner may read, and finds its rows again', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    await holdBodies(storage.store, [1, 2])
    for (const file of [folder.database, `${folder.database}-wal`, folder.keys, folder.lock])
      expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(folder.path).mode & 0o777).toBe(0o700)
    await storage.close()
    await using again = await openFolder(folder)
    expect(await again.store.read((tx) => tx.bodies.slots())).toEqual([1, 2])
  })

  it('refuses a folder that is in use, here or in another process, until it is closed', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    expect(await refusal(folder)).toContain('in use by another process')
    const other = spawnSync(process.execPath, [WRITER, folder.path], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(other.status).not.toBe(0)
    expect(other.stderr).toContain('in use by another process')
    await storage.close()
    await (await openFolder(folder)).close()
  })

  it('refuses a damaged database', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    await holdBodies(storage.store, range(500))
    await storage.store.settle()
    await storage.close()
    const bytes = readFileSync(folder.database)
    writeFileSync(folder.database, bytes.fill(0x5a, 40_960, 49_152))
    expect(await refusal(folder)).toContain('restore a backup')
    writeFileSync(folder.database, 'not a database at all, however one looks at it'.repeat(99))
    expect(await refusal(folder)).toContain('restore a backup')
  })

  it('refuses another master key, and a file of keys that is cut short, empty or missing', async () => {
    const folder = aFolder()
    await (await openFolder(folder)).close()
    await expect(openFolder(folder, bytesOf('another'))).rejects.toThrow('master key')
    truncateSync(folder.keys, 40)
    expect(await refusal(folder)).toContain('cut short')
    truncateSync(folder.keys, 0)
    expect(await refusal(folder)).toContain('cut short')
    rmSync(folder.keys)
    expect(await refusal(folder)).toContain('is missing')
  })

  it('leaves no byte of erased columns and ciphertexts in any file', async () => {
    const folder = aFolder()
    await using storage = await openFolder(folder)
    const { store, vault } = storage
    const erased = range(900).filter((n) => n % 3 !== 0)
    const sealed = await vault.seal(range(900).map((n) => toUtf8(`text ${n}`)))
    await store.write(async (tx) => {
      await tx.records.save(
        HOME,
        range(900).map((n) => aState(n)),
        true,
      )
      const bodies = sealed.map((one, n) => {
        const { facts } = aBody(n)
        const changes = { sealed: one, facts: { ...facts, country: `${MARKER}${n};` } }
        return aBody(n, changes)
      })
      await tx.bodies.insert(HOME, bodies)
    })
    await store.settle()
    expect(bytesIn(folder.path).includes(`${MARKER}1;`)).toBe(true)
    await vault.destroy(erased.map((n) => sealed[n]?.slot ?? -1))
    await store.write(async (tx) => {
      await tx.bodies.doom(HOME, erased)
      await tx.bodies.remove(erased.map((index) => ({ home: HOME, index })))
    }, 'erase')
    await store.settle()
    expect(statSync(`${folder.database}-wal`).size).toBe(0)
    await store.compact()
    const bytes = bytesIn(folder.path)
    for (const n of erased) {
      expect(bytes.includes(`${MARKER}${n};`)).toBe(false)
      expect(bytes.includes(Buffer.from(sealed[n]?.ciphertext ?? '').subarray(0, 24))).toBe(false)
    }
    expect(bytes.includes(`${MARKER}3;`)).toBe(true)
    expect(bytes.includes(Buffer.from(recordIdBytes(recordOf(1))))).toBe(true)
  })

  it('loses nothing acknowledged, however often its process is killed', async () => {
    const folder = aFolder()
    let acknowledged = -1
    for (let kills = 0; kills < 6; kills += 1) {
      const writer = spawn(process.execPath, [WRITER, folder.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const enough = acknowledged + 20 + kills * 7
      for await (const line of createInterface({ input: writer.stdout })) {
        acknowledged = Math.max(acknowledged, Number(line))
        if (acknowledged >= enough) writer.kill('SIGKILL')
      }
      if (writer.signalCode === null && writer.exitCode === null) await once(writer, 'exit')
      expect(writer.signalCode).toBe('SIGKILL')
    }
    await using storage = await openFolder(folder)
    const { store, vault } = storage
    const bodies = await store.read((tx) => tx.bodies.atIndexes(HOME, range(acknowledged + 1)))
    expect(bodies).toHaveLength(acknowledged + 1)
    for (const body of bodies) expect(vault.open(body.sealed)).toEqual(toUtf8(`text ${body.index}`))
  })
})

describe('openDatabase', () => {
  it('opens in memory what was serialised', async () => {
    const first = await openDatabase(':memory:')
    await first.db.insertInto('settings').values({ name: 'a', value: 'b' }).execute()
    const second = await openDatabase(first.serialize())
    await second.db.insertInto('settings').values({ name: 'c', value: 'd' }).execute()
    expect(await second.db.selectFrom('settings').selectAll().execute()).toHaveLength(2)
    expect(await first.db.selectFrom('settings').selectAll().execute()).toHaveLength(1)
    const third = await openDatabase(':memory:')
    expect(await third.db.selectFrom('settings').selectAll().execute()).toEqual([])
    for (const database of [first, second, third]) await database.close()
  })
})

describe('openBallast', () => {
  it('takes the space, gives it once, and takes it again', () => {
    const { ballast: path } = aFolder()
    const ballast = openBallast(path, 3_000_000)
    expect(statSync(path).size).toBe(3_000_000)
    expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(3_000_000)
    expect(ballast.release()).toBe(true)
    expect(existsSync(path)).toBe(false)
    expect(ballast.release()).toBe(false)
    ballast.restore()
    expect(statSync(path).size).toBe(3_000_000)
  })
})
