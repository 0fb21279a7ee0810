/** Reads the files of a log over HTTP, for the proofs that are made from them. */
import {
  tilePath,
  tileWidth,
  nodesFromTiles,
  decodeEntryBundle,
  TILE_WIDTH,
} from '../../../protocol/tiles.ts'
import type { NodeSource } from '../../../protocol/merkle.ts'

const TILE_FILES = 64

async function fetchFile(path: string): Promise<Response> {
  const answer = await fetch(path, { credentials: 'omit', referrerPolicy: 'no-referrer' })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
  return answer
}

export async function fetchText(path: string): Promise<string> {
  return (await fetchFile(path)).text()
}

async function fetchBytes(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetchFile(path)).arrayBuffer())
}

/** The entry at `index` of a log of `size`, out of its bundle. */
export async function fetchEntry(log: string, index: number, size: number): Promise<Uint8Array> {
  const bundle = Math.floor(index / TILE_WIDTH)
  const width = tileWidth('entries', bundle, size)
  const bytes = await fetchBytes(`${log}/${tilePath('entries', bundle, width)}`)
  const entry = decodeEntryBundle(bytes, width)[index % TILE_WIDTH]
  if (entry === undefined) throw new Error('the bundle has no such entry')
  return entry
}

/**
 * Makes something from the hashes of a log of `size`. What it asks for and is not here yet is
 * fetched, and it is made again: a proof needs few tiles, and only making it says which.
 */
export async function withTiles<T>(
  log: string,
  size: number,
  make: (nodes: NodeSource) => T,
): Promise<{ made: T; files: number }> {
  const tiles = new Map<string, Uint8Array>()
  for (;;) {
    const wanted: string[] = []
    const nodes = nodesFromTiles((level, index) => {
      const path = `${log}/${tilePath(level, index, tileWidth(level, index, size))}`
      const tile = tiles.get(path)
      if (tile !== undefined) return tile
      wanted.push(path)
      throw new Error(`${path} is not here yet`)
    })
    try {
      return { made: make(nodes), files: tiles.size }
    } catch (error) {
      const [path] = wanted
      if (path === undefined || tiles.size >= TILE_FILES) throw error
      tiles.set(path, await fetchBytes(path))
    }
  }
}
