/**
 * Files that bear out a finding of the audit, checked offline with the coordinator's key alone. Two
 * histories, and a log that went back, are proven by the site's own signatures. That a receipt or a
 * heartbeat is missing nobody can prove: there the file shows what was due, from whom and when, and
 * that the coordinator has stated under its signature that it received none. So too where a consent
 * that a draw has asked for was not opened, or not in order.
 */
import { z } from 'zod'
import { concatBytes, equalBytes, fromBase64 } from './bytes.ts'
import { openCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { findCosignature, verifyCosignature } from './cosignature.ts'
import { isoTimeOf } from './dates.ts'
import { decodeEntry, type Entry } from './entry.ts'
import { invariant, ProtocolError } from './errors.ts'
import { openRegistry, registrySchema, registryTime, type RegistryExtract } from './evidence.ts'
import type { SiteId } from './ids.ts'
import type { Verifier } from './keys.ts'
import { LOG_SIZE } from './limits.ts'
import { appendLeaves, decodeRange, rootOf, verifyConsistency } from './merkle.ts'
import { isSignedAs, parseNote, type Note, type VerifierKey } from './note.ts'
import { parseLogProof, verifyLogProof } from './proof.ts'
import {
  logKeyAt,
  memberOf,
  siteOfOrigin,
  termsAt,
  wasAdmitted,
  witnessKeysOf,
  type Member,
  type Registry,
} from './registry.ts'
import { parseWith } from './schema.ts'
import { openStatement, type Statement } from './statement.ts'

export const FINDING_FORMAT = 'dpn-finding/1'

/**
 * How a history goes on from the size of the shorter checkpoint to the longer one: the roots of its
 * perfect subtrees at that size, leaf hashes after it, and the consistency proof from there.
 */
export interface Branch {
  range: string[]
  leaves: string[]
  proof: string[]
}
/** What a file shows; byte strings are base64 (RFC 4648 §4), notes are as they were signed. */
export type Claim =
  | { kind: 'fork'; notes: [string, string]; branch: Branch | null }
  | { kind: 'rolled-back'; notes: [string, string] }
  | { kind: 'no-receipt'; statement: string; entry: string; proof: string }
  | { kind: 'no-heartbeat'; statement: string; note: string }
  | { kind: 'no-opening'; statement: string; entry: string; proof: string }
export interface FindingFile {
  format: typeof FINDING_FORMAT
  claim: Claim
  registry: RegistryExtract
}

const noteText = z.string().max(1024 * 1024)
const hashText = z.string().max(44)
const fileSchema = z.strictObject({
  format: z.literal(FINDING_FORMAT),
  claim: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('fork'),
      notes: z.tuple([noteText, noteText]),
      branch: z
        .strictObject({
          range: z.array(hashText).max(64),
          leaves: z.array(hashText).max(65_536),
          proof: z.array(hashText).max(63),
        })
        .nullable(),
    }),
    z.strictObject({ kind: z.literal('rolled-back'), notes: z.tuple([noteText, noteText]) }),
    z.strictObject({
      kind: z.literal('no-receipt'),
      statement: noteText,
      entry: z.string().max(8 * 1024),
      proof: noteText,
    }),
    z.strictObject({ kind: z.literal('no-heartbeat'), statement: noteText, note: noteText }),
    z.strictObject({
      kind: z.literal('no-opening'),
      statement: noteText,
      entry: z.string().max(8 * 1024),
      proof: noteText,
    }),
  ]),
  registry: registrySchema,
})

/** What a check found, line by line; `failure` is the first that did not hold. */
export interface FindingVerdict {
  checks: string[]
  failure: string | null
  /** What is shown, in words, where everything held. */
  shown: { kind: Claim['kind']; site: SiteId; words: string[] } | null
}

interface Check {
  registry: Registry
  /** The coordinator's log, base64. */
  entries: readonly string[]
  coordinator: Member
  verify: Verifier | undefined
  /** Ends the step before and begins the next. */
  step: (text: string) => void
}
type Shown = NonNullable<FindingVerdict['shown']>

interface Opened {
  site: SiteId
  member: Member
  checkpoint: Checkpoint
  note: Note
}

