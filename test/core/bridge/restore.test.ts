/** A bridge after its node came back: from a crash at any step, from an older state, from a backup. */
import { describe, expect, it } from 'vitest'
import { keysOn } from '../stored.ts'
import { shownBy } from '../world.ts'
import {
  aBridge,
  aGiven,
  ALL_SCOPES,
  aModuleProfile,
  anUpdate,
  holdsOf,
  profileAt,
  published,
} from './module.ts'

describe('a bridge that comes back', () => {
  it('finishes what a crash has interrupted: a hold that was forgotten has no key', async () => {
    const bridged = await aBridge()
    const { a, holds } = bridged
    await holds.put([aModuleProfile(12), aModuleProfile(13)])
    // The row is gone, the key is not: the disk of the keys fails.
    a.disk.isBroken = true
    await expect(holds.withdraw([12], '')).rejects.toThrow('the disk is gone')
    expect(await holds.get(12)).toBeNull()
    expect(keysOn(a)).toBe(2)
    a.disk.isBroken = false
    const again = await bridged.restarted()
    expect(keysOn(a)).toBe(1)
    expect((await again.profileOf(13))?.profile.nickname).toBe("Anna O'Neil 13")
  })

  it('finishes it without a restart, too', async () => {
    const { a, holds } = await aBridge()
    await holds.put([aModuleProfile(12)])
    a.disk.isBroken = true
    await expect(holds.withdraw([12], '')).rejects.toThrow('the disk is gone')
    a.disk.isBroken = false
    await holds.tick()
    expect(keysOn(a)).toBe(0)
    expect(await a.ports.store.read((tx) => tx.bridge.slots())).toEqual([])
  })

  it.each([1, 2, 3])('leaves no key behind of what write %i would have kept', async (at) => {
    const bridged = await aBridge()
    const { a, holds, world } = bridged
    await holds.put([aModuleProfile(12)])
    const { store } = a.ports
    const { write } = store
    let writes = 0
    store.write = (...given) => {
      writes += 1
      return writes === at ? Promise.reject(new Error('the end')) : write(...given)
    }
    await holds.put([aModuleProfile(12, { nickname: 'Bea' })]).catch(() => undefined)
    await holds.consent([aGiven(12)]).catch(() => undefined)
    store.write = write
    const again = await bridged.restarted()
    await world.tick()
    await again.tick()
    const member = await again.get(12)
    expect(['held', 'published']).toContain(member?.state)
    const isLive = (await a.site.members.get('12')) !== null
    expect(member?.state).toBe(isLive ? 'published' : 'held')
    expect(keysOn(a)).toBe(isLive ? 2 : 1)
  })

  it('from an older state does not bring back who has withdrawn since', async () => {
    const bridged = await aBridge()
    const { a, holds, world } = bridged
    const { netId } = await published(bridged)
    const snapshot = world.snapshot(a)
    await holds.withdraw([12], '')
    await world.quiet()
    await world.rollBack(a, snapshot)
    await world.tick(30)
    await world.tick(30)
    const again = holdsOf(a, bridged)
    await again.tick()
    expect(await again.memberOf(netId)).toBeNull()
    expect(await again.get(12)).toBeNull()
    expect(await shownBy(bridged.b)).toEqual([])
  })

  it('without its holds goes on from what the records say', async () => {
    const bridged = await aBridge()
    const { a, b, holds, world } = bridged
    const { record, netId } = await published(bridged, 12, { scopes: [...ALL_SCOPES] })
    await holds.tick()
    await world.quiet()
    const before = (await a.site.members.get('12'))?.profile
    // As a backup leaves them.
    await a.ports.store.write(async (tx) => {
      const rows = await tx.bridge.list({ limit: 5 })
      await tx.bridge.saveMembers(rows.map((row) => ({ ...row, hold: null })))
    })
    await a.site.node.eraser.flush()
    const again = await bridged.restarted()
    await world.tick()
    expect(await again.memberOf(netId)).toBe('12')
    expect((await again.list({ limit: 5 })).members).toMatchObject([{ localId: 12, netId }])
    expect((await again.profileOf(12))?.profile).toMatchObject({
      heightCm: 170,
      birthDate: '1990-02-03',
    })
    await again.update([anUpdate(netId, 12, { profile_data: { height: '175 cm' } })])
    await again.tick()
    await world.quiet()
    expect(await profileAt(b, record)).toMatchObject({
      heightCm: 175,
      weightKg: 70,
      firstName: 'Anna',
    })
    const after = (await a.site.members.get('12'))?.profile
    expect([after?.picture, after?.gallery]).toEqual([before?.picture, before?.gallery])
  })

  it('learns a number again that was given since the backup', async () => {
    const bridged = await aBridge()
    const { a, holds, world } = bridged
    const { netId, record } = await published(bridged)
    await a.ports.store.write(async (tx) => {
      await tx.bridge.removeMembers([a.site.memberKeyOf('12')])
      await tx.desk.setSetting('restored', '1')
    })
    await holds.update([anUpdate(netId, 12, { city: 'Lyon' }), anUpdate(netId + 1, 13)])
    await world.quiet()
    expect(await holds.netIdOf(record)).toBe(netId)
    expect((await a.site.members.get('12'))?.profile.city).toBe('Lyon')
    expect(await holds.get(13)).toBeNull()
  })
})
