/** What repository functions are given: the connection inside a turn, and the names in use. */
import type { Kysely } from 'kysely'
import { pieceBytes } from '../../protocol/bytes.ts'
import {
  RECORD_ID_BYTES,
  recordIdBytes,
  recordIdOf,
  type RecordId,
  type SiteId,
} from '../../protocol/ids.ts'
import type { IndexedBody } from '../core/search/columns.ts'
import type { RecordName } from '../core/search/query.ts'
import type { Schema } from './schema.ts'

export interface Tx {
  /** For queries that are rare, or built from parts. */
  db: Kysely<Schema>
  /** For those on hot paths: building them anew would cost more than running them. */
  query: (sql: string, values: readonly Value[]) => unknown[]
  /** The site whose node this is. */
  own: SiteId
  names: Names
  /** What the index in memory takes over when the transaction is durable. */
  changes: SearchChange[]
}

/** A kept body, with the number of its row. */
export type IndexedRow = IndexedBody & { id: number }
/** Bodies of other sites that were kept, or doomed. */
export type SearchChange =
  | { kind: 'kept'; bodies: readonly IndexedRow[] }
  | { kind: 'gone'; bodies: readonly (RecordName & { index: number })[] }

/** Numbers already given to texts, as committed or by the running transaction. */
export interface Names {
  siteIds: Map<SiteId, number>
  sites: Map<number, SiteId>
  noticeIds: Map<string, number>
}

/** Names of an empty cache; a rolled-back transaction starts over from it. */
export function createNames(): Names {
  return { siteIds: new Map(), sites: new Map(), noticeIds: new Map() }
}

/** Forgets all: after a rollback a number may come to mean another name. */
export function clearNames(names: Names): void {
  names.siteIds.clear()
  names.sites.clear()
  names.noticeIds.clear()
}

/** The number of a site, or null where no row can refer to it. */
export async function findSite(tx: Tx, site: SiteId): Promise<number | null> {
  const known = tx.names.siteIds.get(site)
  if (known !== undefined) return known
  const [row] = await run<{ id: number }>(tx, 'select id from sites where name = ?', [site])
  if (row === undefined) return null
  tx.names.siteIds.set(site, row.id)
  tx.names.sites.set(row.id, site)
  return row.id
}

/** The number of a site, given out now where it had none. */
export async function internSite(tx: Tx, site: SiteId): Promise<number> {
  const known = await findSite(tx, site)
  if (known !== null) return known
  const { id } = await tx.db
    .insertInto('sites')
    .values({ name: site })
    .returning('id')
    .executeTakeFirstOrThrow()
  tx.names.siteIds.set(site, id)
  tx.names.sites.set(id, site)
  return id
}

/** The site of a number that a row holds. */
export async function siteOf(tx: Tx, id: number): Promise<SiteId> {
  const known = tx.names.sites.get(id)
  if (known !== undefined) return known
  const { name } = await tx.db
    .selectFrom('sites')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  tx.names.siteIds.set(name, id)
  tx.names.sites.set(id, name)
  return name
}

/** What SQLite can bind. */
export type Value = string | number | Uint8Array | null

/** Runs a statement given as text; `Row` is what its columns say. */
export function run<Row>(tx: Tx, sql: string, values: readonly Value[]): Promise<Row[]>
export async function run(tx: Tx, sql: string, values: readonly Value[]): Promise<unknown[]> {
  return tx.query(sql, values)
}

/** The words of a list kept as one text; their type is what was put in. */
export function splitWords<Word extends string>(text: string): Word[]
export function splitWords(text: string): string[] {
  return text === '' ? [] : text.split(',')
}

/** A list of words, none of which can hold a comma, as one text. */
export function joinWords(words: readonly string[]): string {
  return words.join(',')
}

const HEAP_BYTES = 64

/**
 * A value that SQLite reads where it is. V8 keeps short byte strings on its heap, and gives each one
 * memory of its own once native code looks at it, which costs ten times the copy into a larger piece.
 */
function bindable(value: Value): Value {
  if (!(value instanceof Uint8Array) || value.length > HEAP_BYTES) return value
  const bytes = pieceBytes(value.length)
  bytes.set(value)
  return bytes
}

/** Rows of one statement, from large to small: each size is one text, prepared once. */
const ROWS = [256, 64, 16, 4, 1]

/**
 * Runs a statement of many rows in pieces of a few fixed sizes, so that few texts are compiled.
 *
 * @param text makes the statement for so many rows
 * @param values of one row
 */
export async function runRows<Item, Row>(
  tx: Tx,
  items: readonly Item[],
  text: (count: number) => string,
  values: (item: Item) => readonly Value[],
): Promise<Row[]> {
  const found: Row[] = []
  let at = 0
  for (const count of ROWS) {
    for (; items.length - at >= count; at += count) {
      const bound: Value[] = []
      for (let i = at; i < at + count; i += 1) {
        const item = items[i]
        if (item !== undefined) for (const value of values(item)) bound.push(bindable(value))
      }
      for (const row of await run<Row>(tx, text(count), bound)) found.push(row)
    }
  }
  return found
}

/** A function of a row count whose texts are kept. */
export function cachedText(make: (count: number) => string): (count: number) => string {
  const texts = new Map<number, string>()
  return (count) => {
    let text = texts.get(count)
    if (text === undefined) {
      text = make(count)
      texts.set(count, text)
    }
    return text
  }
}

/** `(?, ?), (?, ?)`: so many rows of so many values. */
export function tuples(count: number, width: number): string {
  return Array(count)
    .fill(`(${Array(width).fill('?').join(', ')})`)
    .join(', ')
}

/** Values of one lookup, from small to large; shorter lists are filled up with their last value. */
const LOOKUPS = [1, 8, 64, 512]
const LOOKUP_LIMIT = 512

/**
 * Runs a lookup by a list of values in pieces of a few fixed sizes.
 *
 * @param text makes the statement; the list's placeholders come last in it
 * @param first values of the placeholders before the list
 */
export async function lookUp<Row>(
  tx: Tx,
  text: (count: number) => string,
  first: readonly Value[],
  list: readonly Value[],
): Promise<Row[]> {
  const found: Row[] = []
  for (let at = 0; at < list.length; at += LOOKUP_LIMIT) {
    const piece = list.slice(at, at + LOOKUP_LIMIT)
    const count = LOOKUPS.find((size) => size >= piece.length) ?? LOOKUP_LIMIT
    const bound: Value[] = [...first]
    for (const value of piece) bound.push(bindable(value))
    const last = bound.at(-1) ?? null
    while (bound.length < first.length + count) bound.push(last)
    for (const row of await run<Row>(tx, text(count), bound)) found.push(row)
  }
  return found
}

/** `?, ?, ?`: so many values. */
export function placeholders(count: number): string {
  return Array(count).fill('?').join(', ')
}

/** Bytes as the core knows them: SQLite's Buffer has a `slice` that shares memory. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** RecordIds as one value, 16 bytes each. */
export function packRecords(records: readonly RecordId[]): Uint8Array {
  const bytes = new Uint8Array(records.length * RECORD_ID_BYTES)
  for (const [place, record] of records.entries())
    bytes.set(recordIdBytes(record), place * RECORD_ID_BYTES)
  return bytes
}

/** The RecordIds in such a value. */
export function unpackRecords(bytes: Uint8Array): RecordId[] {
  const records: RecordId[] = []
  for (let at = 0; at < bytes.length; at += RECORD_ID_BYTES)
    records.push(recordIdOf(bytes.subarray(at, at + RECORD_ID_BYTES)))
  return records
}
