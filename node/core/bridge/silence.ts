/** A site that has left says nothing: when its module is silent for long, its members are withdrawn. */
import type { Clock, Events } from '../ports.ts'
import type { ModuleContact } from './contact.ts'
import type { Holds } from './holds.ts'

/**
 * Seconds for which the module must stay silent once the silence is found too long. It calls every
 * minute; what was off, or had a wrong clock, was perhaps this node.
 */
const DOUBT_SECONDS = 3600
const BATCH = 100

/**
 * Creates the watch over the module's silence.
 *
 * @param ports.silenceSeconds without a call, after which the site counts as gone
 */
export function createSilence(ports: {
  clock: Clock
  events: Events
  contact: Pick<ModuleContact, 'view'>
  holds: Pick<Holds, 'list' | 'withdraw'>
  silenceSeconds: number
}): { tick: () => Promise<void> } {
  const { clock, events, contact, holds, silenceSeconds } = ports
  /** Unix seconds at which the silence was found to be too long; null while it is not. */
  let foundAt: number | null = null

  async function withdrawAll(): Promise<void> {
    let after: string | null = null
    do {
      const { members, next } = await holds.list({
        limit: BATCH,
        ...(after !== null && { after }),
      })
      const gone = await holds.withdraw(
        members.map(({ localId }) => localId),
        '',
      )
      if (gone.length > 0) events.emit({ type: 'bridge.left', count: gone.length })
      after = next
    } while (after !== null)
  }

  return {
    tick: async () => {
      const { lastSeenAt } = contact.view()
      const now = clock.now()
      if (lastSeenAt === null || now - lastSeenAt < silenceSeconds) {
        foundAt = null
        return
      }
      foundAt ??= now
      if (now - foundAt >= DOUBT_SECONDS) await withdrawAll()
    },
  }
}
