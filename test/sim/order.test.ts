/**
 * Order-freedom: a follower whom messages reach in another order, and more than once, comes to the
 * same state. Method: record what four busy sites and their coordinator announce, and hand it to
 * fresh followers whom nobody else reaches, shuffled anew for each.
 */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../protocol/bytes.ts'
import type { Announcement } from '../../protocol/wire.ts'
import { createDice } from './dice.ts'
import { foundedWorld } from './foundation.ts'
import { Websites } from './website.ts'
import { NETWORK, SITES, type SimNode, type World } from './world.ts'

const first = Number(process.env['SIM_SEED'] ?? Math.floor(Date.now() / 60_000) % 1e7)

/**
 * What a node makes of the logs of others. Left out are the newest heartbeat and its note: one for a
 * smaller size than is applied already is ignored, so that a lease may end a beat earlier.
 */
async function stateOf({ database: { db } }: SimNode): Promise<unknown> {
  const logs = await db
    .selectFrom('logs')
    .innerJoin('sites', 'sites.id', 'logs.log')
    .select(['name', 'size', 'range', 'requirements'])
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
    world.judge.wrote(announcement.log, announcement.from, announcement.entries)
    void node.process?.handlers?.announcement(announcement.log, announcement)
    await world.run(3)
  }
}

describe('a follower', () => {
  it(`comes to one state, in whatever order messages reach it (seed ${first})`, async () => {
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
      expect(node.known.logs.get(SITES[1] ?? NETWORK)?.length).toBeGreaterThan(1)
      states.push(await stateOf(node))
      await world.close()
    }
    expect(states[1]).toEqual(states[0])
    expect(states[2]).toEqual(states[0])
  })
})
