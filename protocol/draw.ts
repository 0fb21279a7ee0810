/**
 * Draws: which live publishes have to be opened. The coordinator commits to a seed in one draw and
 * reveals it in the next; what the sites write in between is mixed in. So it could not know, when it
 * chose the seed, what would come of it, and the sites cannot know before it is revealed.
 */
import { concatBytes, equalBytes, toUtf8 } from './bytes.ts'
import type { Draw, Order, Publish, SiteEntry } from './entry.ts'
import type { RecordId, SiteId } from './ids.ts'
import { sha256, type Hash } from './keys.ts'
import { DEMANDS_PER_DAY, DRAW_TRIES, DRAWS_KEPT, GROWTH_BYTES } from './limits.ts'
import { leafHash } from './merkle.ts'

const DAY_SECONDS = 86_400
/** A log that has grown by more than can be told at once: it is not drawn from until it is told. */
const MOST_GROWTH = 2 ** (8 * GROWTH_BYTES) - 1

/** One log as a draw names it. */
export interface DrawnLog {
  site: SiteId
  /** Size that the draw before has named. */
  from: number
  size: number
  /** Whether publishes of it are drawn. */
  isDrawn: boolean
}
/** Why a draw draws nothing: it breaks a rule that anybody can check. */
export type DrawFault =
  /** The seed is not what the draw before has committed to. */
  | 'wrong-seed'
  /** The growth is not that of just the sites that were ever admitted. */
  | 'wrong-growth'
  /** Not on demand, and earlier than the terms say. */
  | 'too-early'
  /** Not on demand, and other numbers than the terms say. */
  | 'wrong-count'
  /** On demand, of a site that takes no part. */
  | 'not-active'
  /** On demand, and too many of them in a day. */
  | 'too-many'
/** One draw with what follows from it. */
export interface Round {
  /** Index of the entry in the coordinator's log. */
  index: number
  entry: Draw
  fault: DrawFault | null
  /** All logs, in the order of admission; none where there is a fault. */
  logs: readonly DrawnLog[]
}
/** What the draws so far come to. */
export interface Draws {
  /** What the next seed has to hash to; null before the first draw. */
  commitment: Uint8Array | null
  /** Sizes named last, in the order of admission; sites admitted since are missing at the end. */
  sizes: readonly number[]
  /** The newest, oldest first. */
  rounds: readonly Round[]
}
/** What a draw is judged by, from the coordinator's log before it. */
export interface DrawContext {
  /** Every site that was ever admitted, in the order of admission. */
  sites: readonly SiteId[]
  isActive: (site: SiteId) => boolean
  challengeSeconds: number
  challengesPerRound: number
}

export const NO_DRAWS: Draws = { commitment: null, sizes: [], rounds: [] }

function growthAt(growth: Uint8Array, place: number): number {
  let value = 0
  for (let at = place * GROWTH_BYTES; at < (place + 1) * GROWTH_BYTES; at += 1)
    value = value * 256 + (growth[at] ?? 0)
  return value
}

/**
 * By how much logs have grown, as a draw tells it.
 *
 * @param sizes of all logs now, in the order of admission
 */
