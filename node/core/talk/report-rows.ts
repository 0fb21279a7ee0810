/** What the store keeps of reports: ids, sites, reasons and times. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { ReportReason } from '../../../protocol/talk.ts'

/** One member reported by another, as it is kept here. */
export interface ReportRow {
  /** 16 bytes in hexadecimal, unique for each reporting site. */
  id: string
  /** `in`: about a record of this site; `out`: by a member of this site; `desk`: at the coordinator. */
  direction: 'in' | 'out' | 'desk'
  home: SiteId
  record: RecordId
  /** The site whose member reports. */
  reporter: SiteId
  reason: ReportReason
  time: number
  state: 'open' | 'handled' | 'escalated'
  /** Unix seconds at which it is told, or asked after, next; null for never. */
  dueAt: number | null
  /** Unix seconds since which it is not open any more. */
  closedAt: number | null
}
export interface ReportFilter {
  direction?: ReportRow['direction']
  state?: ReportRow['state']
  /** Only reports before this one. */
  before?: { time: number; id: string }
  limit: number
}
export interface ReportReader {
  get: (reporter: SiteId, id: string) => Promise<ReportRow | null>
  /** Of whatever reporter: ids are random, but nobody is made to draw them well. */
  withId: (id: string) => Promise<ReportRow[]>
  /** The newest first. */
  list: (filter: ReportFilter) => Promise<ReportRow[]>
  due: (now: number, limit: number) => Promise<ReportRow[]>
  /** Open reports by members of this site. */
  countOpen: (reporter: SiteId) => Promise<number>
}
export interface ReportWriter extends ReportReader {
  /** Inserts, or changes state and times. */
  save: (row: ReportRow) => Promise<void>
  /** Deletes those closed before this time. */
  prune: (before: number) => Promise<void>
}
