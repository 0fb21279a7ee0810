/** Watches for what the website is to be told and no single transaction makes true. */
import { decideHome } from '../../protocol/gate.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { ASIDE_SECONDS, type Feed } from './feed.ts'
import type { Clock } from './ports.ts'
import type { EvidenceDesk } from './record/evidence.ts'
import type { View } from './view.ts'
import type { Notice } from './website.ts'

/** Withdrawals told in one transaction. */
const BATCH = 1000
/** Setting with the size of the own log up to which completed withdrawals have been told. */
const COMPLETED = 'completed-size'

/**
 * Creates the watch: homes that are hidden or shown again, records whose newer version does not
 * come, withdrawals that everybody has confirmed.
 */
export function createWatch(ports: {
  view: View
  clock: Clock
  feed: Feed
  evidence: Pick<EvidenceDesk, 'confirmedSize'>
}): () => Promise<void> {
  const { view, clock, feed, evidence } = ports
  const { store } = feed
  let hidden: Set<SiteId> | null = null
  /** The setting, once it has been read. */
  let told: number | null = null

  const isClosed = (home: SiteId): boolean =>
    decideHome(view.gate(home, view.self)).kind === 'refused'

  async function lookAtHomes(): Promise<void> {
    hidden ??= new Set(await store.read((tx) => tx.feed.hiddenHomes()))
    for (const home of view.registry().members.keys()) {
      const wasHidden = hidden.has(home)
      if (home === view.self || isClosed(home) === wasHidden) continue
      if (!wasHidden && !(await store.read((tx) => tx.feed.holds(home)))) continue
      const isTold = await store.write(async (tx) => {
        // It may have come or gone while this transaction waited for its turn.
        const isHidden = isClosed(home)
        if (isHidden === wasHidden || (isHidden && !(await tx.feed.holds(home)))) return false
        await tx.feed.setHidden(home, isHidden)
        await feed.add(tx, [{ type: isHidden ? 'home.hidden' : 'home.shown', home }])
        return true
      })
      if (isTold && wasHidden) hidden.delete(home)
      else if (isTold) hidden.add(home)
    }
  }

  async function giveUpWaiting(): Promise<void> {
    const until = clock.now() - ASIDE_SECONDS
    if (!(await store.read((tx) => tx.feed.isAside(until)))) return
    await store.write(async (tx) => {
      const given = await tx.feed.takeAside({ until })
      const notices = given.map((one): Notice => ({ type: 'record.vanished', ...one }))
      await feed.add(tx, notices)
    })
  }

  /** Tells of some withdrawals below a confirmed size; returns whether these were the last. */
  async function tellCompleted(size: number): Promise<boolean> {
    return store.write(async (tx) => {
      const below = Number((await tx.desk.setting(COMPLETED)) ?? '0')
      const ended = await tx.records.ended(view.self, below - 1, BATCH)
      const completed = ended.filter(({ endIndex }) => (endIndex ?? size) < size)
      await feed.add(
        tx,
        completed.map(({ record }): Notice => ({ type: 'withdrawal.completed', record })),
      )
      const last = completed.at(-1)?.endIndex ?? size
      const isLast = completed.length < BATCH
      await tx.desk.setSetting(COMPLETED, String(isLast ? size : last + 1))
      return isLast
    })
  }

  async function lookAtWithdrawals(): Promise<void> {
    told ??= Number((await store.read((tx) => tx.desk.setting(COMPLETED))) ?? '0')
    const size = await evidence.confirmedSize(view.self, told)
    if (size <= told) return
    while (!(await tellCompleted(size)));
    told = size
  }

  return async () => {
    await lookAtHomes()
    await giveUpWaiting()
    await lookAtWithdrawals()
    await feed.purge()
  }
}
