/**
 * What pages read of parts of the coordinator that are not among the ports of the interface. Each
 * reader may be absent; a page or a row then says so, and nothing is made up in its place.
 */
import type { SiteId } from '../../protocol/ids.ts'
import type { Actor } from '../core/people/actor.ts'
import type { PolicyRowId } from './public/policy-rows.ts'
import type { Html } from './words.ts'

/** What the running coordinator can show of a promise: a figure or a fact of now, never a claim. */
export interface Evidence {
  text: Html | string
  /** For JSON and CSV. */
  plain: string
  /** Where more of it is. */
  href?: string
}

/** One processor of site owners' data. */
export interface ProcessorRow {
  name: string
  purpose: string
  category: string
  /** ISO 3166-1 alpha-2. */
  country: string
  /** Address of its own privacy policy. */
  policy: string
}

/** How often a site has passed, with the interval of Wilson for 95 %. */
export interface RateRow {
  site: SiteId
  passed: number
  failed: number
  share: number | null
  low: number
  high: number
  waiting: number
}
/** A publish whose consent the home was asked to open. */
export interface ChallengeShown {
  id: number
  /** Index of the draw in the coordinator's log. */
  draw: number
  site: SiteId
  /** Index of the publish entry. */
  index: number
  state: string
  reason: string | null
  drawnAt: number
  dueAt: number
  decidedAt: number | null
}
/** A site that was asked for a record that has ended. */
export interface ProbeShown {
  id: number
  target: SiteId
  home: SiteId
  index: number
  state: string
  answer: string | null
  /** The volunteer that asked; null for the coordinator. */
  via: SiteId | null
  plannedAt: number
  dueAt: number
  decidedAt: number | null
}
export interface ChallengesReader {
  rates: () => Promise<readonly RateRow[]>
  /** The newest first. */
  list: (filter: { limit: number }) => Promise<readonly ChallengeShown[]>
  demand: (actor: Actor, site: SiteId, count: number) => Promise<unknown>
}
export interface ProbesReader {
  rates: () => Promise<readonly RateRow[]>
  /** The newest first. */
  list: (filter: { limit: number }) => Promise<readonly ProbeShown[]>
  demand: (actor: Actor, site: SiteId, count: number) => Promise<unknown>
}

export interface PageReaders {
  challenges?: ChallengesReader
  probes?: ProbesReader
  processors?: () => Promise<readonly ProcessorRow[]>
  /** Evidence of rows of the policy, beside what the pages know themselves. */
  evidence?: Partial<Record<PolicyRowId, () => Promise<Evidence> | Evidence>>
}
