/** Members of this site that the old module sends: held, published with consent, hidden, withdrawn. */
import type { ConsentRecord } from '../../../../protocol/consent.ts'
import type { ProtocolError } from '../../../../protocol/errors.ts'
import type { RecordId } from '../../../../protocol/ids.ts'
import type { ProfileInput } from '../../../../protocol/vocabulary.ts'
import type { BridgedState, Loss, NetId, Refusal } from '../rows.ts'
import type { ModuleValue } from '../value.ts'

/** The only word that a profile is answered with: every error word is a success to newer versions. */
export type StatusWord = 'processed'

/** A member as the owner and the consent page see it. */
export interface BridgedMember {
  /** The site's own id of the user. */
  localId: number
  state: BridgedState
  netId: NetId | null
  refusal: Refusal | null
  losses: readonly Loss[]
  receivedAt: number
  changedAt: number
  expiresAt: number | null
}
/** What is held of a member, mapped to the vocabulary. */
export interface HeldProfile {
  profile: Partial<ProfileInput>
  /** Addresses of the main picture and of the gallery, as the module sends them. */
  icon: string | null
  photos: readonly string[]
}

/** A consent that came by another way than the module. */
export interface GivenConsent {
  localId: number
  /** For withdrawals by mail, and sealed; null where there is none. */
  email: string | null
  /** Purposes and period by default, as in the API. */
  consent: Omit<ConsentRecord, 'purposes' | 'expiresAt' | 'state'> &
    Partial<Pick<ConsentRecord, 'purposes' | 'expiresAt'>>
}
export type ConsentOutcome =
  | { kind: 'published'; record: RecordId }
  /** Nothing is held of the member: the module has not sent it, or it was wiped. */
  | { kind: 'unknown' }
  | { kind: 'refused'; error: ProtocolError }

export interface Holds {
  /** `put_profiles`: keeps what is sent, durably, and answers each readable local id. */
  put: (profiles: readonly ModuleValue[]) => Promise<Map<number, StatusWord>>
  /** `get_profiles_status`: numbers that the module does not know yet, by local id. */
  numbers: () => Promise<Map<number, NetId>>
  /** `put_updated`: changed fields by net id, merged and published. */
  update: (updates: readonly ModuleValue[]) => Promise<void>
  /**
   * `put_removed`, the part about own members: those named are withdrawn; each 0 hides whoever it
   * can mean.
   *
   * @returns the ids that are no own member's
   */
  removed: (ids: readonly number[]) => Promise<NetId[]>
  /**
   * Publishes held members, or changes consents, in batches; outcomes in the order of the input. A
   * consent is not kept here: where it could not be published now, the caller hands it in again.
   * What was published before is left as it is then.
   *
   * @throws ProtocolError `not_ready` while the log may not be written
   */
  consent: (given: readonly GivenConsent[]) => Promise<ConsentOutcome[]>
  /** Withdraws members, and forgets what is held of them. Returns those that were known. */
  withdraw: (localIds: readonly number[], notice: string) => Promise<number[]>
  /** The owner or the member says that a hidden one was not meant. Returns those that were hidden. */
  keep: (localIds: readonly number[]) => Promise<number[]>
  get: (localId: number) => Promise<BridgedMember | null>
  /** What is held, for the member's own eyes; null where there is nothing. */
  profileOf: (localId: number) => Promise<HeldProfile | null>
  /** By an order of the store's own; `after` is the `next` of the page before. */
  list: (filter: { state?: BridgedState; after?: string; limit: number }) => Promise<{
    members: BridgedMember[]
    next: string | null
  }>
  /** The site's own id, as the core knows it, of a published member; null for any other number. */
  memberOf: (netId: NetId) => Promise<string | null>
  /** The net id of a published member's record; null for any other. */
  netIdOf: (record: RecordId) => Promise<NetId | null>
  /** Wipes what has run out, and does what had to wait; one at a time. */
  tick: () => Promise<void>
}
