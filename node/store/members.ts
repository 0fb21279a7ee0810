/** This site's members with a live record, and the history of their consents. */
import { recordIdBytes as idBytes, recordIdOf, type RecordId } from '../../protocol/ids.ts'
import type { Scope } from '../../protocol/consent.ts'
import type { ConsentEvent, MemberRow, MemberWriter } from '../core/store.ts'
import type { ConsentTable, MemberTable } from './schema.ts'
import {
  cachedText,
  joinWords,
  lookUp,
  placeholders,
  plainBytes,
  run,
  runRows,
  splitWords,
  tuples,
  type Tx,
} from './transaction.ts'

function memberOf(row: MemberTable): MemberRow {
  return {
    memberKey: plainBytes(row.member_key),
    record: recordIdOf(row.record),
    inputDigest: plainBytes(row.input_digest),
    emailKey: row.email_key === null ? null : plainBytes(row.email_key),
  }
}

const BY_KEYS = cachedText(
  (count) => `select * from members where member_key in (${placeholders(count)})`,
)

async function getByKeys(tx: Tx, memberKeys: readonly Uint8Array[]): Promise<MemberRow[]> {
  return (await lookUp<MemberTable>(tx, BY_KEYS, [], memberKeys)).map(memberOf)
}

async function getByRecord(tx: Tx, record: RecordId): Promise<MemberRow | null> {
  const row = await tx.db
    .selectFrom('members')
    .selectAll()
    .where('record', '=', idBytes(record))
    .executeTakeFirst()
  return row === undefined ? null : memberOf(row)
}

async function getByEmail(tx: Tx, emailKey: Uint8Array, limit: number): Promise<MemberRow[]> {
  const sql = 'select * from members where email_key = ? order by record limit ?'
  return (await run<MemberTable>(tx, sql, [emailKey, limit])).map(memberOf)
}

async function listMembers(tx: Tx, after: RecordId | null, limit: number): Promise<MemberRow[]> {
  let query = tx.db.selectFrom('members').selectAll().orderBy('record').limit(limit)
  if (after !== null) query = query.where('record', '>', idBytes(after))
  return (await query.execute()).map(memberOf)
}

async function countMembers(tx: Tx): Promise<number> {
  const row = await tx.db
    .selectFrom('members')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}

type ConsentRow = ConsentTable & { notice_text: string }

function eventOf(row: ConsentRow): ConsentEvent {
  const notice: ConsentEvent['notice'] = JSON.parse(row.notice_text)
  return {
    record: recordIdOf(row.record),
    memberKey: plainBytes(row.member_key),
    kind: row.kind,
    time: row.time,
    notice,
    scopes: splitWords<Scope>(row.scopes),
    channel: row.channel,
    expires: row.expires,
  }
}

const EVENTS =
  'select consents.*, notices.notice as notice_text from consents ' +
  'join notices on notices.id = consents.notice'

async function getConsents(tx: Tx, memberKey: Uint8Array): Promise<ConsentEvent[]> {
  const sql = `${EVENTS} where member_key = ? order by consents.id`
  return (await run<ConsentRow>(tx, sql, [memberKey])).map(eventOf)
}

const LAST = cachedText(
  (count) =>
    `${EVENTS} where consents.id in (select max(id) from consents ` +
    `where member_key in (${placeholders(count)}) group by member_key)`,
)

async function getLastConsents(tx: Tx, memberKeys: readonly Uint8Array[]): Promise<ConsentEvent[]> {
  return (await lookUp<ConsentRow>(tx, LAST, [], memberKeys)).map(eventOf)
}

const SAVE = cachedText(
  (count) =>
    'insert into members (member_key, record, input_digest, email_key) ' +
    `values ${tuples(count, 4)} on conflict (member_key) do update set ` +
    'record = excluded.record, input_digest = excluded.input_digest, ' +
    'email_key = excluded.email_key',
)

async function saveMembers(tx: Tx, rows: readonly MemberRow[]): Promise<void> {
  await runRows(tx, rows, SAVE, (row) => [
    row.memberKey,
    idBytes(row.record),
    row.inputDigest,
    row.emailKey,
  ])
}

const REMOVE = cachedText((count) => `delete from members where record in (${placeholders(count)})`)

const REMOVE_BLOCKS = cachedText(
  (count) => `delete from blocks where record in (${placeholders(count)})`,
)

/** Whom a member has blocked goes with the member. */
async function removeMembers(tx: Tx, records: readonly RecordId[]): Promise<void> {
  await lookUp(tx, REMOVE, [], records.map(idBytes))
  await lookUp(tx, REMOVE_BLOCKS, [], records.map(idBytes))
}

async function internNotice(tx: Tx, notice: ConsentEvent['notice']): Promise<number> {
  const { url, version, language, hash } = notice
  const text = JSON.stringify({ url, version, language, hash })
  const known = tx.names.noticeIds.get(text)
  if (known !== undefined) return known
  await tx.db
    .insertInto('notices')
    .values({ notice: text })
    .onConflict((conflict) => conflict.column('notice').doNothing())
    .execute()
  const { id } = await tx.db
    .selectFrom('notices')
    .select('id')
    .where('notice', '=', text)
    .executeTakeFirstOrThrow()
  tx.names.noticeIds.set(text, id)
  return id
}

const ADD_CONSENTS = cachedText(
  (count) =>
    'insert into consents (member_key, record, kind, time, notice, scopes, channel, expires) ' +
    `values ${tuples(count, 8)}`,
)

async function addConsents(tx: Tx, events: readonly ConsentEvent[]): Promise<void> {
  const rows: Omit<ConsentTable, 'id'>[] = []
  for (const event of events)
    rows.push({
      member_key: event.memberKey,
      record: idBytes(event.record),
      kind: event.kind,
      time: event.time,
      notice: await internNotice(tx, event.notice),
      scopes: joinWords(event.scopes),
      channel: event.channel,
      expires: event.expires,
    })
  await runRows(tx, rows, ADD_CONSENTS, (row) => [
    row.member_key,
    row.record,
    row.kind,
    row.time,
    row.notice,
    row.scopes,
    row.channel,
    row.expires,
  ])
}

/** The members inside one transaction. */
export function membersIn(tx: Tx): MemberWriter {
  return {
    byKeys: (memberKeys) => getByKeys(tx, memberKeys),
    byRecord: (record) => getByRecord(tx, record),
    byEmail: (emailKey, limit) => getByEmail(tx, emailKey, limit),
    list: (after, limit) => listMembers(tx, after, limit),
    count: () => countMembers(tx),
    consents: (memberKey) => getConsents(tx, memberKey),
    lastConsents: (memberKeys) => getLastConsents(tx, memberKeys),
    save: (rows) => saveMembers(tx, rows),
    remove: (records) => removeMembers(tx, records),
    addConsents: (events) => addConsents(tx, events),
  }
}
