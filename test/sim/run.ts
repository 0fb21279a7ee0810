/** Runs one seed: a phase of faults, in which nothing bad may happen, then one in which all heals. */
import { hash } from 'node:crypto'
import { differs } from './converged.ts'
import { Faults } from './faults.ts'
import { foundedWorld } from './foundation.ts'
import { Violation } from './judged.ts'
import type { Plant, World } from './world.ts'

export interface Outcome {
  seed: number
  /** Null where every invariant held. */
  failure: string | null
  /** What happened. */
  trace: string[]
  /** SHA-256 of the whole trace. */
  digest: string
  events: number
}

const DAY_SECONDS = 86_400
const HEAL_STEP_SECONDS = 900
/** Virtual time in which everything must be well again. */
const HEAL_SECONDS = 5 * 3600

async function play(world: World, mostSteps: number): Promise<void> {
  for (const node of world.nodes) world.start(node)
  await world.run(30)
  const faults = new Faults(world)
  const steps = world.dice.between(6, mostSteps + 1)
  for (let step = 0; step < steps; step += 1) {
    const wait = await faults.step()
    await world.look()
    await world.run(wait)
  }
  world.note('-- everything heals')
  faults.heal()
  let limit = HEAL_SECONDS
  for (let waited = 0; ; waited += HEAL_STEP_SECONDS) {
    await world.run(HEAL_STEP_SECONDS)
    const open = await differs(world, faults.websites)
    await world.look()
    if (open === null) return
    // What a wrong clock refused or erased is asked for again on the next day.
    if (world.wereClocksWrong && limit === HEAL_SECONDS && open.what.includes('does not show'))
      limit = DAY_SECONDS - (world.queue.now() % DAY_SECONDS) + waited + HEAL_SECONDS
    if (waited > limit) throw new Violation(open.invariant, `after ${waited} s ${open.what}`)
  }
}

/** Acts of the longest simulations; half as many are enough for what runs with every test. */
export const LONG_STEPS = 40
export const SHORT_STEPS = 18

/**
 * Runs a seed.
 *
 * @param plant one of the faults that the invariants have to find
 */
export async function runSeed(
  seed: number,
  mostSteps: number,
  plant: Plant = { name: 'none' },
): Promise<Outcome> {
  const world = await foundedWorld(seed, plant)
  let failure: string | null = null
  try {
    await play(world, mostSteps)
  } catch (error) {
    const first = world.judge.violation ?? error
    failure = first instanceof Violation ? first.message : String((first as Error).stack)
  } finally {
    await world.close()
  }
  const digest = hash('sha256', world.trace.join('\n'))
  const events = world.queue.count()
  return { seed, failure, trace: world.trace, digest, events }
}
