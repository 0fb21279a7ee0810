/** How bridged members leave: withdrawn, or hidden until somebody says whether they have. */
import type { WithdrawReason } from '../../../../protocol/entry.ts'
import type { Clock } from '../../ports.ts'
import { isNotReady } from '../../log/writer.ts'
import type { OwnMembers } from '../../record/own.ts'
import type { Withdrawer } from '../../record/withdraw.ts'
import type { Store } from '../../store.ts'
import { emptyHold } from './hold-content.ts'
import { isLive, type Register } from './register.ts'
import type { BridgedRow, Refusal } from '../rows.ts'

/** Seconds around a withdrawal without a name in which an update without a change may be its own. */
export const ZERO_SECONDS = 90
/** Seconds after which a hidden member of whom nobody says anything is withdrawn. */
export const SUSPENSION_SECONDS = 30 * 86_400
const BATCH = 1000
/** Setting with the time of the newest withdrawal without a name. */
export const ZERO_SETTING = 'bridge-zero-at'

export interface Ending {
  /** Withdraws those that have a record, and forgets all. */
  end: (rows: readonly BridgedRow[], reason: WithdrawReason, notice: string) => Promise<void>
  /** Withdraws somebody who may not be on the Network any more; the reason is kept for the owner. */
  ineligible: (row: BridgedRow, refusal: Refusal) => Promise<void>
  /** A withdrawal came that names nobody: hides whoever it can mean. */
  zero: () => Promise<void>
  /** These have just sent an update without a change: hides those that an earlier zero can mean. */
  bare: (rows: readonly BridgedRow[]) => Promise<void>
  /** Shows again. Returns those that were hidden. */
  keep: (rows: readonly BridgedRow[]) => Promise<BridgedRow[]>
}

/** Creates the part that ends and hides. */
export function createEnding(
  ports: {
    store: Store
    clock: Clock
    register: Register
    members: Pick<OwnMembers, 'republish'>
    withdrawer: Pick<Withdrawer, 'withdrawRecords'>
  },
  { holdSeconds }: { holdSeconds: number },
): Ending {
  const { store, clock, register, members, withdrawer } = ports

  async function end(
    rows: readonly BridgedRow[],
    reason: WithdrawReason,
    notice: string,
  ): Promise<void> {
    if (rows.length === 0) return
    const living = rows.filter(isLive).map(({ memberKey }) => memberKey)
    const records = await store.read((tx) => tx.members.byKeys(living))
    if (records.length > 0)
      await withdrawer.withdrawRecords(
        records.map(({ record }) => record),
        reason,
        notice,
      )
    await register.forget(rows)
  }

  /** The version that partners hold gives way to another; where the log is closed, later. */
  async function write(rows: readonly BridgedRow[]): Promise<void> {
    if (rows.length === 0) return
    try {
      await members.republish(rows.map(({ memberKey }) => memberKey))
    } catch (error) {
      // Nothing is given out while the log may not be written; the rows are due to be looked after.
      if (!isNotReady(error)) throw error
    }
  }

  function suspended(row: BridgedRow): BridgedRow {
    const now = clock.now()
    return {
      ...row,
      state: 'suspended',
      changedAt: now,
      expiresAt: now + SUSPENSION_SECONDS,
      picturesAt: now,
    }
  }

  return {
    end,
    ineligible: async (row, refusal) => {
      const localId = register.open(row)?.localId
      await end([row], 'ineligible', '')
      if (localId === undefined) return
      const now = clock.now()
      await register.save([
        {
          before: null,
          row: {
            ...row,
            netId: null,
            state: 'refused',
            refusal,
            changedAt: now,
            expiresAt: now + holdSeconds,
            handed: 0,
            bareAt: null,
            picturesAt: null,
          },
          content: emptyHold(localId),
        },
      ])
    },
    zero: async () => {
      const now = clock.now()
      let count: number
      do {
        const hidden = await store.write(async (tx) => {
          await tx.desk.setSetting(ZERO_SETTING, String(now))
          const rows = (await tx.bridge.bareSince(now - ZERO_SECONDS, BATCH)).map(suspended)
          await tx.bridge.saveMembers(rows)
          return rows
        })
        count = hidden.length
        await write(hidden)
      } while (count === BATCH)
    },
    bare: async (rows) => {
      const now = clock.now()
      const hidden = await store.write(async (tx) => {
        const zeroAt = Number((await tx.desk.setting(ZERO_SETTING)) ?? Number.NEGATIVE_INFINITY)
        if (now - zeroAt > ZERO_SECONDS) return []
        const keys = rows.map(({ memberKey }) => memberKey)
        const meant = (await tx.bridge.members(keys))
          // Who was kept, or has consented, since then was asked already.
          .filter(({ state, changedAt }) => state === 'published' && changedAt <= zeroAt)
          .map(suspended)
        await tx.bridge.saveMembers(meant)
        return meant
      })
      await write(hidden)
    },
    keep: async (rows) => {
      const now = clock.now()
      const shown = rows.filter(({ state }) => state === 'suspended')
      const kept = await register.save(
        shown.map((row) => ({
          before: row,
          row: {
            ...row,
            state: 'published',
            changedAt: now,
            expiresAt: null,
            bareAt: null,
            picturesAt: now,
          },
        })),
      )
      await write(kept)
      return kept
    },
  }
}