/** Opens a checkpoint of any member's log, by the key that the registry binds to its size. */
function open({ registry, verify }: Check, text: string): Opened {
  const { origin, size } = parseCheckpoint(parseNote(text).text)
  const site = siteOfOrigin(registry, origin)
  const member = memberOf(registry, site)
  if (member === undefined) throw new ProtocolError('not_admitted', '/notes', 'a log of a member')
  const key = logKeyAt(registry.network, member, size)
  return { site, member, ...openCheckpoint(text, key, verify) }
}

/** The time of a member's cosignature on a note. @throws ProtocolError `bad_signature` */
function cosignedAt({ registry, verify }: Check, member: Member, note: Note): number {
  for (const key of witnessKeysOf(registry.network, member)) {
    const signature = findCosignature(note, key)
    if (signature !== undefined)
      return verifyCosignature({ checkpointText: note.text, signature, key, verify })
  }
  throw new ProtocolError('bad_signature', '/notes', `a cosignature by ${member.site}`)
}

const hashes = (texts: readonly string[]): Uint8Array[] => texts.map((text) => fromBase64(text))

/** Checks that the longer history had another root at the size of the shorter checkpoint. */
function checkBranch(branch: Branch | null, shorter: Checkpoint, longer: Checkpoint): void {
  if (branch === null) throw new ProtocolError('bad_proof', '/branch', 'how the longer one goes on')
  const range = decodeRange(concatBytes(...hashes(branch.range)), shorter.size)
  if (equalBytes(rootOf(range), shorter.root))
    throw new ProtocolError('bad_proof', '/branch', 'another root than that of the shorter one')
  const grown = appendLeaves(range, hashes(branch.leaves))
  verifyConsistency({
    oldSize: grown.size,
    newSize: longer.size,
    proof: hashes(branch.proof),
    oldRoot: rootOf(grown),
    newRoot: longer.root,
  })
}

function checkFork(check: Check, claim: Claim & { kind: 'fork' }): Shown {
  check.step('both checkpoints are signed by the site of the log')
  const [one, other] = claim.notes.map((text) => open(check, text))
  invariant(one !== undefined && other !== undefined, 'a fork has two notes')
  if (one.checkpoint.origin !== other.checkpoint.origin)
    throw new ProtocolError('unknown_origin', '/notes', 'two checkpoints of one log')
  const isFirstShorter = one.checkpoint.size <= other.checkpoint.size
  const [shorter, longer] = isFirstShorter ? [one, other] : [other, one]
  const { size } = shorter.checkpoint
  check.step(`they cannot both be true: they differ at size ${size}`)
  if (size < longer.checkpoint.size)
    checkBranch(claim.branch, shorter.checkpoint, longer.checkpoint)
  else if (equalBytes(shorter.checkpoint.root, longer.checkpoint.root))
    throw new ProtocolError('bad_proof', '/notes', 'two roots')
  const words = [`${one.site} has signed two histories of its log, which differ at size ${size}`]
  return { kind: claim.kind, site: one.site, words }
}

function checkRollback(check: Check, claim: Claim & { kind: 'rolled-back' }): Shown {
  check.step('both checkpoints are signed by the site of the log, with a heartbeat')
  const [before, after] = claim.notes.map((text) => {
    const opened = open(check, text)
    return { ...opened, time: cosignedAt(check, opened.member, opened.note) }
  })
  invariant(before !== undefined && after !== undefined, 'a rollback has two notes')
  if (before.checkpoint.origin !== after.checkpoint.origin)
    throw new ProtocolError('unknown_origin', '/notes', 'two checkpoints of one log')
  check.step('the later heartbeat is on the smaller size')
  const [larger, smaller] = [before.checkpoint.size, after.checkpoint.size]
  if (after.time <= before.time || smaller >= larger)
    throw new ProtocolError('bad_proof', '/notes', 'a later heartbeat on a smaller size')
  const words = [
    `${before.site} signed size ${larger} of its log at ${isoTimeOf(before.time)}, and then`,
    `only size ${smaller} at ${isoTimeOf(after.time)}`,
  ]
  return { kind: claim.kind, site: before.site, words }
}

