import { describe, expect, it } from 'vitest'
import type { LedgerRow } from '../../node/core/store.ts'
import { aStore } from './builders.ts'
import { HOME, OTHER, OWN, recordOf } from './rows.ts'

const row = (changes: Partial<LedgerRow> = {}): LedgerRow => ({
  home: HOME,
  partner: OTHER,
  what: 'body',
  time: 7,
  versions: [1, 2].map((n) => ({ record: recordOf(n), index: n })),
  via: null,
  ...changes,
})

const at = (index: number): LedgerRow => row({ versions: [{ record: recordOf(1), index }] })

describe('ledger', () => {
  it('tells who has a record, naming its versions only', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row())
      await tx.ledger.add(row({ partner: OWN, via: OTHER, time: 6 }))
      await tx.ledger.add(row({ home: OWN }))
    })
    const versions = [{ record: recordOf(2), index: 2 }]
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, recordOf(2)))).toEqual([
      row({ partner: OWN, via: OTHER, time: 6, versions }),
      row({ versions }),
    ])
  })

  it('is not misled by bytes that straddle two versions', async () => {
    const store = await aStore()
    await store.write((tx) => tx.ledger.add(row()))
    // The last 12 bytes of record 1, its index and nothing else make up record 0x1_00000001.
    const straddling = recordOf(2 ** 32 + 1)
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, straddling))).toEqual([])
  })

  it('reports what this node served of others, until the home has taken it', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row({ home: OWN }))
      await tx.ledger.add(row({ via: OWN }))
      await tx.ledger.add(row())
      await tx.ledger.add(row({ time: 8 }))
    })
    const [first, second] = await store.read((tx) => tx.ledger.unreported(10))
    expect(first).toMatchObject(row())
    expect(second).toMatchObject(row({ time: 8 }))
    await store.write((tx) => tx.ledger.setReported([first?.id ?? 0]))
    expect(await store.read((tx) => tx.ledger.unreported(10))).toEqual([second])
  })

  it('sums the versions handed out, by home and partner', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      await tx.ledger.add(row())
      await tx.ledger.add(row({ time: 9 }))
      await tx.ledger.add(row({ home: OWN }))
    })
    const totals = await store.read((tx) => tx.ledger.totals())
    expect(totals).toHaveLength(2)
    expect(totals).toContainEqual({ home: HOME, partner: OTHER, versions: 4 })
    expect(totals).toContainEqual({ home: OWN, partner: OTHER, versions: 2 })
  })

  it('keeps an index of four bytes and refuses a larger one', async () => {
    const store = await aStore()
    await store.write((tx) => tx.ledger.add(at(2 ** 32 - 1)))
    expect(await store.read((tx) => tx.ledger.ofRecord(HOME, recordOf(1)))).toEqual([
      at(2 ** 32 - 1),
    ])
    await expect(store.write((tx) => tx.ledger.add(at(2 ** 32)))).rejects.toThrow('four bytes')
  })
})
