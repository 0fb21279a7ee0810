/** What the store keeps of withdrawal notices. Whatever names a person is sealed. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'

/** How a notice came to the desk. */
export const NOTICE_CHANNELS = ['smtp', 'file', 'pasted', 'post', 'form', 'telephone'] as const
export type NoticeChannel = (typeof NOTICE_CHANNELS)[number]

/**
 * Received: the address or the site is not known, or there are several to choose from. Parsed: both
 * are proposed. Requested: staff have confirmed, and the home is asked. Unmatched: the home knows no
 * such address. Overdue: the home has not answered by the deadline. Answered: it has named the
 * records, and their entries are awaited. Done: they have ended in the home's log. Ordered: the
 * coordinator has commanded it. Closed: nothing to withdraw.
 */
export const NOTICE_STATES = [
  'received',
  'parsed',
  'requested',
  'unmatched',
  'overdue',
  'answered',
  'done',
  'ordered',
  'closed',
] as const
export type NoticeState = (typeof NOTICE_STATES)[number]

/** Why a notice was closed without a withdrawal. */
export const CLOSE_REASONS = ['not-a-withdrawal', 'cannot-be-matched', 'duplicate'] as const
export type CloseReason = (typeof CLOSE_REASONS)[number]

export interface NoticeRow {
  /** `n-` and 16 hexadecimal digits; it stands in log entries, so it says nothing. */
  id: string
  channel: NoticeChannel
  /** Keyed hash by which the same mail is known again. */
  digest: Uint8Array
  receivedAt: number
  site: SiteId | null
  state: NoticeState
  /** Addresses and words, until the notice is over; null from then on. */
  sealed: Uint8Array | null
  confirmedAt: number | null
  /** Unix seconds by which the home's entry has to be there. */
  deadline: number | null
  /** When the home is asked, or its log looked at, next; null for never. */
  dueAt: number | null
  attempts: number
  /** As the home has named them. */
  records: RecordId[]
  /** Indexes of the orders in the coordinator's log. */
  orders: number[]
  closedAt: number | null
  reason: CloseReason | null
}

export interface NoticeFilter {
  states?: readonly NoticeState[]
  site?: SiteId
  /** Only notices from before this one. */
  before?: { time: number; id: string }
  limit: number
}
export interface NoticeReader {
  get: (id: string) => Promise<NoticeRow | null>
  byDigest: (digest: Uint8Array) => Promise<NoticeRow | null>
  /** The newest first. */
  list: (filter: NoticeFilter) => Promise<NoticeRow[]>
  /** Those that are due, the longest waiting first. */
  due: (now: number, limit: number) => Promise<NoticeRow[]>
  counts: () => Promise<Partial<Record<NoticeState, number>>>
}
export interface NoticeWriter extends NoticeReader {
  /** Inserts or replaces. */
  save: (row: NoticeRow) => Promise<void>
  /** Makes those that wait for this site's answer due. */
  hurry: (site: SiteId, now: number) => Promise<void>
}
