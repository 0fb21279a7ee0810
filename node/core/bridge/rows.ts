/** What the store keeps for the bridge: members that the old module has sent, and whom it was given. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Sealed } from '../ports.ts'

/** The number by which the old module knows a record: 1 to 2^31 - 1, random, never given out twice. */
export type NetId = number

/**
 * How far the bridge is with a member of this site that the old module has sent. `held`: waits for a
 * consent that came by another way. `refused`: cannot be published as it is. `published`: has a live
 * record. `suspended`: kept from everybody, since the module has sent a withdrawal that may mean
 * this member. Who has withdrawn has no row: nothing of it is known any more.
 */
export const BRIDGED_STATES = ['held', 'refused', 'published', 'suspended'] as const
export type BridgedState = (typeof BRIDGED_STATES)[number]

/** What of a profile did not come through, and why; never a value. */
export interface Loss {
  /** As the module calls it: `profile_data.height`. */
  field: string
  reason: LossReason
}
export const LOSS_REASONS = [
  /** No field of the vocabulary takes it. */
  'no-field',
  /** The text is none of the words known for the field. */
  'unknown-word',
  /** The value is malformed or out of bounds. */
  'malformed',
  /** It seems to hold a way to get in touch. */
  'contact-details',
  /** It came through less exactly than it was: the middle of a band. */
  'rounded',
  /** The picture is at an address that is not this site's own, could not be had, or is none. */
  'picture',
] as const
export type LossReason = (typeof LOSS_REASONS)[number]

/** Why a member cannot be published as it is. */
export const REFUSALS = [
  'under-age',
  'birth-date',
  'gender',
  'seeks',
  'nickname',
  'country',
  'malformed',
  /** The node refused it at publishing: an order, a limit of the Network. */
  'node',
] as const
export type Refusal = (typeof REFUSALS)[number]

export interface BridgedRow {
  /** Keyed hash of the site's own id, as in the index of members. */
  memberKey: Uint8Array
  /** Null until there is a consent. */
  netId: NetId | null
  state: BridgedState
  refusal: Refusal | null
  losses: Loss[]
  /** What is held of the member, sealed under a slot of its own; null where a backup came between. */
  hold: Sealed | null
  /** Unix seconds at which the module sent it first. */
  receivedAt: number
  /** Unix seconds of the last change of state. */
  changedAt: number
  /** Unix seconds at which a hold is wiped, or a suspended member is withdrawn; null while published. */
  expiresAt: number | null
  /** How often the module was told the net id. */
  handed: number
  /** Unix seconds of the newest update that changed nothing; null before the first. */
  bareAt: number | null
  /**
   * Unix seconds at which the member is to be looked after: a change waits to be published, the record
   * to be hidden or shown again, pictures to be fetched. Null where all is done.
   */
  picturesAt: number | null
}

/**
 * A record of another site that the old module was given. `offered`: handed out, not confirmed.
 * `here`: the module has it. `refused`: it does not take it, so that it is not offered again.
 */
export const DELIVERY_STATES = ['offered', 'here', 'refused'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]
export interface DeliveryRow {
  netId: NetId
  home: SiteId
  record: RecordId
  state: DeliveryState
  /** Index of the version that the module was given last. */
  index: number
  /** Unix seconds of the last offer, and how many there were; 0 where the module has removed it. */
  offeredAt: number
  tries: number
  /** Keyed hash of the gallery that the module was given, and of whether it had a main picture. */
  gallery: Uint8Array
  /** Unix seconds since when the module has an older version than there is; null where it has not. */
  dueAt: number | null
}
/** A record that the module is to remove; which one it was is not known any more. */
export interface RemovalRow {
  netId: NetId
  /** Unix seconds since when. */
  since: number
}

/** How a link to the consent page may be used: once to decide, or again and again by the member. */
export type LinkKind = 'decide' | 'own'
export interface LinkRow {
  /** SHA-256 of the token. */
  hash: Uint8Array
  memberKey: Uint8Array
  /** The site's own id of the member, sealed under a key that only the token gives. */
  sealedId: Uint8Array
  kind: LinkKind
  /** Unix seconds. */
  expiresAt: number
}

