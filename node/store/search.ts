/** Keeps the index in memory in step with the bodies of other sites: loaded in slices, then by commit. */
import { randomInt } from 'node:crypto'
import type { SiteId } from '../../protocol/ids.ts'
import type { IndexedBody } from '../core/search/columns.ts'
import { createMemoryIndex, type MemoryIndex } from '../core/search/memory.ts'
import type { SearchReader } from '../core/search/query.ts'
import { columnsOf } from './columns.ts'
import type { BodyTable } from './schema.ts'
import { createTextIndex } from './text-index.ts'
import { findSite, run, siteOf, type SearchChange, type Tx } from './transaction.ts'

const SLICE = 2000
const SEED_BOUND = 2 ** 32

/** The index of one store. */
export interface SearchMemory {
  index: MemoryIndex
  /** Bodies with ids up to it are in the index; infinite once all are. */
  loadedTo: number
}

/** Creates the index; it is loaded when it is first asked. */
export function createSearchMemory(): SearchMemory {
  const index = createMemoryIndex({ seed: randomInt(SEED_BOUND), texts: createTextIndex })
  return { index, loadedTo: 0 }
}

/** Takes over what a transaction has changed, once it is durable. */
export function applyChanges(memory: SearchMemory, changes: readonly SearchChange[]): void {
  for (const change of changes) {
    if (change.kind === 'gone') memory.index.remove(change.bodies)
    // Those above are still to be loaded, and then come with the rest.
    else memory.index.add(change.bodies.filter(({ id }) => id <= memory.loadedTo))
  }
}

function indexedOf(home: SiteId, row: BodyTable): IndexedBody {
  const { record, index, expires, scopes, facts, traits } = columnsOf(row)
  const { joined_at: joinedAt, published_at: publishedAt } = row
  return { home, record, index, expires, scopes, facts, traits, joinedAt, publishedAt }
}

async function loadSlice(tx: Tx, memory: SearchMemory): Promise<void> {
  const own = (await findSite(tx, tx.own)) ?? 0
  const rows = await run<BodyTable & { id: number }>(
    tx,
    'select * from bodies where id > ? and doomed = 0 and home <> ? order by id limit ?',
    [memory.loadedTo, own, SLICE],
  )
  const bodies: IndexedBody[] = []
  for (const row of rows) bodies.push(indexedOf(await siteOf(tx, row.home), row))
  memory.index.add(bodies)
  memory.loadedTo = rows.at(-1)?.id ?? Number.POSITIVE_INFINITY
}

const isLoaded = (memory: SearchMemory): boolean => memory.loadedTo === Number.POSITIVE_INFINITY

/** The index inside one transaction. */
export function searchIn(tx: Tx, memory: SearchMemory): SearchReader {
  const loaded = async (): Promise<MemoryIndex> => {
    while (!isLoaded(memory)) await loadSlice(tx, memory)
    return memory.index
  }
  return {
    find: async (query) => (await loaded()).find(query),
    pool: async (query) => (await loaded()).pool(query),
    unread: async (limit) => {
      let found = memory.index.unread(limit)
      while (found.length === 0 && !isLoaded(memory)) {
        await loadSlice(tx, memory)
        found = memory.index.unread(limit)
      }
      return found
    },
    addRead: async (bodies) => memory.index.addRead(bodies),
  }
}
