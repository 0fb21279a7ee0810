/** People's requests, restrictions, and what authorities were given. What names a person is sealed. */
import type {
  AuthorityRow,
  RequestFilter,
  RequestReader,
  RequestRow,
  RequestStep,
  RequestWriter,
} from '../core/request/rows.ts'
import type { AnsweredTable, AuthorityTable, RequestTable } from './desk-tables.ts'
import {
  cachedText,
  joinWords,
  lookUp,
  packRecords,
  placeholders,
  plainBytes,
  run,
  splitWords,
  unpackRecords,
  type Tx,
} from './transaction.ts'

const plain = (bytes: Uint8Array | null): Uint8Array | null =>
  bytes === null ? null : plainBytes(bytes)

function rowOf(row: RequestTable): RequestRow {
  return {
    id: row.id,
    subject: row.subject,
    memberKey: plain(row.member_key),
    customer: row.customer,
    site: row.site,
    right: row.kind,
    channel: row.channel,
    receivedAt: row.received_at,
    dueAt: row.due_at,
    extension: row.extension,
    identity: row.identity,
    method: row.method,
    state: row.state,
    reason: row.reason,
    kept: splitWords(row.kept),
    closedAt: row.closed_at,
    sealed: plain(row.sealed),
    tellAt: row.tell_at,
    attempts: row.attempts,
    steps: JSON.parse(row.steps) as RequestStep[],
  }
}

async function get(tx: Tx, id: string): Promise<RequestRow | null> {
  const [row] = await run<RequestTable>(tx, 'select * from requests where id = ?', [id])
  return row === undefined ? null : rowOf(row)
}

