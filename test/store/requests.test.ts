import { describe, expect, it } from 'vitest'
import type { NoticeRow } from '../../node/core/oversight/notice-rows.ts'
import type { AuthorityRow, RequestRow } from '../../node/core/request/rows.ts'
import type { CustomerRow } from '../../node/core/oversight/customer-rows.ts'
import { aStore } from './builders.ts'
import { aMember, bytesOf, HOME, OTHER, range, recordOf } from './rows.ts'

const aNotice = (n: number, changes: Partial<NoticeRow> = {}): NoticeRow => ({
  id: `n-${n}`,
  channel: 'smtp',
  digest: bytesOf(`mail ${n}`),
  receivedAt: 100 + n,
  site: HOME,
  state: 'requested',
  sealed: bytesOf('sealed'),
  confirmedAt: 1,
  deadline: 2,
  dueAt: 10 * n,
  attempts: 3,
  records: [recordOf(1), recordOf(2)],
  orders: [4, 5],
  closedAt: null,
  reason: null,
  ...changes,
})
const aRequest = (n: number, changes: Partial<RequestRow> = {}): RequestRow => ({
  id: `r-${n}`,
  subject: 'member',
  memberKey: bytesOf(`member ${n}`),
  customer: null,
  site: null,
  right: 'copy',
  channel: 'email',
  receivedAt: 100 + n,
  dueAt: 1000,
  extension: null,
  identity: 'not-asked',
  method: null,
  state: 'open',
  reason: null,
  kept: ['email', 'orders'],
  closedAt: null,
  sealed: bytesOf('sealed'),
  tellAt: null,
  attempts: 0,
  steps: [{ time: 1, actor: 'k1', what: 'open' }],
  ...changes,
})

const anOwner = (n: number, changes: Partial<CustomerRow> = {}): CustomerRow => ({
  id: `c-${n}`,
  site: HOME,
  emailKey: bytesOf(`email ${n}`),
  createdAt: 1,
  lastContactAt: 10 * n,
  hasOrders: n % 2 === 0,
  shrunkAt: null,
  objectedAt: null,
  restrictedAt: null,
  sealed: bytesOf('sealed'),
  ...changes,
})

describe('withdrawal notices', () => {
  it('are saved, listed from the newest, found by their digest, and due in their order', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      for (const n of range(5)) await tx.notices.save(aNotice(n))
      await tx.notices.save(aNotice(3, { state: 'done', sealed: null, dueAt: null, site: OTHER }))
    })
    await store.read(async (tx) => {
      expect(await tx.notices.get('n-1')).toEqual(aNotice(1))
      expect((await tx.notices.byDigest(bytesOf('mail 2')))?.id).toBe('n-2')
      expect(await tx.notices.byDigest(bytesOf('none'))).toBeNull()
      const ids = async (filter: object) =>
        (await tx.notices.list({ limit: 10, ...filter })).map(({ id }) => id)
      expect(await ids({})).toEqual(['n-4', 'n-3', 'n-2', 'n-1', 'n-0'])
      expect(await ids({ states: ['done'] })).toEqual(['n-3'])
      expect(await ids({ site: OTHER })).toEqual(['n-3'])
      expect(await ids({ before: { time: 102, id: 'n-2' }, limit: 1 })).toEqual(['n-1'])
      expect((await tx.notices.due(20, 10)).map(({ id }) => id)).toEqual(['n-0', 'n-1', 'n-2'])
      expect(await tx.notices.counts()).toEqual({ requested: 4, done: 1 })
    })
    await store.write((tx) => tx.notices.hurry(HOME, 5))
    expect(await store.read((tx) => tx.notices.due(5, 10))).toHaveLength(4)
    const twice = store.write((tx) => tx.notices.save({ ...aNotice(9), digest: bytesOf('mail 1') }))
    await expect(twice).rejects.toThrow(/UNIQUE/)
  })
})

