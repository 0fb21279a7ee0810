import { describe, expect, it } from 'vitest'
import { aStore } from './builders.ts'
import { HOME, OTHER, OWN } from './rows.ts'

const receipt = (size: number, cosigner = OTHER) => ({
  log: HOME,
  cosigner,
  size,
  time: 3,
  receivedAt: 5,
  line: `line ${size}`,
})

describe('receipts', () => {
  it('keeps cosignatures by size, and the checkpoints they are on', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      for (const size of [9, 5, 7]) await tx.receipts.save(receipt(size))
      await tx.receipts.save(receipt(7, OWN))
      await tx.receipts.save({ ...receipt(9), time: 4 })
      await tx.receipts.saveCheckpoint(HOME, 9, 'note')
    })
    await store.read(async (tx) => {
      const sizes = (await tx.receipts.ofLog(HOME, 7)).map((row) => [row.size, row.time])
      expect(sizes).toEqual([
        [7, 3],
        [7, 3],
        [9, 4],
      ])
      expect(await tx.receipts.atSize(HOME, 7)).toHaveLength(2)
      const page = (above: number, limit: number) =>
        tx.receipts.byCosigner(HOME, OTHER, above, limit)
      expect(await page(0, 2)).toEqual([
        { size: 5, time: 3 },
        { size: 7, time: 3 },
      ])
      expect(await page(7, 2)).toEqual([{ size: 9, time: 4 }])
      expect(await tx.receipts.largest(HOME, OTHER)).toBe(9)
      expect(await tx.receipts.largest(HOME, OWN)).toBe(7)
      expect(await tx.receipts.largest(OTHER, OWN)).toBe(0)
      expect(await tx.receipts.checkpoint(HOME, 9)).toBe('note')
      expect(await tx.receipts.checkpoint(HOME, 7)).toBeNull()
    })
  })
})
