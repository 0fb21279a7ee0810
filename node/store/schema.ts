/** Row types of the tables, column by column as the migrations make them. */
import type { Generated } from 'kysely'
import type { WithdrawReason } from '../../protocol/entry.ts'
import type { SiteId } from '../../protocol/ids.ts'
import type { BridgeTables } from './bridge-tables.ts'
import type { DeskTables } from './desk-tables.ts'
import type { AuditedWithdrawal } from '../core/audit-rows.ts'
import type { ChallengeRow, ProbeRow } from '../core/challenge-rows.ts'
import type { Finding } from '../core/oversight/finding.ts'
import type { Actor } from '../core/people/actor.ts'
import type { PeopleSchema } from './people-tables.ts'
import type { ApplicationRow, ConsentEvent } from '../core/store.ts'
import type { ReportRow } from '../core/talk/report-rows.ts'

/** A truth value: SQLite has no type of its own for it. */
export type Bit = 0 | 1

/** Names of sites are long and few, so rows name a site by a small number. */
export interface SiteTable {
  id: Generated<number>
  name: SiteId
}
export interface LogTable {
  log: number
  size: number
  range: Uint8Array
  note: string | null
  heartbeat: number | null
  /** PublishedRequirements as JSON. */
  requirements: string | null
}
export interface EntryTable {
  log: number
  idx: number
  bytes: Uint8Array
}
export interface TileTable {
  log: number
  level: number
  idx: number
  hashes: Uint8Array
}
export interface RecordTable {
  log: number
  record: Uint8Array
  first_idx: number
  idx: number
  version: number
  live: Bit
  end_idx: number | null
  wanted: Bit
  published_at: number
  expires: number
  joined_at: number
}
/** Lists are texts joined by commas, which none of their words can hold. */
export interface BodyTable {
  id: Generated<number>
  home: number
  idx: number
  record: Uint8Array
  slot: number
  doomed: Bit
  expires: number
  scopes: string
  excludes: string
  gender: string
  seeks: string
  seeks_age_min: number
  seeks_age_max: number
  birth_day: number | null
  age_years: number | null
  aged_on: number | null
  language: string
  country: string
  latitude_tenths: number | null
  longitude_tenths: number | null
  picture: Bit
  joined_at: number
  published_at: number
  languages: string
  height_cm: number | null
  weight_kg: number | null
  /** `field:option` of each choice; null where a body was kept before there were traits. */
  choices: string | null
}
/** Apart from the columns, so that a search reads narrow rows. */
export interface CiphertextTable {
  body: number
  bytes: Uint8Array
}
export interface PictureTable {
  home: number
  idx: number
  record: Uint8Array
  place: number
  picture: Uint8Array
  /** Both null until the files are here. */
  small_slot: number | null
  large_slot: number | null
  digest: Uint8Array | null
  loose: Bit
  doomed: Bit
}
export interface MemberTable {
  member_key: Uint8Array
  record: Uint8Array
  input_digest: Uint8Array
  email_key: Uint8Array | null
}
export interface NoticeTable {
  id: Generated<number>
  /** The notice of a consent as JSON: few texts are shown to many members. */
  notice: string
}
export interface ConsentTable {
  id: Generated<number>
  member_key: Uint8Array
  record: Uint8Array
  kind: ConsentEvent['kind']
  time: number
  notice: number
  scopes: string
  channel: string
  expires: number
}
export interface LedgerTable {
  id: Generated<number>
  home: number
  partner: number
  time: number
  via: number | null
  reported: Bit
  /** Record versions, each 16 bytes of RecordId and 4 of index (big-endian). */
  versions: Uint8Array
  count: number
  /** What of these versions was handed out: 0 the body, 1 pictures, 2 the consent record alone. */
  what: number
}
export interface ReceiptTable {
  log: number
  cosigner: number
  size: number
  time: number
  line: string
  received_at: number
  /** Counts from 1 in the order of the first keeping. */
  place: number
}
export interface CheckpointTable {
  log: number
  size: number
  note: string
}
export interface PendingWithdrawalTable {
  record: Uint8Array
  reason: WithdrawReason
  time: number
  notice: string
}
export interface ApiKeyTable {
  id: string
  name: string
  role: string
  hash: Uint8Array
  created_at: number
  revoked_at: number | null
}
export interface ApplicationTable {
  site: SiteId
  log_key: Uint8Array
  witness_key: Uint8Array
  site_type: string
  jurisdiction: string
  contact: string
  applied_at: number
  state: ApplicationRow['state']
}
export interface ForkTable {
  id: Generated<number>
  log: number
  size: number
  first_note: string
  second_note: string
  found_at: number
  /** As JSON. */
  branch: string | null
}
export interface ActTable {
  id: number
  time: number
  actor_kind: Actor['kind']
  actor: string
  role: string
  act: string
  subject: string
  hash: Uint8Array
}
export interface SilenceTable {
  site: number
  since: number
  until: number
  note_before: string
  note_after: string
}
export interface RollbackTable {
  id: Generated<number>
  log: number
  size: number
  since: number
  first_note: string
  second_note: string
}
export interface AuditPositionTable {
  id: number
  receipts: number
  silences: number
}
export interface AuditLogTable {
  log: number
  read: number
  witnessed: number
  stopped_at: number | null
}
export interface AuditWithdrawalTable {
  log: number
  idx: number
  kind: AuditedWithdrawal['kind']
  site: number
  record: Uint8Array | null
  reason: AuditedWithdrawal['reason']
  time: number
  witnessed_at: number | null
  due_at: number | null
  required: number
  received: number
  last_at: number | null
  judged: Bit
}
export interface AuditPairTable {
  log: number
  site: number
  covered: number
  gap_size: number | null
  gap_at: number | null
  gap_judged: Bit
  late_idx: number | null
  late_size: number | null
}
/** A receipt that was a member's first for some withdrawal. */
export interface AuditStepTable {
  log: number
  site: number
  size: number
  at: number
}
export interface ChallengeTable {
  id: number
  draw: number
  site: number
  idx: number
  record: Uint8Array
  state: ChallengeRow['state']
  reason: ChallengeRow['reason']
  drawn_at: number
  due_at: number
  retry_at: number | null
  tries: number
  decided_at: number | null
  opened_idx: number | null
  digest: Uint8Array | null
}
export interface ProbeTable {
  id: number
  target: number
  home: number
  idx: number
  state: ProbeRow['state']
  answer: ProbeRow['answer']
  via: number | null
  statement: string | null
  planned_at: number
  due_at: number
  retry_at: number | null
  tries: number
  decided_at: number | null
}
export interface FindingTable {
  id: string
  kind: Finding['kind']
  site: number
  subject: string
  severity: Finding['severity']
  since: number
  found_at: number
  /** As JSON. */
  evidence: string
  state: Finding['state']
  owner: string | null
  cured_at: number | null
}
export interface FindingChangeTable {
  id: Generated<number>
  finding: string
  time: number
  actor_kind: Actor['kind']
  actor: string
  role: string
  state: Finding['state']
  note: string
}
export interface FeedTable {
  id: number
  time: number
  type: string
  /** The rest of the notice, as JSON. */
  fields: string
  /** RecordIds, 16 bytes each. */
  records: Uint8Array
}
export interface AsideTable {
  home: number
  record: Uint8Array
  since: number
}
export interface HiddenHomeTable {
  home: number
}
export interface WebhookTable {
  id: string
  url: string
  secret: Uint8Array
  types: string
  created_at: number
  cursor: number
  failures: number
  failing_since: number | null
  retry_at: number
  last_success_at: number | null
  last_failure: string | null
  disabled_at: number | null
}
export interface SettingTable {
  name: string
  value: string
}
export interface BlockTable {
  record: Uint8Array
  home: number
  blocked: Uint8Array
  time: number
}
export interface ReportTable {
  id: Uint8Array
  direction: ReportRow['direction']
  home: number
  record: Uint8Array
  reporter: number
  reason: ReportRow['reason']
  time: number
  state: ReportRow['state']
  due_at: number | null
  closed_at: number | null
}

