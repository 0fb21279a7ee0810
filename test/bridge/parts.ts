/** Parts of a bridge that note what they are handed, and answer what a test has given them. */
import type { BridgeParts } from '../../node/core/bridge/bridge.ts'
import type { ModuleContact } from '../../node/core/bridge/contact/contact.ts'
import type { ModuleProfile } from '../../node/core/bridge/delivery/deliveries.ts'
import { isModuleArray, wholeOf, type ModuleValue } from '../../node/core/bridge/value.ts'

export interface Scripted {
  /** What was handed over, in the order of coming. */
  calls: { part: string; handed: unknown }[]
  numbers: Map<number, number>
  offers: ModuleProfile[]
  updates: ModuleProfile[]
  removals: number[]
  /** Net ids of own members, and of records that the module was given. */
  own: Set<number>
  given: Set<number>
  /** Waited for before anything is answered. */
  hold: Promise<void>
  /** Thrown in place of any answer. */
  fault: Error | null
}

/** What PHP would show of a value: lists as lists, and empty arrays as such. */
export function plain(value: ModuleValue): unknown {
  if (!isModuleArray(value)) return value
  const isList = [...value.keys()].every((key, index) => key === index)
  if (isList) return [...value.values()].map(plain)
  return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]))
}

export function scripted(): Scripted {
  return {
    calls: [],
    numbers: new Map(),
    offers: [],
    updates: [],
    removals: [],
    own: new Set(),
    given: new Set(),
    hold: Promise.resolve(),
    fault: null,
  }
}

function idOf(one: ModuleValue): number | null {
  return isModuleArray(one) ? wholeOf(one.get('id')) : null
}

function readable(list: readonly ModuleValue[]): number[] {
  return list.map(idOf).filter((id) => id !== null)
}

/** Parts around a real contact. */
export function scriptedParts(script: Scripted, contact: ModuleContact): BridgeParts {
  async function note<T>(part: string, handed: unknown, answer: T): Promise<T> {
    script.calls.push({ part, handed })
    await script.hold
    if (script.fault !== null) throw script.fault
    return answer
  }
  return {
    contact,
    holds: {
      put: (list) =>
        note('put', list.map(plain), new Map(readable(list).map((id) => [id, 'processed']))),
      numbers: () => note('numbers', null, script.numbers),
      update: (list) => note('update', list.map(plain), undefined),
      removed: (ids) =>
        note(
          'own removed',
          [...ids],
          ids.filter((id) => id !== 0 && !script.own.has(id)),
        ),
      consent: () => note('consent', null, []),
      withdraw: (ids) => note('withdraw', [...ids], [...ids]),
      keep: () => note('keep', null, []),
      get: () => note('get', null, null),
      profileOf: () => note('profileOf', null, null),
      list: () => note('list', null, { members: [], next: null }),
      memberOf: () => note('memberOf', null, null),
      netIdOf: () => note('netIdOf', null, null),
      tick: () => note('holds tick', null, undefined),
    },
    deliveries: {
      offers: () => note('offers', null, script.offers),
      added: (ids) => note('added', [...ids], undefined),
      removals: () => note('removals', null, script.removals),
      removed: (ids) =>
        note(
          'given removed',
          [...ids],
          ids.filter((id) => !script.given.has(id)),
        ),
      updates: () => note('updates', null, script.updates),
      recordOf: () => note('recordOf', null, null),
      netIdOf: () => note('netIdOf', null, null),
      picture: () => note('picture', null, null),
      tick: () => note('deliveries tick', null, undefined),
    },
    talk: {
      connect: () => ({ saved: () => undefined, say: () => undefined, close: () => undefined }),
      isConnected: () => false,
      dropped: () => ({
        away: 0,
        busy: 0,
        malformed: 0,
        'too-long': 0,
        undelivered: 0,
        'unknown-id': 0,
      }),
      tick: () => note('talk tick', null, undefined),
      stop: () => script.calls.push({ part: 'talk stop', handed: null }),
    },
    consents: {
      links: () => note('links', null, []),
      visit: () => note('visit', null, null),
      agree: () => note('agree', null, { kind: 'gone' }),
      decline: () => note('decline', null, false),
      keep: () => note('keep', null, false),
      setOwnerKey: () => note('setOwnerKey', null, undefined),
      ownerKey: () => note('ownerKey', null, null),
      importSigned: () => note('importSigned', null, []),
    },
  }
}
