/**
 * Every log that the coordinator follows, for readers that we did not write.
 *
 * @see C2SP tlog-tiles
 */
import type { Context } from 'hono'
import { addCosignature } from '../../../protocol/cosignature.ts'
import { parseCheckpoint } from '../../../protocol/checkpoint.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { HASH_BYTES } from '../../../protocol/keys.ts'
import { formatNote, parseNote, parseSignatureLine } from '../../../protocol/note.ts'
import {
  encodeEntryBundle,
  hasTile,
  parseTilePath,
  TILE_WIDTH,
  type TileName,
} from '../../../protocol/tiles.ts'
import type { ReadTransaction } from '../../core/store.ts'
import type { Door, Env } from '../app.ts'
import type { CoordinatorPorts } from './ports.ts'

const FOREVER = 'public, max-age=31536000, immutable'
const FEW_SECONDS = 'public, max-age=5'
/** Anybody may check a log, from a page of their own too. */
const PUBLIC = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
}

const notFound = (): ProtocolError => new ProtocolError('not_found', '', 'a file of a log')

type Resource = { kind: 'checkpoint' } | { kind: 'tile'; tile: TileName }

function resourceOf(path: string): Resource | null {
  if (path === 'checkpoint') return { kind: 'checkpoint' }
  try {
    return { kind: 'tile', tile: parseTilePath(path) }
  } catch {
    return null
  }
}

/** The log and the file that a path names; the coordinator's own log has no site in its origin. */
function locate(network: SiteId, path: string): { log: SiteId; resource: Resource } {
  if (!path.startsWith(`${network}/`)) throw notFound()
  const rest = path.slice(network.length + 1)
  const own = resourceOf(rest)
  if (own !== null) return { log: network, resource: own }
  const slash = rest.indexOf('/')
  const resource = slash < 0 ? null : resourceOf(rest.slice(slash + 1))
  if (resource === null) throw notFound()
  try {
    return { log: parseSiteId(rest.slice(0, slash)), resource }
  } catch {
    throw notFound()
  }
}

async function signedSize(
  tx: ReadTransaction,
  log: SiteId,
): Promise<{ note: string; size: number }> {
  const note = (await tx.logs.get(log))?.note ?? null
  if (note === null) throw notFound()
  return { note, size: parseCheckpoint(parseNote(note).text).size }
}

/** The newest checkpoint with every cosignature that is here for it. */
async function checkpointOf(tx: ReadTransaction, log: SiteId): Promise<string> {
  const { note, size } = await signedSize(tx, log)
  const rows = (await tx.receipts.ofLog(log, size)).filter((row) => row.size === size)
  const cosigned = rows.reduce(
    (sum, row) => addCosignature(sum, parseSignatureLine(row.line)),
    parseNote(note),
  )
  return formatNote(cosigned)
}

async function tileBytes(tx: ReadTransaction, log: SiteId, tile: TileName): Promise<Uint8Array> {
  const { size } = await signedSize(tx, log)
  // Nothing above the newest checkpoint: it could not be checked against anything.
  if (!hasTile(tile, size)) throw notFound()
  const { level, index, width } = tile
  if (level === 'entries') {
    const first = index * TILE_WIDTH
    return encodeEntryBundle(await tx.logs.entries(log, first, first + width))
  }
  const hashes = await tx.logs.tile(log, level, index)
  if (hashes === null) throw notFound()
  return hashes.slice(0, width * HASH_BYTES)
}

/** Mounts `/log/<origin>/…`. */
export function mountTiles(door: Door, { coordinator, store }: CoordinatorPorts): void {
  const { network } = coordinator.node.view
  door.app.get('/log/*', async (c: Context<Env>) => {
    c.set('route', '/log/*')
    door.perAddress.take(door.addressOf(c))
    const { log, resource } = locate(network, c.req.path.slice('/log/'.length))
    if (resource.kind === 'checkpoint') {
      const note = await store.read((tx) => checkpointOf(tx, log))
      return c.body(note, 200, {
        ...PUBLIC,
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': FEW_SECONDS,
      })
    }
    const bytes = await store.read((tx) => tileBytes(tx, log, resource.tile))
    return c.body(Uint8Array.from(bytes), 200, {
      ...PUBLIC,
      'content-type': 'application/octet-stream',
      'cache-control': FOREVER,
    })
  })
}
