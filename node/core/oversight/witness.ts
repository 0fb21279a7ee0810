/**
 * Cosigns checkpoints that are handed in from outside, for the logs that this node follows.
 *
 * A cosignature of this node is also its receipt: it has applied every entry below that size. So it
 * signs only what its own copy of the log reaches, whatever proof comes along; a larger checkpoint
 * is answered as not ready, after an attempt to fetch what is missing.
 *
 * @see C2SP tlog-witness
 */
import { equalBytes, fromBase64 } from '../../../protocol/bytes.ts'
import { parseCheckpoint, parseSize } from '../../../protocol/checkpoint.ts'
import { cosign, cosignatureLine } from '../../../protocol/cosignature.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { HASH_BYTES } from '../../../protocol/keys.ts'
import { PROOF_HASHES } from '../../../protocol/limits.ts'
import { rootAt, verifyConsistency } from '../../../protocol/merkle.ts'
import { formatNote, isSignedAs, parseNote } from '../../../protocol/note.ts'
import { logKeyAt, memberOf, siteOfOrigin } from '../../../protocol/registry.ts'
import type { Checkpoints, OpenedCheckpoint } from '../log/checkpoints.ts'
import type { ForkFound } from '../log/fork.ts'
import { withNodes } from '../log/tree.ts'
import { logStateOf } from '../log/writer.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { Store, WriteTransaction } from '../store.ts'
import { isKnown, type View } from '../view.ts'

export type Witnessed =
  /** Signature lines, each with its line feed. */
  | { kind: 'cosigned'; lines: string }
  /** The old size, or the root at that size, is not that of the checkpoint cosigned last. */
  | { kind: 'stale'; size: number }
  /** The entries below the checkpoint are not here yet. */
  | { kind: 'behind' }

export interface Witness {
  /**
   * Takes the body of an add-checkpoint request.
   *
   * @throws ProtocolError `malformed`, `too_large`, `out_of_range`; `unknown_origin`;
   *   `bad_signature` or `forked` where the log is not trusted; `bad_proof`
   */
  add: (request: string) => Promise<Witnessed>
}

interface Submission {
  old: number
  proof: Uint8Array[]
  note: string
}

/** The parts of a request: the old size, the proof, the checkpoint. */
export function parseSubmission(request: string): Submission {
  const end = request.indexOf('\n\n')
  if (end < 0) throw new ProtocolError('malformed', '', 'an empty line before the checkpoint')
  const [first = '', ...lines] = request.slice(0, end).split('\n', PROOF_HASHES + 2)
  if (!first.startsWith('old ')) throw new ProtocolError('malformed', '/old', 'old and a size')
  if (lines.length > PROOF_HASHES)
    throw new ProtocolError('malformed', '/proof', `at most ${PROOF_HASHES} hashes`)
  const old = at('/old', () => parseSize(first.slice('old '.length)))
  const proof = lines.map((line) => {
    const hash = at('/proof', () => fromBase64(line))
    if (hash.length !== HASH_BYTES) throw new ProtocolError('malformed', '/proof', '32 bytes')
    return hash
  })
  return { old, proof, note: request.slice(end + 2) }
}

type Decision = Witnessed | { kind: 'fork'; own: string | null; size: number }

/** Creates the witness of a node. */
export function createWitness(ports: {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  checkpoints: Checkpoints
  /** Tries to bring what is missing of a log. */
  pull: (log: SiteId) => Promise<void>
  onFork: (fork: ForkFound) => Promise<void>
}): Witness {
  const { identity, view, store, clock, crypto, checkpoints } = ports
  const { sha256 } = crypto

  function logOf(note: string): SiteId {
    const { origin } = parseCheckpoint(parseNote(note).text)
    const log = siteOfOrigin(view.registry(), origin)
    // Its own log this node signs itself: nobody else has a checkpoint of it to bring.
    if (log === identity.site || !isKnown(view, log))
      throw new ProtocolError('unknown_origin', '', 'the origin of a log that is followed here')
    return log
  }

  async function sign(
    tx: WriteTransaction,
    log: SiteId,
    { checkpoint, note }: OpenedCheckpoint,
  ): Promise<string> {
    const { size } = checkpoint
    const member = memberOf(view.registry(), log)
    const key = member && logKeyAt(view.network, member, size)
    const time = clock.now()
    const signature = cosign({
      checkpointText: note.text,
      time,
      key: identity.witnessKey,
      seed: identity.witnessSeed,
      signer: crypto.sign,
    })
    const line = cosignatureLine(signature)
    const signatures = note.signatures.filter((one) => key !== undefined && isSignedAs(one, key))
    await tx.receipts.saveCheckpoint(log, size, formatNote({ text: note.text, signatures }))
    const row = { log, cosigner: identity.site, size, time, line: line.trimEnd(), receivedAt: time }
    await tx.receipts.save(row)
    return line
  }

  /** Compares and persists in one transaction: of two requests at a time one must see the other. */
  async function decide(
    log: SiteId,
    opened: OpenedCheckpoint,
    { old, proof }: Submission,
  ): Promise<Decision> {
    const { size, root } = opened.checkpoint
    return store.write(async (tx): Promise<Decision> => {
      const latest = await tx.receipts.largest(log, identity.site)
      if (old !== latest) return { kind: 'stale', size: latest }
      const state = await logStateOf(tx, log)
      const ownRoot = (upTo: number): Promise<Uint8Array> =>
        withNodes(tx.logs, log, (nodes) => rootAt(upTo, nodes, sha256), sha256)
      const oldRoot = await ownRoot(old)
      if (old === size && !equalBytes(oldRoot, root))
        return { kind: 'fork', own: state.note, size: latest }
      if (old > 0)
        verifyConsistency({ oldSize: old, newSize: size, proof, oldRoot, newRoot: root }, sha256)
      else if (proof.length > 0)
        throw new ProtocolError('bad_proof', '/proof', 'no hashes where the old size is 0')
      if (size > state.size || (await tx.bodies.doomed(1)).length > 0) return { kind: 'behind' }
      if (!equalBytes(await ownRoot(size), root))
        return { kind: 'fork', own: state.note, size: latest }
      return { kind: 'cosigned', lines: await sign(tx, log, opened) }
    })
  }

  return {
    add: async (request) => {
      const submission = parseSubmission(request)
      const log = logOf(submission.note)
      const opened = checkpoints.open(log, submission.note)
      const { size } = opened.checkpoint
      if (submission.old > size)
        throw new ProtocolError('malformed', '/old', 'an old size of at most the new one')
      if (view.frozen.has(log))
        throw new ProtocolError('forked', '', 'a log that has not shown two histories')
      let decision = await decide(log, opened, submission)
      if (decision.kind === 'behind') {
        await ports.pull(log)
        decision = await decide(log, opened, submission)
      }
      if (decision.kind !== 'fork') return decision
      const note = checkpoints.bareNote(log, opened)
      await ports.onFork({ log, size, notes: [decision.own ?? '', note] })
      if (submission.old === size) return { kind: 'stale', size: decision.size }
      throw new ProtocolError('bad_proof', '/proof', 'the history that was witnessed here')
    },
  }
}
