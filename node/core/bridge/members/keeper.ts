/** The keeper of members that the old module sends: its parts, one at a time. */
import { fromHex, toHex } from '../../../../protocol/bytes.ts'
import { createLock } from '../../lock.ts'
import type { Photos } from '../../ports.ts'
import type { PublishPorts } from '../../record/publish.ts'
import type { Site } from '../../site.ts'
import { createEnding } from './ending.ts'
import { changed, inputOf } from './hold-content.ts'
import type { BridgedMember, ConsentOutcome, GivenConsent, Holds } from './holds.ts'
import { createIntake, MODULE_NOTICE } from './intake.ts'
import { createMerging } from './merging.ts'
import { createPhotoPuller } from './photos.ts'
import { createPublishing } from './publishing.ts'
import { createRegister } from './register.ts'
import type { BridgedRow, NetId } from '../rows.ts'
import { createUpkeep } from './upkeep.ts'

/** What it needs of the site and of the world. */
export type HoldPorts = Pick<PublishPorts, 'store' | 'vault' | 'clock' | 'random'> & {
  site: Pick<Site, 'publisher' | 'withdrawer' | 'ownPictures' | 'members' | 'memberKeyOf'> & {
    node: Pick<Site['node'], 'eraser' | 'view'>
  }
  photos: Photos
  contact: {
    /** Unix seconds of the module's last call; null before the first. */
    lastSeenAt: () => number | null
  }
}
export interface HoldSettings {
  /** Seconds for which a member without a consent is held. */
  holdSeconds: number
  /** Seconds without a call of the module after which the site has left. */
  silenceSeconds: number
}

const BATCH = 1000
/**
 * Seconds for which a silence must have been noticed before it counts: this node may have been off
 * itself, or its clock have jumped.
 */
const LISTENING_SECONDS = 3600

function shown(row: BridgedRow, localId: number): BridgedMember {
  const { state, netId, refusal, losses, receivedAt, changedAt, expiresAt } = row
  return { localId, state, netId, refusal, losses, receivedAt, changedAt, expiresAt }
}

