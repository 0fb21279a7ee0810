/**
 * Who is online at the other sites, as far as this one may show it. What a home says is a claim:
 * it counts only for a record that is held here and passes the gate, at each reading.
 */
import { decide, type GatedRecord } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { ONLINE_RECORDS } from '../../../protocol/limits.ts'
import type { PresenceReply } from '../../../protocol/talk.ts'
import type { Clock, Network } from '../ports.ts'
import type { Store } from '../store.ts'
import type { View } from '../view.ts'
import type { Website } from '../website.ts'
import { createBuckets } from './limits.ts'
import { gatedColumns } from './sight.ts'

/** Claims of all homes together. */
const MOST_CLAIMS = 2 * ONLINE_RECORDS
const BATCH = 512
/** Claims about records not held here that are looked up again at each tick: a body may come. */
const PENDING_BATCH = 1024
/** Seconds between two looks at everything that is shown. */
const LOOK_SECONDS = 60
/** Seconds for which a claim outlives its stream: it is opened again at once, if it can be. */
const GRACE_SECONDS = 30
const BACKOFF_SECONDS = 2
const BACKOFF_MOST_SECONDS = 60
/** Changes of one home, after which it is not listened to for a while. */
const CHANGES = { perSecond: 1000, burst: 2 * ONLINE_RECORDS }
const DEAF_SECONDS = 600

export interface Online {
  home: SiteId
  record: RecordId
}

export interface Watch {
  /** Whether a record may be shown as online now. */
  isOnline: (home: SiteId, record: RecordId) => boolean
  /** All that may be shown as online now, home by home. */
  list: () => Online[]
  /** A connection was made: the stream is opened. */
  connected: (site: SiteId) => void
  /** Records of a home have a new version, or have ended. */
  changed: (home: SiteId, records: readonly RecordId[]) => void
  /** Something of which it is not known whom it concerns. */
  lookAgain: () => void
  tick: () => void
  stop: () => void
}

interface Claim {
  /** What the gate looks at; null while no body of it is held here. */
  gated: GatedRecord | null
  /** Whether the website was told that it is online. */
  isShown: boolean
  /** Counts the versions heard of, so that what was read before one does not undo it. */
  version: number
}
interface Source {
  claims: Map<RecordId, Claim>
  /** Claims of the stream before that this one has not repeated; null outside its first picture. */
  unsaid: Set<RecordId> | null
  isOpen: boolean
  /** When its stream ended; null while it is open. */
  lostAt: number | null
  failures: number
  /** Not opened again before this time. */
  restUntil: number
}

