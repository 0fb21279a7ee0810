/** Grows a log's Merkle tree in tiles, and reads proofs back out of them. */
import { concatBytes } from '../../../protocol/bytes.ts'
import { invariant } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Hash } from '../../../protocol/keys.ts'
import {
  appendLeaves,
  leafHash,
  nodeHash,
  type CompactRange,
  type NodeSource,
} from '../../../protocol/merkle.ts'
import { TILE_WIDTH } from '../../../protocol/tiles.ts'
import type { LogReader, TileRow } from '../store.ts'

const HASH_BYTES = 32
const TILE_LEVELS = 8

/** The root of a perfect subtree over hashes laid end to end; their count is a power of two. */
function perfectRoot(hashes: Uint8Array, hash: Hash): Uint8Array {
  let level = hashes
  while (level.length > HASH_BYTES) {
    const above = new Uint8Array(level.length / 2)
    for (let at = 0; at < above.length; at += HASH_BYTES)
      above.set(
        nodeHash(
          level.subarray(2 * at, 2 * at + HASH_BYTES),
          level.subarray(2 * at + HASH_BYTES, 2 * at + 2 * HASH_BYTES),
          hash,
        ),
        at,
      )
    level = above
  }
  return level
}

async function extendTiles(
  logs: LogReader,
  site: SiteId,
  size: number,
  leaves: readonly Uint8Array[],
  hash: Hash,
): Promise<TileRow[]> {
  const rows: TileRow[] = []
  let nodes = size
  let fresh = leaves
  for (let level = 0; fresh.length > 0; level += 1) {
    const first = Math.floor(nodes / TILE_WIDTH)
    const tail = nodes % TILE_WIDTH === 0 ? null : await logs.tile(site, level, first)
    invariant((tail?.length ?? 0) === (nodes % TILE_WIDTH) * HASH_BYTES, 'a tile is cut short')
    const all = concatBytes(...(tail === null ? [] : [tail]), ...fresh)
    const roots: Uint8Array[] = []
    const tileBytes = TILE_WIDTH * HASH_BYTES
    for (let at = 0; at < all.length; at += tileBytes) {
      const hashes = all.slice(at, at + tileBytes)
      rows.push({ level, index: first + at / tileBytes, hashes })
      if (hashes.length === tileBytes) roots.push(perfectRoot(hashes, hash))
    }
    nodes = first
    fresh = roots
  }
  return rows
}

/** The range and the tiles of a log after `entries` are appended to `range`. */
export async function extendTree(
  logs: LogReader,
  site: SiteId,
  range: CompactRange,
  entries: readonly Uint8Array[],
  hash: Hash,
): Promise<{ range: CompactRange; tiles: TileRow[] }> {
  const leaves = entries.map((entry) => leafHash(entry, hash))
  return {
    range: appendLeaves(range, leaves, hash),
    tiles: await extendTiles(logs, site, range.size, leaves, hash),
  }
}

interface NodePlace {
  tileLevel: number
  tileIndex: number
  offset: number
  width: number
}

function placeOf(level: number, index: number): NodePlace {
  const tileLevel = Math.floor(level / TILE_LEVELS)
  const width = 2 ** (level % TILE_LEVELS)
  const first = index * width
  return {
    tileLevel,
    tileIndex: Math.floor(first / TILE_WIDTH),
    offset: first % TILE_WIDTH,
    width,
  }
}

/**
 * Runs a proof function over a stored log. It runs twice: once to learn which nodes it needs, then,
 * when their tiles have been read, for the result; so the proof functions stay synchronous.
 */
export async function withNodes<T>(
  logs: LogReader,
  site: SiteId,
  prove: (nodes: NodeSource) => T,
  hash: Hash,
): Promise<T> {
  const tiles = new Map<string, Uint8Array>()
  const asked: NodePlace[] = []
  prove((level, index) => {
    asked.push(placeOf(level, index))
    return new Uint8Array(HASH_BYTES)
  })
  for (const { tileLevel, tileIndex } of asked) {
    const name = `${tileLevel}/${tileIndex}`
    if (tiles.has(name)) continue
    tiles.set(name, (await logs.tile(site, tileLevel, tileIndex)) ?? new Uint8Array(0))
  }
  return prove((level, index) => {
    const { tileLevel, tileIndex, offset, width } = placeOf(level, index)
    const tile = tiles.get(`${tileLevel}/${tileIndex}`)
    const hashes = tile?.subarray(offset * HASH_BYTES, (offset + width) * HASH_BYTES)
    invariant(hashes?.length === width * HASH_BYTES, 'a stored tree lacks a node')
    return perfectRoot(hashes, hash)
  })
}
