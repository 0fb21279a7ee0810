/**
 * What a notice of a breach says (GDPR Art. 33(3)), and a site's word that it has told its members.
 * Both are entries of logs: kinds and numbers are closed lists, and free texts hold no personal data.
 */
import { z } from 'zod'
import { findContactDetails } from './contact.ts'
import { ProtocolError } from './errors.ts'
import { count, parseWith } from './schema.ts'

/** Names a breach: 16 random bytes in hexadecimal. */
export type BreachId = string & { readonly brand: 'BreachId' }

const ID = /^[0-9a-f]{32}$/

/** @throws ProtocolError `malformed` */
export function parseBreachId(text: string): BreachId {
  if (!ID.test(text)) throw new ProtocolError('malformed', '', '32 hexadecimal digits')
  return text as BreachId
}

/** Which notice of a breach it is: information may come in phases (GDPR Art. 33(4)). */
export const BREACH_PHASES = ['initial', 'update', 'final'] as const
export type BreachPhase = (typeof BREACH_PHASES)[number]

/** Whom the data are about. */
export const PEOPLE_KINDS = ['members', 'site-owners', 'staff', 'visitors'] as const
export type PeopleKind = (typeof PEOPLE_KINDS)[number]

/** Of what kind the records are. */
export const DATA_KINDS = [
  'names',
  'contact-details',
  'birth-dates',
  'profiles',
  'pictures',
  'orientation',
  'religion',
  'race',
  'location',
  'messages',
  'consents',
  'credentials',
  'identifiers',
] as const
export type DataKind = (typeof DATA_KINDS)[number]

/** What the law asks a notice to say. */
export interface BreachText {
  /** What happened. */
  nature: string
  people: PeopleKind[]
  /** Approximate number of people; null where it is not known yet. */
  peopleCount: number | null
  data: DataKind[]
  /** Approximate number of records; null where it is not known yet. */
  dataCount: number | null
  consequences: string
  /** What was done, what will be done, and what sites and members can do. */
  measures: string
  /** Where to ask: a function, not a person. */
  contact: string
}

const TEXT_CHARS = 1000
const CONTACT_CHARS = 200
/** No control character but a line feed, no other end of a line, nothing that turns text around. */
const PROSE = /^(?:[^\p{Cc}\u2028-\u202e\u2066-\u2069]|\n)+$/u
const LINE = /^[^\p{Cc}\u2028-\u202e\u2066-\u2069]+$/u

const prose = z.string().min(1).max(TEXT_CHARS).regex(PROSE, 'plain text')
const kinds = <Kind extends string>(list: readonly [Kind, ...Kind[]]) =>
  z
    .array(z.enum(list))
    .min(1)
    .max(list.length)
    .refine((chosen) => new Set(chosen).size === chosen.length, 'each kind once')

/** The fields of {@link BreachText}. */
export const breachText = {
  nature: prose,
  people: kinds(PEOPLE_KINDS),
  peopleCount: count.nullable(),
  data: kinds(DATA_KINDS),
  dataCount: count.nullable(),
  consequences: prose,
  measures: prose,
  contact: z.string().min(3).max(CONTACT_CHARS).regex(LINE, 'text on one line'),
}
const textSchema: z.ZodType<BreachText> = z.strictObject(breachText)

/**
 * Parses a notice at the desk where it is written. Contact details are refused here, and not in
 * entries: what finds them gets better with time, and an entry must stay valid for good.
 *
 * @throws ProtocolError at the first refused field
 */
export function parseBreachText(value: unknown): BreachText {
  const text = parseWith(textSchema, value)
  for (const name of ['nature', 'consequences', 'measures'] as const)
    if (findContactDetails(text[name]) !== null)
      throw new ProtocolError('contact_details', `/${name}`, 'text without contact details')
  return text
}

export const breachIdSchema = z
  .string()
  .regex(ID, '32 hexadecimal digits')
  .transform((text) => text as BreachId)
