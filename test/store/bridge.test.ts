import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BridgedRow } from '../../node/core/bridge/rows.ts'
import { backup, restore } from '../../node/store/backup.ts'
import { folderAt } from '../../node/store/folder.ts'
import { toUtf8 } from '../../protocol/bytes.ts'
import { aFolder, aStore } from './builders.ts'
import { bytesOf, HOME, openFolder, OTHER, recordOf } from './rows.ts'

function aRow(n: number, parts: Partial<BridgedRow> = {}): BridgedRow {
  return {
    memberKey: bytesOf(`member ${n}`),
    netId: null,
    state: 'held',
    refusal: null,
    losses: [{ field: 'photos', reason: 'picture' }],
    hold: { slot: n, ciphertext: toUtf8(`sealed ${n}`) },
    receivedAt: 10,
    changedAt: 11,
    expiresAt: 100 + n,
    handed: 0,
    bareAt: null,
    picturesAt: null,
    ...parts,
  }
}
const published = (n: number, parts: Partial<BridgedRow> = {}): BridgedRow =>
  aRow(n, { state: 'published', netId: 1000 + n, expiresAt: null, ...parts })
const keyOf = (n: number): Uint8Array => bytesOf(`member ${n}`)
const numbered = (found: BridgedRow[]): number[] => found.map(({ hold }) => hold?.slot ?? 0)
const aDelivery = (netId: number, n: number) =>
  ({
    netId,
    home: n === 1 ? HOME : OTHER,
    record: recordOf(n),
    state: 'offered',
    index: 3,
    offeredAt: 5,
    tries: 1,
    gallery: new Uint8Array(32),
    dueAt: null,
  }) as const

describe('members of the bridge', () => {
  it('come back as they were kept, by key and by number', async () => {
    const store = await aStore()
    const rows = [aRow(1), published(2), aRow(3, { state: 'refused', refusal: 'gender' })]
    await store.write((tx) => tx.bridge.saveMembers(rows))
    await store.read(async (tx) => {
      expect(await tx.bridge.members([keyOf(3), keyOf(9)])).toEqual([rows[2]])
      expect(await tx.bridge.byNetIds([1002, 5])).toEqual([rows[1]])
      expect(await tx.bridge.counts()).toEqual({ held: 1, refused: 1, published: 1, suspended: 0 })
    })
  })

  it('are listed by their keys, page by page', async () => {
    const store = await aStore()
    const rows = [1, 2, 3, 4].map((n) => (n === 4 ? published(n) : aRow(n)))
    await store.write((tx) => tx.bridge.saveMembers(rows))
    const sorted = rows.toSorted((a, b) => Buffer.compare(a.memberKey, b.memberKey))
    await store.read(async (tx) => {
      const first = await tx.bridge.list({ limit: 3 })
      const after = first[2]?.memberKey ?? new Uint8Array()
      expect([...first, ...(await tx.bridge.list({ after, limit: 3 }))]).toEqual(sorted)
      expect(await tx.bridge.list({ state: 'published', limit: 3 })).toEqual([rows[3]])
    })
  })

  it('are found by what is due', async () => {
    const store = await aStore()
    const rows = [
      aRow(1, { expiresAt: 50 }),
      published(2, { handed: 2, bareAt: 70 }),
      published(3, { picturesAt: 60 }),
      aRow(4, { state: 'suspended', netId: 4, bareAt: 90, expiresAt: 51 }),
      published(5, { handed: 3 }),
    ]
    await store.write((tx) => tx.bridge.saveMembers(rows))
    await store.read(async (tx) => {
      expect(numbered(await tx.bridge.expired(50, 10))).toEqual([1])
      expect(numbered(await tx.bridge.expired(51, 10))).toEqual([1, 4])
      expect(numbered(await tx.bridge.picturesDue(59, 10))).toEqual([])
      expect(numbered(await tx.bridge.picturesDue(60, 10))).toEqual([3])
      expect(numbered(await tx.bridge.bareSince(70, 10))).toEqual([2])
      expect(numbered(await tx.bridge.untold(3, 10))).toEqual([3, 2])
    })
  })

  it('whose hold is replaced doom the one before, and no other', async () => {
    const store = await aStore()
    await store.write((tx) => tx.bridge.saveMembers([aRow(1), aRow(2)]))
    const again = aRow(1, { hold: { slot: 7, ciphertext: toUtf8('newer') } })
    await store.write((tx) => tx.bridge.saveMembers([again, aRow(2, { handed: 1 })]))
    await store.read(async (tx) => {
      expect(await tx.bridge.doomed(10)).toEqual([1])
      expect((await tx.bridge.slots()).toSorted((a, b) => a - b)).toEqual([1, 2, 7])
      expect(await tx.bridge.members([keyOf(1)])).toEqual([again])
    })
    await store.write((tx) => tx.bridge.removeDoomed([1]))
    expect(await store.read((tx) => tx.bridge.doomed(10))).toEqual([])
    expect((await store.read((tx) => tx.bridge.slots())).toSorted((a, b) => a - b)).toEqual([2, 7])
  })

  it('that are forgotten take their links along, and doom what was held', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.bridge.saveMembers([published(1), aRow(2)])
      await tx.bridge.saveLinks(
        [1, 2].map((n) => ({
          hash: bytesOf(`link ${n}`),
          memberKey: keyOf(n),
          sealedId: bytesOf(`id ${n}`),
          kind: 'own' as const,
          expiresAt: 50,
        })),
      )
      await tx.bridge.removeMembers([keyOf(1), keyOf(9)])
    })
    await store.read(async (tx) => {
      expect(await tx.bridge.members([keyOf(1), keyOf(2)])).toEqual([aRow(2)])
      expect(await tx.bridge.link(bytesOf('link 1'))).toBeNull()
      expect((await tx.bridge.link(bytesOf('link 2')))?.memberKey).toEqual(keyOf(2))
      expect(await tx.bridge.doomed(10)).toEqual([1])
    })
    await store.write((tx) => tx.bridge.tidyLinks(50))
    expect(await store.read((tx) => tx.bridge.link(bytesOf('link 2')))).toBeNull()
  })

  it('that are suspended count as restricted', async () => {
    const store = await aStore()
    await store.write((tx) =>
      tx.bridge.saveMembers([published(1), aRow(2, { state: 'suspended', netId: 2 })]),
    )
    const restricted = await store.read((tx) => tx.requests.restricted([keyOf(1), keyOf(2)]))
    expect(restricted).toEqual([keyOf(2)])
  })
})

