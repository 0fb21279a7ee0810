/**
 * Do the simulations see anything at all? Each fault of `plants.ts` is planted, and some seed of a
 * few has to break one of the invariants that it endangers.
 */
import { expect, it } from 'vitest'
import { PLANTS } from './plants.ts'
import { runSeed, SHORT_STEPS } from './run.ts'

const MOST_SEEDS = 120

it.for(PLANTS)('catches: $name', { timeout: 300_000 }, async (plant) => {
  let broken: number[] = []
  const { from = 1 } = plant
  for (let seed = from; seed < from + MOST_SEEDS && broken.length === 0; seed += 1) {
    const { failure } = await runSeed(seed, SHORT_STEPS, plant)
    broken = plant.breaks.filter((invariant) => failure?.startsWith(`invariant ${invariant}:`))
  }
  expect(broken).toHaveLength(1)
})
