/** The register of members that the old module has sent: rows with what is held under seal. */
import { toHex } from '../../../../protocol/bytes.ts'
import type { Random, Vault } from '../../ports.ts'
import type { Eraser } from '../../record/erase.ts'
import type { MemberSource, OwnMembers } from '../../record/own.ts'
import type { Site } from '../../site.ts'
import type { ReadTransaction, Store } from '../../store.ts'
import { decodeHold, encodeHold, holdOf, type HoldContent } from './hold-content.ts'
import { drawNetIds } from '../numbers.ts'
import type { BridgedRow, BridgedState, NetId } from '../rows.ts'

/** A row with what is behind it. */
export interface Entry {
  row: BridgedRow
  /** Null where the key of the hold stayed behind with a backup, and no record says what it was. */
  content: HoldContent | null
  /** The live record; null where there is none, or its body is not here. */
  source: MemberSource | null
}
/** A row as it is to be. */
export interface Change {
  /** As it was read; null for a new one. */
  before: BridgedRow | null
  /** One that is published and has no net id yet is given one. */
  row: Omit<BridgedRow, 'hold'>
  /** What is held from now on; absent where that stays. */
  content?: HoldContent
}

interface Made {
  change: Change
  row: BridgedRow
}

export interface Register {
  keyOf: (localId: number) => Uint8Array
  /** The same as text, for maps. */
  nameOf: (localId: number) => string
  open: (row: BridgedRow) => HoldContent | null
  /** Rows with what is behind them, by the name of their key. */
  entries: (rows: readonly BridgedRow[]) => Promise<Map<string, Entry>>
  byKeys: (memberKeys: readonly Uint8Array[]) => Promise<BridgedRow[]>
  byNetIds: (netIds: readonly NetId[]) => Promise<BridgedRow[]>
  ofLocalIds: (localIds: readonly number[]) => Promise<BridgedRow[]>
  /** The local ids of rows, by the name of their key; those that nobody knows any more are left out. */
  localIdsOf: (rows: readonly BridgedRow[]) => Promise<Map<string, number>>
  /** All rows, page by page, also while those of a page that was handed out are forgotten. */
  pages: (state?: BridgedState) => AsyncGenerator<BridgedRow[]>
  /**
   * Seals and writes rows in one transaction, and destroys the keys of holds that they replace. A row
   * that says published or suspended is not written where its member has withdrawn meanwhile.
   *
   * @returns what was written
   */
  save: (changes: readonly Change[]) => Promise<BridgedRow[]>
  /** Forgets rows that have no record, and destroys what is held. */
  forget: (rows: readonly BridgedRow[]) => Promise<void>
}

const PAGE = 1000

/** Whether a member is on the Network, seen or not. */
export function isLive({ state }: Pick<BridgedRow, 'state'>): boolean {
  return state === 'published' || state === 'suspended'
}

/** Of these those that may still be written. */
async function timely(
  tx: Pick<ReadTransaction, 'bridge' | 'members'>,
  made: readonly Made[],
): Promise<Made[]> {
  const memberKeys = made.map(({ row }) => row.memberKey)
  const here = new Map(
    (await tx.bridge.members(memberKeys)).map((row) => [toHex(row.memberKey), row]),
  )
  const living = new Set(
    (await tx.members.byKeys(memberKeys)).map(({ memberKey }) => toHex(memberKey)),
  )
  return made.filter(({ change: { before }, row }) => {
    const name = toHex(row.memberKey)
    if (isLive(row) && !living.has(name)) return false
    // A number dies with its record, also where the member was published anew since.
    const netId = before?.netId ?? null
    return netId === null || here.get(name)?.netId === netId
  })
}

