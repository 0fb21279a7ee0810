/** Consent by another way than the module: the page behind a link, or the owner's signed list. */
import type { Scope } from '../../../protocol/consent.ts'
import type { ProtocolError } from '../../../protocol/errors.ts'
import type { BridgedState, LinkKind } from './rows.ts'

/** What the page shows. */
export interface ConsentVisit {
  localId: number
  kind: LinkKind
  state: BridgedState
  nickname: string
  /** Of the member's pages; the words fall back to English. */
  language: string
  /** Fields that each scope would share, as far as they are held. */
  fields: Readonly<Partial<Record<Scope, readonly string[]>>>
  /** Scopes of the consent in force; null where there is none. */
  scopes: readonly Scope[] | null
}
export type Decided =
  /** `token` opens the member's own page, again and again. */
  { kind: 'agreed'; token: string } | { kind: 'refused'; error: ProtocolError } | { kind: 'gone' }

/** One line of the owner's list, and what came of it. */
export type ImportedLine =
  | { line: number; outcome: 'published'; localId: number }
  | { line: number; outcome: 'unknown'; localId: number }
  | { line: number; outcome: 'refused'; error: ProtocolError }

export interface ConsentDesk {
  /** New links for these members, to be handed out by the owner; earlier ones are void. */
  links: (localIds: readonly number[]) => Promise<{ localId: number; token: string }[]>
  /** What a link opens; null where it has run out or was used. Looking uses nothing up. */
  visit: (token: string) => Promise<ConsentVisit | null>
  /** The member agrees to exactly these scopes, having read the text of that hash. */
  agree: (
    token: string,
    decision: { scopes: readonly Scope[]; language: string; email: string | null },
  ) => Promise<Decided>
  /** The member says no, or withdraws: the hold is wiped, the record ends. False where gone. */
  decline: (token: string) => Promise<boolean>
  /** A hidden member says that it did not mean to leave. False where there is nothing to keep. */
  keep: (token: string) => Promise<boolean>
  /**
   * Registers the key by which lists of consents are signed. The key of the API, which lies beside
   * the website, is not enough to say that somebody has consented.
   *
   * @throws ProtocolError `malformed`
   */
  setOwnerKey: (verifierKey: string) => Promise<void>
  ownerKey: () => Promise<string | null>
  /**
   * Takes a signed list.
   *
   * @param note a C2SP signed note whose text has one JSON object a line
   * @throws ProtocolError `bad_signature`, `malformed`, `conflict` where no key is registered
   */
  importSigned: (note: string) => Promise<ImportedLine[]>
}
