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

/** A main picture and a gallery, of whatever kind. */
export interface Composition<Part> {
  main: Part | null
  gallery: readonly Part[]
}
/** A picture of the record, or what brings an upload; null where it cannot be had. */
export type PicturePart = PictureId | (() => Promise<Uint8Array | null>)
export type PlacedPart = PictureId | 'refused' | null

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
  /**
   * Makes these the member's pictures in that order, in one version: those that the record has, and
   * uploads, which are asked for one by one. What is not named is erased everywhere.
   *
   * @returns what became of each: the picture, `refused` where it is none or not the record's, null
   *   where the upload could not be had
   * @throws ProtocolError `not_found`, `no_consent`, `conflict` where the record ends meanwhile or
   *   they are too many, `not_ready`
   */
  compose: (id: string, parts: Composition<PicturePart>) => Promise<Composition<PlacedPart>>
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

/** An upload that is kept, and that no version names yet. */
interface Kept {
  picture: PictureId
  slots: PictureSlots
  digest: Uint8Array
}

const isPlaced = (part: PlacedPart): part is PictureId => part !== null && part !== 'refused'

/** The arrangement of what could be placed, each picture once. */
function placedOf({ main, gallery }: Composition<PlacedPart>): Arrangement {
  const first = isPlaced(main) ? main : null
  const others = new Set(gallery.filter(isPlaced))
  if (first !== null) others.delete(first)
  if (others.size > GALLERY_PICTURES)
    throw new ProtocolError('conflict', '', `at most ${GALLERY_PICTURES} pictures in the gallery`)
  return { main: first, gallery: [...others] }
}

function isArranged(rows: readonly PictureRow[], { main, gallery }: Arrangement): boolean {
  const now = arrangementOf(rows)
  return now.main === main && now.gallery.join() === gallery.join()
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

  const digestOf = (upload: Uint8Array): Uint8Array =>
    crypto.hmacSha256(keys.index, labelled('upload', upload))

  /** A member who may have pictures. */
  async function loadWilling(id: string): Promise<{ member: OwnMember; rows: PictureRow[] }> {
    writer.assertWritable()
    const found = await load(id)
    // Looked at before the work: a picture that may not be shared is not kept either.
    if (!found.member.consent.scopes.includes('pictures'))
      throw new ProtocolError('no_consent', '/scopes', 'a consent with the scope pictures')
    return found
  }

  /** Places one part; an upload is kept unless it was taken before, then it is added to `kept`. */
  async function placePart(
    part: PicturePart,
    rows: readonly PictureRow[],
    kept: Kept[],
  ): Promise<PlacedPart> {
    if (typeof part === 'string')
      return rows.some(({ picture }) => picture === part) ? part : 'refused'
    const upload = await part()
    if (upload === null) return null
    const digest = digestOf(upload)
    const before = taken(rows, digest) ?? kept.find((one) => equalBytes(one.digest, digest))
    if (before !== undefined) return before.picture
    try {
      const made = await keep(upload)
      kept.push({ ...made, digest })
      return made.picture
    } catch (error) {
      if (error instanceof ProtocolError) return 'refused'
      throw error
    }
  }

  async function compose(
    id: string,
    parts: Composition<PicturePart>,
  ): Promise<Composition<PlacedPart>> {
    const { member, rows } = await loadWilling(id)
    const { record } = member
    const kept: Kept[] = []
    try {
      const main = parts.main === null ? null : await placePart(parts.main, rows, kept)
      const gallery: PlacedPart[] = []
      for (const part of parts.gallery) gallery.push(await placePart(part, rows, kept))
      const arrangement = placedOf({ main, gallery })
      const made = new Set<string>(kept.map(({ picture }) => picture))
      await members.changePictures(id, (current, now) => {
        if (current !== record)
          throw new ProtocolError('conflict', '', 'a record that is still live')
        if (kept.length === 0 && isArranged(now, arrangement)) return null
        const { main: first, gallery: others } = arrangement
        const known = [...(first === null ? [] : [first]), ...others].filter(
          (one) => !made.has(one),
        )
        checkKnown({ gallery: known }, now)
        return {
          fields: fieldsOf(arrangement),
          filled: kept.map((one) => ({ record, ...one })),
        }
      })
      return { main, gallery }
    } finally {
      for (const { slots } of kept) await discardUnused(record, slots)
    }
  }

  return {
    compose,
    add: async (id, upload, place) => {
      const { member, rows } = await loadWilling(id)
      const digest = digestOf(upload)
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