/** Creates the watcher of all homes. */
export function createWatch(ports: {
  view: View
  store: Store
  clock: Clock
  network: Pick<Network, 'presence' | 'connected'>
  website: Pick<Website, 'show'>
  background: (name: string, task: () => Promise<void>) => void
  coalesced: (name: string, task: () => Promise<void>) => () => void
}): Watch {
  const { view, store, clock, network, website } = ports
  const sources = new Map<SiteId, Source>()
  const changes = createBuckets(CHANGES, clock)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<null>()
  let isStopped = false
  let lookedAt = 0
  let isStale = false
  let claims = 0

  function mayShow(home: SiteId, { gated }: Claim): boolean {
    return (
      gated !== null && decide(view.gate(home, view.self), gated, 'presence').kind === 'allowed'
    )
  }
  /** Tells the website where what may be shown has changed. */
  function show(home: SiteId, record: RecordId, claim: Claim, isShown: boolean): void {
    if (claim.isShown === isShown) return
    claim.isShown = isShown
    const state = isShown ? 'online' : 'offline'
    website.show({ type: 'presence', who: { home, record }, state })
  }
  function forget(home: SiteId, source: Source, record: RecordId): void {
    const claim = source.claims.get(record)
    if (claim === undefined) return
    source.claims.delete(record)
    claims -= 1
    show(home, record, claim, false)
  }

  /** Reads what is held of these records, and shows or hides them. */
  async function look(home: SiteId, source: Source, records: readonly RecordId[]): Promise<void> {
    for (let at = 0; at < records.length; at += BATCH) {
      const batch = records.slice(at, at + BATCH)
      const versions = batch.map((record) => source.claims.get(record)?.version)
      const bodies = await store.read((tx) => tx.bodies.ofRecords(home, batch))
      const held = new Map(bodies.map((body) => [body.record, gatedColumns(body)]))
      for (const [place, record] of batch.entries()) {
        const claim = source.claims.get(record)
        if (claim === undefined || claim.version !== versions[place]) continue
        claim.gated = held.get(record) ?? null
        show(home, record, claim, mayShow(home, claim))
      }
    }
  }
  const lookAtAll = ports.coalesced('watch', async () => {
    lookedAt = clock.now()
    isStale = false
    for (const [home, source] of sources) await look(home, source, [...source.claims.keys()])
  })

  async function take(home: SiteId, source: Source, reply: PresenceReply): Promise<void> {
    // What the whole picture does not say again is void once it is complete.
    if (reply.isAll) source.unsaid ??= new Set(source.claims.keys())
    else {
      for (const record of source.unsaid ?? []) forget(home, source, record)
      source.unsaid = null
    }
    for (const record of reply.online) source.unsaid?.delete(record)
    for (const record of reply.offline) forget(home, source, record)
    for (const record of reply.online) {
      if (source.claims.has(record)) continue
      if (source.claims.size >= ONLINE_RECORDS || claims >= MOST_CLAIMS) break
      source.claims.set(record, { gated: null, isShown: false, version: 0 })
      claims += 1
    }
    await look(home, source, reply.online)
  }

  /** One stream, to its end. */
  async function listen(home: SiteId, source: Source): Promise<void> {
    const frames = network.presence(home)[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await Promise.race([frames.next(), stopped])
        if (next === null || next.done === true) return
        source.lostAt = null
        source.failures = 0
        const { online, offline } = next.value
        for (let at = 0; at < online.length + offline.length; at += 1)
          if (!changes(home)) {
            source.restUntil = clock.now() + DEAF_SECONDS
            return
          }
        await take(home, source, next.value)
      }
    } finally {
      // Not waited for: it ends when the other side has something to say, or the connection goes.
      Promise.resolve(frames.return?.()).catch(() => undefined)
    }
  }
  function opened(home: SiteId): void {
    if (isStopped || home === view.network) return
    const source = sources.get(home) ?? {
      claims: new Map<RecordId, Claim>(),
      unsaid: null,
      isOpen: false,
      lostAt: null,
      failures: 0,
      restUntil: 0,
    }
    sources.set(home, source)
    const rests = source.restUntil - clock.now()
    if (source.isOpen || (rests > 0 && rests <= DEAF_SECONDS)) return
    source.isOpen = true
    source.unsaid = null
    const ended = (): void => {
      source.isOpen = false
      source.lostAt = clock.now()
      source.failures += 1
      const backoff = BACKOFF_SECONDS * 2 ** Math.min(source.failures - 1, 10)
      const until = clock.now() + Math.min(BACKOFF_MOST_SECONDS, backoff)
      // An orderly end comes after the first frame: then the next one is opened at the next tick.
      if (source.failures > 1) source.restUntil = Math.max(source.restUntil, until)
    }
    ports.background('presence', () => listen(home, source).then(ended, ended))
  }

  function isOnline(home: SiteId, record: RecordId): boolean {
    const claim = sources.get(home)?.claims.get(record)
    return claim !== undefined && mayShow(home, claim)
  }
  return {
    isOnline,
    list: () =>
      [...sources].flatMap(([home, source]) =>
        [...source.claims.keys()].flatMap((record) =>
          isOnline(home, record) ? [{ home, record }] : [],
        ),
      ),
    connected: (site) => {
      const source = sources.get(site)
      // Who comes back is asked at once.
      if (source !== undefined && source.restUntil - clock.now() <= BACKOFF_MOST_SECONDS)
        source.restUntil = 0
      opened(site)
    },
    changed: (home, records) => {
      const source = sources.get(home)
      if (source === undefined) return
      const known = records.filter((record) => source.claims.has(record))
      for (const record of known) {
        // Until it is known what the new version allows, or that there is none, nothing is shown.
        const claim = source.claims.get(record)
        if (claim !== undefined) {
          claim.gated = null
          claim.version += 1
        }
      }
      if (known.length > 0) ports.background('watch', () => look(home, source, known))
    },
    lookAgain: () => {
      isStale = true
    },
    tick: () => {
      const now = clock.now()
      for (const [home, source] of sources) {
        const lost = source.lostAt === null ? 0 : Math.abs(now - source.lostAt)
        if (!source.isOpen && lost > GRACE_SECONDS)
          for (const record of source.claims.keys()) forget(home, source, record)
        if (!source.isOpen && source.claims.size === 0 && lost > DEAF_SECONDS) sources.delete(home)
      }
      for (const site of network.connected()) opened(site)
      if (isStale || Math.abs(now - lookedAt) >= LOOK_SECONDS) lookAtAll()
      else
        for (const [home, source] of sources) {
          const open = [...source.claims].flatMap(([record, { gated }]) => (gated ? [] : [record]))
          if (open.length > 0)
            ports.background('watch', () => look(home, source, open.slice(0, PENDING_BATCH)))
        }
    },
    stop: () => {
      isStopped = true
      stop(null)
    },
  }
}
