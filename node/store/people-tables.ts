/** Rows of the tables about the coordinator's people, and of the breach desk. */
import type {
  AccountRole,
  AccountSource,
  MailKind,
  MailState,
  SignInMethod,
} from '../core/people/rows.ts'

export interface AccountTable {
  id: string
  role: AccountRole
  sites: string
  email: Uint8Array
  email_key: Uint8Array
  source: AccountSource
  created_at: number
  seen_at: number | null
  disabled_at: number | null
}
export interface LinkTable {
  hash: Uint8Array
  account: string
  method: null
  created_at: number
  expires_at: number
}
export interface SessionTable {
  hash: Uint8Array
  account: string
  method: SignInMethod
  created_at: number
  expires_at: number
}
export interface PasskeyTable {
  id: Uint8Array
  account: string
  public_key: Uint8Array
  counter: number
  transports: string
  created_at: number
  used_at: number | null
}
export interface MailTable {
  id: string
  kind: MailKind
  about: string
  account: string
  sealed: Uint8Array | null
  state: MailState
  attempts: number
  created_at: number
  expires_at: number
  due_at: number | null
  closed_at: number | null
  answer: string | null
}
/** A breach at the coordinator's desk. */
export interface BreachTable {
  id: string
  site: string
  known_at: number
  opened_at: number
  /** The notice as it is being written, as JSON. */
  draft: string
  /** What is on record of the step to the supervisory authority, as JSON; null before. */
  authority: string | null
}
/** What has been done about a breach by the clock, so that it is done once. */
export interface BreachMarkTable {
  breach: string
  mark: string
  time: number
}
/** A site's own word, in its log, that it has told its members. */
export interface ToldTable {
  breach: string
  site: number
  affected: number
  told: number
  time: number
  idx: number
}

export interface PeopleSchema {
  accounts: AccountTable
  links: LinkTable
  sessions: SessionTable
  passkeys: PasskeyTable
  mail: MailTable
  breaches: BreachTable
  breach_marks: BreachMarkTable
  told: ToldTable
}
