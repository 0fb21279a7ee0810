/** Profiles as the old module sends them for the first time, or anew, and the numbers they get. */
import { toHex } from '../../../../protocol/bytes.ts'
import { dayOf, isoDateOfDay } from '../../../../protocol/dates.ts'
import type { Eligibility } from '../../../../protocol/vocabulary.ts'
import type { Clock } from '../../ports.ts'
import type { Store } from '../../store.ts'
import type { View } from '../../view.ts'
import type { Ending } from './ending.ts'
import { emptyHold, photosFor } from './hold-content.ts'
import type { Holds, StatusWord } from './holds.ts'
import { mapProfile, type MappedProfile } from './profile-in.ts'
import { isLive, type Change, type Entry, type Register } from './register.ts'
import type { BridgedRow, NetId } from '../rows.ts'
import { isModuleArray, wholeOf, type ModuleArray, type ModuleValue } from '../value.ts'

/** Numbers in one answer, and how often each is told. */
const MOST_NUMBERS = 100
export const MOST_TIMES = 3
/** The notice of withdrawals that the module has sent. */
export const MODULE_NOTICE = 'module'

/** Whether a profile sent as new is of the person who is published under that id. */
function isSamePerson({ source }: Entry, mapped: MappedProfile): boolean {
  if (source === null || mapped.kind === 'refused') return false
  const { birthDate, nickname } = mapped.held.profile
  return source.birthDate === birthDate && source.profile.nickname === nickname
}

/** Creates the part that takes profiles in. */
export function createIntake(
  ports: {
    store: Store
    clock: Clock
    view: Pick<View, 'registry'>
    register: Register
    ending: Ending
  },
  { holdSeconds }: { holdSeconds: number },
): Pick<Holds, 'put' | 'numbers'> {
  const { store, clock, view, register, ending } = ports

  function eligibility(): Eligibility {
    const { minimumAge } = view.registry().terms
    return { today: isoDateOfDay(dayOf(clock.now())), minimumAge }
  }

  /** A hold as it is after the module has sent a profile of somebody who is not published. */
  function held(localId: number, before: BridgedRow | null, mapped: MappedProfile): Change {
    const now = clock.now()
    // Time runs from the first receipt, but not from one that could not lead to anything.
    const since = before?.state === 'held' && mapped.kind === 'mapped' ? before : null
    const isMapped = mapped.kind === 'mapped'
    return {
      before,
      row: {
        memberKey: register.keyOf(localId),
        netId: null,
        state: isMapped ? 'held' : 'refused',
        refusal: isMapped ? null : mapped.refusal,
        losses: [...mapped.losses],
        receivedAt: since?.receivedAt ?? now,
        changedAt: since?.changedAt ?? now,
        expiresAt: since?.expiresAt ?? now + holdSeconds,
        handed: 0,
        bareAt: null,
        picturesAt: null,
      },
      content: isMapped
        ? {
            ...emptyHold(localId),
            profile: mapped.held.profile,
            icon: photosFor(mapped.held.icon === null ? [] : [mapped.held.icon], [])[0] ?? null,
            photos: photosFor(mapped.held.photos, []),
          }
        : emptyHold(localId),
    }
  }

  async function put(profiles: readonly ModuleValue[]): Promise<Map<number, StatusWord>> {
    const messages = new Map<number, ModuleArray>()
    for (const profile of profiles) {
      const localId = isModuleArray(profile) ? wholeOf(profile.get('id')) : null
      // Sent twice, the later one counts.
      if (isModuleArray(profile) && localId !== null && localId > 0) messages.set(localId, profile)
    }
    const entries = await register.entries(await register.ofLocalIds([...messages.keys()]))
    const limits = eligibility()
    const changes: Change[] = []
    const others: BridgedRow[] = []
    for (const [localId, message] of messages) {
      const entry = entries.get(register.nameOf(localId))
      const mapped = mapProfile(message, limits)
      if (entry === undefined || !isLive(entry.row))
        changes.push(held(localId, entry?.row ?? null, mapped))
      else if (isSamePerson(entry, mapped)) {
        // It has lost its number, or not got it yet.
        changes.push({ before: entry.row, row: { ...entry.row, handed: 0 } })
      } else {
        // The id stands for somebody else now: the consent of one is not the other's.
        others.push(entry.row)
        changes.push(held(localId, null, mapped))
      }
    }
    await ending.end(others, 'erased', MODULE_NOTICE)
    await register.save(changes)
    return new Map([...messages.keys()].map((localId) => [localId, 'processed']))
  }

  async function numbers(): Promise<Map<number, NetId>> {
    const rows = await store.read((tx) => tx.bridge.untold(MOST_TIMES, MOST_NUMBERS))
    const localIds = await register.localIdsOf(rows)
    const told = await register.save(
      rows.map((row) => ({ before: row, row: { ...row, handed: row.handed + 1 } })),
    )
    return new Map(
      told.flatMap(({ memberKey, netId }): [number, NetId][] => {
        const localId = localIds.get(toHex(memberKey))
        return localId === undefined || netId === null ? [] : [[localId, netId]]
      }),
    )
  }

  return { put, numbers }
}
