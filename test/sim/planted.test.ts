/** The invariants are worth something only if they see what they are there for. */
import { describe, expect, it } from 'vitest'
import { PLANTS } from './plants.ts'
import { runSeed, SHORT_STEPS } from './run.ts'

/** Seeds in which a planted fault has to show. */
const SEEDS = 100
const PLANT_MILLIS = 10 * 60_000

describe('the invariants', () => {
  it.each(PLANTS)(
    'find out when $name',
    async (plant) => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { failure } = await runSeed(seed, SHORT_STEPS, plant)
        if (failure === null) continue
        expect(failure).toMatch(/^invariant \d+: /)
        return
      }
      expect.fail(`nothing was found in ${SEEDS} seeds`)
    },
    PLANT_MILLIS,
  )
})
