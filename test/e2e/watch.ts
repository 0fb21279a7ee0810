/** Looks at what a node shows as often as it answers, so that not even a moment goes unseen. */
import { setTimeout as delay } from 'node:timers/promises'
import type { TestSite } from './network.ts'

/** Milliseconds between two looks: within the rate limit of the keys that take turns. */
const PAUSE_MILLIS = 8

export interface Seen {
  /** Forbidden records that were shown at any moment. */
  shown: string[]
  /** Answers looked at. */
  answers: number
  /** The largest number of records in one of them. */
  most: number
  /** Refusals: a list that is not given proves nothing. */
  faults: string[]
}

const LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOST.has(String(error.code))
}

/**
 * Begins to look, also while the node is not there yet: from the very first request that it answers.
 *
 * @param forbidden records that must never be shown
 */
export function watchRecords({ api }: TestSite, forbidden: ReadonlySet<string>): Watch {
  return watch(api.records, forbidden)
}

/** The same for a site's own members. */
export function watchMembers({ api }: TestSite, forbidden: ReadonlySet<string>): Watch {
  return watch(api.members, forbidden)
}

export interface Watch {
  end: () => Promise<Seen>
}

function watch(list: () => Promise<{ record: string }[]>, forbidden: ReadonlySet<string>): Watch {
  const seen: Seen = { shown: [], answers: 0, most: 0, faults: [] }
  const over = new AbortController()

  async function look(): Promise<void> {
    while (!over.signal.aborted) {
      try {
        const records = await list()
        seen.answers += 1
        seen.most = Math.max(seen.most, records.length)
        for (const { record } of records) if (forbidden.has(record)) seen.shown.push(record)
      } catch (error) {
        // Not up, or just killed: no answer shows nothing.
        if (!isConnectionLost(error)) seen.faults.push(String(error))
      }
      await delay(PAUSE_MILLIS)
    }
  }

  const looking = look()
  return {
    end: async () => {
      over.abort()
      await looking
      return seen
    },
  }
}
