/**
 * Openings: what shows an auditor the consent behind one publish entry. An opening is personal data,
 * so it is never part of evidence; it is in a file of its own, made by the home for one auditor and a
 * limited time, and it is worth nothing once the record has ended and its salt is destroyed.
 */
import { z } from 'zod'
import { equalBytes, fromBase64, toBase64 } from './bytes.ts'
import { commitment, SALT_BYTES, type Opening } from './body.ts'
import { decodeCbor } from './cbor.ts'
import { parseSize } from './checkpoint.ts'
import { checkConsentLive, checkNotice, parseConsent, type ConsentRecord } from './consent.ts'
import { verifyEvidence, type EvidenceVerdict } from './evidence.ts'
import { ProtocolError } from './errors.ts'
import { parseSiteId, type RecordId, type SiteId } from './ids.ts'
import type { Signer, Verifier } from './keys.ts'
import { CLOCK_SKEW_SECONDS, OPENING_SECONDS } from './limits.ts'
import { formatNote, parseNote, signNote, type VerifierKey, verifyNote } from './note.ts'
import { parseWith } from './schema.ts'

export const OPENING_FORMAT = 'dpn-opening/1'

/** For whom an opening is, and how long. */
export interface OpeningTerms {
  /** The domain name of the auditor. */
  auditor: SiteId
  /** Unix seconds. */
  madeAt: number
  /** Unix seconds, at most OPENING_SECONDS later: from then on it must not be used. */
  expiresAt: number
}

const fileSchema = z.strictObject({
  format: z.literal(OPENING_FORMAT),
  opening: z.string().max(256 * 1024),
  evidence: z.record(z.string(), z.unknown()),
})

/** The text that the home signs: its first line is none that a checkpoint could have. */
function openingText(
  at: { origin: string; index: number },
  terms: OpeningTerms,
  { consent, salt }: Opening,
): string {
  return [
    OPENING_FORMAT,
    `log ${at.origin}`,
    `index ${at.index}`,
    `auditor ${terms.auditor}`,
    `made ${terms.madeAt}`,
    `expires ${terms.expiresAt}`,
    `consent ${toBase64(consent)}`,
    `salt ${toBase64(salt)}`,
    '',
  ].join('\n')
}

const TEXT =
  /^dpn-opening\/1\nlog (\S+)\nindex (\d+)\nauditor (\S+)\nmade (\d+)\nexpires (\d+)\nconsent (\S+)\nsalt (\S+)\n$/

/**
 * An opening as a file.
 *
 * @param evidence the evidence file of the publish entry
 * @param by the log key of the home, whose name is the log's origin
 */
export function formatOpening(
  opened: { index: number; opening: Opening; evidence: string },
  terms: OpeningTerms,
  by: { key: VerifierKey; seed: Uint8Array; signer?: Signer | undefined },
): string {
  const text = openingText({ origin: by.key.name, index: opened.index }, terms, opened.opening)
  const note = formatNote({ text, signatures: [signNote(text, by.key, by.seed, by.signer)] })
  const evidence: unknown = JSON.parse(opened.evidence)
  return `${JSON.stringify({ format: OPENING_FORMAT, opening: note, evidence }, null, 2)}\n`
}

/** What a check of an opening found. */
export interface OpeningVerdict extends Pick<EvidenceVerdict, 'checks' | 'failure'> {
  proven:
    | (OpeningTerms & {
        log: SiteId
        index: number
        record: RecordId
        consent: ConsentRecord
      })
    | null
}

/** Whether a text claims to be an opening; it may be none all the same. */
export function isOpening(text: string): boolean {
  return text.slice(0, 200).includes(`"${OPENING_FORMAT}"`)
}

function parseFile(text: string): z.output<typeof fileSchema> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new ProtocolError('malformed', '', 'JSON')
  }
  return parseWith(fileSchema, json)
}

function parseText(text: string) {
  const match = TEXT.exec(text)
  if (match === null) throw new ProtocolError('malformed', '/opening', 'the eight lines of it')
  const [
    ,
    origin = '',
    index = '',
    auditor = '',
    made = '',
    expires = '',
    consent = '',
    salt = '',
  ] = match
  const terms = {
    auditor: parseSiteId(auditor),
    madeAt: parseSize(made),
    expiresAt: parseSize(expires),
  }
  const opening = { consent: fromBase64(consent), salt: fromBase64(salt) }
  if (opening.salt.length !== SALT_BYTES)
    throw new ProtocolError('malformed', '/opening', `a salt of ${SALT_BYTES} bytes`)
  return { origin, index: parseSize(index), terms, opening }
}

function checkTime({ madeAt, expiresAt }: OpeningTerms, now: number): void {
  if (madeAt > now + CLOCK_SKEW_SECONDS || expiresAt - madeAt > OPENING_SECONDS)
    throw new ProtocolError('out_of_range', '/opening', 'a time that a home may set')
  if (now >= expiresAt)
    throw new ProtocolError('out_of_range', '/opening', 'an opening that has not expired')
}

/**
 * Checks an opening offline.
 *
 * @param context `coordinatorKey` from a source one trusts; `now` in unix seconds
 */
export function verifyOpening(
  text: string,
  context: { coordinatorKey: VerifierKey; now: number; verify?: Verifier | undefined },
): OpeningVerdict {
  const { coordinatorKey, now, verify } = context
  const checks: string[] = []
  let step = 'the file is an opening'
  const done = (next: string): void => {
    checks.push(step)
    step = next
  }
  try {
    const file = parseFile(text)
    const note = parseNote(file.opening)
    const { origin, index, terms, opening } = parseText(note.text)
    done('it has not expired')
    checkTime(terms, now)
    checks.push(step)
    const evidence = verifyEvidence(JSON.stringify(file.evidence), coordinatorKey, verify)
    checks.push(...evidence.checks)
    const { proven } = evidence
    if (proven === null) return { checks, failure: evidence.failure, proven: null }
    step = 'it is signed by the home, and about the entry that is proven'
    if (origin !== proven.logKey.name || index !== proven.index)
      throw new ProtocolError('bad_proof', '/opening', 'the log and index of the evidence')
    if (note.signatures.length !== 1)
      throw new ProtocolError('malformed', '/opening', 'one signature')
    verifyNote(note, [proven.logKey], verify)
    done('the entry commits to the consent')
    const { entry, log } = proven
    if (entry.type !== 'publish')
      throw new ProtocolError('wrong_type', '/evidence/entry', 'a publish entry')
    if (!equalBytes(commitment(opening.salt, opening.consent), entry.consent))
      throw new ProtocolError('bad_commitment', '/opening', 'what the entry commits to')
    done('the consent held when the entry was written, under a notice of the terms')
    const consent = parseConsent(decodeCbor(opening.consent))
    checkConsentLive(consent, entry.time)
    checkNotice(consent, proven.terms.noticeVersions)
    checks.push(step)
    const { record } = entry
    return { checks, failure: null, proven: { ...terms, log, index, record, consent } }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { checks, failure: `${step}: ${error.message}`, proven: null }
  }
}
