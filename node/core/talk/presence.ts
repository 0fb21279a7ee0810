/**
 * Who of this site's members is online, and which partners are told: in memory only, through the
 * gate for each record and partner at each release, over when nobody renews it.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { decideHome, decideRecord } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { ONLINE_RECORDS, PRESENCE_RECORDS, PRESENCE_SECONDS } from '../../../protocol/limits.ts'
import type { PresenceReply } from '../../../protocol/talk.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto } from '../ports.ts'
import { memberKeyOf } from '../record/member.ts'
import type { BodyColumns, Store } from '../store.ts'
import type { View } from '../view.ts'
import { gatedColumns } from './sight.ts'

export const PRESENCE_STATES = ['online', 'offline', 'invisible'] as const
export type PresenceState = (typeof PRESENCE_STATES)[number]

/** What the website is told of one of its members. */
export interface OwnPresence {
  state: PresenceState
  /** Unix seconds until which it holds without being renewed; null where there is nothing to end. */
  until: number | null
}
export type PresenceOutcome =
  ({ kind: 'set' } & OwnPresence) | { kind: 'refused'; error: ProtocolError }

/** Seconds after which a stream is ended, so that its watcher asks for the whole picture anew. */
const STREAM_SECONDS = 600
const BATCH = 512

export interface Presence {
  /** Sets members; outcomes are in the order of the input. */
  set: (changes: readonly { id: string; state: PresenceState }[]) => Promise<PresenceOutcome[]>
  /** @throws ProtocolError `not_found` at `/id` */
  get: (id: string) => Promise<OwnPresence>
  /** A partner watches: everything that it may know, then changes as they come. */
  watch: (from: SiteId) => AsyncIterable<PresenceReply>
  /** Records have ended: nobody is told that they are online from here on. */
  end: (records: readonly RecordId[]) => void
  /** What may be told of a record has changed, or of all of them. */
  lookAgain: (records?: Iterable<RecordId>) => void
  /** Ends what was not renewed, and looks at whom a lease or a measure concerns. */
  tick: () => void
  /** Sends a sign of life to each watcher. */
  beat: () => void
  stop: () => void
}

interface Held {
  state: 'online' | 'invisible'
  until: number
}

/** One watching partner. What waits for it is a set of changes, so that it cannot grow. */
interface Watcher {
  site: SiteId
  since: number
  told: Set<RecordId>
  /** True for online. */
  pending: Map<RecordId, boolean>
  isAll: boolean
  isAlive: boolean
  isOver: boolean
  /** The home's part of the gate, as it was last. */
  wasOpen: boolean
  wake: () => void
}

function nextFrame(watcher: Watcher): PresenceReply | null {
  const { pending, isAll } = watcher
  if (!isAll && pending.size === 0 && !watcher.isAlive) return null
  const reply: PresenceReply = { isAll, online: [], offline: [] }
  for (const [record, isOnline] of pending) {
    if (reply.online.length + reply.offline.length >= PRESENCE_RECORDS) break
    pending.delete(record)
    ;(isOnline ? reply.online : reply.offline).push(record)
  }
  watcher.isAlive = false
  // The first frame after the whole picture ends it, so it goes at once, even with nothing in it.
  if (isAll && pending.size === 0) {
    watcher.isAll = false
    watcher.isAlive = true
  }
  return reply
}

const noMember = new ProtocolError('not_found', '/id', 'a member with a live record')

