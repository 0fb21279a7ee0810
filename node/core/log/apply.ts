/**
 * Applies a verified run of entries to the store: what lives, what has ended, what must be erased.
 * The writer of a log and its followers use the same code, so that they cannot disagree.
 */
import {
  isSiteEntry,
  type CoordinatorEntry,
  type Entry,
  type Order,
  type Publish,
  type SiteEntry,
  type Withdraw,
} from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { PublishedRequirements, RecordState, WriteTransaction } from '../store.ts'

export interface Applied {
  /** Withdrawals, orders, expulsions among the entries. */
  withdrawals: number
  publishes: number
  /** Records of this log, a site's, that have a new version or have ended. */
  changed: readonly RecordId[]
  /** The last requirements entry among them. */
  requirements: PublishedRequirements | null
}

/**
 * Refuses entries that the writer of this log may not write.
 *
 * @throws ProtocolError `malformed`
 */
export function assertWriter(entries: readonly Entry[], isCoordinator: boolean): void {
  for (const entry of entries)
    if (isSiteEntry(entry) === isCoordinator)
      throw new ProtocolError(
        'malformed',
        '/type',
        'an entry that the writer of this log may write',
      )
}

interface Fold {
  states: Map<RecordId, RecordState>
  changed: Set<RecordId>
  /** Indexes of bodies that are superseded or ended. */
  doomed: number[]
}

function isOrdered(orders: readonly Order[], record: RecordId, firstIndex: number): boolean {
  return orders.some(
    (order) => order.record === record || (order.record === null && firstIndex < order.size),
  )
}

/**
 * A withdrawn record never lives again, and a version is not replaced by an older one. What an order
 * has ended stays ended, but its later versions are noted: the home may have written them before it
 * knew of the order, and whichever of the two logs comes first, the state is the same.
 */
function applyPublish(fold: Fold, entry: Publish, index: number, orders: readonly Order[]): void {
  const known = fold.states.get(entry.record)
  if (known !== undefined && (known.endIndex !== null || entry.version <= known.version)) return
  const first = known === undefined || known.firstIndex < 0 ? null : known
  if (known?.live === true) fold.doomed.push(known.index)
  fold.changed.add(entry.record)
  const firstIndex = first?.firstIndex ?? index
  fold.states.set(entry.record, {
    record: entry.record,
    firstIndex,
    index,
    version: entry.version,
    live: known?.live !== false && !isOrdered(orders, entry.record, firstIndex),
    endIndex: null,
    publishedAt: entry.time,
    joinedAt: first?.joinedAt ?? entry.time,
    expires: entry.expires,
  })
}

/** Ends a record; `endIndex` is the withdraw entry, null for an order. */
function endRecord(fold: Fold, record: RecordId, endIndex: number | null): void {
  const known = fold.states.get(record)
  if (known?.live === false && (known.endIndex !== null || endIndex === null)) return
  if (known !== undefined) fold.doomed.push(known.index)
  fold.changed.add(record)
  // The first withdraw entry counts; an order that came before it does not hide its place.
  fold.states.set(record, {
    record,
    firstIndex: known?.firstIndex ?? -1,
    index: known?.index ?? -1,
    version: known?.version ?? 0,
    live: false,
    endIndex,
    publishedAt: known?.publishedAt ?? 0,
    joinedAt: known?.joinedAt ?? 0,
    expires: known?.expires ?? 0,
  })
}

async function loadFold(
  tx: WriteTransaction,
  home: SiteId,
  records: readonly RecordId[],
): Promise<Fold> {
  const known = await tx.records.getMany(home, [...new Set(records)])
  return {
    states: new Map(known.map((state) => [state.record, state])),
    changed: new Set(),
    doomed: [],
  }
}

async function saveFold(
  tx: WriteTransaction,
  home: SiteId,
  fold: Fold,
  wanted: boolean,
): Promise<void> {
  const states = [...fold.changed].flatMap((record) => fold.states.get(record) ?? [])
  await tx.records.save(home, states, wanted)
  if (fold.doomed.length > 0) await tx.bodies.doom(home, fold.doomed)
}

/**
 * Applies entries of a site's log.
 *
 * @param from index of the first entry
 * @param orders the coordinator's orders against this home, which may precede what they end
 * @param wanted whether live records' bodies should be asked for: not where the caller has them
 */
export async function applySiteEntries(
  tx: WriteTransaction,
  home: SiteId,
  entries: readonly SiteEntry[],
  context: { from: number; orders: readonly Order[]; wanted: boolean },
): Promise<Applied> {
  const about = entries.filter((entry): entry is Publish | Withdraw => 'record' in entry)
  const fold = await loadFold(
    tx,
    home,
    about.map((entry) => entry.record),
  )
  const applied: Applied = { withdrawals: 0, publishes: 0, changed: [], requirements: null }
  for (const [offset, entry] of entries.entries()) {
    const index = context.from + offset
    switch (entry.type) {
      case 'publish':
        applied.publishes += 1
        applyPublish(fold, entry, index, context.orders)
        break
      case 'withdraw':
        applied.withdrawals += 1
        endRecord(fold, entry.record, index)
        break
      case 'requirements':
        applied.requirements = {
          requirements: entry.requirements,
          excludes: entry.excludes,
          index,
        }
        break
      case 'told':
        await tx.breaches.saveTold({
          breach: entry.breach,
          site: home,
          affected: entry.affected,
          told: entry.told,
          time: entry.time,
          index,
        })
        break
    }
  }
  await saveFold(tx, home, fold, context.wanted)
  applied.changed = [...fold.changed]
  if (applied.requirements !== null) await tx.logs.saveRequirements(home, applied.requirements)
  return applied
}

async function applyOrder(tx: WriteTransaction, order: Order): Promise<void> {
  if (order.record === null) {
    await tx.records.endBelow(order.site, order.size)
    await tx.bodies.doomStale(order.site)
    return
  }
  const fold = await loadFold(tx, order.site, [order.record])
  endRecord(fold, order.record, null)
  await saveFold(tx, order.site, fold, false)
}

/** Applies entries of the coordinator's log at `self`: orders and expulsions erase. */
export async function applyCoordinatorEntries(
  tx: WriteTransaction,
  self: SiteId,
  entries: readonly CoordinatorEntry[],
): Promise<Applied> {
  const applied: Applied = { withdrawals: 0, publishes: 0, changed: [], requirements: null }
  for (const entry of entries) {
    if (entry.type === 'order') {
      applied.withdrawals += 1
      await applyOrder(tx, entry)
    } else if (entry.type === 'expel') {
      applied.withdrawals += 1
      // An expelled site loses what it holds of others; the others lose what they hold of it.
      const homes =
        entry.site === self
          ? (await tx.logs.all()).map((log) => log.site).filter((site) => site !== self)
          : [entry.site]
      for (const home of homes) await tx.bodies.doom(home, 'all')
    }
  }
  return applied
}
