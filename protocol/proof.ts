/**
 * Evidence that can be checked offline: a proof that an entry is in a log, and the policy that says
 * whose word counts.
 *
 * @see C2SP tlog-proof
 * @see C2SP tlog-policy
 */
import { fromBase64, toBase64, toHex, toUtf8 } from './bytes.ts'
import { type Checkpoint, parseCheckpoint, parseSize } from './checkpoint.ts'
import { parseCosignature } from './cosignature.ts'
import { at, invariant, ProtocolError } from './errors.ts'
import { type Hash, HASH_BYTES, sha256, type Verifier } from './keys.ts'
import { EVIDENCE_BYTES, PROOF_HASHES } from './limits.ts'
import { leafHash, verifyInclusion } from './merkle.ts'
import {
  formatVerifierKey,
  isSignedAs,
  KEY_TYPE_COSIGNATURE,
  KEY_TYPE_ED25519,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
  verifyNote,
} from './note.ts'

const HEADER = 'c2sp.org/tlog-proof@v1'

/** A proof that an entry is in a log; the entry itself is not in it. */
export interface LogProof {
  /** Opaque, not authenticated, not empty. */
  readonly extra?: Uint8Array
  /** 0-based. */
  readonly index: number
  /** From the leaf's sibling to the root's child, 32 bytes each, at most 63. */
  readonly hashes: readonly Uint8Array[]
  /** The signed note, verbatim. */
  readonly checkpoint: string
}

function malformed(expected: string): never {
  throw new ProtocolError('malformed', '', expected)
}

function checkSize(text: string): void {
  if (text.length > EVIDENCE_BYTES || toUtf8(text).length > EVIDENCE_BYTES)
    throw new ProtocolError('too_large', '', `at most ${EVIDENCE_BYTES} bytes`)
}

function checkHashes(hashes: readonly Uint8Array[]): void {
  if (hashes.length > PROOF_HASHES)
    throw new ProtocolError('bad_proof', '/hashes', `at most ${PROOF_HASHES} hashes`)
  if (hashes.some((hash) => hash.length !== HASH_BYTES))
    throw new ProtocolError('malformed', '/hashes', 'hashes of 32 bytes')
}

/**
 * The proof as text, for a file that ends in `.tlog-proof`.
 *
 * @throws ProtocolError where `parseLogProof` would refuse it
 */
export function formatLogProof(proof: LogProof): string {
  if (proof.extra?.length === 0) malformed('extra bytes, or none at all')
  const extra = proof.extra === undefined ? [] : [`extra ${toBase64(proof.extra)}`]
  checkHashes(proof.hashes)
  const hashes = proof.hashes.map(toBase64)
  const text = [HEADER, ...extra, `index ${proof.index}`, ...hashes, '', proof.checkpoint].join(
    '\n',
  )
  parseLogProof(text)
  return text
}

/**
 * Parses a proof; `verifyLogProof` says whether it holds.
 *
 * @throws ProtocolError `malformed`, `out_of_range`, `too_large`, or `bad_proof` for more than 63
 *   hashes
 */
export function parseLogProof(text: string): LogProof {
  checkSize(text)
  const blank = text.indexOf('\n\n')
  if (blank === -1) malformed('a proof, a blank line and a checkpoint')
  const [header, ...lines] = text.slice(0, blank).split('\n')
  if (header !== HEADER) malformed(`the first line ${HEADER}`)
  const extra = lines[0]?.startsWith('extra ') ? parseExtra(lines.shift() ?? '') : {}
  const indexLine = lines.shift() ?? ''
  if (!indexLine.startsWith('index ')) malformed('a line with the index')
  const index = at('/index', () => parseSize(indexLine.slice('index '.length)))
  const hashes = lines
    .slice(0, PROOF_HASHES + 1)
    .map((line) => at('/hashes', () => fromBase64(line)))
  checkHashes(hashes)
  const checkpoint = text.slice(blank + 2)
  at('/checkpoint', () => parseCheckpoint(parseNote(checkpoint).text))
  return { ...extra, index, hashes, checkpoint }
}

function parseExtra(line: string): { extra: Uint8Array } {
  const extra = at('/extra', () => fromBase64(line.slice('extra '.length)))
  if (extra.length === 0) malformed('extra bytes, or no such line')
  return { extra }
}

/** A log that a policy accepts. Its origin is the key's name. */
export interface PolicyLog {
  readonly key: VerifierKey
  readonly url?: string
}

/** A witness that a policy knows; the name is only the policy's. */
export interface PolicyWitness {
  readonly name: string
  readonly key: VerifierKey
  readonly url?: string
}

/** Witnesses and groups of which `threshold` count as the group. */
export interface PolicyGroup {
  readonly name: string
  readonly threshold: 'all' | 'any' | number
  readonly members: readonly string[]
}

