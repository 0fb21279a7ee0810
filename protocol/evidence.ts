/**
 * Evidence files: that an entry stands in a log, and who has cosigned a checkpoint above it. One
 * file holds all that is needed to check it offline with nothing but the coordinator's verifier key.
 */
import { z } from 'zod'
import { equalBytes, fromBase64, toBase64 } from './bytes.ts'
import { openCheckpoint } from './checkpoint.ts'
import { findCosignature, parseCosignature, verifyCosignature } from './cosignature.ts'
import { decodeEntry, type Entry, type Terms } from './entry.ts'
import { invariant, ProtocolError } from './errors.ts'
import { parseSiteId, type SiteId } from './ids.ts'
import type { Verifier } from './keys.ts'
import { LOG_SIZE } from './limits.ts'
import { appendLeaves, EMPTY_RANGE, leafHash, rootOf } from './merkle.ts'
import { isSignedAs, parseNote, type Note, type NoteSignature, type VerifierKey } from './note.ts'
import {
  formatPolicy,
  parseLogProof,
  satisfiesPolicy,
  unanimousPolicy,
  verifyLogProof,
  type Policy,
} from './proof.ts'
import {
  emptyRegistry,
  foldRegistry,
  logKeyAt,
  memberOf,
  siteOfOrigin,
  wasAdmitted,
  witnessName,
  witnessKeysOf,
  type Member,
  type Registry,
} from './registry.ts'
import { parseWith } from './schema.ts'

export const EVIDENCE_FORMAT = 'dpn-evidence/1'

/** An evidence file; byte strings are base64 (RFC 4648 §4). */
export interface Evidence {
  format: typeof EVIDENCE_FORMAT
  /** The entry that is proven. */
  entry: string
  /** C2SP tlog-proof with the checkpoint and its cosignatures. */
  proof: string
  /** C2SP tlog-policy: the log, and all members who had to cosign. */
  policy: string
  registry: RegistryExtract
}
/** The coordinator's whole log up to a signed checkpoint: who was a member, with which keys. */
export interface RegistryExtract {
  checkpoint: string
  /** Base64 (RFC 4648 §4). */
  entries: string[]
}

const MEGABYTE_CHARS = 1024 * 1024
/** The schema of {@link RegistryExtract}. */
export const registrySchema = z.strictObject({
  checkpoint: z.string().max(MEGABYTE_CHARS),
  entries: z.array(z.string().max(8 * 1024)).max(1_000_000),
})
const evidenceSchema = z.strictObject({
  format: z.literal(EVIDENCE_FORMAT),
  entry: z.string().max(8 * 1024),
  proof: z.string().max(MEGABYTE_CHARS),
  policy: z.string().max(MEGABYTE_CHARS),
  registry: registrySchema,
})

/**
 * The members that must have cosigned a checkpoint which the coordinator cosigned at `time`: all
 * that were admitted by then and have not been expelled since, and the coordinator. It is the
 * coordinator's time and not the entry's: a site could date an entry back to when it was alone. Who
 * had left by then, its admission over, had nothing to get; who is expelled can no longer be made
 * to sign, and what it held of others is ended by the same act.
 */
export function requiredCosigners(registry: Registry, time: number): Member[] {
  const sites = [...registry.members.values()].filter(
    (member) => member.status !== 'expelled' && wasAdmitted(member, time),
  )
  return registry.coordinator === null ? sites : [registry.coordinator, ...sites]
}

/** The coordinator's cosignature on a note, and the key of it. */
function coordinatorCosignature(
  registry: Registry,
  note: Note,
): { key: VerifierKey; signature: NoteSignature } | null {
  if (registry.coordinator === null) return null
  for (const key of witnessKeysOf(registry.network, registry.coordinator)) {
    const signature = findCosignature(note, key)
    if (signature !== undefined) return { key, signature }
  }
  return null
}

/**
 * The policy that a checkpoint must satisfy to prove that all members have applied what is below it.
 *
 * @throws ProtocolError `bad_signature` where the coordinator has not cosigned it (the signature
 *   itself is verified with the policy), `not_admitted`
 */
