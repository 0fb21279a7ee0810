/** What is kept of a site owner: every field with its purpose and its legal basis (policy §2.1, §4). */

/** Where data comes from; a source that is not among these is refused. */
export const SOURCES = ['registration', 'order', 'newsletter', 'survey'] as const
export type Source = (typeof SOURCES)[number]

/** GDPR Art. 6(1)(b) and (f). */
export type Basis = 'contract' | 'legitimate-interests'

interface FieldOfOwner {
  purpose: string
  basis: Basis
  chars: number
}

/** The fields, closed. */
export const OWNER_FIELDS = {
  name: { purpose: 'to address the owner', basis: 'contract', chars: 200 },
  company: { purpose: 'to know the party to the contract', basis: 'contract', chars: 200 },
  address: { purpose: 'to send what the contract requires', basis: 'contract', chars: 500 },
  country: { purpose: 'to know which law holds', basis: 'contract', chars: 2 },
  language: { purpose: 'to write in the language of the owner', basis: 'contract', chars: 3 },
  phone: { purpose: 'to answer questions', basis: 'legitimate-interests', chars: 40 },
  interests: { purpose: 'to make fitting offers', basis: 'legitimate-interests', chars: 500 },
  opinion: { purpose: 'to improve the service', basis: 'legitimate-interests', chars: 2000 },
} as const satisfies Record<string, FieldOfOwner>

export type OwnerField = keyof typeof OWNER_FIELDS
export const OWNER_FIELD_NAMES = Object.keys(OWNER_FIELDS) as OwnerField[]

/** A kept value, with where it comes from. */
export interface Kept {
  value: string
  source: Source
  /** Unix seconds. */
  at: number
}
/** Everything that is kept of an owner in words. */
export interface OwnerContent {
  email: string
  emailSource: Source
  emailAt: number
  fields: Partial<Record<OwnerField, Kept>>
  /** Numbers of orders, as the payment provider gives them. */
  orders: string[]
}
