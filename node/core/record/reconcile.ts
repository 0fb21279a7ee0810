/** Brings the index of own members in line with the log: after a restore, or an order. */
import { decodeEntry } from '../../../protocol/entry.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import type { Clock } from '../ports.ts'
import type { MemberRow, RecordState, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'

const PAGE = 1000

/** Creates the task that removes members whose record the log says has ended. Call it in the lock. */
export function createReconciler(ports: {
  view: View
  store: Store
  clock: Clock
}): () => Promise<void> {
  const { view, store, clock } = ports

  async function* pages(): AsyncGenerator<MemberRow[]> {
    let rows = await store.read((tx) => tx.members.list(null, PAGE))
    for (let last = rows.at(-1); last !== undefined; last = rows.at(-1)) {
      yield rows
      const after = last.record
      rows = await store.read((tx) => tx.members.list(after, PAGE))
    }
  }

  /** When a record ended, by the entry that ended it. */
  async function endTimes(
    tx: WriteTransaction,
    states: readonly RecordState[],
  ): Promise<Map<RecordId, number>> {
    const orders = view.registry().orders.filter(({ site }) => site === view.self)
    const indexes = states.flatMap(({ endIndex }) => endIndex ?? [])
    const entries = await tx.logs.entriesAt(view.self, indexes)
    return new Map(
      states.flatMap(({ record, firstIndex, endIndex }): [RecordId, number][] => {
        const bytes = endIndex === null ? undefined : entries.get(endIndex)
        const end =
          bytes === undefined
            ? orders.find(
                (one) => one.record === record || (one.record === null && firstIndex < one.size),
              )
            : decodeEntry(bytes)
        return end === undefined ? [] : [[record, end.time]]
      }),
    )
  }

  /** Their consents end too: else the old ones, sent again, would publish them anew. */
  async function removeEnded(
    tx: WriteTransaction,
    ended: readonly MemberRow[],
    states: readonly RecordState[],
  ): Promise<void> {
    const times = await endTimes(
      tx,
      states.filter(({ live }) => !live),
    )
    const memberKeys = ended.map(({ memberKey }) => memberKey)
    await tx.members.remove(ended.map(({ record }) => record))
    await tx.bridge.removeMembers(memberKeys)
    const lasts = await tx.members.lastConsents(memberKeys)
    await tx.members.addConsents(
      lasts
        .filter(({ kind }) => kind !== 'withdrawn')
        .map((last) => ({
          ...last,
          kind: 'withdrawn' as const,
          time: Math.max(last.time, times.get(last.record) ?? clock.now()),
        })),
    )
  }

  return async () => {
    for await (const rows of pages()) {
      const states = await store.read((tx) =>
        tx.records.getMany(
          view.self,
          rows.map(({ record }) => record),
        ),
      )
      const live = new Set(states.filter((state) => state.live).map(({ record }) => record))
      const ended = rows.filter(({ record }) => !live.has(record))
      if (ended.length === 0) continue
      await store.write((tx) => removeEnded(tx, ended, states))
    }
  }
}
