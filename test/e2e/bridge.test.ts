/**
 * Two sites whose websites run the old module, and a native one: whoever has agreed by another way
 * than the module appears on the others, and nobody else does, in no byte of any file. Method: real
 * processes over real libp2p, the stand-in of the module in this process (its fidelity is tested by
 * itself), real pages, real commands; step by step, each building on the ones before.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chat, showUp, type FastLine } from '../../scripts/module/fast.ts'
import { call } from '../../scripts/module/slow-loop.ts'
import {
  deleteUser,
  foreigners,
  leave,
  look,
  photoUrl,
  register,
  save,
  type User,
} from '../../scripts/module/website.ts'
import { send, type Shown } from './api.ts'
import { aSecretUser, aUser, yearsAgo } from './bridge-users.ts'
import { hiddenField, startBridged, submit, throwAt, type BridgedSite } from './bridged.ts'
import { MARK } from './canaries.ts'
import { filesIn, findInFiles, spellingsOfText } from './files.ts'
import { completed, startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { until } from './process.ts'

const AMOR = 'amor.example'
const BRIO = 'brio.example'
const CARO = 'caro.example'

let network: TestNetwork
let amor: BridgedSite
let brio: BridgedSite
let caro: TestSite
/** Users of amor, by the name that they began with. */
const users: Record<string, User> = {}
let marco: User
/** Bianca's own page, from her consent on. */
let ownPage: string
/** Daemons for events. */
let amorLine: FastLine
let brioLine: FastLine

const userOf = (name: string): User => {
  const user = users[name]
  if (user === undefined) throw new Error(`nobody is called ${name}`)
  return user
}
async function shownAt(site: TestSite, nickname: string): Promise<Shown | undefined> {
  return (await site.api.records()).find(({ profile }) => profile['nickname'] === nickname)
}
async function appears(site: TestSite, nickname: string, pictures = 0): Promise<Shown> {
  return until(`${nickname} appears at ${site.site}`, async () => {
    const shown = await shownAt(site, nickname)
    return shown !== undefined && shown.pictures.length >= pictures ? shown : null
  })
}
async function vanishes(site: TestSite, { record }: Shown): Promise<void> {
  await until(`a record is gone from ${site.site}`, async () =>
    (await site.api.records()).every((one) => one.record !== record),
  )
}
/** Makes sure that both partners have everything of a record, so that the module is offered it. */
async function appearsEverywhere(nickname: string, pictures: number): Promise<Shown> {
  await appears(brio.node, nickname, pictures)
  return appears(caro, nickname, pictures)
}

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio, caro] = await Promise.all([
    startBridged(network, AMOR),
    startBridged(network, BRIO),
    network.startSite(CARO),
  ])
  await caro.api.require({})
})
afterAll(async () => {
  await Promise.all([amor, brio].map((site) => site?.close()))
  await network.stop()
})

describe('without a consent', () => {
  it('everything that the module sends is held, and nothing of it is told', async () => {
    const minor = { birth_date: yearsAgo(17), pictures: ['fabio'] }
    users['Bianca'] = register(amor.website, aUser('Bianca'))
    users['Chiara'] = register(amor.website, aUser('Chiara'))
    // Who has ticked nothing but the box that is ticked already, who says no, and who is no adult.
    users['Dario'] = register(amor.website, aSecretUser('dario'))
    users['Elena'] = register(amor.website, { ...aSecretUser('elena'), decision: 'disagree' })
    users['Fabio'] = register(amor.website, { ...aSecretUser('fabio'), ...minor })
    for (const name of ['Gianna', 'Irene', 'Livia', 'Noemi'])
      users[name] = register(amor.website, aUser(name))
    marco = register(
      brio.website,
      aUser('Marco', { user_type: 'male', looking_user_type: 'female', profile: {} }),
    )
    await Promise.all([amor.sync(), brio.sync()])

    for (const { status, netId } of amor.website.users.values())
      expect([status, netId]).toEqual(['ok', 0])
    expect(await caro.api.records()).toEqual([])
    const log = (await caro.api.status()).logs.find(({ site }) => site === AMOR)
    expect(log?.records).toMatchObject({ live: 0, held: 0 })
    expect(await amor.node.api.members()).toEqual([])
    const states = await amor.owner.states()
    expect(states.get(userOf('Fabio').id)).toBe('refused')
    expect(states.get(userOf('Bianca').id)).toBe('held')
  })
})

