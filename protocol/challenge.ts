/**
 * The audit protocol: a home opens the consent of a drawn publish, and nothing of the profile; a
 * volunteer asks another site for a withdrawn record, as any partner could, and signs what came.
 */
import { z } from 'zod'
import { equalBytes, fromHex, toHex } from './bytes.ts'
import { commitment, SALT_BYTES, type Opening } from './body.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { parseConsent, type ConsentRecord } from './consent.ts'
import type { Publish } from './entry.ts'
import { ProtocolError } from './errors.ts'
import { parseSiteId, type SiteId } from './ids.ts'
import { sha256, type Hash, type Signer, type Verifier } from './keys.ts'
import { BODY_BYTES, CLOCK_SKEW_SECONDS, PROBE_NONCE_BYTES, STATEMENT_BYTES } from './limits.ts'
import { formatNote, parseNote, signNote, verifyNote, type VerifierKey } from './note.ts'
import { bytesOf, bytesUpTo, count, parseWith } from './schema.ts'
import type { Codec } from './wire.ts'

export const AUDIT_PROTOCOL = '/dpn/audit/1'

/** The only frame of the coordinator on an audit stream. */
export type AuditRequest =
  /** Open the consent of the publish at `index`, which the draw at index `draw` has drawn. */
  | { kind: 'open'; draw: number; index: number }
  /** Ask `target` for the version of `home` at `index`, which has ended. */
  | { kind: 'probe'; target: SiteId; home: SiteId; index: number; nonce: Uint8Array }

/** The only frame of the answer. */
export type AuditReply =
  /** Of the newest version of the record, whose publish is at `index`. */
  | ({ kind: 'opening'; index: number } & Opening)
  /** The record has ended; the log says so, or is about to. */
  | { kind: 'ended' }
  /** A signed {@link Statement}. */
  | { kind: 'statement'; note: string }
  /** Not now: ask again. */
  | { kind: 'unready' }
  /** Nothing that has to be, or can be, answered here. */
  | { kind: 'refused' }

/**
 * What a site answered when it was asked for a record that has ended. `body`: just the one that was
 * published; `bytes`: something else in its place.
 */
export const PROBE_ANSWERS = ['body', 'bytes', 'withheld', 'gone', 'unknown'] as const
export type ProbeAnswer = (typeof PROBE_ANSWERS)[number]

/** One question, and what came. */
export interface Statement {
  network: SiteId
  /** Who has asked and signs. */
  volunteer: SiteId
  target: SiteId
  home: SiteId
  /** Index of the publish entry of the version asked for. */
  index: number
  answer: ProbeAnswer
  /** Unix seconds, by the volunteer's clock. */
  time: number
  /** 16 bytes of the coordinator's: the statement answers one question of its. */
  nonce: Uint8Array
}

const site = z
  .string()
  .max(253)
  .transform((value, context) => {
    try {
      return parseSiteId(value)
    } catch {
      context.addIssue({ code: 'custom', message: 'a lower-case domain name' })
      return z.NEVER
    }
  })
const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('open'), draw: count, index: count }),
  z.strictObject({
    kind: z.literal('probe'),
    target: site,
    home: site,
    index: count,
    nonce: bytesOf(PROBE_NONCE_BYTES),
  }),
])
const replySchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('opening'),
    index: count,
    consent: bytesUpTo(BODY_BYTES),
    salt: bytesOf(SALT_BYTES),
  }),
  z.strictObject({ kind: z.literal('statement'), note: z.string().max(STATEMENT_BYTES) }),
  z.strictObject({ kind: z.enum(['ended', 'unready', 'refused']) }),
])

function codec<T>(schema: z.ZodType<T>): Codec<T> {
  return { encode: encodeCbor, decode: (bytes) => parseWith(schema, decodeCbor(bytes)) }
}
export const auditRequestCodec: Codec<AuditRequest> = codec(requestSchema)
export const auditReplyCodec: Codec<AuditReply> = codec(replySchema)

/** What an opened consent must agree with. */
export interface Challenged {
  entry: Publish
  /** Unix seconds of the record's first publish entry. */
  joinedAt: number
  /** Every version of the notice that the terms have named at some time between two times. */
  noticesBetween: (from: number, to: number) => ReadonlySet<string>
  /** Seconds for which a site may act by terms that have been replaced. */
  registryLeaseSeconds: number
}

/** The hash by which an opening is remembered: the commitment that it makes. */
export function openingDigest(opening: Opening, hash: Hash = sha256): Uint8Array {
  return commitment(opening.salt, opening.consent, hash)
}

