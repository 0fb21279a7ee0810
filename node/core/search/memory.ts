/** The index of held records in memory: columns and words, kept in step row by row. */
import { ProtocolError } from '../../../protocol/errors.ts'
import {
  addRow,
  createColumns,
  isRead,
  nameOf,
  NOBODY,
  removeRow,
  rowOf,
  setRead,
  type IndexedBody,
} from './columns.ts'
import { needsReading } from './condition.ts'
import { poolOf } from './pool.ts'
import type {
  PoolQuery,
  PoolRow,
  ReadBody,
  RecordName,
  SearchAnswer,
  SearchFilter,
  SearchQuery,
} from './query.ts'
import { scan } from './scan.ts'
import type { TextIndex } from './text.ts'
import { WORD_FIELDS } from './traits.ts'
import { markWord, soughtWords, type SoughtWord } from './words.ts'

/** Bodies that may wait to be read while words are looked for all the same. */
const READ_LAG = 1000

/** What a store keeps in step with its rows. */
export interface MemoryIndex {
  add: (bodies: readonly IndexedBody[]) => void
  remove: (bodies: readonly (RecordName & { index: number })[]) => void
  find: (query: SearchQuery) => SearchAnswer
  pool: (query: PoolQuery) => PoolRow[]
  unread: (limit: number) => (RecordName & { index: number })[]
  addRead: (bodies: readonly ReadBody[]) => void
}

/** Words that the query asks for; null where it asks for none. Words of a field have its mark. */
function sought({ text, words }: SearchFilter): SoughtWord[] | null {
  const found = text === undefined ? [] : soughtWords(text)
  for (const field of WORD_FIELDS)
    for (const { word, isBeginning } of soughtWords(words?.[field] ?? ''))
      found.push({ word: markWord(field, word), isBeginning })
  return found.length === 0 ? null : found
}

/**
 * Creates an empty index.
 *
 * @param options.seed an integer of 32 bits that nobody can guess
 * @param options.texts makes the index of words when the first body has been read
 */
export function createMemoryIndex(options: { seed: number; texts: () => TextIndex }): MemoryIndex {
  const columns = createColumns(options.seed)
  let texts: TextIndex | null = null
  /** Whether all bodies had been read once: from then on, new ones follow soon. */
  let isBuilt = false
  /** Rows below it have been read, or have none to read. */
  let readBelow = 0

  function remove(bodies: readonly (RecordName & { index: number })[]): void {
    const rows = bodies.flatMap((body) => removeRow(columns, body) ?? [])
    texts?.remove(rows)
  }

  function assertRead(query: SearchFilter): void {
    if (!needsReading(query)) return
    if (columns.unread === 0) isBuilt = true
    if (!isBuilt || columns.unread > READ_LAG)
      throw new ProtocolError('not_ready', '', 'an index of texts, which is still being built')
  }

  /** Rows that the words of a filter lead to; null where it has none. */
  function among(filter: SearchFilter): readonly number[] | null {
    assertRead(filter)
    const words = sought(filter)
    return words === null ? null : (texts?.find(words) ?? [])
  }

  return {
    add: (bodies) => {
      for (const body of bodies) {
        const known = rowOf(columns, body)
        if (known !== null) {
          const held = nameOf(columns, known)
          if (held.index >= body.index) continue
          remove([held])
        }
        const row = addRow(columns, body)
        if (row !== null && row < readBelow) readBelow = row
      }
    },
    remove,
    find: (query) => scan(columns, query, among(query)),
    pool: (query) => poolOf(columns, query, among(query)),
    unread: (limit) => {
      const { pair } = columns.numbers
      const found: (RecordName & { index: number })[] = []
      let row = readBelow
      for (; row < columns.size && found.length < limit; row += 1)
        if (pair[row] !== NOBODY && !isRead(columns, row)) found.push(nameOf(columns, row))
      if (found.length === 0) {
        readBelow = row
        isBuilt = true
      }
      return found
    },
    addRead: (bodies) => {
      const added: { row: number; words: readonly string[] }[] = []
      for (const body of bodies) {
        const row = rowOf(columns, body)
        if (row === null || isRead(columns, row)) continue
        if (columns.numbers.index[row] !== body.index) continue
        setRead(columns, row, body)
        if (body.words.length > 0) added.push({ row, words: body.words })
        while (readBelow < columns.size && isSettled(readBelow)) readBelow += 1
      }
      if (added.length === 0) return
      texts ??= options.texts()
      texts.add(added)
    },
  }

  function isSettled(row: number): boolean {
    return columns.numbers.pair[row] === NOBODY || isRead(columns, row)
  }
}
