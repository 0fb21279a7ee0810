/** Writes draws into the coordinator's log, and the challenges that follow from them beside it. */
import { equalBytes, toUtf8 } from '../../../protocol/bytes.ts'
import {
  demandsBefore,
  drawPlaces,
  encodeGrowth,
  isDrawDue,
  mixedLogs,
  mixOf,
  type DrawnLog,
  type Draws,
  type Round,
} from '../../../protocol/draw.ts'
import type { Draw } from '../../../protocol/entry.ts'
import { invariant, ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { DEMANDS_PER_DAY } from '../../../protocol/limits.ts'
import { foldRegistry, isActive } from '../../../protocol/registry.ts'
import { labelled, type Identity } from '../identity.ts'
import { logStateOf, type Appended, type LogWriter } from '../log/writer.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { ReadTransaction, RecordState, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'

/** Places that are looked up at once. */
const BATCH = 64

export interface Drawer {
  /** Draws by the schedule, if it is time; also the first time, which begins the chain. */
  drawIfDue: () => Promise<void>
  /**
   * Draws from one site's log now.
   *
   * @param along done in the same transaction
   * @throws ProtocolError `not_found` for a site that takes no part, `conflict` where there were too
   *   many in a day, `not_ready` where no draw has begun yet
   */
  demand: (
    site: SiteId,
    count: number,
    along: (tx: WriteTransaction, draw: number) => Promise<void>,
  ) => Promise<{ draw: number; drawn: number }>
}

/** The sizes of all logs now, with those that the draw before has named. */
async function logsNow(
  tx: ReadTransaction,
  sites: readonly SiteId[],
  before: readonly number[],
): Promise<DrawnLog[]> {
  const sizes = new Map((await tx.logs.all()).map(({ site, size }) => [site, size]))
  return sites.map((site, place) => {
    return { site, from: before[place] ?? 0, size: sizes.get(site) ?? 0, isDrawn: false }
  })
}

async function mixedEntries(tx: ReadTransaction, logs: readonly DrawnLog[]): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  for (const { site, from } of mixedLogs(logs)) {
    const entry = (await tx.logs.entriesAt(site, [from])).get(from)
    invariant(entry !== undefined, 'a log has every entry below its size')
    entries.push(entry)
  }
  return entries
}

/** Creates the part of the coordinator that draws. */
export function createDrawer(ports: {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  writer: LogWriter
  onPublished: (appended: Appended) => Promise<void>
}): Drawer {
  const { identity, view, store, clock, crypto, writer, onPublished } = ports

  /** Nothing is kept of a seed: it follows from the key of the node and the place of its draw. */
  const seedAt = (index: number): Uint8Array =>
    crypto.hmacSha256(identity.drawSeed, labelled('draw', toUtf8(String(index))))

  /** The seed that the newest draw has committed to; null where it is not one of this node's key. */
  function revealed({ rounds, commitment }: Draws): Uint8Array | null {
    const last = rounds.at(-1)
    if (last === undefined || commitment === null) return null
    const seed = seedAt(last.index)
    return equalBytes(crypto.sha256(seed), commitment) ? seed : null
  }

  async function entryFor(
    tx: ReadTransaction,
    index: number,
    asked: { site: SiteId | null; count: number },
  ): Promise<Draw> {
    const { members, draws } = view.registry()
    const logs = await logsNow(tx, [...members.keys()], draws.sizes)
    const sizes = logs.map(({ size }) => size)
    return {
      type: 'draw',
      seed: revealed(draws),
      commitment: crypto.sha256(seedAt(index)),
      growth: encodeGrowth(draws.sizes, sizes),
      mix: mixOf(await mixedEntries(tx, logs), crypto.sha256),
      ...asked,
      time: clock.now(),
    }
  }

  /** The first live publishes that the draw comes upon. */
  async function drawnFrom(
    tx: ReadTransaction,
    round: Round,
    { site, size }: { site: SiteId; size: number },
  ): Promise<RecordState[]> {
    // Only of just this size is it known here what was live.
    if ((await logStateOf(tx, site)).size !== size) return []
    const most = Math.min(round.entry.count, (await tx.records.counts(site)).live)
    const drawn: RecordState[] = []
    const look = async (places: readonly number[]): Promise<void> => {
      const states = await tx.records.atIndexes(site, places)
      const byIndex = new Map(states.map((state) => [state.index, state]))
      for (const place of places) {
        const state = byIndex.get(place)
        if (state?.live === true && state.expires > round.entry.time) drawn.push(state)
      }
    }
    let places: number[] = []
    if (most > 0)
      for (const place of drawPlaces(round, site, crypto.sha256)) {
        places.push(place)
        if (places.length < BATCH) continue
        await look(places)
        places = []
        if (drawn.length >= most) break
      }
    await look(places)
    return drawn.slice(0, most)
  }

  async function draw(
    tx: WriteTransaction,
    asked: { site: SiteId | null; count: number },
  ): Promise<{ appended: Appended; drawn: number }> {
    writer.assertWritable()
    const registry = view.registry()
    const { size: index } = await logStateOf(tx, view.self)
    // An entry was appended just now, and is not in the registry yet.
    if (index !== registry.size) throw new ProtocolError('not_ready', '', 'a registry up to date')
    const entry = await entryFor(tx, index, asked)
    const round = foldRegistry(registry, entry).draws.rounds.at(-1)
    // The clock has moved, or a site has left, since it was decided to draw.
    if (round?.fault !== null) throw new ProtocolError('not_ready', '', 'a draw by the rules')
    const appended = await writer.append(tx, [entry])
    const { time } = entry
    const dueAt = time + registry.terms.auditAnswerSeconds
    let count = 0
    for (const log of round.logs) {
      if (!log.isDrawn) continue
      const states = await drawnFrom(tx, round, log)
      count += states.length
      await tx.challenges.add(
        states.map(({ record, index: at }) => ({
          draw: index,
          site: log.site,
          index: at,
          record,
          state: 'waiting',
          reason: null,
          drawnAt: time,
          dueAt,
          retryAt: time,
          tries: 0,
          decidedAt: null,
          openedIndex: null,
          digest: null,
        })),
      )
    }
    return { appended, drawn: count }
  }

  return {
    drawIfDue: async () => {
      const { members, draws, terms, size } = view.registry()
      const isFirst = revealed(draws) === null
      const count = terms.challengesPerRound
      // There is nothing to draw from before somebody is a member.
      if (!writer.isWritable() || members.size === 0) return
      if (!isFirst && (count === 0 || !isDrawDue(draws, clock.now(), terms.challengeSeconds)))
        return
      const appended = await store.write(async (tx) => {
        if ((await logStateOf(tx, view.self)).size !== size) return null
        return (await draw(tx, { site: null, count: Math.max(count, 1) })).appended
      })
      if (appended !== null) await onPublished(appended)
    },
    demand: async (site, count, along) => {
      const registry = view.registry()
      const { draws } = registry
      if (!registry.members.has(site) || !isActive(registry, site, clock.now()))
        throw new ProtocolError('not_found', '/site', 'a site that takes part')
      if (revealed(draws) === null)
        throw new ProtocolError('not_ready', '', 'a network whose first draw was made')
      if (demandsBefore(draws, clock.now()) >= DEMANDS_PER_DAY)
        throw new ProtocolError('conflict', '', `at most ${DEMANDS_PER_DAY} of them in a day`)
      const { appended, drawn } = await store.write(async (tx) => {
        const done = await draw(tx, { site, count })
        await along(tx, done.appended.from)
        return done
      })
      await onPublished(appended)
      return { draw: appended.from, drawn }
    },
  }
}
