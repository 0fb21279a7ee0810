/**
 * The feed: notices for the website, written in the transaction that makes them true, and read by
 * whoever knows where it stopped.
 */
import { toHex } from '../../protocol/bytes.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { FeedRow } from './feed-rows.ts'
import type { Clock, Random } from './ports.ts'
import { notingAppearance } from './record/appearance.ts'
import type { Store, WriteTransaction } from './store.ts'
import type { Notice } from './website.ts'

/** Seconds for which a notice is kept. */
export const FEED_SECONDS = 7 * 86_400
/** Rows kept at most, of up to 256 records each. */
export const FEED_ROWS = 50_000
/** Seconds for which a record whose newer version is still on its way does not count as gone. */
export const ASIDE_SECONDS = 60
const PURGE_SECONDS = 600
const EPOCH_BYTES = 4

/**
 * Setting with the name of this numbering of the feed. A restored node begins another one: ids that
 * it gives out again must not be taken for those that a reader has seen.
 */
export const FEED_EPOCH = 'feed-epoch'

/** One event as readers get it. */
export interface FeedEvent {
  /** Where to go on after this one. */
  cursor: number
  /** The same as text, for readers. */
  id: string
  type: Notice['type']
  /** Unix seconds. */
  time: number
  data: Record<string, string | number | RecordId[]>
}
/** What a reader gets from its cursor on: events, or word that some are not kept any more. */
export type FeedPart = { kind: 'events'; events: FeedEvent[] } | { kind: 'gap'; cursor: number }

export interface Feed {
  /** The store to be used by all: what it keeps and dooms of bodies becomes notices. */
  store: Store
  /** Adds notices in the caller's transaction. */
  add: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
  /** Where a reader stands that wants only what comes from now on. */
  newest: () => Promise<number>
  /** The cursor that an id stands for; -1, which leads to a gap, for what is none of this feed. */
  cursorOf: (id: string) => number
  idOf: (cursor: number) => string
  /** What comes after a cursor: nothing, some events, or a gap and where to go on behind it. */
  read: (cursor: number, limit: number) => Promise<FeedPart>
  /** Calls `listener` after each commit with news; returns how to end that. */
  onNews: (listener: () => void) => () => void
  /** Deletes what has been kept long enough, if it is time to look. */
  purge: () => Promise<void>
}

function eventOf(row: FeedRow, id: string): FeedEvent {
  const { id: cursor, time, type, fields, records } = row
  const data = records.length === 0 ? fields : { ...fields, records }
  return { cursor, id, type, time, data }
}

async function openEpoch(store: Store, random: Random): Promise<string> {
  const known = await store.read((tx) => tx.desk.setting(FEED_EPOCH))
  if (known !== null) return known
  const epoch = toHex(random.bytes(EPOCH_BYTES))
  await store.write((tx) => tx.desk.setSetting(FEED_EPOCH, epoch))
  return epoch
}

const ID = /^([0-9a-f]{8})-(\d{1,15})$/

/**
 * Creates the feed of a site.
 *
 * @param ports.store the store below, which nobody else should use any more
 */
export async function createFeed(ports: {
  store: Store
  clock: Clock
  random: Random
  self: SiteId
}): Promise<Feed> {
  const { store: below, clock, random, self } = ports
  const epoch = await openEpoch(below, random)
  const listeners = new Set<() => void>()
  let purgedAt: number | null = null

  const store: Store = {
    ...below,
    write: async (work, purpose) => {
      let hasNews = false
      const result = await below.write((tx) => {
        hasNews = false
        return work(
          notingAppearance(tx, {
            self,
            now: clock.now,
            noted: () => {
              hasNews = true
            },
          }),
        )
      }, purpose)
      if (hasNews) for (const listener of listeners) listener()
      return result
    },
  }
  const idOf = (cursor: number): string => `${epoch}-${cursor}`

  return {
    store,
    add: (tx, notices) => tx.feed.add(notices, clock.now()),
    newest: () => store.read((tx) => tx.feed.newest()),
    cursorOf: (id) => {
      const [, of, digits] = ID.exec(id) ?? []
      return of === epoch && digits !== undefined ? Number(digits) : -1
    },
    idOf,
    read: async (cursor, limit) => {
      const { rows, newest } = await store.read(async (tx) => ({
        rows: await tx.feed.after(cursor, limit),
        newest: await tx.feed.newest(),
      }))
      // Rows are numbered without a hole, so that the first one tells whether some are missing.
      const isWhole = rows.length === 0 ? newest === cursor : rows[0]?.id === cursor + 1
      if (!isWhole) return { kind: 'gap', cursor: newest }
      return { kind: 'events', events: rows.map((row) => eventOf(row, idOf(row.id))) }
    },
    onNews: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    purge: async () => {
      const now = clock.now()
      if (purgedAt !== null && now >= purgedAt && now - purgedAt < PURGE_SECONDS) return
      purgedAt = now
      await below.write((tx) => tx.feed.purge(now - FEED_SECONDS, FEED_ROWS))
    },
  }
}
