/** Row types of the desk's tables. */
import type { Generated } from 'kysely'
import type { SiteId } from '../../protocol/ids.ts'
import type { NoticeRow } from '../core/oversight/notice-rows.ts'
import type { AuthorityRow, RequestRow } from '../core/request/rows.ts'

export interface WithdrawalNoticeTable {
  id: string
  channel: NoticeRow['channel']
  digest: Uint8Array
  received_at: number
  site: SiteId | null
  state: NoticeRow['state']
  sealed: Uint8Array | null
  confirmed_at: number | null
  deadline: number | null
  due_at: number | null
  attempts: number
  /** RecordIds, 16 bytes each. */
  records: Uint8Array
  /** Numbers, separated by commas. */
  orders: string
  closed_at: number | null
  reason: NoticeRow['reason']
}
export interface RequestTable {
  id: string
  subject: RequestRow['subject']
  member_key: Uint8Array | null
  customer: string | null
  site: SiteId | null
  kind: RequestRow['right']
  channel: RequestRow['channel']
  received_at: number
  due_at: number
  extension: RequestRow['extension']
  identity: RequestRow['identity']
  method: RequestRow['method']
  state: RequestRow['state']
  reason: RequestRow['reason']
  kept: string
  closed_at: number | null
  sealed: Uint8Array | null
  tell_at: number | null
  attempts: number
  /** As JSON. */
  steps: string
}
export interface RestrictionTable {
  member_key: Uint8Array
  request: string
  since: number
}
export interface AnsweredTable {
  id: string
  records: Uint8Array
  time: number
}
export interface AuthorityTable {
  id: string
  subject: AuthorityRow['subject']
  member_key: Uint8Array | null
  customer: string | null
  authority: string
  basis: string
  proposed_at: number
  proposed_by: string
  /** As JSON. */
  approvals: string
  state: AuthorityRow['state']
  exported_at: number | null
  digest: Uint8Array | null
  sealed: Uint8Array | null
}
export interface CustomerTable {
  id: string
  site: SiteId | null
  email_key: Uint8Array
  created_at: number
  last_contact_at: number
  has_orders: 0 | 1
  shrunk_at: number | null
  objected_at: number | null
  restricted_at: number | null
  sealed: Uint8Array
}
export interface ApplicationNoteTable {
  id: Generated<number>
  site: SiteId
  time: number
  actor: string
  sealed: Uint8Array
}

/** The tables by name. */
export interface DeskTables {
  withdrawal_notices: WithdrawalNoticeTable
  requests: RequestTable
  restrictions: RestrictionTable
  answered_requests: AnsweredTable
  authority_disclosures: AuthorityTable
  customers: CustomerTable
  application_notes: ApplicationNoteTable
}
