/**
 * Evidence files: that an entry stands in a log, and who has cosigned a checkpoint above it. One
 * file holds all that is needed to check it offline with nothing but the coordinator's verifier key.
 */
import { z } from 'zod'
import { equalBytes, fromBase64, toBase64 } from './bytes.ts'
import { openCheckpoint } from './checkpoint.ts'
import { decodeEntry, type Entry } from './entry.ts'
import { invariant, ProtocolError } from './errors.ts'
import { parseSiteId, type SiteId } from './ids.ts'
import type { Verifier } from './keys.ts'
import { appendLeaves, EMPTY_RANGE, leafHash, rootOf } from './merkle.ts'
import { isSignedAs, parseNote, type VerifierKey } from './note.ts'
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
  /** The coordinator's whole log up to a signed checkpoint: who was a member, with which keys. */
  registry: { checkpoint: string; entries: string[] }
}

const MEGABYTE_CHARS = 1024 * 1024
const evidenceSchema = z.strictObject({
  format: z.literal(EVIDENCE_FORMAT),
  entry: z.string().max(8 * 1024),
  proof: z.string().max(MEGABYTE_CHARS),
  policy: z.string().max(MEGABYTE_CHARS),
  registry: z.strictObject({
    checkpoint: z.string().max(MEGABYTE_CHARS),
    entries: z.array(z.string().max(8 * 1024)).max(1_000_000),
  }),
})

/** Unix seconds of an entry, from which the list of those who must cosign follows. */
function timeOf(entry: Entry): number {
  return entry.time
}

/**
 * The members that must cosign what was written at `time`: all that were admitted by then and have
 * not been expelled since, and the coordinator. Who had left by then, its admission over, had
 * nothing to get; who is expelled can no longer be made to sign, and
 * what it held of others is ended by the same act.
 */
export function requiredCosigners(registry: Registry, time: number): Member[] {
  const sites = [...registry.members.values()].filter(
    ({ status, admittedAt, expires }) =>
      status !== 'expelled' && admittedAt <= time && time < expires,
  )
  return registry.coordinator === null ? sites : [registry.coordinator, ...sites]
}

/** The policy that a checkpoint must satisfy to prove that all members have applied an entry. */
export function requiredPolicy(
  registry: Registry,
  log: { site: SiteId; size: number; time: number },
  checkpointNote: string,
): Policy {
  const member = memberOf(registry, log.site)
  if (member === undefined) throw new ProtocolError('not_admitted', '/log', 'an admitted site')
  const { signatures } = parseNote(checkpointNote)
  const witnesses = requiredCosigners(registry, log.time).map((cosigner): VerifierKey => {
    const keys = witnessKeysOf(registry.network, cosigner)
    const used = keys.findLast((key) => signatures.some((line) => isSignedAs(line, key)))
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

function checkRegistry(
  evidence: Evidence,
  coordinatorKey: VerifierKey,
  verify: Verifier | undefined,
): Registry {
  const entries = evidence.registry.entries.map((entry) => fromBase64(entry))
  let registry = emptyRegistry(parseSiteId(coordinatorKey.name))
  for (const entry of entries) registry = foldRegistry(registry, decodeEntry(entry))
  const { coordinator } = registry
  if (!equalBytes(coordinator?.keys[0]?.logKey ?? new Uint8Array(0), coordinatorKey.publicKey))
    throw new ProtocolError(
      'not_admitted',
      '/registry',
      "a log that begins with the coordinator's key",
    )
  invariant(coordinator !== null, 'a registry with a key has a coordinator')
  const key = logKeyAt(registry.network, coordinator, entries.length)
  const { checkpoint } = openCheckpoint(evidence.registry.checkpoint, key, verify)
  const root = rootOf(
    appendLeaves(
      EMPTY_RANGE,
      entries.map((entry) => leafHash(entry)),
    ),
  )
  if (checkpoint.size !== entries.length || !equalBytes(checkpoint.root, root))
    throw new ProtocolError('bad_proof', '/registry', 'all entries that the checkpoint covers')
  return registry
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
    const registry = checkRegistry(evidence, coordinatorKey, verify)
    done('the entry is a well-formed log entry')
    const bytes = fromBase64(evidence.entry)
    const entry = decodeEntry(bytes)
    done('the checkpoint is of the log of a member')
    const proof = parseLogProof(evidence.proof)
    const [origin = ''] = proof.checkpoint.split('\n', 1)
    const site = siteOfOrigin(registry, origin)
    const size = Number(proof.checkpoint.split('\n', 2)[1])
    done('the policy in the file names exactly the members who had to cosign')
    const policy = requiredPolicy(registry, { site, size, time: timeOf(entry) }, proof.checkpoint)
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
    checks.push(step)
    return {
      checks,
      failure: null,
      proven: { entry, log: site, index: proof.index, cosigned: [...verdict.cosigned] },
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { checks, failure: `${step}: ${error.message}`, proven: null }
  }
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
    registry: {
      checkpoint: parts.registry.checkpoint,
      entries: parts.registry.entries.map((entry) => toBase64(entry)),
    },
  }
  return `${JSON.stringify(evidence, null, 2)}\n`
}
