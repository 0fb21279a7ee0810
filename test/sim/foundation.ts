/** The network with which simulations begin: a coordinator, five admitted sites, all in touch. */
import { createDice } from './dice.ts'
import type { SlotDisk } from './disk.ts'
import { emptyKnowledge, type Knowledge } from './knowledge.ts'
import { Websites } from './website.ts'
import { NETWORK, SITES, START, World, type Plant } from './world.ts'

interface Founded {
  site: (typeof SITES)[number]
  database: Uint8Array
  disk: SlotDisk
  known: Knowledge
}

const TYPES = ['general', 'casual', 'senior', 'general', 'casual']
let founded: Promise<Founded[]> | undefined

async function found(): Promise<Founded[]> {
  const world = new World(createDice(0), { name: 'none' }, START - 7200)
  const coordinator = await world.add(NETWORK)
  for (const site of SITES) await world.add(site)
  world.start(coordinator)
  await world.run(5)
  const admission = coordinator.process?.coordinator?.admission
  if (admission === undefined) throw new Error('the coordinator does not start')
  for (const [at, site] of SITES.entries()) {
    const { logKey, witnessKey } = world.node(site).identity
    const applied = admission.apply({
      site,
      logKey: logKey.publicKey,
      witnessKey: witnessKey.publicKey,
      siteType: TYPES[at] ?? 'general',
      jurisdiction: 'DE',
      contact: 'owner@site.example',
    })
    await world.run(5)
    await applied
    const admitted = admission.admit(site)
    await world.run(5)
    await admitted
  }
  for (const site of SITES) world.start(world.node(site))
  await world.run(2000)
  const websites = new Websites(world, world.dice)
  for (const site of SITES) websites.demand(world.node(site), true)
  await world.run(3000)
  const states = world.nodes.map((node) => ({
    site: node.site,
    database: node.database.serialize(),
    disk: node.disk.copy(),
    known: node.known,
  }))
  await world.close()
  return states
}

/** A world with the founded network, every node started and greeted by the others. */
export async function foundedWorld(seed: number, plant: Plant): Promise<World> {
  founded ??= found()
  const states = await founded
  const world = new World(createDice(seed), plant)
  for (const { site, database, disk, known } of states) {
    const copied: Knowledge = {
      ...emptyKnowledge(),
      ...known,
      logs: new Map([...known.logs].map(([log, lines]) => [log, [...lines]])),
      storedBeats: new Map(known.storedBeats),
      beats: new Map(),
      kept: new Map(),
      pictures: new Map(),
      ledger: new Set(),
      pending: new Set(),
      forked: new Set(),
      unsettled: new Set(),
    }
    const node = await world.add(site, { database, disk: disk.copy(), known: copied })
    world.judge.adopt(node)
  }
  return world
}
