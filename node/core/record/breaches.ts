/**
 * Breaches as a site sees them: what the coordinator's notices say, which of its own members are
 * concerned, by its ledger, and its word that it has told them. Who is concerned never leaves the
 * node; how many do, as an entry of its log.
 */
import type { BreachId } from '../../../protocol/breach.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { memberOf, type BreachNotice } from '../../../protocol/registry.ts'
import type { Feed } from '../feed.ts'
import type { Appended, LogWriter } from '../log/writer.ts'
import type { ToldRow } from '../oversight/breach-rows.ts'
import type { Clock } from '../ports.ts'
import type { MemberRow } from '../store.ts'
import type { View } from '../view.ts'
import type { Notice } from '../website.ts'
import type { OwnMembers } from './own.ts'

/** One breach: its notices, and where this site is with it. */
export interface KnownBreach {
  id: BreachId
  site: SiteId
  /** Oldest first; never empty. The last one says what is known now. */
  notices: BreachNotice[]
  /** Own members whose shared data the site concerned has got. */
  affected: number
  /** What this site has said in its log; null before. */
  told: ToldRow | null
  /** Whether this site has to say that it has told them: it was a member when the notice came. */
  isOurs: boolean
}

/** What the site concerned had got of one member. */
export interface AffectedMember {
  record: RecordId
  /** The site's own id; null where the record has ended, and with it all that this node knew. */
  id: string | null
  firstAt: number
  lastAt: number
  /** Whether pictures were among it. */
  pictures: boolean
}

export interface Breaches {
  /** The newest first. */
  list: () => Promise<KnownBreach[]>
  /**
   * Members concerned, in the order of their records.
   *
   * @throws ProtocolError `not_found`
   */
  affected: (
    id: BreachId,
    after: RecordId | null,
    limit: number,
  ) => Promise<{ members: AffectedMember[]; next: RecordId | null }>
  /**
   * Writes into the log that so many members were told.
   *
   * @throws ProtocolError `not_found`, `not_ready`
   */
  tell: (id: BreachId, told: number) => Promise<KnownBreach>
  /** Tells the website of new notices; says by itself where nobody is concerned. */
  run: () => Promise<void>
}

/** Setting with the number of notices that the website was told of. */
const TOLD_NOTICES = 'breach-notices'
const PAGE = 500
const MEMBERS_PAGE = 1000

type Got = Pick<AffectedMember, 'firstAt' | 'lastAt' | 'pictures'>
/** Own records that a site has got, as of a place in the ledger. */
interface Recipient {
  site: SiteId
  above: number
  records: Map<RecordId, Got>
}

