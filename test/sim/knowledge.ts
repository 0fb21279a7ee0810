/**
 * What one node durably knows, as its commits and the frames delivered to it tell: the ground on
 * which the model judges. Nothing here is read from the core.
 */
import { hash } from 'node:crypto'
import { toHex } from '../../protocol/bytes.ts'
import { decodeEntry, type Entry, type Publish, type Terms } from '../../protocol/entry.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { Requirements } from '../../protocol/requirements.ts'

/** A heartbeat that reached the node since its start. */
export interface Beat {
  time: number
  size: number
}
/** A body, or a file of a picture, that was kept: where its key lay, and which key it was. */
export interface Kept {
  home: SiteId
  record: RecordId
  index: number
  slot: number
  key: string
}
/** A line of a log, as bytes to compare and as an entry to understand. */
export interface Line {
  hex: string
  entry: Entry
}

export interface Knowledge {
  logs: Map<SiteId, Line[]>
  beats: Map<SiteId, Beat[]>
  /** Newest heartbeat on disk. */
  storedBeats: Map<SiteId, number>
  kept: Map<string, Kept>
  /** Files of pictures that were kept, by home, picture and size. */
  pictures: Map<string, Kept>
  /** Bodies whose rows are deleted and whose deletion is not settled yet. */
  unsettled: Set<string>
  /** "home index partner", and "pictures" behind it where it was of pictures. */
  ledger: Set<string>
  pending: Set<RecordId>
  forked: Set<SiteId>
}

export function emptyKnowledge(): Knowledge {
  return {
    logs: new Map(),
    beats: new Map(),
    storedBeats: new Map(),
    kept: new Map(),
    pictures: new Map(),
    unsettled: new Set(),
    ledger: new Set(),
    pending: new Set(),
    forked: new Set(),
  }
}

/** What a backup holds of it: no body, no key, nothing heard. */
export function backedUp(known: Knowledge): Knowledge {
  return {
    ...emptyKnowledge(),
    logs: new Map([...known.logs].map(([site, lines]) => [site, [...lines]])),
    storedBeats: new Map(known.storedBeats),
    ledger: new Set(known.ledger),
    pending: new Set(known.pending),
    forked: new Set(known.forked),
  }
}

const decoded = new Map<string, Entry>()

/** A line from an entry's bytes; decoding is remembered, since every node has every line. */
export function lineOf(bytes: Uint8Array): Line {
  const hex = toHex(bytes)
  let entry = decoded.get(hex)
  if (entry === undefined) {
    entry = decodeEntry(bytes)
    decoded.set(hex, entry)
    if (decoded.size > 50_000) decoded.clear()
  }
  return { hex, entry }
}

/** A member as the coordinator's entries make it. */
export interface NaiveMember {
  status: 'admitted' | 'suspended' | 'expelled'
  siteType: string
  expires: number
}
export interface NaiveRegistry {
  members: Map<SiteId, NaiveMember>
  terms: Terms | null
  /** Ordered records by site. */
  orders: { site: SiteId; record: RecordId | null; size: number; at: number }[]
}

/** Reads the coordinator's log line by line. */
export function registryOf(known: Knowledge, network: SiteId, below = Infinity): NaiveRegistry {
  const registry: NaiveRegistry = { members: new Map(), terms: null, orders: [] }
  for (const [at, { entry }] of (known.logs.get(network) ?? []).entries()) {
    if (at >= below) break
    if (entry.type === 'terms') registry.terms = entry.terms
    if (entry.type === 'order')
      registry.orders.push({ site: entry.site, record: entry.record, size: entry.size, at })
    if (entry.type === 'admit') {
      const { siteType, expires } = entry
      const before = registry.members.get(entry.site)
      if (before === undefined)
        registry.members.set(entry.site, { status: 'admitted', siteType, expires })
      else if (before.status !== 'expelled') Object.assign(before, { siteType, expires })
    }
    if (entry.type !== 'suspend' && entry.type !== 'reinstate' && entry.type !== 'expel') continue
    const member = registry.members.get(entry.site)
    if (member === undefined || member.status === 'expelled') continue
    member.status = { suspend: 'suspended', reinstate: 'admitted', expel: 'expelled' }[
      entry.type
    ] as NaiveMember['status']
  }
  return registry
}

/** A record as the lines of its home's log and the orders against it make it. */
export interface NaiveRecord {
  record: RecordId
  live: boolean
  index: number
  firstIndex: number
  publish: Publish | null
}

/** Reads a home's log line by line, up to a size. */
export function recordsOf(
  known: Knowledge,
  registry: NaiveRegistry,
  home: SiteId,
  below = Infinity,
): Map<RecordId, NaiveRecord> {
  const records = new Map<RecordId, NaiveRecord>()
  const withdrawn = new Set<RecordId>()
  for (const [index, { entry }] of (known.logs.get(home) ?? []).entries()) {
    if (index >= below) break
    if (entry.type === 'withdraw') withdrawn.add(entry.record)
    if (entry.type !== 'publish') continue
    const before = records.get(entry.record)
    if (withdrawn.has(entry.record)) continue
    if (before?.publish != null && entry.version <= before.publish.version) continue
    records.set(entry.record, {
      record: entry.record,
      live: true,
      index,
      firstIndex: before?.firstIndex ?? index,
      publish: entry,
    })
  }
  for (const one of records.values())
    one.live =
      !withdrawn.has(one.record) &&
      !registry.orders.some(
        ({ site, record, size }) =>
          site === home && (record === null ? one.firstIndex < size : record === one.record),
      )
  return records
}

/** The newest requirements entry of a site. */
export function requirementsOf(
  known: Knowledge,
  site: SiteId,
): { requirements: Requirements; excludes: SiteId[]; index: number } | null {
  const lines = known.logs.get(site) ?? []
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const entry = lines[index]?.entry
    if (entry?.type === 'requirements')
      return { requirements: entry.requirements, excludes: entry.excludes, index }
  }
  return null
}

const hashOf = (...parts: Buffer[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')

function treeHash(lines: readonly Line[]): Buffer {
  const [only] = lines
  if (only === undefined) return hashOf()
  if (lines.length === 1) return hashOf(Buffer.from([0]), Buffer.from(only.hex, 'hex'))
  let half = 1
  while (half * 2 < lines.length) half *= 2
  return hashOf(Buffer.from([1]), treeHash(lines.slice(0, half)), treeHash(lines.slice(half)))
}

/** Roots by the lines that they are of, which are only ever added to, and their number. */
const roots = new WeakMap<readonly Line[], Map<number, string>>()

/** The root of a log's first `size` lines, by the definition of RFC 6962 §2.1, in base64. */
export function rootOfLines(lines: readonly Line[], size: number): string {
  const known = roots.get(lines) ?? new Map<number, string>()
  roots.set(lines, known)
  let root = known.get(size)
  if (root === undefined) {
    root = treeHash(lines.slice(0, size)).toString('base64')
    known.set(size, root)
  }
  return root
}
