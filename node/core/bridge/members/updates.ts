/** Updates of the old module, merged field by field onto what is known of a published member. */
import { FIELDS, type FieldName, type ProfileInput } from '../../../../protocol/vocabulary.ts'
import type { MemberSource } from '../../record/own.ts'
import {
  changed,
  changedTwice,
  inputOf,
  photosFor,
  type HoldContent,
  type WaitingChange,
} from './hold-content.ts'
import { isDoubtful, withLostPictures } from './photos.ts'
import { lossesAfter, readProfile, type ModuleChange } from './profile-in.ts'
import type { Change, Entry } from './register.ts'
import type { NetId, Refusal } from '../rows.ts'
import { isModuleArray, wholeOf, type ModuleArray, type ModuleValue } from '../value.ts'

export interface ModuleUpdate {
  netId: NetId
  localId: number | null
  change: ModuleChange
  /** It says nothing: such ones come with a withdrawal, but also when somebody signs in. */
  isBare: boolean
}

/** What each record has, whatever has changed. */
const ALWAYS = new Set<string | number>(['id', 'net_id', 'local_id', 'photos', 'profile_data'])

function isBare(message: ModuleArray): boolean {
  const data = message.get('profile_data')
  // Also with photos that were not known: those who change the gallery and leave are in one message.
  return (
    [...message.keys()].every((key) => ALWAYS.has(key)) && !(isModuleArray(data) && data.size > 0)
  )
}

/** One update; null where it names no record. */
export function readUpdate(message: ModuleValue): ModuleUpdate | null {
  if (!isModuleArray(message)) return null
  const netId = wholeOf(message.get('id'))
  if (netId === null || netId <= 0) return null
  const localId = wholeOf(message.get('local_id'))
  return {
    netId,
    localId: localId !== null && localId > 0 ? localId : null,
    change: readProfile(message),
    isBare: isBare(message),
  }
}

/** Without these nobody can be shown to the right people, or may be shown at all. */
const DECISIVE: readonly Refusal[] = ['birth-date', 'gender', 'seeks']

/** Why a member may not stay after a change; null where nothing speaks against it. */
export function endOf({ refusals }: ModuleChange): Refusal | null {
  return refusals.find((refusal) => DECISIVE.includes(refusal)) ?? null
}

const isShared = (name: string, { consent }: MemberSource): boolean =>
  name === 'birthDate' || consent.scopes.includes(FIELDS[name as FieldName].scope)

/** Of a change what makes a difference, and may be shared. */
function newsOf(change: ModuleChange, content: HoldContent, source: MemberSource): WaitingChange {
  const base: Partial<ProfileInput> = changed(inputOf(source), content.change)
  const valueOf = (name: string): unknown => base[name as keyof ProfileInput]
  const fields = Object.entries(change.fields).filter(
    ([name, value]) =>
      isShared(name, source) && JSON.stringify(value) !== JSON.stringify(valueOf(name)),
  )
  return {
    fields: Object.fromEntries(fields),
    cleared: change.cleared.filter((name) => valueOf(name) !== undefined),
  }
}

/** The row of a member after an update; its record follows when the member is looked after. */
export function updated(
  { row, source }: Entry,
  content: HoldContent,
  change: ModuleChange,
  now: number,
): Change {
  const isPictured = source?.consent.scopes.includes('pictures') === true
  const known = [...(content.icon === null ? [] : [content.icon]), ...content.photos]
  const photos =
    isPictured && change.photos !== undefined ? photosFor(change.photos, known) : content.photos
  const [icon = null] =
    isPictured && change.icon !== undefined
      ? photosFor(change.icon === null ? [] : [change.icon], known)
      : [content.icon]
  const isRepictured =
    JSON.stringify([icon, photos]) !== JSON.stringify([content.icon, content.photos])
  const news = source === null ? change : newsOf(change, content, source)
  const isNews = Object.keys(news.fields).length + news.cleared.length > 0
  const losses = withLostPictures(lossesAfter(row.losses, change), { icon, photos })
  const isChanged = isNews || isRepictured || row.hold === null
  // Of a new main picture the module says nothing: whether the one before is still there is asked.
  const pauseAt = row.picturesAt ?? (isPictured && isDoubtful(icon) ? now : null)
  return {
    before: row,
    row: { ...row, losses, picturesAt: isChanged ? now : pauseAt },
    ...(isChanged && {
      content: {
        ...content,
        icon,
        photos,
        change: isNews ? changedTwice(content.change, news) : content.change,
        tries: isRepictured ? 0 : content.tries,
      },
    }),
  }
}
