/**
 * Stretches of a log: some entries as they are, the others as the roots of the perfect subtrees that
 * they make. Who holds the compact range before a stretch computes the root after it; so the entries
 * in it are proven to stand in the log, and the new root to continue the old one, without a proof
 * for each.
 */
import { concatBytes } from '../bytes.ts'
import { ProtocolError } from '../errors.ts'
import { HASH_BYTES, type Hash, sha256 } from '../keys.ts'
import { ENTRY_BYTES } from '../limits.ts'
import { leafHash, nodeHash, type Subtree } from '../merkle.ts'

/** An entry, or the root of a subtree of entries that are left out. */
export type StretchItem = { kind: 'entry'; bytes: Uint8Array } | ({ kind: 'left-out' } & Subtree)

const ENTRY = 0xff
/** A subtree of 2^52 leaves is the largest below LOG_SIZE. */
const MOST_LEVEL = 52

/**
 * A stretch as bytes: an entry is 0xff, its length as 16 bits big-endian, and the entry; a subtree
 * is its level as one byte, and its root.
 */
export function encodeStretch(items: readonly StretchItem[]): Uint8Array {
  return concatBytes(
    ...items.flatMap((item) =>
      item.kind === 'entry'
        ? [Uint8Array.of(ENTRY, item.bytes.length >> 8, item.bytes.length & 0xff), item.bytes]
        : [Uint8Array.of(item.level), item.root],
    ),
  )
}

/** Bytes that an item takes. */
export function stretchBytes(item: StretchItem): number {
  return item.kind === 'entry' ? 3 + item.bytes.length : 1 + HASH_BYTES
}

/**
 * The items of a stretch; their bytes are views of `bytes`.
 *
 * @throws ProtocolError `malformed`, or `too_large` for an entry above ENTRY_BYTES
 */
export function decodeStretch(bytes: Uint8Array): StretchItem[] {
  const items: StretchItem[] = []
  for (let at = 0; at < bytes.length;) {
    const head = bytes[at] ?? 0
    const isEntry = head === ENTRY
    const length = isEntry ? (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0) : HASH_BYTES
    const start = at + (isEntry ? 3 : 1)
    if (isEntry && length > ENTRY_BYTES)
      throw new ProtocolError('too_large', '', `entries of at most ${ENTRY_BYTES} bytes`)
    if ((!isEntry && head > MOST_LEVEL) || start + length > bytes.length)
      throw new ProtocolError('malformed', '', 'entries, and roots of subtrees')
    const content = bytes.subarray(start, start + length)
    items.push(
      isEntry
        ? { kind: 'entry', bytes: content }
        : { kind: 'left-out', level: head, root: content },
    )
    at = start + length
  }
  return items
}

/** The nodes that the items add to the tree. */
export function* subtreesOf(
  items: readonly StretchItem[],
  hash: Hash = sha256,
): Generator<Subtree> {
  for (const item of items)
    yield item.kind === 'entry' ? { level: 0, root: leafHash(item.bytes, hash) } : item
}

/** Entries that are left out, one after another, as the largest perfect subtrees they make. */
export interface Gap {
  /** Adds the entry after the last one; the first is at the index that the gap begins with. */
  add: (entry: Uint8Array) => void
  /** What stands for all that was added. */
  items: () => StretchItem[]
}

/** Begins a gap before the entry `index`. */
export function createGap(index: number, hash: Hash = sha256): Gap {
  let size = index
  const nodes: { level: number; index: number; root: Uint8Array }[] = []
  return {
    add: (entry) => {
      let node = { level: 0, index: size, root: leafHash(entry, hash) }
      for (let left = nodes.at(-1); left?.level === node.level; left = nodes.at(-1)) {
        // Two of one size are one of the next only where the left one is a left child.
        if (left.index % 2 === 1) break
        nodes.pop()
        const root = nodeHash(left.root, node.root, hash)
        node = { level: node.level + 1, index: left.index / 2, root }
      }
      nodes.push(node)
      size += 1
    },
    items: () => nodes.map(({ level, root }) => ({ kind: 'left-out', level, root })),
  }
}
