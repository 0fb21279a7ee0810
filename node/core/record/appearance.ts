/** Notes which records appear, change and vanish, in the very transaction that makes it true. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Aside } from '../feed-rows.ts'
import type { Doomed, WriteTransaction } from '../store.ts'
import type { Notice } from '../website.ts'

type Change = 'record.appeared' | 'record.changed' | 'record.vanished'

function noticesOf(type: Change, home: SiteId, rows: readonly { record: RecordId }[]): Notice[] {
  return rows.map(({ record }) => ({ type, home, record }))
}

/**
 * A transaction that notes its changes of bodies. A version that a newer one replaces is no end:
 * its record is put aside until that one comes, or is given up.
 *
 * @param context.noted called where the transaction adds a notice, of whatever kind
 */
export function notingAppearance(
  tx: WriteTransaction,
  { self, now, noted }: { self: SiteId; now: () => number; noted: () => void },
): WriteTransaction {
  const add = async (notices: readonly Notice[]): Promise<void> => {
    if (notices.length === 0) return
    noted()
    await tx.feed.add(notices, now())
  }
  async function gone(home: SiteId, doomed: readonly Doomed[]): Promise<void> {
    const { replaced = [], ended = [] } = Object.groupBy(doomed, ({ isSuperseded }) =>
      isSuperseded ? 'replaced' : 'ended',
    )
    await add(noticesOf('record.vanished', home, ended))
    const records = replaced.map(({ record }) => record)
    if (home !== self && records.length > 0) await tx.feed.putAside(home, records, now())
  }
  async function givenUp(which: Exclude<Aside, { until: number }>): Promise<void> {
    const { home } = which
    if (home !== self) await add(noticesOf('record.vanished', home, await tx.feed.takeAside(which)))
  }

  return {
    ...tx,
    records: {
      ...tx.records,
      save: async (home, states, wanted) => {
        await tx.records.save(home, states, wanted)
        const ended = states.filter(({ live }) => !live).map(({ record }) => record)
        if (ended.length > 0) await givenUp({ home, records: ended })
      },
      setAsked: async (home, indexes) => {
        await tx.records.setAsked(home, indexes)
        await givenUp({ home, indexes })
      },
    },
    bodies: {
      ...tx.bodies,
      insert: async (home, bodies) => {
        const kept = await tx.bodies.insert(home, bodies)
        if (home === self || kept.length === 0) return kept
        const indexes = new Set(kept)
        const here = bodies.filter(({ index }) => indexes.has(index))
        const records = here.map(({ record }) => record)
        const changed = await tx.feed.takeAside({ home, records })
        const known = new Set(changed.map(({ record }) => record))
        await add(noticesOf('record.changed', home, changed))
        const appeared = here.filter(({ record }) => !known.has(record))
        await add(noticesOf('record.appeared', home, appeared))
        return kept
      },
      doom: async (home, indexes) => {
        const doomed = await tx.bodies.doom(home, indexes)
        await gone(home, doomed)
        if (indexes === 'all') await givenUp({ home, all: true })
        return doomed
      },
      doomStale: async (home) => {
        const doomed = await tx.bodies.doomStale(home)
        await gone(home, doomed)
        await givenUp({ home, ended: true })
        return doomed
      },
    },
    feed: {
      ...tx.feed,
      add: async (notices, time) => {
        noted()
        await tx.feed.add(notices, time)
      },
    },
  }
}
