/** Grows a log's Merkle tree in tiles, and reads proofs back out of them. */
import { concatBytes } from '../../../protocol/bytes.ts'
import { invariant } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { HASH_BYTES, type Hash } from '../../../protocol/keys.ts'
import {
  appendLeaves,
  leafHash,
  type CompactRange,
  type NodeSource,
} from '../../../protocol/merkle.ts'
import { nodesFromTiles, rootOfHashes, TILE_WIDTH } from '../../../protocol/tiles.ts'
import type { LogReader, TileRow } from '../store.ts'

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
      if (hashes.length === tileBytes) roots.push(rootOfHashes(hashes, hash))
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
  const tiles = new Map<string, { level: number; index: number; hashes: Uint8Array }>()
  const zeros = new Uint8Array(TILE_WIDTH * HASH_BYTES)
  prove(
    nodesFromTiles((level, index) => {
      tiles.set(`${level}/${index}`, { level, index, hashes: zeros })
      return zeros
    }, hash),
  )
  for (const tile of tiles.values())
    tile.hashes = (await logs.tile(site, tile.level, tile.index)) ?? new Uint8Array(0)
  return prove(
    nodesFromTiles(
      (level, index) => tiles.get(`${level}/${index}`)?.hashes ?? new Uint8Array(0),
      hash,
    ),
  )
}