describe('numbers', () => {
  it('are taken by members, by records of others, by removals', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.bridge.saveMembers([published(1)])
      await tx.bridge.saveDeliveries([aDelivery(7, 1), aDelivery(8, 2)])
      await tx.bridge.turnIntoRemovals([8], 20)
    })
    await store.read(async (tx) => {
      const taken: boolean[] = []
      for (const netId of [1001, 7, 8, 9]) taken.push(await tx.bridge.isTaken(netId))
      expect(taken).toEqual([true, true, true, false])
      expect(await tx.bridge.deliveriesOf(HOME, [recordOf(1)])).toEqual([aDelivery(7, 1)])
      expect(await tx.bridge.deliveries([8])).toEqual([])
      expect(await tx.bridge.removals(5)).toEqual([{ netId: 8, since: 20 }])
      expect(await tx.bridge.deliveryCounts()).toMatchObject({ offered: 1, removing: 1 })
      expect(await tx.bridge.queuedRemovals()).toBe(1)
    })
    // It has been added since: nothing waits any more, and it is not to be removed any later.
    await store.write((tx) => tx.bridge.addRemovals([8], 30))
    await store.read(async (tx) => {
      expect(await tx.bridge.queuedRemovals()).toBe(0)
      expect(await tx.bridge.removals(5)).toEqual([{ netId: 8, since: 20 }])
    })
    await store.write((tx) => tx.bridge.removeRemovals([8]))
    expect(await store.read((tx) => tx.bridge.isTaken(8))).toBe(false)
  })
})

describe('a backup', () => {
  it('has no hold, and no member without a record; of the others it has the number', async () => {
    const folder = aFolder()
    const storage = await openFolder(folder)
    const [one, two] = await storage.vault.seal([toUtf8('held'), toUtf8('whose')])
    if (one === undefined || two === undefined) throw new Error('nothing sealed')
    await storage.store.write((tx) =>
      tx.bridge.saveMembers([aRow(1, { hold: one }), published(2, { hold: two })]),
    )
    await storage.store.settle()
    const file = join(aFolder().path, 'backup')
    backup(folder.path, file)
    for (const { ciphertext } of [one, two])
      expect(readFileSync(file).includes(Buffer.from(ciphertext))).toBe(false)
    await storage.close()
    const target = folderAt(join(aFolder().path, 'restored'))
    await restore(file, target.path)
    await using restored = await openFolder(target, bytesOf('new master key'))
    await restored.store.read(async (tx) => {
      expect(await tx.bridge.list({ limit: 5 })).toEqual([published(2, { hold: null })])
      expect(await tx.bridge.slots()).toEqual([])
      expect(await tx.bridge.doomed(5)).toEqual([])
    })
    // What is forgotten or held from then on meets no slot of the old file.
    const again = await restored.vault.seal([toUtf8('anew')])
    await restored.store.write((tx) =>
      tx.bridge.saveMembers([published(2, { hold: again[0] ?? null })]),
    )
    expect(await restored.store.read((tx) => tx.bridge.doomed(5))).toEqual([])
  })
})