export interface BridgeReader {
  /** In no order; absent ones are left out. */
  members: (memberKeys: readonly Uint8Array[]) => Promise<BridgedRow[]>
  byNetIds: (netIds: readonly NetId[]) => Promise<BridgedRow[]>
  /** By member key, from `after` (exclusive). */
  list: (filter: {
    state?: BridgedState
    after?: Uint8Array
    limit: number
  }) => Promise<BridgedRow[]>
  counts: () => Promise<Record<BridgedState, number>>
  /** Published members whose net id was told fewer than `times` times, the least told first. */
  untold: (times: number, limit: number) => Promise<BridgedRow[]>
  /** Those with `expiresAt` at or before `now`. */
  expired: (now: number, limit: number) => Promise<BridgedRow[]>
  /** Those with `picturesAt` at or before `now`. */
  picturesDue: (now: number, limit: number) => Promise<BridgedRow[]>
  /** Published members with `bareAt` at or after `time`. */
  bareSince: (time: number, limit: number) => Promise<BridgedRow[]>
  /** Slots of holds whose erasure is decided and not finished. */
  doomed: (limit: number) => Promise<number[]>
  /** Every slot that a row, doomed or not, refers to. */
  slots: () => Promise<number[]>
  link: (hash: Uint8Array) => Promise<LinkRow | null>

  deliveries: (netIds: readonly NetId[]) => Promise<DeliveryRow[]>
  deliveriesOf: (home: SiteId, records: readonly RecordId[]) => Promise<DeliveryRow[]>
  /** By net id, from `above` (exclusive). */
  listDeliveries: (filter: {
    state?: DeliveryState
    home?: SiteId
    above: NetId
    limit: number
  }) => Promise<DeliveryRow[]>
  /** Those that the module has and that are due for an update, the longest due first. */
  due: (limit: number) => Promise<DeliveryRow[]>
  deliveryCounts: () => Promise<Record<DeliveryState, number> & { removing: number }>
  /** Removals of what the module has not said that it has added. */
  queuedRemovals: () => Promise<number>
  /** The oldest first. */
  removals: (limit: number) => Promise<RemovalRow[]>
  /** Which of these are to be removed. */
  removing: (netIds: readonly NetId[]) => Promise<NetId[]>
  /** Whether a net id stands for anything: an own member, a record, a removal. */
  isTaken: (netId: NetId) => Promise<boolean>
}
export interface BridgeWriter extends BridgeReader {
  /** Inserts or replaces; a hold that is replaced is doomed. */
  saveMembers: (rows: readonly BridgedRow[]) => Promise<void>
  /** Forgets members, and every link of theirs; their holds are doomed. */
  removeMembers: (memberKeys: readonly Uint8Array[]) => Promise<void>
  /** Deletes doomed holds after their keys are destroyed. */
  removeDoomed: (slots: readonly number[]) => Promise<void>
  saveLinks: (rows: readonly LinkRow[]) => Promise<void>
  removeLinks: (hashes: readonly Uint8Array[]) => Promise<void>
  /** Deletes every link of these members. */
  removeLinksOf: (memberKeys: readonly Uint8Array[]) => Promise<void>
  /** Deletes links that have run out. */
  tidyLinks: (now: number) => Promise<void>

  saveDeliveries: (rows: readonly DeliveryRow[]) => Promise<void>
  removeDeliveries: (netIds: readonly NetId[]) => Promise<void>
  /** Records become removals: what they were is forgotten. */
  turnIntoRemovals: (netIds: readonly NetId[], since: number) => Promise<void>
  /** What the module has added is to be removed; a removal that waits already stays the older one. */
  addRemovals: (netIds: readonly NetId[], since: number) => Promise<void>
  removeRemovals: (netIds: readonly NetId[]) => Promise<void>
}
