/** What the store keeps of site owners, and of what staff write about applications; sealed. */
import type { SiteId } from '../../../protocol/ids.ts'

export interface CustomerRow {
  /** `c-` and 16 hexadecimal digits. */
  id: string
  site: SiteId | null
  /** Keyed hash of the e-mail address. */
  emailKey: Uint8Array
  createdAt: number
  /** Unix seconds of the last contact: two years later only the minimum is left. */
  lastContactAt: number
  /** Whether there is an order: then address and order numbers stay. */
  hasOrders: boolean
  /** Since when only the minimum is left. */
  shrunkAt: number | null
  /** Since when nothing is done for legitimate interests. */
  objectedAt: number | null
  restrictedAt: number | null
  sealed: Uint8Array
}
export interface CustomerFilter {
  site?: SiteId
  /** In the order of ids. */
  after?: string
  limit: number
}
export interface CustomerReader {
  get: (id: string) => Promise<CustomerRow | null>
  byEmail: (emailKey: Uint8Array) => Promise<CustomerRow | null>
  list: (filter: CustomerFilter) => Promise<CustomerRow[]>
  /** With more than the minimum, and no contact after this time; by id, from `after` (exclusive). */
  idle: (before: number, after: string, limit: number) => Promise<CustomerRow[]>
}
export interface CustomerWriter extends CustomerReader {
  save: (row: CustomerRow) => Promise<void>
  remove: (id: string) => Promise<void>
}

/** What staff have written about an application. */
export interface ReviewRow {
  id: number
  site: SiteId
  time: number
  /** Id of who wrote it. */
  actor: string
  sealed: Uint8Array
}
export interface ReviewReader {
  of: (site: SiteId) => Promise<ReviewRow[]>
}
export interface ReviewWriter extends ReviewReader {
  add: (row: Omit<ReviewRow, 'id'>) => Promise<void>
}
