/** Ends records: the key dies at once, the entry follows, partners are told before anything else. */
import { toHex } from '../../../protocol/bytes.ts'
import type { Withdraw, WithdrawReason } from '../../../protocol/entry.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Lock } from '../lock.ts'
import type { Appended, LogWriter } from '../log/writer.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { MemberRow, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import type { Eraser } from './erase.ts'
import { memberKeyOf } from './member.ts'

export interface Withdrawn {
  record: RecordId
  /** Index of the withdraw entry; null while the log may not be written, then it follows. */
  index: number | null
}

export interface Withdrawer {
  /**
   * Withdraws members by the site's own ids; ids that have no live record are left out. When it
   * resolves nothing of them can be read on this node any more.
   */
  withdraw: (
    ids: readonly string[],
    reason: WithdrawReason,
    notice: string,
  ) => Promise<Map<string, Withdrawn>>
  /** Withdraws own records by their ids: expired, or by an order. */
  withdrawRecords: (
    records: readonly RecordId[],
    reason: WithdrawReason,
    notice: string,
  ) => Promise<Withdrawn[]>
  /** Writes the entries of withdrawals that had to wait for the log. */
  drainPending: () => Promise<void>
}

/** Creates the withdrawer of a site. */
export function createWithdrawer(ports: {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  writer: LogWriter
  eraser: Eraser
  lock: Lock
  /** Called at once, since a withdrawal may overtake members that wait to be published. */
  onAsked: (ids: readonly string[]) => void
  /** The records have ended here; their entries may still wait for the log. */
  onEnded: (records: readonly RecordId[]) => void
  onWithdrawn: (appended: Appended | null) => Promise<void>
}): Withdrawer {
  const { view, store, clock, crypto, keys, writer, eraser, lock, onEnded, onWithdrawn } = ports

  /** Takes records off this node's own books; their bodies are doomed in the same transaction. */
  async function forget(
    tx: WriteTransaction,
    records: readonly RecordId[],
    rows: readonly MemberRow[],
  ): Promise<void> {
    const time = clock.now()
    const memberKeys = rows.map(({ memberKey }) => memberKey)
    await tx.members.remove(records)
    // Also what the bridge knows of them, and the number by which the old module does.
    await tx.bridge.removeMembers(memberKeys)
    const lasts = await tx.members.lastConsents(memberKeys)
    await tx.members.addConsents(
      lasts.map((last) => ({
        ...last,
        kind: 'withdrawn' as const,
        time: Math.max(time, last.time),
      })),
    )
    const states = await tx.records.getMany(view.self, records)
    await tx.bodies.doom(
      view.self,
      states.map(({ index }) => index),
    )
  }

  /** @param rows the members behind the records, as far as this node knows them */
  async function withdrawAll(
    records: readonly RecordId[],
    rows: readonly MemberRow[],
    { reason, notice }: { reason: WithdrawReason; notice: string },
  ): Promise<Withdrawn[]> {
    if (records.length === 0) return []
    const time = clock.now()
    const entries = records.map((record): Withdraw => ({
      type: 'withdraw',
      record,
      reason,
      time,
      notice,
    }))
    const appended = await store.write(async (tx) => {
      await forget(tx, records, rows)
      if (writer.isWritable()) return writer.append(tx, entries)
      for (const record of records) await tx.records.addPending({ record, reason, time, notice })
      return null
    }, 'erase')
    onEnded(records)
    // The partners hear of it while this node erases: neither waits for the other.
    const telling = appended === null ? Promise.resolve() : writer.released(appended)
    await eraser.flush()
    await telling
    await onWithdrawn(appended)
    return records.map((record, offset) => ({
      record,
      index: appended === null ? null : appended.from + offset,
    }))
  }

  return {
    withdraw: (ids, reason, notice) => {
      ports.onAsked(ids)
      return lock(async () => {
        const byKey = new Map(ids.map((id) => [toHex(memberKeyOf(crypto, keys, id)), id] as const))
        const rows = await store.read((tx) =>
          tx.members.byKeys([...new Set(ids)].map((id) => memberKeyOf(crypto, keys, id))),
        )
        const records = rows.map(({ record }) => record)
        const done = await withdrawAll(records, rows, { reason, notice })
        return new Map(
          rows.flatMap((row, at): [string, Withdrawn][] => {
            const id = byKey.get(toHex(row.memberKey))
            const one = done[at]
            return id === undefined || one === undefined ? [] : [[id, one]]
          }),
        )
      })
    },
    withdrawRecords: (records, reason, notice) =>
      lock(async () => {
        // Of a record whose body nobody has any more, a restored node does not know the member.
        const { live, rows } = await store.read(async (tx) => {
          const states = await tx.records.getMany(view.self, records)
          const pending = new Set((await tx.records.pendingWithdrawals()).map((one) => one.record))
          const found = await Promise.all(records.map((record) => tx.members.byRecord(record)))
          return {
            live: states.filter((state) => state.live && !pending.has(state.record)),
            rows: found.filter((row) => row !== null),
          }
        })
        const ending = live.map(({ record }) => record)
        return withdrawAll(ending, rows, { reason, notice })
      }),
    drainPending: () =>
      lock(async () => {
        const appended = await store.write(async (tx) => {
          const pending = await tx.records.pendingWithdrawals()
          if (pending.length === 0) return null
          const done = await writer.append(
            tx,
            pending.map((one): Withdraw => ({ type: 'withdraw', ...one })),
          )
          for (const { record } of pending) await tx.records.removePending(record)
          return done
        })
        if (appended === null) return
        await writer.released(appended)
        await eraser.flush()
        await onWithdrawn(appended)
      }),
  }
}
