/** Erases what is doomed, in the one order that cannot leave a readable byte behind a receipt. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { Blobs, Events, Vault } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'

const BATCH = 4096

export interface Eraser {
  /**
   * Erases everything doomed so far: keys destroyed durably, files removed, rows deleted,
   * write-ahead log truncated. When it resolves a receipt may be signed.
   */
  flush: () => Promise<void>
  /**
   * Whether nothing waits to be erased, no picture of this log's records waits for its fate, and
   * every deletion has left the disk. Asked inside the transaction that signs: another task may be
   * in the middle of an erasure.
   */
  isClean: (tx: ReadTransaction, log: SiteId) => Promise<boolean>
  /** Finishes what a crash interrupted, and destroys keys that no row refers to. */
  recover: () => Promise<void>
}

/** Creates the eraser of a node. */
export function createEraser(ports: {
  store: Store
  vault: Vault
  blobs: Blobs
  events: Events
}): Eraser {
  const { store, vault, blobs, events } = ports
  let running: Promise<void> | null = null
  let again = false
  /** Rows were deleted, and the write-ahead log was not truncated since. */
  let isUnsettled = true

  async function settle(): Promise<void> {
    await store.settle()
    isUnsettled = false
  }

  async function eraseAll(): Promise<void> {
    const erased = { bodies: 0, pictures: 0 }
    for (;;) {
      const { bodies, pictures, holds } = await store.read(async (tx) => ({
        bodies: await tx.bodies.doomed(BATCH),
        pictures: await tx.pictures.doomed(BATCH),
        holds: await tx.bridge.doomed(BATCH),
      }))
      if (bodies.length + pictures.length + holds.length === 0) break
      // First the keys: from here on nothing of them can be read, whatever happens to the rest.
      const files = pictures.flatMap(({ slots }) =>
        slots === null ? [] : [slots.small, slots.large],
      )
      const slots = [...bodies.map(({ slot }) => slot), ...files, ...holds]
      await vault.destroy(slots)
      isUnsettled = true
      if (files.length > 0) await blobs.remove(files)
      await store.write(async (tx) => {
        await tx.bodies.remove(bodies)
        await tx.pictures.remove(pictures.map(({ id }) => id))
        await tx.bridge.removeDoomed(holds)
      }, 'erase')
      vault.release(slots)
      erased.bodies += bodies.length
      erased.pictures += pictures.length
    }
    // Also what an earlier run could not settle, since something was in its way.
    if (isUnsettled) await settle()
    if (erased.bodies > 0) events.emit({ type: 'bodies.erased', count: erased.bodies })
    if (erased.pictures > 0) events.emit({ type: 'pictures.erased', count: erased.pictures })
  }

  async function run(): Promise<void> {
    do {
      again = false
      await eraseAll()
    } while (again)
  }

  async function flush(): Promise<void> {
    if (running !== null) {
      // The run under way may already have read its list: it looks once more for this caller.
      again = true
      await running
      if (again) await flush()
      return
    }
    running = run().finally(() => {
      running = null
    })
    await running
  }

  return {
    flush,
    isClean: async (tx, log) =>
      !isUnsettled &&
      (await tx.bodies.doomed(1)).length === 0 &&
      (await tx.pictures.doomed(1)).length === 0 &&
      !(await tx.pictures.hasLoose(log)),
    recover: async () => {
      await store.write(async (tx) => {
        for (const { site } of await tx.logs.all()) await tx.bodies.doomStale(site)
      })
      await flush()
      // A crash may have come after the rows were deleted and before the log was truncated.
      if (isUnsettled) await settle()
      const { bodies, pictures, holds } = await store.read(async (tx) => ({
        bodies: await tx.bodies.slots(),
        pictures: await tx.pictures.slots(),
        holds: await tx.bridge.slots(),
      }))
      await vault.retain(new Set([...bodies, ...pictures, ...holds]))
      await blobs.retain(new Set(pictures))
    },
  }
}
