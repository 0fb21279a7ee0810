/** The breach desk and its sites: one network in memory, a clock that only the test moves. */
import { describe, expect, it } from 'vitest'
import type { OutgoingMail } from '../../node/core/mail.ts'
import { OPERATOR_ACTOR } from '../../node/core/people/actor.ts'
import type { BreachId } from '../../protocol/breach.ts'
import { decodeEntry } from '../../protocol/entry.ts'
import type { SiteId } from '../../protocol/ids.ts'
import { A, aMember, aWorld, B, C, NETWORK, put, type SiteMachine, type World } from './world.ts'

const HOUR = 3600
const TEXT = {
  nature: 'A copy of the database was read by somebody who had no right to.',
  people: ['members'],
  peopleCount: 400,
  data: ['profiles', 'pictures', 'orientation'],
  dataCount: null,
  consequences: 'Members may be recognised, and be approached with what they told in confidence.',
  measures: 'The server was taken off the net and its keys were replaced.',
  contact: 'privacy@network.example',
} as const

interface Scene {
  world: World
  inbox: OutgoingMail[]
  desk: World['coordinator']['coordinator']['breaches']
  open: (site?: SiteId, hoursAgo?: number) => Promise<BreachId>
}

async function aScene(): Promise<Scene> {
  const inbox: OutgoingMail[] = []
  const world = await aWorld(
    {},
    {
      mailer: {
        send: async (mail) => {
          inbox.push(mail)
          return { kind: 'accepted', answer: '250' }
        },
      },
    },
  )
  const desk = world.coordinator.coordinator.breaches
  return {
    world,
    inbox,
    desk,
    open: async (site = A, hoursAgo = 0) => {
      const knownAt = world.clock.now() - hoursAgo * HOUR
      const { breach } = await desk.open(OPERATOR_ACTOR, { site, knownAt })
      return breach.id
    },
  }
}

const about = (inbox: readonly OutgoingMail[], word: string): OutgoingMail[] =>
  inbox.filter(({ subject }) => subject.includes(word))

async function findings({ world }: Scene): Promise<string[]> {
  const { findings: book } = world.coordinator.coordinator
  const page = { filter: {}, order: 'since', isDescending: false, offset: 0, limit: 50 } as const
  const { findings: found } = await book.list(page)
  return found
    .filter(({ kind }) => kind === 'overdue-breach-step')
    .map(({ site, subject }) => `${site} ${subject.split('/')[1] ?? ''}`)
    .toSorted()
}

async function eventsOf(machine: SiteMachine): Promise<Record<string, unknown>[]> {
  const part = await machine.site.feed.read(0, 200)
  if (part.kind !== 'events') throw new Error('a gap')
  return part.events.filter(({ type }) => type === 'breach.declared').map(({ data }) => data)
}

