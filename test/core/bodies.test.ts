import { beforeEach, describe, expect, it } from 'vitest'
import type { Identity } from '../../node/core/identity.ts'
import type { NetworkHandlers } from '../../node/core/ports.ts'
import type { Requirements } from '../../protocol/requirements.ts'
import type { BodyAnswer } from '../../protocol/wire.ts'
import { NOW } from '../fixtures/people.ts'
import { announce, aPublished, silent } from './puppet.ts'
import { keysOn } from './stored.ts'
import {
  A,
  aMember,
  aWorld,
  B,
  C,
  heldBy,
  put,
  shownBy,
  type SiteMachine,
  type World,
} from './world.ts'

let world: World
/** A home, and a relay, that the test plays. */
let a: Identity

beforeEach(async () => {
  world = await aWorld()
  a = await world.admit(A)
})

/** Serves these bodies by the index of their entries. */
function serving(bodies: ReadonlyMap<number, Uint8Array>): NetworkHandlers {
  return {
    ...silent,
    async *bodies(_from, { indexes }) {
      yield {
        answers: indexes.map((index): BodyAnswer => {
          const body = bodies.get(index)
          return body === undefined ? { kind: 'unknown', index } : { kind: 'body', index, body }
        }),
      }
    },
  }
}

/** A partner that has heard of one entry, while the home serves what it likes. */
async function offer(
  published: ReturnType<typeof aPublished>,
  body: Uint8Array,
  requirements: Requirements = {},
): Promise<SiteMachine> {
  world.join(A, serving(new Map([[0, body]])))
  const b = await world.addSite(B, { requirements })
  const time = world.clock.now()
  await b.site.node.handlers.announcement(A, announce(a, [published.entry], { time }))
  await world.quiet()
  await world.tick()
  return b
}

const withNumber = { description: 'Call me on +44 20 7946 0958 tonight.' }

describe('a body', () => {
  it('that is what the entry commits to is kept and shown', async () => {
    const published = aPublished(1)
    const b = await offer(published, published.body)
    expect(await heldBy(b, A)).toBe(1)
    expect(await shownBy(b)).toHaveLength(1)
  })

  it.each<[what: string, published: ReturnType<typeof aPublished>, requirements?: Requirements]>([
    ['does not meet the own requirements', aPublished(1), { genders: ['man'] }],
    [
      'is under age by the birth date',
      aPublished(1, {
        profile: { birthDate: '2008-03-02' as never },
        consent: { scopes: ['birth-date', 'discovery'] },
      }),
    ],
    ['is under age by its years', aPublished(1, { forged: { ageYears: 17 } })],
    ['has contact details', aPublished(1, { forged: withNumber })],
    ['has a field outside its scopes', aPublished(1, { forged: { religion: 'spiritual' } })],
    ['has a field outside the vocabulary', aPublished(1, { forged: { phone: '1' } })],
    ['excludes this site', aPublished(1, { consent: { excludes: [B] } })],
    ['has a consent that has expired', aPublished(1, { consent: { expiresAt: NOW + 3600 } })],
    ['has a consent of the future', aPublished(1, { consent: { givenAt: NOW + 86_400 } })],
    ['has another expiry than its entry', aPublished(1, { publish: { expires: NOW + 99_999 } })],
    [
      'is not what the profile commitment says',
      aPublished(1, {
        publish: { profile: new Uint8Array(32) },
      }),
    ],
    [
      'is not what the consent commitment says',
      aPublished(1, {
        publish: { consent: new Uint8Array(32) },
      }),
    ],
  ])('that %s is not kept, nor is a key', async (_what, published, requirements) => {
    const b = await offer(published, published.body, requirements)
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'bodies.refused', home: A, from: A }),
    )
  })

  it.each([
    ['cut short', (body: Uint8Array) => body.slice(0, -1)],
    ['too long', (body: Uint8Array) => Uint8Array.from([...body, 0])],
    ['empty', () => new Uint8Array(0)],
    ['of another record', () => aPublished(2).body],
    ['of 40 KiB', () => new Uint8Array(40 * 1024)],
  ])('that is %s is not kept', async (_what, spoil) => {
    const published = aPublished(1)
    const b = await offer(published, spoil(published.body))
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
  })

  it('that a relay has spoilt is taken from an honest holder later', async () => {
    const published = aPublished(1)
    const spoilt = Uint8Array.from(published.body)
    spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1
    await world.admit(C)
    world.join(C, serving(new Map([[0, spoilt]])))
    const b = await world.addSite(B)
    const time = world.clock.now()
    await b.site.node.handlers.announcement(A, announce(a, [published.entry], { time }))
    await world.quiet()
    expect(await heldBy(b, A)).toBe(0)
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'bodies.refused', from: C }),
    )
    world.join(C, serving(new Map([[0, published.body]])))
    await world.tick(5)
    expect(await shownBy(b)).toHaveLength(1)
  })

  it('of an answer that nobody asked for is not kept', async () => {
    const published = aPublished(1)
    const second = aPublished(2)
    world.join(A, {
      ...silent,
      async *bodies() {
        yield {
          answers: [
            { kind: 'body', index: 0, body: second.body },
            { kind: 'body', index: 7, body: published.body },
          ],
        }
      },
    })
    const b = await world.addSite(B)
    const time = world.clock.now()
    await b.site.node.handlers.announcement(A, announce(a, [published.entry], { time }))
    await world.quiet()
    expect(await heldBy(b, A)).toBe(0)
    expect(keysOn(b)).toBe(0)
  })
})

