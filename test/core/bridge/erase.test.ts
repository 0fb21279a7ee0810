/** The end of a record, and what the bridge holds of its member: together, whatever comes between. */
import { describe, expect, it } from 'vitest'
import type { BridgedRow } from '../../../node/core/bridge/rows.ts'
import { toUtf8 } from '../../../protocol/bytes.ts'
import { keysOn } from '../stored.ts'
import { A, aMember, aWorld, put, type SiteMachine } from '../world.ts'

async function aHold() {
  const world = await aWorld()
  const a = await world.addSite(A)
  const record = await put(a, aMember('m1'))
  await world.quiet()
  const { ports, site } = a
  const [hold] = await ports.vault.seal([toUtf8('held')])
  const row: BridgedRow = {
    memberKey: site.memberKeyOf('m1'),
    netId: 7,
    state: 'published',
    refusal: null,
    losses: [],
    hold: hold ?? null,
    receivedAt: 1,
    changedAt: 1,
    expiresAt: null,
    handed: 0,
    bareAt: null,
    picturesAt: null,
  }
  await ports.store.write((tx) => tx.bridge.saveMembers([row]))
  expect(keysOn(a)).toBe(2)
  const left = () =>
    a.ports.store.read(async (tx) => ({
      rows: await tx.bridge.members([row.memberKey]),
      slots: await tx.bridge.slots(),
    }))
  return { world, a, record, left }
}

const withdraw = ({ site }: SiteMachine) =>
  site.withdrawer.withdraw(['m1'], 'consent-withdrawn', 'n1')

describe('what the bridge holds of a member', () => {
  const nothing = { rows: [], slots: [] }

  it('goes with the record by a withdrawal and by an order', async () => {
    const withdrawn = await aHold()
    await withdraw(withdrawn.a)
    const ordered = await aHold()
    await ordered.world.coordinator.coordinator.admission.order(A, ordered.record, 'case-1')
    await ordered.world.tick()
    await ordered.world.tick()
    await ordered.a.site.node.eraser.flush()
    for (const { a, left } of [withdrawn, ordered]) {
      expect(await left()).toEqual(nothing)
      expect(keysOn(a)).toBe(0)
    }
  })

  it('goes at the next start where a crash came before its key was destroyed', async () => {
    const { world, a, left } = await aHold()
    a.disk.isBroken = true
    await expect(withdraw(a)).rejects.toThrow('the disk is gone')
    expect((await left()).rows).toEqual([])
    expect(keysOn(a)).toBe(2)
    a.disk.isBroken = false
    await world.restart(a)
    expect(await left()).toEqual(nothing)
    expect(keysOn(a)).toBe(0)
  })

  it('goes at the next start where a crash came after its key was destroyed', async () => {
    const { world, a, left } = await aHold()
    const { store } = a.ports
    const { write } = store
    let erasures = 0
    // The first one is the withdrawal itself; the second would delete what has no key any more.
    store.write = (work, purpose) => {
      if (purpose === 'erase') erasures += 1
      return erasures > 1 ? Promise.reject(new Error('the end')) : write(work, purpose)
    }
    await expect(withdraw(a)).rejects.toThrow('the end')
    expect(keysOn(a)).toBe(0)
    expect((await left()).slots).toHaveLength(1)
    await world.restart(a)
    expect(await left()).toEqual(nothing)
  })
})