export function requiredPolicy(
  registry: Registry,
  log: { site: SiteId; size: number },
  checkpointNote: string,
): Policy {
  const member = memberOf(registry, log.site)
  if (member === undefined) throw new ProtocolError('not_admitted', '/log', 'an admitted site')
  const note = parseNote(checkpointNote)
  const witnessed = coordinatorCosignature(registry, note)
  if (witnessed === null)
    throw new ProtocolError('bad_signature', '/proof', "the coordinator's cosignature")
  const { time } = parseCosignature(witnessed.signature)
  const witnesses = requiredCosigners(registry, time).map((cosigner): VerifierKey => {
    const keys = witnessKeysOf(registry.network, cosigner)
    const used = keys.findLast((key) => note.signatures.some((line) => isSignedAs(line, key)))
    const key = used ?? keys.at(-1)
    invariant(key !== undefined, 'a member has no key')
    return key
  })
  return unanimousPolicy([logKeyAt(registry.network, member, log.size)], witnesses)
}

/** What a check of an evidence file found, line by line; `failure` is the first that did not hold. */
export interface EvidenceVerdict {
  checks: string[]
  failure: string | null
  /** What is proven, where everything held. */
  proven: {
    entry: Entry
    log: SiteId
    index: number
    cosigned: { name: string; time: number }[]
    /** The key by which the log's site signs now. */
    logKey: VerifierKey
    /** As in force at the end of the registry in the file. */
    terms: Terms
  } | null
}

function parseEvidence(text: string): Evidence {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new ProtocolError('malformed', '', 'JSON')
  }
  return parseWith(evidenceSchema, json)
}

/**
 * Checks that a registry is the coordinator's own: its first key is the trusted one, and the entries
 * folded into it are those of a checkpoint signed by the key for its size.
 *
 * @param root of the tree of the `registry.size` entries
 * @throws ProtocolError `not_admitted`, `bad_proof`, or what `openCheckpoint` throws
 */
export function checkRegistryHead(
  registry: Registry,
  root: Uint8Array,
  checkpointNote: string,
  trust: { coordinatorKey: VerifierKey; verify: Verifier | undefined },
): void {
  const { coordinatorKey, verify } = trust
  const { coordinator, size } = registry
  if (
    coordinator === null ||
    !equalBytes(coordinator.keys[0]?.logKey ?? new Uint8Array(0), coordinatorKey.publicKey)
  )
    throw new ProtocolError(
      'not_admitted',
      '/registry',
      "a log that begins with the coordinator's key",
    )
  const key = logKeyAt(registry.network, coordinator, size)
  const { checkpoint } = openCheckpoint(checkpointNote, key, verify)
  if (checkpoint.size !== size || !equalBytes(checkpoint.root, root))
    throw new ProtocolError('bad_proof', '/registry', 'all entries that the checkpoint covers')
}

/**
 * Folds a registry that the coordinator has signed.
 *
 * @param coordinatorKey from a source one trusts
 * @throws ProtocolError `not_admitted`, `bad_signature`, `bad_proof`, `malformed`
 */
export function openRegistry(
  extract: RegistryExtract,
  coordinatorKey: VerifierKey,
  verify?: Verifier,
): Registry {
  const entries = extract.entries.map((entry) => fromBase64(entry))
  let registry = emptyRegistry(parseSiteId(coordinatorKey.name))
  for (const entry of entries) registry = foldRegistry(registry, decodeEntry(entry))
  const leaves = entries.map((entry) => leafHash(entry))
  const root = rootOf(appendLeaves(EMPTY_RANGE, leaves))
  checkRegistryHead(registry, root, extract.checkpoint, { coordinatorKey, verify })
  return registry
}

/**
 * When the coordinator last vouched for its log at this size: an older registry, signed as it is,
 * may lack members who have to cosign.
 *
 * @param checkpointNote with the coordinator's log signature and its heartbeat, and nothing else
 * @returns unix seconds of the heartbeat
 * @throws ProtocolError `bad_signature` where the heartbeat is missing or bad, `malformed`
 */
