/** What a finding of the audit is. It says what was asserted or missed, and by whom; never why. */
import type { SiteId } from '../../../protocol/ids.ts'
import type { WriteTransaction } from '../store.ts'

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

/** Raises a finding in the transaction that notices it; the same one again changes nothing. */
export type Raise = (tx: WriteTransaction, finding: NewFinding) => Promise<void>
