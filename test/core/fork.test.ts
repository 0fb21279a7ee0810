/** Two histories of one log: found, remembered, told, and never made up by others. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../../node/core/identity.ts'
import { announce, aPublished, noteOf, silent, syncOf } from './puppet.ts'
import { stateOf } from './stored.ts'
import { A, aWorld, B, C, NETWORK, type SiteMachine, type World } from './world.ts'

const entries = [1, 2, 3, 4, 5].map((n) => aPublished(n).entry)

let world: World
/** A site that the test plays; `b` follows its log and has three entries of it. */
let a: Identity
let b: SiteMachine

beforeEach(async () => {
  world = await aWorld()
  a = await world.admit(A)
  b = await world.addSite(B)
  const time = world.clock.now()
  await b.site.node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
  await world.quiet()
})

async function sizeAt(machine: SiteMachine): Promise<number> {
  return (await machine.ports.store.read((tx) => tx.logs.get(A)))?.size ?? 0
}

describe('two histories', () => {
  const other = [...entries.slice(0, 2), aPublished(9).entry]

  it('of one size freeze the log, and the coordinator suspends the site', async () => {
    const { handlers } = b.site.node
    await handlers.announcement(A, announce(a, other))
    await world.quiet()
    expect(b.site.node.view.frozen.has(A)).toBe(true)
    expect(await b.ports.store.read((tx) => tx.desk.forks())).toMatchObject([{ log: A, size: 3 }])
    const { node } = world.coordinator.coordinator
    // The coordinator has not seen the log at all; it asks for it, and learns of both.
    const time = world.clock.now()
    await node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
    await world.tick(30)
    expect(node.view.registry().members.get(A)?.status).toBe('suspended')
    const { admission } = world.coordinator.coordinator
    await expect(admission.measure('reinstate', A, 'terms')).rejects.toMatchObject({
      code: 'conflict',
    })
    const before = stateOf(b)
    expect(await handlers.announcement(A, announce(a, entries, { from: 3 }))).toBe('ignore')
    expect(stateOf(b)).toBe(before)
  })

  it.each([4, 5])(
    'that race are found, where the other one has %i entries by then',
    async (size) => {
      const relayed = [...entries.slice(0, 3), aPublished(9).entry]
      const gate = Promise.withResolvers<undefined>()
      world.join(C, {
        ...silent,
        async *sync(_from, request) {
          if (request.kind !== 'entries') return
          for (const reply of syncOf(a, relayed, { from: request.from })) {
            if (reply.kind === 'entries') await gate.promise
            yield reply
          }
        },
      })
      const pulled = b.site.node.follower.pull(A, C)
      await world.quiet()
      await b.site.node.handlers.announcement(A, announce(a, entries.slice(0, size), { from: 3 }))
      gate.resolve(undefined)
      await pulled
      expect(await sizeAt(b)).toBe(size)
      expect(b.site.node.view.frozen.has(A)).toBe(true)
      expect(await b.ports.store.read((tx) => tx.desk.forks())).toMatchObject([{ log: A, size: 4 }])
    },
  )

  it('are remembered over a restart', async () => {
    await b.site.node.handlers.announcement(A, announce(a, other))
    await world.restart(b)
    expect(b.site.node.view.frozen.has(A)).toBe(true)
    expect(b.site.node.view.lease(A)).toBe('hidden')
  })

  it('of different sizes are found by reading the other one from its beginning', async () => {
    const longer = [...other, aPublished(10).entry, aPublished(11).entry]
    world.join(A, {
      ...silent,
      async *sync(_from, request) {
        if (request.kind === 'entries') yield* syncOf(a, longer, { from: request.from })
      },
    })
    await b.site.node.follower.pull(A, A)
    expect(b.site.node.view.frozen.has(A)).toBe(true)
  })

  it('are reported to a coordinator that was away when they were found', async () => {
    const { node } = world.coordinator.coordinator
    const time = world.clock.now()
    await node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
    world.cut(B)
    await b.site.node.handlers.announcement(A, announce(a, other))
    await world.quiet()
    expect(node.view.registry().members.get(A)?.status).toBe('admitted')
    await world.heal(B)
    await world.tick(30)
    expect(node.view.registry().members.get(A)?.status).toBe('suspended')
  })

  it("that are longer than the coordinator's copy prove themselves", async () => {
    const { node } = world.coordinator.coordinator
    const [one = '', two = ''] = [entries, [...entries.slice(0, 4), aPublished(9).entry]].map(
      (lines) => noteOf(a, lines, null),
    )
    await node.handlers.report(B, { kind: 'fork', log: A, notes: [one, two] })
    await world.quiet()
    expect(node.view.registry().members.get(A)?.status).toBe('suspended')
  })

  it('are told again while the coordinator has not acted on them', async () => {
    const { node } = world.coordinator.coordinator
    let taken = 0
    world.wrap(NETWORK, (handlers) => ({
      ...handlers,
      report: async (_from, { kind }) => {
        if (kind === 'fork') taken += 1
        return { kind: 'taken' }
      },
    }))
    await b.site.node.handlers.announcement(A, announce(a, other))
    await world.tick(30)
    await world.tick(30)
    expect(taken).toBe(1)
    expect(node.view.registry().members.get(A)?.status).toBe('admitted')
    world.wrap(NETWORK, null)
    await world.tick(300)
    expect(node.view.registry().members.get(A)?.status).toBe('suspended')
  })

  it('cannot be made up by somebody else', async () => {
    const { node } = world.coordinator.coordinator
    const time = world.clock.now()
    await node.handlers.announcement(A, announce(a, entries.slice(0, 3), { time }))
    const forged = { ...a, logSeed: b.identity.logSeed }
    const answer = await node.handlers.report(B, {
      kind: 'fork',
      log: A,
      notes: [noteOf(a, entries.slice(0, 3), null), noteOf(forged, other, null)],
    })
    expect(answer.kind).toBe('refused')
    const harmless = await node.handlers.report(B, {
      kind: 'fork',
      log: A,
      notes: [noteOf(a, entries.slice(0, 3), null), noteOf(a, entries.slice(0, 2), null)],
    })
    expect(harmless.kind).toBe('taken')
    await world.quiet()
    expect(node.view.registry().members.get(A)?.status).toBe('admitted')
  })
})

describe('a receipt', () => {
  it('of a node that has another history freezes the log', async () => {
    const c = await world.addSite(C)
    const time = world.clock.now()
    await c.site.node.handlers.announcement(
      A,
      announce(a, [...entries.slice(0, 2), aPublished(9).entry], { time }),
    )
    await world.tick(30)
    const frozen = [b, c].filter(({ site }) => site.node.view.frozen.has(A))
    expect(frozen.length).toBeGreaterThan(0)
  })
})