/** Which logs and which cosignatures make a checkpoint acceptable. */
export interface Policy {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  /** A group refers only to groups before it. */
  readonly groups: readonly PolicyGroup[]
  /** The name of a witness or a group, or `none`. */
  readonly quorum: string
}

const NONE = 'none'

/**
 * The policy that asks for the cosignatures of all `witnesses`, as our evidence files have it.
 *
 * @param witnesses named in the policy as their keys are
 */
export function unanimousPolicy(
  logs: readonly VerifierKey[],
  witnesses: readonly VerifierKey[],
): Policy {
  const named = witnesses.map((key) => ({ name: key.name, key }))
  // A + cannot be in a key name, so that nothing but this group can be called so.
  const group = {
    name: '+members',
    threshold: 'all',
    members: named.map(({ name }) => name),
  } as const
  return {
    logs: logs.map((key) => ({ key })),
    witnesses: named,
    groups: named.length === 0 ? [] : [group],
    quorum: named.length === 0 ? NONE : group.name,
  }
}

/**
 * The policy as text.
 *
 * @throws ProtocolError where `parsePolicy` would refuse it or read anything else
 */
export function formatPolicy(policy: Policy): string {
  const lines = [
    ...policy.logs.map(({ key, url }) => ['log', formatVerifierKey(key), ...optional(url)]),
    ...policy.witnesses.map(({ name, key, url }) => [
      'witness',
      name,
      formatVerifierKey(key),
      ...optional(url),
    ]),
    ...policy.groups.map(({ name, threshold, members }) => [
      'group',
      name,
      String(threshold),
      ...members,
    ]),
    ['quorum', policy.quorum],
  ]
  if (lines.flat().some((item) => !/^[^ \p{Cc}\p{Cs}]+$/u.test(item)))
    malformed('names and addresses without spaces')
  const text = lines.map((line) => `${line.join(' ')}\n`).join('')
  parsePolicy(text)
  return text
}

function optional(url: string | undefined): string[] {
  return url === undefined ? [] : [url]
}

/** A policy while its lines are read. */
interface Draft {
  readonly logs: PolicyLog[]
  readonly witnesses: PolicyWitness[]
  readonly groups: PolicyGroup[]
  quorum: string | undefined
  /** Names of witnesses and groups so far. */
  readonly names: Set<string>
  /** Names that are a group's member already: each one counts once. */
  readonly used: Set<string>
  /** Public keys, since one key under two names would count twice. */
  readonly logKeys: Set<string>
  readonly witnessKeys: Set<string>
}

/**
 * Parses a policy.
 *
 * @throws ProtocolError `malformed`, `wrong_type` or `too_large`
 */
export function parsePolicy(text: string): Policy {
  checkSize(text)
  if (!text.isWellFormed() || /[^\P{Cc}\t\n\u0080-\u009f]/u.test(text))
    malformed('no control characters but tab and line feed')
  if (!text.endsWith('\n')) malformed('lines that end with a line feed')
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: [],
    quorum: undefined,
    names: new Set(),
    used: new Set(),
    logKeys: new Set(),
    witnessKeys: new Set(),
  }
  for (const line of text.split('\n')) {
    const items = line.split(/[ \t]+/).filter((item) => item !== '')
    if (items.length > 0 && !items[0]?.startsWith('#')) addLine(draft, items)
  }
  const { logs, witnesses, groups, quorum } = draft
  if (quorum === undefined) malformed('a line with the quorum')
  return { logs, witnesses, groups, quorum }
}

function addLine(draft: Draft, [keyword = '', ...items]: string[]): void {
  switch (keyword) {
    case 'log':
      return addLog(draft, items)
    case 'witness':
      return addWitness(draft, items)
    case 'group':
      return addGroup(draft, items)
    case 'quorum':
      return setQuorum(draft, items)
    default:
      malformed('lines that begin with log, witness, group or quorum')
  }
}

function parseKey(vkey: string, type: number, seen: Set<string>): VerifierKey {
  const key = parseVerifierKey(vkey)
  if (key.type !== type) throw new ProtocolError('wrong_type', '', 'a key of the type for its role')
  if (seen.has(toHex(key.publicKey))) malformed('each public key once')
  seen.add(toHex(key.publicKey))
  return key
}

function addLog(draft: Draft, [vkey = '', url, ...rest]: string[]): void {
  if (rest.length > 0) malformed('log, a key and at most one address')
  const key = parseKey(vkey, KEY_TYPE_ED25519, draft.logKeys)
  draft.logs.push(url === undefined ? { key } : { key, url })
}

