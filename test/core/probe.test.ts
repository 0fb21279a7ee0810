/** Probes: who still has what was withdrawn, asked by the coordinator and through volunteers. */
import { describe, expect, it } from 'vitest'
import { openStatement, type AuditReply } from '../../protocol/challenge.ts'
import { parseSiteId, type SiteId } from '../../protocol/ids.ts'
import type { BodyAnswer } from '../../protocol/wire.ts'
import { A, aMember, aWorld, B, C, NETWORK, put, type SiteMachine, type World } from './world.ts'

const AUDITOR = { kind: 'key', id: 'k1', role: 'auditor' } as const
const TERMS = {
  challengesPerRound: 0,
  probeSeconds: 600,
  probesPerRound: 3,
  auditAnswerSeconds: 1800,
  erasureDeadlineSeconds: 900,
}
const NONCE = new Uint8Array(16).fill(3)

/** A home with a record that has ended, a target that had it, and a volunteer. */
async function aWorldWith(isVolunteer: boolean) {
  const world = await aWorld(TERMS)
  const amor = await world.addSite(A)
  const beau = await world.addSite(B)
  const cher = await world.addSite(C, { isVolunteer })
  await put(amor, aMember('gone'))
  await put(amor, aMember('here'))
  await world.tick(30)
  await amor.site.withdrawer.withdraw(['gone'], 'consent-withdrawn', '')
  await world.tick(30)
  return { world, amor, beau, cher }
}
/** Makes a site answer for bodies as a test wants. */
function answering(world: World, site: SiteId, answer: (index: number) => BodyAnswer): void {
  world.wrap(site, (handlers) => ({
    ...handlers,
    async *bodies(_from, { indexes }) {
      yield { answers: indexes.map(answer) }
    },
  }))
}
async function rounds(world: World, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    await world.tick(TERMS.probeSeconds)
    for (let ticks = 0; ticks < 4; ticks += 1) await world.tick()
  }
}
const probesOf = (world: World, target: SiteId) =>
  world.coordinator.coordinator.probes.list({ target, limit: 200 })

describe('probes', () => {
  it('pass where what was withdrawn is gone, at partners and at the home', async () => {
    const { world } = await aWorldWith(true)
    await rounds(world, 8)
    for (const target of [A, B, C]) {
      const decided = (await probesOf(world, target)).filter(({ state }) => state !== 'waiting')
      expect(decided.length).toBeGreaterThan(0)
      for (const probe of decided)
        expect(probe).toMatchObject({ state: 'passed', answer: 'gone', home: A, index: 1 })
    }
    expect(await world.findings()).toEqual([])
  })

  it('go through volunteers as well, whose word is signed', async () => {
    const { world, cher } = await aWorldWith(true)
    await rounds(world, 12)
    const probes = (await probesOf(world, B)).filter(({ state }) => state === 'passed')
    expect(new Set(probes.map(({ via }) => via))).toEqual(new Set([null, C]))
    const told = probes.find(({ via }) => via === C)
    const statement = openStatement(told?.statement ?? '', cher.identity.logKey)
    expect(statement).toMatchObject({ volunteer: C, target: B, home: A, index: 1, answer: 'gone' })
  })

  it('are put by the coordinator alone where nobody volunteers', async () => {
    const { world } = await aWorldWith(false)
    await rounds(world, 8)
    const probes = (await probesOf(world, B)).filter(({ state }) => state === 'passed')
    expect(probes.length).toBeGreaterThan(0)
    expect(probes.every(({ via }) => via === null)).toBe(true)
  })

  it.each([true, false])(
    'find a site that serves a withdrawn record, volunteer there: %s',
    async (isVolunteer) => {
      const { world } = await aWorldWith(isVolunteer)
      answering(world, B, (index) => ({ kind: 'body', index, body: new Uint8Array([1, 2, 3]) }))
      await rounds(world, 8)
      expect((await world.findings()).length).toBeGreaterThan(0)
      for (const finding of await world.findings())
        expect(finding).toMatchObject({
          kind: 'failed-probe',
          site: B,
          subject: `${A}/1`,
          evidence: { answer: 'bytes', log: A, index: 1 },
        })
    },
  )

  it('know the very body that was published, and keep nothing of it', async () => {
    const { world, amor, cher } = await aWorldWith(true)
    await put(amor, aMember('later', { profile: { nickname: 'Zebedee Q' } }))
    await world.tick(30)
    const held = await amor.ports.store.read((tx) => tx.bodies.columns(A, -1, 9))
    const index = held.at(-1)?.index ?? -1
    let body = new Uint8Array(0)
    for await (const { answers } of amor.site.node.handlers.bodies(A, {
      home: A,
      indexes: [index],
      requirements: 0,
      registry: 0,
    }))
      for (const answer of answers) if (answer.kind === 'body') body = answer.body.slice()
    expect(Buffer.from(body).includes('Zebedee')).toBe(true)
    await amor.site.withdrawer.withdraw(['later'], 'consent-withdrawn', '')
    await world.tick(30)
    answering(world, B, (at) =>
      at === index ? { kind: 'body', index: at, body } : { kind: 'gone', index: at },
    )
    await rounds(world, 10)
    expect(await world.findings()).toContainEqual(
      expect.objectContaining({
        subject: `${A}/${index}`,
        evidence: expect.objectContaining({ answer: 'body' }) as unknown,
      }),
    )
    for (const { database } of [world.coordinator, cher])
      expect(Buffer.from(database.serialize()).includes('Zebedee')).toBe(false)
  })

  it('take withheld for no answer, until the deadline', async () => {
    const { world } = await aWorldWith(false)
    answering(world, B, (index) => ({ kind: 'withheld', index }))
    await rounds(world, 2)
    expect(await world.findings()).toEqual([])
    const [waiting] = (await probesOf(world, B)).toReversed()
    expect(waiting).toMatchObject({ state: 'waiting', answer: 'withheld' })
    await rounds(world, 8)
    expect((await world.findings())[0]).toMatchObject({
      kind: 'failed-probe',
      site: B,
      since: waiting?.dueAt,
      evidence: { answer: 'withheld' },
    })
  })

  it('say nothing about a site that cannot be reached', async () => {
    const { world } = await aWorldWith(false)
    world.cut(B, NETWORK)
    await rounds(world, 10)
    const [probe] = (await probesOf(world, B)).toReversed()
    expect(probe).toMatchObject({ state: 'unanswered', answer: null })
    expect(await world.findings()).toEqual([])
  })

  it('are not put before the site has said, or had the time to see to it, that it is gone', async () => {
    const world = await aWorld(TERMS)
    const amor = await world.addSite(A)
    await world.addSite(B)
    await put(amor, aMember('gone'))
    await world.tick(30)
    world.cut(B)
    await amor.site.withdrawer.withdraw(['gone'], 'consent-withdrawn', '')
    await world.tick(600)
    await world.tick()
    expect(await probesOf(world, B)).toEqual([])
    await rounds(world, 2)
    expect((await probesOf(world, B)).length).toBeGreaterThan(0)
  })

  it('can be demanded, which stands in the access log', async () => {
    const { world } = await aWorldWith(false)
    const { probes, people } = world.coordinator.coordinator
    expect(await probes.demand(AUDITOR, B, 1)).toBe(1)
    expect(await people.acts.list({ limit: 1 })).toMatchObject([
      { act: 'probe.demand', subject: B },
    ])
    await rounds(world, 2)
    const rate = (await probes.rates()).find(({ site }) => site === B)
    expect(rate).toMatchObject({ failed: 0, share: 1 })
  })
})