describe('consent', () => {
  it('by the page publishes what was ticked, on a native site and another bridged one', async () => {
    const bianca = userOf('Bianca')
    const link = await amor.owner.link(bianca.id)
    const page = await send(link, 'GET')
    expect(page.status).toBe(200)
    expect(page.text).toContain('Bianca')
    const notice = hiddenField(page.text, 'notice')
    const language = hiddenField(page.text, 'language')
    expect(language).toBe('it')
    const scope = ['discovery', 'names', 'pictures', 'messaging', 'presence']
    const agreed = await submit(link, { act: 'agree', language, notice, scope })
    expect(agreed.status).toBe(200)
    ownPage = /[^"]*\/bridge\/consent\/[\w-]{43}/.exec(agreed.text)?.[0] ?? ''
    // It was for one decision.
    expect((await send(link, 'GET')).status).toBe(404)

    const shown = await appearsEverywhere('Bianca', 2)
    expect(shown.profile).toMatchObject({ firstName: 'Bianca', lastName: 'Van Bianca' })
    // Appearance was not ticked.
    for (const name of ['heightCm', 'weightKg', 'bodyType'])
      expect(shown.profile).not.toHaveProperty(name)
    const user = await brio.until('Bianca is a user of brio', () => brio.foreigner('Bianca'))
    expect(user.fields).toMatchObject({ user_type: 'female', looking_user_type: 'male' })
    expect(user.fields.email).toMatch(/^[0-9a-f]{32}$/)
    expect(user.about).not.toContain('170')
    for (const url of [user.fields.icon, ...user.photos]) {
      const picture = await look(url)
      expect([picture.status, picture.type]).toEqual([200, 'image/jpeg'])
      // Re-encoded, not passed on.
      expect(picture.bytes.subarray(0, 2).toString('hex')).toBe('ffd8')
    }
    expect(user.photos).toHaveLength(1)
    await amor.until('amor has her number', () => bianca.netId > 0 && bianca.status === 'ok')
  })

  it("by the owner's signed list publishes whoever is on it, but not on an outdated notice", async () => {
    const scopes = ['discovery', 'pictures', 'appearance', 'messaging', 'presence']
    const names = ['Chiara', 'Irene', 'Livia', 'Noemi']
    const outcomes = await amor.owner.sign(network.root, [
      ...names.map((name) => ({ localId: userOf(name).id, scopes })),
      { localId: userOf('Gianna').id, scopes, version: '2015-01-01' },
      // Consent makes nobody older.
      { localId: userOf('Fabio').id, scopes },
      { localId: 4711, scopes },
    ])
    expect(outcomes).toEqual([...names.map(() => 'published'), 'refused', 'refused', 'unknown'])
    expect(await brio.owner.sign(network.root, [{ localId: marco.id, scopes }])).toEqual([
      'published',
    ])
    for (const name of names) await appearsEverywhere(name, 2)
    const shown = await shownAt(caro, 'Chiara')
    expect(shown?.profile).toMatchObject({ heightCm: 170, weightKg: 60, bodyType: 'athletic' })
    await brio.until('all four are users of brio', () =>
      names.every((name) => brio.foreigner(name) !== null),
    )
    await appears(amor.node, 'Marco', 2)
    await amor.until('Marco is a user of amor', () => amor.foreigner('Marco'))
    expect(await shownAt(caro, 'Gianna')).toBeUndefined()
  })

  it('that is declined wipes the hold', async () => {
    const link = await amor.owner.link(userOf('Elena').id)
    expect((await submit(link, { act: 'decline' })).status).toBe(200)
    expect((await amor.owner.states()).has(userOf('Elena').id)).toBe(false)
    await amor.sync()
    expect(userOf('Elena')).toMatchObject({ netId: 0, status: 'ok' })
  })
})

describe('a native member', () => {
  it('becomes a user of both bridged sites', async () => {
    const consent = {
      notice: {
        url: 'https://caro.example/notice',
        version: '2018-06-19',
        language: 'it',
        hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      },
      scopes: ['discovery', 'appearance'],
      givenAt: Math.floor(Date.now() / 1000) - 60,
      channel: 'web',
    }
    const profile = {
      nickname: "D'Angelo",
      birthDate: '1985-05-05',
      gender: 'man',
      seeks: ['woman'],
      seeksAgeMin: 25,
      seeksAgeMax: 50,
      country: 'IT',
      language: 'it',
      heightCm: 182,
      description: 'Likes "quotes" & <tags>',
    }
    await caro.api.put({ id: 'd', email: 'd@mail.example', profile, consent })
    for (const site of [amor, brio]) {
      await appears(site.node, "D'Angelo")
      const user = await site.until('he is a user', () => site.foreigner('D&#39;Angelo'))
      expect(user.about).toContain('182')
      expect(user.about).not.toMatch(/["<]/)
    }
  })
})

describe('a change', () => {
  it('of nickname and height travels', async () => {
    const chiara = userOf('Chiara')
    await amor.until('amor has her number', () => chiara.netId > 0)
    save(amor.website, chiara.id, {
      fields: { nickname: 'Chiarina' },
      profile: { height: '5\' 11" (180 cm)' },
    })
    await amor.loop.round()
    await until('caro has it', async () => {
      const shown = await shownAt(caro, 'Chiarina')
      return shown?.profile['heightCm'] === 180
    })
    await appears(brio.node, 'Chiarina', 2)
    const user = await brio.until('brio has it', () => brio.foreigner('Chiarina'))
    expect(user.about).toContain('180')
    // What was not said again has stayed.
    expect((await shownAt(caro, 'Chiarina'))?.profile).toMatchObject({ weightKg: 60 })
  })

  it('of the gallery travels', async () => {
    const noemi = userOf('Noemi')
    await amor.until('amor has her number', () => noemi.netId > 0)
    const photos = ['Noemi-2', 'Noemi-3'].map((name) => photoUrl(amor.website, name))
    save(amor.website, noemi.id, { photos: [...photos, 'http://203.0.113.7/elsewhere.jpg'] })
    await amor.loop.round()
    await appearsEverywhere('Noemi', 3)
    const user = await brio.until('brio has two photos of hers', () => {
      const found = brio.foreigner('Noemi')
      return found?.photos.length === 2 ? found : null
    })
    for (const url of user.photos) expect((await look(url)).status).toBe(200)
  })
})

describe('members of two bridged sites', () => {
  it('are told of each other coming online, and going', async () => {
    amorLine = amor.connect()
    brioLine = brio.connect()
    await until('both daemons are connected', () =>
      [amorLine, brioLine].every((line) => line.state() === 'connected'),
    )
    const bianca = userOf('Bianca')
    const there = brio.foreigner('Bianca')?.id ?? 0
    const here = amor.foreigner('Marco')?.id ?? 0
    await brio.until('brio has the number of Marco', () => marco.netId > 0)
    showUp(amor.website, amorLine, bianca.id, 'active')
    showUp(brio.website, brioLine, marco.id, 'active')
    await until(
      'both are online',
      () => brio.website.online.has(there) && amor.website.online.has(here),
    )
    showUp(amor.website, amorLine, bianca.id, 'inactive')
    await until('one has gone', () => !brio.website.online.has(there))
    expect(amor.website.online.has(here)).toBe(true)
  })

  it('write to each other', async () => {
    const there = brio.foreigner('Bianca')?.id ?? 0
    const here = amor.foreigner('Marco')?.id ?? 0
    chat(amor.website, amorLine, userOf('Bianca').id, here, 'Ciao "Marco", così?')
    await until('Marco has it', () => brio.website.chats.length > 0)
    expect(brio.website.chats).toEqual([{ from: there, to: marco.id, text: expect.any(String) }])
    expect(brio.website.chats[0]?.text).toContain('così?')
    chat(brio.website, brioLine, marco.id, there, 'Bene')
    await until('Bianca has it', () => amor.website.chats.length > 0)
    expect(amor.website.chats).toEqual([{ from: here, to: userOf('Bianca').id, text: 'Bene' }])
  })

  it('write to nobody whom the module was not given', async () => {
    amorLine.emit('im.message', { id_user: userOf('Bianca').netId, id_contact: 12345, text: 'x' })
    amorLine.emit('im.message', { id_user: 12345, id_contact: marco.netId, text: 'x' })
    chat(amor.website, amorLine, userOf('Bianca').id, amor.foreigner('Marco')?.id ?? 0, 'Dopo')
    await until('what came after has arrived', () => brio.website.chats.length > 1)
    expect(brio.website.chats.map(({ text }) => text)).not.toContain('x')
  })
})

describe('leaving', () => {
  it('by deleting the account erases everywhere', async () => {
    const noemi = userOf('Noemi')
    const shown = await appears(caro, 'Noemi')
    const pictures = brio.foreigner('Noemi')?.photos ?? []
    deleteUser(amor.website, noemi.id)
    await amor.loop.round()
    await vanishes(caro, shown)
    await vanishes(brio.node, shown)
    // The module may not have removed it yet: what its pages show is gone already.
    for (const url of pictures) expect((await look(url)).status).toBe(404)
    await brio.until('brio has deleted the user', () => brio.foreigner('Noemi') === null)
    await completed(amor.node, [shown.record])
  })

  it('by a removal that names nobody hides whoever it can mean, and no one else', async () => {
    const irene = await appears(caro, 'Irene')
    const livia = await appears(caro, 'Livia')
    await amor.until('amor has the numbers', () =>
      ['Irene', 'Livia'].every((name) => userOf(name).netId > 0),
    )
    // One has logged in, which looks the same.
    save(amor.website, userOf('Livia').id)
    leave(amor.website, userOf('Irene').id)
    await amor.loop.round()
    for (const shown of [irene, livia]) {
      await vanishes(caro, shown)
      await vanishes(brio.node, shown)
    }
    await brio.until('brio has deleted both', () =>
      ['Irene', 'Livia'].every((name) => brio.foreigner(name) === null),
    )
    expect(await shownAt(caro, 'Chiarina')).toBeDefined()
    const states = await amor.owner.states()
    expect(['Irene', 'Livia', 'Chiara'].map((name) => states.get(userOf(name).id))).toEqual([
      'suspended',
      'suspended',
      'published',
    ])
    await amor.owner.withdraw(userOf('Irene').id)
    await completed(amor.node, [irene.record])
    await amor.owner.keep(userOf('Livia').id)
    await appearsEverywhere('Livia', 2)
    await brio.until('brio has Livia again', () => brio.foreigner('Livia'))
  })

  it('by the own page erases everywhere, too', async () => {
    const shown = await appears(caro, 'Bianca')
    expect((await submit(ownPage, { act: 'decline' })).status).toBe(200)
    await vanishes(caro, shown)
    await completed(amor.node, [shown.record])
    await brio.until('brio has deleted the user', () => brio.foreigner('Bianca') === null)
    expect((await send(ownPage, 'GET')).status).toBe(404)
  })

  it('is for good: what the module saves later brings nobody back', async () => {
    const irene = userOf('Irene')
    irene.netId = 0
    irene.status = 'ready'
    await amor.sync()
    expect((await amor.owner.states()).get(irene.id)).toBe('held')
    expect(await shownAt(caro, 'Irene')).toBeUndefined()
  })
})

describe('whoever is not the module', () => {
  it('is refused with an empty body, and nothing is lost for it', async () => {
    const strangers = [
      { ...amor.options, key: '' },
      { ...amor.options, key: 'wrong' },
      { ...amor.options, key: brio.options.key },
      { ...amor.options, domain: BRIO },
      { ...amor.options, key: brio.options.key, domain: BRIO },
    ]
    for (const stranger of strangers)
      for (const action of ['get_profiles', 'get_removed', 'settings'])
        expect(await call(stranger, action, { query: '' })).toBeNull()
    const head = `POST /slow/put_profiles HTTP/1.1\r\nHost: x\r\nx-pgn-key: ${amor.options.key}\r\nx-pgn-domain: ${AMOR}\r\n`
    const form = 'Content-Type: application/x-www-form-urlencoded\r\n'
    const upgrade =
      'GET /socket.io//?EIO=2&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\n' +
      'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: QsIkl6/2YqgWnStJ9/JR+Q==\r\n'
    const garbage = [
      'garbage\r\n\r\n',
      `${head}${form}Content-Length: 20\r\n\r\nprofiles=a%3A9%3A%7B`,
      `${head}${form}Content-Length: 99999999999\r\n\r\n`,
      `${head}${form}Content-Length: 31\r\n\r\nprofiles=O%3A1%3A%22A%22%3A0%3A`,
      `${upgrade}\r\n`,
      `${upgrade}PGN-Key: ${brio.options.key}\r\nPGN-Domain: ${BRIO}\r\n\r\n`,
      `${upgrade}PGN-Key: ${amor.options.key}\r\nPGN-Domain: ${BRIO}\r\n\r\n`,
    ]
    const answers = await Promise.all(garbage.map((bytes) => throwAt(amor.bridge, bytes)))
    // Heads of refusals, and nothing behind them.
    for (const answer of answers)
      expect(answer.replaceAll(/HTTP\/1\.1 [45]\d\d [^]*?\r\n\r\n/g, '')).toBe('')
    // A flood without a key does not use up what the module may ask.
    const flood = Array.from({ length: 300 }, () =>
      call({ ...amor.options, key: 'wrong' }, 'get_profiles', { query: '' }),
    )
    expect(new Set(await Promise.all(flood))).toEqual(new Set([null]))

    save(amor.website, userOf('Livia').id, { fields: { nickname: 'Livietta' } })
    await amor.loop.round()
    await appears(caro, 'Livietta', 2)
  })
})

describe('a module that cannot remove', () => {
  it('is given nobody, and what it cannot remove shows no picture any more', async () => {
    amor.options.ids = 'text'
    register(amor.website, aUser('Olga'))
    await amor.sync()
    expect((await amor.owner.view()).module.canRemove).toBe('no')
    const before = foreigners(amor.website).length
    const paolo = register(brio.website, aUser('Paolo'))
    const list = [{ localId: paolo.id, scopes: ['discovery'] }]
    // The module has not sent him yet: there is nobody to publish.
    expect(await brio.owner.sign(network.root, list)).toEqual(['unknown'])
    await brio.loop.round()
    expect(await brio.owner.sign(network.root, list)).toEqual(['published'])
    await appears(amor.node, 'Paolo')
    // What comes after him is dealt with after him.
    const icon = amor.foreigner('Marco')?.fields.icon ?? ''
    expect((await look(icon)).status).toBe(200)
    deleteUser(brio.website, marco.id)
    await brio.loop.round()
    await until('the removal waits', async () => {
      const { deliveries } = await amor.owner.view()
      return deliveries.removing === 1
    })
    await amor.sync()
    await amor.sync()
    expect(foreigners(amor.website)).toHaveLength(before)
    expect(amor.foreigner('Marco')).not.toBeNull()
    expect((await look(icon)).status).toBe(404)
  })
})

describe('a member without consent', () => {
  it('is in no byte of any file, of any site', async () => {
    await Promise.all(network.nodes().map((node) => node.stop()))
    const files = filesIn(network.root)
    expect(files.some((file) => file.startsWith(join(network.root, AMOR)))).toBe(true)
    // Every word of theirs begins with it.
    expect(findInFiles(files, spellingsOfText(MARK))).toEqual([])
  })
})
