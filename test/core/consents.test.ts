/** Consent by link and by signed list, on the real core of an admitted site. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toHex, toUtf8 } from '../../protocol/bytes.ts'
import { CONSENT_SECONDS, type Scope } from '../../protocol/consent.ts'
import {
  formatNote,
  formatVerifierKey,
  KEY_TYPE_ED25519,
  makeVerifierKey,
  signNote,
} from '../../protocol/note.ts'
import { publicKeyOf, sha256 } from '../../protocol/keys.ts'
import { NOTICE_LANGUAGES, noticeText } from '../../node/core/bridge/consent/notice.ts'
import { createActs } from '../../node/core/people/acts.ts'
import type { Actor } from '../../node/core/people/actor.ts'
import { makeOwnerKey, signList, verifierKeyOf } from '../../node/roles/consent-list.ts'
import { aBridge, PUBLIC_URL, type HandBridge } from '../fixtures/bridge.ts'
import { createWorld, NETWORK, type TestSite, type World } from '../fixtures/network.ts'

const ACTOR: Actor = { kind: 'key', id: 'k1', role: 'admin' }
const LISTED: Scope[] = ['discovery', 'pictures']
let world: World
let amor: TestSite
let bridge: HandBridge
let last = 100

beforeAll(async () => {
  world = await createWorld()
  amor = await world.addSite('amor.example')
  bridge = aBridge(amor)
})
afterAll(() => world.close())
let id = 0
beforeEach(async () => {
  last += 1
  id = last
  await bridge.hold(id)
  world.clock.advance(1)
})

const desk = () => bridge.consents
async function linkOf(localId: number): Promise<string> {
  const [link] = await desk().links([localId])
  expect(link?.url).toBe(`${PUBLIC_URL}/bridge/consent/${link?.token}`)
  expect(link?.token).toMatch(/^[\w-]{43}$/)
  return link?.token ?? ''
}
const yes = (scopes: Scope[] = ['discovery'], email: string | null = null) => ({
  scopes,
  language: 'de',
  email,
})
async function agreed(token: string, decision = yes()): Promise<string> {
  const decided = await desk().agree(token, decision)
  if (decided.kind !== 'agreed') throw new Error(`it ended as ${decided.kind}`)
  return decided.token
}
const member = () => amor.site.members.get(String(id))

describe('a link', () => {
  it('shows who and what, as often as it is looked at, and uses nothing up', async () => {
    const token = await linkOf(id)
    for (let look = 0; look < 3; look += 1)
      expect(await desk().visit(token)).toMatchObject({
        localId: id,
        kind: 'decide',
        state: 'held',
        nickname: 'Hazel Moss',
        scopes: null,
        isOpen: true,
        fields: {
          'birth-date': ['birthDate'],
          discovery: expect.arrayContaining(['ageYears', 'city', 'gender', 'seeks']),
          pictures: ['picture', 'gallery'],
        },
      })
    expect(await member()).toBeNull()
  })

  it('publishes exactly the scopes, under the notice of that language and hash, from now on', async () => {
    await agreed(await linkOf(id), yes(['pictures', 'discovery', 'pictures']))
    const text = noticeText({ site: amor.identity.site, network: NETWORK }, 'de')
    expect((await member())?.consent).toMatchObject({
      scopes: ['discovery', 'pictures'],
      channel: 'web',
      givenAt: world.clock.now(),
      expiresAt: world.clock.now() + CONSENT_SECONDS,
      notice: {
        url: `${PUBLIC_URL}/bridge/notice/de`,
        version: '2018-06-19',
        language: 'de',
        hash: toHex(sha256(toUtf8(text))),
      },
    })
  })

  it('decides once, also where it is sent twice at the same time', async () => {
    const token = await linkOf(id)
    const both = await Promise.all([desk().agree(token, yes()), desk().agree(token, yes())])
    expect(both.map(({ kind }) => kind).toSorted()).toEqual(['agreed', 'gone'])
    expect(await desk().visit(token)).toBeNull()
    expect(await desk().decline(token)).toBe(false)
    expect(await member()).not.toBeNull()
  })

  it('is left as it is where the decision was refused', async () => {
    const token = await linkOf(id)
    expect(await desk().agree(token, yes([]))).toMatchObject({ kind: 'refused' })
    expect(await desk().agree(token, yes(['messaging']))).toMatchObject({
      kind: 'refused',
      error: { code: 'no_consent' },
    })
    const wrong = await desk().agree(token, yes(['discovery'], 'no address'))
    expect(wrong).toMatchObject({ kind: 'refused', error: { path: '/email' } })
    await agreed(token)
  })

  it('is void once there is a newer one, and runs out with the hold', async () => {
    const first = await linkOf(id)
    const second = await linkOf(id)
    expect(await desk().visit(first)).toBeNull()
    expect(await desk().visit(second)).not.toBeNull()
    const hold = await bridge.holds.get(id)
    const row = await amor.site.feed.store.read((tx) => tx.bridge.link(sha256(toUtf8(second))))
    expect(row?.expiresAt).toBe(hold?.expiresAt)
  })

  it('gives the database neither the token nor the member', async () => {
    const token = await linkOf(id)
    const row = await amor.site.feed.store.read((tx) => tx.bridge.link(sha256(toUtf8(token))))
    expect(row?.hash).toEqual(sha256(toUtf8(token)))
    expect(row?.sealedId.length).toBeGreaterThan(16)
    expect(toHex(row?.sealedId ?? new Uint8Array())).not.toContain(toHex(toUtf8(String(id))))
  })

  it.each(['', 'x', 'A'.repeat(43), 'é'.repeat(43), '../..'])('is none: %j', async (token) => {
    expect(await desk().visit(token)).toBeNull()
    expect(await desk().agree(token, yes())).toEqual({ kind: 'gone' })
    expect(await desk().decline(token)).toBe(false)
    expect(await desk().keep(token)).toBe(false)
  })

  it('is made for nobody who has nothing to decide', async () => {
    await bridge.refuse(id)
    expect(await desk().links([id, 99_999])).toEqual([])
  })

  it('opens nothing after its member was published by a list', async () => {
    const token = await linkOf(id)
    const [other] = await imported([lineOf(id)])
    expect(other).toMatchObject({ outcome: 'published' })
    expect(await desk().visit(token)).toBeNull()
  })

  it('wipes the hold of who says no, and every link', async () => {
    const token = await linkOf(id)
    expect(await desk().decline(token)).toBe(true)
    expect(await bridge.holds.get(id)).toBeNull()
    expect(await desk().visit(token)).toBeNull()
  })
})

describe("the member's own link", () => {
  it('changes scopes, keeps its address, and what was said before', async () => {
    const own = await agreed(await linkOf(id), yes(['discovery', 'pictures'], 'a@mail.example'))
    expect(await desk().visit(own)).toMatchObject({
      kind: 'own',
      state: 'published',
      scopes: ['discovery', 'pictures'],
      hasEmail: true,
    })
    world.clock.advance(5)
    expect(await agreed(own, yes(['discovery', 'messaging']))).toBe(own)
    expect((await member())?.consent.scopes).toEqual(['discovery', 'messaging'])
    const { member: whole } = await amor.site.members.export(String(id))
    expect(whole?.email).toBe('a@mail.example')
    world.clock.advance(5)
    await agreed(own, yes(['discovery'], 'b@mail.example'))
    expect((await amor.site.members.export(String(id))).member?.email).toBe('b@mail.example')
  })

  it('withdraws: the record ends, and the link with it', async () => {
    const own = await agreed(await linkOf(id))
    expect(await desk().decline(own)).toBe(true)
    expect(await member()).toBeNull()
    expect(await desk().visit(own)).toBeNull()
  })

  it('keeps a member that is hidden, and no other', async () => {
    const own = await agreed(await linkOf(id))
    expect(await desk().keep(own)).toBe(false)
    await bridge.suspend(id)
    expect(await desk().visit(own)).toMatchObject({ state: 'suspended' })
    expect(await desk().keep(own)).toBe(true)
    expect(await desk().visit(own)).toMatchObject({ state: 'published' })
  })

  it('can be made anew by the owner until the consent ends, which voids the one before', async () => {
    const own = await agreed(await linkOf(id))
    const again = await linkOf(id)
    expect(await desk().visit(own)).toBeNull()
    expect(await desk().visit(again)).toMatchObject({ kind: 'own' })
  })
})

const privateKey = makeOwnerKey('amor.example')
const NOTICE = {
  url: 'https://amor.example/notice',
  version: '2018-06-19',
  language: 'en',
  hash: 'a'.repeat(64),
}
function lineOf(localId: unknown, changes: object = {}): string {
  return JSON.stringify({
    localId,
    scopes: LISTED,
    notice: NOTICE,
    givenAt: world.clock.now() - 10,
    channel: 'in-person',
    evidence: 'form 7, row 12',
    ...changes,
  })
}
/** Signs whatever the lines say, which `signList` would not. */
function signed(
  lines: readonly string[],
  site = 'amor.example',
  seed = new Uint8Array(32).fill(9),
) {
  const key = makeVerifierKey(`${site}/consents`, KEY_TYPE_ED25519, publicKeyOf(seed))
  const text = lines.map((line) => `${line}\n`).join('')
  return { note: formatNote({ text, signatures: [signNote(text, key, seed)] }), key }
}
async function imported(lines: readonly string[]) {
  const { note, key } = signed(lines)
  await desk().setOwnerKey(formatVerifierKey(key), ACTOR)
  return desk().importSigned(note, ACTOR)
}

