/** The shipped store and vault on a simulated disk: commits are told, and any write can be the last. */
import { toHex } from '../../protocol/bytes.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { Finding } from '../../node/core/oversight/finding.ts'
import type { Blobs, Sealed, Vault } from '../../node/core/ports.ts'
import type {
  HeldBody,
  LedgerRow,
  PictureRow,
  ReceiptRow,
  Store,
  WriteTransaction,
} from '../../node/core/store.ts'
import type { Database } from '../../node/store/database.ts'
import { createStore } from '../../node/store/store.ts'
import { HEADER_BYTES, SLOT_BYTES } from '../../node/store/vault.ts'
import { memoryBlobs } from '../fixtures/pictures.ts'
import { Crashed, type Fuse, type SlotDisk } from './disk.ts'

/** What one transaction has done, for the model. */
export type Fact =
  | { kind: 'entries'; site: SiteId; from: number; entries: Uint8Array[] }
  | { kind: 'heartbeat'; site: SiteId; time: number }
  | { kind: 'checkpoint'; site: SiteId; note: string }
  | { kind: 'kept'; home: SiteId; bodies: readonly Omit<HeldBody, 'home'>[] }
  | { kind: 'removed'; bodies: readonly { home: SiteId; index: number }[] }
  | { kind: 'pictured'; rows: readonly PictureRow[] }
  | { kind: 'ledger'; row: LedgerRow }
  | { kind: 'receipt'; row: ReceiptRow }
  | { kind: 'pending'; record: RecordId }
  | { kind: 'fork'; log: SiteId }
  | { kind: 'found'; finding: Finding }
  /** Rows of records, bodies or the feed have changed. */
  | { kind: 'touched' }

/** A row of the table of bodies. */
export interface BodyRow {
  home: SiteId
  index: number
  record: RecordId
  doomed: boolean
}

export interface StorageHooks {
  isDead: () => boolean
  fuse: Fuse
  /** Waits on the event queue now and then, so that tasks of one node interleave. */
  pause: () => Promise<void>
  /** In the transaction, at its end: may look at its rows, and throws what is wrong. */
  beforeCommit: (facts: readonly Fact[], rows: () => Promise<BodyRow[]>) => Promise<void>
  afterCommit: (facts: readonly Fact[]) => void
  settled: () => void
}

/** A promise of a process that is gone. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined)
}

type Connection = Parameters<Parameters<Database['transact']>[0]>[0]

/** The bodies in the database, doomed ones included. */
export async function bodyRows(db: Connection): Promise<BodyRow[]> {
  const rows = await db
    .selectFrom('bodies')
    .innerJoin('sites', 'sites.id', 'bodies.home')
    .select(['sites.name as home', 'idx as index', 'record', 'doomed'])
    .orderBy('bodies.id')
    .execute()
  return rows.map(({ home, index, record, doomed }) => ({
    home,
    index,
    record: toHex(record) as RecordId,
    doomed: doomed === 1,
  }))
}

/** The records that the database says are live. */
export async function liveRows(db: Connection): Promise<{ home: SiteId; record: RecordId }[]> {
  const rows = await db
    .selectFrom('records')
    .innerJoin('sites', 'sites.id', 'records.log')
    .select(['sites.name as home', 'record'])
    .where('live', '=', 1)
    .execute()
  return rows.map(({ home, record }) => ({ home, record: toHex(record) as RecordId }))
}

/** Notes what a transaction does; the real one does it. */
function recording(tx: WriteTransaction, facts: Fact[]): WriteTransaction {
  return {
    ...tx,
    logs: {
      ...tx.logs,
      append: async (site, batch) => {
        await tx.logs.append(site, batch)
        facts.push({ kind: 'entries', site, from: batch.from, entries: batch.entries })
      },
      saveCheckpoint: async (site, note, heartbeat) => {
        await tx.logs.saveCheckpoint(site, note, heartbeat)
        facts.push({ kind: 'checkpoint', site, note })
        if (heartbeat !== null) facts.push({ kind: 'heartbeat', site, time: heartbeat })
      },
    },
    findings: {
      ...tx.findings,
      add: async (finding) => {
        const isNew = await tx.findings.add(finding)
        if (isNew) facts.push({ kind: 'found', finding })
        return isNew
      },
    },
    records: {
      ...tx.records,
      save: async (home, states, wanted) => {
        await tx.records.save(home, states, wanted)
        facts.push({ kind: 'touched' })
      },
      endBelow: async (home, size) => {
        await tx.records.endBelow(home, size)
        facts.push({ kind: 'touched' })
      },
      addPending: async (pending) => {
        await tx.records.addPending(pending)
        facts.push({ kind: 'pending', record: pending.record })
      },
    },
    bodies: {
      ...tx.bodies,
      doom: async (home, indexes) => {
        const doomed = await tx.bodies.doom(home, indexes)
        facts.push({ kind: 'touched' })
        return doomed
      },
      doomStale: async (home) => {
        const doomed = await tx.bodies.doomStale(home)
        facts.push({ kind: 'touched' })
        return doomed
      },
      insert: async (home, bodies) => {
        const kept = await tx.bodies.insert(home, bodies)
        const found = bodies.filter(({ index }) => kept.includes(index))
        facts.push({ kind: 'kept', home, bodies: found })
        return kept
      },
      remove: async (bodies) => {
        await tx.bodies.remove(bodies)
        facts.push({ kind: 'removed', bodies })
      },
    },
    pictures: {
      ...tx.pictures,
      fill: async (home, filled) => {
        const kept = await tx.pictures.fill(home, filled)
        const slots = new Set(kept.map((one) => one.slots.small))
        const rows = await tx.pictures.ofRecords(
          home,
          kept.map(({ record }) => record),
        )
        facts.push({
          kind: 'pictured',
          rows: rows.filter((row) => slots.has(row.slots?.small ?? -1)),
        })
        return kept
      },
    },
    ledger: {
      ...tx.ledger,
      add: async (row) => {
        await tx.ledger.add(row)
        facts.push({ kind: 'ledger', row })
      },
    },
    receipts: {
      ...tx.receipts,
      saveCheckpoint: async (site, size, note) => {
        await tx.receipts.saveCheckpoint(site, size, note)
        facts.push({ kind: 'checkpoint', site, note })
      },
      save: async (row) => {
        await tx.receipts.save(row)
        facts.push({ kind: 'receipt', row })
      },
    },
    feed: {
      ...tx.feed,
      add: async (notices, time) => {
        await tx.feed.add(notices, time)
        facts.push({ kind: 'touched' })
      },
    },
    desk: {
      ...tx.desk,
      addFork: async (row) => {
        await tx.desk.addFork(row)
        facts.push({ kind: 'fork', log: row.log })
      },
    },
  }
}