describe('createBreachDesk', () => {
  it('tells every site by a signed entry, and every owner by mail, at once', async () => {
    const scene = await aScene()
    const { world, inbox, desk } = scene
    const [a, b] = [await world.addSite(A), await world.addSite(B)]
    const id = await scene.open()
    await desk.write(OPERATOR_ACTOR, id, TEXT)
    const file = await desk.declare(OPERATOR_ACTOR, id, 'initial')
    await world.tick()
    const entry = await world.coordinator.ports.store.read(async (tx) => {
      const index = file.notices[0]?.index ?? -1
      return (await tx.logs.entriesAt(NETWORK, [index])).get(index)
    })
    expect(decodeEntry(entry ?? new Uint8Array())).toMatchObject({ type: 'breach', id, ...TEXT })
    for (const machine of [a, b])
      expect(await eventsOf(machine)).toEqual([{ breach: id, site: A, phase: 'initial' }])
    // Both sites of this world have the same owner, who gets one mail.
    expect(about(inbox, 'data breach')).toHaveLength(1)
    expect(about(inbox, 'data breach')[0]).toMatchObject({ to: 'owner@site.example' })
    expect(about(inbox, 'data breach')[0]?.text).toContain(TEXT.measures)
    expect((await desk.get(id)).mails).toMatchObject({ sent: 1, waiting: 0 })
    expect((await desk.get(id)).unreached).toEqual([])
  })

  it('says which members have nobody who can be written to', async () => {
    const scene = await aScene()
    await scene.world.addSite(A)
    const { people } = scene.world.coordinator.coordinator
    const { accounts } = await people.accounts.list('', 10)
    const change = { sites: [] }
    await people.accounts.change(OPERATOR_ACTOR, accounts[0]?.id ?? '', change)
    const { unreached } = await scene.desk.get(await scene.open())
    expect(unreached).toEqual([A])
  })

  it('keeps the phases in order', async () => {
    const scene = await aScene()
    const { desk, world } = scene
    await world.addSite(A)
    const id = await scene.open()
    const declare = (phase: 'initial' | 'update' | 'final') =>
      desk.declare(OPERATOR_ACTOR, id, phase)
    await expect(declare('initial')).rejects.toMatchObject({ code: 'conflict' })
    await desk.write(OPERATOR_ACTOR, id, TEXT)
    await expect(declare('update')).rejects.toMatchObject({ code: 'conflict' })
    await declare('initial')
    await expect(declare('initial')).rejects.toMatchObject({ code: 'conflict' })
    await declare('update')
    await declare('update')
    const { notices } = await declare('final')
    expect(notices.map(({ phase }) => phase)).toEqual(['initial', 'update', 'update', 'final'])
    await expect(declare('update')).rejects.toMatchObject({ code: 'conflict' })
  })

  it.each([
    ['an address', { measures: 'Write to anna.smith@mail.example' }, 'contact_details'],
    ['nothing', { nature: '' }, 'out_of_range'],
    ['a kind that is none', { data: ['secrets'] }, 'out_of_range'],
    ['nothing wrong', { nature: 'я'.repeat(1000), measures: 'я'.repeat(500) }, 'ok'],
    [
      'more than an entry holds',
      {
        nature: 'я'.repeat(1000),
        measures: 'я'.repeat(1000),
        consequences: 'я'.repeat(1000),
      },
      'too_large',
    ],
  ])('takes no notice with %s', async (_what, change, code) => {
    const { desk, ...scene } = await aScene()
    await scene.world.addSite(A)
    const id = await scene.open()
    const written = desk.write(OPERATOR_ACTOR, id, { ...TEXT, ...change }).then(
      () => 'ok',
      (error: { code: string }) => error.code,
    )
    expect(await written).toBe(code)
  })

  it('has no breach of a stranger, or in time to come', async () => {
    const { desk, world } = await aScene()
    await world.addSite(A)
    const knownAt = world.clock.now()
    await expect(desk.open(OPERATOR_ACTOR, { site: C, knownAt })).rejects.toMatchObject({
      path: '/site',
    })
    const later = { site: A, knownAt: knownAt + 1 }
    await expect(desk.open(OPERATOR_ACTOR, later)).rejects.toMatchObject({ path: '/knownAt' })
  })

  it('reminds staff after 24, 48 and 60 hours, and finds itself late after 72', async () => {
    const scene = await aScene()
    const { world, inbox } = scene
    const { accounts } = world.coordinator.coordinator.people
    const staff = { email: 'staff@network.example', role: 'staff', sites: [] } as const
    await accounts.create(OPERATOR_ACTOR, staff)
    await accounts.create(OPERATOR_ACTOR, { ...staff, email: 'a@network.example', role: 'auditor' })
    await scene.open(NETWORK)
    const alarms = (): string[] =>
      about(inbox, 'a breach waits').map(({ to, subject }) => {
        return `${to} ${/(\d+) of/.exec(subject)?.[1] ?? ''}`
      })
    await world.tick(24 * HOUR - 10)
    expect(alarms()).toEqual([])
    await world.tick(20)
    expect(alarms()).toEqual(['staff@network.example 24'])
    await world.tick(24 * HOUR)
    await world.tick(12 * HOUR)
    expect(alarms()).toHaveLength(3)
    expect(await findings(scene)).toEqual([])
    await world.tick(12 * HOUR)
    await world.tick(HOUR)
    expect(alarms()).toEqual([
      'staff@network.example 24',
      'staff@network.example 48',
      'staff@network.example 60',
    ])
    expect(await findings(scene)).toEqual([`${NETWORK} authority`, `${NETWORK} notice`])
  })

  it('sends one alarm for those that it slept through', async () => {
    const scene = await aScene()
    const { accounts } = scene.world.coordinator.coordinator.people
    const staff = { email: 'dpo@network.example', role: 'dpo', sites: [] } as const
    await accounts.create(OPERATOR_ACTOR, staff)
    await scene.open(NETWORK, 61)
    await scene.world.tick()
    await scene.world.tick()
    const alarms = about(scene.inbox, 'a breach waits')
    expect(alarms.map(({ subject }) => /(\d+) of/.exec(subject)?.[1])).toEqual(['60'])
  })

  it('is in time where both steps are taken, and late where one came late', async () => {
    const scene = await aScene()
    const { desk, world } = scene
    const [inTime, late] = [await scene.open(NETWORK, 71), await scene.open(NETWORK, 73)]
    for (const id of [inTime, late]) {
      await desk.write(OPERATOR_ACTOR, id, TEXT)
      await desk.declare(OPERATOR_ACTOR, id, 'initial')
      const step = { time: world.clock.now(), reference: 'BfDI 12/26', reason: null }
      await desk.recordAuthority(OPERATOR_ACTOR, id, step)
    }
    await world.tick(10 * HOUR)
    expect((await findings(scene)).map((line) => line.split(' ')[1])).toEqual([
      'authority',
      'notice',
    ])
    expect((await desk.get(inTime)).steps.every(({ doneAt }) => doneAt !== null)).toBe(true)
  })

  it('writes every act into the access log, without a word of what happened', async () => {
    const scene = await aScene()
    const { desk, world } = scene
    const id = await scene.open(NETWORK)
    await desk.write(OPERATOR_ACTOR, id, TEXT)
    await desk.declare(OPERATOR_ACTOR, id, 'initial')
    const { acts } = world.coordinator.coordinator.people
    expect((await acts.list({ limit: 3 })).map(({ act, subject }) => `${act} ${subject}`)).toEqual([
      `breach.declare ${id}/initial`,
      `breach.write ${id}`,
      `breach.open ${id}`,
    ])
    expect((await acts.verify()).brokenAt).toBeNull()
  })
})

