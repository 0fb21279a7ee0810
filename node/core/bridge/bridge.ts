/** The bridge to the old Dating Pro module: its parts, wired. */
import type { Tasks } from '../tasks.ts'
import type { Clock, Events } from '../ports.ts'
import type { Store } from '../store.ts'
import type { ConsentDesk } from './consent/consents.ts'
import type { ModuleContact } from './contact/contact.ts'
import type { Deliveries } from './delivery/deliveries.ts'
import type { Holds } from './members/holds.ts'
import type { ModuleTalk } from './module-talk.ts'
import { createRemovals, type Removals } from './contact/removals.ts'

/** What the bridge is made of; each part knows its own store and the core behind it. */
export interface BridgeParts {
  contact: ModuleContact
  holds: Holds
  deliveries: Deliveries
  talk: ModuleTalk
  consents: ConsentDesk
}
export interface Bridge extends BridgeParts {
  removals: Removals
  start: () => Promise<void>
  stop: () => void
}

/** Seconds between two looks of each part at what is due, where nothing else is said. */
const TICK_SECONDS = 5

/** Wires the parts of a bridge: what ticks, and what goes from one to the other. */
export async function createBridge(ports: {
  clock: Clock
  store: Store
  events: Events
  tasks: Tasks
  parts: BridgeParts
  tickSeconds?: number
}): Promise<Bridge> {
  const { clock, tasks, parts, tickSeconds = TICK_SECONDS } = ports
  const { contact, holds, deliveries, talk } = parts
  const removals = await createRemovals({ ...ports, holds, deliveries })
  // Each by itself: the failure of one keeps no other from its turn.
  const turns = [
    tasks.coalesced('bridge contact', contact.tick),
    tasks.coalesced('bridge removals', removals.tick),
    tasks.coalesced('bridge holds', holds.tick),
    tasks.coalesced('bridge deliveries', deliveries.tick),
    tasks.coalesced('bridge talk', talk.tick),
  ]
  const turn = async (): Promise<void> => {
    for (const one of turns) one()
  }
  let cancel: (() => void) | null = null

  return {
    ...parts,
    removals,
    start: async () => {
      cancel ??= clock.every(tickSeconds, turn)
      await turn()
    },
    stop: () => {
      cancel?.()
      cancel = null
      talk.stop()
    },
  }
}
