/**
 * Nothing personal is ever on disk in clear, and what was withdrawn cannot be read any more by
 * anybody, not even with all keys of the node and an old copy of its database. Method: words that
 * stand nowhere else are searched in every file; then a thief with everything really tries.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body } from '../../protocol/body.ts'
import { aMarkedMember, MARK } from './canaries.ts'
import {
  captureFiles,
  contentOf,
  copyFolder,
  filesIn,
  findIn,
  findInFiles,
  spellingsOfBytes,
  spellingsOfText,
} from './files.ts'
import { completed, startNetwork, type TestNetwork, type TestSite } from './network.ts'
import { dpn, until } from './process.ts'
import { ciphertextsIn, pryOpen, slotKeysOf, slotsIn } from './theft.ts'
import type { StolenCiphertext } from './theft.ts'

const MEMBERS = 12
const marked = Array.from({ length: MEMBERS }, (_, at) => aMarkedMember(`disk ${at}`))
const leaving = marked.slice(0, MEMBERS / 2)
/** Publishes a new version while it stays. */
const changing = marked.slice(MEMBERS / 2, MEMBERS / 2 + 2)
const newWord = aMarkedMember('disk anew').words['description'] ?? ''
const clear = spellingsOfText(MARK)
const sorted = (texts: readonly (string | undefined)[]): string[] =>
  texts.map((text) => text ?? '').toSorted()
const nicknames = sorted(marked.map(({ words }) => words['nickname']))

let network: TestNetwork
let amor: TestSite
let brio: TestSite
/** Outside of the folders of the nodes. */
let stolen: string
let records: Map<string, string>
const captured: Buffer[] = []
const before = new Map<string, { folder: string; ciphertexts: StolenCiphertext[] }>()
const bodies = new Map<string, Body>()

const walsOf = (...sites: TestSite[]): string[] =>
  sites.flatMap(({ folder }) => [join(folder, 'node.db-wal'), join(folder, 'keys')])
const everyFile = (): string[] => filesIn(network.root)

/** Records of which the old version must be unreadable. */
const gone = (): string[] =>
  [...leaving, ...changing].map(({ person }) => records.get(person.id) ?? '').toSorted()

const staying = (): string[] =>
  [...records.values()].filter((record) => !gone().includes(record)).toSorted()

/** What each site's thief can read of what was there before. */
function pry(): string[][] {
  return [amor, brio].map(({ site, folder }) =>
    [...pryOpen(folder, before.get(site)?.ciphertexts ?? []).keys()].toSorted(),
  )
}
/** Keys of what has gone, wherever they are left: slots or not, in whatever spelling. */
function keysLeft(): string[] {
  return [amor, brio].flatMap(({ site }) => {
    const { folder = '', ciphertexts = [] } = before.get(site) ?? {}
    const keys = slotKeysOf(folder, ciphertexts)
    const spellings = gone().flatMap((record) => {
      const key = keys.get(record)
      if (key === undefined) throw new Error(`No key was stolen for ${record}`)
      return spellingsOfBytes('slot key', key)
    })
    expect(findInFiles([join(folder, 'keys')], spellings)).toHaveLength(gone().length)
    const loot = [amor, brio, network.coordinator].flatMap((node) => filesIn(node.folder))
    return findInFiles([...loot, join(stolen, `${site}.backup`)], spellings)
  })
}

const plant = (name: string, bytes: string | Uint8Array): string => {
  const path = join(stolen, `planted-${name}`)
  writeFileSync(path, bytes)
  return path
}

beforeAll(async () => {
  network = await startNetwork()
  ;[amor, brio] = await Promise.all([
    network.startSite('amor.example'),
    network.startSite('brio.example'),
  ])
  stolen = join(network.root, 'stolen')
  mkdirSync(stolen)
  await brio.api.require({})
})
afterAll(async () => {
  await network.stop()
})

describe('the search', () => {
  it('finds a word in any of its spellings', () => {
    const word = marked[0]?.words['hobbies'] ?? ''
    const utf16 = Buffer.from(`xx${word}xx`, 'utf16le')
    const planted = [
      plant('utf8', `{"nickname":"${word}"}`),
      plant('utf16le', utf16),
      plant('utf16be', Buffer.from(utf16).swap16()),
      plant('hex', Buffer.from(`..${word}..`).toString('hex')),
      ...['', 'a', 'bc'].map((start) =>
        plant(`base64-${start}`, Buffer.from(`${start}${word} and more`).toString('base64')),
      ),
    ]
    for (const path of planted) {
      expect(findInFiles([path], clear)).not.toEqual([])
      writeFileSync(path, '')
    }
  })
})

