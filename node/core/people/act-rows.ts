/** The lines of the access log. */
import type { Actor } from './actor.ts'

/** One line of the access log. */
export interface ActRow {
  /** From 1, without gaps. */
  id: number
  time: number
  actor: Actor
  act: string
  subject: string
  /** SHA-256 over the hash of the line before and this line. */
  hash: Uint8Array
}
export interface ActReader {
  last: () => Promise<ActRow | null>
  /** In order, from `id` (exclusive). */
  above: (id: number, limit: number) => Promise<ActRow[]>
  /** The newest first, up to `id` (exclusive); null for all. */
  below: (id: number | null, limit: number) => Promise<ActRow[]>
}
export interface ActWriter extends ActReader {
  append: (row: ActRow) => Promise<void>
}
