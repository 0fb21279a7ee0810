/** The queue of the module: what could wait there, and must not come out of it in the wrong order. */
import { describe, expect, it } from 'vitest'
import { OPEN_OFFERS, REMOVAL_SECONDS } from '../../../node/core/bridge/delivery/deliveries.ts'
import type { BridgedRow } from '../../../node/core/bridge/rows.ts'
import { aBridge } from './fixture.ts'

/** Numbers in an order of their own. */
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1)

/** A published member of the site of the bridge. */
const anOwnRow = (netId: number): BridgedRow => ({
  memberKey: new Uint8Array(32),
  netId,
  state: 'published',
  refusal: null,
  losses: [],
  hold: null,
  receivedAt: 0,
  changedAt: 0,
  expiresAt: null,
  handed: 0,
  bareAt: null,
  picturesAt: null,
})

describe('the queue of the module', () => {
  it('takes no more offers than its job adds at once, those that are to be removed among them', async () => {
    const { deliveries, publish, pass, a } = await aBridge()
    const all = Array.from({ length: OPEN_OFFERS }, (_, n) => `m${n}`)
    for (const id of all) await publish(id)
    const offers = (await deliveries.offers()).map(({ id }) => id)
    await a.site.withdrawer.withdraw(all, 'erased', '')
    for (const id of ['ann', 'bea', 'cleo']) await publish(id)
    await pass()
    expect(await deliveries.removals()).toHaveLength(OPEN_OFFERS)
    expect(await deliveries.offers()).toEqual([])
    await deliveries.added(offers.slice(0, 1))
    expect(await deliveries.offers()).toHaveLength(1)
    await deliveries.removed(offers.slice(0, 2))
    expect(await deliveries.offers()).toHaveLength(1)
    await deliveries.removed(offers.slice(2))
    expect(await deliveries.offers()).toHaveLength(1)
  })

  it('is told to remove what came out of it too late, and never own members', async () => {
    const { deliveries, publish, pass, a, b } = await aBridge()
    await publish('ann')
    const [offer] = await deliveries.offers()
    const id = offer?.id ?? 0
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await pass()
    expect(await deliveries.removals()).toEqual([id])
    // Its job has removed nobody, and then added the offer that was waiting.
    expect(await deliveries.removed([id])).toEqual([])
    await deliveries.added([id])
    expect(await deliveries.removals()).toEqual([id])
    expect(await deliveries.removed([id])).toEqual([])
    await b.site.feed.store.write((tx) => tx.bridge.saveMembers([anOwnRow(77)]))
    await deliveries.added([77])
    expect(await deliveries.removals()).toEqual([])
  })

  it('can take each list of removals: new ones are last, and of repeats each in its turn', async () => {
    const { deliveries, publish, take, pass, a } = await aBridge()
    for (const id of ['ann', 'bea', 'cleo']) await publish(id)
    const first = await take()
    await a.site.withdrawer.withdraw(['ann', 'bea', 'cleo'], 'erased', '')
    await publish('dora')
    const [dora = 0] = await take()
    expect((await deliveries.removals()).toSorted(byText)).toEqual(first.toSorted(byText))
    const last = new Set<number | undefined>()
    for (let n = 0; n < first.length; n += 1) {
      await pass(REMOVAL_SECONDS)
      last.add((await deliveries.removals()).at(-1))
    }
    expect([...last].toSorted(byText)).toEqual(first.toSorted(byText))
    await a.site.withdrawer.withdraw(['dora'], 'erased', '')
    await pass(REMOVAL_SECONDS)
    const all = await deliveries.removals()
    expect([all.length, all.at(-1)]).toEqual([first.length + 1, dora])
  })
})