function openedStatement<Kind extends Statement['kind']>(
  { registry, coordinator, verify, step }: Check,
  text: string,
  kind: Kind,
): Statement & { kind: Kind } {
  step('the statement is signed by the coordinator')
  const key = logKeyAt(registry.network, coordinator, LOG_SIZE)
  const statement = openStatement(text, key, verify)
  const isOfKind = (one: Statement): one is Statement & { kind: Kind } => one.kind === kind
  if (!isOfKind(statement)) throw new ProtocolError('malformed', '/statement', kind)
  return statement
}

/** Checks that a statement's deadline is not before what the terms allow, and that it has passed. */
function checkTimes({ step }: Check, { since, due, until }: Statement, seconds: number): void {
  step(`it was due ${seconds} seconds after ${isoTimeOf(since)}, by the terms of that time`)
  if (due < since + seconds)
    throw new ProtocolError('out_of_range', '/statement/due', 'no deadline before the terms allow')
  if (until.time < due)
    throw new ProtocolError('out_of_range', '/statement/until', 'a time after the deadline')
}

function wordsOf(what: string, { from, due, until }: Statement): string[] {
  const end = isoTimeOf(until.time)
  return [
    `the coordinator states: due by ${isoTimeOf(due)}, no ${what} received from ${from} by`,
    until.state === 'received' ? `${end}; ${what} received at ${end}` : `${end}, still awaited`,
  ]
}

/** An entry whose place in the log of a member is proven. */
function provenEntry(
  check: Check,
  claim: { entry: string; proof: string },
): Opened & { entry: Entry; index: number } {
  const { registry, verify, step } = check
  step('the entry is a well-formed log entry')
  const bytes = fromBase64(claim.entry)
  const entry = decodeEntry(bytes)
  step('the checkpoint is signed by the site of the log')
  const proof = parseLogProof(claim.proof)
  const opened = open(check, proof.checkpoint)
  const { site, member, checkpoint } = opened
  step(`entry ${proof.index} is in the log of ${site} at size ${checkpoint.size}`)
  const key = logKeyAt(registry.network, member, checkpoint.size)
  const policy = { logs: [{ key }], witnesses: [], groups: [], quorum: 'none' }
  verifyLogProof({ entry: bytes, proof, policy, verify })
  return { ...opened, entry, index: proof.index }
}

function checkNoReceipt(check: Check, claim: Claim & { kind: 'no-receipt' }): Shown {
  const { registry, coordinator, step } = check
  const { entry, index, site, checkpoint, note } = provenEntry(check, claim)
  const statement = openedStatement(check, claim.statement, 'no receipt received')
  step('it is about this entry, since the coordinator cosigned it')
  if (statement.log !== checkpoint.origin || statement.index !== index)
    throw new ProtocolError('bad_proof', '/statement', 'a statement about this entry')
  if (cosignedAt(check, coordinator, note) !== statement.since)
    throw new ProtocolError('bad_proof', '/statement/since', "the coordinator's cosignature")
  step(`${statement.from} was a member at that time, and has not cosigned this checkpoint`)
  const absent = memberOf(registry, statement.from)
  const { since, due } = statement
  // Who joined later had to catch up with what was there.
  if (absent === undefined || !(wasAdmitted(absent, since) || wasAdmitted(absent, due)))
    throw new ProtocolError('not_admitted', '/statement/from', 'a member at that time')
  const keys = witnessKeysOf(registry.network, absent)
  const hasSigned = note.signatures.some((line) => keys.some((one) => isSignedAs(line, one)))
  if (hasSigned) throw new ProtocolError('bad_proof', '/proof', 'no cosignature by that member')
  const terms = termsAt(registry, since)
  const isEnd = entry.type === 'withdraw' || entry.type === 'order' || entry.type === 'expel'
  const seconds = isEnd
    ? Math.min(terms.erasureDeadlineSeconds, terms.eraseAfterSeconds)
    : terms.eraseAfterSeconds
  checkTimes(check, statement, seconds)
  const words = [`${entry.type}, entry ${index} of the log of ${site};`]
  return {
    kind: claim.kind,
    site: statement.from,
    words: [...words, ...wordsOf('receipt', statement)],
  }
}

