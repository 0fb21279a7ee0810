/**
 * What the coordinator keeps of people: accounts, how they sign in, and mail to them. Addresses and
 * texts are sealed; what is compared is hashed.
 */
import type { SiteId } from '../../../protocol/ids.ts'

/** Roles of accounts: those who act, the data protection officer, those who look, site owners. */
export const ACCOUNT_ROLES = ['staff', 'dpo', 'auditor', 'owner'] as const
export type AccountRole = (typeof ACCOUNT_ROLES)[number]

/** Where the data of an account came from (policy §2.1), closed. */
export const ACCOUNT_SOURCES = [
  'registration',
  'invitation',
  'order',
  'newsletter',
  'survey',
] as const
export type AccountSource = (typeof ACCOUNT_SOURCES)[number]

export interface AccountRow {
  /** 16 hexadecimal digits. */
  id: string
  role: AccountRole
  /** Sites that the person owns, whatever the role. */
  sites: SiteId[]
  /** The e-mail address, sealed. */
  email: Uint8Array
  /** Keyed hash by which the address is found. */
  emailKey: Uint8Array
  source: AccountSource
  createdAt: number
  /** Unix seconds of the last sign-in. */
  seenAt: number | null
  disabledAt: number | null
}

/** A one-time link by which somebody signs in. */
export interface LinkRow {
  /** SHA-256 of what the link carries. */
  hash: Uint8Array
  account: string
  createdAt: number
  expiresAt: number
}

export const SIGN_IN_METHODS = ['link', 'passkey'] as const
export type SignInMethod = (typeof SIGN_IN_METHODS)[number]

export interface SessionRow {
  /** SHA-256 of what the cookie carries. */
  hash: Uint8Array
  account: string
  method: SignInMethod
  createdAt: number
  expiresAt: number
}

export interface PasskeyRow {
  /** Id of the credential, as the authenticator made it. */
  id: Uint8Array
  account: string
  /** COSE key. */
  publicKey: Uint8Array
  counter: number
  transports: string[]
  createdAt: number
  usedAt: number | null
}

export interface PeopleReader {
  account: (id: string) => Promise<AccountRow | null>
  byEmailKey: (emailKey: Uint8Array) => Promise<AccountRow | null>
  /** Accounts that own this site. */
  ownersOf: (site: SiteId) => Promise<AccountRow[]>
  /** In the order of ids, from `after` (exclusive). */
  accounts: (after: string, limit: number) => Promise<AccountRow[]>
  countAccounts: () => Promise<number>
  session: (hash: Uint8Array) => Promise<SessionRow | null>
  /** The newest first. */
  sessionsOf: (account: string) => Promise<SessionRow[]>
  link: (hash: Uint8Array) => Promise<LinkRow | null>
  countLinks: (account: string) => Promise<number>
  passkey: (id: Uint8Array) => Promise<PasskeyRow | null>
  /** The oldest first. */
  passkeysOf: (account: string) => Promise<PasskeyRow[]>
}
export interface PeopleWriter extends PeopleReader {
  /** Inserts or replaces. */
  saveAccount: (row: AccountRow) => Promise<void>
  /** Removes the account with its links, sessions and passkeys. */
  removeAccount: (id: string) => Promise<void>
  addLink: (row: LinkRow) => Promise<void>
  /** Removes a link; returns it where it was there, so that it opens once. */
  takeLink: (hash: Uint8Array) => Promise<LinkRow | null>
  addSession: (row: SessionRow) => Promise<void>
  removeSession: (hash: Uint8Array) => Promise<void>
  /** Ends all sessions of an account, and its links. */
  endSessions: (account: string) => Promise<void>
  savePasskey: (row: PasskeyRow) => Promise<void>
  removePasskey: (id: Uint8Array) => Promise<void>
  /** Removes links and sessions that have ended. */
  prune: (now: number) => Promise<void>
}

/** What a mail is for, closed. */
export const MAIL_KINDS = ['sign-in', 'invitation', 'breach', 'alarm'] as const
export type MailKind = (typeof MAIL_KINDS)[number]
export const MAIL_STATES = ['waiting', 'sent', 'refused', 'expired'] as const
export type MailState = (typeof MAIL_STATES)[number]

/** One mail to one person, and what became of it. */
export interface MailRow {
  /** 32 hexadecimal digits, also in its Message-ID. */
  id: string
  kind: MailKind
  /** What it is about: the id of a breach; empty for none. */
  about: string
  /** The account that it goes to. */
  account: string
  /** Recipient, subject and text, sealed; null as soon as it waits no more. */
  sealed: Uint8Array | null
  state: MailState
  attempts: number
  createdAt: number
  /** Not sent any more after this. */
  expiresAt: number
  /** When it is tried next; null where it waits no more. */
  dueAt: number | null
  closedAt: number | null
  /** The last answer of the mail server: its three digits, or a word of a closed list. */
  answer: string | null
}
export interface MailFilter {
  kind?: MailKind
  about?: string
  account?: string
  state?: MailState
  /** Only mails before this one. */
  before?: { createdAt: number; id: string }
  limit: number
}
export interface MailReader {
  get: (id: string) => Promise<MailRow | null>
  due: (now: number, limit: number) => Promise<MailRow[]>
  countWaiting: () => Promise<number>
  /** The newest first. */
  list: (filter: MailFilter) => Promise<MailRow[]>
}
export interface MailWriter extends MailReader {
  /** Inserts or replaces. */
  save: (row: MailRow) => Promise<void>
  /** Takes away the content of what waits for an account that is gone. */
  drop: (account: string, now: number) => Promise<void>
  /** Deletes records of mails of these kinds closed before this time. */
  prune: (kinds: readonly MailKind[], before: number) => Promise<void>
}
