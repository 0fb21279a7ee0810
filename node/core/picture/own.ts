/** Pictures of this site's own members: put, arranged, taken away; each change is a new version. */
import { equalBytes } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { PictureId, RecordId } from '../../../protocol/ids.ts'
import { GALLERY_PICTURES } from '../../../protocol/limits.ts'
import { describePicture, PICTURE_SALT_BYTES } from '../../../protocol/picture.ts'
import { labelled, type PrivateKeys } from '../identity.ts'
import type { LogWriter } from '../log/writer.ts'
import type { Crypto, Images, Random } from '../ports.ts'
import type { OwnMember, OwnMembers } from '../record/own.ts'
import type { PictureRow, PictureSlots, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { PictureStore } from './files.ts'
import { arrangementOf, checkKnown, fieldsOf, type Arrangement } from './named.ts'

/** Where a picture is put; where nothing is said it becomes the main one if there is none. */
export const PLACES = ['main', 'gallery'] as const
export type Place = (typeof PLACES)[number]

export interface PutPicture {
  /** `present`: the same upload was taken for this record before. */
  kind: 'added' | 'present'
  picture: PictureId
  member: OwnMember
}

export interface OwnPictures {
  /**
   * Takes an upload for a member with a live record whose consent has the scope, and publishes a
   * version that names it. A picture that was the main one before goes to the gallery.
   *
   * @throws ProtocolError `not_found`, `no_consent`, `conflict` where the gallery is full,
   *   `not_ready`, or why the upload is refused
   */
  add: (id: string, upload: Uint8Array, place?: Place) => Promise<PutPicture>
  /**
   * Puts the pictures in that order. What is not named is erased everywhere.
   *
   * @throws ProtocolError `not_found`, `out_of_range`, `not_ready`
   */
  arrange: (id: string, arrangement: Arrangement) => Promise<OwnMember>
  /** Takes a picture away, everywhere. @throws ProtocolError `not_found`, `not_ready` */
  remove: (id: string, picture: PictureId) => Promise<OwnMember>
}

function insert(now: Arrangement, picture: PictureId, place: Place | undefined): Arrangement {
  const isMain = place === 'main' || (place === undefined && now.main === null)
  const before = isMain && now.main !== null ? [now.main] : []
  const gallery = [...before, ...now.gallery, ...(isMain ? [] : [picture])]
  if (gallery.length > GALLERY_PICTURES)
    throw new ProtocolError('conflict', '', `at most ${GALLERY_PICTURES} pictures in the gallery`)
  return { main: isMain ? picture : now.main, gallery }
}

/** The picture that came of the same upload. */
function taken(rows: readonly PictureRow[], digest: Uint8Array): PictureRow | undefined {
  return rows.find((row) => row.digest !== null && equalBytes(row.digest, digest))
}

/** Creates the desk for the pictures of own members. */
export function createOwnPictures(ports: {
  view: Pick<View, 'self'>
  members: Pick<OwnMembers, 'withPictures' | 'changePictures'>
  writer: Pick<LogWriter, 'assertWritable'>
  store: Store
  pictures: Pick<PictureStore, 'keep' | 'discard'>
  images: Images
  crypto: Crypto
  random: Random
  keys: PrivateKeys
}): OwnPictures {
  const { view, members, writer, store, pictures, images, crypto, random, keys } = ports

  async function load(id: string): Promise<{ member: OwnMember; rows: PictureRow[] }> {
    const found = await members.withPictures(id)
    if (found === null) throw new ProtocolError('not_found', '/id', 'a member with a live record')
    return found
  }

  /** Takes back files that no row refers to: a failure after the commit must not destroy a picture. */
  async function discardUnused(record: RecordId, slots: PictureSlots): Promise<void> {
    const rows = await store.read((tx) => tx.pictures.ofRecords(view.self, [record]))
    if (!rows.some((row) => row.slots?.small === slots.small)) await pictures.discard([slots])
  }

  async function keep(upload: Uint8Array): Promise<{ picture: PictureId; slots: PictureSlots }> {
    const files = await images.reencode(upload)
    const salt = random.bytes(PICTURE_SALT_BYTES)
    const { picture, manifest } = describePicture(files, salt, crypto.sha256)
    const [small, large] = [files.small.bytes, files.large.bytes]
    const [slots] = await pictures.keep([{ manifest, small, large }])
    if (slots === undefined) throw new Error('The store of pictures kept nothing')
    return { picture, slots }
  }

  return {
    add: async (id, upload, place) => {
      writer.assertWritable()
      const { member, rows } = await load(id)
      // Looked at before the work: a picture that may not be shared is not kept either.
      if (!member.consent.scopes.includes('pictures'))
        throw new ProtocolError('no_consent', '/scopes', 'a consent with the scope pictures')
      const digest = crypto.hmacSha256(keys.index, labelled('upload', upload))
      const before = taken(rows, digest)
      if (before !== undefined) return { kind: 'present', picture: before.picture, member }
      const made = await keep(upload)
      const { picture, slots } = made
      let isAdded = false
      try {
        const changed = await members.changePictures(id, (record, now) => {
          // The same upload may have come twice at once, or the record have ended meanwhile.
          if (record !== member.record)
            throw new ProtocolError('conflict', '', 'a record that is still live')
          if (taken(now, digest) !== undefined) return null
          isAdded = true
          const fields = fieldsOf(insert(arrangementOf(now), picture, place))
          return { fields, filled: [{ record, picture, slots, digest }] }
        })
        if (isAdded) return { kind: 'added', picture, member: changed }
      } finally {
        await discardUnused(member.record, slots)
      }
      const again = await load(id)
      const other = taken(again.rows, digest)
      if (other === undefined)
        throw new ProtocolError('conflict', '', 'a record that is still live')
      return { kind: 'present', picture: other.picture, member: again.member }
    },
    arrange: (id, arrangement) =>
      members.changePictures(id, (_record, rows) => {
        const { main, gallery } = arrangement
        checkKnown({ ...(main !== null && { picture: main }), gallery: [...gallery] }, rows)
        if (new Set(gallery).size < gallery.length || (main !== null && gallery.includes(main)))
          throw new ProtocolError('out_of_range', '/gallery', 'each picture once')
        return { fields: fieldsOf(arrangement), filled: [] }
      }),
    remove: (id, picture) =>
      members.changePictures(id, (_record, rows) => {
        const { main, gallery } = arrangementOf(rows)
        if (!rows.some((row) => row.picture === picture))
          throw new ProtocolError('not_found', '/picture', 'a picture of this member')
        const rest = gallery.filter((one) => one !== picture)
        // The first of the gallery takes the place of a main picture that goes.
        const fields =
          main === picture
            ? fieldsOf({ main: rest[0] ?? null, gallery: rest.slice(1) })
            : fieldsOf({ main, gallery: rest })
        return { fields, filled: [] }
      }),
  }
}
