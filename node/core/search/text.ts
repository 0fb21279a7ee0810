/** The port of the index of words: in memory only, since texts are never on disk in clear. */
import type { SoughtWord } from './words.ts'

/** Words by row of the columns. */
export interface TextIndex {
  /** Adds the words of rows that have none. */
  add: (rows: readonly { row: number; words: readonly string[] }[]) => void
  /** Forgets the words of rows; those without any are passed over. */
  remove: (rows: readonly number[]) => void
  /** Rows that have all these words, in no order. */
  find: (words: readonly SoughtWord[]) => number[]
}
