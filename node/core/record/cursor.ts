/** Cursors of discovery: where a page has ended, sealed, since distances and places are personal. */
import { fromHex, fromUtf8, toHex, toUtf8 } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Place } from '../../../protocol/requirements.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { Crypto } from '../ports.ts'
import type { SearchPosition } from '../search/query.ts'

/** Characters of a cursor: a domain name at its limit, numbers, nonce and tag, in hexadecimal. */
export const CURSOR_CHARS = 1024

/** What a page leaves for the next one. */
export interface PageEnd {
  position: SearchPosition
  /** The place from which distances were reckoned: a member may move between two pages. */
  from: Place | null
  /** Who was online when the first page was asked for, by the number of a snapshot. */
  snapshot: number
}

export interface Cursors {
  seal: (end: PageEnd) => string
  /** @throws ProtocolError `out_of_range` at `/cursor` for one that this node has not given out for `query` */
  open: (cursor: string) => PageEnd
}

interface Sealed {
  query: string
  key: number | null
  home: string
  record: string
  from: Place | null
  snapshot: number
}

/**
 * Creates the cursors of one query.
 *
 * @param query names the query: a cursor of another one is refused
 */
export function createCursors(
  { crypto, keys }: { crypto: Crypto; keys: Pick<PrivateKeys, 'index'> },
  query: string,
): Cursors {
  const key = crypto.hmacSha256(keys.index, labelled('cursor', toUtf8('')))
  const digest = toHex(crypto.hmacSha256(keys.index, labelled('query', toUtf8(query))).slice(0, 16))
  return {
    seal: ({ position, from, snapshot }) => {
      const { home, record } = position
      // JSON has no infinity, the distance to who has no place.
      const ended: Sealed = {
        query: digest,
        key: Number.isFinite(position.key) ? position.key : null,
        home,
        record,
        from,
        snapshot,
      }
      return toHex(crypto.seal(key, toUtf8(JSON.stringify(ended))))
    },
    open: (cursor) => {
      const isHex = cursor.length <= CURSOR_CHARS && /^(?:[0-9a-f]{2})+$/.test(cursor)
      const bytes = isHex ? crypto.open(key, fromHex(cursor)) : null
      const ended = bytes === null ? null : (JSON.parse(fromUtf8(bytes)) as Sealed)
      if (ended?.query !== digest)
        throw new ProtocolError('out_of_range', '/cursor', 'the cursor of a page of this query')
      const { home, record, from, snapshot } = ended
      return {
        position: {
          key: ended.key ?? Number.POSITIVE_INFINITY,
          home: home as SiteId,
          record: record as RecordId,
        },
        from,
        snapshot,
      }
    },
  }
}
