/** What pages read of logs: who writes them, how far they are, their entries in words. */
import { toBase64, toHex } from '../../../protocol/bytes.ts'
import { parseCheckpoint } from '../../../protocol/checkpoint.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { formatVerifierKey, parseNote } from '../../../protocol/note.ts'
import {
  logKeyAt,
  memberOf,
  originOf,
  witnessKeysOf,
  type Member,
} from '../../../protocol/registry.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import type { Value } from '../sheet.ts'

/** One log as the pages list it. */
export interface LogRow {
  site: SiteId
  origin: string
  size: number
  /** Base64 of the root of the newest checkpoint; null before the first. */
  root: string | null
  /** Members that have cosigned exactly the newest checkpoint. */
  cosigners: number
  /** Unix seconds of the newest heartbeat that is known; null for none since the start. */
  heartbeat: number | null
  lease: 'fresh' | 'hidden' | 'lapsed'
  isForked: boolean
  live: number
  withdrawn: number
}

/** The coordinator and every site that was ever admitted, the coordinator first. */
export function membersOf({ coordinator }: CoordinatorPorts): Member[] {
  const registry = coordinator.node.view.registry()
  const own = registry.coordinator
  return [...(own === null ? [] : [own]), ...registry.members.values()]
}

/** All logs, in the order of {@link membersOf}. */
export async function readLogs(ports: CoordinatorPorts): Promise<LogRow[]> {
  const { view } = ports.coordinator.node
  const members = membersOf(ports)
  return ports.store.read(async (tx) => {
    const rows: LogRow[] = []
    for (const { site } of members) {
      const state = await tx.logs.get(site)
      const note = state?.note ?? null
      const checkpoint = note === null ? null : parseCheckpoint(parseNote(note).text)
      const receipts = checkpoint === null ? [] : await tx.receipts.ofLog(site, checkpoint.size)
      const { live, withdrawn } = await tx.records.counts(site)
      rows.push({
        site,
        origin: originOf(view.network, site),
        size: state?.size ?? 0,
        root: checkpoint === null ? null : toBase64(checkpoint.root),
        cosigners: receipts.filter(({ size }) => size === checkpoint?.size).length,
        heartbeat: site === view.self ? ports.clock.now() : view.heartbeat(site),
        lease: site === view.self ? 'fresh' : view.lease(site),
        isForked: view.frozen.has(site),
        live,
        withdrawn,
      })
    }
    return rows
  })
}

/** @throws ProtocolError `not_found` where no such site was ever admitted */
export function memberNamed({ coordinator }: CoordinatorPorts, name: string): Member {
  const member = memberOf(coordinator.node.view.registry(), name as SiteId)
  if (member === undefined)
    throw new ProtocolError('not_found', '/site', 'a site that was ever admitted')
  return member
}

/** Verifier keys as the browser's check takes them. */
export function keysTold(
  ports: CoordinatorPorts,
  member: Member,
): { logKeys: { above: number; key: string }[]; witnessKeys: string[] } {
  const { network } = ports.coordinator.node.view
  return {
    logKeys: member.keys.map(({ above }) => ({
      above,
      key: formatVerifierKey(logKeyAt(network, member, above + 1)),
    })),
    witnessKeys: membersOf(ports).flatMap((one) =>
      witnessKeysOf(network, one).map(formatVerifierKey),
    ),
  }
}

const TITLES: Readonly<Record<string, string>> = {
  publish: 'A record is published',
  withdraw: 'A record is withdrawn',
  requirements: 'The site says what it accepts',
  admit: 'A site is admitted',
  rotate: 'A site changes its keys',
  suspend: 'A site is suspended',
  reinstate: 'A site is reinstated',
  expel: 'A site is expelled',
  terms: 'The terms are set',
  order: 'Records are ordered to go',
  breach: 'A breach is announced',
  draw: 'Publishes are drawn, whose consents are to be opened',
}

/** The kinds of entries, for a filter or a heading. */
export function titleOf(type: string): string {
  return TITLES[type] ?? type
}

const TIMES = new Set(['time', 'expires', 'known'])

/** One field of an entry in words. */
export interface EntryField {
  name: string
  value: Value
  kind: 'text' | 'time' | 'code' | 'number'
}

function fieldOf(name: string, value: unknown): EntryField {
  if (value instanceof Uint8Array) return { name, value: toHex(value), kind: 'code' }
  if (typeof value === 'number') return { name, value, kind: TIMES.has(name) ? 'time' : 'number' }
  if (typeof value === 'string')
    return { name, value, kind: /^[0-9a-f]{32,}$/.test(value) ? 'code' : 'text' }
  if (value === null || value === undefined) return { name, value: null, kind: 'text' }
  return { name, value: JSON.stringify(value), kind: 'code' }
}

/** Every field of an entry but its type, as the log holds it. */
export function fieldsOf(entry: Entry): EntryField[] {
  return Object.entries(entry).flatMap(([name, value]): EntryField[] =>
    name === 'type' ? [] : [fieldOf(name, value)],
  )
}

/** What an entry is about: a record, a site. */
export function subjectOf(entry: Entry): string {
  if ('record' in entry && entry.record !== null) return entry.record
  return 'site' in entry ? (entry.site ?? '') : ''
}
