/**
 * What pages read of parts of the coordinator that are not among the ports of the interface. Each
 * reader may be absent; a page or a row then says so, and nothing is made up in its place.
 */
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

export interface PageReaders {
  processors?: () => Promise<readonly ProcessorRow[]>
  /** Evidence of rows of the policy, beside what the pages know themselves. */
  evidence?: Partial<Record<PolicyRowId, () => Promise<Evidence> | Evidence>>
}
