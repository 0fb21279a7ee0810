/** What the bridge keeps: members that the old module has sent, links, and whom it was given. */
import { recordIdBytes as idBytes, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import type {
  BridgedRow,
  BridgedState,
  BridgeReader,
  BridgeWriter,
  DeliveryRow,
  DeliveryState,
  LinkRow,
  Loss,
} from '../core/bridge/rows.ts'
import type { BridgeDeliveryTable, BridgeLinkTable, BridgeMemberTable } from './bridge-tables.ts'
import {
  cachedText,
  findSite,
  internSite,
  lookUp,
  placeholders,
  plainBytes,
  run,
  siteOf,
  type Tx,
} from './transaction.ts'

type Joined = BridgeMemberTable & { ciphertext: Uint8Array | null }

function memberOf(row: Joined): BridgedRow {
  const losses: Loss[] = JSON.parse(row.losses)
  return {
    memberKey: plainBytes(row.member_key),
    netId: row.net_id,
    state: row.state,
    refusal: row.refusal,
    losses,
    hold:
      row.slot === null || row.ciphertext === null
        ? null
        : { slot: row.slot, ciphertext: plainBytes(row.ciphertext) },
    receivedAt: row.received_at,
    changedAt: row.changed_at,
    expiresAt: row.expires_at,
    handed: row.handed,
    bareAt: row.bare_at,
    picturesAt: row.pictures_at,
  }
}

const MEMBERS =
  'select m.*, h.ciphertext from bridge_members m left join bridge_holds h on h.slot = m.slot'
const BY_KEYS = cachedText((count) => `${MEMBERS} where member_key in (${placeholders(count)})`)
const BY_NET_IDS = cachedText((count) => `${MEMBERS} where net_id in (${placeholders(count)})`)

async function byKeys(tx: Tx, keys: readonly Uint8Array[]): Promise<BridgedRow[]> {
  return (await lookUp<Joined>(tx, BY_KEYS, [], keys)).map(memberOf)
}

async function list(
  tx: Tx,
  { state, after, limit }: { state?: BridgedState; after?: Uint8Array; limit: number },
): Promise<BridgedRow[]> {
  const above = after ?? new Uint8Array()
  const ofState = state === undefined ? '' : 'and state = ?'
  const sql = `${MEMBERS} where member_key > ? ${ofState} order by member_key limit ?`
  const values = state === undefined ? [above, limit] : [above, state, limit]
  return (await run<Joined>(tx, sql, values)).map(memberOf)
}

/** Rows picked by one indexed time or number. */
async function pick(
  tx: Tx,
  where: string,
  values: readonly (number | string)[],
): Promise<BridgedRow[]> {
  return (await run<Joined>(tx, `${MEMBERS} where ${where}`, values)).map(memberOf)
}

async function counts(tx: Tx): Promise<Record<BridgedState, number>> {
  const rows = await run<{ state: BridgedState; count: number }>(
    tx,
    'select state, count(*) as count from bridge_members group by state',
    [],
  )
  const counted = { held: 0, refused: 0, published: 0, suspended: 0 }
  for (const { state, count } of rows) counted[state] = count
  return counted
}

const DOOM = cachedText(
  (count) => `update bridge_holds set doomed = 1 where slot in (
    select slot from bridge_members where member_key in (${placeholders(count)}))`,
)
const REMOVE_MEMBERS = cachedText(
  (count) => `delete from bridge_members where member_key in (${placeholders(count)})`,
)
const REMOVE_LINKS_OF = cachedText(
  (count) => `delete from bridge_links where member_key in (${placeholders(count)})`,
)
const SAVE_MEMBER = `insert or replace into bridge_members (member_key, net_id, state, refusal, losses,
  slot, received_at, changed_at, expires_at, handed, bare_at, pictures_at)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

async function saveMembers(tx: Tx, rows: readonly BridgedRow[]): Promise<void> {
  const before = await byKeys(
    tx,
    rows.map(({ memberKey }) => memberKey),
  )
  const kept = new Set(rows.map(({ hold }) => hold?.slot))
  const known = new Set(before.map(({ hold }) => hold?.slot))
  for (const { hold } of before)
    if (hold !== null && !kept.has(hold.slot))
      await run(tx, 'update bridge_holds set doomed = 1 where slot = ?', [hold.slot])
  for (const row of rows) {
    const { hold } = row
    if (hold !== null && !known.has(hold.slot))
      await run(tx, 'insert into bridge_holds (slot, ciphertext) values (?, ?)', [
        hold.slot,
        hold.ciphertext,
      ])
    await run(tx, SAVE_MEMBER, [
      row.memberKey,
      row.netId,
      row.state,
      row.refusal,
      JSON.stringify(row.losses),
      hold?.slot ?? null,
      row.receivedAt,
      row.changedAt,
      row.expiresAt,
      row.handed,
      row.bareAt,
      row.picturesAt,
    ])
  }
}

async function removeMembers(tx: Tx, keys: readonly Uint8Array[]): Promise<void> {
  await lookUp(tx, DOOM, [], keys)
  await lookUp(tx, REMOVE_LINKS_OF, [], keys)
  await lookUp(tx, REMOVE_MEMBERS, [], keys)
}

const REMOVE_HOLDS = cachedText(
  (count) => `delete from bridge_holds where slot in (${placeholders(count)})`,
)

function linkOf(row: BridgeLinkTable): LinkRow {
  return {
    hash: plainBytes(row.hash),
    memberKey: plainBytes(row.member_key),
    sealedId: plainBytes(row.sealed_id),
    kind: row.kind,
    expiresAt: row.expires_at,
  }
}
const SAVE_LINK = `insert or replace into bridge_links
  (hash, member_key, sealed_id, kind, expires_at) values (?, ?, ?, ?, ?)`
const REMOVE_LINKS = cachedText(
  (count) => `delete from bridge_links where hash in (${placeholders(count)})`,
)

async function deliveriesFrom(
  tx: Tx,
  rows: readonly BridgeDeliveryTable[],
): Promise<DeliveryRow[]> {
  const found: DeliveryRow[] = []
  for (const row of rows)
    found.push({
      netId: row.net_id,
      home: await siteOf(tx, row.home),
      record: recordIdOf(row.record),
      state: row.state,
      index: row.idx,
      offeredAt: row.offered_at,
      tries: row.tries,
      gallery: plainBytes(row.gallery),
      dueAt: row.due_at,
    })
  return found
}

const DELIVERIES = cachedText(
  (count) => `select * from bridge_deliveries where net_id in (${placeholders(count)})`,
)
const DELIVERIES_OF = cachedText(
  (count) =>
    `select * from bridge_deliveries where home = ? and record in (${placeholders(count)})`,
)
const REMOVE_DELIVERIES = cachedText(
  (count) => `delete from bridge_deliveries where net_id in (${placeholders(count)})`,
)
const REMOVING = cachedText(
  (count) => `select net_id from bridge_removals where net_id in (${placeholders(count)})`,
)
const REMOVE_REMOVALS = cachedText(
  (count) => `delete from bridge_removals where net_id in (${placeholders(count)})`,
)

async function listDeliveries(
  tx: Tx,
  { state, home, above, limit }: Parameters<BridgeReader['listDeliveries']>[0],
): Promise<DeliveryRow[]> {
  let query = tx.db
    .selectFrom('bridge_deliveries')
    .selectAll()
    .where('net_id', '>', above)
    .orderBy('net_id')
    .limit(limit)
  if (state !== undefined) query = query.where('state', '=', state)
  if (home !== undefined) {
    const site = await findSite(tx, home)
    if (site === null) return []
    query = query.where('home', '=', site)
  }
  return deliveriesFrom(tx, await query.execute())
}

async function deliveriesOf(
  tx: Tx,
  home: SiteId,
  records: Parameters<BridgeReader['deliveriesOf']>[1],
): Promise<DeliveryRow[]> {
  const site = await findSite(tx, home)
  if (site === null) return []
  const rows = await lookUp<BridgeDeliveryTable>(tx, DELIVERIES_OF, [site], records.map(idBytes))
  return deliveriesFrom(tx, rows)
}

async function deliveryCounts(
  tx: Tx,
): Promise<Record<DeliveryState, number> & { removing: number }> {
  const rows = await run<{ state: DeliveryState; count: number }>(
    tx,
    'select state, count(*) as count from bridge_deliveries group by state',
    [],
  )
  const [removing] = await run<{ count: number }>(
    tx,
    'select count(*) as count from bridge_removals',
    [],
  )
  const counted = { offered: 0, here: 0, refused: 0, removing: removing?.count ?? 0 }
  for (const { state, count } of rows) counted[state] = count
  return counted
}

/** A record under a second number would make its first one nobody's: that fails. */
const SAVE_DELIVERY = `insert into bridge_deliveries
  (net_id, home, record, state, idx, offered_at, tries, gallery, due_at)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (net_id) do update set state = excluded.state, idx = excluded.idx,
  offered_at = excluded.offered_at, tries = excluded.tries, gallery = excluded.gallery,
  due_at = excluded.due_at`

/** Where the module has not confirmed it, its offer may wait in the queue of the module still. */
const TURN_INTO_REMOVAL = `insert or ignore into bridge_removals (net_id, since, is_queued)
  select net_id, ?, state != 'here' from bridge_deliveries where net_id = ?`
const ADD_REMOVAL = `insert into bridge_removals (net_id, since, is_queued) values (?, ?, 0)
  on conflict (net_id) do update set is_queued = 0`

const IS_TAKEN = `select 1 from bridge_members where net_id = ?
  union all select 1 from bridge_deliveries where net_id = ?
  union all select 1 from bridge_removals where net_id = ? limit 1`

/** The bridge's part inside one transaction. */
export function bridgeIn(tx: Tx): BridgeWriter {
  return {
    members: (keys) => byKeys(tx, keys),
    byNetIds: async (ids) => (await lookUp<Joined>(tx, BY_NET_IDS, [], ids)).map(memberOf),
    list: (filter) => list(tx, filter),
    counts: () => counts(tx),
    untold: (times, limit) =>
      pick(tx, "state = 'published' and handed < ? order by handed, member_key limit ?", [
        times,
        limit,
      ]),
    expired: (now, limit) => pick(tx, 'expires_at <= ? order by expires_at limit ?', [now, limit]),
    picturesDue: (now, limit) =>
      pick(tx, 'pictures_at <= ? order by pictures_at limit ?', [now, limit]),
    bareSince: (time, limit) =>
      pick(tx, "bare_at >= ? and state = 'published' order by bare_at limit ?", [time, limit]),
    doomed: async (limit) =>
      (
        await run<{ slot: number }>(
          tx,
          'select slot from bridge_holds where doomed = 1 order by slot limit ?',
          [limit],
        )
      ).map(({ slot }) => slot),
    slots: async () =>
      (await run<{ slot: number }>(tx, 'select slot from bridge_holds', [])).map(
        ({ slot }) => slot,
      ),
    link: async (hash) => {
      const [row] = await run<BridgeLinkTable>(tx, 'select * from bridge_links where hash = ?', [
        hash,
      ])
      return row === undefined ? null : linkOf(row)
    },
    deliveries: async (ids) =>
      deliveriesFrom(tx, await lookUp<BridgeDeliveryTable>(tx, DELIVERIES, [], ids)),
    deliveriesOf: (home, records) => deliveriesOf(tx, home, records),
    listDeliveries: (filter) => listDeliveries(tx, filter),
    due: async (limit) =>
      deliveriesFrom(
        tx,
        await run<BridgeDeliveryTable>(
          tx,
          `select * from bridge_deliveries where due_at is not null and state = 'here'
             order by due_at, net_id limit ?`,
          [limit],
        ),
      ),
    deliveryCounts: () => deliveryCounts(tx),
    queuedRemovals: async () => {
      const [row] = await run<{ count: number }>(
        tx,
        'select count(*) as count from bridge_removals where is_queued = 1',
        [],
      )
      return row?.count ?? 0
    },
    removals: async (limit) =>
      (
        await run<{ net_id: number; since: number }>(
          tx,
          'select net_id, since from bridge_removals order by since, net_id limit ?',
          [limit],
        )
      ).map((row) => ({ netId: row.net_id, since: row.since })),
    removing: async (ids) =>
      (await lookUp<{ net_id: number }>(tx, REMOVING, [], ids)).map((row) => row.net_id),
    isTaken: async (netId) => (await run(tx, IS_TAKEN, [netId, netId, netId])).length > 0,

    saveMembers: (rows) => saveMembers(tx, rows),
    removeMembers: (keys) => removeMembers(tx, keys),
    removeDoomed: async (slots) => {
      await lookUp(tx, REMOVE_HOLDS, [], slots)
    },
    saveLinks: async (rows) => {
      for (const { hash, memberKey, sealedId, kind, expiresAt } of rows)
        await run(tx, SAVE_LINK, [hash, memberKey, sealedId, kind, expiresAt])
    },
    removeLinks: async (hashes) => {
      await lookUp(tx, REMOVE_LINKS, [], hashes)
    },
    removeLinksOf: async (keys) => {
      await lookUp(tx, REMOVE_LINKS_OF, [], keys)
    },
    tidyLinks: async (now) => {
      await run(tx, 'delete from bridge_links where expires_at <= ?', [now])
    },
    saveDeliveries: async (rows) => {
      for (const row of rows)
        await run(tx, SAVE_DELIVERY, [
          row.netId,
          await internSite(tx, row.home),
          idBytes(row.record),
          row.state,
          row.index,
          row.offeredAt,
          row.tries,
          row.gallery,
          row.dueAt,
        ])
    },
    removeDeliveries: async (ids) => {
      await lookUp(tx, REMOVE_DELIVERIES, [], ids)
    },
    turnIntoRemovals: async (ids, since) => {
      for (const id of ids) await run(tx, TURN_INTO_REMOVAL, [since, id])
      await lookUp(tx, REMOVE_DELIVERIES, [], ids)
    },
    addRemovals: async (ids, since) => {
      for (const id of ids) await run(tx, ADD_REMOVAL, [id, since])
    },
    removeRemovals: async (ids) => {
      await lookUp(tx, REMOVE_REMOVALS, [], ids)
    },
  }
}
