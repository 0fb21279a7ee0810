/**
 * Do the simulations see anything at all? Each fault of `plants.ts` is planted, and some seed of a
 * few has to break one of the invariants that it endangers.
 */
import { expect, it } from 'vitest'
import { PLANTS } from './plants.ts'
import { runSeed, SHORT_STEPS } from './run.ts'

const MOST_SEEDS = 120

it.for(PLANTS)('catches: $name', { timeout: 300_000 }, async (plant) => {
  const found: string[] = []
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const { failure } = await runSeed(seed, SHORT_STEPS, plant)
    if (failure === null) continue
    found.push(failure)
    if (plant.breaks.some((invariant) => failure.startsWith(`invariant ${invariant}:`))) return
  }
  expect.fail(`not within ${MOST_SEEDS} seeds; other failures: ${found.join('; ')}`)
})
