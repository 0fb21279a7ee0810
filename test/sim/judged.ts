/** What the judge looks at in a node, and which invariant a refusal belongs to. */
import type { SiteId } from '../../protocol/ids.ts'
import type { SlotDisk } from './disk.ts'
import type { Knowledge } from './knowledge.ts'
import type { BodyRow } from './storage.ts'
import type { Told } from './told.ts'

/** An invariant was broken; the number is that of the list of invariants. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: number
  constructor(invariant: number, message: string) {
    super(`invariant ${invariant}: ${message}`)
    this.invariant = invariant
  }
}

/** What the judge looks at in a node. */
export interface Judged {
  name: string
  site: SiteId
  isHonest: boolean
  known: Knowledge
  disk: SlotDisk
  /** Sealed pictures by slot. */
  files: Map<number, Uint8Array>
  /** The node's clock. */
  now: () => number
  /** Earliest and latest time that the node's clock has shown since the last look. */
  earliest: number
  latest: number
  sealed: Map<number, Uint8Array>
  /** How often it was put back to a backup. */
  restores: number
  /** Rows at the last look, null after a restore. */
  rows: Map<string, BodyRow> | null
  /** What its website has read of the feed. */
  told: Told
}

/** A consent as it was given to the simulated website, named by its unique end. */
export interface Asked {
  home: SiteId
  memberId: string
  scopes: readonly string[]
  expiresAt: number
}

/** The number of the invariant that a refusal belongs to. */
export function invariantOf(refused: string): number {
  if (refused === 'the lease is over' || refused === 'the registry is stale') return 3
  if (refused === 'the record has ended' || refused === 'the version is not the newest') return 1
  return refused.includes('consent') || refused.includes('member') ? 6 : 7
}
