/** Pictures of bridged members: pulled from the site's own addresses, and put in their places. */
import { ProtocolError } from '../../../../protocol/errors.ts'
import type { PictureId } from '../../../../protocol/ids.ts'
import type { Clock, Photos } from '../../ports.ts'
import type { Composition, OwnPictures, PicturePart, PlacedPart } from '../../picture/own.ts'
import type { MemberSource } from '../../record/own.ts'
import type { HeldPhoto, HoldContent } from './hold-content.ts'
import { isLive, type Entry, type Register } from './register.ts'
import type { BridgedRow, Loss } from '../rows.ts'

/** Seconds before each further try; after the last one a picture is given up. */
export const PHOTO_PAUSES = [300, 1800, 7200, 28_800, 86_400] as const

export interface PhotoPuller {
  /** Whether pictures are to be fetched, are not where they belong, or may have gone. */
  isDue: (entry: Entry) => boolean
  /**
   * Fetches and places what is missing.
   *
   * @returns what became of it, by address; null where the record has ended or lost the scope
   */
  pull: (entry: Entry) => Promise<Pulled | null>
  /** Notes what was pulled, in the row as it is now. Call it where nothing else changes the row. */
  note: (row: BridgedRow, pulled: Pulled) => Promise<void>
}
/** Addresses with what came of them: a picture, `lost` for ever, or `failed` for now. */
export type Pulled = ReadonlyMap<string, PictureId | 'lost' | 'failed'>

/**
 * Whether it has to be asked for again: of a main picture that was replaced or deleted the module says
 * nothing but that its member was saved.
 */
export const isDoubtful = (icon: HeldPhoto | null): icon is HeldPhoto & { picture: PictureId } =>
  icon !== null && icon.picture !== null && icon.url !== ''

const isMissing = ({ picture, isLost }: HeldPhoto): boolean => picture === null && !isLost

/** Of two photos of one address nothing is told apart; those without one are known by their picture. */
const nameOf = ({ url, picture }: HeldPhoto): string => (url === '' ? (picture ?? '') : url)

function picturesOf({ icon, photos }: HoldContent): Set<PictureId> {
  const all = [...(icon === null ? [] : [icon]), ...photos]
  return new Set(all.flatMap(({ picture }) => picture ?? []))
}

/** Losses with those of pictures that were given up. */
export function withLostPictures(
  losses: readonly Loss[],
  { icon, photos }: Pick<HoldContent, 'icon' | 'photos'>,
): Loss[] {
  const lost = [
    ...(icon?.isLost === true ? ['icon'] : []),
    ...(photos.some(({ isLost }) => isLost) ? ['photos'] : []),
  ]
  const others = losses.filter(({ field, reason }) => reason !== 'picture' || !lost.includes(field))
  return [...others, ...lost.map((field): Loss => ({ field, reason: 'picture' }))]
}

function sharedBy({ profile: { picture, gallery = [] } }: MemberSource): string[] {
  return [...(picture === undefined ? [] : [picture]), ...gallery]
}

/** A photo with what became of it. */
function after(photo: HeldPhoto, pulled: Pulled, isLast: boolean): HeldPhoto {
  const got = pulled.get(nameOf(photo))
  // Another one of that address, or none of this run.
  if (got === undefined || (photo.picture !== null && got !== 'lost')) return photo
  if (got === 'failed') return { ...photo, isLost: isLast }
  return got === 'lost'
    ? { ...photo, picture: null, isLost: true }
    : { ...photo, picture: got, isLost: false }
}

/** Creates the puller. */
export function createPhotoPuller(ports: {
  clock: Clock
  register: Register
  photos: Photos
  ownPictures: Pick<OwnPictures, 'compose'>
}): PhotoPuller {
  const { clock, register, photos, ownPictures } = ports

  function partOf({ url, picture }: HeldPhoto, pulled: Map<string, PictureId | 'lost' | 'failed'>) {
    return (
      picture ??
      (async (): Promise<Uint8Array | null> => {
        const answer = await photos.fetch(url)
        if (answer.kind === 'fetched') return answer.bytes
        pulled.set(url, answer.kind === 'refused' ? 'lost' : 'failed')
        return null
      })
    )
  }

  async function pull({ content, source }: Entry): Promise<Pulled | null> {
    if (content === null || source === null) return null
    const pulled = new Map<string, PictureId | 'lost' | 'failed'>()
    if (isDoubtful(content.icon) && (await photos.isGone(content.icon.url)))
      pulled.set(content.icon.url, 'lost')
    const isWanted = ({ url, isLost }: HeldPhoto): boolean => !isLost && pulled.get(url) !== 'lost'
    const wanted = content.photos.filter(isWanted)
    const icon = content.icon !== null && isWanted(content.icon) ? content.icon : null
    const parts: Composition<PicturePart> = {
      main: icon === null ? null : partOf(icon, pulled),
      gallery: wanted.map((photo) => partOf(photo, pulled)),
    }
    const place = (photo: HeldPhoto | null, placed: PlacedPart | undefined): void => {
      if (photo === null || placed === undefined || placed === null) return
      pulled.set(nameOf(photo), placed === 'refused' ? 'lost' : placed)
    }
    try {
      const placed = await ownPictures.compose(source.id, parts)
      place(icon, placed.main)
      for (const [at, photo] of wanted.entries()) place(photo, placed.gallery[at])
      return pulled
    } catch (error) {
      if (error instanceof ProtocolError && error.code !== 'not_ready') return null
      throw error
    }
  }

  return {
    isDue: ({ row, content, source }) =>
      row.state === 'published' &&
      content !== null &&
      source?.consent.scopes.includes('pictures') === true &&
      (isDoubtful(content.icon) ||
        [content.icon, ...content.photos].some((photo) => photo !== null && isMissing(photo)) ||
        [...picturesOf(content)].join() !== sharedBy(source).join()),
    pull,
    note: async (row, pulled) => {
      const content = register.open(row)
      if (content === null || !isLive(row)) return
      const isLast = content.tries >= PHOTO_PAUSES.length
      const icon = content.icon === null ? null : after(content.icon, pulled, isLast)
      const gallery = content.photos.map((photo) => after(photo, pulled, isLast))
      const all = [...(icon === null ? [] : [icon]), ...gallery]
      const isFailing = all.some(isMissing)
      const isNews = all.some((photo) => isMissing(photo) && !pulled.has(nameOf(photo)))
      const pause = isNews ? 0 : (PHOTO_PAUSES[content.tries] ?? 0)
      await register.save([
        {
          before: row,
          row: {
            ...row,
            losses: withLostPictures(row.losses, { icon, photos: gallery }),
            picturesAt: isFailing ? clock.now() + pause : null,
          },
          content: {
            ...content,
            icon,
            photos: gallery,
            tries: isFailing && !isNews ? content.tries + 1 : 0,
          },
        },
      ])
    },
  }
}