const ask = (machine: SiteMachine, from: SiteId, changes: object = {}): Promise<AuditReply> =>
  machine.site.node.handlers.audit(from, {
    kind: 'probe',
    target: B,
    home: A,
    index: 1,
    nonce: NONCE,
    ...changes,
  })

describe('a volunteer', () => {
  it('asks for nothing that is live, and nothing that it does not know', async () => {
    const { world, cher } = await aWorldWith(true)
    let asked = 0
    world.wrap(B, (handlers) => ({
      ...handlers,
      bodies: (from, request) => {
        asked += 1
        return handlers.bodies(from, request)
      },
    }))
    expect((await ask(cher, NETWORK, { index: 2 })).kind).toBe('unready')
    expect((await ask(cher, NETWORK, { index: 0 })).kind).toBe('unready')
    expect((await ask(cher, NETWORK, { index: 99 })).kind).toBe('unready')
    expect(asked).toBe(0)
    expect((await ask(cher, NETWORK)).kind).toBe('statement')
    expect(asked).toBe(1)
  })

  it('asks for nothing of a home that gives it nothing', async () => {
    const { world, amor, cher } = await aWorldWith(true)
    await amor.site.demands.put({}, [C])
    await world.tick(30)
    expect((await ask(cher, NETWORK)).kind).toBe('unready')
  })

  it('listens to the coordinator alone, and not about itself or strangers', async () => {
    const { cher } = await aWorldWith(true)
    await expect(ask(cher, B)).rejects.toMatchObject({ code: 'not_admitted' })
    expect((await ask(cher, NETWORK, { target: C })).kind).toBe('refused')
    expect((await ask(cher, NETWORK, { target: parseSiteId('x.example') })).kind).toBe('refused')
  })

  it('is none without the setting', async () => {
    const { beau, cher } = await aWorldWith(false)
    for (const machine of [beau, cher])
      expect((await ask(machine, NETWORK, { target: A })).kind).toBe('refused')
  })

  it('runs a bounded number in an hour', async () => {
    const { world, cher } = await aWorldWith(true)
    const kinds: string[] = []
    for (let at = 0; at < 121; at += 1) kinds.push((await ask(cher, NETWORK)).kind)
    expect(kinds.filter((kind) => kind === 'statement')).toHaveLength(120)
    expect(kinds.at(-1)).toBe('unready')
    await world.tick(3601)
    await world.tick()
    expect((await ask(cher, NETWORK)).kind).toBe('statement')
  })
})
