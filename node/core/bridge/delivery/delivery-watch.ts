/** Keeps what the module was given in step with what may be shown: by the feed, and by asking again. */
import { decideHome, decideRecord } from '../../../../protocol/gate.ts'
import { parseSiteId, type RecordId, type SiteId } from '../../../../protocol/ids.ts'
import type { Feed, FeedEvent } from '../../feed.ts'
import type { Clock } from '../../ports.ts'
import type { RecordName } from '../../search/query.ts'
import type { Store, WriteTransaction } from '../../store.ts'
import { gatedColumns } from '../../talk/sight.ts'
import type { View } from '../../view.ts'
import type { DeliveryRow, NetId } from '../rows.ts'

/** Setting with the place in the feed up to which all is done. */
const PLACE = 'bridge-feed'
const BATCH = 64
/** Batches in one call. */
const BATCHES = 4
/** Rows of a pass that are looked at in one call. */
const PAGE = 1000
/** Seconds between two passes over everything. */
const PASS_SECONDS = 3600
/** Seconds after a start in which a home that is not heard of yet is not taken for a silent one. */
const START_SECONDS = 600

/** Ports of the watch. */
export interface DeliveryWatchPorts {
  store: Store
  feed: Pick<Feed, 'read' | 'newest' | 'cursorOf' | 'idOf'>
  view: View
  clock: Pick<Clock, 'now'>
  /** These may be offered, or more than can be named. */
  onNews: (names: readonly RecordName[] | 'many') => void
}
export interface DeliveryWatch {
  /** Follows the feed and goes on with the pass. */
  tick: () => Promise<void>
  /**
   * Whether a home is hidden here only because this node has just started, and has not heard of it
   * yet: nothing is removed for that.
   */
  isAwaited: (home: SiteId) => Promise<boolean>
}

/** The module has removed it by itself: nothing to remove, and not to be offered again. */
export function isUnwanted({ state, tries }: DeliveryRow): boolean {
  return state === 'refused' && tries === 0
}

/** Ends deliveries: whatever the module may have, or may still have in its queue, is to be removed. */
export async function endDeliveries(
  tx: WriteTransaction,
  rows: readonly DeliveryRow[],
  now: number,
): Promise<void> {
  const ids = (isDropped: boolean): NetId[] =>
    rows.flatMap((row) => (isUnwanted(row) === isDropped ? [row.netId] : []))
  await tx.bridge.turnIntoRemovals(ids(false), now)
  await tx.bridge.removeDeliveries(ids(true))
}