function addWitness(draft: Draft, [name = '', vkey = '', url, ...rest]: string[]): void {
  if (rest.length > 0) malformed('witness, a name, a key and at most one address')
  const key = parseKey(vkey, KEY_TYPE_COSIGNATURE, draft.witnessKeys)
  defineName(draft, name)
  draft.witnesses.push(url === undefined ? { name, key } : { name, key, url })
}

function defineName(draft: Draft, name: string): void {
  if (name === '' || name === NONE || draft.names.has(name))
    malformed('each name once, and not none')
  draft.names.add(name)
}

function addGroup(draft: Draft, [name = '', threshold = '', ...members]: string[]): void {
  for (const member of members) {
    if (!draft.names.has(member)) malformed('members defined on lines before')
    if (draft.used.has(member)) malformed('each name in one group at most')
    draft.used.add(member)
  }
  if (members.length === 0) malformed('a group with members')
  defineName(draft, name)
  draft.groups.push({ name, threshold: parseThreshold(threshold, members.length), members })
}

function parseThreshold(text: string, count: number): PolicyGroup['threshold'] {
  if (text === 'all' || text === 'any') return text
  const threshold = /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : 0
  if (threshold < 1 || threshold > count) malformed('all, any or a number of members')
  return threshold
}

function setQuorum(draft: Draft, [name = '', ...rest]: string[]): void {
  if (draft.quorum !== undefined || rest.length > 0) malformed('one quorum of one name')
  if (name !== NONE && !draft.names.has(name)) malformed('a quorum defined on a line before')
  draft.quorum = name
}

/** What a policy says about a checkpoint that one of its logs signed. */
export interface Verdict {
  /** Whether the cosignatures make the quorum. */
  readonly satisfied: boolean
  readonly log: VerifierKey
  readonly checkpoint: Checkpoint
  /** Witnesses by their names in the policy, with the newest time (unix seconds) of each. */
  readonly cosigned: readonly { readonly name: string; readonly time: number }[]
}

/**
 * Holds a signed checkpoint against a policy.
 *
 * @throws ProtocolError `unknown_origin` where no log of the policy has this origin,
 *   `bad_signature` where its signature is missing or a known key's is bad, `malformed`,
 *   `out_of_range` or `too_large`
 */
export function satisfiesPolicy(noteText: string, policy: Policy, verify?: Verifier): Verdict {
  const note = parseNote(noteText)
  const checkpoint = parseCheckpoint(note.text)
  const logs = policy.logs.map(({ key }) => key).filter(({ name }) => name === checkpoint.origin)
  if (logs.length === 0)
    throw new ProtocolError('unknown_origin', '/origin', 'the origin of a log in the policy')
  const [log] = verifyNote(note, logs, verify)
  invariant(log !== undefined, 'a note was verified by no key')
  const cosigned = policy.witnesses.flatMap(({ name, key }) => {
    const signatures = note.signatures.filter((signature) => isSignedAs(signature, key))
    if (signatures.length === 0) return []
    verifyNote({ text: note.text, signatures }, [key], verify)
    return [{ name, time: Math.max(...signatures.map((line) => parseCosignature(line).time)) }]
  })
  const names = cosigned.map(({ name }) => name)
  return { satisfied: isQuorum(policy, names), log, checkpoint, cosigned }
}

/** Groups refer only to those before them, so that one pass in order decides all. */
function isQuorum({ groups, quorum }: Policy, cosigned: readonly string[]): boolean {
  const reached = new Set([NONE, ...cosigned])
  for (const { name, threshold, members } of groups) {
    const needed = threshold === 'all' ? members.length : threshold === 'any' ? 1 : threshold
    if (members.filter((member) => reached.has(member)).length >= needed) reached.add(name)
  }
  return reached.has(quorum)
}

/**
 * Checks offline that `entry` is in a log of the policy, under a checkpoint with its quorum.
 *
 * @returns the checkpoint, the log and the witnesses that make it so
 * @throws ProtocolError `bad_proof` where the entry is not at the index, `bad_signature` where
 *   signatures are missing or bad, and what `satisfiesPolicy` throws
 */
export function verifyLogProof(
  claim: { entry: Uint8Array; proof: LogProof; policy: Policy; verify?: Verifier | undefined },
  hash: Hash = sha256,
): Verdict {
  const { entry, proof, policy, verify } = claim
  const verdict = satisfiesPolicy(proof.checkpoint, policy, verify)
  if (!verdict.satisfied)
    throw new ProtocolError('bad_signature', '/checkpoint', "cosignatures of the policy's quorum")
  const { size, root } = verdict.checkpoint
  verifyInclusion(
    { leafHash: leafHash(entry, hash), index: proof.index, size, proof: proof.hashes, root },
    hash,
  )
  return verdict
}
