/**
 * Checks one log in an archive, file by file: its entries continue one tree, every checkpoint is the
 * root of it, and whoever had to sign did. What is kept meanwhile does not grow with the log.
 */
import { equalBytes } from '../bytes.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { decodeEntry } from '../entry.ts'
import { requiredCosigners, requiredPolicy } from '../evidence.ts'
import { invariant, ProtocolError } from '../errors.ts'
import type { SiteId } from '../ids.ts'
import type { Hash, Verifier } from '../keys.ts'
import { appendSubtrees, EMPTY_RANGE, rootOf, type CompactRange } from '../merkle.ts'
import { parseNote } from '../note.ts'
import { formatPolicy, satisfiesPolicy, type Policy } from '../proof.ts'
import { witnessName, type Registry } from '../registry.ts'
import { isInScope, type About } from './form.ts'
import { decodeStretch, subtreesOf, type StretchItem } from './stretch.ts'

/** What the checks of all logs are made with. */
export interface LogContext {
  about: About
  registry: Registry
  /** Unix seconds at which the coordinator vouched for the registry. */
  registryTime: number
  verify: Verifier | undefined
  hash: Hash
}

/** Withdrawals of one log whose receipts a member owes. */
export interface Owed {
  withdrawals: number
  /** Unix seconds of the oldest of them. */
  since: number
}

/** Receipts for withdrawals, as far as they are in an archive. */
export interface LogCounts {
  withdrawals: number
  /** Entries that are there as hashes of subtrees only. */
  leftOut: number
  checkpoints: number
  /** Cosignatures that were verified. */
  receipts: number
  /** Cosignatures that came later than the deadline after the oldest withdrawal they are for. */
  late: number
  /** The longest that a withdrawal waited for a cosignature, in seconds, at the most. */
  longestSeconds: number
}

export interface LogCheck {
  takeEntries: (first: number, bytes: Uint8Array) => void
  takePolicy: (size: number, text: string) => void
  takeCheckpoint: (size: number, note: string) => void
  /** @throws ProtocolError where entries are left that no checkpoint covers */
  close: () => { counts: LogCounts; owed: ReadonlyMap<SiteId, Owed> }
}

function isSame(one: Policy, other: Policy): boolean {
  return (
    one.logs[0]?.key === other.logs[0]?.key &&
    one.witnesses.length === other.witnesses.length &&
    one.witnesses.every(({ key }, place) => key === other.witnesses[place]?.key)
  )
}

/** Policies as text, made again only where keys are others: a hundred keys take long to print. */
export function createPolicyPrinter(): (policy: Policy) => string {
  let last: { policy: Policy; text: string } | null = null
  return (policy) => {
    if (last === null || !isSame(last.policy, policy)) last = { policy, text: formatPolicy(policy) }
    return last.text
  }
}

function beBefore(withdrawals: Owed | undefined, added: Owed): Owed {
  if (withdrawals === undefined) return added
  return {
    withdrawals: withdrawals.withdrawals + added.withdrawals,
    since: Math.min(withdrawals.since, added.since),
  }
}

/**
 * Receipts that are owed. A withdrawal is owed by everybody who was a member when the coordinator
 * cosigned a checkpoint above it for the first time; a cosignature settles all that is below it; and
 * who is no member any more at a later cosignature of the coordinator owes nothing.
 */
export function createLedgerOfReceipts(deadlineSeconds: number) {
  const owed = new Map<SiteId, Owed>()
  let late = 0
  let longestSeconds = 0
  return {
    owed,
    /**
     * Takes a checkpoint into account.
     *
     * @param fresh withdrawals below it that are below no checkpoint before; null for none
     * @param required members at the time of the coordinator's cosignature
     * @param times unix seconds of each cosignature on it
     */
    take: (
      fresh: Owed | null,
      required: readonly SiteId[],
      times: ReadonlyMap<SiteId, number>,
    ): void => {
      if (fresh !== null)
        for (const site of required) owed.set(site, beBefore(owed.get(site), fresh))
      const members = new Set(required)
      for (const [site, { since }] of owed) {
        const time = times.get(site)
        if (time === undefined && members.has(site)) continue
        owed.delete(site)
        if (time === undefined) continue
        const waited = time - since
        if (waited > deadlineSeconds) late += 1
        longestSeconds = Math.max(longestSeconds, waited)
      }
    },
    summary: () => ({ late, longestSeconds }),
  }
}