export function encodeGrowth(before: readonly number[], sizes: readonly number[]): Uint8Array {
  const growth = new Uint8Array(GROWTH_BYTES * sizes.length)
  for (const [place, size] of sizes.entries()) {
    let rest = Math.min(Math.max(size - (before[place] ?? 0), 0), MOST_GROWTH)
    for (let at = (place + 1) * GROWTH_BYTES - 1; at >= place * GROWTH_BYTES; at -= 1) {
      growth[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
  }
  return growth
}

/** Whether the scheduled draw after those so far may come at `time` (unix seconds). */
export function isDrawDue(draws: Draws, time: number, challengeSeconds: number): boolean {
  const last = draws.rounds.findLast(({ entry }) => entry.site === null)?.entry.time
  // A clock that jumped back must not put an end to draws.
  return last === undefined || time < last || time - last >= challengeSeconds
}

/** Draws on demand in the day before `time`. */
export function demandsBefore(draws: Draws, time: number): number {
  const isRecent = ({ entry }: Round): boolean =>
    entry.site !== null && entry.time > time - DAY_SECONDS
  return draws.rounds.filter(isRecent).length
}

function faultOf(draws: Draws, entry: Draw, context: DrawContext): DrawFault | null {
  const { seed, growth, site, count, time } = entry
  const { sites, isActive, challengeSeconds, challengesPerRound } = context
  if (growth.length !== GROWTH_BYTES * sites.length) return 'wrong-growth'
  // It draws nothing: there is nothing to bend.
  if (seed === null) return null
  if (draws.commitment === null || !equalBytes(sha256(seed), draws.commitment)) return 'wrong-seed'
  if (site !== null) {
    if (!isActive(site)) return 'not-active'
    return demandsBefore(draws, time) >= DEMANDS_PER_DAY ? 'too-many' : null
  }
  if (count !== challengesPerRound) return 'wrong-count'
  return isDrawDue(draws, time, challengeSeconds) ? null : 'too-early'
}

function logsOf(draws: Draws, entry: Draw, { sites, isActive }: DrawContext): DrawnLog[] {
  return sites.map((site, place) => {
    const from = draws.sizes[place] ?? 0
    const growth = growthAt(entry.growth, place)
    const isMeant = entry.site === null ? isActive(site) : entry.site === site
    const isDrawn = entry.seed !== null && isMeant && growth < MOST_GROWTH && from + growth > 0
    return { site, from, size: from + growth, isDrawn }
  })
}

/**
 * The draws after one more. One that breaks a rule draws nothing, and its commitment counts.
 *
 * @param index of the entry in the coordinator's log
 */
export function foldDraw(draws: Draws, entry: Draw, index: number, context: DrawContext): Draws {
  const fault = faultOf(draws, entry, context)
  const logs = fault === null ? logsOf(draws, entry, context) : []
  return {
    commitment: entry.commitment,
    sizes: fault === null ? logs.map(({ size }) => size) : draws.sizes,
    rounds: [...draws.rounds.slice(1 - DRAWS_KEPT), { index, entry, fault, logs }],
  }
}

/** Logs of which a draw mixes an entry in: the one at `from`, which none of its authors chose late. */
export function mixedLogs(logs: readonly DrawnLog[]): DrawnLog[] {
  return logs.filter(({ from, size }) => size > from)
}

/**
 * What a draw mixes in.
 *
 * @param entries of {@link mixedLogs}, each the one at `from`, in their order
 */
export function mixOf(entries: readonly Uint8Array[], hash: Hash = sha256): Uint8Array {
  return hash(concatBytes(...entries.map((entry) => leafHash(entry, hash))))
}

/** A number below `size` from a hash; off an even chance by less than 1 in 2^74. */
function below(hashed: Uint8Array, size: number): number {
  const view = new DataView(hashed.buffer, hashed.byteOffset)
  return Number(((view.getBigUint64(0) << 64n) | view.getBigUint64(8)) % BigInt(size))
}

/**
 * The places of a log that a draw looks at, one after another, each once: the live publishes among
 * the first of them are drawn. None where the draw draws nothing.
 */
export function* drawPlaces(
  { entry, logs }: Round,
  site: SiteId,
  hash: Hash = sha256,
): Generator<number, void, undefined> {
  const log = logs.find((one) => one.site === site)
  if (entry.seed === null || log?.isDrawn !== true) return
  const random = hash(concatBytes(toUtf8('dpn/draw/1\0'), entry.seed, entry.mix))
  const input = concatBytes(random, toUtf8(site), new Uint8Array(4))
  const counter = new DataView(input.buffer, input.length - 4)
  const seen = new Set<number>()
  for (let tries = 0; tries < DRAW_TRIES && seen.size < log.size; tries += 1) {
    counter.setUint32(0, tries)
    const place = below(hash(input), log.size)
    if (seen.has(place)) continue
    seen.add(place)
    yield place
  }
}

/** The publishes of a log that a draw has drawn, by index, in the order in which it came upon them. */
export function drawnOf(
  round: Round,
  site: SiteId,
  live: ReadonlySet<number>,
  hash: Hash = sha256,
): number[] {
  const drawn: number[] = []
  const most = Math.min(round.entry.count, live.size)
  if (most === 0) return drawn
  for (const place of drawPlaces(round, site, hash)) {
    if (live.has(place)) drawn.push(place)
    if (drawn.length === most) break
  }
  return drawn
}

/**
 * The indexes of the publishes that are live in a log: the newest version of each record that has
 * not ended, and whose consent has not either.
 *
 * @param entries of the log, from the first up to the size in question
 * @param orders against this site, from the coordinator's log before the draw
 * @param time unix seconds
 */
export function livePublishes(
  entries: readonly SiteEntry[],
  { orders, time }: { orders: readonly Order[]; time: number },
): Set<number> {
  const ended = new Set<RecordId>()
  const newest = new Map<RecordId, { index: number; first: number; entry: Publish }>()
  for (const [index, entry] of entries.entries()) {
    if (entry.type === 'withdraw') ended.add(entry.record)
    if (entry.type !== 'publish' || ended.has(entry.record)) continue
    const known = newest.get(entry.record)
    if (known === undefined || entry.version > known.entry.version)
      newest.set(entry.record, { index, first: known?.first ?? index, entry })
  }
  const isOrdered = (record: RecordId, first: number): boolean =>
    orders.some((order) => (order.record === null ? first < order.size : order.record === record))
  const live = [...newest].filter(
    ([record, { first, entry }]) =>
      !ended.has(record) && !isOrdered(record, first) && entry.expires > time,
  )
  return new Set(live.map(([, { index }]) => index))
}
