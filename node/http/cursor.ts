/** Cursors of lists that begin with the newest: a time and an id. */
import { ProtocolError } from '../../protocol/errors.ts'

export interface Before {
  time: number
  id: string
}

/**
 * Reads a cursor.
 *
 * @throws ProtocolError `malformed`
 */
export function parseBefore(cursor: string | undefined): Before | null {
  if (cursor === undefined) return null
  const [, time, id] = /^(\d{1,12})-([\w-]{1,64})$/.exec(cursor) ?? []
  if (time === undefined || id === undefined)
    throw new ProtocolError('malformed', '/cursor', 'a cursor')
  return { time: Number(time), id }
}

/** The cursor after a page; null where it is the last one. */
export function nextBefore(
  rows: readonly { id: string; receivedAt: number }[],
  limit: number,
): string | null {
  const last = rows.length < limit ? undefined : rows.at(-1)
  return last === undefined ? null : `${last.receivedAt}-${last.id}`
}
