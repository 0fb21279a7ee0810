/** Log entries: their types, encoding and decoding. An entry holds no personal data. */
import { z } from 'zod'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { ProtocolError } from './errors.ts'
import {
  parseSiteId,
  RECORD_ID_BYTES,
  recordIdBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from './ids.ts'
import { DRAWN_PER_LOG, ENTRY_BYTES, GROWTH_BYTES, MEMBERS } from './limits.ts'
import { eitherOf, integer, literal, quick, strict } from './quick.ts'
import { parseRequirements, SITE_TYPES, type Requirements } from './requirements.ts'
import { bytesOf, bytesUpTo, count, parseWith } from './schema.ts'

/** Why a record ended. */
export const WITHDRAW_REASONS = [
  'consent-withdrawn',
  'erased',
  'expired',
  'ineligible',
  'order',
] as const
export type WithdrawReason = (typeof WITHDRAW_REASONS)[number]

/** Why the coordinator suspended, reinstated or expelled a site. */
export const MEASURE_REASONS = [
  'request-of-the-site',
  'overdue-erasure',
  'fork',
  'consent',
  'security',
  'terms',
  'resolved',
] as const
export type MeasureReason = (typeof MEASURE_REASONS)[number]

/** The Network's numbers. Seconds unless named otherwise. */
export interface Terms {
  minimumAge: number
  /** A partner stops showing a record whose home has been silent for so long (design §4.7). */
  hideAfterSeconds: number
  /** A partner erases a record whose home has been silent for so long. */
  eraseAfterSeconds: number
  /** Nothing is released without a coordinator's heartbeat younger than this. */
  registryLeaseSeconds: number
  /** Every node cosigns its own checkpoint at least this often. */
  heartbeatSeconds: number
  /** A receipt later than this after its withdrawal is overdue. */
  erasureDeadlineSeconds: number
  /** Versions of the member notice that a consent may be bound to. */
  noticeVersions: string[]
  /** Time between two scheduled draws of publishes whose consents are to be opened. */
  challengeSeconds: number
  /** Publishes that a scheduled draw takes from each log; 0 for no scheduled draws. */
  challengesPerRound: number
  /** Time between two rounds of probes. */
  probeSeconds: number
  /** Withdrawn records that each site is asked for in a round; 0 for none. */
  probesPerRound: number
  /** Time in which a challenge or a probe has to be answered. */
  auditAnswerSeconds: number
}

export interface Publish {
  type: 'publish'
  record: RecordId
  /** Counts from 1 for each record. */
  version: number
  /** Commitment to the profile part of the body, 32 bytes. */
  profile: Uint8Array
  /** Commitment to the consent part of the body, 32 bytes. */
  consent: Uint8Array
  time: number
  /** Unix seconds at which the consent ends. */
  expires: number
}
export interface Withdraw {
  type: 'withdraw'
  record: RecordId
  reason: WithdrawReason
  time: number
  /** Id of the notice that asked for it, chosen by whoever received it; no personal data. */
  notice: string
}
export interface RequirementsEntry {
  type: 'requirements'
  requirements: Requirements
  /** Partners that get nothing from this site. Public, so that every holder can honour it. */
  excludes: SiteId[]
  time: number
}
export interface Admit {
  type: 'admit'
  site: SiteId
  logKey: Uint8Array
  witnessKey: Uint8Array
  siteType: string
  /** ISO 3166-1 alpha-2. */
  jurisdiction: string
  time: number
  /** Unix seconds at which the admission ends. */
  expires: number
}
export interface Rotate {
  type: 'rotate'
  site: SiteId
  oldLogKey: Uint8Array
  oldWitnessKey: Uint8Array
  logKey: Uint8Array
  witnessKey: Uint8Array
  /** Checkpoints of the site's log above this size are signed by the new log key. */
  size: number
  time: number
}
export interface Measure {
  type: 'suspend' | 'reinstate' | 'expel'
  site: SiteId
  reason: MeasureReason
  time: number
}
export interface TermsEntry {
  type: 'terms'
  terms: Terms
  time: number
}
export interface Order {
  type: 'order'
  site: SiteId
  /** One record, or null for all that the site first published below `size`. */
  record: RecordId | null
  size: number
  time: number
  notice: string
}
export interface Breach {
  type: 'breach'
  /** The site concerned; the network's name where it is the coordinator. */
  site: SiteId
  /** Unix seconds at which it became known. */
  known: number
  what: string
  action: string
  contact: string
  time: number
}
/** Which live publishes have to be opened, as nobody can have chosen them. */
export interface Draw {
  type: 'draw'
  /** What the draw before has committed to; null where this one begins a chain, and draws nothing. */
  seed: Uint8Array | null
  /** SHA-256 of the seed of the next draw. */
  commitment: Uint8Array
  /** By how much each log has grown since the draw before: 3 bytes for each site, as admitted. */
  growth: Uint8Array
  /** SHA-256 over the first entry that each log has gained since the draw before. */
  mix: Uint8Array
  /** Null: by the schedule, from each active site. Else on demand, from this site alone. */
  site: SiteId | null
  /** Publishes drawn from each log. */
  count: number
  time: number
}
export type SiteEntry = Publish | Withdraw | RequirementsEntry
export type CoordinatorEntry = Admit | Rotate | Measure | TermsEntry | Order | Breach | Draw
export type Entry = SiteEntry | CoordinatorEntry

const record = quick(bytesOf(RECORD_ID_BYTES).transform(recordIdOf), (value) =>
  value instanceof Uint8Array && value.length === RECORD_ID_BYTES ? recordIdOf(value) : undefined,
)
const site = z.string().max(253).transform(parseSiteIdIn)
const hash = bytesOf(32)
const key = bytesOf(32)
const notice = z.string().regex(/^[\w.:-]{0,64}$/, 'letters, digits, and . : _ - (at most 64)')
const text = z.string().min(1).max(1000)
const seconds = count.max(10 * 366 * 86_400)
const growth = bytesUpTo(GROWTH_BYTES * MEMBERS).refine(
  ({ length }) => length % GROWTH_BYTES === 0,
  `${GROWTH_BYTES} bytes for each site`,
)
const time = count

function parseSiteIdIn(value: string, context: z.core.$RefinementCtx): SiteId {
  try {
    return parseSiteId(value)
  } catch {
    context.addIssue({ code: 'custom', message: 'a lower-case domain name' })
    return z.NEVER
  }
}

/** The schema of {@link Terms}, for doors that take them as JSON. */
export const termsSchema = z.strictObject({
  minimumAge: count.min(18).max(99),
  hideAfterSeconds: seconds,
  eraseAfterSeconds: seconds,
  registryLeaseSeconds: seconds,
  heartbeatSeconds: seconds.min(1),
  erasureDeadlineSeconds: seconds,
  noticeVersions: z.array(z.string().min(1).max(40)).min(1).max(32),
  challengeSeconds: seconds.min(1),
  challengesPerRound: count.max(DRAWN_PER_LOG),
  probeSeconds: seconds.min(1),
  probesPerRound: count.max(DRAWN_PER_LOG),
  auditAnswerSeconds: seconds.min(1),
})

const requirements = z.unknown().transform((value, context) => {
  try {
    return parseRequirements(value)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    context.addIssue({
      code: 'custom',
      path: error.path.split('/').slice(1),
      params: { protocol: { code: error.code, expected: error.expected } },
    })
    return z.NEVER
  }
})

const measure = {
  site,
  reason: z.enum(MEASURE_REASONS),
  time,
}

/** By far the most entries are of this kind. */
const publishSchema = strict({
  type: literal('publish'),
  record,
  version: integer(1, Number.MAX_SAFE_INTEGER),
  profile: hash,
  consent: hash,
  time,
  expires: time,
})
const anySchema = z.discriminatedUnion('type', [
  publishSchema,
  z.strictObject({
    type: z.literal('withdraw'),
    record,
    reason: z.enum(WITHDRAW_REASONS),
    time,
    notice,
  }),
  z.strictObject({
    type: z.literal('requirements'),
    requirements,
    excludes: z.array(site).max(100),
    time,
  }),
  z.strictObject({
    type: z.literal('admit'),
    site,
    logKey: key,
    witnessKey: key,
    siteType: z.enum([...SITE_TYPES, 'coordinator']),
    jurisdiction: z.string().regex(/^[A-Z]{2}$/, 'an ISO 3166-1 alpha-2 country code'),
    time,
    expires: time,
  }),
  z.strictObject({
    type: z.literal('rotate'),
    site,
    oldLogKey: key,
    oldWitnessKey: key,
    logKey: key,
    witnessKey: key,
    size: count,
    time,
  }),
  z.strictObject({ type: z.literal('suspend'), ...measure }),
  z.strictObject({ type: z.literal('reinstate'), ...measure }),
  z.strictObject({ type: z.literal('expel'), ...measure }),
  z.strictObject({ type: z.literal('terms'), terms: termsSchema, time }),
  z.strictObject({
    type: z.literal('order'),
    site,
    record: record.nullable(),
    size: count,
    time,
    notice,
  }),
  z.strictObject({
    type: z.literal('breach'),
    site,
    known: time,
    what: text,
    action: text,
    contact: text,
    time,
  }),
  z.strictObject({
    type: z.literal('draw'),
    seed: hash.nullable(),
    commitment: hash,
    growth,
    mix: hash,
    site: site.nullable(),
    count: count.min(1).max(DRAWN_PER_LOG),
    time,
  }),
])
const entrySchema = quick(anySchema, eitherOf(publishSchema))

/**
 * The deterministic CBOR of an entry.
 *
 * @throws ProtocolError `too_large` above {@link ENTRY_BYTES}
 */
export function encodeEntry(entry: Entry): Uint8Array {
  const wire =
    'record' in entry && entry.record !== null
      ? { ...entry, record: recordIdBytes(entry.record) }
      : entry
  const bytes = encodeCbor(wire)
  if (bytes.length > ENTRY_BYTES)
    throw new ProtocolError('too_large', '', `at most ${ENTRY_BYTES} bytes`)
  return bytes
}

/**
 * Parses one log entry.
 *
 * @throws ProtocolError `too_large`, `malformed`, `not_canonical`, or what the schema refuses
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  if (bytes.length > ENTRY_BYTES)
    throw new ProtocolError('too_large', '', `at most ${ENTRY_BYTES} bytes`)
  return parseWith(entrySchema, decodeCbor(bytes), 'own')
}

/** The first byte of a map of so many fields, and the first field of any entry of a site. */
const MAP = 0xa0
const MAP_FIELDS = 23
const TIME_KEY = [0x64, 0x74, 0x69, 0x6d, 0x65]
const TYPE_KEY = [0x64, 0x74, 0x79, 0x70, 0x65]
const SITE_TYPE_TEXTS = (['publish', 'withdraw', 'requirements'] as const).map((type) => ({
  type,
  bytes: encodeCbor(type),
}))

function isAt(bytes: Uint8Array, place: number, expected: ArrayLike<number>): boolean {
  for (let at = 0; at < expected.length; at += 1)
    if (bytes[place + at] !== expected[at]) return false
  return true
}

/**
 * What kind of entry a site has written, told from its first bytes: in deterministic CBOR `time`
 * and `type` come first. Only for entries that {@link decodeEntry} has accepted before.
 *
 * @returns null where it is none of a site
 */
export function siteEntryType(bytes: Uint8Array): SiteEntry['type'] | null {
  const head = bytes[0] ?? 0
  if (head < MAP || head > MAP + MAP_FIELDS || !isAt(bytes, 1, TIME_KEY)) return null
  const first = (bytes[1 + TIME_KEY.length] ?? 0) - 24
  const width = first < 0 ? 1 : first <= 3 ? 1 + 2 ** first : 0
  const place = 1 + TIME_KEY.length + width
  if (width === 0 || !isAt(bytes, place, TYPE_KEY)) return null
  const value = place + TYPE_KEY.length
  return SITE_TYPE_TEXTS.find((one) => isAt(bytes, value, one.bytes))?.type ?? null
}

const SITE_ENTRIES = new Set<Entry['type']>(['publish', 'withdraw', 'requirements'])

/** Whether a site, and not the coordinator, writes this kind of entry. */
export function isSiteEntry(entry: Entry): entry is SiteEntry {
  return SITE_ENTRIES.has(entry.type)
}
