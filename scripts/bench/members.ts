/** The members of a benchmark, made batch by batch so that a process never holds them all. */
import { people, type Person } from '../people.ts'

/** Members published at once. */
export const BATCH = 1000

/** Today in UTC, as the invented members need it. */
export function today(): string {
  return new Date().toISOString().slice(0, 10)
}

/** Members `from` to `from + count` in batches; the same numbers give the same members. */
export function* batches(from: number, count: number): Generator<Person[]> {
  for (let at = from; at < from + count; at += BATCH)
    yield people(at / BATCH, Math.min(BATCH, from + count - at), today())
}

/** The site's own id of a member. */
export function memberId(index: number): string {
  return `member-${Math.floor(index / BATCH)}-${index % BATCH}`
}
