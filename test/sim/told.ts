/** What a node has told its website, replayed from the feed, against what it holds. */
import { toHex } from '../../protocol/bytes.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import type { Database } from '../../node/store/database.ts'
import { recordsOf, registryOf, type Knowledge } from './knowledge.ts'
import type { BodyRow } from './storage.ts'

/** What a website that has read the feed so far believes. */
export interface Told {
  /** The newest row that it has read. */
  at: number
  /** "home record" */
  records: Set<string>
  hidden: Set<string>
}
/** One row of the feed. */
export interface ToldRow {
  id: number
  type: string
  home: string
  records: RecordId[]
}

export function nothingTold(): Told {
  return { at: 0, records: new Set(), hidden: new Set() }
}

const ID_BYTES = 16

/** Rows of the feed above an id, read from the table itself. */
export async function toldRows(db: Database['db'], above: number): Promise<ToldRow[]> {
  const rows = await db
    .selectFrom('feed')
    .selectAll()
    .where('id', '>', above)
    .orderBy('id')
    .execute()
  return rows.map(({ id, type, fields, records }) => ({
    id,
    type,
    home: (JSON.parse(fields) as { home?: string }).home ?? '',
    records: Array.from({ length: records.length / ID_BYTES }, (_, at) =>
      toHex(records.subarray(at * ID_BYTES, (at + 1) * ID_BYTES)),
    ) as RecordId[],
  }))
}

/** Lets the website read on; returns what is wrong with a row, or null. */
function readOn(told: Told, site: SiteId, rows: readonly ToldRow[]): string | null {
  for (const { id, type, home, records } of rows) {
    if (id !== told.at + 1) return `leaves out row ${told.at + 1} of the feed`
    told.at = id
    if (type === 'home.hidden' || type === 'home.shown') {
      if (told.hidden.has(home) === (type === 'home.hidden'))
        return `tells ${type} of ${home} twice`
      told.hidden[type === 'home.hidden' ? 'add' : 'delete'](home)
    }
    if (!type.startsWith('record.')) continue
    for (const record of records) {
      const name = `${home} ${record}`
      const isKnown = told.records.has(name)
      if (home === site) {
        if (type !== 'record.vanished') return `tells ${type} of its own ${record}`
      } else if (isKnown !== (type !== 'record.appeared')) return `tells ${type} of ${name} wrongly`
      told.records[type === 'record.vanished' ? 'delete' : 'add'](name)
    }
  }
  return null
}

/** Lets the website read on, and says what it believes and is not so; null where all is well. */
export function misbelief(
  { told, known, site }: { told: Told; known: Knowledge; site: SiteId },
  network: SiteId,
  feed: readonly ToldRow[],
  rows: readonly BodyRow[],
): string | null {
  const wrong = readOn(told, site, feed)
  if (wrong !== null) return wrong
  const held = new Set<string>()
  for (const { home, record, doomed } of rows) {
    if (doomed || home === site) continue
    const name = `${home} ${record}`
    held.add(name)
    if (!told.records.has(name)) return `holds ${name}, and never told of it`
  }
  const registry = registryOf(known, network)
  for (const name of told.records) {
    if (held.has(name)) continue
    const [home = '', record = ''] = name.split(' ')
    // A newer version may still be on its way.
    const one = recordsOf(known, registry, home as SiteId).get(record as RecordId)
    if (one?.live !== true || one.index === one.firstIndex)
      return `has told of ${name}, which is gone`
  }
  return null
}