async function ask(
  machine: SiteMachine,
  from: typeof B,
  indexes: number[],
  { requirements = 1, registry = 0 } = {},
) {
  const answers: BodyAnswer[] = []
  for await (const reply of machine.site.node.handlers.bodies(from, {
    home: machine.id,
    indexes,
    requirements,
    registry,
  }))
    answers.push(...reply.answers)
  return answers.map(({ kind }) => kind)
}

describe('the gate at the door', () => {
  it('answers body, withheld, gone, unknown, and writes the ledger before the first byte', async () => {
    const c = await world.addSite(C)
    const b = await world.addSite(B, { requirements: { genders: ['man'] } })
    const woman = await put(c, aMember('m1'))
    const man = await put(c, aMember('m2', { profile: { gender: 'man' } }))
    await put(c, aMember('m3', { profile: { gender: 'man' } }))
    await c.site.withdrawer.withdraw(['m3'], 'erased', '')
    await world.quiet()
    expect(await ask(c, B, [1, 2, 3, 4, 5])).toEqual([
      'withheld',
      'body',
      'gone',
      'gone',
      'unknown',
    ])
    expect(await c.site.members.disclosures(woman)).toEqual([])
    expect((await c.site.members.disclosures(man)).map(({ partner }) => partner)).toContain(B)
    expect(await shownBy(b)).toEqual([man])
  })

  it('does not judge by other requirements than the asker has', async () => {
    const c = await world.addSite(C)
    await world.addSite(B)
    await put(c, aMember('m1'))
    await world.quiet()
    expect(await ask(c, B, [1], { requirements: 7 })).toEqual(['unknown'])
    expect(await ask(c, B, [1], { requirements: 1 })).toEqual(['body'])
  })

  it('does not judge by an older registry than the asker has', async () => {
    const c = await world.addSite(C)
    await world.addSite(B)
    await put(c, aMember('m1'))
    await world.quiet()
    const { size } = c.site.node.view.registry()
    expect(await ask(c, B, [1], { registry: size + 1 })).toEqual(['unknown'])
    expect(await ask(c, B, [1], { registry: size })).toEqual(['body'])
  })

  it('gives a suspended or unknown site nothing', async () => {
    const c = await world.addSite(C)
    await world.addSite(B)
    await put(c, aMember('m1'))
    await world.quiet()
    await world.coordinator.coordinator.admission.measure('suspend', B, 'terms')
    await world.quiet()
    expect(await ask(c, B, [1])).toEqual(['withheld'])
    expect(await ask(c, A, [1], { requirements: 0 })).toEqual(['withheld'])
  })

  it('gives nothing while the registry is stale', async () => {
    const c = await world.addSite(C)
    const b = await world.addSite(B)
    await put(c, aMember('m1'))
    await world.quiet()
    world.cut(world.coordinator.id)
    await world.pass(7 * 86_400)
    expect(await ask(c, B, [1])).toEqual(['unknown'])
    expect(await shownBy(b)).toEqual([])
  })
})
