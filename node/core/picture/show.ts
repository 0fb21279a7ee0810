/** Pictures for the site's own pages: which ones there are, and the file behind a link. */
import { decideHome, decideRecord } from '../../../protocol/gate.ts'
import type { PictureId, RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Clock } from '../ports.ts'
import { gatedOf } from '../record/disclose.ts'
import type { HeldBody, PictureRow, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { PictureStore } from './files.ts'
import type { LinkTarget } from './link.ts'

/** A file that may be shown now, and until when at the longest. */
export interface ShownFile {
  bytes: Uint8Array
  /** Unix seconds at which consent or lease end, unless there is news before. */
  until: number
}

export interface PictureShow {
  /** Pictures of these records that are here, in their order. */
  of: (home: SiteId, records: readonly RecordId[]) => Promise<Map<RecordId, PictureId[]>>
  /** The file, or null where there is none that may be shown now. */
  open: (target: LinkTarget) => Promise<ShownFile | null>
}

/** Creates the show. Every file passes the gate and the lease again. */
export function createPictureShow(ports: {
  view: View
  store: Store
  pictures: Pick<PictureStore, 'open'>
  clock: Clock
}): PictureShow {
  const { view, store, pictures, clock } = ports

  function mayShow(held: HeldBody): boolean {
    // A site shows its own members by their consent alone, as long as that lasts.
    if (held.home === view.self)
      return held.expires > clock.now() && held.scopes.includes('pictures')
    const gate = view.gate(held.home, view.self)
    if (decideHome(gate).kind === 'refused') return false
    const record = gatedOf(held)
    return (['discovery', 'pictures'] as const).every(
      (scope) => decideRecord(gate, record, scope).kind === 'allowed',
    )
  }

  function until({ home, expires }: HeldBody): number {
    if (home === view.self) return expires
    const { hideAfterSeconds, registryLeaseSeconds } = view.registry().terms
    return Math.min(
      expires,
      (view.heartbeat(home) ?? 0) + hideAfterSeconds,
      (view.heartbeat(view.network) ?? 0) + registryLeaseSeconds,
    )
  }

  return {
    of: async (home, records) => {
      const rows: PictureRow[] = await store.read((tx) => tx.pictures.ofRecords(home, records))
      const here = Map.groupBy(
        rows.filter(({ slots }) => slots !== null),
        ({ record }) => record,
      )
      return new Map([...here].map(([record, found]) => [record, found.map((row) => row.picture)]))
    },
    open: async ({ home, record, picture, size }) => {
      const { held, row } = await store.read(async (tx) => ({
        held: await tx.bodies.ofRecord(home, record),
        row: await tx.pictures.get(home, record, picture),
      }))
      if (held === null || row === null || row.slots === null || row.index !== held.index)
        return null
      if (!mayShow(held)) return null
      const bytes = await pictures.open(row.slots, size)
      return bytes === null ? null : { bytes, until: until(held) }
    },
  }
}