/** Checks the signatures on a checkpoint, and says whose there are and whose there should be. */
function openCosigned(
  { registry, registryTime, verify }: LogContext,
  log: { site: SiteId; size: number },
  noteText: string,
  policy: Policy,
): { checkpoint: Checkpoint; required: SiteId[]; times: Map<SiteId, number> } {
  const { network } = registry
  const { checkpoint, cosigned } = satisfiesPolicy(noteText, { ...policy, quorum: 'none' }, verify)
  if (parseNote(noteText).signatures.length !== cosigned.length + 1)
    throw new ProtocolError('malformed', '', 'one signature by each who had to sign, at most')
  const byName = new Map(cosigned.map(({ name, time }) => [name, time]))
  const witnessed = byName.get(witnessName(network, network))
  invariant(witnessed !== undefined, 'a policy without the coordinator')
  if (witnessed > registryTime)
    throw new ProtocolError('bad_proof', '/registry', 'a later heartbeat of the coordinator')
  if (checkpoint.size !== log.size)
    throw new ProtocolError('bad_proof', '/size', 'the checkpoint of the entries before it')
  const required = requiredCosigners(registry, witnessed).map(({ site }) => site)
  const times = new Map(
    required.flatMap((site) => {
      const time = byName.get(witnessName(network, site))
      return time === undefined ? [] : [[site, time] as const]
    }),
  )
  return { checkpoint, required, times }
}

/** Begins the check of the log of `site`. */
export function createLogCheck(context: LogContext, site: SiteId): LogCheck {
  const { about, registry, hash } = context
  const isCoordinator = site === registry.network
  const ledger = createLedgerOfReceipts(registry.terms.erasureDeadlineSeconds)
  const print = createPolicyPrinter()
  let range: CompactRange = EMPTY_RANGE
  let covered = 0
  let policyText = ''
  let fresh: Owed | null = null
  const counts = { withdrawals: 0, leftOut: 0, checkpoints: 0, receipts: 0 }

  function takeItem(item: StretchItem): void {
    if (item.kind === 'left-out') {
      if (about.entries === 'all')
        throw new ProtocolError('bad_proof', '', 'every entry, as the archive says')
      counts.leftOut += 2 ** item.level
      return
    }
    const entry = decodeEntry(item.bytes)
    if (isInScope(about, { isCoordinator }, entry)) {
      counts.withdrawals += 1
      fresh = beBefore(fresh ?? undefined, { withdrawals: 1, since: entry.time })
    } else if (about.entries === 'withdrawals')
      throw new ProtocolError('malformed', '', 'withdrawals of the scope, and nothing else')
  }

  return {
    takeEntries: (first, bytes) => {
      if (first !== range.size)
        throw new ProtocolError('bad_proof', '', 'the entries after those before')
      const items = decodeStretch(bytes)
      for (const item of items) takeItem(item)
      range = appendSubtrees(range, subtreesOf(items, hash), hash)
    },
    takePolicy: (size, text) => {
      if (size !== range.size) throw new ProtocolError('malformed', '', 'a policy of this size')
      policyText = text
    },
    takeCheckpoint: (size, noteText) => {
      const policy = requiredPolicy(registry, { site, size }, noteText)
      if (print(policy) !== policyText)
        throw new ProtocolError(
          'malformed',
          '/policy',
          'the policy that names exactly the members who had to cosign',
        )
      const opened = openCosigned(context, { site, size }, noteText, policy)
      const { checkpoint, required, times } = opened
      if (size !== range.size || size <= covered)
        throw new ProtocolError('bad_proof', '/size', 'the checkpoint of the entries before it')
      if (!equalBytes(checkpoint.root, rootOf(range, hash)))
        throw new ProtocolError('bad_proof', '/root', 'the root of the entries before it')
      ledger.take(fresh, required, times)
      fresh = null
      covered = size
      counts.checkpoints += 1
      counts.receipts += times.size
    },
    close: () => {
      if (range.size !== covered || covered === 0)
        throw new ProtocolError('bad_proof', '', 'a checkpoint that covers all entries')
      return { counts: { ...counts, ...ledger.summary() }, owed: ledger.owed }
    },
  }
}
