/**
 * Simulations: the shipped core of five sites and a coordinator on a network, disks and clocks that
 * fail, with the invariants checked after every event. Each run of the tests takes other seeds;
 * `SIM_SEED=<first seed> SIM_SEEDS=<count>` repeats some, `npm run sim` runs longer ones.
 */
import { describe, expect, it } from 'vitest'
import { runSeed, SHORT_STEPS, type Outcome } from './run.ts'

const MINUTE_MS = 60_000
const SEEDS_A_MINUTE = 300
const first = Number(process.env['SIM_SEED'] ?? (Math.floor(Date.now() / MINUTE_MS) % 1e7) * 300)
const count = Number(process.env['SIM_SEEDS'] ?? SEEDS_A_MINUTE)
const SLICES = 10
const TRACE_LINES = 60

function reportOf({ seed, failure, trace }: Outcome): string {
  return [`seed ${seed}: ${failure}`, ...trace.slice(-TRACE_LINES)].join('\n  ')
}

describe(`simulations of the seeds from ${first} on`, () => {
  const slice = Math.ceil(count / SLICES)
  const starts = Array.from({ length: SLICES }, (_, at) => first + at * slice)

  it.for(starts)('keeps every invariant from %i on', { timeout: 300_000 }, async (start) => {
    const failures: string[] = []
    for (let seed = start; seed < start + slice && seed < first + count; seed += 1) {
      const outcome = await runSeed(seed, SHORT_STEPS)
      if (outcome.failure !== null) failures.push(reportOf(outcome))
    }
    expect(failures).toEqual([])
  })

  it('runs a seed twice in the same way, byte for byte', async () => {
    for (const seed of [first, first + 1]) {
      const once = await runSeed(seed, SHORT_STEPS)
      const twice = await runSeed(seed, SHORT_STEPS)
      expect(twice.digest).toBe(once.digest)
      expect(twice.events).toBe(once.events)
    }
  })
})
