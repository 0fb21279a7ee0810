/**
 * Pictures through the interface: put at one site, seen at the other, and gone when taken back.
 * Real cores, real files, real re-encoding; a hub in place of sockets.
 */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SiteRole } from '../../node/core/access.ts'
import type { Problem } from '../../node/http/problem.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aSiteApp, refused, send, type TestApp } from './apps.ts'

let world: World
let amor: TestSite
let bella: TestSite
let api: TestApp<SiteRole>
let partner: TestApp<SiteRole>

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bella = await world.addSite('bella.example')
  api = await aSiteApp(amor)
  partner = await aSiteApp(bella)
  await send(partner, partner.keys.admin, 'PUT /v1/requirements', { requirements: {} })
})
afterAll(() => world.close())

interface Links {
  picture: string
  small: string
  large: string
}
interface Pictures {
  picture: string
  record: string
  main: Links | null
  gallery: Links[]
}

const SCOPES = ['discovery', 'pictures'] as const

async function publish(id: string, scopes: readonly string[] = SCOPES): Promise<string> {
  const body = { profile: aProfile(), consent: { ...aConsent(), scopes } }
  const { status, json } = await send(api, api.keys.write, `PUT /v1/members/${id}`, body)
  expect(status).toBeLessThan(300)
  return json['record'] as string
}

function aPhoto(red: number): Promise<Buffer> {
  const background = { r: red, g: 40, b: 90 }
  return sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .jpeg()
    .toBuffer()
}

async function upload(
  id: string,
  bytes: Uint8Array,
  { type = 'image/jpeg', query = '' } = {},
): Promise<{ status: number; json: Pictures & Problem }> {
  const answer = await api.app.request(`/v1/members/${id}/pictures${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.keys.write}`, 'content-type': type },
    body: new Uint8Array(bytes),
  })
  return { status: answer.status, json: (await answer.json()) as Pictures & Problem }
}

interface Shown {
  profile: Record<string, unknown>
  pictures: Links[]
}
async function shown(record: string): Promise<Shown | null> {
  const path = `GET /v1/records/amor.example/${record}`
  const { status, json } = await send<Shown>(partner, partner.keys.read, path)
  return status === 200 ? json : null
}
const withPictures = (record: string, count: number) => async (): Promise<boolean> =>
  (await shown(record))?.pictures.length === count

const fetchFile = async (app: TestApp<SiteRole>, path: string, headers = {}): Promise<Response> =>
  app.app.request(path, { headers })

