/** What the store keeps of findings: each with its history, whose lines are added and never changed. */
import type { SiteId } from '../../protocol/ids.ts'
import type { Finding, FindingChange, FindingKind, FindingState } from './oversight/finding.ts'

/** All of them where nothing is said. */
export interface FindingFilter {
  kind?: FindingKind
  site?: SiteId
  state?: FindingState
}
/** Columns by which a list can be sorted; ties are in the order of the ids. */
export const FINDING_ORDERS = ['since', 'kind', 'site', 'severity', 'state', 'owner'] as const
export type FindingOrder = (typeof FINDING_ORDERS)[number]

export interface FindingPage {
  filter: FindingFilter
  order: FindingOrder
  isDescending: boolean
  /** Rows before the page. */
  offset: number
  limit: number
}

export interface FindingReader {
  get: (id: string) => Promise<Finding | null>
  list: (page: FindingPage) => Promise<Finding[]>
  count: (filter: FindingFilter) => Promise<number>
  /** How many there are by kind, severity and state; of one site, or (null) of all. */
  totals: (
    site: SiteId | null,
  ) => Promise<(Pick<Finding, 'kind' | 'severity' | 'state'> & { count: number })[]>
  /** Oldest first. */
  history: (id: string) => Promise<FindingChange[]>
}
export interface FindingWriter extends FindingReader {
  /** Adds it where its id is new; returns whether it was. */
  add: (finding: Finding) => Promise<boolean>
  setState: (
    id: string,
    change: Partial<Pick<Finding, 'state' | 'owner' | 'curedAt'>>,
  ) => Promise<void>
  addChange: (id: string, change: FindingChange) => Promise<void>
}
