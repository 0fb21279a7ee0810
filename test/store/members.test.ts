import { describe, expect, it } from 'vitest'
import type { ConsentEvent } from '../../node/core/store.ts'
import { aStore } from './builders.ts'
import { aMember, bytesOf, range, recordOf } from './rows.ts'

const event = (n: number, changes: Partial<ConsentEvent> = {}): ConsentEvent => ({
  record: recordOf(n),
  memberKey: aMember(n).memberKey,
  kind: 'given',
  time: 5,
  notice: { url: 'https://own.example/notice', version: '1', language: 'en', hash: 'ab' },
  scopes: ['discovery'],
  channel: 'web',
  expires: 99,
  ...changes,
})

describe('members', () => {
  it('saves, replaces, lists and removes members', async () => {
    const store = await aStore()
    const moved = { ...aMember(1), record: recordOf(9) }
    await store.write(async (tx) => {
      await tx.members.save(range(300).map(aMember))
      await tx.members.save([{ ...aMember(1), record: recordOf(999) }])
    })
    await store.read(async (tx) => {
      expect(await tx.members.count()).toBe(300)
      expect((await tx.members.byKeys([moved.memberKey]))[0]?.record).toBe(recordOf(999))
      expect(await tx.members.byKeys([bytesOf('nobody')])).toEqual([])
      expect(await tx.members.byRecord(recordOf(2))).toEqual(aMember(2))
      expect(await tx.members.byRecord(recordOf(1))).toBeNull()
      expect(await tx.members.list(recordOf(4), 2)).toEqual([aMember(5), aMember(6)])
      expect((await tx.members.list(null, 1))[0]).toEqual(aMember(0))
    })
    await store.write((tx) => tx.members.remove([recordOf(2), recordOf(3)]))
    expect(await store.read((tx) => tx.members.count())).toBe(298)
  })

  it('keeps the history of consents in order, also of members that are gone', async () => {
    const store = await aStore()
    const withdrawn = event(1, { kind: 'withdrawn', time: 4, scopes: [] })
    await store.write(async (tx) => {
      await tx.members.addConsents([event(1), event(2), event(3, { channel: 'app' })])
      await tx.members.addConsents([withdrawn])
    })
    await store.read(async (tx) => {
      expect(await tx.members.consents(aMember(1).memberKey)).toEqual([event(1), withdrawn])
      const keys = [1, 2, 7].map((n) => aMember(n).memberKey)
      const lasts = await tx.members.lastConsents(keys)
      expect(lasts).toHaveLength(2)
      expect(lasts).toEqual(expect.arrayContaining([withdrawn, event(2)]))
    })
  })
})
