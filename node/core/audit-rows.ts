/**
 * What the store keeps for the audit. Facts (silences, rollbacks) are kept as they were witnessed.
 * All else follows from the logs, the receipts and those facts, and can be made anew.
 */
import type { WithdrawReason } from '../../protocol/entry.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'

/** A site was not heard for longer than it should be: its heartbeats before and after. */
export interface SilenceRow {
  site: SiteId
  /** Unix seconds of the last heartbeat before. */
  since: number
  /** Unix seconds of the first one after. */
  until: number
  /** The checkpoints that carry the two. */
  notes: [string, string]
}
/** A site signed a smaller size of its log, later than a larger one. */
export interface RollbackRow {
  log: SiteId
  /** The size that it had signed before. */
  size: number
  /** Unix seconds of the later heartbeat, on the smaller size. */
  since: number
  notes: [string, string]
}

/** How far the audit is with one log. */
export interface AuditedLog {
  log: SiteId
  /** Entries looked at. */
  read: number
  /** The largest size that the coordinator has cosigned, as far as receipts are looked at. */
  witnessed: number
  /** Unix seconds since which nobody signs this log any more; null while it goes on. */
  stoppedAt: number | null
}

/** An entry that ends records, and how far it has come. */
export interface AuditedWithdrawal {
  log: SiteId
  index: number
  kind: 'withdraw' | 'order' | 'expel'
  /** The home of the records that end. */
  site: SiteId
  /** Null where it ends many. */
  record: RecordId | null
  reason: WithdrawReason | null
  /** Unix seconds in the entry: its writer's word. */
  time: number
  /** Unix seconds at which the coordinator cosigned it; null before that. */
  witnessedAt: number | null
  /** Unix seconds by which every receipt is due. */
  dueAt: number | null
  /** Members whose receipt counts, the coordinator and the home included. */
  required: number
  received: number
  /** Unix seconds at which the newest of them came. */
  lastAt: number | null
}

/** How far one member has cosigned one log. */
export interface AuditedPair {
  log: SiteId
  site: SiteId
  /** The largest size that its receipts reach. */
  covered: number
  /** The smallest size cosigned by the coordinator that they do not reach, and since when. */
  gapSize: number | null
  gapAt: number | null
  /** Whether the gap has been looked at: there is a finding, or there will be none. */
  isGapJudged: boolean
  /** Index of the first overdue withdrawal of the newest finding. */
  lateIndex: number | null
  /** The size whose receipt ended it; null while it is awaited. */
  lateSize: number | null
}
export type PairName = Pick<AuditedPair, 'log' | 'site'>

/** From one unix second until (exclusive) another. */
export interface Span {
  from: number
  until: number
}

export interface AuditPosition {
  /** Place of the last receipt looked at. */
  receipts: number
  /** Number of the last silence looked at. */
  silences: number
}

/** Where a withdrawal is. `late`: all receipts came, some after the deadline. */
export const WITHDRAWAL_STATES = [
  'unwitnessed',
  'awaited',
  'overdue',
  'complete',
  'late',
  'stopped',
] as const
export type WithdrawalState = (typeof WITHDRAWAL_STATES)[number]
export const WITHDRAWAL_ORDERS = ['time', 'site', 'due', 'received', 'seconds', 'state'] as const
export type WithdrawalOrder = (typeof WITHDRAWAL_ORDERS)[number]
export interface WithdrawalFilter {
  log?: SiteId
  site?: SiteId
  state?: WithdrawalState
}
export interface WithdrawalPage {
  filter: WithdrawalFilter
  order: WithdrawalOrder
  isDescending: boolean
  offset: number
  limit: number
}
/** A row of the list of withdrawals. */
export interface ListedWithdrawal extends AuditedWithdrawal {
  state: WithdrawalState
  /** From the entry's time to the last receipt; null while receipts are awaited. */
  seconds: number | null
}

/** Withdrawals with all their receipts, by the UTC day on which the coordinator cosigned them. */
export interface DayFigures {
  /** Days since 1970-01-01. */
  day: number
  count: number
  medianSeconds: number
  p95Seconds: number
  maxSeconds: number
}
export interface SiteFigures {
  site: SiteId
  withdrawals: number
  complete: number
  late: number
  overdue: number
  medianSeconds: number | null
  maxSeconds: number | null
}