/** Creates the register. */
export function createRegister(ports: {
  store: Store
  vault: Vault
  random: Random
  eraser: Pick<Eraser, 'flush'>
  members: Pick<OwnMembers, 'sources'>
  memberKeyOf: Site['memberKeyOf']
}): Register {
  const { store, vault, random, eraser, members, memberKeyOf } = ports
  const keyOf = (localId: number): Uint8Array => memberKeyOf(String(localId))

  function open({ hold }: BridgedRow): HoldContent | null {
    const bytes = hold === null ? null : vault.open(hold)
    return bytes === null ? null : decodeHold(bytes)
  }

  async function save(changes: readonly Change[]): Promise<BridgedRow[]> {
    if (changes.length === 0) return []
    const contents = changes.flatMap(({ content }) => (content === undefined ? [] : [content]))
    const sealed = (await vault.seal(contents.map(encodeHold))).values()
    const made = changes.map((change): Made => {
      const { before, row, content } = change
      const own = content === undefined ? before?.hold : sealed.next().value
      return { change, row: { ...row, hold: own ?? null } }
    })
    const written = await store.write(async (tx) => {
      const kept = await timely(tx, made)
      const nameless = kept.filter(({ row }) => row.state === 'published' && row.netId === null)
      const drawn = (await drawNetIds(tx.bridge, random, nameless.length)).values()
      for (const { row } of nameless) row.netId = drawn.next().value ?? null
      await tx.bridge.saveMembers(kept.map(({ row }) => row))
      return new Set(kept)
    })
    await discard(made.filter((one) => !written.has(one)))
    if (made.some(({ change: { before, content } }) => before?.hold && content !== undefined))
      await eraser.flush()
    return [...written].map(({ row }) => row)
  }

  /** Destroys keys that were made for rows which were not written. */
  async function discard(late: readonly Made[]): Promise<void> {
    const slots = late.flatMap(({ change, row }) =>
      row.hold === null || change.content === undefined ? [] : [row.hold.slot],
    )
    if (slots.length === 0) return
    await vault.destroy(slots)
    vault.release(slots)
  }

  async function entries(rows: readonly BridgedRow[]): Promise<Map<string, Entry>> {
    const sources = await members.sources(rows.map(({ memberKey }) => memberKey))
    const byKey = new Map(sources.map((source) => [toHex(source.memberKey), source]))
    return new Map(
      rows.map((row) => {
        const name = toHex(row.memberKey)
        const source = byKey.get(name) ?? null
        const content = open(row) ?? (source === null ? null : holdOf(source))
        return [name, { row, content, source }]
      }),
    )
  }

  async function localIdsOf(rows: readonly BridgedRow[]): Promise<Map<string, number>> {
    const known = new Map<string, number>()
    const closed: BridgedRow[] = []
    for (const row of rows) {
      const content = open(row)
      if (content === null) closed.push(row)
      else known.set(toHex(row.memberKey), content.localId)
    }
    if (closed.length > 0)
      for (const [name, { content }] of await entries(closed))
        if (content !== null) known.set(name, content.localId)
    return known
  }

  async function* pages(state?: BridgedState): AsyncGenerator<BridgedRow[]> {
    let after: Uint8Array = new Uint8Array()
    for (;;) {
      const page = { after, limit: PAGE, ...(state !== undefined && { state }) }
      const rows = await store.read((tx) => tx.bridge.list(page))
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows
      after = last.memberKey
    }
  }

  return {
    keyOf,
    nameOf: (localId) => toHex(keyOf(localId)),
    open,
    entries,
    ofLocalIds: (localIds) => store.read((tx) => tx.bridge.members(localIds.map(keyOf))),
    localIdsOf,
    pages,
    byKeys: (memberKeys) => store.read((tx) => tx.bridge.members(memberKeys)),
    byNetIds: (netIds) => store.read((tx) => tx.bridge.byNetIds(netIds)),
    save,
    forget: async (rows) => {
      if (rows.length === 0) return
      await store.write(
        (tx) => tx.bridge.removeMembers(rows.map(({ memberKey }) => memberKey)),
        'erase',
      )
      await eraser.flush()
    },
  }
}
