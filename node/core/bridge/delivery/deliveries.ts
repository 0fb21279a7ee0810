/** Records of other sites handed to the old module: a few at a time, and removals before all else. */
import { equalBytes } from '../../../../protocol/bytes.ts'
import type { RecordId, SiteId } from '../../../../protocol/ids.ts'
import type { PrivateKeys } from '../../identity.ts'
import { createLock } from '../../lock.ts'
import type { PictureShow } from '../../picture/show.ts'
import type { Crypto, Images, Random } from '../../ports.ts'
import type { Discovery } from '../../record/discover.ts'
import type { RecordName } from '../../search/query.ts'
import type { WriteTransaction } from '../../store.ts'
import type { ModuleContact } from '../contact/contact.ts'
import {
  createDeliveryWatch,
  endDeliveries,
  isUnwanted,
  type DeliveryWatchPorts,
} from './delivery-watch.ts'
import { drawNetIds } from '../numbers.ts'
import { createOfferWalk } from './offer-walk.ts'
import type { ModuleProfile } from './profile-out.ts'
import { createRendering } from './rendering.ts'
import type { DeliveryRow, NetId } from '../rows.ts'

export type { ModuleProfile }

export interface Deliveries {
  /** `get_profiles`: records that the module is to add. */
  offers: () => Promise<ModuleProfile[]>
  /** `put_profiles_status`: the module has added these. */
  added: (ids: readonly NetId[]) => Promise<void>
  /** `get_removed`: what the module is to remove. */
  removals: () => Promise<NetId[]>
  /** `put_removed`: the module has removed these, on our word or its own. Returns unknown ones. */
  removed: (ids: readonly NetId[]) => Promise<NetId[]>
  /** `get_updated`: records that the module has, as they are now. */
  updates: () => Promise<ModuleProfile[]>
  /** The record behind a number that the module has, where it may be shown now. */
  recordOf: (netId: NetId) => Promise<{ home: SiteId; record: RecordId } | null>
  /** The number under which the module has a record; null where it has not. */
  netIdOf: (home: SiteId, record: RecordId) => Promise<NetId | null>
  /** The file behind an address that was given to the module, as JPEG; null where it may not be seen. */
  picture: (netId: NetId, name: string) => Promise<{ bytes: Uint8Array; until: number } | null>
  /** Follows the feed: what appeared, changed, vanished. */
  tick: () => Promise<void>
}

/**
 * Records offered and not confirmed at most, with those that are to be removed since. Of more the
 * module's job, which adds five in a run and removes fifteen, could remove one before it adds it: it
 * would say that it is removed, and have it from the next run on.
 */
export const OPEN_OFFERS = 5
/** Seconds after which an offer is repeated: the module handles some every 21 minutes. */
export const OFFER_SECONDS = 30 * 60
/** Offers of one record. */
export const OFFER_TRIES = 4
/** Updates given in so many seconds: the module never confirms one, and handles 5 every 21 minutes. */
export const UPDATES = 5
export const UPDATE_SECONDS = 25 * 60
/** Removals in one answer. */
const REMOVALS = 10_000
/**
 * Seconds until a removal is told again: the module asks every 40 and queues what it is told, so that
 * repeats would fill its queue before anything else gets a turn.
 */
export const REMOVAL_SECONDS = 600
/** Records that are due looked at in one call. */
const DUE = 50
/** Records that are remembered to be looked at before others. */
const FRESH = 500
/** Setting with the times at which updates were given. */
const UPDATE_TIMES = 'bridge-updates'

/** What deliveries need of the site, and of the module's contact. */
export interface DeliveryPorts extends Omit<DeliveryWatchPorts, 'onNews'> {
  discovery: Pick<Discovery, 'get' | 'list'>
  pictures: PictureShow
  images: Pick<Images, 'toJpeg'>
  random: Random
  crypto: Pick<Crypto, 'hmacSha256'>
  keys: Pick<PrivateKeys, 'links'>
  contact: Pick<ModuleContact, 'canRemove'>
  /** The address of this node for browsers, without a slash at its end. */
  publicUrl: string
}

/** What one call has found out of rows, to be written before it is answered. */
interface Outcome {
  saved: DeliveryRow[]
  ended: DeliveryRow[]
  profiles: ModuleProfile[]
}

/**
 * A list that begins elsewhere each time. Where the module has the last one of a list in its queue,
 * it drops all of the list: so new ones are last, and of repeats each is in its turn.
 */
