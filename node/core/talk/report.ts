/**
 * Reports: a member says that a record misbehaves. They go to the record's home; where it does
 * nothing, to the coordinator's desk. Nothing of what was written is in them.
 */
import { toHex } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { decide, decideHome } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { REPORT_SECONDS } from '../../../protocol/limits.ts'
import { isActive } from '../../../protocol/registry.ts'
import {
  parseTalkId,
  type ReportReason,
  type TalkAnswer,
  type TalkReport,
} from '../../../protocol/talk.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Actor } from '../people/actor.ts'
import type { Acts } from '../people/acts.ts'
import type { Clock, Crypto, Network, Random } from '../ports.ts'
import type { Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { Notice } from '../website.ts'
import { ownRecord } from './block.ts'
import { createBuckets, type Rate } from './limits.ts'
import type { ReportFilter, ReportRow } from './report-rows.ts'
import { gatedColumns } from './sight.ts'

const ID_BYTES = 16
/** Reports by one member, and from one site. */
const MEMBER_RATE: Rate = { perSecond: 1 / 600, burst: 10 }
const SITE_RATE: Rate = { perSecond: 1, burst: 500 }
/** Open reports by members of one site. */
const MOST_OPEN = 1000
const RETRY_SECONDS = 300
const BATCH = 50
/** Seconds for which a closed report is kept. */
const KEPT_SECONDS = 180 * 86_400

/** A report as this site's website hands it in. */
export interface NewReport {
  /** The site's own id of the member who reports: it never leaves the node, and is not kept. */
  id: string
  home: SiteId
  record: RecordId
  reason: ReportReason
}

/** What both roles can do with the reports that have come to them. */
export interface ReportDesk {
  list: (filter: ReportFilter) => Promise<ReportRow[]>
  /** @throws ProtocolError `not_found` */
  handle: (id: string, by: Actor) => Promise<void>
  /** Takes a report from another site. */
  take: (from: SiteId, report: TalkReport) => Promise<TalkAnswer>
}
export interface Reports extends ReportDesk {
  /** @throws ProtocolError `not_found` at `/id` or `/record`, `conflict` where there are too many */
  create: (report: NewReport) => Promise<ReportRow>
  /** Sends what is due. */
  run: () => Promise<void>
}

const REFUSED: TalkAnswer = { kind: 'refused', reason: 'not-visible' }
const TOO_MANY: TalkAnswer = { kind: 'refused', reason: 'rate' }
const noted = (row: ReportRow): TalkAnswer => ({
  kind: 'noted',
  state: row.state === 'open' ? 'open' : 'handled',
})

interface DeskPorts {
  view: View
  store: Store
  clock: Clock
  /** Where it is kept who saw to what: at the coordinator. */
  acts?: Pick<Acts, 'add'>
  notify: (tx: WriteTransaction, notices: readonly Notice[]) => Promise<void>
}

/** The desk at the home of the reported, or at the coordinator. */
export function createReportDesk(
  { view, store, clock, acts, notify }: DeskPorts,
  direction: 'in' | 'desk',
): ReportDesk {
  const sites = createBuckets(SITE_RATE, clock)

  function mayReport(from: SiteId, { home }: TalkReport): boolean {
    return direction === 'in'
      ? home === view.self && decideHome(view.gate(home, from)).kind === 'allowed'
      : isActive(view.registry(), from, clock.now()) && view.registry().members.has(home)
  }
  async function add(from: SiteId, report: TalkReport): Promise<TalkAnswer> {
    return store.write(async (tx) => {
      const { id, home, record, reason } = report
      const known = await tx.reports.get(from, id)
      const live = (await tx.records.get(home, record))?.live === true
      if (known !== null) {
        if (known.record !== record || known.direction !== direction) return REFUSED
        // Where the record is gone there is nothing left to do about it.
        if (known.state !== 'open' || live) return noted(known)
        const closed: ReportRow = { ...known, state: 'handled', closedAt: clock.now() }
        await tx.reports.save(closed)
        return noted(closed)
      }
      if (!live) return REFUSED
      if ((await tx.reports.countOpen(from)) >= MOST_OPEN) return TOO_MANY
      const row: ReportRow = {
        id,
        direction,
        home,
        record,
        reporter: from,
        reason,
        time: clock.now(),
        state: 'open',
        dueAt: null,
        closedAt: null,
      }
      await tx.reports.save(row)
      if (direction === 'in')
        await notify(tx, [{ type: 'member.reported', record, by: from, reason }])
      return noted(row)
    })
  }

  return {
    list: (filter) => store.read((tx) => tx.reports.list(filter)),
    handle: async (text, by) => {
      const id = at('/id', () => parseTalkId(text))
      await store.write(async (tx) => {
        const rows = (await tx.reports.withId(id)).filter((row) => row.direction === direction)
        if (rows.length === 0) throw new ProtocolError('not_found', '/id', 'a report to this node')
        for (const row of rows)
          if (row.state === 'open')
            await tx.reports.save({ ...row, state: 'handled', closedAt: clock.now() })
        await acts?.add(tx, { actor: by, act: 'report.handle', subject: id })
      })
    },
    take: async (from, report) => {
      if (!mayReport(from, report)) return REFUSED
      return sites(from) ? add(from, report) : TOO_MANY
    },
  }
}

/** Creates the desk of a site, which also sends the reports of its own members. */
export function createReports(
  ports: DeskPorts & {
    random: Random
    crypto: Crypto
    keys: PrivateKeys
    network: Pick<Network, 'talk'>
    /** Runs {@link Reports.run} soon. */
    soon: () => void
  },
): Reports {
  const { view, store, clock, random, network } = ports
  const desk = createReportDesk(ports, 'in')
  const members = createBuckets(MEMBER_RATE, clock)
  let prunedAt: number | null = null

  async function ask(site: SiteId, row: ReportRow): Promise<TalkAnswer> {
    const { id, home, record, reason, time } = row
    try {
      return await network.talk(site, { kind: 'report', id, home, record, reason, time })
    } catch {
      return { kind: 'unreachable' }
    }
  }
  /** The report after one more attempt. */
  async function advance(row: ReportRow): Promise<ReportRow> {
    const closed = (state: 'handled' | 'escalated'): ReportRow => ({
      ...row,
      state,
      dueAt: null,
      closedAt: clock.now(),
    })
    const isLive = await store.read((tx) => tx.records.get(row.home, row.record))
    if (isLive?.live !== true) return closed('handled')
    const isOver = clock.now() >= row.time + REPORT_SECONDS
    const answer = await ask(row.home, row)
    if (answer.kind === 'noted' && answer.state === 'handled') return closed('handled')
    if (isOver) {
      const taken = await ask(view.network, row)
      if (taken.kind === 'noted') return closed('escalated')
    } else if (answer.kind === 'noted' || answer.kind === 'refused')
      // A home that refuses to hear of it is one that does nothing.
      return { ...row, dueAt: row.time + REPORT_SECONDS }
    return { ...row, dueAt: clock.now() + RETRY_SECONDS }
  }

  return {
    ...desk,
    create: async ({ id: memberId, home, record, reason }) => {
      if (home === view.self)
        throw new ProtocolError('out_of_range', '/home', 'another site than your own')
      const row = await store.write(async (tx) => {
        const own = await ownRecord(tx, ports, memberId)
        const [body] = await tx.bodies.ofRecords(home, [record])
        const gate = view.gate(home, view.self)
        if (body === undefined || decide(gate, gatedColumns(body), 'discovery').kind === 'refused')
          throw new ProtocolError('not_found', '/record', 'a record that may be shown here now')
        const isTooMany = (await tx.reports.countOpen(view.self)) >= MOST_OPEN
        if (isTooMany || !members(own))
          throw new ProtocolError('conflict', '', 'fewer reports in a short time')
        const made: ReportRow = {
          id: toHex(random.bytes(ID_BYTES)),
          direction: 'out',
          home,
          record,
          reporter: view.self,
          reason,
          time: clock.now(),
          state: 'open',
          dueAt: clock.now(),
          closedAt: null,
        }
        await tx.reports.save(made)
        return made
      })
      ports.soon()
      return row
    },
    run: async () => {
      const now = clock.now()
      for (const row of await store.read((tx) => tx.reports.due(now, BATCH))) {
        const next = await advance(row)
        await store.write((tx) => tx.reports.save(next))
      }
      if (prunedAt !== null && Math.abs(now - prunedAt) < 86_400) return
      prunedAt = now
      await store.write((tx) => tx.reports.prune(now - KEPT_SECONDS))
    },
  }
}
