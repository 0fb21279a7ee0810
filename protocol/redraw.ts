/** Draws again, from the logs alone, what a draw has drawn: anybody can. */
import { equalBytes } from './bytes.ts'
import { drawnOf, livePublishes, mixedLogs, mixOf, type DrawFault } from './draw.ts'
import { decodeEntry, isSiteEntry, type Entry } from './entry.ts'
import { ProtocolError } from './errors.ts'
import type { SiteId } from './ids.ts'
import { sha256, type Hash } from './keys.ts'
import { emptyRegistry, foldRegistry } from './registry.ts'

/** What comes of drawing again. */
export interface Redrawn {
  /** Why it draws nothing, or that the mix is not what the logs say; null where all is well. */
  fault: DrawFault | 'wrong-mix' | null
  /** Whether some site has written since the draw before, so that not the seed alone decides. */
  isMixed: boolean
  drawn: { site: SiteId; index: number }[]
}

/**
 * Draws again.
 *
 * @param coordinator entries of the coordinator's log, from the first
 * @param index of the draw among them
 * @param entriesOf entries of a site's log, from the first, at least as many as the draw names
 * @throws ProtocolError `not_found` where there is no draw, `not_ready` where entries are missing
 */
export function redraw(
  network: SiteId,
  coordinator: readonly Uint8Array[],
  index: number,
  entriesOf: (site: SiteId) => readonly Uint8Array[],
  hash: Hash = sha256,
): Redrawn {
  const registry = coordinator
    .slice(0, index + 1)
    .map(decodeEntry)
    .reduce(
      (sum: ReturnType<typeof emptyRegistry>, entry: Entry) => foldRegistry(sum, entry),
      emptyRegistry(network),
    )
  const round = registry.draws.rounds.at(-1)
  if (round?.index !== index) throw new ProtocolError('not_found', '/index', 'a draw')
  const mixed = mixedLogs(round.logs)
  const isMixed = mixed.length > 0
  if (round.fault !== null) return { fault: round.fault, isMixed, drawn: [] }
  const mix = mixOf(
    mixed.map(({ site, from }) => {
      const entry = entriesOf(site)[from]
      if (entry === undefined) throw new ProtocolError('not_ready', '', 'the entries of each log')
      return entry
    }),
    hash,
  )
  if (!equalBytes(mix, round.entry.mix)) return { fault: 'wrong-mix', isMixed, drawn: [] }
  const drawn = round.logs.flatMap(({ site, size, isDrawn }) => {
    if (!isDrawn) return []
    const entries = entriesOf(site).slice(0, size)
    if (entries.length < size) throw new ProtocolError('not_ready', '', 'the entries of each log')
    const live = livePublishes(entries.map(decodeEntry).filter(isSiteEntry), {
      orders: registry.orders.filter((order) => order.site === site),
      time: round.entry.time,
    })
    return drawnOf(round, site, live, hash).map((at) => ({ site, index: at }))
  })
  return { fault: null, isMixed, drawn }
}
