/**
 * Tiles: the files that a log is read from, and proofs from them.
 *
 * @see C2SP tlog-tiles
 */
import { concatBytes } from './bytes.ts'
import { ProtocolError } from './errors.ts'
import { type Hash, HASH_BYTES, sha256 } from './keys.ts'
import { LOG_SIZE } from './limits.ts'
import { nodeHash, type NodeSource } from './merkle.ts'

/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256
/** Tree levels that a tile spans. */
const TILE_HEIGHT = 8
const MAX_LEVEL = 63
const MAX_ENTRY_BYTES = 0xffff

/** Hashes by their level in tiles (0 holds leaf hashes), or entries. */
export type TileLevel = number | 'entries'

/** The name of a tile. */
export interface TileName {
  readonly level: TileLevel
  /** 0-based within its level. */
  readonly index: number
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number
}

const PATH =
  /^tile\/(0|[1-9][0-9]?|entries)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/**
 * The path of a tile below the log's prefix, without a leading slash: `tile/0/x001/067.p/8`.
 *
 * @param width 1 to 256; below 256 the tile is partial
 * @throws ProtocolError `out_of_range`
 */
export function tilePath(level: TileLevel, index: number, width: number = TILE_WIDTH): string {
  if (level !== 'entries' && !isWithin(level, 0, MAX_LEVEL))
    throw new ProtocolError('out_of_range', '/level', 'a level from 0 to 63')
  if (!isWithin(index, 0, LOG_SIZE))
    throw new ProtocolError('out_of_range', '/index', 'an index of at most 2^53 - 1')
  if (!isWithin(width, 1, TILE_WIDTH))
    throw new ProtocolError('out_of_range', '/width', 'a width from 1 to 256')
  const suffix = width === TILE_WIDTH ? '' : `.p/${width}`
  return `tile/${level}/${indexPath(index)}${suffix}`
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}

function indexPath(index: number): string {
  const last = String(index % 1000).padStart(3, '0')
  let path = last
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`
  return path
}

/**
 * Parses what `tilePath` writes.
 *
 * @throws ProtocolError `malformed`, also for another spelling of the same tile
 */
export function parseTilePath(path: string): TileName {
  const match = PATH.exec(path)
  const expected = 'a path such as tile/0/x001/067.p/8'
  if (match === null) throw new ProtocolError('malformed', '', expected)
  const [, level = '', groups = '', partial] = match
  const name: TileName = {
    level: level === 'entries' ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  }
  const isCanonical =
    (name.level === 'entries' || name.level <= MAX_LEVEL) &&
    name.index <= LOG_SIZE &&
    name.width <= TILE_WIDTH &&
    tilePath(name.level, name.index, name.width) === path
  if (!isCanonical) throw new ProtocolError('malformed', '', expected)
  return name
}

/** The tiles of one level: `full` ones, and one more of width `partial` when that is not 0. */
export interface TileRow {
  readonly level: number
  readonly full: number
  /** 0 to 255. */
  readonly partial: number
}

/** The tiles that a tree of `size` leaves has, from level 0 up; entry bundles are as level 0. */
export function tileRows(size: number): TileRow[] {
  const rows: TileRow[] = []
  for (let level = 0, hashes = size; hashes > 0; level += 1) {
    const full = Math.floor(hashes / TILE_WIDTH)
    rows.push({ level, full, partial: hashes % TILE_WIDTH })
    hashes = full
  }
  return rows
}

/** The width of a tile in a tree of `size` leaves: 256, less for a partial tile, 0 for no tile. */
export function tileWidth(level: TileLevel, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === 'entries' ? 0 : level))
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH))
}

/**
 * Whether a tree of `size` leaves has the named tile: a full one, or a partial one of a tree that
 * it had before. Tiles that it does not have are never served.
 */
export function hasTile({ level, index, width }: TileName, size: number): boolean {
  return width <= tileWidth(level, index, size)
}

/**
 * An entry bundle: each entry after its length as 16 bits, big-endian.
 *
 * @param entries 1 to 256, at most 65,535 bytes each
 * @throws ProtocolError `out_of_range` for another number of them, `too_large` for a longer one
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  checkCount(entries.length)
  const parts = entries.flatMap((entry) => {
    if (entry.length > MAX_ENTRY_BYTES)
      throw new ProtocolError('too_large', '', 'entries of at most 65535 bytes')
    return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
  })
  return concatBytes(...parts)
}

function checkCount(count: number): void {
  if (!isWithin(count, 1, TILE_WIDTH))
    throw new ProtocolError('out_of_range', '', '1 to 256 entries')
}

/**
 * The entries of a bundle, as copies.
 *
 * @param count how many entries it has to have, 1 to 256
 * @throws ProtocolError `malformed` where it has another number of them
 */
export function decodeEntryBundle(bytes: Uint8Array, count: number): Uint8Array[] {
  checkCount(count)
  const entries: Uint8Array[] = []
  let at = 0
  for (let index = 0; index < count; index += 1) {
    const [high, low] = [bytes[at], bytes[at + 1]]
    const end = at + 2 + (high ?? 0) * 256 + (low ?? 0)
    if (low === undefined || end > bytes.length)
      throw new ProtocolError('malformed', '', `${count} whole entries`)
    entries.push(Uint8Array.from(bytes.subarray(at + 2, end)))
    at = end
  }
  if (at !== bytes.length) throw new ProtocolError('malformed', '', `${count} entries and no more`)
  return entries
}

/**
 * A source of hashes for proofs, over tiles.
 *
 * @param readTile the bytes of a tile with at least the hashes asked for; called again for each
 *   hash, so that it should keep what it read
 */
export function nodesFromTiles(
  readTile: (level: number, index: number) => Uint8Array,
  hash: Hash = sha256,
): NodeSource {
  return (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT)
    const count = 2 ** (level % TILE_HEIGHT)
    const first = index * count
    const tile = readTile(tileLevel, Math.floor(first / TILE_WIDTH))
    const offset = (first % TILE_WIDTH) * HASH_BYTES
    const hashes = tile.subarray(offset, offset + count * HASH_BYTES)
    if (hashes.length !== count * HASH_BYTES)
      throw new ProtocolError('malformed', '', 'a tile with the hashes asked for')
    return rootOfHashes(hashes, hash)
  }
}

/** The root of a perfect subtree over hashes one after another; their count is a power of two. */
export function rootOfHashes(hashes: Uint8Array, hash: Hash = sha256): Uint8Array {
  let level = hashes
  while (level.length > HASH_BYTES) {
    const above = new Uint8Array(level.length / 2)
    for (let at = 0; at < above.length; at += HASH_BYTES) {
      const left = level.subarray(2 * at, 2 * at + HASH_BYTES)
      const right = level.subarray(2 * at + HASH_BYTES, 2 * at + 2 * HASH_BYTES)
      above.set(nodeHash(left, right, hash), at)
    }
    level = above
  }
  return Uint8Array.from(level)
}
