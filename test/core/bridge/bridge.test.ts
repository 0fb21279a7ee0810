import { describe, expect, it } from 'vitest'
import { createBridge } from '../../../node/core/bridge/bridge.ts'
import { createContact } from '../../../node/core/bridge/contact/contact.ts'
import { createRemovals } from '../../../node/core/bridge/contact/removals.ts'
import { scripted, scriptedParts } from '../../bridge/parts.ts'
import { A, aWorld } from '../world.ts'

async function aBridge() {
  const world = await aWorld()
  const machine = await world.addSite(A, { requirements: null })
  const { site, ports, id } = machine
  const contact = await createContact({ ...ports, site: id, demands: site.demands })
  const script = scripted()
  const parts = scriptedParts(script, contact)
  const { tasks } = site.node
  const bridge = await createBridge({ ...ports, tasks, parts })
  return { world, machine, contact, script, parts, bridge }
}

describe('createBridge', () => {
  it('has each part do what is due from its start to its stop', async () => {
    const { world, script, bridge } = await aBridge()
    await world.tick()
    expect(script.calls).toEqual([])
    await bridge.start()
    await world.tick()
    const ticks = script.calls.map(({ part }) => part)
    for (const part of ['holds tick', 'deliveries tick', 'talk tick']) expect(ticks).toContain(part)
    bridge.stop()
    const count = script.calls.length
    expect(script.calls.at(-1)?.part).toBe('talk stop')
    await world.tick()
    expect(script.calls).toHaveLength(count)
  })

  it('does not let the failure of one part keep the others', async () => {
    const { world, script, bridge } = await aBridge()
    script.fault = new Error('the disk is full')
    await bridge.start()
    await world.quiet()
    expect(script.calls.map(({ part }) => part).toSorted()).toEqual([
      'deliveries tick',
      'holds tick',
      'talk tick',
    ])
    const failed = world.events.filter(({ type }) => type === 'task.failed')
    expect(failed).toContainEqual({ type: 'task.failed', task: 'bridge holds', reason: 'Error' })
    expect(failed).toHaveLength(3)
    bridge.stop()
  })
})

describe('createRemovals', () => {
  it('finds after a start what was not dealt with, in whichever order it failed', async () => {
    const { machine, script, parts } = await aBridge()
    const ports = { ...machine.ports, ...parts }
    script.own = new Set([5])
    const first = await createRemovals(ports)
    script.fault = new Error('the disk is full')
    await first.take([5, 6, 0, 6])
    await expect(first.tick()).rejects.toThrow('the disk is full')
    script.fault = null
    script.calls = []
    const second = await createRemovals(ports)
    await second.tick()
    expect(script.calls).toEqual([
      { part: 'own removed', handed: [5, 6, 0] },
      { part: 'given removed', handed: [6] },
    ])
    await (await createRemovals(ports)).tick()
    expect(script.calls).toHaveLength(2)
    expect(second.unknown()).toBe(1)
  })

  it('takes a hundred thousand at once, in batches', async () => {
    const { machine, script, parts } = await aBridge()
    const removals = await createRemovals({ ...machine.ports, ...parts })
    const ids = Array.from({ length: 100_000 }, (_, index) => index + 1)
    script.given = new Set(ids)
    await removals.take(ids)
    expect(script.calls.filter(({ part }) => part === 'own removed')).toHaveLength(200)
    expect(removals.unknown()).toBe(0)
  })
})
