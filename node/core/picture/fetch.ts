/** Pulls the pictures that held bodies name from any holder, checks every chunk, keeps or drops. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { decideHome } from '../../../protocol/gate.ts'
import type { PictureId, SiteId } from '../../../protocol/ids.ts'
import { PICTURES_PER_REQUEST } from '../../../protocol/limits.ts'
import {
  openManifest,
  receivePicture,
  type IncomingPicture,
  type PictureFiles,
} from '../../../protocol/picture.ts'
import type { PicturesReply } from '../../../protocol/wire.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { FilledPicture, PictureRow, Store } from '../store.ts'
import { reasonOf } from '../tasks.ts'
import type { View } from '../view.ts'
import type { PictureStore } from './files.ts'

/** Bytes kept in memory before they are written together. */
const BATCH_BYTES = 4 * 1024 * 1024
/** Seconds for which a source that had nothing is not asked again; doubled each time. */
const PAUSE_SECONDS = 1
const LONGEST_PAUSE_SECONDS = 64

export interface PictureFetcher {
  /** Asks connected holders for the pictures of a home that are wanted here. */
  fetch: (home: SiteId, hasNews?: boolean) => Promise<void>
  /** Ends what is under way at the next frame. */
  stop: () => void
}

/** A picture that is complete and checked, and not written yet. */
interface Arrived {
  row: PictureRow
  manifest: Uint8Array
  files: PictureFiles
}
/** A picture that is coming in; it outlives the stream that began it. */
interface Begun {
  row: PictureRow
  manifest: Uint8Array
  incoming: IncomingPicture
}

