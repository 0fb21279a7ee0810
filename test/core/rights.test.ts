/** People's requests at a site: their clocks, the identity step, what is done, and what it ends in. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Actor } from '../../node/core/people/actor.ts'
import { endOfMonths } from '../../node/core/request/period.ts'
import { CONTENT_SECONDS, type NewRequest } from '../../node/core/request/rights.ts'
import type { Right } from '../../protocol/request.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  heldBy,
  put,
  shownBy,
  type SiteMachine,
  type World,
} from './world.ts'

const OWNER: Actor = { kind: 'key', id: 'k1', role: 'admin' }
const OTHER: Actor = { kind: 'key', id: 'k2', role: 'admin' }
const DAY = 86_400
const WHOLE = { partial: null }

let world: World
let a: SiteMachine
let b: SiteMachine

beforeEach(async () => {
  world = await aWorld()
  a = await world.addSite(A)
  b = await world.addSite(B)
  await put(a, aMember('ann', { consent: { scopes: ['discovery', 'recommendations'] } }))
  await settled()
})

async function settled(): Promise<void> {
  for (let round = 0; round < 4; round += 1) await world.tick(31)
}
function asked(right: Right, changes: Partial<NewRequest> = {}) {
  return a.site.rights.open(OWNER, {
    subject: 'member',
    memberKey: a.site.memberKeyOf('ann'),
    right,
    channel: 'website',
    person: { name: 'Ann Example', email: 'ann@mail.example', member: 'ann', text: 'please' },
    ...changes,
  })
}
describe('the clock of a request', () => {
  it('is overdue after a month, unless it was extended before', async () => {
    const { id, dueAt } = await asked('deletion')
    const late = await asked('deletion')
    world.clock.set(dueAt)
    expect((await a.site.rights.get(id)).request.isOverdue).toBe(false)
    await a.site.rights.extend(OWNER, id, 'complex')
    await expect(a.site.rights.extend(OWNER, id, 'complex')).rejects.toMatchObject({
      code: 'conflict',
    })
    world.clock.set(dueAt + 1)
    expect((await a.site.rights.get(id)).request.isOverdue).toBe(false)
    expect((await a.site.rights.get(late.id)).request.isOverdue).toBe(true)
    expect(await a.site.rights.counts()).toEqual({ open: 2, overdue: 1 })
    await expect(a.site.rights.extend(OWNER, late.id, 'complex')).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  it('runs from when the letter came', async () => {
    const receivedAt = world.clock.now() - 10 * DAY
    const request = await asked('copy', { channel: 'post', receivedAt })
    expect(request.dueAt).toBe(endOfMonths(receivedAt, 1))
    const ahead = asked('copy', { receivedAt: world.clock.now() + 60 })
    await expect(ahead).rejects.toMatchObject({ path: '/receivedAt' })
  })
})

describe('the identity step', () => {
  it('keeps the result and the way, and is asked for before a copy', async () => {
    const { id } = await asked('copy', { channel: 'email' })
    const copy = () => a.site.rights.fulfil(OWNER, id, WHOLE)
    await expect(copy()).rejects.toMatchObject({ path: '/identity' })
    await a.site.rights.identify(OWNER, id, { result: 'asked' })
    await expect(copy()).rejects.toMatchObject({ path: '/identity' })
    await expect(a.site.rights.identify(OWNER, id, { result: 'proven' })).rejects.toMatchObject({
      path: '/method',
    })
    await a.site.rights.identify(OWNER, id, { result: 'proven', method: 'document-seen' })
    expect(await copy()).toMatchObject({
      state: 'fulfilled',
      identity: 'proven',
      method: 'document-seen',
    })
  })

  it('leads to a refusal with that reason where it fails, and only there', async () => {
    const { id } = await asked('deletion', { channel: 'email' })
    const refuse = () => a.site.rights.refuse(OWNER, id, 'identity-not-proven')
    await expect(refuse()).rejects.toMatchObject({ path: '/reason' })
    await a.site.rights.identify(OWNER, id, { result: 'not-proven' })
    await expect(a.site.rights.fulfil(OWNER, id, WHOLE)).rejects.toMatchObject({
      path: '/identity',
    })
    expect(await refuse()).toMatchObject({ state: 'refused', reason: 'identity-not-proven' })
    expect(await a.site.members.get('ann')).not.toBeNull()
  })
})

describe('a fulfilled request', () => {
  it('deletes everywhere, also where the site keeps its own account', async () => {
    const { id } = await asked('deletion')
    const partial = { reason: 'service-needs-identity', kept: ['email'] } as const
    const done = await a.site.rights.fulfil(OWNER, id, { partial: { ...partial, kept: ['email'] } })
    expect(done).toMatchObject({ state: 'partly-fulfilled', ...partial })
    await settled()
    expect([await heldBy(a, A), await heldBy(b, A)]).toEqual([0, 0])
    await expect(a.site.rights.fulfil(OWNER, id, WHOLE)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('hides from every partner while a restriction lasts, and shows again after', async () => {
    expect(await shownBy(b)).toHaveLength(1)
    const { id } = await asked('restriction')
    await a.site.rights.fulfil(OWNER, id, WHOLE)
    await settled()
    expect([await heldBy(b, A), await shownBy(b)]).toEqual([0, []])
    // What the site publishes meanwhile, and what comes by a birthday, stays at home too.
    await put(a, aMember('ann', { profile: { city: 'York' } }))
    await settled()
    await world.restart(b)
    await settled()
    expect(await heldBy(b, A)).toBe(0)
    expect((await a.site.members.export('ann')).isRestricted).toBe(true)
    expect(await a.site.members.get('ann')).toMatchObject({ profile: { city: 'York' } })
    await a.site.rights.withdraw(OWNER, id)
    await settled()
    expect(await shownBy(b)).toHaveLength(1)
    expect((await a.site.members.export('ann')).isRestricted).toBe(false)
  })

  it('ends recommendations by an objection, and nothing else', async () => {
    const { id } = await asked('objection')
    await world.tick(5)
    await a.site.rights.fulfil(OWNER, id, WHOLE)
    await settled()
    expect((await a.site.members.get('ann'))?.consent.scopes).toEqual(['discovery'])
    expect(await shownBy(b)).toHaveLength(1)
    // The consent of before, sent again, does not bring it back.
    const again = aMember('ann', { consent: { scopes: ['discovery', 'recommendations'] } })
    await expect(put(a, again)).rejects.toMatchObject({ code: 'no_consent' })
  })

  it('is a correction only where a version was published since, which supersedes everywhere', async () => {
    await world.tick(5)
    const { id } = await asked('correction')
    await expect(a.site.rights.fulfil(OWNER, id, WHOLE)).rejects.toMatchObject({ code: 'conflict' })
    await put(a, aMember('ann', { profile: { city: 'York' } }))
    expect(await a.site.rights.fulfil(OWNER, id, WHOLE)).toMatchObject({ state: 'fulfilled' })
    await settled()
    const { records } = await b.site.discovery.list({ limit: 10 })
    expect(records.map(({ profile }) => profile['city'])).toEqual(['York'])
  })

  it('leaves names and words sealed, and drops them when they are not needed any more', async () => {
    const { id } = await asked('deletion')
    const bytes = (): string => Buffer.from(world.snapshot(a)).toString('latin1')
    expect(bytes()).not.toContain('Ann Example')
    expect((await a.site.rights.get(id)).person?.name).toBe('Ann Example')
    await a.site.rights.fulfil(OWNER, id, WHOLE)
    await world.tick(CONTENT_SECONDS - DAY)
    await world.tick(3601)
    expect((await a.site.rights.get(id)).person).not.toBeNull()
    await world.tick(2 * DAY)
    await world.tick(3601)
    const { request, person } = await a.site.rights.get(id)
    expect([request.state, person]).toEqual(['fulfilled', null])
  })
})

describe('a request that came to the coordinator', () => {
  it('reaches the home, which tells its website, and leaves nothing at the coordinator', async () => {
    const { desk } = world.coordinator.coordinator
    const receivedAt = world.clock.now() - 3 * DAY
    const request = await desk.rights.open(OWNER, {
      subject: 'member',
      site: A,
      tell: true,
      right: 'copy',
      channel: 'email',
      receivedAt,
      person: { name: '', email: 'Ann@Mail.example', member: '', text: 'what do you have of me' },
    })
    await settled()
    const at = await desk.rights.get(request.id)
    expect([at.request.state, at.person]).toEqual(['forwarded', null])
    const { request: home, person } = await a.site.rights.get(request.id)
    expect(home).toMatchObject({ right: 'copy', state: 'open', dueAt: endOfMonths(receivedAt, 1) })
    expect(person).toMatchObject({ email: 'Ann@Mail.example', text: 'what do you have of me' })
    const feed = await a.site.feed.read(0, 1000)
    const told = feed.kind === 'events' ? feed.events.map(({ type }) => type) : []
    expect(told.filter((type) => type === 'request.received')).toHaveLength(1)
    const all = await a.site.members.export('ann')
    expect(all.requests.map(({ id }) => id)).toEqual([request.id])
  })

  it('stays with staff where the home knows nobody, and waits for one that is away', async () => {
    const { desk } = world.coordinator.coordinator
    const ask = (email: string) =>
      desk.rights.open(OWNER, {
        subject: 'member',
        site: A,
        tell: true,
        right: 'copy',
        channel: 'email',
        person: { name: '', email, member: '', text: '' },
      })
    const unknown = await ask('nobody@mail.example')
    await settled()
    expect((await desk.rights.get(unknown.id)).request).toMatchObject({ state: 'open' })
    world.cut(A)
    const waiting = await ask('ann@mail.example')
    await settled()
    expect((await desk.rights.get(waiting.id)).request.state).toBe('open')
    await world.heal(A)
    for (let round = 0; round < 8; round += 1) await world.tick(120)
    expect((await desk.rights.get(waiting.id)).request.state).toBe('forwarded')
  })
})

const propose = () =>
  a.site.authorities.propose(OWNER, {
    subject: 'member',
    memberKey: a.site.memberKeyOf('ann'),
    member: 'ann',
    authority: 'Court of Example',
    basis: 'Code of Example § 1, file 7/26',
  })

describe('a disclosure to an authority', () => {
  it('needs two different people, and leaves a row before the file', async () => {
    const { id } = await propose()
    const file = () => a.site.authorities.export(OWNER, id)
    await expect(file()).rejects.toMatchObject({ code: 'conflict' })
    await a.site.authorities.approve(OWNER, id)
    await expect(a.site.authorities.approve(OWNER, id)).rejects.toMatchObject({ code: 'conflict' })
    await expect(file()).rejects.toMatchObject({ code: 'conflict' })
    await a.site.authorities.approve(OTHER, id)
    const bytes = await file()
    expect(Buffer.from(bytes).toString()).toContain('Hazel Moss')
    const row = await a.site.authorities.get(id)
    expect(row).toMatchObject({ state: 'exported', proposedBy: 'k1' })
    expect(row.digest).toEqual(a.ports.crypto.sha256(bytes))
    await expect(file()).rejects.toMatchObject({ code: 'conflict' })
    const { authorities } = await a.site.members.export('ann')
    expect(authorities.map(({ authority }) => authority)).toEqual(['Court of Example'])
  })

  it('does not leave where it was declined, nor by the node itself', async () => {
    const { id } = await propose()
    const node: Actor = { kind: 'node', id: 'node', role: 'node' }
    await expect(a.site.authorities.approve(node, id)).rejects.toMatchObject({ code: 'conflict' })
    await a.site.authorities.decline(OTHER, id)
    await expect(a.site.authorities.approve(OTHER, id)).rejects.toMatchObject({ code: 'conflict' })
    expect((await a.site.members.export('ann')).authorities).toEqual([])
  })
})