export function registryTime(
  registry: Registry,
  checkpointNote: string,
  verify?: Verifier,
): number {
  const note = parseNote(checkpointNote)
  const heartbeat = coordinatorCosignature(registry, note)
  if (heartbeat === null)
    throw new ProtocolError('bad_signature', '/registry/checkpoint', "the coordinator's heartbeat")
  if (note.signatures.length !== 2)
    throw new ProtocolError('malformed', '/registry/checkpoint', 'two signatures and no more')
  return verifyCosignature({ checkpointText: note.text, ...heartbeat, verify })
}

/**
 * Checks an evidence file offline.
 *
 * @param coordinatorKey the verifier key of the network's coordinator, from a source one trusts
 */
export function verifyEvidence(
  text: string,
  coordinatorKey: VerifierKey,
  verify?: Verifier,
): EvidenceVerdict {
  const checks: string[] = []
  let step = 'the file is an evidence file'
  const done = (next: string): void => {
    checks.push(step)
    step = next
  }
  try {
    const evidence = parseEvidence(text)
    done(`the registry is signed by the coordinator of ${coordinatorKey.name}`)
    const registry = openRegistry(evidence.registry, coordinatorKey, verify)
    done('the entry is a well-formed log entry')
    const bytes = fromBase64(evidence.entry)
    const entry = decodeEntry(bytes)
    done('the checkpoint is of the log of a member')
    const proof = parseLogProof(evidence.proof)
    const [origin = ''] = proof.checkpoint.split('\n', 1)
    const site = siteOfOrigin(registry, origin)
    const size = Number(proof.checkpoint.split('\n', 2)[1])
    done('the policy in the file names exactly the members who had to cosign')
    const policy = requiredPolicy(registry, { site, size }, proof.checkpoint)
    if (formatPolicy(policy) !== evidence.policy)
      throw new ProtocolError('malformed', '/policy', 'the policy that follows from the registry')
    done(`the checkpoint is signed by ${site}`)
    const verdict = satisfiesPolicy(proof.checkpoint, { ...policy, quorum: 'none' }, verify)
    done(`entry ${proof.index} is in the log of ${site} at size ${verdict.checkpoint.size}`)
    verifyLogProof({ entry: bytes, proof, policy: { ...policy, quorum: 'none' }, verify })
    for (const { name, key } of policy.witnesses) {
      done(`receipt by ${name}`)
      if (!verdict.cosigned.some((cosigner) => cosigner.name === name))
        throw new ProtocolError('bad_signature', '/proof', `a cosignature by ${key.name}`)
    }
    done('the registry is not older than the receipt of the coordinator')
    const coordinatorName = witnessName(registry.network, registry.network)
    const witnessed = verdict.cosigned.find(({ name }) => name === coordinatorName)
    if (
      registryTime(registry, evidence.registry.checkpoint, verify) < (witnessed?.time ?? Infinity)
    )
      throw new ProtocolError('bad_proof', '/registry', 'a later heartbeat of the coordinator')
    checks.push(step)
    const member = memberOf(registry, site)
    invariant(member !== undefined, 'a proven log is of nobody')
    const proven = {
      entry,
      log: site,
      index: proof.index,
      cosigned: [...verdict.cosigned],
      logKey: logKeyAt(registry.network, member, LOG_SIZE),
      terms: registry.terms,
    }
    return { checks, failure: null, proven }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { checks, failure: `${step}: ${error.message}`, proven: null }
  }
}

/** The coordinator's log as files carry it. */
export function registryExtract(
  checkpoint: string,
  entries: readonly Uint8Array[],
): RegistryExtract {
  return { checkpoint, entries: entries.map((entry) => toBase64(entry)) }
}

/** Assembles an evidence file as text. */
export function formatEvidence(parts: {
  entry: Uint8Array
  proof: string
  policy: Policy
  registry: { checkpoint: string; entries: readonly Uint8Array[] }
}): string {
  const evidence: Evidence = {
    format: EVIDENCE_FORMAT,
    entry: toBase64(parts.entry),
    proof: parts.proof,
    policy: formatPolicy(parts.policy),
    registry: registryExtract(parts.registry.checkpoint, parts.registry.entries),
  }
  return `${JSON.stringify(evidence, null, 2)}\n`
}
