/**
 * A fresh slice of simulations in every run: the slice follows from the day, and `DPN_SIM_FROM` names
 * another first seed. A failure prints its seed and how it came about; `npm run sim -- --short
 * --seeds 1 --from <seed>` plays it again exactly.
 */
import { describe, expect, it } from 'vitest'
import { runSeed, SHORT_STEPS } from './run.ts'

const SEEDS = 300
const CHUNK = 25
const TRACE_LINES = 40
const CHUNK_MILLIS = 10 * 60_000
const DAY_MILLIS = 86_400_000
const first = Number(process.env['DPN_SIM_FROM'] ?? Math.floor(Date.now() / DAY_MILLIS) * SEEDS)
const chunks = Array.from({ length: SEEDS / CHUNK }, (_, at) => first + at * CHUNK)

describe('simulated networks', () => {
  it.each(chunks)(
    `keep every invariant, ${CHUNK} seeds from %i`,
    async (from) => {
      for (let seed = from; seed < from + CHUNK; seed += 1) {
        const { failure, trace } = await runSeed(seed, SHORT_STEPS)
        const story = [`seed ${seed}: ${failure}`, ...trace.slice(-TRACE_LINES)]
        if (failure !== null) expect.fail(story.join('\n'))
      }
    },
    CHUNK_MILLIS,
  )

  it('play the same seed the same way', async () => {
    const [once, again] = [await runSeed(first, SHORT_STEPS), await runSeed(first, SHORT_STEPS)]
    expect(again.digest).toBe(once.digest)
    expect(again.events).toBe(once.events)
  })
})
