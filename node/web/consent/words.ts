/** What the consent pages say, but for the notice: what a table of each language has to have. */
import type { Scope } from '../../../protocol/consent.ts'
import type { FieldName } from '../../../protocol/vocabulary.ts'

/** A page that says one thing. */
export interface Said {
  title: string
  text: string
}

export interface ConsentWords {
  /** The language's own name. */
  name: string
  /** Names the list of languages. */
  languages: string
  ask: (site: string, network: string) => Said
  /** The member's own page, on which a consent is changed. */
  own: (site: string, network: string) => Said
  /** How the member is named on its site. */
  profile: string
  /** Above the boxes. */
  choose: string
  scopes: Readonly<Record<Scope, Said>>
  fields: Readonly<Record<FieldName, string>>
  /** Before the fields that a scope would share, and where there are none. */
  held: string
  heldNone: string
  /** The same for a scope that was not consented to: what lies outside of a consent is not kept. */
  heldLater: string
  /** Marks the scope without which there is nothing, and those that the law protects most. */
  needed: string
  sensitive: string
  email: string
  emailHint: string
  emailKept: string
  optional: string
  agree: string
  decline: string
  change: string
  withdraw: string
  /** Above the button that withdraws. */
  leaving: Said
  /** Why a form was not taken. */
  untaken: {
    scope: string
    email: string
    notice: string
    other: string
  }
  /** The Network does not accept this notice. */
  closed: string
  agreed: Said
  /** Before the member's own link. */
  ownLink: string
  declined: Said
  withdrawn: (network: string) => Said
  gone: (site: string) => Said
  suspended: (site: string, network: string) => Said
  keep: string
  kept: Said
  later: Said
}
