/** What a finding of the audit is. It says what was asserted or missed, and by whom; never why. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { Actor } from '../people/actor.ts'

/** Everything that can be found, closed. */
export const FINDING_KINDS = [
  /** A member's receipt for a withdrawal or order is not there by the deadline. */
  'overdue-erasure',
  /** Two checkpoints of one log that cannot both be true. */
  'fork',
  /** A log came back shorter than what its own site had signed. */
  'rolled-back',
  /** No heartbeat of a site for longer than records may be shown. */
  'lapsed-heartbeat',
  /** A member has cosigned nothing of a log for longer than the terms allow. */
  'missing-receipts',
  /** A consent was opened that is bound to a notice which the terms do not name. */
  'outdated-notice',
  /** A site could not, or would not, open a consent that it has committed to. */
  'failed-challenge',
  /** A member answered for a withdrawn record with something other than `gone` or `unknown`. */
  'failed-probe',
  /** A step of a breach was not taken in time. */
  'overdue-breach-step',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

export const SEVERITIES = ['critical', 'serious', 'minor'] as const
export type Severity = (typeof SEVERITIES)[number]

/**
 * Open: found, and nobody has said anything about it. Explained: the site or staff gave a reason.
 * Confirmed: staff or an auditor hold it to be true. Closed: over, by a cure or a decision.
 */
export const FINDING_STATES = ['open', 'explained', 'confirmed', 'closed'] as const
export type FindingState = (typeof FINDING_STATES)[number]

/** What an entry of the audit raises; one finding for each kind, site and subject. */
export interface NewFinding {
  kind: FindingKind
  /** The site that it is about. */
  site: SiteId
  /** What makes it one finding: `<log>/<index>`, the id of a challenge, of a breach. */
  subject: string
  severity: Severity
  /** Unix seconds at which it became true: a deadline, not when somebody looked. */
  since: number
  /** Facts that bear it out: positions in logs, times, ids, signed notes. No personal data. */
  evidence: Readonly<Record<string, string | number | readonly string[]>>
}

/** A finding as it is kept. */
export interface Finding extends NewFinding {
  /** 32 hexadecimal digits that follow from kind, site and subject: a rebuild gives the same. */
  id: string
  /** Unix seconds at which this node wrote it down. */
  foundAt: number
  state: FindingState
  /** Id of the account or key that looks after it; null for nobody. */
  owner: string | null
  /** Unix seconds at which what was missing came; null where it has not, or nothing can come. */
  curedAt: number | null
}

/** One line of the history of a finding. */
export interface FindingChange {
  /** Unix seconds; of what the node itself writes, the time of the fact. */
  time: number
  actor: Actor
  /** From here on. */
  state: FindingState
  /** Why, in words; names no person. */
  note: string
}
