/** What the coordinator keeps of challenges and probes: verdicts, never what was opened. */
import type { ProbeAnswer } from '../../protocol/challenge.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'

/**
 * Passed: the consent was opened, and is in order. Ended: the log shows that the record has ended
 * meanwhile. Superseded: a newer version took its place, whose consent is in order. Failed: anything
 * else by the deadline. Void: the site takes no part any more.
 */
export const CHALLENGE_STATES = [
  'waiting',
  'passed',
  'ended',
  'superseded',
  'failed',
  'void',
] as const
export type ChallengeState = (typeof CHALLENGE_STATES)[number]

/** Why a challenge has failed. */
export const CHALLENGE_REASONS = [
  /** No answer that counts by the deadline. */
  'unanswered',
  /** The site would not open it. */
  'refused',
  /** It said that the record has ended, and its log has not shown that by the deadline. */
  'not-shown',
  /** What was opened is not what the log commits to. */
  'bad-commitment',
  /** What was opened is no consent record. */
  'malformed',
  /** The consent lacks `discovery`, or was not in force when the version was published. */
  'no-consent',
  /** The consent is bound to a notice that the terms did not name. */
  'outdated-notice',
] as const
export type ChallengeReason = (typeof CHALLENGE_REASONS)[number]

/** A publish that was drawn, and what came of it. */
export interface ChallengeRow {
  id: number
  /** Index of the draw in the coordinator's log. */
  draw: number
  site: SiteId
  /** Index of the publish entry. */
  index: number
  record: RecordId
  state: ChallengeState
  reason: ChallengeReason | null
  /** Unix seconds of the draw. */
  drawnAt: number
  /** Unix seconds of the deadline. */
  dueAt: number
  /** Unix seconds at which it is looked at next; null once it is decided. */
  retryAt: number | null
  tries: number
  decidedAt: number | null
  /** The version that was opened. */
  openedIndex: number | null
  /** The commitment that the opening made, 32 bytes; the opening itself is not kept. */
  digest: Uint8Array | null
}
export interface ChallengeFilter {
  site?: SiteId
  state?: ChallengeState
  draw?: number
  /** Only those with smaller ids. */
  before?: number
  limit: number
}
export interface ChallengeReader {
  /** Open ones whose time has come, or whose time a clock that jumped back has put far off. */
  due: (now: number, farOff: number, limit: number) => Promise<ChallengeRow[]>
  get: (id: number) => Promise<ChallengeRow | null>
  /** The newest first. */
  list: (filter: ChallengeFilter) => Promise<ChallengeRow[]>
  counts: () => Promise<{ site: SiteId; state: ChallengeState; count: number }[]>
}
export interface ChallengeWriter extends ChallengeReader {
  add: (rows: readonly Omit<ChallengeRow, 'id'>[]) => Promise<void>
  /** Changes what can change of a row. */
  save: (row: ChallengeRow) => Promise<void>
}

/** Unanswered: nothing came by the deadline; that a site is silent is for others to find. */
export const PROBE_STATES = ['waiting', 'passed', 'failed', 'unanswered'] as const
export type ProbeState = (typeof PROBE_STATES)[number]

/** A site was, or will be, asked for a record that has ended. */
export interface ProbeRow {
  id: number
  target: SiteId
  home: SiteId
  /** Index of the publish entry of the version asked for. */
  index: number
  state: ProbeState
  /** What it answered last. */
  answer: ProbeAnswer | null
  /** The volunteer that asked last; null where it was the coordinator itself. */
  via: SiteId | null
  /** What the volunteer has signed. */
  statement: string | null
  plannedAt: number
  dueAt: number
  retryAt: number | null
  tries: number
  decidedAt: number | null
}
export interface ProbeFilter {
  target?: SiteId
  state?: ProbeState
  /** Only those with smaller ids. */
  before?: number
  limit: number
}
export interface ProbeReader {
  due: (now: number, farOff: number, limit: number) => Promise<ProbeRow[]>
  get: (id: number) => Promise<ProbeRow | null>
  /** The newest first. */
  list: (filter: ProbeFilter) => Promise<ProbeRow[]>
  counts: () => Promise<{ site: SiteId; state: ProbeState; count: number }[]>
}
export interface ProbeWriter extends ProbeReader {
  add: (rows: readonly Omit<ProbeRow, 'id'>[]) => Promise<void>
  save: (row: ProbeRow) => Promise<void>
}
