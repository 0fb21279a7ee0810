/** Who is online: told to those who may know it, in memory only, gone with lease, scope and record. */
import { describe, expect, it } from 'vitest'
import { PRESENCE_SECONDS } from '../../protocol/limits.ts'
import type { Scope } from '../../protocol/consent.ts'
import type { RecordId } from '../../protocol/ids.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { PresenceState } from '../../node/core/talk/presence.ts'
import { aWebsite } from './website.ts'
import { stateOf } from './stored.ts'
import { A, aMember, aWorld, B, C, put, type SiteMachine } from './world.ts'

const SHARING: Scope[] = ['discovery', 'presence']

async function aPair() {
  const world = await aWorld()
  const website = aWebsite()
  const a = await world.addSite(A)
  const b = await world.addSite(B, { website: website.ports })
  const ann = await put(a, aMember('ann', { consent: { scopes: SHARING } }))
  await world.tick(30)
  await world.tick(30)
  const set = async (state: PresenceState, id = 'ann'): Promise<string> => {
    const [outcome] = await a.site.talk.presence.set([{ id, state }])
    await world.quiet()
    return outcome?.kind === 'refused' ? outcome.error.code : (outcome?.state ?? '')
  }
  return { world, a, b, ann, set, website }
}

const onlineAt = ({ site }: SiteMachine): RecordId[] =>
  site.talk.watch.list().map(({ record }) => record)
const statesOf = ({ shown }: ReturnType<typeof aWebsite>): string[] =>
  shown.map(({ state }) => state)

const consent = (scopes: Scope[], givenAt: number): object =>
  (aMember('x', { consent: { scopes, givenAt } }) as { consent: object }).consent

