/** What the store keeps of people's requests, at both roles. Whatever names a person is sealed. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Channel, Right } from '../../../protocol/request.ts'

/**
 * Open: to be seen to. Fulfilled, partly fulfilled, refused: the person has an answer. Withdrawn:
 * the person asks no more. Forwarded: the home has it, and answers itself.
 */
export const REQUEST_STATES = [
  'open',
  'fulfilled',
  'partly-fulfilled',
  'refused',
  'withdrawn',
  'forwarded',
] as const
export type RequestState = (typeof REQUEST_STATES)[number]

/** What came of the question who somebody is. The proof itself is looked at and not kept. */
export const IDENTITY_RESULTS = ['not-asked', 'asked', 'proven', 'not-proven'] as const
export type IdentityResult = (typeof IDENTITY_RESULTS)[number]
/** By what somebody has shown who they are. */
export const IDENTITY_METHODS = [
  'signed-in',
  'registered-address',
  'known-details',
  'document-seen',
] as const
export type IdentityMethod = (typeof IDENTITY_METHODS)[number]

/** Why an answer may take up to three months (GDPR Art. 12(3)). */
export const EXTENSION_REASONS = ['complex', 'numerous'] as const
export type ExtensionReason = (typeof EXTENSION_REASONS)[number]

/** Why a request may be refused: the policy's four reasons, and an identity that was not shown. */
export const REFUSAL_REASONS = [
  'unlawful',
  'trade-secrets',
  'intellectual-property',
  'privacy-of-another',
  'identity-not-proven',
] as const
export type RefusalReason = (typeof REFUSAL_REASONS)[number]
/** Why a deletion may leave something: policy §9.3 and §6. */
export const PARTIAL_REASONS = ['service-needs-identity', 'order-records', 'legal-claims'] as const
export type PartialReason = (typeof PARTIAL_REASONS)[number]

/** One step in the life of a request. */
export interface RequestStep {
  time: number
  /** Who did it: an id of an account or a key, or `node`. */
  actor: string
  /** A word of ours. */
  what: string
}

export interface RequestRow {
  /** `r-` and 16 hexadecimal digits; at a home, the coordinator's for one that came from there. */
  id: string
  /** A member of a site, or somebody who runs one. */
  subject: 'member' | 'owner'
  /** At the home: under which the member stands in the index. */
  memberKey: Uint8Array | null
  /** At the coordinator: id of the customer. */
  customer: string | null
  /** At the coordinator: the member's site. */
  site: SiteId | null
  right: Right
  channel: Channel
  receivedAt: number
  /** Unix seconds by which the answer has to be given. */
  dueAt: number
  extension: ExtensionReason | null
  identity: IdentityResult
  method: IdentityMethod | null
  state: RequestState
  reason: RefusalReason | PartialReason | null
  /** Fields that a partial deletion has left. */
  kept: string[]
  closedAt: number | null
  /** Name, address and words of the person; null when they are not needed any more. */
  sealed: Uint8Array | null
  /** When the home is told next, where it has to be; null for never. */
  tellAt: number | null
  attempts: number
  steps: RequestStep[]
}

export interface RequestFilter {
  states?: readonly RequestState[]
  subject?: RequestRow['subject']
  memberKey?: Uint8Array
  customer?: string
  before?: { time: number; id: string }
  limit: number
}

/** What was handed to an authority, or is to be. */
export interface AuthorityRow {
  /** `d-` and 16 hexadecimal digits. */
  id: string
  subject: 'member' | 'owner'
  memberKey: Uint8Array | null
  customer: string | null
  /** An authority is no person: it stands in clear, so that the person can be told. */
  authority: string
  /** The law and the file number that are relied on. */
  basis: string
  proposedAt: number
  proposedBy: string
  /** Ids of those who have approved, and when. */
  approvals: { actor: string; time: number }[]
  state: 'proposed' | 'approved' | 'exported' | 'declined'
  exportedAt: number | null
  /** SHA-256 of the file that was handed out. */
  digest: Uint8Array | null
  /** Id of the member as the site knows it; sealed. */
  sealed: Uint8Array | null
}

/** Records that a home has ended on a request, so that its repetition gets the same answer. */
export interface AnsweredRow {
  id: string
  records: RecordId[]
  time: number
}

export interface RequestReader {
  get: (id: string) => Promise<RequestRow | null>
  /** The newest first. */
  list: (filter: RequestFilter) => Promise<RequestRow[]>
  /** Those of which the home is to be told now. */
  due: (now: number, limit: number) => Promise<RequestRow[]>
  /** Closed before this time, with content. */
  closedBefore: (time: number, limit: number) => Promise<RequestRow[]>
  counts: (now: number) => Promise<{ open: number; overdue: number }>
  /**
   * Which of these members have a restriction that lasts, by a request or since the bridge has
   * suspended them; one that has both is named twice.
   */
  restricted: (memberKeys: readonly Uint8Array[]) => Promise<Uint8Array[]>
  answered: (id: string) => Promise<AnsweredRow | null>
  authority: (id: string) => Promise<AuthorityRow | null>
  /** The newest first. */
  authorities: (filter: {
    memberKey?: Uint8Array
    customer?: string
    limit: number
  }) => Promise<AuthorityRow[]>
}
export interface RequestWriter extends RequestReader {
  /** Inserts or replaces. */
  save: (row: RequestRow) => Promise<void>
  restrict: (memberKey: Uint8Array, request: string, time: number) => Promise<void>
  lift: (memberKey: Uint8Array) => Promise<void>
  saveAnswered: (row: AnsweredRow) => Promise<void>
  /** Deletes answers from before this time. */
  pruneAnswered: (before: number) => Promise<void>
  saveAuthority: (row: AuthorityRow) => Promise<void>
}