describe('POST /v1/members/{id}/pictures', () => {
  it('publishes a picture that the partner shows', async () => {
    const record = await publish('m-1')
    const { status, json } = await upload('m-1', await aPhoto(200))
    expect(status).toBe(201)
    expect(json.main?.picture).toBe(json.picture)
    await world.until(withPictures(record, 1))
    const [links] = (await shown(record))?.pictures ?? []
    const answer = await fetchFile(partner, links?.large ?? '')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('image/webp')
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 400, height: 300 })
    const own = await fetchFile(api, json.main?.large ?? '')
    expect(Buffer.from(await own.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('takes a form as well, and the same upload again as the same', async () => {
    await publish('m-2')
    const photo = await aPhoto(100)
    const form = new FormData()
    form.set('picture', new Blob([new Uint8Array(photo)], { type: 'image/jpeg' }), 'x.jpg')
    const sent = new Response(form)
    const type = sent.headers.get('content-type') ?? ''
    const first = await upload('m-2', new Uint8Array(await sent.arrayBuffer()), { type })
    expect(first.status).toBe(201)
    const again = await upload('m-2', photo)
    expect(again).toMatchObject({ status: 200, json: { picture: first.json.picture } })
    expect(again.json.gallery).toEqual([])
  })

  it('writes down who has got the pictures', async () => {
    const record = await publish('m-3')
    await upload('m-3', await aPhoto(50))
    await world.until(withPictures(record, 1))
    const { json } = await send<{ disclosures: { partner: string; what: string }[] }>(
      api,
      api.keys.read,
      'GET /v1/members/m-3/disclosures',
    )
    expect(json.disclosures.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['body', 'pictures']),
    )
    expect(json.disclosures.every((one) => one.partner === 'bella.example')).toBe(true)
  })

  it('refuses without a live record, or without the scope', async () => {
    const photo = await aPhoto(1)
    expect(await upload('nobody', photo)).toMatchObject({ status: 404, json: { pointer: '/id' } })
    await publish('m-4', ['discovery'])
    expect(await upload('m-4', photo)).toMatchObject({
      status: 422,
      json: { code: 'no_consent', pointer: '/scopes' },
    })
  })

  it.each([
    ['text', Buffer.from('this is no picture at all'), 'image/jpeg', 422, 'wrong_type'],
    ['another type', Buffer.from('{}'), 'application/json', 415, 'unsupported_media_type'],
    [
      'an empty form',
      Buffer.from('--a--\r\n'),
      'multipart/form-data; boundary=a',
      422,
      'unknown_field',
    ],
    ['no form', Buffer.from('zzz'), 'multipart/form-data; boundary=a', 400, 'malformed'],
    ['too many bytes', Buffer.alloc(20 * 1024 * 1024 + 1), 'image/png', 413, 'too_large'],
  ])('refuses %s with the reason', async (_name, bytes, type, status, code) => {
    await publish('m-5')
    const answer = await upload('m-5', bytes, { type })
    expect(answer.status).toBe(status)
    expect(answer.json.code).toBe(code)
  })

  it('fills the gallery and no more', async () => {
    await publish('m-6')
    for (let count = 0; count < 13; count += 1)
      expect((await upload('m-6', await aPhoto(count * 10))).status).toBe(201)
    expect(await upload('m-6', await aPhoto(251))).toMatchObject({
      status: 409,
      json: { code: 'conflict' },
    })
  })

  it('needs a key that may write', async () => {
    expect(await refused(api, api.keys.read, 'POST /v1/members/m-1/pictures')).toMatchObject({
      status: 403,
    })
  })
})

describe('the pictures of a member', () => {
  it('are arranged, and taken away everywhere', async () => {
    const record = await publish('n-1')
    const ids: string[] = []
    for (const red of [10, 20, 30]) ids.push((await upload('n-1', await aPhoto(red))).json.picture)
    const [a = '', b = '', c = ''] = ids
    await world.until(withPictures(record, 3))
    const order = { main: c, gallery: [a, b] }
    const arranged = await send<Pictures>(
      api,
      api.keys.write,
      'PUT /v1/members/n-1/pictures',
      order,
    )
    expect(arranged.json.main?.picture).toBe(c)
    expect(arranged.json.gallery.map((one) => one.picture)).toEqual([a, b])
    await world.until(async () => (await shown(record))?.pictures[0]?.picture === c)
    const before = (await shown(record))?.pictures.find(({ picture }) => picture === c)
    const removed = await send<Pictures>(
      api,
      api.keys.write,
      `DELETE /v1/members/n-1/pictures/${c}`,
    )
    expect(removed.json.main?.picture).toBe(a)
    expect(removed.json.gallery.map((one) => one.picture)).toEqual([b])
    await world.until(withPictures(record, 2))
    expect((await fetchFile(partner, before?.large ?? '')).status).toBe(404)
    const gone = `DELETE /v1/members/n-1/pictures/${c}`
    expect(await refused(api, api.keys.write, gone)).toMatchObject({ status: 404 })
  })

  it('stay when the profile is put again, and go with the scope', async () => {
    const record = await publish('n-2')
    const { json } = await upload('n-2', await aPhoto(77))
    const other = {
      profile: aProfile({ nickname: 'Fern' }),
      consent: { ...aConsent(), scopes: SCOPES },
    }
    await send(api, api.keys.write, 'PUT /v1/members/n-2', other)
    await world.until(async () => {
      const now = await shown(record)
      return now?.profile['nickname'] === 'Fern' && now.pictures.length === 1
    })
    const member = await send<{ pictures: Links[] }>(api, api.keys.read, 'GET /v1/members/n-2')
    expect(member.json.pictures.map(({ picture }) => picture)).toEqual([json.picture])
    const narrow = { ...aConsent({ givenAt: aConsent().givenAt + 60 }), scopes: ['discovery'] }
    await send(api, api.keys.write, 'PUT /v1/members/n-2/consent', narrow)
    expect((await fetchFile(api, member.json.pictures[0]?.large ?? '')).status).toBe(404)
    await world.until(withPictures(record, 0))
    expect((await shown(record))?.profile).not.toHaveProperty('picture')
  })

  it('cannot be named before they are uploaded, nor by another member', async () => {
    await publish('n-3')
    const { json } = await upload('n-3', await aPhoto(88))
    await publish('n-4')
    for (const picture of ['ab'.repeat(32), json.picture]) {
      const body = { profile: aProfile({ picture }), consent: { ...aConsent(), scopes: SCOPES } }
      expect(await refused(api, api.keys.write, 'PUT /v1/members/n-4', body)).toEqual({
        status: 422,
        code: 'out_of_range',
        pointer: '/profile/picture',
      })
    }
  })
})

describe('GET /v1/pictures/…', () => {
  const links: Links = { picture: '', small: '', large: '' }
  let record = ''
  beforeAll(async () => {
    record = await publish('p-1')
    await upload('p-1', await aPhoto(150))
    await world.until(withPictures(record, 1))
    Object.assign(links, (await shown(record))?.pictures[0])
  })

  it('lets browsers keep it for as long as the link holds, and nobody else', async () => {
    const { headers } = await fetchFile(partner, links.small)
    const [, seconds = '0'] =
      /^private, max-age=(\d+)$/.exec(headers.get('cache-control') ?? '') ?? []
    expect(Number(seconds)).toBeGreaterThan(0)
    expect(Number(seconds)).toBeLessThanOrEqual(600)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain('sandbox')
    const etag = headers.get('etag') ?? ''
    const again = await fetchFile(partner, links.small, { 'if-none-match': etag })
    expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0])
    const head = await partner.app.request(links.small, { method: 'HEAD' })
    expect([head.status, (await head.arrayBuffer()).byteLength]).toEqual([200, 0])
  })

  it('answers ranges', async () => {
    const whole = Buffer.from(await (await fetchFile(partner, links.large)).arrayBuffer())
    const end = whole.length
    for (const [range, from, to] of [
      ['bytes=0-9', 0, 10],
      ['bytes=5-', 5, end],
      ['bytes=-7', end - 7, end],
      [`bytes=3-${end + 99}`, 3, end],
    ] as const) {
      const part = await fetchFile(partner, links.large, { range })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${end}`)
      expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(from, to))).toBe(true)
    }
    const outside = await fetchFile(partner, links.large, { range: `bytes=${end}-` })
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, `bytes */${end}`])
    for (const range of ['bytes=0-1,4-5', 'lines=1-2', 'bytes=9-3'])
      expect((await fetchFile(partner, links.large, { range })).status).toBe(200)
    const other = await fetchFile(partner, links.large, { range: 'bytes=0-9', 'if-range': '"x"' })
    expect(other.status).toBe(200)
  })

  it('takes only links that it has signed, as they were signed', async () => {
    const flipped = links.large.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    const longer = links.large.replace(/expires=(\d+)/, (_all, at) => `expires=${Number(at) + 300}`)
    const larger = links.small.replace('/small?', '/large?')
    const elsewhere = links.large.replace(record, 'f'.repeat(32))
    for (const link of [flipped, longer, larger, elsewhere, links.large.split('?')[0] ?? ''])
      expect((await fetchFile(partner, link)).status).toBe(404)
    // Another site's link is worth nothing here.
    expect((await fetchFile(api, links.large)).status).toBe(404)
  })

  it('ends with the link, with the lease, and at once with the withdrawal', async () => {
    const own = await send<Pictures>(api, api.keys.read, 'GET /v1/members/p-1/pictures')
    const page = await fetchFile(api, own.json.main?.small ?? '')
    expect(page.status).toBe(200)
    await send(api, api.keys.write, 'DELETE /v1/members/p-1')
    expect((await fetchFile(api, own.json.main?.small ?? '')).status).toBe(404)
    await world.until(async () => (await fetchFile(partner, links.small)).status === 404)
    const record2 = await publish('p-2')
    await upload('p-2', await aPhoto(151))
    await world.until(withPictures(record2, 1))
    const link = (await shown(record2))?.pictures[0]?.small ?? ''
    expect((await fetchFile(partner, link)).status).toBe(200)
    world.clock.advance(601)
    expect((await fetchFile(partner, link)).status).toBe(404)
  })
})