async function list(tx: Tx, filter: RequestFilter): Promise<RequestRow[]> {
  const { states, subject, memberKey, customer, before, limit } = filter
  let query = tx.db
    .selectFrom('requests')
    .selectAll()
    .orderBy('received_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  if (states !== undefined) query = query.where('state', 'in', states)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  if (memberKey !== undefined) query = query.where('member_key', '=', memberKey)
  if (customer !== undefined) query = query.where('customer', '=', customer)
  if (before !== undefined)
    query = query.where((where) =>
      where.or([
        where('received_at', '<', before.time),
        where.and([where('received_at', '=', before.time), where('id', '<', before.id)]),
      ]),
    )
  return (await query.execute()).map(rowOf)
}

async function due(tx: Tx, now: number, limit: number): Promise<RequestRow[]> {
  const sql = 'select * from requests where tell_at <= ? order by tell_at, id limit ?'
  return (await run<RequestTable>(tx, sql, [now, limit])).map(rowOf)
}

async function closedBefore(tx: Tx, time: number, limit: number): Promise<RequestRow[]> {
  const sql =
    'select * from requests where closed_at < ? ' +
    'and (sealed is not null or member_key is not null) limit ?'
  return (await run<RequestTable>(tx, sql, [time, limit])).map(rowOf)
}

async function counts(tx: Tx, now: number): ReturnType<RequestReader['counts']> {
  const sql =
    'select count(*) as open, coalesce(sum(due_at < ?), 0) as overdue from requests ' +
    "where state = 'open'"
  const [row] = await run<{ open: number; overdue: number }>(tx, sql, [now])
  return row ?? { open: 0, overdue: 0 }
}

async function save(tx: Tx, row: RequestRow): Promise<void> {
  const columns = {
    member_key: row.memberKey,
    customer: row.customer,
    due_at: row.dueAt,
    extension: row.extension,
    identity: row.identity,
    method: row.method,
    state: row.state,
    reason: row.reason,
    kept: joinWords(row.kept),
    closed_at: row.closedAt,
    sealed: row.sealed,
    tell_at: row.tellAt,
    attempts: row.attempts,
    steps: JSON.stringify(row.steps),
  }
  const { id, subject, site, right, channel, receivedAt } = row
  await tx.db
    .insertInto('requests')
    .values({ id, subject, site, kind: right, channel, received_at: receivedAt, ...columns })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

const RESTRICTED = cachedText(
  (count) => `select member_key from restrictions where member_key in (${placeholders(count)})`,
)

const SUSPENDED = cachedText(
  (count) => `select member_key from bridge_members
    where state = 'suspended' and member_key in (${placeholders(count)})`,
)

async function restricted(tx: Tx, memberKeys: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const asked = await lookUp<{ member_key: Uint8Array }>(tx, RESTRICTED, [], memberKeys)
  const suspended = await lookUp<{ member_key: Uint8Array }>(tx, SUSPENDED, [], memberKeys)
  return [...asked, ...suspended].map((row) => plainBytes(row.member_key))
}

async function restrict(
  tx: Tx,
  ...[memberKey, request, time]: Parameters<RequestWriter['restrict']>
): Promise<void> {
  await tx.db
    .insertInto('restrictions')
    .values({ member_key: memberKey, request, since: time })
    .onConflict((conflict) => conflict.column('member_key').doNothing())
    .execute()
}

async function answered(tx: Tx, id: string): ReturnType<RequestReader['answered']> {
  const sql = 'select * from answered_requests where id = ?'
  const [row] = await run<AnsweredTable>(tx, sql, [id])
  return row === undefined ? null : { id, records: unpackRecords(row.records), time: row.time }
}

function authorityOf(row: AuthorityTable): AuthorityRow {
  return {
    id: row.id,
    subject: row.subject,
    memberKey: plain(row.member_key),
    customer: row.customer,
    authority: row.authority,
    basis: row.basis,
    proposedAt: row.proposed_at,
    proposedBy: row.proposed_by,
    approvals: JSON.parse(row.approvals) as AuthorityRow['approvals'],
    state: row.state,
    exportedAt: row.exported_at,
    digest: plain(row.digest),
    sealed: plain(row.sealed),
  }
}

async function authority(tx: Tx, id: string): Promise<AuthorityRow | null> {
  const sql = 'select * from authority_disclosures where id = ?'
  const [row] = await run<AuthorityTable>(tx, sql, [id])
  return row === undefined ? null : authorityOf(row)
}

async function authorities(
  tx: Tx,
  ...[{ memberKey, customer, limit }]: Parameters<RequestReader['authorities']>
): Promise<AuthorityRow[]> {
  let query = tx.db
    .selectFrom('authority_disclosures')
    .selectAll()
    .orderBy('proposed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
  if (memberKey !== undefined) query = query.where('member_key', '=', memberKey)
  if (customer !== undefined) query = query.where('customer', '=', customer)
  return (await query.execute()).map(authorityOf)
}

async function saveAuthority(tx: Tx, row: AuthorityRow): Promise<void> {
  const columns = {
    approvals: JSON.stringify(row.approvals),
    state: row.state,
    exported_at: row.exportedAt,
    digest: row.digest,
    sealed: row.sealed,
  }
  await tx.db
    .insertInto('authority_disclosures')
    .values({
      id: row.id,
      subject: row.subject,
      member_key: row.memberKey,
      customer: row.customer,
      authority: row.authority,
      basis: row.basis,
      proposed_at: row.proposedAt,
      proposed_by: row.proposedBy,
      ...columns,
    })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
    .execute()
}

/** The requests inside one transaction. */
export function requestsIn(tx: Tx): RequestWriter {
  return {
    get: (id) => get(tx, id),
    list: (filter) => list(tx, filter),
    due: (now, limit) => due(tx, now, limit),
    closedBefore: (time, limit) => closedBefore(tx, time, limit),
    counts: (now) => counts(tx, now),
    restricted: (memberKeys) => restricted(tx, memberKeys),
    answered: (id) => answered(tx, id),
    authority: (id) => authority(tx, id),
    authorities: (filter) => authorities(tx, filter),
    save: (row) => save(tx, row),
    restrict: (memberKey, request, time) => restrict(tx, memberKey, request, time),
    lift: async (memberKey) => {
      await tx.db.deleteFrom('restrictions').where('member_key', '=', memberKey).execute()
    },
    saveAnswered: async ({ id, records, time }) => {
      const values = { records: packRecords(records), time }
      await tx.db
        .insertInto('answered_requests')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute()
    },
    pruneAnswered: async (before) => {
      await tx.db.deleteFrom('answered_requests').where('time', '<', before).execute()
    },
    saveAuthority: (row) => saveAuthority(tx, row),
  }
}
