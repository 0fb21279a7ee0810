/**
 * Do challenges and probes see anything at all? Method: a simulated network in fair weather, in which
 * one site does what no honest site does; the coordinator has to find just that, and nothing else.
 */
import { describe, expect, it } from 'vitest'
import type { Finding } from '../../node/core/oversight/finding.ts'
import {
  CULPRIT,
  publishesWithoutConsent,
  refusesToOpen,
  servesWhatWasWithdrawn,
} from './culprits.ts'
import { foundedWorld } from './foundation.ts'
import { Websites } from './website.ts'
import { SITES, TERMS, type Plant, type World } from './world.ts'

const HOUR = 3600
const HONEST: Plant = { name: 'none' }

/** Members everywhere, some of whom withdraw; then hours in which the audit has its rounds. */
async function play(world: World, hours: number): Promise<void> {
  for (const node of world.nodes) world.start(node)
  await world.run(30)
  const websites = new Websites(world, world.dice.fork())
  for (let hour = 0; hour < hours; hour += 1) {
    for (const site of SITES) {
      const node = world.node(site)
      if (hour < 4) websites.publish(node)
      if (hour > 0 && hour < 4) websites.withdraw(node)
      await world.run(HOUR / SITES.length)
    }
    await world.look()
  }
}

async function findingsOf(seed: number, plant: Plant, hours: number): Promise<Finding[]> {
  const world = await foundedWorld(seed, plant)
  try {
    world.node(CULPRIT).isHonest = plant === HONEST
    await play(world, hours)
    const count = (what: string): number => world.trace.filter((line) => line.includes(what)).length
    expect(count('challenge.decided')).toBeGreaterThan(10)
    expect(count('probe.decided')).toBeGreaterThan(10)
    return [...world.findings]
  } finally {
    await world.close()
  }
}

describe('the audit of a network', () => {
  it('finds nothing where everybody is honest', async () => {
    expect(await findingsOf(1, HONEST, 8)).toEqual([])
  })

  it('finds a site that publishes without consent', async () => {
    const findings = await findingsOf(4, publishesWithoutConsent(), 6)
    expect(findings.length).toBeGreaterThan(0)
    for (const finding of findings)
      expect(finding).toMatchObject({
        kind: 'failed-challenge',
        site: CULPRIT,
        severity: 'critical',
        evidence: { reason: 'bad-commitment' },
      })
  })

  it('finds a site that serves what was withdrawn, by itself and through volunteers', async () => {
    const findings = await findingsOf(5, servesWhatWasWithdrawn(), 10)
    expect(findings.length).toBeGreaterThan(0)
    for (const finding of findings)
      expect(finding).toMatchObject({
        kind: 'failed-probe',
        site: CULPRIT,
        evidence: { answer: 'body' },
      })
    const askers = new Set(findings.map(({ evidence }) => evidence['asked']))
    expect(askers.size).toBeGreaterThan(1)
  })

  it('finds a site that refuses to open, once the time for it is over', async () => {
    const hours = TERMS.auditAnswerSeconds / HOUR + 4
    const findings = await findingsOf(6, refusesToOpen(), hours)
    expect(findings.length).toBeGreaterThan(0)
    for (const finding of findings)
      expect(finding).toMatchObject({
        kind: 'failed-challenge',
        site: CULPRIT,
        evidence: { reason: 'refused' },
      })
  })
})
