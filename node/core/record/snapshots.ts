/**
 * Who was online when the first page of a list was asked for. Later pages use the same, or people who
 * come and go would be seen twice, or never. In memory only, for as long as somebody may go on paging.
 */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Clock } from '../ports.ts'
import type { RecordName } from '../search/query.ts'

/** Seconds for which one snapshot serves new lists, and for which it is kept. */
const FRESH_SECONDS = 5
const KEPT_SECONDS = 15 * 60

export interface Snapshots {
  take: () => { snapshot: number; online: readonly RecordName[] }
  /** @throws ProtocolError `conflict` at `/cursor` for one that is too old */
  get: (snapshot: number) => readonly RecordName[]
}

interface Snapshot {
  time: number
  online: readonly RecordName[]
}

/** Creates the snapshots of who is online. */
export function createSnapshots(clock: Clock, online: () => Iterable<RecordName>): Snapshots {
  const snapshots = new Map<number, Snapshot>()
  let last = 0

  function forgetOld(now: number): void {
    for (const [snapshot, { time }] of snapshots) {
      // Also where the clock has jumped back: nothing may stay for longer than meant.
      if (now >= time && now - time <= KEPT_SECONDS) return
      snapshots.delete(snapshot)
    }
  }

  return {
    take: () => {
      const now = clock.now()
      forgetOld(now)
      const newest = snapshots.get(last)
      if (newest !== undefined && now - newest.time < FRESH_SECONDS && now >= newest.time)
        return { snapshot: last, online: newest.online }
      last += 1
      const taken = [...online()]
      snapshots.set(last, { time: now, online: taken })
      return { snapshot: last, online: taken }
    },
    get: (snapshot) => {
      forgetOld(clock.now())
      const known = snapshots.get(snapshot)
      if (known === undefined)
        throw new ProtocolError('conflict', '/cursor', 'a list begun in the last 15 minutes')
      return known.online
    },
  }
}