describe('requests', () => {
  it('are saved, filtered, counted, and found when their content is not needed any more', async () => {
    const store = await aStore()
    const owner = { subject: 'owner', customer: 'c-1', memberKey: null } as const
    await store.write(async (tx) => {
      await tx.requests.save(aRequest(1))
      await tx.requests.save(aRequest(2, { ...owner, dueAt: 5, tellAt: 7 }))
      await tx.requests.save(aRequest(3, { state: 'refused', reason: 'unlawful', closedAt: 50 }))
    })
    await store.read(async (tx) => {
      expect(await tx.requests.get('r-1')).toEqual(aRequest(1))
      const ids = async (filter: object) =>
        (await tx.requests.list({ limit: 10, ...filter })).map(({ id }) => id)
      expect(await ids({})).toEqual(['r-3', 'r-2', 'r-1'])
      expect(await ids({ states: ['open'], subject: 'owner' })).toEqual(['r-2'])
      expect(await ids({ memberKey: bytesOf('member 1') })).toEqual(['r-1'])
      expect(await ids({ customer: 'c-1' })).toEqual(['r-2'])
      expect(await ids({ before: { time: 102, id: 'r-2' } })).toEqual(['r-1'])
      expect(await tx.requests.counts(6)).toEqual({ open: 2, overdue: 1 })
      expect((await tx.requests.due(7, 10)).map(({ id }) => id)).toEqual(['r-2'])
      expect(await tx.requests.closedBefore(50, 10)).toEqual([])
      expect((await tx.requests.closedBefore(51, 10)).map(({ id }) => id)).toEqual(['r-3'])
    })
  })

  it('restrict members, and remember what was answered', async () => {
    const store = await aStore()
    const keys = range(3).map((n) => bytesOf(`member ${n}`))
    await store.write(async (tx) => {
      await tx.requests.restrict(bytesOf('member 1'), 'r-1', 5)
      await tx.requests.restrict(bytesOf('member 1'), 'r-2', 6)
      await tx.requests.saveAnswered({ id: 'n-1', records: [recordOf(1)], time: 5 })
      await tx.requests.saveAnswered({ id: 'n-2', records: [], time: 9 })
    })
    expect(await store.read((tx) => tx.requests.restricted(keys))).toEqual([bytesOf('member 1')])
    await store.write(async (tx) => {
      await tx.requests.lift(bytesOf('member 1'))
      await tx.requests.pruneAnswered(9)
    })
    await store.read(async (tx) => {
      expect(await tx.requests.restricted(keys)).toEqual([])
      expect(await tx.requests.answered('n-1')).toBeNull()
      expect(await tx.requests.answered('n-2')).toEqual({ id: 'n-2', records: [], time: 9 })
    })
  })

  it('keep disclosures to authorities', async () => {
    const store = await aStore()
    const row: AuthorityRow = {
      id: 'd-1',
      subject: 'member',
      memberKey: bytesOf('member 1'),
      customer: null,
      authority: 'Court',
      basis: '§ 1',
      proposedAt: 1,
      proposedBy: 'k1',
      approvals: [{ actor: 'k1', time: 2 }],
      state: 'proposed',
      exportedAt: null,
      digest: null,
      sealed: bytesOf('sealed'),
    }
    await store.write((tx) => tx.requests.saveAuthority(row))
    const done = { ...row, state: 'exported', exportedAt: 3, digest: bytesOf('d') } as const
    await store.write((tx) => tx.requests.saveAuthority(done))
    await store.read(async (tx) => {
      expect(await tx.requests.authority('d-1')).toEqual(done)
      expect(await tx.requests.authority('d-2')).toBeNull()
      const { memberKey } = row
      if (memberKey === null) throw new Error('no key')
      expect(await tx.requests.authorities({ memberKey, limit: 5 })).toEqual([done])
      expect(await tx.requests.authorities({ customer: 'c-1', limit: 5 })).toEqual([])
    })
  })
})

describe('site owners and review notes', () => {
  it('are saved, found by address, listed, idle after a time, and removed', async () => {
    const store = await aStore()
    await store.write(async (tx) => {
      for (const n of range(4)) await tx.customers.save(anOwner(n))
      await tx.customers.save(anOwner(1, { shrunkAt: 3, site: OTHER }))
      await tx.reviews.add({ site: HOME, time: 1, actor: 'k1', sealed: bytesOf('note') })
    })
    await store.read(async (tx) => {
      expect(await tx.customers.get('c-2')).toEqual(anOwner(2))
      expect((await tx.customers.byEmail(bytesOf('email 3')))?.id).toBe('c-3')
      const list = await tx.customers.list({ after: 'c-0', site: HOME, limit: 2 })
      expect(list.map(({ id }) => id)).toEqual(['c-2', 'c-3'])
      expect((await tx.customers.idle(30, '', 9)).map(({ id }) => id)).toEqual(['c-0', 'c-2'])
      expect(await tx.reviews.of(HOME)).toEqual([
        { id: 1, site: HOME, time: 1, actor: 'k1', sealed: bytesOf('note') },
      ])
      expect(await tx.reviews.of(OTHER)).toEqual([])
    })
    await store.write((tx) => tx.customers.remove('c-2'))
    expect(await store.read((tx) => tx.customers.get('c-2'))).toBeNull()
  })
})

describe('members by e-mail', () => {
  it('are found by the keyed hash of the address, and not when they are gone', async () => {
    const store = await aStore()
    const shared = bytesOf('email')
    await store.write((tx) =>
      tx.members.save([
        { ...aMember(1), emailKey: shared },
        { ...aMember(2), emailKey: shared },
        { ...aMember(3), emailKey: null },
      ]),
    )
    const found = async () =>
      (await store.read((tx) => tx.members.byEmail(shared, 10))).map(({ record }) => record)
    expect(await found()).toEqual([recordOf(1), recordOf(2)])
    await store.write((tx) => tx.members.save([{ ...aMember(2), emailKey: bytesOf('new') }]))
    expect(await found()).toEqual([recordOf(1)])
    await store.write((tx) => tx.members.remove([recordOf(1)]))
    expect(await found()).toEqual([])
  })
})
