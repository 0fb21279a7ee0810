/** A record of another site as the module is given it now: its profile, and addresses of pictures. */
import { toHex, toUtf8 } from '../../../../protocol/bytes.ts'
import type { PictureId, RecordId, SiteId } from '../../../../protocol/ids.ts'
import { labelled, type PrivateKeys } from '../../identity.ts'
import type { PictureShow } from '../../picture/show.ts'
import type { Clock, Crypto } from '../../ports.ts'
import type { Discovery, VisibleRecord } from '../../record/discover.ts'
import type { Store } from '../../store.ts'
import { MODULE_PHOTOS, moduleProfile, type ModuleProfile } from './profile-out.ts'
import type { NetId } from '../rows.ts'

/** Digits of a name or token: 128 bits, in the few characters that the module has room for. */
const NAME_DIGITS = 32
/** Seconds for which a new version waits for its pictures: the module never looks at a gallery again. */
const PICTURES_SECONDS = 3600

export type Rendered =
  | {
      kind: 'rendered'
      profile: ModuleProfile
      /** Index of the version. */
      index: number
      /** Keyed hash of the gallery, and of whether there is a main picture. */
      gallery: Uint8Array
    }
  /** It may not be shown now. */
  | { kind: 'hidden' }
  /** The module has no words for it. */
  | { kind: 'unsaid' }
  /** Its pictures are still on their way. */
  | { kind: 'early' }

export interface Rendering {
  render: (netId: NetId, home: SiteId, record: RecordId) => Promise<Rendered>
  /** The picture that the module was given under a name, where the record still names it. */
  named: (netId: NetId, visible: VisibleRecord, name: string) => PictureId | null
}

interface Pictures {
  main: PictureId | null
  gallery: PictureId[]
}

/** The module has one main picture and a few more; who has no main picture is shown by the first. */
function picturesOf({ profile }: VisibleRecord, here: readonly PictureId[] | null): Pictures {
  const { picture, gallery = [] } = profile
  const named = [...new Set([...(picture === undefined ? [] : [picture]), ...gallery])]
  const all = (named as PictureId[]).filter((one) => here?.includes(one) !== false)
  const main = all[0] ?? null
  return { main, gallery: all.slice(1, 1 + MODULE_PHOTOS) }
}

/**
 * Creates the rendering.
 *
 * @param ports.publicUrl the address of this node for browsers, without a slash at its end
 */
export function createRendering(ports: {
  store: Store
  discovery: Pick<Discovery, 'get'>
  pictures: Pick<PictureShow, 'of'>
  clock: Pick<Clock, 'now'>
  crypto: Pick<Crypto, 'hmacSha256'>
  keys: Pick<PrivateKeys, 'links'>
  self: SiteId
  publicUrl: string
}): Rendering {
  const { store, discovery, pictures, clock, crypto, keys, self, publicUrl } = ports
  const hashOf = (label: string, ...parts: (string | number)[]): Uint8Array =>
    crypto.hmacSha256(keys.links, labelled(label, toUtf8(parts.join('\0'))))
  const nameOf = (netId: NetId, picture: PictureId): string =>
    `${toHex(hashOf('bridge picture', netId, picture)).slice(0, NAME_DIGITS)}.jpg`
  const addressOf = (netId: NetId, picture: PictureId): string =>
    `${publicUrl}/bridge/p/${netId}/${nameOf(netId, picture)}`

  return {
    render: async (netId, home, record) => {
      // Read before the body: what becomes newer in between is found to be due once more.
      const state = await store.read((tx) => tx.records.get(home, record))
      const visible = await discovery.get(home, record)
      if (state === null || !state.live || visible === null) return { kind: 'hidden' }
      const here = (await pictures.of(home, [record])).get(record) ?? []
      const wanted = picturesOf(visible, null)
      const { main, gallery } = picturesOf(visible, here)
      const age = clock.now() - state.publishedAt
      const isWhole = main === wanted.main && gallery.length === wanted.gallery.length
      if (!isWhole && age >= 0 && age < PICTURES_SECONDS) return { kind: 'early' }
      const profile = moduleProfile(visible, {
        netId,
        token: toHex(hashOf('bridge token', self, netId)).slice(0, NAME_DIGITS),
        icon: main === null ? '' : addressOf(netId, main),
        photos: gallery.map((picture) => addressOf(netId, picture)),
        now: clock.now(),
      })
      if (profile === null) return { kind: 'unsaid' }
      const { index } = state
      // A main picture that is taken back counts like one of the gallery: an update without an address
      // might leave the one before.
      const shown = [main === null ? 'none' : 'main', ...gallery]
      return { kind: 'rendered', profile, index, gallery: hashOf('bridge gallery', ...shown) }
    },
    named: (netId, visible, name) => {
      const { main, gallery } = picturesOf(visible, null)
      const all = main === null ? gallery : [main, ...gallery]
      return all.find((picture) => nameOf(netId, picture) === name) ?? null
    },
  }
}
