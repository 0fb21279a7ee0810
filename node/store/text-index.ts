/** The index of words: FTS5 in a database of its own in memory, which never touches the disk. */
import Sqlite from 'better-sqlite3'
import type { TextIndex } from '../core/search/text.ts'
import type { SoughtWord } from '../core/search/words.ts'

/**
 * Without content, since only rows are asked for, and without positions, since words stand for
 * themselves: a fraction of the texts' size. Words come apart at blanks alone, because the core has
 * taken the texts apart: of ASCII they have letters and digits only.
 */
const TABLE =
  "create virtual table texts using fts5(words, content='', contentless_delete=1, detail=none, " +
  'tokenize="ascii")'

/** Words have neither quotes nor blanks, so that nothing in them can be taken for syntax. */
function expressionOf(words: readonly SoughtWord[]): string {
  return words.map(({ word, isBeginning }) => `"${word}"${isBeginning ? '*' : ''}`).join(' AND ')
}

/** Creates an empty index. */
export function createTextIndex(): TextIndex {
  const sqlite = new Sqlite(':memory:')
  sqlite.pragma('temp_store = MEMORY')
  sqlite.pragma('secure_delete = ON')
  sqlite.exec(TABLE)
  const insert = sqlite.prepare<[number, string]>('insert into texts (rowid, words) values (?, ?)')
  const erase = sqlite.prepare<[number]>('delete from texts where rowid = ?')
  const match = sqlite
    .prepare<[string], number>('select rowid from texts where texts match ?')
    .pluck()
  const all = <Item>(one: (item: Item) => void) =>
    sqlite.transaction((items: readonly Item[]) => {
      for (const item of items) one(item)
    })
  const add = all(({ row, words }: { row: number; words: readonly string[] }) => {
    insert.run(row, words.join(' '))
  })
  const remove = all((row: number) => {
    erase.run(row)
  })
  return {
    add: (rows) => add(rows),
    remove: (rows) => {
      if (rows.length > 0) remove(rows)
    },
    find: (words) => match.all(expressionOf(words)),
  }
}