/** Creates the keeper of members that the module sends. */
export function createHolds(ports: HoldPorts, settings: HoldSettings): Holds {
  const { store, clock, contact, photos, site } = ports
  const { members, withdrawer, publisher, ownPictures, memberKeyOf } = site
  const { holdSeconds, silenceSeconds } = settings
  const lock = createLock()
  const register = createRegister({ ...ports, members, memberKeyOf, eraser: site.node.eraser })
  const common = { store, clock, register, members }
  const ending = createEnding({ ...common, withdrawer }, { holdSeconds })
  const publishing = createPublishing({ ...common, publisher, ending })
  const intake = createIntake({ ...common, view: site.node.view, ending }, { holdSeconds })
  const update = createMerging({ ...common, publishing, ending })
  const puller = createPhotoPuller({ ...common, photos, ownPictures })
  const upkeep = createUpkeep({ ...common, lock, publishing, puller })
  /** Since when the module's silence has been noticed; null while it calls. */
  let silentSince: number | null = null
  /** Whether members may have been published without their rows knowing it, by a crash or a fault. */
  let isStale = true
  let ticking: Promise<void> | null = null

  async function removed(ids: readonly number[]): Promise<NetId[]> {
    const netIds = [...new Set(ids.filter((id) => id > 0))]
    const rows = await register.byNetIds(netIds)
    await ending.end(rows, 'erased', MODULE_NOTICE)
    if (ids.includes(0)) await ending.zero()
    const own = new Set(rows.map(({ netId }) => netId))
    return netIds.filter((netId) => !own.has(netId))
  }

  async function consent(given: readonly GivenConsent[]): Promise<ConsentOutcome[]> {
    const outcomes: ConsentOutcome[] = []
    for (let from = 0; from < given.length; from += BATCH) {
      const batch = given.slice(from, from + BATCH)
      try {
        const some = await lock(() => publishing.consent(batch), 'bulk')
        for (const outcome of some) outcomes.push(outcome)
      } catch (error) {
        isStale = true
        throw error
      }
    }
    return outcomes
  }

  async function withdraw(localIds: readonly number[], notice: string): Promise<number[]> {
    const ids = [...new Set(localIds)]
    const rows = await register.ofLocalIds(ids)
    const withdrawn = await withdrawer.withdraw(ids.map(String), 'consent-withdrawn', notice)
    await register.forget(rows)
    const known = new Set(rows.map(({ memberKey }) => toHex(memberKey)))
    return ids.filter((id) => known.has(register.nameOf(id)) || withdrawn.has(String(id)))
  }

  /** Finds held members whose record is live. */
  async function repair(): Promise<void> {
    if (!isStale) return
    for await (const rows of register.pages('held')) {
      const keys = rows.map(({ memberKey }) => memberKey)
      const living = await store.read((tx) => tx.members.byKeys(keys))
      const names = new Set(living.map(({ memberKey }) => toHex(memberKey)))
      await publishing.settle(rows.filter(({ memberKey }) => names.has(toHex(memberKey))))
    }
    isStale = false
  }

  async function expire(): Promise<void> {
    const now = clock.now()
    for (;;) {
      const rows = await store.read((tx) => tx.bridge.expired(now, BATCH))
      if (rows.length === 0) return
      await ending.end(rows, 'consent-withdrawn', MODULE_NOTICE)
    }
  }

  /** A site that is not heard of has left, and its members with it. */
  async function leave(): Promise<void> {
    const now = clock.now()
    const lastSeenAt = contact.lastSeenAt()
    if (lastSeenAt === null || now - lastSeenAt < silenceSeconds) {
      silentSince = null
      return
    }
    silentSince ??= now
    if (now - silentSince < LISTENING_SECONDS) return
    for await (const rows of register.pages()) await ending.end(rows, 'erased', MODULE_NOTICE)
  }

  async function tick(): Promise<void> {
    await lock(repair)
    await lock(expire)
    await lock(leave)
    if ((await store.read((tx) => tx.bridge.doomed(1))).length > 0) await site.node.eraser.flush()
    await upkeep()
  }

  return {
    put: (profiles) => lock(() => intake.put(profiles)),
    numbers: () => lock(intake.numbers),
    update: (updates) => lock(() => update(updates)),
    removed: (ids) => lock(() => removed(ids)),
    consent,
    withdraw: (localIds, notice) => lock(() => withdraw(localIds, notice)),
    keep: (localIds) =>
      lock(async () => {
        const kept = await ending.keep(await register.ofLocalIds(localIds))
        return [...(await register.localIdsOf(kept)).values()]
      }),
    get: async (localId) => {
      const [row] = await register.ofLocalIds([localId])
      return row === undefined ? null : shown(row, localId)
    },
    profileOf: async (localId) => {
      const entries = await register.entries(await register.ofLocalIds([localId]))
      const { content = null, source = null } = entries.get(register.nameOf(localId)) ?? {}
      const profile = content?.profile ?? (source === null ? null : inputOf(source))
      if (content === null || profile === null) return null
      const urls = content.photos.map(({ url }) => url).filter((url) => url !== '')
      return {
        profile: changed(profile, content.change),
        icon: content.icon?.url || null,
        photos: urls,
      }
    },
    list: async ({ state, after, limit }) => {
      const page = {
        limit,
        ...(state !== undefined && { state }),
        ...(after !== undefined && { after: fromHex(after) }),
      }
      const rows = await store.read((tx) => tx.bridge.list(page))
      const localIds = await register.localIdsOf(rows)
      const last = rows.at(-1)
      return {
        members: rows.flatMap((row) => {
          const localId = localIds.get(toHex(row.memberKey))
          return localId === undefined ? [] : [shown(row, localId)]
        }),
        next: last === undefined || rows.length < limit ? null : toHex(last.memberKey),
      }
    },
    memberOf: async (netId) => {
      const [row] = await register.byNetIds([netId])
      if (row?.state !== 'published') return null
      const localId = (await register.localIdsOf([row])).get(toHex(row.memberKey))
      return localId === undefined ? null : String(localId)
    },
    netIdOf: (record) =>
      store.read(async (tx) => {
        const member = await tx.members.byRecord(record)
        const [row] = member === null ? [] : await tx.bridge.members([member.memberKey])
        return row?.state === 'published' ? row.netId : null
      }),
    tick: () => {
      ticking ??= tick().finally(() => {
        ticking = null
      })
      return ticking
    },
  }
}
