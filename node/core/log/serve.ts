/** Answers sync requests: how far we are, and the entries of any log that we hold. */
import { parseCheckpoint } from '../../../protocol/checkpoint.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { HEADS } from '../../../protocol/limits.ts'
import { consistencyProof } from '../../../protocol/merkle.ts'
import type { Head, SyncReply } from '../../../protocol/wire.ts'
import type { Crypto } from '../ports.ts'
import type { LogState, Store } from '../store.ts'
import { withNodes } from './tree.ts'

const CHUNK_ENTRIES = 4096
const CHUNK_BYTES = 512 * 1024

function noteSize({ note }: LogState): number {
  // What is stored was parsed as a whole once; its signatures are not asked for here.
  return note === null ? 0 : parseCheckpoint(note.slice(0, note.lastIndexOf('\n\n') + 1)).size
}

/** How far this node is with each log: only what it can show a signed checkpoint for. */
export async function headsOf(store: Store): Promise<Head[]> {
  return headsIn(await store.read((tx) => tx.logs.all()))
}

/** The same, from the states of all logs. */
export function headsIn(logs: readonly LogState[]): Head[] {
  return logs
    .filter(({ note }) => note !== null)
    .slice(0, HEADS)
    .map((state) => ({
      log: state.site,
      size: noteSize(state),
      heartbeat: state.heartbeat ?? 0,
    }))
}

function cut(entries: Uint8Array[]): Uint8Array[] {
  let bytes = 0
  const end = entries.findIndex((entry, at) => {
    bytes += entry.length
    return at > 0 && bytes > CHUNK_BYTES
  })
  return end < 0 ? entries : entries.slice(0, end)
}

/** The newest checkpoint of a log, and its entries from `from` on, in chunks with their proofs. */
export async function* serveEntries(
  ports: { store: Store; crypto: Crypto },
  log: SiteId,
  from: number,
): AsyncIterable<SyncReply> {
  const { store, crypto } = ports
  const state = await store.read((tx) => tx.logs.get(log))
  if (state === null || state.note === null) {
    yield { kind: 'unknown' }
    return
  }
  const size = noteSize(state)
  yield { kind: 'checkpoint', note: state.note }
  for (let at = from; at < size;) {
    const end = Math.min(at + CHUNK_ENTRIES, size)
    const chunk = await store.read(async (tx) => {
      const entries = cut(await tx.logs.entries(log, at, end))
      const proof = await withNodes(
        tx.logs,
        log,
        (nodes) => consistencyProof(at + entries.length, size, nodes, crypto.sha256),
        crypto.sha256,
      )
      return { entries, proof }
    })
    yield { kind: 'entries', from: at, ...chunk }
    at += chunk.entries.length
  }
}
