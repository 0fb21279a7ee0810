/** Which pictures a profile names, and which of them a site may name. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { parsePictureId, type PictureId, type RecordId } from '../../../protocol/ids.ts'
import type { SharedProfile } from '../../../protocol/vocabulary.ts'
import type { MemberInput } from '../record/member.ts'
import type { NamedPictures, PictureRow } from '../store.ts'

type Naming = Pick<SharedProfile, 'picture' | 'gallery'>

/** Main picture and gallery in their order, each once; `main` is null where there is none. */
export interface Arrangement {
  main: PictureId | null
  gallery: readonly PictureId[]
}

/** The pictures that a version names, in their places. */
export function namedBy(
  { picture, gallery = [] }: Naming,
  record: RecordId,
  index: number,
): NamedPictures {
  const main = picture === undefined ? [] : [{ picture: parsePictureId(picture), place: 0 }]
  const others = gallery.flatMap((one, at) =>
    // The main picture may stand in the gallery as well; it is kept once.
    one === picture ? [] : [{ picture: parsePictureId(one), place: at + 1 }],
  )
  return { record, index, pictures: [...main, ...others] }
}

/** The arrangement of pictures by their places. */
export function arrangementOf(rows: readonly PictureRow[]): Arrangement {
  const [first] = rows
  const main = first?.place === 0 ? first.picture : null
  return { main, gallery: rows.flatMap(({ place, picture }) => (place > 0 ? [picture] : [])) }
}

/** An arrangement as fields of a profile. */
export function fieldsOf({ main, gallery }: Arrangement): Naming {
  return {
    ...(main !== null && { picture: main }),
    ...(gallery.length > 0 && { gallery: [...gallery] }),
  }
}

const names = ({ picture, gallery }: Naming): boolean =>
  picture !== undefined || gallery !== undefined

const notUploaded = (path: string): ProtocolError =>
  new ProtocolError('out_of_range', path, 'a picture uploaded for this member before')

/**
 * Refuses a picture that was not uploaded for this member: nobody could be given it.
 *
 * @throws ProtocolError `out_of_range` at the field
 */
export function checkKnown({ picture, gallery = [] }: Naming, rows: readonly PictureRow[]): void {
  const known = new Set<string>(rows.map((row) => row.picture))
  if (picture !== undefined && !known.has(picture)) throw notUploaded('/picture')
  for (const [at, one] of gallery.entries())
    if (!known.has(one)) throw notUploaded(`/gallery/${at}`)
}

/** What stays of a member's pictures when the site puts the profile without naming any: all. */
export function picturesIn({ profile, consent }: MemberInput, rows: readonly PictureRow[]): Naming {
  if (names(profile) || !consent.scopes.includes('pictures')) return {}
  return fieldsOf(arrangementOf(rows))
}
