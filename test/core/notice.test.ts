/** Withdrawal notices: from a forwarded mail to the end of the record everywhere, whatever the home does. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { NoticeContent } from '../../node/core/oversight/notice-content.ts'
import { mailReader } from '../../node/inbound/mail.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import { signRequest, type PersonRequest } from '../../protocol/request.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import { DEFAULT_TERMS } from '../../protocol/registry.ts'
import type { Actor } from '../../node/core/people/actor.ts'
import { mailNamed } from '../fixtures/mails.ts'
import { recordNumber } from './puppet.ts'
import { A, aMember, aWorld, B, heldBy, put, type SiteMachine, type World } from './world.ts'

const STAFF: Actor = { kind: 'key', id: 'k1', role: 'staff' }
const DEADLINE = DEFAULT_TERMS.erasureDeadlineSeconds

let world: World
let a: SiteMachine
let b: SiteMachine

beforeEach(async () => {
  world = await aWorld()
  a = await world.addSite(A)
  b = await world.addSite(B)
})

const desk = () => world.coordinator.coordinator.desk

async function aPublished(id: string, email: string) {
  const record = await put(a, { ...(aMember(id) as object), email })
  await world.tick(30)
  await world.tick(30)
  return record
}
async function receive(name: string) {
  const mail = await mailReader.read(mailNamed(name))
  return desk().notices.receive(STAFF, mail, { channel: 'file' })
}
async function findings() {
  const page = { filter: {}, order: 'since', isDescending: false, offset: 0, limit: 10 } as const
  return (await world.coordinator.coordinator.findings.list(page)).findings
}
const stateOf = async (id: string): Promise<string> => (await desk().notices.get(id)).notice.state
async function settled(): Promise<void> {
  for (let round = 0; round < 4; round += 1) await world.tick(31)
}
async function lastEntry(machine: SiteMachine) {
  const { store } = machine.ports
  const size = (await store.read((tx) => tx.logs.get(A)))?.size ?? 0
  const [bytes] = await store.read((tx) => tx.logs.entries(A, size - 1, size))
  return bytes === undefined ? null : decodeEntry(bytes)
}

describe('a withdrawal notice', () => {
  it('ends the record at the home and at partners, and leaves nothing of the person', async () => {
    const record = await aPublished('m1', 'Lotte@Mail.example')
    expect(await heldBy(b, A)).toBe(1)
    const notice = await receive('gmail-english')
    expect(notice).toMatchObject({ site: A, state: 'parsed', isLate: false })
    const { content } = await desk().notices.get(notice.id)
    expect(content).toMatchObject({
      address: 'lotte@mail.example',
    } satisfies Partial<NoticeContent>)
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect(await heldBy(b, A)).toBe(0)
    expect(await a.site.members.get('m1')).toBeNull()
    expect(await lastEntry(b)).toMatchObject({
      type: 'withdraw',
      record,
      reason: 'consent-withdrawn',
      notice: notice.id,
    })
    const done = await desk().notices.get(notice.id)
    expect(done.content).toBeNull()
    expect(done.notice).toMatchObject({ state: 'done', records: [record], orders: [] })
    // Every receipt is there, so that the evidence file can be made.
    const page = await world.coordinator.coordinator.followUp.withdrawals(A, -1, 10)
    expect(page.withdrawals.at(-1)?.isComplete).toBe(true)
  })

  it('keeps addresses and words sealed, and nowhere else', async () => {
    await aPublished('m1', 'lotte@mail.example')
    const notice = await receive('gmail-english')
    const clear = (): string => Buffer.from(world.snapshot(a)).toString('latin1')
    const bytes = Buffer.from(world.coordinator.database.serialize()).toString('latin1')
    for (const word of ['lotte', 'mail.example', 'on other sites', 'please remove me'])
      expect(bytes).not.toContain(word)
    expect(clear()).not.toContain('lotte')
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect(clear()).not.toContain('lotte')
    const acts = await world.coordinator.coordinator.people.acts.list({ limit: 4 })
    expect(acts.map(({ act }) => act)).toEqual([
      'notice.done',
      'notice.answered',
      'notice.confirm',
      'notice.take',
    ])
    expect(JSON.stringify([acts, world.events])).not.toContain('lotte')
  })

  it('is taken once, however often the mail comes', async () => {
    const first = await receive('gmail-english')
    expect((await receive('gmail-english')).id).toBe(first.id)
    expect(await desk().notices.list({ limit: 10 })).toHaveLength(1)
  })

  it('waits for staff where address or site is not clear', async () => {
    const two = await receive('two-people')
    expect(two).toMatchObject({ state: 'received', site: A })
    await expect(desk().notices.confirm(STAFF, two.id, {})).rejects.toMatchObject({
      path: '/address',
    })
    const stranger = await desk().notices.enter(STAFF, 'I withdraw. jo@mail.example', {
      channel: 'post',
    })
    expect(stranger).toMatchObject({ state: 'received', site: null })
    await expect(desk().notices.confirm(STAFF, stranger.id, {})).rejects.toMatchObject({
      path: '/site',
    })
    const record = await aPublished('m1', 'jo@mail.example')
    await desk().notices.confirm(STAFF, stranger.id, { site: A })
    await settled()
    expect((await desk().notices.get(stranger.id)).notice).toMatchObject({
      state: 'done',
      records: [record],
    })
  })

  it('comes back to staff where the home knows no such address, who correct or close it', async () => {
    const record = await aPublished('m1', 'other@mail.example')
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect(await stateOf(notice.id)).toBe('unmatched')
    await desk().notices.confirm(STAFF, notice.id, { address: 'other@mail.example' })
    await settled()
    expect((await desk().notices.get(notice.id)).notice.records).toEqual([record])
    const second = await receive('outlook-german')
    await desk().notices.close(STAFF, second.id, 'cannot-be-matched')
    expect(await desk().notices.get(second.id)).toMatchObject({
      notice: { state: 'closed', reason: 'cannot-be-matched' },
      content: null,
    })
  })

  it('waits for a home that is away, and goes on the moment it is back', async () => {
    await aPublished('m1', 'lotte@mail.example')
    world.cut(A)
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect(await stateOf(notice.id)).toBe('requested')
    await world.heal(A)
    await settled()
    expect(await stateOf(notice.id)).toBe('done')
  })

  it('is overdue, with a finding, where the home does not answer; staff order what they know', async () => {
    const record = await aPublished('m1', 'lotte@mail.example')
    world.wrap(A, (handlers) => ({
      ...handlers,
      request: async () => {
        throw new Error('no')
      },
    }))
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await world.pass(DEADLINE - 3600)
    expect([await stateOf(notice.id), await findings()]).toEqual(['requested', []])
    await world.pass(2 * 3600)
    expect(await stateOf(notice.id)).toBe('overdue')
    expect((await findings())[0]).toMatchObject({ site: A, subject: `notice/${notice.id}` })
    await desk().notices.order(STAFF, notice.id, record)
    await settled()
    expect(await stateOf(notice.id)).toBe('ordered')
    expect(await heldBy(b, A)).toBe(0)
    expect(await heldBy(a, A)).toBe(0)
  })

  it('leads to an order by itself where the home names the record and does nothing', async () => {
    const record = await aPublished('m1', 'lotte@mail.example')
    world.wrap(A, (handlers) => ({
      ...handlers,
      request: async () => ({ kind: 'withdrawn', records: [record] }),
    }))
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect(await stateOf(notice.id)).toBe('answered')
    expect((await desk().notices.get(notice.id)).content).toBeNull()
    await world.pass(DEADLINE + 3600)
    await settled()
    const { notice: ordered } = await desk().notices.get(notice.id)
    expect(ordered.state).toBe('ordered')
    expect(ordered.orders).toHaveLength(1)
    expect(await heldBy(b, A)).toBe(0)
  })
})

describe('a home that names records which it has never published', () => {
  it('gets no orders for them, and a finding', async () => {
    await aPublished('m1', 'lotte@mail.example')
    const made = recordNumber(7)
    world.wrap(A, (handlers) => ({
      ...handlers,
      request: async () => ({ kind: 'withdrawn', records: [made] }),
    }))
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await world.pass(DEADLINE + 3600)
    expect((await desk().notices.get(notice.id)).notice).toMatchObject({
      state: 'overdue',
      orders: [],
    })
    expect(await findings()).toMatchObject([{ site: A, evidence: { records: [made] } }])
    expect(world.coordinator.coordinator.node.view.registry().orders).toEqual([])
  })
})

describe('the home', () => {
  it('answers a repeated request as before, and spares who has come back', async () => {
    const record = await aPublished('m1', 'lotte@mail.example')
    let lost = 1
    world.wrap(A, (handlers) => ({
      ...handlers,
      request: async (from, request) => {
        const answer = await handlers.request(from, request)
        if (lost-- > 0) throw new Error('lost')
        return answer
      },
    }))
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await world.tick(1)
    const again = aMember('m1', { consent: { givenAt: world.clock.now() + 1 } })
    await world.tick(2)
    const back = await put(a, { ...(again as object), email: 'lotte@mail.example' })
    await settled()
    expect((await desk().notices.get(notice.id)).notice).toMatchObject({
      state: 'done',
      records: [record],
    })
    expect((await a.site.members.get('m1'))?.record).toBe(back)
  })

  it('takes requests from the coordinator alone, under its key, and to itself', async () => {
    const { identity } = world.coordinator
    const record = await aPublished('m1', 'lotte@mail.example')
    const request = (changes: Partial<PersonRequest> = {}, seed = identity.logSeed) =>
      signRequest(
        {
          kind: 'withdraw',
          network: identity.network,
          home: A,
          id: 'n-1',
          email: 'lotte@mail.example',
          time: 1,
          ...changes,
        } as PersonRequest,
        { seed, signer: systemCrypto.sign },
      )
    const { handlers } = a.site.node
    await expect(handlers.request(B, request())).rejects.toMatchObject({ code: 'not_admitted' })
    const forged = request({}, b.identity.logSeed)
    await expect(handlers.request(identity.network, forged)).rejects.toMatchObject({
      code: 'bad_signature',
    })
    for (const changes of [{ home: B }, { network: B }])
      await expect(handlers.request(identity.network, request(changes))).rejects.toMatchObject({
        path: '/home',
      })
    expect((await a.site.members.get('m1'))?.record).toBe(record)
    expect(await handlers.request(identity.network, request())).toEqual({
      kind: 'withdrawn',
      records: [record],
    })
  })

  it('ends every record of an address, also after a restart', async () => {
    await aPublished('m1', 'lotte@mail.example')
    await aPublished('m2', 'LOTTE@mail.example')
    const kept = await aPublished('m3', 'lotte@other.example')
    await world.restart(a)
    await settled()
    const notice = await receive('gmail-english')
    await desk().notices.confirm(STAFF, notice.id, {})
    await settled()
    expect((await desk().notices.get(notice.id)).notice.records).toHaveLength(2)
    const { members } = await a.site.members.list(null, 10)
    expect(members.map(({ record }) => record)).toEqual([kept])
  })
})
