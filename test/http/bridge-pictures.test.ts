/** Pictures for the pages of a bridged site: real re-encoding, and gone with the record. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SiteRole } from '../../node/core/access.ts'
import { createDeliveries, type Deliveries } from '../../node/core/bridge/delivery/deliveries.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let bella: TestSite
let api: TestApp<SiteRole>
let bridged: TestApp<SiteRole>
let deliveries: Deliveries
let path = ''

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bella = await world.addSite('bella.example')
  const { site, ports, master } = bella
  deliveries = createDeliveries({
    ...ports,
    store: site.feed.store,
    feed: site.feed,
    view: site.node.view,
    discovery: site.discovery,
    pictures: site.pictures,
    keys: { links: master },
    contact: { canRemove: () => 'yes' },
    publicUrl: '',
  })
  api = await aSiteApp(amor)
  bridged = await aSiteApp(bella, { bridgePicture: deliveries.picture })
  await send(bridged, bridged.keys.admin, 'PUT /v1/requirements', { requirements: {} })
  const consent = { ...aConsent(), scopes: ['discovery', 'pictures'] }
  await send(api, api.keys.write, 'PUT /v1/members/ann', { profile: aProfile(), consent })
  const background = { r: 200, g: 40, b: 90 }
  const photo = await sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .jpeg()
    .toBuffer()
  await amor.site.ownPictures.add('ann', photo)
  await world.until(async () => {
    await deliveries.tick()
    const [offer] = await deliveries.offers()
    path = (offer?.['icon'] as string | undefined) ?? path
    return path !== ''
  })
})
afterAll(() => world.close())

const get = (at: string, method = 'GET'): Promise<Response> =>
  Promise.resolve(bridged.app.request(at, { method }))

describe('a picture that the module was given', () => {
  it('is a JPEG without metadata that any page may show for a while', async () => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'private, max-age=300',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
    const found = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
    expect(found).toMatchObject({ format: 'jpeg', width: 400, height: 300 })
    expect([found.exif, found.icc, found.xmp]).toEqual([undefined, undefined, undefined])
    const head = await get(path, 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('is named in the request log by its route alone', () => {
    expect(bridged.seen.map(({ route }) => route)).toContain('/bridge/p/{netId}/{name}')
  })

  it('has one answer for every other address', async () => {
    const [, , , netId = '', name = ''] = path.split('/')
    const other = `${'0'.repeat(32)}.jpg`
    const wrong = [
      `${path}?size=small`,
      `/bridge/p/${netId}/${other}`,
      `/bridge/p/${Number(netId) - 1}/${name}`,
      `/bridge/p/0${netId}/${name}`,
      `/bridge/p/9999999999/${name}`,
      `/bridge/p/${netId}/${name.replace('.jpg', '.png')}`,
      `/bridge/p/${netId}/%2e%2e%2fnode.key`,
    ]
    for (const at of wrong)
      expect({ at, status: (await get(at)).status }).toEqual({ at, status: 404 })
  })

  it('is gone when its member has withdrawn', async () => {
    await amor.site.withdrawer.withdraw(['ann'], 'erased', '')
    await world.until(async () => (await get(path)).status === 404)
    expect((await get(path)).headers.get('cache-control')).toBe('no-store')
  })

  it('is not given to one address without end', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => (await get(path)).status),
    )
    expect(statuses).toContain(429)
  })
})