async function breached(scene: Scene, site: SiteId): Promise<BreachId> {
  const id = await scene.open(site)
  await scene.desk.write(OPERATOR_ACTOR, id, TEXT)
  await scene.desk.declare(OPERATOR_ACTOR, id, 'initial')
  await scene.world.tick()
  await scene.world.tick()
  return id
}

describe('createBreaches', () => {
  it('lists the members whose data the breached site has got, by their own ids', async () => {
    const scene = await aScene()
    const { world } = scene
    const [a, b, c] = [await world.addSite(A), await world.addSite(B), await world.addSite(C)]
    const record = await put(b, aMember('bob'))
    const gone = await put(b, aMember('gone'))
    await world.tick()
    await b.site.withdrawer.withdraw(['gone'], 'erased', '')
    await put(c, aMember('cleo', { consent: { scopes: ['discovery'] } }))
    await world.tick()
    const id = await breached(scene, A)
    const { members, next } = await b.site.breaches.affected(id, null, 10)
    expect(new Map(members.map((member) => [member.record, member.id]))).toEqual(
      new Map([
        [record, 'bob'],
        [gone, null],
      ]),
    )
    expect(next).toBeNull()
    const pages: string[] = []
    const first = await b.site.breaches.affected(id, null, 1)
    const second = await b.site.breaches.affected(id, first.next, 1)
    for (const page of [first, second]) pages.push(...page.members.map((one) => one.record))
    expect(pages.toSorted()).toEqual([record, gone].toSorted())
    // The site itself has its own members to tell.
    await put(a, aMember('anna'))
    expect((await a.site.breaches.affected(id, null, 10)).members).toMatchObject([{ id: 'anna' }])
  })

  it('says in its log that it has told them, which the coordinator shows with its place', async () => {
    const scene = await aScene()
    const { world, desk } = scene
    await world.addSite(A)
    const b = await world.addSite(B)
    await put(b, aMember('bob'))
    await world.tick()
    const id = await breached(scene, A)
    expect(await b.site.breaches.list()).toMatchObject([{ affected: 1, told: null, isOurs: true }])
    const { told } = await b.site.breaches.tell(id, 1)
    await world.tick()
    const word = (await desk.get(id)).words.find(({ site }) => site === B)
    expect(word?.told).toEqual({ ...told, breach: id, site: B, affected: 1, told: 1 })
    const entry = await world.coordinator.ports.store.read(async (tx) => {
      const index = word?.told?.index ?? -1
      return (await tx.logs.entriesAt(B, [index])).get(index)
    })
    expect(decodeEntry(entry ?? new Uint8Array())).toMatchObject({ type: 'told', breach: id })
  })

  it('says by itself that nobody is concerned, and is not late', async () => {
    const scene = await aScene()
    const { world, desk } = scene
    await world.addSite(A)
    const b = await world.addSite(B)
    const id = await breached(scene, A)
    const { words } = await desk.get(id)
    expect(words.map(({ told }) => told?.told)).toEqual([0, 0])
    await desk.recordAuthority(OPERATOR_ACTOR, id, {
      time: world.clock.now(),
      reference: null,
      reason: 'no risk to anybody',
    })
    await world.pass(80 * HOUR)
    expect(await findings(scene)).toEqual([])
    expect(await b.site.breaches.list()).toHaveLength(1)
  })

  it('is late where members are concerned and it says nothing', async () => {
    const scene = await aScene()
    const { world, desk } = scene
    await world.addSite(A)
    const b = await world.addSite(B)
    await put(b, aMember('bob'))
    await world.tick()
    const id = await breached(scene, A)
    await desk.recordAuthority(OPERATOR_ACTOR, id, {
      time: world.clock.now(),
      reference: 'BfDI 12/26',
      reason: null,
    })
    await world.pass(71 * HOUR)
    expect(await findings(scene)).toEqual([])
    await world.pass(2 * HOUR)
    expect(await findings(scene)).toEqual([`${B} told`])
  })

  it('does not ask a site that joined later, and tells its website once', async () => {
    const scene = await aScene()
    const { world, desk } = scene
    const a = await world.addSite(A)
    const id = await breached(scene, A)
    await world.tick(10)
    const b = await world.addSite(B)
    await world.tick()
    expect((await desk.get(id)).words.map(({ site }) => site)).toEqual([A])
    expect(await b.site.breaches.list()).toMatchObject([{ isOurs: false, told: null }])
    await world.restart(a)
    await world.tick()
    expect(await eventsOf(a)).toHaveLength(1)
  })
})
