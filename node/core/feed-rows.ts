/** What the store keeps for the website: notices in their order, and the endpoints of webhooks. */
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { Notice } from './website.ts'

/** Records named by one row at most: a batch of bodies is a few rows, and one stays a short event. */
export const RECORDS_PER_ROW = 256

/** Notices that differ in their record alone, told as one event. */
export interface FeedRow {
  /** Grows by one with each row. */
  id: number
  /** Unix seconds. */
  time: number
  type: Notice['type']
  /** Everything else in the notice but the record. */
  fields: Record<string, string | number>
  records: RecordId[]
}

export interface FeedReader {
  /** Rows above `id`, in order. */
  after: (id: number, limit: number) => Promise<FeedRow[]>
  /** Id of the newest row; 0 before the first. */
  newest: () => Promise<number>
  /** Homes that the website was told are hidden. */
  hiddenHomes: () => Promise<SiteId[]>
  /** Whether a record was put aside at or before this time. */
  isAside: (until: number) => Promise<boolean>
  /** Whether some body of the home is held and not doomed. */
  holds: (home: SiteId) => Promise<boolean>
}
/** Which of the records that were put aside. */
export type Aside =
  | { home: SiteId; records: readonly RecordId[] }
  /** Those whose newest version is at one of these indexes. */
  | { home: SiteId; indexes: readonly number[] }
  | { home: SiteId; ended: true }
  | { home: SiteId; all: true }
  /** Of any home, put aside at or before this time. */
  | { until: number }
export interface FeedWriter extends FeedReader {
  /** Adds notices, neighbours of one kind as one row. */
  add: (notices: readonly Notice[], time: number) => Promise<void>
  /** Puts records aside whose version here is superseded, until the next one comes. */
  putAside: (home: SiteId, records: readonly RecordId[], time: number) => Promise<void>
  /** Takes records that were put aside, and names them. */
  takeAside: (which: Aside) => Promise<{ home: SiteId; record: RecordId }[]>
  setHidden: (home: SiteId, isHidden: boolean) => Promise<void>
  /** Deletes rows from before `time` and all but the newest `count`; the newest row stays. */
  purge: (time: number, count: number) => Promise<void>
}

/** Where the website is called, and how that went. */
export interface WebhookRow {
  /** 16 hexadecimal digits. */
  id: string
  url: string
  /** The signing secret, sealed under a key of the operator. */
  secret: Uint8Array
  /** Types of events that are sent; empty for all. */
  types: string[]
  createdAt: number
  /** The newest row of the feed that it has had. */
  cursor: number
  /** Failed attempts since the last success. */
  failures: number
  failingSince: number | null
  /** Not before this time is it tried again. */
  retryAt: number
  lastSuccessAt: number | null
  /** A word of a closed list, or a status. */
  lastFailure: string | null
  disabledAt: number | null
}
export interface WebhookReader {
  /** In the order in which they were made. */
  all: () => Promise<WebhookRow[]>
  get: (id: string) => Promise<WebhookRow | null>
}
export interface WebhookWriter extends WebhookReader {
  save: (row: WebhookRow) => Promise<void>
  remove: (id: string) => Promise<void>
}