/** Creates the fetcher of pictures of a site node. */
export function createPictureFetcher(ports: {
  view: View
  store: Store
  pictures: Pick<PictureStore, 'keep' | 'discard'>
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'pictures' | 'connected'>
  events: Events
}): PictureFetcher {
  const { view, store, pictures, clock, crypto, network, events } = ports
  const running = new Map<SiteId, Promise<void>>()
  const again = new Set<SiteId>()
  /** By home: where the last look at what is wanted ended, so that none is asked for in vain for ever. */
  const cursors = new Map<SiteId, number>()
  /** By home: the picture that a broken stream has left unfinished. */
  const partials = new Map<SiteId, Begun>()
  const pauses = new Map<string, { since: number; until: number; seconds: number }>()
  const state = { isStopped: false }

  async function keep(home: SiteId, source: SiteId, arrived: readonly Arrived[]): Promise<void> {
    if (arrived.length === 0) return
    const slots = await pictures.keep(
      arrived.map(({ manifest, files: { small, large } }) => ({
        manifest,
        small: small.bytes,
        large: large.bytes,
      })),
    )
    const filled: FilledPicture[] = arrived.flatMap(({ row: { record, picture } }, at) => {
      const own = slots[at]
      return own === undefined ? [] : [{ record, picture, slots: own, digest: null }]
    })
    let kept: readonly FilledPicture[] = []
    try {
      kept = await store.write((tx) => tx.pictures.fill(home, filled))
    } finally {
      // The record may have ended while its picture was on its way: then the keys die unused.
      const fresh = new Set(kept.map((one) => one.slots.small))
      await pictures.discard(slots.filter(({ small }) => !fresh.has(small)))
    }
    if (kept.length > 0)
      events.emit({ type: 'pictures.kept', home, from: source, count: kept.length })
  }

  /** Where a request for this picture goes on. */
  function startOf(home: SiteId, picture: PictureId): number {
    const partial = partials.get(home)
    return partial?.row.picture === picture ? partial.incoming.received() : 0
  }

  /** Takes one frame; returns the picture that it completed. */
  function take(home: SiteId, row: PictureRow, reply: PicturesReply): Arrived | null {
    if (reply.kind === 'manifest') {
      if (startOf(home, row.picture) > 0) return null
      const manifest = openManifest(reply.manifest, row.picture, crypto.sha256)
      const incoming = receivePicture(manifest, crypto.sha256)
      partials.set(home, { row, manifest: reply.manifest.slice(), incoming })
      return null
    }
    if (reply.kind !== 'chunk') return null
    const partial = partials.get(home)
    if (partial?.row.picture !== row.picture)
      throw new ProtocolError('malformed', '/kind', 'the manifest before its chunks')
    partial.incoming.add(reply.bytes)
    const files = partial.incoming.files()
    if (files === null) return null
    partials.delete(home)
    return { row, manifest: partial.manifest, files }
  }

  /** Asks for some pictures; returns how many came. What is complete is kept even if the rest fails. */
  async function ask(home: SiteId, source: SiteId, rows: readonly PictureRow[]): Promise<number> {
    const requirements = (view.requirements(view.self)?.index ?? -1) + 1
    const registry = view.registry().size
    const wishes = rows.map(({ index, picture }) => ({
      index,
      picture,
      from: startOf(home, picture),
    }))
    let batch: Arrived[] = []
    let bytes = 0
    let count = 0
    const flush = async (): Promise<void> => {
      const full = batch
      batch = []
      bytes = 0
      await keep(home, source, full)
    }
    try {
      for await (const reply of network.pictures(source, {
        home,
        requirements,
        registry,
        wishes,
      })) {
        if (state.isStopped) break
        const row = rows[reply.wish]
        const arrived = row === undefined ? null : take(home, row, reply)
        if (arrived === null) continue
        batch.push(arrived)
        count += 1
        bytes += arrived.files.small.bytes.length + arrived.files.large.bytes.length
        if (bytes >= BATCH_BYTES) await flush()
      }
    } catch (error) {
      // A chunk that is not what was named spoils all that this stream has begun.
      if (error instanceof ProtocolError) {
        partials.delete(home)
        events.emit({ type: 'pictures.refused', home, from: source, code: error.code })
      }
      // What has begun to come is asked for first, whoever is asked next.
      const begun = partials.get(home)
      if (begun !== undefined) cursors.set(home, begun.row.id - 1)
      throw error
    } finally {
      await flush()
    }
    return count
  }

  /** The next pictures that are wanted, from where the last look ended. */
  async function nextWanted(home: SiteId): Promise<PictureRow[]> {
    const above = cursors.get(home) ?? -1
    const rows = await store.read((tx) => tx.pictures.wanted(home, above, PICTURES_PER_REQUEST))
    const last = rows.at(-1)
    if (last === undefined) cursors.delete(home)
    else cursors.set(home, last.id)
    return rows.toSorted((a, b) => startOf(home, b.picture) - startOf(home, a.picture))
  }

  /** Asks one source for all that is wanted; tells whether it was of any use. */
  async function fetchFrom(home: SiteId, source: SiteId): Promise<'useful' | 'useless' | 'idle'> {
    let asked = 0
    let came = 0
    for (let isFromStart = !cursors.has(home); ;) {
      if (state.isStopped || decideHome(view.gate(home, view.self)).kind === 'refused') break
      const rows = await nextWanted(home)
      if (rows.length === 0) {
        // The look may have begun in the middle.
        if (isFromStart || asked > 0) break
        isFromStart = true
        continue
      }
      asked += rows.length
      const count = await ask(home, source, rows)
      came += count
      // Who has none of these is asked for the next ones another time.
      if (count === 0) break
    }
    if (asked === 0) return 'idle'
    return came > 0 ? 'useful' : 'useless'
  }

  function rest(home: SiteId, source: SiteId): void {
    const before = pauses.get(`${home} ${source}`)?.seconds ?? PAUSE_SECONDS / 2
    const seconds = Math.min(before * 2, LONGEST_PAUSE_SECONDS)
    const since = clock.now()
    pauses.set(`${home} ${source}`, { since, until: since + seconds, seconds })
  }

  /** Forgets what has come of a picture that is not wanted any more. */
  async function forgetEnded(home: SiteId): Promise<void> {
    const begun = partials.get(home)
    if (begun === undefined) return
    const { record, picture } = begun.row
    const row = await store.read((tx) => tx.pictures.get(home, record, picture))
    if (row === null || row.slots !== null) partials.delete(home)
  }

  async function fetchNow(home: SiteId): Promise<void> {
    await forgetEnded(home)
    const sources = network
      .connected()
      .filter((site) => site !== view.network)
      .toSorted((a, b) => Number(b === home) - Number(a === home))
    for (const source of sources) {
      if (state.isStopped || decideHome(view.gate(home, view.self)).kind === 'refused') return
      const pause = pauses.get(`${home} ${source}`)
      if (pause !== undefined && clock.now() < pause.until && clock.now() >= pause.since) continue
      try {
        const use = await fetchFrom(home, source)
        if (use === 'idle') return
        if (use === 'useless') rest(home, source)
        if (use === 'useful') pauses.delete(`${home} ${source}`)
      } catch (error) {
        rest(home, source)
        const reason = reasonOf(error)
        events.emit({ type: 'peer.failed', site: source, action: 'pictures', reason })
      }
    }
  }

  async function fetchUntilQuiet(home: SiteId): Promise<void> {
    do {
      again.delete(home)
      await fetchNow(home)
    } while (again.has(home) && !state.isStopped)
  }

  return {
    fetch: async (home, hasNews = false) => {
      if (hasNews)
        for (const name of pauses.keys()) if (name.startsWith(`${home} `)) pauses.delete(name)
      if (running.has(home)) again.add(home)
      const task =
        running.get(home) ??
        fetchUntilQuiet(home).finally(() => {
          running.delete(home)
        })
      running.set(home, task)
      await task
    },
    stop: () => {
      state.isStopped = true
    },
  }
}
