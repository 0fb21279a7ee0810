/** Blocks: a member of this site wants nothing to do with a record. Kept as ids, until either ends. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import { BLOCKS } from '../../../protocol/limits.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto } from '../ports.ts'
import { memberKeyOf } from '../record/member.ts'
import type { BlockRow, ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'

export interface Blocks {
  /** @throws ProtocolError `not_found` at `/id` or `/record`, `conflict` where there are too many */
  put: (id: string, blocked: RecordId) => Promise<void>
  /** Repeating it is harmless. */
  remove: (id: string, blocked: RecordId) => Promise<void>
  list: (id: string) => Promise<BlockRow[]>
  /** The records that a record of this site has blocked. */
  blocksOf: (tx: ReadTransaction, member: RecordId) => Promise<RecordId[]>
  /** Forgets the blocks by or of records that are no more. */
  prune: () => Promise<void>
}

/** The live record of a member of this site. */
export async function ownRecord(
  tx: ReadTransaction,
  { crypto, keys }: { crypto: Crypto; keys: PrivateKeys },
  id: string,
): Promise<RecordId> {
  const [row] = await tx.members.byKeys([memberKeyOf(crypto, keys, id)])
  if (row === undefined) throw new ProtocolError('not_found', '/id', 'a member with a live record')
  return row.record
}

/** Creates the keeper of blocks. */
export function createBlocks(ports: {
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  /** Who may be told of whom has changed. */
  onChange: (record: RecordId) => void
}): Blocks {
  const { view, store, clock, onChange } = ports
  return {
    put: async (id, blocked) => {
      const own = await store.write(async (tx) => {
        const record = await ownRecord(tx, ports, id)
        const homes = (await tx.blocks.homesOf(blocked)).filter((home) => home !== view.self)
        if (homes.length === 0)
          throw new ProtocolError('not_found', '/record', 'a live record of another site')
        if ((await tx.blocks.ofMany([record])).length + homes.length > BLOCKS)
          throw new ProtocolError('conflict', '', `at most ${BLOCKS} blocks`)
        for (const home of homes) await tx.blocks.add({ record, home, blocked, time: clock.now() })
        return record
      })
      onChange(own)
    },
    remove: async (id, blocked) => {
      const own = await store.write(async (tx) => {
        const record = await ownRecord(tx, ports, id)
        await tx.blocks.remove(record, blocked)
        return record
      })
      onChange(own)
    },
    list: (id) => store.read(async (tx) => tx.blocks.ofMany([await ownRecord(tx, ports, id)])),
    blocksOf: async (tx, member) =>
      (await tx.blocks.ofMany([member])).map(({ blocked }) => blocked),
    prune: () => store.write((tx) => tx.blocks.prune()),
  }
}
