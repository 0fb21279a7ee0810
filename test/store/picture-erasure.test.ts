/**
 * Ten thousand pictures in real files at their home, some of them at a partner. Aim: after the withdrawal of
 * their records nobody can read any of them, also not with everything that was stolen before and
 * all that is there now. Method: files that are as small as they may be, each with a word of its
 * own, through the doors by which pictures are kept and fetched.
 */
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPictureStore } from '../../node/core/picture/files.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { concatBytes, toUtf8 } from '../../protocol/bytes.ts'
import type { PictureId } from '../../protocol/ids.ts'
import { describePicture } from '../../protocol/picture.ts'
import { canary, MARK } from '../e2e/canaries.ts'
import { contentOf, filesIn, findIn, findInFiles, spellingsOfText } from '../e2e/files.ts'
import { slotsIn } from '../e2e/theft.ts'
import { createWorld, type TestSite } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aPictureFile } from '../fixtures/pictures.ts'

const RECORDS = 770
/** Those that the partner may have: their pictures are as many as need be, and the disk is slow. */
const SHARED = 50
const EACH = 13
/** Real files that are synced into memory, where the system has such a place: twenty thousand. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const MINUTES = 60_000

const mark = spellingsOfText(MARK)
const filesOf = (text: string) => ({
  small: aPictureFile(8, 8, toUtf8(text)),
  large: aPictureFile(16, 16, toUtf8(text)),
})

/** Gives a member thirteen pictures in one version. */
async function give({ site, ports }: TestSite, id: string): Promise<PictureId[]> {
  const made = Array.from({ length: EACH }, (_, at) => {
    const files = filesOf(canary(`${id} ${at}`))
    const { picture, manifest } = describePicture(files, ports.random.bytes(16))
    return { picture, manifest, small: files.small.bytes, large: files.large.bytes }
  })
  const slots = await createPictureStore(ports).keep(made)
  const [main, ...gallery] = made.map(({ picture }) => picture)
  await site.members.changePictures(id, (record) => ({
    fields: { ...(main !== undefined && { picture: main }), gallery },
    filled: made.flatMap(({ picture }, at) => {
      const own = slots[at]
      return own === undefined ? [] : [{ record, picture, slots: own, digest: null }]
    }),
  }))
  return made.map(({ picture }) => picture)
}

/** Sealed pictures as a thief copies them, with the slots of that moment. */
function steal({ folder }: TestSite): { sealed: Uint8Array[]; keys: Buffer } {
  const sealed = filesIn(join(folder, 'pictures')).map((path) => new Uint8Array(contentOf(path)))
  return { sealed, keys: readFileSync(join(folder, 'keys')) }
}

/** How many of the ciphertexts one of the slots opens, by any key that the thief can think of. */
function readable({ master }: TestSite, sealed: readonly Uint8Array[], keys: Buffer): number {
  const tried = [...slotsIn(keys), new Uint8Array(32)].map((slot) =>
    systemCrypto.hmacSha256(master, concatBytes(toUtf8('dpn/content'), slot)),
  )
  return sealed.filter((bytes) =>
    tried.some((key) => {
      const opened = systemCrypto.open(key, bytes)
      return opened !== null && findIn(Buffer.from(opened), mark).length > 0
    }),
  ).length
}

const keptBy = ({ folder }: TestSite): number =>
  existsSync(join(folder, 'pictures')) ? filesIn(join(folder, 'pictures')).length : 0

describe('a withdrawal of ten thousand pictures', () => {
  it(
    'leaves nothing of them that can be read, at home or at a partner',
    { timeout: 10 * MINUTES },
    async () => {
      const world = await createWorld(PLACE)
      onTestFinished(world.close)
      const amor = await world.addSite('amor.example')
      const bella = await world.addSite('bella.example')
      await bella.site.demands.put({}, undefined)
      const ids = Array.from({ length: RECORDS }, (_, at) => `m-${at}`)
      const consent = { ...aConsent(), scopes: ['discovery', 'pictures'] }
      const kept = { ...consent, excludes: [bella.identity.site] }
      const members = ids.map((id, at) => ({
        id,
        profile: aProfile(),
        consent: at < SHARED ? consent : kept,
      }))
      await amor.site.publisher.put(members)
      for (const id of ids) await give(amor, id)
      expect(keptBy(amor)).toBe(2 * RECORDS * EACH)
      await world.until(() => keptBy(bella) === 2 * SHARED * EACH)
      const sites = [amor, bella]
      const everyFile = (): string[] => sites.flatMap(({ folder }) => filesIn(folder))
      // Nothing is in clear while they are held, and the thief could read each of them then.
      expect(findInFiles(everyFile(), mark)).toEqual([])
      const loot = sites.map(steal)
      for (const [at, one] of sites.entries()) {
        const { sealed = [], keys = Buffer.alloc(0) } = loot[at] ?? {}
        expect(readable(one, sealed.slice(0, 3), keys)).toBe(3)
      }

      await amor.site.withdrawer.withdraw(ids, 'consent-withdrawn', '')
      await world.until(() => keptBy(bella) === 0)
      await world.until(async () => {
        const { size } = (await amor.ports.store.read((tx) => tx.logs.get(amor.identity.site))) ?? {
          size: 0,
        }
        return (await amor.site.node.evidence.progress(amor.identity.site, size - 1)).isComplete
      })
      for (const [at, one] of sites.entries()) {
        expect(keptBy(one)).toBe(0)
        const keys = readFileSync(join(one.folder, 'keys'))
        expect(slotsIn(keys)).toEqual([])
        expect(readable(one, loot[at]?.sealed ?? [], keys)).toBe(0)
        const rows = await one.ports.store.read(async (tx) => ({
          slots: await tx.pictures.slots(),
          doomed: await tx.pictures.doomed(1),
        }))
        expect(rows).toEqual({ slots: [], doomed: [] })
      }
      expect(findInFiles(everyFile(), mark)).toEqual([])
    },
  )
})