/** Creates the watch. Its calls must not overlap with others that change deliveries. */
export function createDeliveryWatch(ports: DeliveryWatchPorts): DeliveryWatch {
  const { store, feed, view, clock, onNews } = ports
  const startedAt = clock.now()
  let passAt = startedAt
  /** Where a pass under way stands; null between two. */
  let above: NetId | null = null

  async function isAwaited(home: SiteId): Promise<boolean> {
    const { terms } = view.registry()
    const unheard = [
      { site: home, seconds: terms.hideAfterSeconds },
      { site: view.network, seconds: terms.registryLeaseSeconds },
    ].filter(({ site }) => view.heartbeat(site) === null)
    if (unheard.length === 0 || view.frozen.has(home)) return false
    const now = clock.now()
    if (now >= startedAt && now - startedAt < START_SECONDS) return true
    return store.read(async (tx) => {
      for (const { site, seconds } of unheard)
        if (now - ((await tx.logs.get(site))?.heartbeat ?? 0) >= seconds) return false
      return true
    })
  }
  const isOpen = (home: SiteId): boolean =>
    decideHome(view.gate(home, view.self)).kind === 'allowed'

  /** All of a home's, but for what the module itself has removed. */
  async function endHome(tx: WriteTransaction, home: SiteId): Promise<void> {
    for (let from: NetId = 0; ;) {
      const rows = await tx.bridge.listDeliveries({ home, above: from, limit: PAGE })
      const last = rows.at(-1)
      if (last === undefined) return
      from = last.netId
      await endDeliveries(
        tx,
        rows.filter((row) => !isUnwanted(row)),
        clock.now(),
      )
    }
  }
  async function markDue(tx: WriteTransaction, home: SiteId, records: RecordId[]): Promise<void> {
    const rows = await tx.bridge.deliveriesOf(home, records)
    const dueAt = clock.now()
    await tx.bridge.saveDeliveries(
      rows.filter((row) => row.dueAt === null).map((row) => ({ ...row, dueAt })),
    )
    const known = new Set(rows.map(({ record }) => record))
    const fresh = records.filter((record) => !known.has(record))
    if (fresh.length > 0) onNews(fresh.map((record) => ({ home, record })))
  }

  async function follow(
    tx: WriteTransaction,
    { type, data }: FeedEvent,
    awaited: ReadonlySet<SiteId>,
  ): Promise<void> {
    if (typeof data['home'] !== 'string') return
    const home = parseSiteId(data['home'])
    if (home === view.self) return
    const records = Array.isArray(data['records']) ? data['records'] : []
    switch (type) {
      case 'record.appeared':
      case 'record.changed':
        await markDue(tx, home, records)
        return
      case 'record.vanished':
        await endDeliveries(tx, await tx.bridge.deliveriesOf(home, records), clock.now())
        return
      case 'home.hidden':
        // It may be shown again by now; and what a start alone has hidden is left to the next pass.
        if (!isOpen(home) && !awaited.has(home)) await endHome(tx, home)
        return
      case 'home.shown':
        onNews('many')
        return
      default:
    }
  }
  /** Homes of a batch that are awaited; a transaction could not find that out. */
  async function awaitedIn(events: readonly FeedEvent[]): Promise<Set<SiteId>> {
    const awaited = new Set<SiteId>()
    for (const { type, data } of events) {
      if (type !== 'home.hidden' || typeof data['home'] !== 'string') continue
      const home = parseSiteId(data['home'])
      if (!(await isAwaited(home))) continue
      awaited.add(home)
      passAt = Math.min(passAt, clock.now() + START_SECONDS)
    }
    return awaited
  }

  /** Returns whether there may be more. */
  async function readFeed(): Promise<boolean> {
    const id = await store.read((tx) => tx.desk.setting(PLACE))
    const part =
      id === null
        ? { kind: 'gap' as const, cursor: await feed.newest() }
        : await feed.read(feed.cursorOf(id), BATCH)
    if (part.kind === 'gap') {
      await store.write((tx) => tx.desk.setSetting(PLACE, feed.idOf(part.cursor)))
      passAt = clock.now()
      above = null
      onNews('many')
      return true
    }
    const { events } = part
    const last = events.at(-1)
    if (last === undefined) return false
    const awaited = await awaitedIn(events)
    await store.write(async (tx) => {
      for (const event of events) await follow(tx, event, awaited)
      await tx.desk.setSetting(PLACE, last.id)
    })
    return events.length === BATCH
  }

  /** Asks the gate about rows of one home. */
  async function askGate(home: SiteId, rows: readonly DeliveryRow[]): Promise<void> {
    if (!isOpen(home) && (await isAwaited(home))) return
    await store.write(async (tx) => {
      const records = rows.map(({ record }) => record)
      const bodies = new Map(
        (await tx.bodies.ofRecords(home, records)).map((body) => [body.record, body]),
      )
      const gate = view.gate(home, view.self)
      const isHomeOpen = isOpen(home)
      const now = clock.now()
      const isShown = ({ record }: DeliveryRow): boolean => {
        const body = bodies.get(record)
        return (
          isHomeOpen &&
          body !== undefined &&
          decideRecord(gate, gatedColumns(body), 'discovery').kind === 'allowed'
        )
      }
      // What the module does not want is forgotten with its record, not while that is only hidden.
      const isOver = (row: DeliveryRow): boolean =>
        isUnwanted(row) ? isHomeOpen && !bodies.has(row.record) : !isShown(row)
      await endDeliveries(tx, rows.filter(isOver), now)
      const older = rows.filter(
        (row) => row.dueAt === null && isShown(row) && bodies.get(row.record)?.index !== row.index,
      )
      await tx.bridge.saveDeliveries(older.map((row) => ({ ...row, dueAt: now })))
    })
  }

  async function pass(): Promise<void> {
    const now = clock.now()
    if (above === null) {
      if (now < passAt && passAt - now <= PASS_SECONDS) return
      above = 0
      passAt = now + PASS_SECONDS
    }
    const from = above
    const rows = await store.read((tx) => tx.bridge.listDeliveries({ above: from, limit: PAGE }))
    for (const [home, of] of Map.groupBy(rows, (row) => row.home)) await askGate(home, of)
    above = rows.length < PAGE ? null : (rows.at(-1)?.netId ?? null)
  }

  return {
    isAwaited,
    tick: async () => {
      for (let batch = 0; batch < BATCHES; batch += 1) if (!(await readFeed())) break
      await pass()
    },
  }
}
