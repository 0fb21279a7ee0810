/** This site's own requirements: published in the log, and at once applied to what is held. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { parseRequirements } from '../../../protocol/requirements.ts'
import type { Appended, LogWriter } from '../log/writer.ts'
import { logStateOf } from '../log/writer.ts'
import type { Clock } from '../ports.ts'
import type { PublishedRequirements, Store } from '../store.ts'
import type { View } from '../view.ts'
import { doomUnmatched } from './match.ts'

export interface Demands {
  get: () => PublishedRequirements | null
  /**
   * Publishes requirements and the sites that get nothing from here. What is held and does not
   * match any more is doomed in the same transaction.
   *
   * @throws ProtocolError for a bad field, or `not_ready`
   */
  put: (requirements: unknown, excludes: unknown) => Promise<PublishedRequirements>
}

const EXCLUDED_SITES = 100

function parseExcludes(value: unknown): SiteId[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > EXCLUDED_SITES)
    throw new ProtocolError('wrong_type', '/excludes', `a list of at most ${EXCLUDED_SITES} sites`)
  return value.map((site: unknown, at) => {
    if (typeof site !== 'string')
      throw new ProtocolError('wrong_type', `/excludes/${at}`, 'a domain name')
    return parseSiteId(site)
  })
}

/** Creates the desk for this site's requirements. */
export function createDemands(ports: {
  view: View
  store: Store
  clock: Clock
  writer: LogWriter
  onPublished: (appended: Appended) => Promise<void>
}): Demands {
  const { view, store, clock, writer, onPublished } = ports
  return {
    get: () => view.requirements(view.self),
    put: async (json, excluded) => {
      const requirements = parseRequirements(json)
      const excludes = parseExcludes(excluded)
      const now = clock.now()
      const appended = await store.write(async (tx) => {
        const done = await writer.append(tx, [
          { type: 'requirements', requirements, excludes, time: now },
        ])
        const rule = { self: view.self, registry: view.registry(), requirements, now }
        await doomUnmatched(tx, rule)
        // What was withheld under the old requirements may match the new ones.
        for (const { site } of await tx.logs.all())
          if (site !== view.self) await tx.records.wantAll(site)
        return done
      })
      await onPublished(appended)
      const { requirements: published } = await store.read((tx) => logStateOf(tx, view.self))
      if (published === null) throw new ProtocolError('conflict', '', 'requirements in the log')
      return published
    },
  }
}
