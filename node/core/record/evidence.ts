/** Who has confirmed that an entry is applied, and the evidence file that proves it. */
import { addCosignature } from '../../../protocol/cosignature.ts'
import { decodeEntry, type Entry } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { formatEvidence, requiredCosigners, requiredPolicy } from '../../../protocol/evidence.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { inclusionProof } from '../../../protocol/merkle.ts'
import { formatNote, parseNote, parseSignatureLine } from '../../../protocol/note.ts'
import { formatLogProof } from '../../../protocol/proof.ts'
import { withNodes } from '../log/tree.ts'
import { logStateOf } from '../log/writer.ts'
import type { Crypto } from '../ports.ts'
import type { ReadTransaction, ReceiptRow, Store } from '../store.ts'
import type { View } from '../view.ts'

/** One member's receipt for an entry. */
export interface ReceiptStatus {
  site: SiteId
  /** Unix seconds at which its first receipt above the entry was signed; null while it is awaited. */
  receivedAt: number | null
}
/** How far an entry has been applied in the network. */
export interface Progress {
  log: SiteId
  index: number
  entry: Entry
  /** Everybody whose receipt counts, the coordinator and the log's own site included. */
  receipts: ReceiptStatus[]
  /** Whether one checkpoint has all receipts, so that an evidence file can be made. */
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
}

/** The smallest checkpoint size above the entry that all required cosigners have cosigned. */
function completeSize(rows: readonly ReceiptRow[], required: readonly SiteId[]): number | null {
  const bySize = Map.groupBy(rows, ({ size }) => size)
  for (const [size, receipts] of [...bySize].toSorted(([a], [b]) => a - b)) {
    const cosigners = new Set(receipts.map(({ cosigner }) => cosigner))
    if (required.every((site) => cosigners.has(site))) return size
  }
  return null
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

/** A checkpoint with nothing but the signature of its log. */
function bareCheckpoint(noteText: string, origin: string): string {
  const { text, signatures } = parseNote(noteText)
  return formatNote({ text, signatures: signatures.filter(({ name }) => name === origin) })
}

/** Creates the desk that answers for entries of any log this node keeps receipts of. */
export function createEvidenceDesk(ports: {
  view: View
  store: Store
  crypto: Crypto
}): EvidenceDesk {
  const { view, store, crypto } = ports

  function requiredSites(entry: Entry): SiteId[] {
    return requiredCosigners(view.registry(), entry.time).map(({ site }) => site)
  }

  return {
    progress: (log, index) =>
      store.read(async (tx) => {
        const { entry } = await entryAt(tx, log, index)
        const rows = await tx.receipts.ofLog(log, index + 1)
        const required = requiredSites(entry)
        return {
          log,
          index,
          entry,
          receipts: required.map((site) => ({
            site,
            receivedAt: rows.find(({ cosigner }) => cosigner === site)?.time ?? null,
          })),
          isComplete: completeSize(rows, required) !== null,
          deadline: entry.time + view.registry().terms.erasureDeadlineSeconds,
        }
      }),
    file: (log, index) =>
      store.read(async (tx) => {
        const { bytes, entry } = await entryAt(tx, log, index)
        const rows = await tx.receipts.ofLog(log, index + 1)
        const size = completeSize(rows, requiredSites(entry))
        const bare = size === null ? null : await tx.receipts.checkpoint(log, size)
        if (size === null || bare === null)
          throw new ProtocolError('not_ready', '', 'the receipts of all members')
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
        const registryLog = await logStateOf(tx, view.network)
        if (registryLog.note === null || registryLog.size !== registry.size)
          throw new ProtocolError('not_ready', '', "the coordinator's newest checkpoint")
        return formatEvidence({
          entry: bytes,
          proof: formatLogProof({ index, hashes, checkpoint }),
          policy: requiredPolicy(registry, { site: log, size, time: entry.time }, checkpoint),
          registry: {
            // Without the heartbeat, which no check of the file looks at: every byte in it counts.
            checkpoint: bareCheckpoint(registryLog.note, view.network),
            entries: await tx.logs.entries(view.network, 0, registryLog.size),
          },
        })
      }),
  }
}
