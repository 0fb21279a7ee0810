/** The open connections, by the site that each one proved to be when it was made. */
import type { Connection } from '@libp2p/interface'
import type { SiteId } from '../../protocol/ids.ts'

export interface Links {
  /** Adds a connection; true where it is the site's first. */
  add: (site: SiteId, connection: Connection) => boolean
  /** Removes it; its site where it was the last one. */
  remove: (connection: Connection) => SiteId | null
  /** The connection to use for a site: a direct one rather than a relayed one. */
  of: (site: SiteId) => Connection | null
  count: (site: SiteId) => number
  sites: () => SiteId[]
  /** Cuts each connection for which `cut` says so, at once: nothing queued leaves any more. */
  cut: (cut: (site: SiteId, connection: Connection) => boolean) => void
}

/** An empty table of connections. */
export function createLinks(): Links {
  const bySite = new Map<SiteId, Connection[]>()

  return {
    add: (site, connection) => {
      const held = bySite.get(site)
      if (held === undefined) bySite.set(site, [connection])
      else held.push(connection)
      return held === undefined
    },
    remove: (connection) => {
      for (const [site, held] of bySite) {
        const index = held.indexOf(connection)
        if (index === -1) continue
        held.splice(index, 1)
        if (held.length > 0) return null
        bySite.delete(site)
        return site
      }
      return null
    },
    of: (site) => {
      const usable = (bySite.get(site) ?? []).filter(({ status }) => status === 'open')
      return usable.find(({ direct }) => direct) ?? usable[0] ?? null
    },
    count: (site) => bySite.get(site)?.length ?? 0,
    sites: () => [...bySite.keys()],
    cut: (cut) => {
      const doomed = [...bySite].flatMap(([site, held]) =>
        held.filter((connection) => cut(site, connection)),
      )
      for (const connection of doomed) connection.abort(new Error('the peer may not connect'))
    },
  }
}
