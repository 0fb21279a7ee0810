/** Keeps a node from writing its log before others have confirmed that it is not behind (§4.8). */
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { Head } from '../../../protocol/wire.ts'
import type { Clock, Events } from '../ports.ts'
import type { ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import type { Follower } from './follower.ts'
import { logStateOf, type LogWriter } from './writer.ts'

/** Setting that a restore leaves behind: the log may be behind what others saw. */
export const RESTORED = 'restored'

export interface Readiness {
  /** Decides again: at the start, when the registry changed, and as time passes. */
  decide: () => Promise<void>
  /** What `from` has of all logs, this node's among them: fetches what is missing of the own log. */
  heard: (from: SiteId, heads: readonly Head[]) => Promise<void>
}

/**
 * Creates the check. After a plain restart one node that cosigned the newest cosigned checkpoint,
 * or the coordinator, is enough: nothing is announced before it is durable. After a restore every
 * active member must have answered, since any of them may alone have seen the last entries; who
 * stays silent for longer than `eraseAfter` has nothing left of this site to contradict it with.
 */
export function createReadiness(ports: {
  view: View
  store: Store
  clock: Clock
  events: Events
  writer: LogWriter
  follower: Pick<Follower, 'pull'>
  onWritable: () => Promise<void>
}): Readiness {
  const { view, store, clock, events, writer, follower, onWritable } = ports
  const { self, network } = view
  let startedAt = clock.now()
  const answered = new Set<SiteId>()
  let isOpen = false

  async function lastCosigners(tx: ReadTransaction): Promise<SiteId[]> {
    const rows = (await tx.receipts.ofLog(self, 0)).filter(({ cosigner }) => cosigner !== self)
    const newest = rows.at(-1)?.size
    return rows.filter(({ size }) => size === newest).map(({ cosigner }) => cosigner)
  }

  async function isConfirmed(): Promise<boolean> {
    // A clock that has jumped back must not make the wait for the silent ones endless.
    startedAt = Math.min(startedAt, clock.now())
    if (self !== network && memberOf(view.registry(), self) === undefined) return false
    const { restored, cosigners } = await store.read(async (tx) => ({
      restored: (await tx.desk.setting(RESTORED)) === '1',
      cosigners: await lastCosigners(tx),
    }))
    if (restored) {
      const others = self === network ? view.activeOthers() : [network, ...view.activeOthers()]
      const { eraseAfterSeconds } = view.registry().terms
      return (
        clock.now() - startedAt > eraseAfterSeconds || others.every((site) => answered.has(site))
      )
    }
    return (
      answered.has(network) ||
      // Without a cosigner the whole log may have been lost: only the coordinator can tell.
      (self === network && cosigners.length === 0) ||
      cosigners.some((site) => answered.has(site))
    )
  }

  async function decide(): Promise<void> {
    if (isOpen || !(await isConfirmed())) return
    // Several answers may be looked at side by side: only one of them opens the log.
    if (isOpen) return
    isOpen = true
    writer.setWritable(true)
    const { size } = await store.write(async (tx) => {
      if ((await tx.desk.setting(RESTORED)) === '1') await tx.desk.setSetting(RESTORED, '0')
      return logStateOf(tx, self)
    })
    events.emit({ type: 'log.writable', size })
    await onWritable()
  }

  return {
    decide,
    heard: async (from, heads) => {
      const witnessed = heads.find(({ log }) => log === self)?.size ?? 0
      const { size } = await store.read((tx) => logStateOf(tx, self))
      if (witnessed > size) {
        isOpen = false
        writer.setWritable(false)
        events.emit({ type: 'log.rolled-back', size, witnessed })
        await follower.pull(self, from)
      }
      answered.add(from)
      await decide()
    },
  }
}
