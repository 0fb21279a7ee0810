/** Sealed files on disk, one for each slot, in a fixed number of folders. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Blobs, Sealed } from '../core/ports.ts'

/** Folders, so that none of them gets too long to be read. */
const SHARDS = 256
const NAME = /^[0-9a-f]{1,14}$/
/** Files written or removed at once: each waits for the disk on a thread of its own. */
const AT_ONCE = 8

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Does `work` for all items, a few at a time; rejects with the first failure once all have ended. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const run = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, run))
  for (const end of ended) if (end.status === 'rejected') throw end.reason as Error
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

const removePath = (path: string): Promise<void> => rm(path, { recursive: true, force: true })

const shardOf = (slot: number): string => (slot % SHARDS).toString(16).padStart(2, '0')
const shardsOf = (slots: readonly number[]): string[] => [...new Set(slots.map(shardOf))]

/**
 * The sealed files below `path`, a folder that is made with the first of them; nobody but its owner
 * may look inside.
 */
export function openBlobs(path: string): Blobs {
  const pathOf = (slot: number): string => join(path, shardOf(slot), slot.toString(16))
  /** Shards that are on the disk with their names. */
  const made = new Set<string>()

  async function makeShards(shards: readonly string[]): Promise<void> {
    const missing = shards.filter((shard) => !made.has(shard))
    if (missing.length === 0) return
    for (const shard of missing) await mkdir(join(path, shard), { recursive: true, mode: 0o700 })
    await syncFolder(path)
    await syncFolder(dirname(path))
    for (const shard of missing) made.add(shard)
  }

  /** Under another name first: a file under its own name is there as a whole, or not at all. */
  async function put({ slot, ciphertext }: Sealed): Promise<void> {
    const target = pathOf(slot)
    const draft = `${target}.new`
    try {
      const file = await open(draft, 'w', 0o600)
      try {
        await file.writeFile(ciphertext)
        await file.datasync()
      } finally {
        await file.close()
      }
      await rename(draft, target)
    } catch (error) {
      await removePath(draft)
      throw error
    }
  }
  const syncShard = (shard: string): Promise<void> => syncFolder(join(path, shard))

  return {
    put: async (blobs) => {
      const shards = shardsOf(blobs.map(({ slot }) => slot))
      await makeShards(shards)
      await inTurns(blobs, put)
      await inTurns(shards, syncShard)
    },
    get: async (slot) => {
      try {
        return new Uint8Array(await readFile(pathOf(slot)))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    remove: async (slots) => {
      await inTurns(slots.map(pathOf), removePath)
      const known = new Set(await namesIn(path))
      await inTurns(
        shardsOf(slots).filter((shard) => known.has(shard)),
        syncShard,
      )
    },
    retain: async (used) => {
      await inTurns(await namesIn(path), async (shard) => {
        for (const name of await namesIn(join(path, shard)))
          if (!NAME.test(name) || !used.has(Number.parseInt(name, 16)))
            await removePath(join(path, shard, name))
      })
    },
  }
}