/**
 * Which notice the consent has to be bound to: one of the terms when the record joined, or where the
 * consent was given later, of some time from then up to the version.
 */
function checkNoticeOfThatTime(consent: ConsentRecord, challenged: Challenged): void {
  const { entry, joinedAt, noticesBetween, registryLeaseSeconds } = challenged
  const isChanged = consent.givenAt > joinedAt
  const from = Math.max(consent.givenAt, joinedAt) - registryLeaseSeconds
  const to = (isChanged ? entry.time : joinedAt) + CLOCK_SKEW_SECONDS
  if (noticesBetween(from, to).has(consent.notice.version)) return
  throw new ProtocolError('outdated_notice', '/notice/version', 'a version in the terms then')
}

/**
 * Checks the opened consent of a publish.
 *
 * @throws ProtocolError `bad_commitment`; `no_consent` where it lacks `discovery`, or was not in force
 *   when the version was published; `outdated_notice`; or what {@link parseConsent} refuses
 */
export function checkOpening(
  opening: Opening,
  challenged: Challenged,
  hash: Hash = sha256,
): ConsentRecord {
  const { entry } = challenged
  if (!equalBytes(openingDigest(opening, hash), entry.consent))
    throw new ProtocolError('bad_commitment', '', 'what the log entry commits to')
  const consent = parseConsent(decodeCbor(opening.consent))
  // The publishing clock may lag behind the one of the website by as much as is allowed for.
  if (consent.givenAt > entry.time + CLOCK_SKEW_SECONDS)
    throw new ProtocolError('no_consent', '/givenAt', 'a consent given before it was published')
  if (consent.expiresAt <= entry.time)
    throw new ProtocolError('no_consent', '/expiresAt', 'a consent in force when it was published')
  if (consent.expiresAt !== entry.expires)
    throw new ProtocolError('bad_commitment', '/expiresAt', 'the expiry of the entry')
  checkNoticeOfThatTime(consent, challenged)
  return consent
}

/** The first line says what is signed: no checkpoint begins like this. */
const STATEMENT_TITLE = 'dpn/probe/1'
const NUMBER = /^(?:0|[1-9]\d{0,15})$/

/** The text of a statement, which is what is signed. */
export function formatStatement(statement: Statement): string {
  const { network, volunteer, target, home, index, answer, time, nonce } = statement
  const lines = [network, volunteer, target, home, index, answer, time, toHex(nonce)]
  return `${[STATEMENT_TITLE, ...lines].join('\n')}\n`
}

/**
 * Signs a statement with the log key of the volunteer, as a C2SP signed note.
 *
 * @param seed 32 bytes, derived for `dpn/log`
 */
export function signStatement(
  statement: Statement,
  key: VerifierKey,
  seed: Uint8Array,
  signer?: Signer,
): string {
  const text = formatStatement(statement)
  return formatNote({ text, signatures: [signNote(text, key, seed, signer)] })
}

function numberIn(line: string | undefined): number {
  const value = NUMBER.test(line ?? '') ? Number(line) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new ProtocolError('malformed', '', 'a whole number')
  return value
}

/**
 * Opens a statement.
 *
 * @param key the log key of the volunteer that is meant
 * @throws ProtocolError `malformed`, `too_large`, `bad_signature`
 */
export function openStatement(noteText: string, key: VerifierKey, verify?: Verifier): Statement {
  if (noteText.length > STATEMENT_BYTES)
    throw new ProtocolError('too_large', '', `at most ${STATEMENT_BYTES} bytes`)
  const note = parseNote(noteText)
  verifyNote(note, [key], verify)
  const lines = note.text.split('\n')
  const [
    title,
    network = '',
    volunteer = '',
    target = '',
    home = '',
    index,
    word,
    time,
    nonce = '',
  ] = lines
  const answer = PROBE_ANSWERS.find((known) => known === word)
  if (title !== STATEMENT_TITLE || lines.length !== 10 || answer === undefined)
    throw new ProtocolError('malformed', '', 'the lines of a statement')
  const statement: Statement = {
    network: parseSiteId(network),
    volunteer: parseSiteId(volunteer),
    target: parseSiteId(target),
    home: parseSiteId(home),
    index: numberIn(index),
    answer,
    time: numberIn(time),
    nonce: fromHex(nonce),
  }
  if (statement.nonce.length !== PROBE_NONCE_BYTES)
    throw new ProtocolError('malformed', '/nonce', `${PROBE_NONCE_BYTES} bytes`)
  return statement
}