describe('presence', () => {
  it('reaches the partner at once, as an event and to be asked for', async () => {
    const { b, ann, set, website } = await aPair()
    expect(await set('online')).toBe('online')
    expect(website.shown).toEqual([
      { type: 'presence', who: { home: A, record: ann }, state: 'online' },
    ])
    expect(onlineAt(b)).toEqual([ann])
    expect(b.site.talk.watch.isOnline(A, ann)).toBe(true)
    expect(b.site.talk.watch.isOnline(C, ann)).toBe(false)
    expect(await set('offline')).toBe('offline')
    expect(onlineAt(b)).toEqual([])
    expect(statesOf(website)).toEqual(['online', 'offline'])
  })

  it('that is invisible is known at home alone', async () => {
    const { a, b, set, website } = await aPair()
    await set('online')
    expect(await set('invisible')).toBe('invisible')
    expect((await a.site.talk.presence.get('ann')).state).toBe('invisible')
    expect(onlineAt(b)).toEqual([])
    expect(statesOf(website)).toEqual(['online', 'offline'])
  })

  it('ends by itself when nobody renews it', async () => {
    const { world, a, b, ann, set, website } = await aPair()
    await set('online')
    await world.tick(PRESENCE_SECONDS - 10)
    await set('online')
    await world.tick(PRESENCE_SECONDS - 10)
    expect(onlineAt(b)).toEqual([ann])
    await world.tick(10)
    expect(onlineAt(b)).toEqual([])
    expect((await a.site.talk.presence.get('ann')).state).toBe('offline')
    expect(statesOf(website)).toEqual(['online', 'offline'])
  })

  it('is not kept of who has not consented to it, nor of nobody', async () => {
    const { world, a, set } = await aPair()
    await put(a, aMember('bea'))
    await world.tick(30)
    expect(await set('online', 'bea')).toBe('no_consent')
    expect(await set('invisible', 'bea')).toBe('no_consent')
    expect(await set('offline', 'bea')).toBe('offline')
    expect(await set('online', 'nobody')).toBe('not_found')
  })

  it('is over at once when the member withdraws, at home and at the partner', async () => {
    const { world, a, b, set, website } = await aPair()
    await set('online')
    world.mute(A, true)
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await world.quiet()
    expect(onlineAt(b)).toEqual([])
    expect(statesOf(website)).toEqual(['online', 'offline'])
    await expect(a.site.talk.presence.get('ann')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('does not outlive the withdrawal at a partner that its home does not tell', async () => {
    const { world, a, b, ann, set } = await aPair()
    await set('online')
    // A home that never says offline: the log alone must be enough.
    a.site.talk.presence.end = () => undefined
    await a.site.withdrawer.withdraw(['ann'], 'erased', '')
    await world.tick()
    expect(b.site.talk.watch.isOnline(A, ann)).toBe(false)
  })

  it('goes when the scope is taken back, and comes back with it', async () => {
    const { world, a, b, ann, set, website } = await aPair()
    await set('online')
    const now = world.clock.now()
    await a.site.members.changeConsent('ann', consent(['discovery'], now))
    await world.tick()
    expect(onlineAt(b)).toEqual([])
    await a.site.members.changeConsent('ann', consent(SHARING, now + 1))
    await world.tick()
    await world.tick()
    expect(onlineAt(b)).toEqual([ann])
    expect(statesOf(website)).toEqual(['online', 'offline', 'online'])
  })

  it('follows the requirements of the partner, both ways', async () => {
    const { world, b, ann, set } = await aPair()
    await set('online')
    await b.site.demands.put({ genders: ['man'] }, undefined)
    expect(b.site.talk.watch.isOnline(A, ann)).toBe(false)
    await world.tick()
    expect(onlineAt(b)).toEqual([])
    await b.site.demands.put({}, undefined)
    await world.tick(30)
    await world.tick(30)
    expect(onlineAt(b)).toEqual([ann])
  })

  it('is not told to a site of which the member has blocked somebody', async () => {
    const { world, a, b, ann, set } = await aPair()
    const c = await world.addSite(C)
    const bob = await put(b, aMember('bob'))
    await world.tick(30)
    await world.tick(30)
    await set('online')
    expect([onlineAt(b), onlineAt(c)]).toEqual([[ann], [ann]])
    await a.site.talk.blocks.put('ann', bob)
    await world.quiet()
    expect([onlineAt(b), onlineAt(c)]).toEqual([[], [ann]])
    await a.site.talk.blocks.remove('ann', bob)
    await world.quiet()
    expect(onlineAt(b)).toEqual([ann])
  })

  it('is hidden with the lease to the second, and void when the home stays away', async () => {
    const { world, b, ann, set, website } = await aPair()
    await set('online')
    const heard = b.site.node.view.heartbeat(A) ?? 0
    world.cut(A)
    world.clock.set(heard + DEFAULT_TERMS.hideAfterSeconds)
    expect(b.site.talk.watch.isOnline(A, ann)).toBe(false)
    await world.tick()
    expect(statesOf(website)).toEqual(['online', 'offline'])
    await world.heal(A)
    await world.tick(60)
    expect(onlineAt(b)).toEqual([])
  })

  it('is told to nobody while the site is suspended, and to no suspended one', async () => {
    const { world, b, ann, set } = await aPair()
    await set('online')
    await world.coordinator.coordinator.admission.measure('suspend', A, 'terms')
    expect(b.site.talk.watch.isOnline(A, ann)).toBe(false)
    await world.tick()
    expect(onlineAt(b)).toEqual([])
    await world.coordinator.coordinator.admission.measure('reinstate', A, 'resolved')
    await world.tick()
    await world.tick()
    expect(onlineAt(b)).toEqual([ann])
    await world.coordinator.coordinator.admission.measure('suspend', B, 'terms')
    await world.tick()
    expect(onlineAt(b)).toEqual([])
  })

  it('is not believed of a record that the home does not have', async () => {
    const { world, b, ann, set } = await aPair()
    await world.addSite(C)
    await world.tick(30)
    const bob = await put(b, aMember('bob', { consent: { scopes: SHARING } }))
    world.wrap(C, (handlers) => ({
      ...handlers,
      async *presence() {
        yield { isAll: true, online: [ann, bob], offline: [] }
        yield { isAll: false, online: [], offline: [] }
      },
    }))
    world.cut(C, B)
    await world.heal(C, B)
    await world.tick(30)
    await world.tick(30)
    await set('online')
    expect(b.site.talk.watch.list()).toEqual([{ home: A, record: ann }])
  })

  it('leaves no trace in the database of either', async () => {
    const { world, a, b, set } = await aPair()
    await world.tick(30)
    const before = [stateOf(a), stateOf(b)]
    for (const state of ['online', 'invisible', 'online', 'offline'] as const) await set(state)
    expect([stateOf(a), stateOf(b)]).toEqual(before)
  })
})