function checkNoHeartbeat(check: Check, claim: Claim & { kind: 'no-heartbeat' }): Shown {
  const { registry, step } = check
  const statement = openedStatement(check, claim.statement, 'no heartbeat received')
  step('the last heartbeat is signed by the site')
  const { site, member, note } = open(check, claim.note)
  if (site !== statement.from || cosignedAt(check, member, note) !== statement.since)
    throw new ProtocolError('bad_proof', '/note', 'the heartbeat that the statement names')
  checkTimes(check, statement, termsAt(registry, statement.since).hideAfterSeconds)
  return { kind: claim.kind, site, words: wordsOf('heartbeat', statement) }
}

function checkNoOpening(check: Check, claim: Claim & { kind: 'no-opening' }): Shown {
  const { registry, entries, step } = check
  const { entry, index, site, checkpoint } = provenEntry(check, claim)
  if (entry.type !== 'publish') throw new ProtocolError('bad_proof', '/entry', 'a publish entry')
  const statement = openedStatement(check, claim.statement, 'no opening accepted')
  const { from, draw, since } = statement
  step('it is about this entry, and its own site was to open it')
  if (statement.log !== checkpoint.origin || statement.index !== index || from !== site)
    throw new ProtocolError('bad_proof', '/statement', 'a statement about this entry')
  step(`entry ${draw} of the coordinator's log is a draw of that time`)
  const bytes = entries[draw]
  const drawn = bytes === undefined ? null : decodeEntry(fromBase64(bytes))
  if (drawn?.type !== 'draw' || drawn.time !== since)
    throw new ProtocolError('bad_proof', '/statement/draw', 'a draw of that time')
  checkTimes(check, statement, termsAt(registry, since).auditAnswerSeconds)
  const words = [
    `publish, entry ${index} of the log of ${site}, drawn by entry ${draw} of the coordinator's log;`,
    `the coordinator states: until ${isoTimeOf(statement.until.time)} it was not shown a consent that this`,
    `entry commits to and that is in order; due by ${isoTimeOf(statement.due)}`,
  ]
  return { kind: claim.kind, site, words }
}

function checkClaim(check: Check, claim: Claim): Shown {
  switch (claim.kind) {
    case 'fork':
      return checkFork(check, claim)
    case 'rolled-back':
      return checkRollback(check, claim)
    case 'no-receipt':
      return checkNoReceipt(check, claim)
    case 'no-opening':
      return checkNoOpening(check, claim)
    default:
      return checkNoHeartbeat(check, claim)
  }
}

function parseFile(text: string): FindingFile {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new ProtocolError('malformed', '', 'JSON')
  }
  return parseWith(fileSchema, json)
}

/** Whether a text claims to be such a file; `verifyFindingFile` says whether it is one. */
export function isFindingFile(text: string): boolean {
  return /^\s*\{\s*"format"\s*:\s*"dpn-finding\//.test(text)
}

/**
 * Checks a file offline.
 *
 * @param coordinatorKey the verifier key of the network's coordinator, from a source one trusts
 */
export function verifyFindingFile(
  text: string,
  coordinatorKey: VerifierKey,
  verify?: Verifier,
): FindingVerdict {
  const checks: string[] = []
  let current = 'the file is one of a finding'
  const step = (next: string): void => {
    checks.push(current)
    current = next
  }
  try {
    const { claim, registry: extract } = parseFile(text)
    step(`the registry is signed by the coordinator of ${coordinatorKey.name}`)
    const registry = openRegistry(extract, coordinatorKey, verify)
    const { coordinator } = registry
    invariant(coordinator !== null, 'an opened registry has a coordinator')
    registryTime(registry, extract.checkpoint, verify)
    const shown = checkClaim(
      { registry, entries: extract.entries, coordinator, verify, step },
      claim,
    )
    checks.push(current)
    return { checks, failure: null, shown }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { checks, failure: `${current}: ${error.message}`, shown: null }
  }
}

/** A file as text. */
export function formatFindingFile(file: Omit<FindingFile, 'format'>): string {
  return `${JSON.stringify({ format: FINDING_FORMAT, ...file }, null, 2)}\n`
}