/** Creates the site's part of the breach desk. */
export function createBreaches(ports: {
  view: View
  clock: Clock
  feed: Pick<Feed, 'store' | 'add'>
  members: Pick<OwnMembers, 'idsOf'>
  writer: LogWriter
  onPublished: (appended: Appended) => Promise<void>
}): Breaches {
  const { view, clock, feed, members, writer, onPublished } = ports
  const { store } = feed
  /** The last one looked at: the ledger only grows, so that going on costs what is new. */
  let recipient: Recipient | null = null

  /** This site's own breach concerns whoever has a record here now. */
  async function ownRecords(): Promise<Map<RecordId, Got>> {
    const records = new Map<RecordId, Got>()
    const now = clock.now()
    for (let after: RecordId | null = null; ;) {
      const start: RecordId | null = after
      const rows: MemberRow[] = await store.read((tx) => tx.members.list(start, MEMBERS_PAGE))
      for (const { record } of rows)
        records.set(record, { firstAt: now, lastAt: now, pictures: true })
      const last = rows.at(-1)
      if (last === undefined || rows.length < MEMBERS_PAGE) return records
      after = last.record
    }
  }

  async function recordsGotBy(site: SiteId): Promise<Map<RecordId, Got>> {
    // No profile rests on the coordinator.
    if (site === view.network) return new Map()
    if (site === view.self) return ownRecords()
    const found: Recipient =
      recipient?.site === site ? recipient : { site, above: 0, records: new Map() }
    for (;;) {
      const rows = await store.read((tx) => tx.ledger.ofPartner(site, found.above, PAGE))
      for (const { id, time, what, versions } of rows) {
        for (const { record } of versions) {
          const before = found.records.get(record)
          found.records.set(record, {
            firstAt: Math.min(before?.firstAt ?? time, time),
            lastAt: Math.max(before?.lastAt ?? time, time),
            pictures: before?.pictures === true || what === 'pictures',
          })
        }
        found.above = id
      }
      if (rows.length < PAGE) break
    }
    recipient = found
    return found.records
  }

  function noticesById(): Map<BreachId, BreachNotice[]> {
    return Map.groupBy(view.registry().breaches, ({ id }) => id)
  }

  async function known(id: BreachId, notices: BreachNotice[]): Promise<KnownBreach[]> {
    const [first] = notices
    if (first === undefined) return []
    const told = await store.read((tx) => tx.breaches.told(id))
    const admittedAt = memberOf(view.registry(), view.self)?.admittedAt ?? null
    return [
      {
        id,
        site: first.site,
        notices,
        affected: (await recordsGotBy(first.site)).size,
        told: told.find(({ site }) => site === view.self) ?? null,
        isOurs: admittedAt !== null && admittedAt <= first.time,
      },
    ]
  }

  async function existing(id: BreachId): Promise<KnownBreach> {
    const [breach] = await known(id, noticesById().get(id) ?? [])
    if (breach === undefined) throw new ProtocolError('not_found', '/breach', 'a known breach')
    return breach
  }

  async function say(id: BreachId, affected: number, told: number): Promise<void> {
    const entry = { type: 'told', breach: id, affected, told, time: clock.now() } as const
    await onPublished(await store.write((tx) => writer.append(tx, [entry])))
  }

  async function tellWebsite(): Promise<void> {
    const { breaches } = view.registry()
    const before = Number((await store.read((tx) => tx.desk.setting(TOLD_NOTICES))) ?? '0')
    if (breaches.length <= before) return
    await store.write(async (tx) => {
      // Looked up again: whoever else runs this may have been here in between.
      const done = Number((await tx.desk.setting(TOLD_NOTICES)) ?? '0')
      const news = breaches.slice(done).map(({ id, site, phase }): Notice => ({
        type: 'breach.declared',
        breach: id,
        site,
        phase,
      }))
      await feed.add(tx, news)
      await tx.desk.setSetting(TOLD_NOTICES, String(breaches.length))
    })
  }

  /** Where no member is concerned there is nobody to tell, and nothing for people to do. */
  async function sayNobody(): Promise<void> {
    for (const [id, notices] of noticesById()) {
      if (!writer.isWritable()) return
      const told = await store.read((tx) => tx.breaches.told(id))
      if (told.some(({ site }) => site === view.self)) continue
      const [breach] = await known(id, notices)
      if (breach?.isOurs === true && breach.affected === 0) await say(id, 0, 0)
    }
  }

  return {
    list: async () => {
      const list: KnownBreach[] = []
      for (const [id, notices] of noticesById()) list.push(...(await known(id, notices)))
      return list.toReversed()
    },
    affected: async (id, after, limit) => {
      const { site } = await existing(id)
      const got = await recordsGotBy(site)
      const page = [...got]
        .filter(([record]) => after === null || record > after)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .slice(0, limit)
      const ids = await members.idsOf(page.map(([record]) => record))
      return {
        members: page.map(([record, what]) => ({ record, id: ids.get(record) ?? null, ...what })),
        next: page.length < limit ? null : (page.at(-1)?.[0] ?? null),
      }
    },
    tell: async (id, told) => {
      const { affected } = await existing(id)
      await say(id, affected, told)
      return existing(id)
    },
    run: async () => {
      await tellWebsite()
      await sayNobody()
    },
  }
}
