/**
 * Simulations: the shipped core of five sites and a coordinator on a network, disks and clocks that
 * fail, with the invariants checked after every event. Each run of the tests takes other seeds;
 * `SIM_SEED=<first seed> SIM_SEEDS=<count>` repeats some, `npm run sim` runs longer ones.
 */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../protocol/bytes.ts'
import type { Announcement } from '../../protocol/wire.ts'
import { createDice } from './dice.ts'
import { foundedWorld } from './foundation.ts'
import { runSeed, SHORT_STEPS, type Outcome } from './run.ts'
import { Websites } from './website.ts'
import { NETWORK, SITES, type SimNode, type World } from './world.ts'

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

/** What a node makes of the logs of others, without what it has yet to ask for. */
async function stateOf({ database: { db } }: SimNode): Promise<unknown> {
  const logs = await db
    .selectFrom('logs')
    .innerJoin('sites', 'sites.id', 'logs.log')
    .select(['name', 'size', 'range', 'note', 'heartbeat', 'requirements'])
    .orderBy('name')
    .execute()
  const records = await db
    .selectFrom('records')
    .innerJoin('sites', 'sites.id', 'records.log')
    .select(['name', 'record', 'first_idx', 'idx', 'version', 'live', 'end_idx', 'expires'])
    .orderBy('record')
    .execute()
  return {
    logs: logs.map(({ range, ...log }) => ({ ...log, range: toHex(range) })),
    records: records.map(({ record, ...state }) => ({ ...state, record: toHex(record) })),
  }
}

/** A quarter of an hour in which sites publish, update, withdraw, and the coordinator commands. */
async function busyAnnouncements(seed: number): Promise<Announcement[]> {
  const told: Announcement[] = []
  const world = await foundedWorld(seed, {
    name: 'listening',
    network: (network) => ({
      ...network,
      announce: async (announcement) => {
        told.push(announcement)
        await network.announce(announcement)
      },
    }),
  })
  const [silent, ...busy] = SITES
  for (const node of world.nodes) if (node.site !== silent) world.start(node)
  await world.run(60)
  const websites = new Websites(world, world.dice.fork())
  for (let step = 0; step < 12; step += 1) {
    const node = world.node(world.dice.pick(busy))
    world.dice.pick([
      () => websites.publish(node),
      () => websites.update(node),
      () => websites.withdraw(node),
      () => websites.demand(node, false),
    ])()
    await world.run(20)
    if (step !== 8) continue
    const admission = world.node(NETWORK).process?.coordinator?.admission
    await Promise.all([admission?.order(node.site, null, 'o-1'), world.run(5)])
  }
  await world.close()
  return told
}

/** Hands announcements to a node that nobody else reaches, in this order. */
async function hear(world: World, node: SimNode, told: readonly Announcement[]): Promise<void> {
  for (const announcement of told) {
    void node.process?.handlers?.announcement(announcement.log, announcement)
    await world.run(3)
  }
}

describe('a follower', () => {
  it('comes to one state, in whatever order and number messages reach it', async () => {
    const told = await busyAnnouncements(first)
    const states: unknown[] = []
    for (const order of [1, 2, 3]) {
      const dice = createDice(order)
      const world = await foundedWorld(first, { name: 'none' })
      const node = world.node(SITES[0] ?? NETWORK)
      node.skew = 1000
      world.start(node)
      await world.run(5)
      // What leaves a gap is dropped, since nobody can be asked: so everything comes repeatedly.
      for (let round = 0; round < 4; round += 1)
        await hear(world, node, dice.shuffled([...told, ...told.slice(0, round * 5)]))
      await hear(world, node, told)
      states.push(await stateOf(node))
      await world.close()
    }
    expect(states[1]).toEqual(states[0])
    expect(states[2]).toEqual(states[0])
  })
})
