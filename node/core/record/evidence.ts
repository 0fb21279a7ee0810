/** Who has confirmed that an entry is applied, and the evidence file that proves it. */
import { addCosignature } from '../../../protocol/cosignature.ts'
import { decodeEntry, type Entry } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import {
  formatEvidence,
  registryTime,
  requiredCosigners,
  requiredPolicy,
} from '../../../protocol/evidence.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Verifier } from '../../../protocol/keys.ts'
import { inclusionProof } from '../../../protocol/merkle.ts'
import { formatNote, parseNote, parseSignatureLine } from '../../../protocol/note.ts'
import { termsAt, type Registry } from '../../../protocol/registry.ts'
import { formatLogProof } from '../../../protocol/proof.ts'
import { withNodes } from '../log/tree.ts'
import { logStateOf } from '../log/writer.ts'
import type { Crypto } from '../ports.ts'
import type { ReadTransaction, ReceiptRow, Store } from '../store.ts'
import type { View } from '../view.ts'

/** One member's receipt for an entry. */
export interface ReceiptStatus {
  site: SiteId
  /** Unix seconds at which its first receipt above the entry came; null while it is awaited. */
  receivedAt: number | null
}
/** How far an entry has been applied in the network. */
export interface Progress {
  log: SiteId
  index: number
  entry: Entry
  /** Everybody whose receipt counts, the coordinator and the log's own site included. */
  receipts: ReceiptStatus[]
  /** Whether one checkpoint has all receipts, and the registry is as new: a file can be made. */
  isComplete: boolean
  /** Unix seconds by which all receipts are due. */
  deadline: number
}

export interface EvidenceDesk {
  /**
   * Progress of one entry.
   *
   * @throws ProtocolError `not_found` where the log has no such entry
   */
  progress: (log: SiteId, index: number) => Promise<Progress>
  /**
   * The evidence file of an entry, as text.
   *
   * @throws ProtocolError `not_found`, or `not_ready` while receipts are missing
   */
  file: (log: SiteId, index: number) => Promise<string>
  /**
   * The largest size up to which every entry of a log can be proven to be confirmed by all.
   *
   * @param above sizes up to this one are known already; it is the answer where none is larger
   */
  confirmedSize: (log: SiteId, above: number) => Promise<number>
}

/** A checkpoint that proves an entry: everybody has cosigned it who was a member at that time. */
interface Complete {
  size: number
  /** When the coordinator cosigned it. */
  witnessedAt: number
}

/** Such checkpoints, by size. */
function* findComplete(registry: Registry, rows: readonly ReceiptRow[]): Generator<Complete> {
  const bySize = Map.groupBy(rows, ({ size }) => size)
  for (const [size, receipts] of [...bySize].toSorted(([a], [b]) => a - b)) {
    const times = new Map(receipts.map(({ cosigner, time }) => [cosigner, time]))
    const witnessedAt = times.get(registry.network)
    if (witnessedAt === undefined) continue
    if (requiredCosigners(registry, witnessedAt).every(({ site }) => times.has(site)))
      yield { size, witnessedAt }
  }
}

async function entryAt(
  tx: ReadTransaction,
  log: SiteId,
  index: number,
): Promise<{ bytes: Uint8Array; entry: Entry }> {
  const bytes = (await tx.logs.entriesAt(log, [index])).get(index)
  if (bytes === undefined) throw new ProtocolError('not_found', '/index', 'an entry of the log')
  return { bytes, entry: decodeEntry(bytes) }
}

/** Whether the coordinator's checkpoint has a heartbeat of that time or later. */
function isVouchedFor(
  { registry, verify }: { registry: Registry; verify: Verifier },
  note: string,
  time: number,
): boolean {
  try {
    return registryTime(registry, note, verify) >= time
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

/** Creates the desk that answers for entries of any log this node keeps receipts of. */
export function createEvidenceDesk(ports: {
  view: View
  store: Store
  crypto: Crypto
}): EvidenceDesk {
  const { view, store, crypto } = ports

  /** The coordinator's newest checkpoint, where it vouches for the registry at `time` or later. */
  async function registryNote(tx: ReadTransaction, time: number): Promise<string | null> {
    const registry = view.registry()
    const { note, size } = await logStateOf(tx, view.network)
    if (note === null || size !== registry.size) return null
    return isVouchedFor({ registry, verify: crypto.verify }, note, time) ? note : null
  }

  async function findProof(
    tx: ReadTransaction,
    rows: readonly ReceiptRow[],
  ): Promise<{ size: number; registryNote: string } | null> {
    const complete = findComplete(view.registry(), rows).next().value ?? null
    if (complete === null) return null
    const note = await registryNote(tx, complete.witnessedAt)
    return note === null ? null : { size: complete.size, registryNote: note }
  }

  return {
    progress: (log, index) =>
      store.read(async (tx) => {
        const { entry } = await entryAt(tx, log, index)
        const rows = await tx.receipts.ofLog(log, index + 1)
        const witnessed = rows.find(({ cosigner }) => cosigner === view.network)
        // By the coordinator's clock, as soon as it has signed: a site can date its entry as it likes.
        const since = witnessed?.time ?? entry.time
        const required = requiredCosigners(view.registry(), since)
        return {
          log,
          index,
          entry,
          receipts: required.map(({ site }) => ({
            site,
            receivedAt: rows.find(({ cosigner }) => cosigner === site)?.receivedAt ?? null,
          })),
          isComplete: (await findProof(tx, rows)) !== null,
          deadline: since + termsAt(view.registry(), since).erasureDeadlineSeconds,
        }
      }),
    file: (log, index) =>
      store.read(async (tx) => {
        const { bytes } = await entryAt(tx, log, index)
        const rows = await tx.receipts.ofLog(log, index + 1)
        const proof = await findProof(tx, rows)
        const bare = proof === null ? null : await tx.receipts.checkpoint(log, proof.size)
        if (proof === null || bare === null)
          throw new ProtocolError('not_ready', '', 'the receipts of all members')
        const { size } = proof
        const cosigned = rows
          .filter((row) => row.size === size)
          .reduce(
            (note, row) => addCosignature(note, parseSignatureLine(row.line)),
            parseNote(bare),
          )
        const checkpoint = formatNote(cosigned)
        const hashes = await withNodes(
          tx.logs,
          log,
          (nodes) => inclusionProof(index, size, nodes, crypto.sha256),
          crypto.sha256,
        )
        const registry = view.registry()
        return formatEvidence({
          entry: bytes,
          proof: formatLogProof({ index, hashes, checkpoint }),
          policy: requiredPolicy(registry, { site: log, size }, checkpoint),
          registry: {
            checkpoint: proof.registryNote,
            entries: await tx.logs.entries(view.network, 0, registry.size),
          },
        })
      }),
    confirmedSize: (log, above) =>
      store.read(async (tx) => {
        const rows = await tx.receipts.ofLog(log, above + 1)
        let confirmed = above
        for (const { size, witnessedAt } of findComplete(view.registry(), rows))
          if ((await registryNote(tx, witnessedAt)) !== null) confirmed = size
        return confirmed
      }),
  }
}
