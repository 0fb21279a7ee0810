/** What is held of a member, as it is sealed. */
import { decodeCbor, encodeCbor } from '../../../../protocol/cbor.ts'
import type { Scope } from '../../../../protocol/consent.ts'
import { parsePictureId, type PictureId } from '../../../../protocol/ids.ts'
import type { ProfileInput } from '../../../../protocol/vocabulary.ts'
import type { MemberSource } from '../../record/own.ts'
import type { ModuleChange } from './profile-in.ts'

/** A picture at an address of the site. */
export interface HeldPhoto {
  /** As the module sends it; empty where only the picture is known. */
  url: string
  /** What became of it; null before. */
  picture: PictureId | null
  /** It could not be had: it is not asked for again until the module names another one. */
  isLost: boolean
}
/** What an update has changed, and no version says yet. */
export type WaitingChange = Pick<ModuleChange, 'fields' | 'cleared'>

export interface HoldContent {
  localId: number
  /** Of who waits for a consent; null of who is refused, and of who is published: the record has it. */
  profile: ProfileInput | null
  icon: HeldPhoto | null
  photos: readonly HeldPhoto[]
  change: WaitingChange | null
  /** How often pictures were asked for in vain since they last changed. */
  tries: number
}

export const encodeHold = (content: HoldContent): Uint8Array => encodeCbor(content)
/** Reads what was opened under its own key: nobody but this node has written it. */
export const decodeHold = (bytes: Uint8Array): HoldContent => decodeCbor(bytes) as HoldContent

/** Nothing but whose it is. */
export function emptyHold(localId: number): HoldContent {
  return { localId, profile: null, icon: null, photos: [], change: null, tries: 0 }
}

/** Photos for addresses: those that are known already stay what they are. */
export function photosFor(urls: readonly string[], known: readonly HeldPhoto[]): HeldPhoto[] {
  return urls.map(
    (url) => known.find((one) => one.url === url) ?? { url, picture: null, isLost: false },
  )
}

/** What is held of a published member: where its pictures come from, if they may be shared. */
export function trimmedHold(content: HoldContent, scopes: readonly Scope[]): HoldContent {
  const { localId, icon, photos, tries } = content
  return scopes.includes('pictures')
    ? { ...emptyHold(localId), icon, photos, tries }
    : emptyHold(localId)
}

function knownPhoto(picture: string): HeldPhoto {
  return { url: '', picture: parsePictureId(picture), isLost: false }
}

/** What is held, made anew from the record: the key of the old hold stayed behind with a backup. */
export function holdOf(source: Pick<MemberSource, 'id' | 'profile'>): HoldContent {
  const { picture, gallery = [] } = source.profile
  return {
    ...emptyHold(Number(source.id)),
    icon: picture === undefined ? null : knownPhoto(picture),
    photos: gallery.map(knownPhoto),
  }
}

/** A published profile as its site would hand it in; pictures are not part of it. */
export function inputOf({ profile, birthDate }: Pick<MemberSource, 'profile' | 'birthDate'>) {
  const { ageYears: _age, picture: _picture, gallery: _gallery, ...rest } = profile
  const { latitudeTenths, longitudeTenths, birthDate: _shared, ...fields } = rest
  return {
    ...fields,
    birthDate,
    ...(latitudeTenths !== undefined && { latitude: latitudeTenths / 10 }),
    ...(longitudeTenths !== undefined && { longitude: longitudeTenths / 10 }),
  } satisfies ProfileInput
}

/** A profile after a change. */
export function changed(profile: ProfileInput, change: WaitingChange | null): ProfileInput {
  if (change === null) return profile
  const gone = new Set<string>(change.cleared)
  const kept = Object.fromEntries(Object.entries(profile).filter(([name]) => !gone.has(name)))
  return { ...(kept as ProfileInput), ...change.fields }
}

/** Two changes, one after the other, as one. */
export function changedTwice(first: WaitingChange | null, then: WaitingChange): WaitingChange {
  if (first === null) return { fields: then.fields, cleared: then.cleared }
  const gone = new Set<string>(then.cleared)
  const fields = Object.fromEntries(
    Object.entries(first.fields).filter(([name]) => !gone.has(name)),
  ) as Partial<ProfileInput>
  const named = new Set(Object.keys(then.fields))
  const cleared = new Set([...first.cleared.filter((name) => !named.has(name)), ...then.cleared])
  return { fields: { ...fields, ...then.fields }, cleared: [...cleared] }
}
