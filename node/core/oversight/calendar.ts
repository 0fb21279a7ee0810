/**
 * Deadlines of the audit: by the terms in force when a time began to run, by the coordinator's own
 * clock, and without the times in which the coordinator itself was away. Nothing here depends on
 * when somebody looks, so that an audit made anew comes to the same.
 */
import type { Terms } from '../../../protocol/entry.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { termsAt, wasAdmitted, type Member, type Registry } from '../../../protocol/registry.ts'
import type { Span } from '../audit-rows.ts'

export interface Calendar {
  registry: Registry
  /** When the coordinator gave no heartbeat for longer than it should, oldest first. */
  away: readonly { since: number; until: number }[]
  /** Logs that nobody signs any more, with the unix seconds since which it is so. */
  stopped: ReadonlyMap<SiteId, number>
}

/** A time that runs for so many seconds, and stands still while the coordinator is away. */
export function dueAfter({ away }: Pick<Calendar, 'away'>, from: number, seconds: number): number {
  let due = from + seconds
  for (const { since, until } of away) {
    if (since >= due) break
    due += Math.max(0, until - Math.max(since, from))
  }
  return due
}

/** When a time that began to run at `from` is over, by the terms of that moment. */
export function deadlineOf(
  calendar: Calendar,
  from: number,
  name: 'erasureDeadlineSeconds' | 'hideAfterSeconds' | 'eraseAfterSeconds',
): number {
  const terms: Terms = termsAt(calendar.registry, from)
  return dueAfter(calendar, from, terms[name])
}

/** Whether a log still had to be signed at a time: it has not forked, and its site was not expelled. */
export function isRunning({ stopped }: Calendar, log: SiteId, time: number): boolean {
  return time < (stopped.get(log) ?? Infinity)
}

/** Whether a site was a member at a time and had not been expelled by then. */
export function wasMember(member: Member, time: number): boolean {
  return wasAdmitted(member, time) && time < (member.expelledAt ?? Infinity)
}

/** The times in which a site was a member. */
export function spansOf({ admissions, expelledAt }: Member): Span[] {
  const end = expelledAt ?? Infinity
  return admissions
    .map(({ from, until }) => ({ from, until: Math.min(until, end) }))
    .filter(({ from, until }) => from < until)
}

/** Whose receipt counts for what the coordinator cosigned at a time, expelled since or not. */
export function membersAt({ registry }: Pick<Calendar, 'registry'>, time: number): Member[] {
  return [...registry.members.values()].filter((member) => wasMember(member, time))
}