/** Creates the home's side. */
export function createPresence(ports: {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  /** Whether others have confirmed that this node is not behind its own log. */
  isWritable: () => boolean
  /** Runs a task aside, once at a time. */
  coalesced: (name: string, task: () => Promise<void>) => () => void
}): Presence {
  const { view, store, clock, crypto, keys, isWritable } = ports
  const held = new Map<RecordId, Held>()
  const watchers = new Map<SiteId, Watcher>()
  const changed = new Set<RecordId>()

  function isOnline(record: RecordId): boolean {
    const one = held.get(record)
    if (one === undefined || one.state !== 'online') return false
    const left = one.until - clock.now()
    // A clock that went back must not keep anybody online for longer.
    return left > 0 && left <= PRESENCE_SECONDS
  }
  function isOpen(site: SiteId): boolean {
    return isWritable() && decideHome(view.gate(view.self, site)).kind === 'allowed'
  }
  function tell(watcher: Watcher, record: RecordId, isShown: boolean): void {
    if (watcher.told.has(record) === isShown) return
    if (isShown) watcher.told.add(record)
    else watcher.told.delete(record)
    watcher.pending.set(record, isShown)
    watcher.wake()
  }
  async function release(records: readonly RecordId[], to: readonly Watcher[]): Promise<void> {
    const online = records.filter(isOnline)
    const { bodies, blocks } = await store.read(async (tx) => ({
      bodies: online.length === 0 ? [] : await tx.bodies.ofRecords(view.self, online),
      blocks: online.length === 0 ? [] : await tx.blocks.ofMany(online),
    }))
    const byRecord = new Map<RecordId, BodyColumns>(bodies.map((body) => [body.record, body]))
    // A partner cannot tell for which of its members a presence is meant. So who has blocked one of
    // them is not shown as online to any of them.
    const hidden = new Set(blocks.map(({ record, home }) => `${record} ${home}`))
    for (const watcher of to) {
      const gate = view.gate(view.self, watcher.site)
      const isHomeOpen = isOpen(watcher.site)
      for (const record of records) {
        const body = byRecord.get(record)
        // Asked again: it may have ended while the store was read.
        const isShown =
          isHomeOpen &&
          body !== undefined &&
          isOnline(record) &&
          !hidden.has(`${record} ${watcher.site}`) &&
          decideRecord(gate, gatedColumns(body), 'presence').kind === 'allowed'
        tell(watcher, record, isShown)
      }
    }
  }
  async function releaseAll(records: Iterable<RecordId>, to: readonly Watcher[]): Promise<void> {
    const list = [...records]
    for (let at = 0; at < list.length; at += BATCH) await release(list.slice(at, at + BATCH), to)
  }
  const flush = ports.coalesced('presence', async () => {
    const records = [...changed]
    changed.clear()
    if (watchers.size > 0) await releaseAll(records, [...watchers.values()])
  })

  function lookAgain(records: Iterable<RecordId> = held.keys()): void {
    const before = changed.size
    for (const record of records) if (held.has(record)) changed.add(record)
    if (changed.size > before) flush()
  }
  function drop(record: RecordId): void {
    held.delete(record)
    for (const watcher of watchers.values()) tell(watcher, record, false)
  }
  function keep(record: RecordId, state: Held['state']): number {
    const until = clock.now() + PRESENCE_SECONDS
    // In the order of renewal, so that the first one is the one to go where it gets too full.
    held.delete(record)
    held.set(record, { state, until })
    if (held.size > ONLINE_RECORDS)
      for (const oldest of held.keys()) {
        drop(oldest)
        break
      }
    return until
  }
  function end(watcher: Watcher): void {
    watcher.isOver = true
    watcher.pending.clear()
    if (watchers.get(watcher.site) === watcher) watchers.delete(watcher.site)
    watcher.wake()
  }

  function open(site: SiteId): Watcher {
    const before = watchers.get(site)
    if (before !== undefined) end(before)
    const watcher: Watcher = {
      site,
      since: clock.now(),
      told: new Set(),
      pending: new Map(),
      isAll: true,
      isAlive: false,
      isOver: false,
      wasOpen: isOpen(site),
      wake: () => undefined,
    }
    watchers.set(site, watcher)
    return watcher
  }
  async function next(watcher: Watcher): Promise<IteratorResult<PresenceReply, undefined>> {
    for (;;) {
      if (watcher.isOver) return { done: true, value: undefined }
      const frame = nextFrame(watcher)
      if (frame !== null) return { done: false, value: frame }
      await new Promise<void>((resolve) => {
        watcher.wake = resolve
      })
    }
  }
  /** Not a generator: that could not be told to return while it waits. */
  function iterate(watcher: Watcher): AsyncIterator<PresenceReply, undefined> {
    let begun: Promise<void> | null = null
    return {
      next: async () => {
        begun ??= releaseAll(held.keys(), [watcher])
        await begun
        return next(watcher)
      },
      return: async () => {
        end(watcher)
        return { done: true, value: undefined }
      },
    }
  }

  async function recordsOf(ids: readonly string[]): Promise<(RecordId | undefined)[]> {
    const wanted = ids.map((id) => memberKeyOf(crypto, keys, id))
    const rows = await store.read((tx) => tx.members.byKeys(wanted))
    const byKey = new Map(rows.map((row) => [toHex(row.memberKey), row.record]))
    return wanted.map((key) => byKey.get(toHex(key)))
  }
  return {
    set: async (changes) => {
      const found = await recordsOf(changes.map(({ id }) => id))
      const known = found.filter((record) => record !== undefined)
      const bodies = await store.read((tx) => tx.bodies.ofRecords(view.self, known))
      const sharing = new Set(
        bodies.filter(({ scopes }) => scopes.includes('presence')).map(({ record }) => record),
      )
      return changes.map(({ state }, place): PresenceOutcome => {
        const record = found[place]
        if (record === undefined) return { kind: 'refused', error: noMember }
        if (state === 'offline') {
          drop(record)
          return { kind: 'set', state, until: null }
        }
        // Nothing is kept about a member without consent, not even in memory.
        if (!sharing.has(record))
          return {
            kind: 'refused',
            error: new ProtocolError('no_consent', '', 'a consent with the scope presence'),
          }
        const wasOnline = isOnline(record)
        const until = keep(record, state)
        if (wasOnline !== (state === 'online')) lookAgain([record])
        return { kind: 'set', state, until }
      })
    },
    get: async (id) => {
      const [record] = await recordsOf([id])
      if (record === undefined) throw noMember
      const one = held.get(record)
      return one === undefined || one.until <= clock.now()
        ? { state: 'offline', until: null }
        : { state: one.state, until: one.until }
    },
    watch: (from) => ({ [Symbol.asyncIterator]: () => iterate(open(from)) }),
    end: (ended) => {
      for (const record of ended) drop(record)
    },
    lookAgain,
    tick: () => {
      const now = clock.now()
      for (const [record, { until }] of held)
        if (until <= now || until - now > PRESENCE_SECONDS) drop(record)
      for (const watcher of watchers.values()) {
        const isOpenNow = isOpen(watcher.site)
        if (isOpenNow !== watcher.wasOpen) lookAgain()
        watcher.wasOpen = isOpenNow
        if (Math.abs(now - watcher.since) > STREAM_SECONDS) end(watcher)
      }
    },
    beat: () => {
      for (const watcher of watchers.values()) {
        watcher.isAlive = true
        watcher.wake()
      }
    },
    stop: () => {
      for (const watcher of watchers.values()) end(watcher)
    },
  }
}