/** The store of one process. */
export function storeOn(database: Database, site: SiteId, hooks: StorageHooks): Store {
  const { isDead, fuse } = hooks
  let facts: Fact[] = []
  const assertAlive = (): void => {
    if (isDead()) throw new Crashed()
  }
  const mortal: Database = {
    ...database,
    transact: async (work) => {
      assertAlive()
      facts = []
      const result = await database.transact(async (db) => {
        const done = await work(db)
        assertAlive()
        await hooks.beforeCommit(facts, () => bodyRows(db))
        fuse.before()
        return done
      })
      hooks.afterCommit(facts)
      fuse.after()
      return result
    },
  }
  const store = createStore({ database: mortal, site, pause: hooks.pause })

  async function living<T>(task: () => Promise<T>): Promise<T> {
    if (isDead()) return never()
    try {
      const result = await task()
      return isDead() ? never() : result
    } catch (error) {
      if (isDead()) return never()
      throw error
    }
  }
  return {
    read: (work) => living(() => store.read(work)),
    write: (work, purpose) =>
      living(async () => {
        await hooks.pause()
        return store.write(async (tx) => {
          assertAlive()
          return work(recording(tx, facts))
        }, purpose)
      }),
    settle: () =>
      living(async () => {
        await hooks.pause()
        assertAlive()
        await store.settle()
        fuse.before()
        hooks.settled()
        fuse.after()
      }),
    compact: () => living(store.compact),
  }
}

/** The vault of one process, and what it has sealed since its start. */
export function vaultOn(
  vault: Vault,
  hooks: Pick<StorageHooks, 'isDead' | 'pause'>,
  sealed: (slot: number, plaintext: Uint8Array) => void,
): Vault {
  const { isDead, pause } = hooks
  async function living<T>(task: () => Promise<T>): Promise<T> {
    if (isDead()) return never()
    await pause()
    if (isDead()) return never()
    try {
      const result = await task()
      return isDead() ? never() : result
    } catch (error) {
      if (isDead()) return never()
      throw error
    }
  }
  return {
    seal: (plaintexts) =>
      living(async () => {
        const made: Sealed[] = await vault.seal(plaintexts)
        for (const [at, plaintext] of plaintexts.entries()) {
          const slot = made[at]?.slot
          if (slot !== undefined) sealed(slot, plaintext)
        }
        return made
      }),
    open: (one) => (isDead() ? null : vault.open(one)),
    destroy: (slots) => living(() => vault.destroy(slots)),
    release: (slots) => {
      if (!isDead()) vault.release(slots)
    },
    retain: (used) => living(() => vault.retain(used)),
  }
}

/** The sealed files of one process; each is written or removed as a whole. */
export function blobsOn(
  files: Map<number, Uint8Array>,
  hooks: Pick<StorageHooks, 'isDead' | 'pause' | 'fuse'>,
): Blobs {
  const { isDead, pause, fuse } = hooks
  const disk = memoryBlobs(files)
  async function living<T>(task: () => Promise<T>): Promise<T> {
    if (isDead()) return never()
    await pause()
    if (isDead()) return never()
    try {
      return await task()
    } catch (error) {
      if (isDead()) return never()
      throw error
    }
  }
  return {
    put: (blobs) =>
      living(async () => {
        for (const blob of blobs) {
          fuse.before()
          await disk.put([blob])
          fuse.after()
        }
      }),
    get: (slot) => living(() => disk.get(slot)),
    remove: (slots) =>
      living(async () => {
        for (const slot of slots) {
          fuse.before()
          await disk.remove([slot])
          fuse.after()
        }
      }),
    retain: (used) => living(() => disk.retain(used)),
  }
}

/** The bytes of a slot that would be there after a power cut. */
export function durableKey(disk: SlotDisk, slot: number): string {
  return toHex(disk.durable(HEADER_BYTES + slot * SLOT_BYTES, SLOT_BYTES))
}
