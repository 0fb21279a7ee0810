/** Updates as the old module sends them: durable at once, published when that can be done. */
import { toHex } from '../../../../protocol/bytes.ts'
import { isNotReady } from '../../log/writer.ts'
import { RESTORED } from '../../log/readiness.ts'
import type { Clock } from '../../ports.ts'
import type { OwnMembers } from '../../record/own.ts'
import type { Store } from '../../store.ts'
import type { Ending } from './ending.ts'
import { emptyHold, holdOf } from './hold-content.ts'
import type { Holds } from './holds.ts'
import { MOST_TIMES } from './intake.ts'
import type { Publishing } from './publishing.ts'
import type { Change, Entry, Register } from './register.ts'
import type { BridgedRow, Refusal } from '../rows.ts'
import { endOf, readUpdate, updated, type ModuleUpdate } from './updates.ts'
import type { ModuleValue } from '../value.ts'

/** Creates the part that takes updates. */
export function createMerging(ports: {
  store: Store
  clock: Clock
  register: Register
  members: Pick<OwnMembers, 'sources'>
  publishing: Pick<Publishing, 'apply'>
  ending: Ending
}): Holds['update'] {
  const { store, clock, register, members, publishing, ending } = ports

  /** After a restore: members whose number was given since the backup; the module still knows it. */
  async function adopt(updates: readonly ModuleUpdate[]): Promise<void> {
    const isRestored = await store.read(async (tx) => (await tx.desk.setting(RESTORED)) !== null)
    if (!isRestored || updates.length === 0) return
    const byName = new Map(
      updates.flatMap(({ localId, netId }) =>
        localId === null ? [] : [[register.nameOf(localId), { localId, netId }] as const],
      ),
    )
    const localIds = [...byName.values()].map(({ localId }) => localId)
    const known = new Set(
      (await register.ofLocalIds(localIds)).map(({ memberKey }) => toHex(memberKey)),
    )
    const changes: Change[] = []
    for (const source of await members.sources(localIds.map(register.keyOf))) {
      const { netId } = byName.get(toHex(source.memberKey)) ?? { netId: 0 }
      const isFree = !known.has(toHex(source.memberKey))
      if (!isFree || (await store.read((tx) => tx.bridge.isTaken(netId)))) continue
      const now = clock.now()
      changes.push({
        before: null,
        row: {
          memberKey: source.memberKey,
          netId,
          state: 'published',
          refusal: null,
          losses: [],
          receivedAt: now,
          changedAt: now,
          expiresAt: null,
          handed: MOST_TIMES,
          bareAt: null,
          picturesAt: null,
        },
        content: holdOf(source),
      })
    }
    await register.save(changes)
  }

  async function rowsByNetIds(updates: readonly ModuleUpdate[]): Promise<BridgedRow[]> {
    const netIds = [...new Set(updates.map(({ netId }) => netId))]
    const rows = await register.byNetIds(netIds)
    const known = new Set(rows.map(({ netId }) => netId))
    const unknown = updates.filter(({ netId }) => !known.has(netId))
    if (unknown.length === 0) return rows
    await adopt(unknown)
    return register.byNetIds(netIds)
  }

  /** One after the other, so that a second update of the same member comes on top of the first. */
  function merge(
    entry: Entry,
    updates: readonly ModuleUpdate[],
  ): { change: Change | null; end: Refusal | null } {
    const now = clock.now()
    let { row, content } = entry
    let isSealed = false
    for (const { change, localId, isBare } of updates) {
      const end = endOf(change)
      if (end !== null) return { change: null, end }
      content ??= localId === null ? null : emptyHold(localId)
      if (content === null) continue
      const next = updated({ ...entry, row }, content, change, now)
      row = { ...row, ...next.row, bareAt: isBare ? now : row.bareAt }
      isSealed ||= next.content !== undefined
      content = next.content ?? content
    }
    const change = { before: entry.row, row, ...(isSealed && content !== null && { content }) }
    return { change, end: null }
  }

  async function update(messages: readonly ModuleValue[]): Promise<void> {
    const updates = messages.map(readUpdate).filter((one) => one !== null)
    const rows = await rowsByNetIds(updates)
    const byNetId = Map.groupBy(updates, ({ netId }) => netId)
    const entries = await register.entries(rows)
    const changes: Change[] = []
    const bare: BridgedRow[] = []
    for (const entry of entries.values()) {
      const { row } = entry
      const own = (row.netId !== null && byNetId.get(row.netId)) || []
      const { change, end } = merge(entry, own)
      if (end !== null) await ending.ineligible(row, end)
      if (change === null) continue
      changes.push(change)
      if (own.some(({ isBare }) => isBare)) bare.push(row)
    }
    // Durable first: the module does not send it again.
    const saved = await register.save(changes)
    if (bare.length > 0) await ending.bare(bare)
    const waiting = await register.byKeys(
      saved.filter(({ picturesAt }) => picturesAt !== null).map(({ memberKey }) => memberKey),
    )
    try {
      await publishing.apply(waiting)
    } catch (error) {
      if (!isNotReady(error)) throw error
    }
  }

  return update
}