export interface Schema extends PeopleSchema, DeskTables, BridgeTables {
  sites: SiteTable
  logs: LogTable
  entries: EntryTable
  tiles: TileTable
  records: RecordTable
  bodies: BodyTable
  ciphertexts: CiphertextTable
  pictures: PictureTable & { id: Generated<number> }
  members: MemberTable
  notices: NoticeTable
  consents: ConsentTable
  ledger: LedgerTable
  receipts: ReceiptTable
  checkpoints: CheckpointTable
  pending_withdrawals: PendingWithdrawalTable
  api_keys: ApiKeyTable
  applications: ApplicationTable
  forks: ForkTable
  settings: SettingTable
  acts: ActTable
  challenges: ChallengeTable
  probes: ProbeTable
  findings: FindingTable
  silences: SilenceTable & { id: Generated<number> }
  rollbacks: RollbackTable
  audit_position: AuditPositionTable
  audit_logs: AuditLogTable
  audit_withdrawals: AuditWithdrawalTable
  audit_pairs: AuditPairTable
  audit_steps: AuditStepTable
  finding_changes: FindingChangeTable
  feed: FeedTable
  feed_aside: AsideTable
  hidden_homes: HiddenHomeTable
  webhooks: WebhookTable
  blocks: BlockTable
  reports: ReportTable
}
