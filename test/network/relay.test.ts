/** A member that cannot be reached directly is reached through another one. */
import { afterEach, describe, expect, it } from 'vitest'
import { peerOfKey } from '../../node/network/peers.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { aHost, all, members, publicKeyOf, until, type TestHost } from './hosts.ts'

const RELAY = parseSiteId('relay.example')
const AMOR = parseSiteId('amor.example')
const BRIO = parseSiteId('brio.example')

const started: TestHost[] = []
afterEach(async () => {
  for (const { host } of started.splice(0).toReversed()) await host.stop()
})

describe('a relay', () => {
  it('carries bodies between two members, and refuses who is none', async () => {
    const registry = await members(RELAY, AMOR, BRIO)
    const relay = await aHost(RELAY, registry, {}, { relay: 'server' })
    started.push(relay)
    const peer = peerOfKey(await publicKeyOf(RELAY)).toString()
    const through = `${relay.host.ownAddresses()[0]}/p2p/${peer}/p2p-circuit`
    const amor = await aHost(AMOR, registry, {}, { relay: 'client', listen: [through] })
    started.push(amor)
    await until(() => amor.host.ownAddresses().length > 0, 'reserved')
    expect(amor.host.ownAddresses()).toEqual([through])
    const brio = await aHost(BRIO, registry, {}, { relay: 'client', listen: [] })
    started.push(brio)
    brio.host.learnAddresses([{ site: AMOR, addresses: amor.host.ownAddresses() }])
    const indexes = Array.from({ length: 1024 }, (_, index) => index)
    const replies = await all(
      brio.host.bodies(AMOR, { home: AMOR, indexes, requirements: 0, registry: 0 }),
    )
    expect(replies[0]?.answers).toHaveLength(1024)
    expect(amor.host.connected()).toContain(BRIO)
    registry.expel(BRIO)
    await until(() => !amor.host.connected().includes(BRIO), 'cut')
    await until(() => !brio.host.connected().includes(AMOR), 'cut on the other side')
    await expect(brio.host.dial(AMOR)).rejects.toMatchObject({ name: 'NetworkFault' })
  })
})