async function refusalOf(changes: object) {
  const [one] = await imported([lineOf(id, changes)])
  return one?.outcome === 'refused' ? [one.error.code, one.error.path] : one?.outcome
}

describe('a signed list', () => {
  it('publishes each line that can be, and says of every other why not', async () => {
    const now = world.clock.now()
    const outcomes = await imported([
      lineOf(id),
      lineOf(id),
      lineOf(77_777),
      lineOf(id + 1, { notice: { ...NOTICE, version: '2011-01-01' } }),
      lineOf(id + 2, { givenAt: now + 5000 }),
      '{"localId":',
      lineOf('12'),
      lineOf(0),
      lineOf(id, { surplus: 1 }),
      lineOf(88, { evidence: 'by mail of someone@mail.example' }),
      lineOf(88, { evidence: '' }),
      lineOf(88, { evidence: 'x'.repeat(201) }),
      lineOf(88, { scopes: ['messaging'] }),
      lineOf(88, { email: 'none' }),
      lineOf(88, { givenAt: '1' }),
    ])
    expect(
      outcomes.map((one) =>
        one.outcome === 'refused' ? `${one.error.code} ${one.error.path}` : one.outcome,
      ),
    ).toEqual([
      'published',
      'conflict /localId',
      'unknown',
      // Nothing is held of them here, so that the notice is not looked at.
      'unknown',
      'unknown',
      'malformed ',
      'wrong_type /localId',
      'out_of_range /localId',
      'unknown_field /surplus',
      'contact_details /evidence',
      'out_of_range /evidence',
      'out_of_range /evidence',
      'no_consent /scopes',
      'malformed /email',
      'wrong_type /givenAt',
    ])
    expect((await member())?.consent).toMatchObject({
      scopes: LISTED,
      notice: NOTICE,
      channel: 'in-person',
    })
  })

  it('passes on that a notice is outdated, or a consent of the future or expired', async () => {
    const now = world.clock.now()
    expect(await refusalOf({ notice: { ...NOTICE, version: '2011-01-01' } })).toEqual([
      'outdated_notice',
      '/consent/notice/version',
    ])
    expect(await refusalOf({ givenAt: now + 5000 })).toEqual(['no_consent', '/consent/givenAt'])
    expect(await refusalOf({ givenAt: now - CONSENT_SECONDS })).toEqual([
      'no_consent',
      '/consent/expiresAt',
    ])
    expect(await member()).toBeNull()
  })

  it('brings nobody back who has withdrawn since', async () => {
    const own = await agreed(await linkOf(id))
    world.clock.advance(5)
    await desk().decline(own)
    await bridge.hold(id)
    expect(await imported([lineOf(id)])).toMatchObject([
      { outcome: 'refused', error: { code: 'no_consent' } },
    ])
    world.clock.advance(60)
    expect(await imported([lineOf(id)])).toMatchObject([{ outcome: 'published' }])
  })

  it('is taken by the registered key alone, of this site alone', async () => {
    await desk().setOwnerKey(verifierKeyOf(privateKey), ACTOR)
    const { note } = signList(lineOf(id), privateKey)
    const other = signed([lineOf(id)]).note
    await expect(desk().importSigned(other, ACTOR)).rejects.toMatchObject({ code: 'bad_signature' })
    const changed = note.replace('form 7', 'form 8')
    await expect(desk().importSigned(changed, ACTOR)).rejects.toMatchObject({
      code: 'bad_signature',
    })
    await expect(desk().importSigned('nothing', ACTOR)).rejects.toMatchObject({ code: 'malformed' })
    const elsewhere = verifierKeyOf(makeOwnerKey('kiss.example'))
    await expect(desk().setOwnerKey(elsewhere, ACTOR)).rejects.toMatchObject({ code: 'malformed' })
    expect(await desk().ownerKey()).toBe(verifierKeyOf(privateKey))
    expect(await desk().importSigned(note, ACTOR)).toMatchObject([{ outcome: 'published' }])
  })

  it('leaves its hash and counts in the log of acts, and no name', async () => {
    await desk().setOwnerKey(verifierKeyOf(privateKey), ACTOR)
    const { note } = signList(lineOf(id), privateKey)
    await desk().importSigned(note, ACTOR)
    const acts = createActs({ ...amor.ports, store: amor.site.feed.store })
    const [end, take] = await acts.list({ limit: 2 })
    const digest = `sha256:${toHex(sha256(toUtf8(note)))}`
    expect(take).toMatchObject({
      actor: ACTOR,
      act: 'consent-list.take',
      subject: `${digest}/lines:1`,
    })
    expect(end).toMatchObject({
      act: 'consent-list.end',
      subject: `${digest}/published:1/unknown:0/refused:0`,
    })
    expect((await acts.verify()).brokenAt).toBeNull()
  })

  it('is not taken before a key is registered', async () => {
    const bella = aBridge(await world.addSite('bella.example'))
    const { note } = signed([lineOf(1)], 'bella.example')
    await expect(bella.consents.importSigned(note, ACTOR)).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('is signed only where each of its lines can be read', () => {
    expect(() => signList(`${lineOf(id)}\n{"localId":1}\n`, privateKey)).toThrow(/^Line 2/)
    expect(() => signList('\n\n', privateKey)).toThrow(/1 to 10000 lines/)
    expect(() => signList(lineOf(id), 'PRIVATE+KEY+x')).toThrow(/private key/)
  })
})

describe('noticeText', () => {
  it.each(NOTICE_LANGUAGES)('%s names the site, the Network and the version', (language) => {
    const text = noticeText({ site: amor.identity.site, network: NETWORK }, language)
    expect(text).toContain('amor.example')
    expect(text).toContain('network.example')
    expect(text).toMatch(/2018-06-19\n$/)
    expect(text).toContain('12')
    expect(text.split('\n\n')).toHaveLength(11)
  })
})

describe('a notice that the Network does not accept', () => {
  it('lets nobody consent, and everybody withdraw', async () => {
    const own = await agreed(await linkOf(id))
    const { coordinator } = world.coordinator
    const { terms } = coordinator.node.view.registry()
    await coordinator.admission.setTerms({ ...terms, noticeVersions: ['2027-01-01'] })
    await world.until(() =>
      amor.site.node.view.registry().terms.noticeVersions.includes('2027-01-01'),
    )
    expect(await desk().visit(own)).toMatchObject({ isOpen: false })
    world.clock.advance(1)
    expect(await desk().agree(own, yes(['discovery', 'names']))).toMatchObject({
      kind: 'refused',
      error: { code: 'outdated_notice' },
    })
    expect(await desk().decline(own)).toBe(true)
    expect(await member()).toBeNull()
  })
})
