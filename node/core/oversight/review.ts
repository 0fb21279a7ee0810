/** What staff write about an application while they look at it; sealed, and shown to staff alone. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock } from '../ports.ts'
import type { Sealer } from '../request/sealed.ts'
import type { ReadTransaction, Store } from '../store.ts'

const MOST_NOTES = 200

export interface ReviewNote {
  id: number
  time: number
  actor: string
  text: string
}
export interface Reviews {
  /** Oldest first. @throws ProtocolError `not_found` */
  of: (site: SiteId) => Promise<ReviewNote[]>
  /** @throws ProtocolError `not_found`, `conflict` where there are too many */
  add: (actor: Actor, site: SiteId, text: string) => Promise<void>
}

async function assertApplied(tx: Pick<ReadTransaction, 'desk'>, site: SiteId): Promise<void> {
  if ((await tx.desk.application(site)) === null)
    throw new ProtocolError('not_found', '/site', 'a site that has applied')
}

/** Creates the keeper of review notes. */
export function createReviews(ports: {
  store: Store
  clock: Clock
  sealer: Sealer<string>
  acts: Pick<Acts, 'add'>
}): Reviews {
  const { store, clock, sealer, acts } = ports
  return {
    of: async (site) => {
      const rows = await store.read(async (tx) => {
        await assertApplied(tx, site)
        return tx.reviews.of(site)
      })
      return rows.map(({ id, time, actor, sealed }) => ({
        id,
        time,
        actor,
        text: sealer.open(sealed) ?? '',
      }))
    },
    add: async (actor, site, text) => {
      await store.write(async (tx) => {
        await assertApplied(tx, site)
        if ((await tx.reviews.of(site)).length >= MOST_NOTES)
          throw new ProtocolError('conflict', '', `at most ${MOST_NOTES} notes`)
        const sealed = sealer.seal(text)
        await tx.reviews.add({ site, time: clock.now(), actor: actor.id, sealed })
        await acts.add(tx, { actor, act: 'application.note', subject: site })
      })
    },
  }
}
