/** Pictures in a measured process: given at the home, pulled by a partner. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createPictureStore } from '../../node/core/picture/files.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { describePicture } from '../../protocol/picture.ts'
import { aPictureFile } from '../pictures.ts'
import type { Calls } from './calls.ts'
import { batches } from './members.ts'
import type { BenchSite } from './node.ts'
import { timed } from './timing.ts'

/** Bytes of content of the two files, as photos of people come out. */
const SMALL_BYTES = 12_000
const LARGE_BYTES = 160_000
const LOOK_MILLIS = 10
/** Pictures of each member. */
const EACH = 10

/** Publishes members with ten pictures each, random bytes of the right form. */
async function give({ site, ports }: BenchSite, count: number): Promise<number> {
  const store = createPictureStore(ports)
  let bytes = 0
  for (const batch of batches(0, count)) {
    const pictured = batch.map((person) => ({
      ...person,
      consent: { ...person.consent, scopes: ['discovery', 'pictures'] },
    }))
    await site.publisher.put(pictured)
    for (const { id } of pictured) {
      const made = Array.from({ length: EACH }, () => {
        const small = aPictureFile(320, 200, randomBytes(SMALL_BYTES))
        const large = aPictureFile(1280, 800, randomBytes(LARGE_BYTES))
        const { picture, manifest } = describePicture({ small, large }, randomBytes(16))
        return { picture, manifest, small: small.bytes, large: large.bytes }
      })
      const slots = await store.keep(made)
      await site.members.changePictures(id, (record) => ({
        fields: { gallery: made.map(({ picture }) => picture) },
        filled: made.flatMap(({ picture }, at) => {
          const own = slots[at]
          return own === undefined ? [] : [{ record, picture, slots: own, digest: null }]
        }),
      }))
      bytes += made.reduce((sum, one) => sum + one.small.length + one.large.length, 0)
    }
  }
  return bytes
}

/** Waits until that many pictures of a home are here and none is wanted. */
async function pulled({ ports }: BenchSite, home: string, count: number): Promise<void> {
  const site = parseSiteId(home)
  for (;;) {
    const isDone = await ports.store.read(
      async (tx) =>
        (await tx.pictures.wanted(site, -1, 1)).length === 0 &&
        (await tx.pictures.slots()).length >= 2 * count,
    )
    if (isDone) return
    await delay(LOOK_MILLIS)
  }
}

/** The calls about pictures, on the site that runs in this process. */
export function pictureCallsOn(
  bySite: () => BenchSite,
  join: (addresses: string[]) => Promise<void>,
) {
  return {
    givePictures: async ({ members }) => {
      const bytes = await give(bySite(), members)
      return { bytes, pictures: members * EACH }
    },
    pullPictures: async ({ addresses, home, pictures }) => {
      await join(addresses)
      const { millis, cpuMillis } = await timed(async () => {
        await bySite().site.demands.put({}, undefined)
        await pulled(bySite(), home, pictures)
      })
      return { millis, cpuMillis }
    },
  } satisfies Partial<Calls>
}
