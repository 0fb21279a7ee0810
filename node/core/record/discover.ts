/** The records of other sites that may be shown here now. */
import { decodeBody } from '../../../protocol/body.ts'
import { dayOf } from '../../../protocol/dates.ts'
import { decideHome, decideRecord } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { ageOfFacts } from '../../../protocol/requirements.ts'
import { FIELD_NAMES, FIELDS, type SharedProfile } from '../../../protocol/vocabulary.ts'
import type { Clock, Vault } from '../ports.ts'
import type { BodyFilter, HeldBody, Store } from '../store.ts'
import type { View } from '../view.ts'
import { gatedOf } from './disclose.ts'

/** A record as a site may show it: no hidden field, no salt, no consent. */
export interface VisibleRecord {
  record: RecordId
  home: SiteId
  /** Whole years today, as far as this site may know. */
  age: number
  profile: Partial<SharedProfile>
}
export interface VisiblePage {
  records: VisibleRecord[]
  /** Pass it as `after` for the next page; null at the end. */
  next: RecordId | null
}
export type VisibleFilter = Omit<BodyFilter, 'homes' | 'today'> & { homes?: SiteId[] }

export interface Discovery {
  list: (filter: VisibleFilter) => Promise<VisiblePage>
  get: (home: SiteId, record: RecordId) => Promise<VisibleRecord | null>
}

const SHOWN = FIELD_NAMES.filter((name) => FIELDS[name].visibility !== 'hidden')

function shownFields(profile: SharedProfile): Partial<SharedProfile> {
  return Object.fromEntries(
    SHOWN.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
  )
}

/** Creates the list of visible records. Every answer passes the gate and the lease again. */
export function createDiscovery(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
}): Discovery {
  const { view, store, vault, clock } = ports

  function show(held: HeldBody): VisibleRecord | null {
    const gate = view.gate(held.home, view.self)
    if (decideHome(gate).kind === 'refused') return null
    if (decideRecord(gate, gatedOf(held), 'discovery').kind === 'refused') return null
    const bytes = vault.open(held.sealed)
    if (bytes === null) return null
    const { profile } = decodeBody(bytes)
    const age = ageOfFacts(held.facts, dayOf(clock.now()))
    return { record: held.record, home: held.home, age, profile: shownFields(profile) }
  }

  function openHomes(): SiteId[] {
    return [...view.registry().members.keys()].filter(
      (home) => home !== view.self && decideHome(view.gate(home, view.self)).kind === 'allowed',
    )
  }

  return {
    list: async (filter) => {
      const open = openHomes()
      const homes = filter.homes?.filter((home) => open.includes(home)) ?? open
      const records: VisibleRecord[] = []
      let after = filter.after
      // A page may thin out at the gate; then more is read, so that only the last page is short.
      while (homes.length > 0 && records.length < filter.limit) {
        const query = { ...filter, homes, today: dayOf(clock.now()) }
        const page = await store.read((tx) =>
          tx.bodies.list(after === undefined ? query : { ...query, after }),
        )
        for (const held of page) {
          after = held.record
          const shown = show(held)
          if (shown !== null) records.push(shown)
          if (records.length === filter.limit) return { records, next: after }
        }
        if (page.length < filter.limit) return { records, next: null }
      }
      return { records, next: null }
    },
    get: async (home, record) => {
      const held = await store.read((tx) => tx.bodies.ofRecord(home, record))
      return held === null || home === view.self ? null : show(held)
    },
  }
}
