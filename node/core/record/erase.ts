/** Erases what is doomed, in the one order that cannot leave a readable byte behind a receipt. */
import type { Events, Vault } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'

const BATCH = 4096

export interface Eraser {
  /**
   * Erases everything doomed so far: keys destroyed durably, rows deleted, write-ahead log
   * truncated. When it resolves a receipt may be signed.
   */
  flush: () => Promise<void>
  /**
   * Whether nothing waits to be erased and every deletion has left the disk. Asked inside the
   * transaction that signs: another task may be in the middle of an erasure.
   */
  isClean: (tx: ReadTransaction) => Promise<boolean>
  /** Finishes what a crash interrupted, and destroys keys that no row refers to. */
  recover: () => Promise<void>
}

/** Creates the eraser of a node. */
export function createEraser(ports: { store: Store; vault: Vault; events: Events }): Eraser {
  const { store, vault, events } = ports
  let running: Promise<void> | null = null
  let again = false
  /** Rows were deleted, and the write-ahead log was not truncated since. */
  let isUnsettled = true

  async function settle(): Promise<void> {
    await store.settle()
    isUnsettled = false
  }

  async function eraseAll(): Promise<void> {
    let erased = 0
    for (;;) {
      const doomed = await store.read((tx) => tx.bodies.doomed(BATCH))
      if (doomed.length === 0) break
      // First the keys: from here on the bodies cannot be read, whatever happens to the rows.
      const slots = doomed.map(({ slot }) => slot)
      await vault.destroy(slots)
      isUnsettled = true
      await store.write((tx) => tx.bodies.remove(doomed), 'erase')
      vault.release(slots)
      erased += doomed.length
    }
    // Also what an earlier run could not settle, since something was in its way.
    if (isUnsettled) await settle()
    if (erased > 0) events.emit({ type: 'bodies.erased', count: erased })
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
    isClean: async (tx) => !isUnsettled && (await tx.bodies.doomed(1)).length === 0,
    recover: async () => {
      await store.write(async (tx) => {
        for (const { site } of await tx.logs.all()) await tx.bodies.doomStale(site)
      })
      await flush()
      // A crash may have come after the rows were deleted and before the log was truncated.
      if (isUnsettled) await settle()
      const used = await store.read((tx) => tx.bodies.slots())
      await vault.retain(new Set(used))
    },
  }
}