describe('live members', () => {
  it('are on no disk in clear, at the home nor at a partner', async () => {
    const capture = captureFiles(walsOf(amor, brio))
    records = await amor.api.bulk(marked.map(({ person }) => person))
    const shown = await until('brio shows all', async () => {
      const list = await brio.api.records()
      return list.length === MEMBERS && list
    })
    // The words are really there, for whoever may see them.
    expect(sorted(shown.map(({ profile }) => String(profile['nickname'])))).toEqual(nicknames)
    captured.push(...capture.end())
    expect(findInFiles(everyFile(), clear)).toEqual([])
  })

  it('can be read with the keys of the node while they live: so the thief knows the trade', () => {
    for (const { site, folder } of [amor, brio]) {
      const copy = copyFolder(folder, join(stolen, `before-${site}`))
      const ciphertexts = ciphertextsIn(join(copy, 'node.db'))
      before.set(site, { folder: copy, ciphertexts })
      const read = pryOpen(copy, ciphertexts)
      expect([...read.keys()].toSorted()).toEqual([...records.values()].toSorted())
      for (const [record, body] of read) bodies.set(record, body)
    }
    expect(sorted([...bodies.values()].map(({ profile }) => profile.nickname))).toEqual(nicknames)
  })

  it('leave no salt on disk in clear either', () => {
    const salts = [...bodies.values()]
      .slice(0, 3)
      .flatMap(({ profileSalt, consentSalt }) => [
        ...spellingsOfBytes('profile salt', profileSalt),
        ...spellingsOfBytes('consent salt', consentSalt),
      ])
    expect(findInFiles(everyFile(), salts)).toEqual([])
    for (const bytes of captured) expect(findIn(bytes, salts)).toEqual([])
  })

  it('are in no backup, nor is any key', async () => {
    for (const { site, folder } of [amor, brio]) {
      const file = join(stolen, `${site}.backup`)
      expect(await dpn(['backup', file, '--data', folder])).toMatchObject({ code: 0, err: '' })
      const slots = slotsIn(readFileSync(join(folder, 'keys')))
      expect(slots.length).toBeGreaterThanOrEqual(MEMBERS)
      const forbidden = [
        ...clear,
        ...slots.flatMap((slot) => spellingsOfBytes('slot key', slot)),
        ...['node.key', 'storage.key'].flatMap((name) => {
          const hex = readFileSync(join(folder, name), 'utf8').trim()
          return spellingsOfBytes(name, Buffer.from(hex, 'hex'))
        }),
        ...(before.get(site)?.ciphertexts ?? []).flatMap(({ bytes }) =>
          spellingsOfBytes('ciphertext', bytes.subarray(0, 64)),
        ),
      ]
      expect(findInFiles([file], forbidden)).toEqual([])
      expect(ciphertextsIn(file)).toEqual([])
    }
  })
})

describe('withdrawn members', () => {
  it('are on no disk in clear while they go and after they have gone', async () => {
    const capture = captureFiles(walsOf(amor, brio))
    const [first, second] = changing
    for (const one of [first, second]) {
      if (one === undefined) throw new Error('nobody changes')
      const profile = { ...one.person.profile, description: newWord }
      await amor.api.put({ ...one.person, profile })
    }
    const withdrawn = await amor.api.withdraw(leaving.map(({ person }) => person.id))
    await completed(
      amor,
      withdrawn.map(({ record }) => record),
    )
    await until('brio shows the new versions', async () => {
      const shown = await brio.api.records()
      return shown.filter(({ profile }) => profile['description'] === newWord).length === 2
    })
    captured.push(...capture.end())
    expect(captured.length).toBeGreaterThan(5)
    expect(findInFiles(everyFile(), clear)).toEqual([])
    for (const bytes of captured) expect(findIn(bytes, clear)).toEqual([])
  })

  it('cannot be read with every key that is left and a copy from just before', () => {
    // Who stays can be read, so that it is not the thief's fault.
    expect(pry()).toEqual([staying(), staying()])
    expect(keysLeft()).toEqual([])
  })

  it('cannot be read after their slots have been used again, nor after a stop', async () => {
    await amor.api.bulk(
      leaving.map((_, at) => aMarkedMember(`disk later ${at}`)).map(({ person }) => person),
    )
    await until('brio shows them', async () => (await brio.api.records()).length === MEMBERS)
    expect(pry()).toEqual([staying(), staying()])
    expect(keysLeft()).toEqual([])
    expect(await amor.stop()).toBe(0)
    await brio.kill()
    expect(pry()).toEqual([staying(), staying()])
    expect(keysLeft()).toEqual([])
    await Promise.all([amor.start(), brio.start()])
    expect(pry()).toEqual([staying(), staying()])
    expect(keysLeft()).toEqual([])
    expect(findInFiles(everyFile(), clear)).toEqual([])
  })

  it('leave their keys in no log of the process', () => {
    const secrets = [amor, brio].flatMap(({ site, folder }) => {
      const slots = [...slotKeysOf(folder, before.get(site)?.ciphertexts ?? []).values()]
      return slots.filter((slot) => slot.some((byte) => byte !== 0))
    })
    const spellings = secrets.flatMap((slot) => spellingsOfBytes('slot key', slot))
    const logs = filesIn(join(network.root, 'logs'))
    expect(logs.every((path) => contentOf(path).length > 0)).toBe(true)
    expect(findInFiles(logs, [...clear, ...spellings])).toEqual([])
  })
})
