/** Opens checkpoints of any member's log with the key that the registry binds to that size. */
import { equalBytes } from '../../../protocol/bytes.ts'
import { parseCheckpoint, openCheckpoint, type Checkpoint } from '../../../protocol/checkpoint.ts'
import { findCosignature, verifyCosignature } from '../../../protocol/cosignature.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { isBelievable } from '../../../protocol/lease.ts'
import {
  formatNote,
  isSignedAs,
  parseNote,
  type Note,
  type VerifierKey,
} from '../../../protocol/note.ts'
import { logKeyAt, memberOf, witnessKeysOf } from '../../../protocol/registry.ts'
import type { Crypto } from '../ports.ts'
import type { View } from '../view.ts'

export interface OpenedCheckpoint {
  checkpoint: Checkpoint
  note: Note
}

export interface Checkpoints {
  /**
   * Verifies the log's own signature.
   *
   * @throws ProtocolError `not_admitted`, `bad_signature`, `unknown_origin`, `malformed`
   */
  open: (log: SiteId, noteText: string) => OpenedCheckpoint
  /**
   * The time of the log's own heartbeat on the note, null where it has none.
   *
   * @throws ProtocolError `bad_signature`, or `out_of_range` where it is too far in the future
   */
  heartbeatOf: (log: SiteId, opened: OpenedCheckpoint, now: number) => number | null
  /** The note with nothing but the log's signature. */
  signedNote: (log: SiteId, opened: OpenedCheckpoint) => string
  /** The note with nothing but the log's signature and its heartbeat. */
  bareNote: (log: SiteId, opened: OpenedCheckpoint) => string
}

/** The note with the signatures of these keys alone: strangers' lines are not carried on. */
function signedBy({ text, signatures }: Note, keys: readonly VerifierKey[]): string {
  return formatNote({
    text,
    signatures: signatures.filter((line) => keys.some((key) => isSignedAs(line, key))),
  })
}

/** Notes that are remembered as verified: each is looked at several times while it is the newest. */
const REMEMBERED = 256

function isSameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.name === b.name && a.type === b.type && equalBytes(a.publicKey, b.publicKey)
}

/**
 * Creates the opener.
 *
 * @param coordinatorKey the configured key, for as long as the coordinator's log is unknown
 */
export function createCheckpoints(ports: {
  view: View
  crypto: Crypto
  coordinatorKey: VerifierKey
}): Checkpoints {
  const { view, crypto, coordinatorKey } = ports
  const verified = new Map<string, { key: VerifierKey; opened: OpenedCheckpoint }>()

  function logKey(log: SiteId, size: number): VerifierKey {
    const member = memberOf(view.registry(), log)
    if (member !== undefined) return logKeyAt(view.network, member, size)
    if (log === view.network) return coordinatorKey
    throw new ProtocolError('not_admitted', '/log', 'the log of an admitted site')
  }
  function witnessKeys(log: SiteId): VerifierKey[] {
    const member = memberOf(view.registry(), log)
    return member === undefined ? [] : witnessKeysOf(view.network, member)
  }

  return {
    open: (log, noteText) => {
      const known = verified.get(noteText)
      // The registry may have bound another key to this size since.
      if (known !== undefined && isSameKey(known.key, logKey(log, known.opened.checkpoint.size)))
        return known.opened
      const { size } = parseCheckpoint(parseNote(noteText).text)
      const key = logKey(log, size)
      const opened = openCheckpoint(noteText, key, crypto.verify)
      const oldest = verified.size < REMEMBERED ? undefined : verified.keys().next().value
      if (oldest !== undefined) verified.delete(oldest)
      verified.set(noteText, { key, opened })
      return opened
    },
    heartbeatOf: (log, { note }, now) => {
      const key = witnessKeys(log).at(-1)
      const signature = key && findCosignature(note, key)
      if (key === undefined || signature === undefined) return null
      const time = verifyCosignature({
        checkpointText: note.text,
        signature,
        key,
        verify: crypto.verify,
      })
      if (!isBelievable(time, now))
        throw new ProtocolError('out_of_range', '/time', 'a heartbeat that is not in the future')
      return time
    },
    signedNote: (log, { checkpoint, note }) => signedBy(note, [logKey(log, checkpoint.size)]),
    bareNote: (log, { checkpoint, note }) =>
      signedBy(note, [logKey(log, checkpoint.size), ...witnessKeys(log).slice(-1)]),
  }
}
