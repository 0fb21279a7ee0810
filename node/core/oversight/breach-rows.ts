/** What is kept of breaches: the coordinator's desk, and what sites say in their logs. */
import type { BreachId, BreachText } from '../../../protocol/breach.ts'
import type { SiteId } from '../../../protocol/ids.ts'

/** What is on record of the notice to the supervisory authority (GDPR Art. 33(1)). */
export interface AuthorityStep {
  /** Unix seconds at which it was told, or at which it was decided that it need not be. */
  time: number
  /** The authority's own number for it; null where it need not be told. */
  reference: string | null
  /** Why it need not be told, or why it was told late; null where nothing has to be explained. */
  reason: string | null
}

/** A breach at the coordinator's desk. */
export interface BreachRow {
  id: BreachId
  /** The site concerned; the network's name where it is the coordinator. */
  site: SiteId
  /** Unix seconds at which somebody at the coordinator became aware: the clock runs from here. */
  knownAt: number
  openedAt: number
  /** What the next notice says; null until it is written. */
  draft: BreachText | null
  authority: AuthorityStep | null
}

/** A site's word, in its log, that it has told the members concerned. */
export interface ToldRow {
  breach: BreachId
  site: SiteId
  affected: number
  told: number
  /** Unix seconds in the entry. */
  time: number
  /** Index of the entry in the site's log. */
  index: number
}

export interface BreachReader {
  get: (id: BreachId) => Promise<BreachRow | null>
  /** The newest first. */
  all: () => Promise<BreachRow[]>
  /** What has been done about it by the clock, with the time. */
  marks: (id: BreachId) => Promise<ReadonlyMap<string, number>>
  /** The last word of each site. */
  told: (id: BreachId) => Promise<ToldRow[]>
}
export interface BreachWriter extends BreachReader {
  /** Inserts or replaces. */
  save: (row: BreachRow) => Promise<void>
  mark: (id: BreachId, mark: string, time: number) => Promise<void>
  saveTold: (row: ToldRow) => Promise<void>
}
