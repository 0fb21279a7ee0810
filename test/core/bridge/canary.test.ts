/**
 * Goal: of members whom the module has sent and who have not consented, were refused, wiped or have
 * withdrawn, no word is on the disk in clear; once they are gone no key in the data folder, with the
 * secrets of the node, opens what a thief has copied before. Method: a real folder, words that stand
 * nowhere else, a search through every file, and every slot tried on every stolen hold.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHolds } from '../../../node/core/bridge/members/keeper.ts'
import { systemCrypto } from '../../../node/roles/system.ts'
import { concatBytes, toUtf8 } from '../../../protocol/bytes.ts'
import { canary, MARK } from '../../e2e/canaries.ts'
import { filesIn, findInFiles, spellingsOfText } from '../../e2e/files.ts'
import { slotsIn } from '../../e2e/theft.ts'
import { createWorld, type TestSite } from '../../fixtures/network.ts'
import { aGiven, aModuleProfile, HOLD_SECONDS } from './module.ts'

const mark = spellingsOfText(MARK)
const email = spellingsOfText('c38bc6620d9dc3e0b6bbe38b74681fac')

/** A profile with a word in each text. */
function marked(id: number, parts: Parameters<typeof aModuleProfile>[1] = {}) {
  const word = (field: string): string => canary(`${id} ${field}`)
  return aModuleProfile(id, {
    nickname: word('nickname'),
    fname: word('fname'),
    sname: word('sname'),
    region: word('region'),
    city: word('city'),
    icon: `http://amor.example/${word('icon')}.jpg`,
    photos: [`http://amor.example/${word('photo')}.jpg`],
    profile_data: { headline: word('headline'), race: word('race'), weight: word('weight') },
    ...parts,
  })
}

/** Every hold in the database, as ciphertext. */
function steal({ folder }: TestSite): Uint8Array[] {
  const sqlite = new Sqlite(join(folder, 'node.db'), { fileMustExist: true })
  try {
    const rows = sqlite.prepare('select ciphertext from bridge_holds').all() as {
      ciphertext: Buffer
    }[]
    return rows.map(({ ciphertext }) => new Uint8Array(ciphertext))
  } finally {
    sqlite.close()
  }
}

/** How many of them the folder and the master key open. */
function readable({ folder, master }: TestSite, holds: readonly Uint8Array[]): number {
  const tried = [...slotsIn(readFileSync(join(folder, 'keys'))), new Uint8Array(32)].map((slot) =>
    systemCrypto.hmacSha256(master, concatBytes(toUtf8('dpn/content'), slot)),
  )
  return holds.filter((hold) => tried.some((key) => systemCrypto.open(key, hold) !== null)).length
}

describe('what the bridge holds', () => {
  it('is nowhere in clear, and cannot be read once it is wiped', async () => {
    const world = await createWorld()
    onTestFinished(world.close)
    const amor = await world.addSite('amor.example')
    const { clock } = world
    const holds = createHolds(
      {
        ...amor.ports,
        store: amor.site.feed.store,
        site: amor.site,
        photos: { fetch: async () => ({ kind: 'failed' }), isGone: async () => false },
        contact: { lastSeenAt: () => clock.now() },
      },
      { holdSeconds: HOLD_SECONDS, silenceSeconds: HOLD_SECONDS },
    )
    const found = (): string[] => [
      ...findInFiles(filesIn(amor.folder), mark),
      ...findInFiles(filesIn(amor.folder), email),
    ]
    // One waits, one is a child, one consents and withdraws, one consents to little.
    await holds.put([
      marked(1),
      marked(2, { birth_date: '2012-01-01' }),
      marked(3),
      marked(4, { region: 'Test Region', city: 'Testville' }),
    ])
    expect(found()).toEqual([])
    const before = steal(amor)
    expect([before.length, readable(amor, before)]).toEqual([4, 4])

    const outcomes = await holds.consent([
      aGiven(3, { scopes: ['discovery', 'names'] }),
      aGiven(4, { scopes: ['discovery'] }),
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['published', 'published'])
    // What was held of them whole gave way to whose they are: two of the stolen ones are left.
    expect(readable(amor, before)).toBe(2)
    await holds.withdraw([3], '')
    expect(found()).toEqual([])
    expect(await holds.profileOf(4)).not.toHaveProperty('profile.firstName')

    const after = steal(amor)
    clock.advance(HOLD_SECONDS)
    await holds.tick()
    await holds.withdraw([4], '')
    expect((await holds.list({ limit: 10 })).members).toEqual([])
    expect(readable(amor, [...before, ...after])).toBe(0)
    expect(slotsIn(readFileSync(join(amor.folder, 'keys')))).toEqual([])
    await amor.ports.store.compact()
    expect(found()).toEqual([])
    expect(steal(amor)).toEqual([])
  })
})
