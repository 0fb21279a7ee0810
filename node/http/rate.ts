/** Token buckets in memory: how much each key or address may still ask for. */
import { HttpProblem } from './problem.ts'

export interface Rate {
  /** Tokens that come back every second. */
  perSecond: number
  /** Tokens of a full bucket. */
  burst: number
}

interface Bucket {
  tokens: number
  /** Seconds of the monotonic clock. */
  at: number
}

export interface Limiter {
  /**
   * Takes tokens from the bucket of `name`.
   *
   * @throws HttpProblem `too_many_requests` with Retry-After
   */
  take: (name: string, tokens?: number) => void
}

/** Names kept at most; beyond that full buckets are dropped, then the oldest. */
const NAMES = 10_000

/**
 * Creates a limiter.
 *
 * @param now seconds of a clock that never goes back
 */
export function createLimiter(
  { perSecond, burst }: Rate,
  now: () => number = () => performance.now() / 1000,
): Limiter {
  const buckets = new Map<string, Bucket>()

  function level(bucket: Bucket, time: number): number {
    return Math.min(burst, bucket.tokens + (time - bucket.at) * perSecond)
  }
  function makeRoom(time: number): void {
    if (buckets.size < NAMES) return
    for (const [name, bucket] of buckets) if (level(bucket, time) >= burst) buckets.delete(name)
    for (const name of buckets.keys()) {
      if (buckets.size < NAMES) return
      buckets.delete(name)
    }
  }

  return {
    take: (name, tokens = 1) => {
      const time = now()
      const bucket = buckets.get(name)
      if (bucket === undefined) makeRoom(time)
      const left = bucket === undefined ? burst : level(bucket, time)
      const cost = Math.min(tokens, burst)
      if (left < cost) {
        buckets.set(name, { tokens: left, at: time })
        const seconds = Math.max(1, Math.ceil((cost - left) / perSecond))
        throw new HttpProblem('too_many_requests', `a pause of ${seconds} seconds`, {
          'retry-after': String(seconds),
        })
      }
      buckets.set(name, { tokens: left - cost, at: time })
    },
  }
}