export interface AuditReader {
  silences: (above: number, limit: number) => Promise<(SilenceRow & { id: number })[]>
  silencesOf: (site: SiteId) => Promise<SilenceRow[]>
  rollbacks: () => Promise<RollbackRow[]>
  position: () => Promise<AuditPosition>
  logs: () => Promise<AuditedLog[]>
  pair: (name: PairName) => Promise<AuditedPair | null>
  pairs: (filter: { log?: SiteId; site?: SiteId }) => Promise<AuditedPair[]>
  withdrawal: (log: SiteId, index: number, now: number) => Promise<ListedWithdrawal | null>
  /** Not judged though their deadline has passed; by deadline, log and index. */
  due: (now: number, limit: number) => Promise<AuditedWithdrawal[]>
  /** Judged ones of a log from an index on, by deadline and index. */
  judged: (log: SiteId, from: number, offset: number, limit: number) => Promise<AuditedWithdrawal[]>
  /** Whether one in these indexes was due by `time`, and cosigned in one of the spans. */
  hasDue: (
    log: SiteId,
    range: { from: number; to: number },
    time: number,
    spans: readonly Span[],
  ) => Promise<boolean>
  /** When each member's first receipt above an entry came, and the size that it is of. */
  receiptsOf: (log: SiteId, index: number) => Promise<Map<SiteId, { size: number; at: number }>>
  /** Pairs of a log whose receipts reach beyond `size`. */
  pairsAbove: (log: SiteId, size: number) => Promise<AuditedPair[]>
  /** Open gaps that are not judged and began at or before `time`, after this one. */
  gaps: (time: number, above: AuditedPair | null, limit: number) => Promise<AuditedPair[]>
  list: (page: WithdrawalPage, now: number) => Promise<ListedWithdrawal[]>
  /** Indexes of a log's withdrawals, from `above` (exclusive). */
  indexes: (log: SiteId, above: number, limit: number) => Promise<number[]>
  counts: (
    filter: Pick<WithdrawalFilter, 'log' | 'site'>,
    now: number,
  ) => Promise<Record<WithdrawalState, number>>
  /** Complete ones by seconds to the last receipt: how many are at or below each bound. */
  histogram: (site: SiteId | null, bounds: readonly number[]) => Promise<number[]>
  days: (site: SiteId | null, from: number) => Promise<DayFigures[]>
  sites: (now: number) => Promise<SiteFigures[]>
}
export interface AuditWriter extends AuditReader {
  addSilence: (row: SilenceRow) => Promise<void>
  /** Adds it where there is none of this log and size. */
  addRollback: (row: RollbackRow) => Promise<void>
  setPosition: (position: Partial<AuditPosition>) => Promise<void>
  saveLog: (row: AuditedLog) => Promise<void>
  addWithdrawals: (
    rows: readonly Omit<
      AuditedWithdrawal,
      'witnessedAt' | 'dueAt' | 'required' | 'received' | 'lastAt'
    >[],
  ) => Promise<void>
  /** The coordinator's own receipt for entries in a range, the first that counts. */
  witness: (
    log: SiteId,
    range: { from: number; to: number },
    now: { at: number; dueAt: number; required: number },
  ) => Promise<void>
  /**
   * Counts a member's receipts for witnessed entries in a range, where they were cosigned in one of
   * the spans. `isExtra`: the member is not counted among those required yet.
   */
  count: (
    name: PairName,
    range: { from: number; to: number },
    spans: readonly Span[],
    isExtra: boolean,
  ) => Promise<void>
  /** A member whose receipt no longer counts where it has not come. */
  excuse: (name: PairName, from: number, spans: readonly Span[]) => Promise<void>
  /** Keeps when a receipt came, where it is the first for some withdrawal of the range. */
  addStep: (name: PairName, from: number, step: { size: number; at: number }) => Promise<void>
  savePair: (row: AuditedPair) => Promise<void>
  /** A larger size was cosigned: members whose receipts do not reach it have a gap from now on. */
  openGaps: (log: SiteId, size: number, at: number) => Promise<void>
  setDue: (log: SiteId, index: number, dueAt: number) => Promise<void>
  setJudged: (log: SiteId, index: number) => Promise<void>
  /** Forgets all that follows from logs, receipts and facts. */
  clear: () => Promise<void>
}
