/** Row types of the bridge's tables. */
import type { BridgedState, DeliveryState, LinkKind, Refusal } from '../core/bridge/rows.ts'

export interface BridgeMemberTable {
  member_key: Uint8Array
  net_id: number | null
  state: BridgedState
  refusal: Refusal | null
  /** Losses as JSON. */
  losses: string
  slot: number | null
  received_at: number
  changed_at: number
  expires_at: number | null
  handed: number
  bare_at: number | null
  pictures_at: number | null
}
export interface BridgeHoldTable {
  slot: number
  ciphertext: Uint8Array
  doomed: 0 | 1
}
export interface BridgeLinkTable {
  hash: Uint8Array
  member_key: Uint8Array
  sealed_id: Uint8Array
  kind: LinkKind
  expires_at: number
}
export interface BridgeDeliveryTable {
  net_id: number
  home: number
  record: Uint8Array
  state: DeliveryState
  idx: number
  offered_at: number
  tries: number
  gallery: Uint8Array
  due_at: number | null
}
export interface BridgeRemovalTable {
  net_id: number
  since: number
  is_queued: number
}

export interface BridgeTables {
  bridge_members: BridgeMemberTable
  bridge_holds: BridgeHoldTable
  bridge_links: BridgeLinkTable
  bridge_deliveries: BridgeDeliveryTable
  bridge_removals: BridgeRemovalTable
}