function turned<T>(list: readonly T[], turns: number): T[] {
  const at = list.length === 0 ? 0 : turns % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

/** Creates deliveries. Calls wait for one another: the module's loops may overlap. */
export function createDeliveries(ports: DeliveryPorts): Deliveries {
  const { store, discovery, pictures, images, random, clock, contact, view } = ports
  const lock = createLock()
  const walk = createOfferWalk(ports)
  /**
   * Records to be looked at before the walk goes on: those that the feed has named, and those whose
   * pictures were on their way. In memory: a start walks by all anew.
   */
  const fresh = new Map<string, RecordName>()
  const onNews = (names: readonly RecordName[] | 'many'): void => {
    const isFew = names !== 'many' && fresh.size + names.length <= FRESH
    if (isFew)
      for (const { home, record } of names) fresh.set(`${home} ${record}`, { home, record })
    else walk.news()
  }
  const watch = createDeliveryWatch({ ...ports, onNews })
  /** When removals were told last. In memory: a start tells all of them anew. */
  let told = new Map<NetId, number>()
  /** How often removals were repeated. */
  let turns = 0
  const rendering = createRendering({ ...ports, self: view.self })

  /** Not to a module that cannot remove, nor to one that does not. */
  async function mayGive(): Promise<boolean> {
    if (contact.canRemove() !== 'yes') return false
    const [oldest] = await store.read((tx) => tx.bridge.removals(1))
    const { erasureDeadlineSeconds } = view.registry().terms
    return oldest === undefined || clock.now() - oldest.since < erasureDeadlineSeconds
  }
  async function end({ ended, saved }: Outcome, tx: WriteTransaction): Promise<void> {
    await endDeliveries(tx, ended, clock.now())
    await tx.bridge.saveDeliveries(saved)
  }

  /** Repeats what is due to be; returns how many offers stay open. */
  async function repeat(outcome: Outcome): Promise<number> {
    const rows = await store.read((tx) =>
      tx.bridge.listDeliveries({ state: 'offered', above: 0, limit: OPEN_OFFERS }),
    )
    const now = clock.now()
    let open = 0
    for (const row of rows) {
      const since = now - row.offeredAt
      const isWaiting = since >= 0 && since < OFFER_SECONDS
      if (!isWaiting && row.tries >= OFFER_TRIES) {
        outcome.saved.push({ ...row, state: 'refused' })
        continue
      }
      const rendered = isWaiting ? null : await rendering.render(row.netId, row.home, row.record)
      if (rendered === null || rendered.kind === 'early') open += 1
      else if (rendered.kind === 'rendered') {
        const { index, gallery, profile } = rendered
        const tries = row.tries + 1
        outcome.saved.push({ ...row, index, gallery, offeredAt: now, tries, dueAt: null })
        outcome.profiles.push(profile)
        open += 1
      } else if (rendered.kind === 'hidden' && (await watch.isAwaited(row.home))) open += 1
      else outcome.ended.push(row)
    }
    return open
  }

  /** Offers those of `names` that can be now; the others with their pictures on the way are kept. */
  async function offer(outcome: Outcome, names: readonly RecordName[]): Promise<void> {
    const now = clock.now()
    const netIds = await store.read((tx) => drawNetIds(tx.bridge, random, names.length))
    for (const [at, { home, record }] of names.entries()) {
      const netId = netIds[at] ?? 0
      const rendered = await rendering.render(netId, home, record)
      if (rendered.kind === 'early') fresh.set(`${home} ${record}`, { home, record })
      if (rendered.kind !== 'rendered') continue
      fresh.delete(`${home} ${record}`)
      const { index, gallery, profile } = rendered
      const first = { offeredAt: now, tries: 1, dueAt: null }
      outcome.saved.push({ netId, home, record, state: 'offered', index, gallery, ...first })
      outcome.profiles.push(profile)
    }
  }
  async function offerNew(outcome: Outcome, count: number): Promise<void> {
    const most = outcome.profiles.length + count
    const waiting = [...fresh].slice(0, count)
    for (const [name] of waiting) fresh.delete(name)
    await offer(
      outcome,
      waiting.map(([, name]) => name),
    )
    const left = most - outcome.profiles.length
    // With as many as can be remembered the walk stays where it is.
    if (left === 0 || fresh.size >= FRESH) return
    const chosen = new Set(waiting.map(([name]) => name))
    const names = await walk.next(left)
    await offer(
      outcome,
      names.filter(({ home, record }) => !chosen.has(`${home} ${record}`)),
    )
  }

  /** Looks at what is due until there are `count` updates. */
  async function update(outcome: Outcome, count: number): Promise<void> {
    for (const row of await store.read((tx) => tx.bridge.due(DUE))) {
      if (outcome.profiles.length >= count) return
      const rendered = await rendering.render(row.netId, row.home, row.record)
      if (rendered.kind === 'early') continue
      if (rendered.kind !== 'rendered') {
        if (rendered.kind === 'unsaid' || !(await watch.isAwaited(row.home)))
          outcome.ended.push(row)
        continue
      }
      const { index, gallery, profile } = rendered
      if (!equalBytes(gallery, row.gallery)) {
        // The module would keep the gallery that it has: it is to forget all, and is offered it anew.
        outcome.ended.push(row)
        onNews([{ home: row.home, record: row.record }])
        continue
      }
      outcome.saved.push({ ...row, index, dueAt: null })
      if (index !== row.index) outcome.profiles.push(profile)
    }
  }
  /** Times of the updates that count still. */
  async function updateTimes(now: number): Promise<number[]> {
    const text = (await store.read((tx) => tx.desk.setting(UPDATE_TIMES))) ?? ''
    return text
      .split(' ')
      .map(Number)
      .filter((time) => time > now - UPDATE_SECONDS && time <= now)
  }

  /** What the module may have, by its number. */
  async function heldUnder(netId: NetId): Promise<DeliveryRow | null> {
    const [row] = await store.read((tx) => tx.bridge.deliveries([netId]))
    return row === undefined || isUnwanted(row) ? null : row
  }

  return {
    offers: () =>
      lock(async () => {
        if (!(await mayGive())) return []
        const outcome: Outcome = { saved: [], ended: [], profiles: [] }
        const queued = await store.read((tx) => tx.bridge.queuedRemovals())
        const open = queued + (await repeat(outcome))
        if (open < OPEN_OFFERS) await offerNew(outcome, OPEN_OFFERS - open)
        if (outcome.saved.length + outcome.ended.length === 0 && !walk.hasMoved()) return []
        await store.write(async (tx) => {
          await end(outcome, tx)
          await walk.save(tx)
        })
        return outcome.profiles
      }),
    added: (ids) =>
      lock(() =>
        store.write(async (tx) => {
          const known = await tx.bridge.deliveries(ids)
          // One that was given up may have waited in the module's queue.
          const rows = known.filter((row) => !isUnwanted(row))
          await tx.bridge.saveDeliveries(rows.map((row) => ({ ...row, state: 'here' as const })))
          // It has somebody of whom nothing is known here, as after a removal that came first.
          const own = await tx.bridge.byNetIds(ids)
          const named = new Set([...known, ...own].map(({ netId }) => netId))
          await tx.bridge.addRemovals(
            ids.filter((id) => !named.has(id)),
            clock.now(),
          )
        }),
      ),
    removals: () =>
      lock(async () => {
        const now = clock.now()
        const waiting = await store.read((tx) => tx.bridge.removals(REMOVALS))
        const first: NetId[] = []
        const again: NetId[] = []
        for (const { netId } of waiting) {
          const toldAt = told.get(netId)
          if (toldAt === undefined) first.push(netId)
          else if (now < toldAt || now - toldAt >= REMOVAL_SECONDS) again.push(netId)
        }
        const due = new Set([...first, ...again])
        told = new Map(
          waiting.map(({ netId }) => [netId, due.has(netId) ? now : (told.get(netId) ?? now)]),
        )
        if (again.length > 0) turns += 1
        return [...turned(again, turns), ...first]
      }),
    removed: (ids) =>
      lock(() =>
        store.write(async (tx) => {
          const done = await tx.bridge.removing(ids)
          await tx.bridge.removeRemovals(done)
          // It may come back, by an offer that waited in the queue, and is then told of at once.
          for (const id of done) told.delete(id)
          const rows = await tx.bridge.deliveries(ids)
          await tx.bridge.saveDeliveries(
            rows.map((row) => ({ ...row, state: 'refused' as const, tries: 0, dueAt: null })),
          )
          const known = new Set([...done, ...rows.map(({ netId }) => netId)])
          return ids.filter((id) => !known.has(id))
        }),
      ),
    updates: () =>
      lock(async () => {
        if (!(await mayGive())) return []
        const now = clock.now()
        const times = await updateTimes(now)
        const outcome: Outcome = { saved: [], ended: [], profiles: [] }
        await update(outcome, UPDATES - times.length)
        if (outcome.saved.length + outcome.ended.length === 0) return []
        times.push(...outcome.profiles.map(() => now))
        await store.write(async (tx) => {
          await end(outcome, tx)
          await tx.desk.setSetting(UPDATE_TIMES, times.join(' '))
        })
        return outcome.profiles
      }),
    recordOf: async (netId) => {
      const row = await heldUnder(netId)
      if (row === null || (await discovery.get(row.home, row.record)) === null) return null
      return { home: row.home, record: row.record }
    },
    netIdOf: async (home, record) => {
      const [row] = await store.read((tx) => tx.bridge.deliveriesOf(home, [record]))
      return row?.state === 'here' ? row.netId : null
    },
    picture: async (netId, name) => {
      const row = await heldUnder(netId)
      const visible = row === null ? null : await discovery.get(row.home, row.record)
      if (visible === null) return null
      const picture = rendering.named(netId, visible, name)
      if (picture === null) return null
      const { home, record } = visible
      const shown = await pictures.open({ home, record, picture, size: 'large' })
      if (shown === null) return null
      return { bytes: await images.toJpeg(shown.bytes), until: shown.until }
    },
    tick: () => lock(watch.tick),
  }
}
