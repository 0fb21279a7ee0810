import { describe, expect, it } from 'vitest'
import { createDraw, DRAWN_SHARE } from '../../node/core/record/recommend/diversity.ts'
import { scorePair, type Person, type Wishes } from '../../node/core/record/recommend/score.ts'
import { POOL, SHORTLIST } from '../../node/core/record/recommend.ts'
import { idWords, mix32 } from '../../node/core/search/columns.ts'
import { RINGS_KM } from '../../node/core/search/rings.ts'
import { traitsOf } from '../../node/core/search/traits.ts'
import { systemCrypto } from '../../node/roles/system.ts'
import type { ConsentRecord, Scope } from '../../protocol/consent.ts'
import { ageOn, dayOf, DAY_SECONDS, isoDateOfDay, parseIsoDate } from '../../protocol/dates.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { RecordId, SiteId } from '../../protocol/ids.ts'
import { distanceKm, factsOf } from '../../protocol/requirements.ts'
import { shareProfile, type ProfileInput } from '../../protocol/vocabulary.ts'
import { mulberry32 } from '../../scripts/people.ts'
import { aConsent } from '../fixtures/people.ts'
import { A, aMember, aWorld, B, C, heldBy, put, type SiteMachine, type World } from './world.ts'

const SCOPES: Scope[] = ['discovery', 'race', 'recommendations', 'religion']
const HER: Partial<ProfileInput> = { birthDate: parseIsoDate('1991-02-03') }
const HIM: Partial<ProfileInput> = {
  nickname: 'Ewan',
  gender: 'man',
  seeks: ['woman'],
  birthDate: parseIsoDate('1990-01-01'),
}

const her = (id = 'her', consent: Partial<ConsentRecord> = {}, profile = HER): unknown =>
  aMember(id, { profile, consent: { scopes: SCOPES, ...consent } })
const him = (
  id: string,
  profile: Partial<ProfileInput> = {},
  consent: Partial<ConsentRecord> = {},
): unknown =>
  aMember(id, { profile: { ...HIM, ...profile }, consent: { scopes: SCOPES, ...consent } })

/** A site with her, and a partner with these. */
async function aPair(...members: unknown[]) {
  const world = await aWorld()
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  await put(b, her())
  const records: RecordId[] = []
  for (const member of members) records.push(await put(a, member))
  await world.tick()
  return { world, a, b, records }
}

async function recommended(
  site: SiteMachine,
  request: { wishes?: Wishes; seen?: RecordId[]; limit?: number; radiusKm?: number } = {},
): Promise<RecordId[]> {
  const found = await site.site.recommender.recommend({ member: 'her', limit: 50, ...request })
  return found.map(({ record }) => record)
}

describe('recommend', () => {
  it('gives who fits both ways, with fields that may be shown, a score, and why', async () => {
    const { b } = await aPair(him('1'))
    const [found] = await b.site.recommender.recommend({ member: 'her', limit: 10 })
    expect(found).toMatchObject({ home: A, age: 36, profile: { nickname: 'Ewan', gender: 'man' } })
    expect(Object.keys(found?.profile ?? {})).not.toEqual(
      expect.arrayContaining(['language', 'latitudeTenths', 'sealed']),
    )
    expect(found?.score).toBeGreaterThan(0.5)
    expect(found?.reasons.map(({ text }) => text)).toEqual([
      'within 10 km',
      'both looking for 30-45',
    ])
  })

  it.each<[what: string, member: unknown]>([
    ['is of a gender that she does not seek', him('1', { gender: 'non-binary' })],
    ['is too old for her', him('1', { birthDate: parseIsoDate('1960-01-01') })],
    ['seeks another gender', him('1', { seeks: ['man'] })],
    ['seeks another age', him('1', { seeksAgeMin: 50, seeksAgeMax: 60 })],
    ['has not consented to be recommended', him('1', {}, { scopes: ['discovery'] })],
    ['has consented to other purposes', him('1', {}, { purposes: ['account', 'viewable'] })],
  ])('leaves out who %s', async (_what, member) => {
    const { b, records } = await aPair(member, him('2'))
    expect(await recommended(b)).toEqual(records.slice(1))
  })

  it('leaves out who has been seen, and who is farther away than asked', async () => {
    const far = him('2', { latitude: 51.5, longitude: -0.1 })
    const { b, records } = await aPair(him('1'), far, him('3'))
    const [first, second, third] = records
    expect(await recommended(b, { radiusKm: 50 })).toHaveLength(2)
    const seen = first === undefined ? [] : [first]
    expect(new Set(await recommended(b, { seen }))).toEqual(new Set([second, third]))
  })

  it('recommends nobody to who has not consented to it, or is not there', async () => {
    const { b } = await aPair(him('1'))
    const ask = (member: string) => b.site.recommender.recommend({ member, limit: 10 })
    await expect(ask('nobody')).rejects.toMatchObject({ code: 'not_found', path: '/member' })
    await put(b, her('shy', { scopes: ['discovery'] }))
    await expect(ask('shy')).rejects.toMatchObject({ code: 'no_consent' })
    await put(b, her('strict', { purposes: ['account', 'viewable'] }))
    await expect(ask('strict')).rejects.toMatchObject({ code: 'no_consent' })
  })

  it('leaves out the records of a site at which she cannot be recommended', async () => {
    const { world, b, records } = await aPair(him('1'))
    const c = await world.addSite(C, { requirements: { ageMin: 60 } })
    await put(c, him('2'))
    await world.tick()
    expect(await recommended(b)).toEqual(records)
    await put(b, her('her', { excludes: [A], givenAt: world.clock.now() }))
    expect(await recommended(b)).toEqual([])
  })

  it('leaves out who withdraws, and everybody of a home that falls silent', async () => {
    const { world, a, b, records } = await aPair(him('1'), him('2'))
    expect(await recommended(b)).toHaveLength(2)
    await a.site.withdrawer.withdraw(['1'], 'consent-withdrawn', '')
    await world.tick()
    expect(await recommended(b)).toEqual(records.slice(1))
    world.cut(A)
    await world.pass(7 * 3600)
    expect(await recommended(b)).toEqual([])
  })

  it('ranks by religion only where it is passed, and only who consents to share it', async () => {
    const members = Array.from({ length: 12 }, (_, n) =>
      him(
        String(n),
        { religion: n % 2 === 0 ? 'spiritual' : 'none' },
        { scopes: n < 8 ? SCOPES : ['discovery', 'recommendations'] },
      ),
    )
    const { b, records } = await aPair(...members)
    const scoresBy = async (wishes: Wishes): Promise<number[]> => {
      const found = await b.site.recommender.recommend({ member: 'her', limit: 50, wishes })
      const scores = new Map(found.map(({ record, score }) => [record, score]))
      return records.map((record) => scores.get(record) ?? 0)
    }
    const plain = await scoresBy({})
    expect(new Set(plain).size).toBe(1)
    const wished = await scoresBy({ religion: ['spiritual'] })
    const rise = wished.map((score, n) => Math.sign(score - (plain[n] ?? 0)))
    expect(rise).toEqual([1, -1, 1, -1, 1, -1, 1, -1, 0, 0, 0, 0])
  })

  it('is the same all day, also after a restart, and another list tomorrow', async () => {
    const members = Array.from({ length: 60 }, (_, n) => him(String(n)))
    const { world, b } = await aPair(...members)
    const today = await recommended(b, { limit: 10 })
    expect(await recommended(b, { limit: 20 })).toEqual(expect.arrayContaining(today))
    await world.restart(b)
    await world.tick(60)
    expect(await recommended(b, { limit: 10 })).toEqual(today)
    await world.pass(DAY_SECONDS)
    const tomorrow = await recommended(b, { limit: 10 })
    expect(tomorrow).toHaveLength(10)
    expect(tomorrow).not.toEqual(today)
  })
})

const isWanted = ({ facts }: Person, other: Person): boolean =>
  (facts.seeks.includes('any') || facts.seeks.includes(other.facts.gender)) &&
  facts.seeksAgeMin <= other.age &&
  other.age <= facts.seeksAgeMax

function ringOf({ facts: a }: Person, { facts: b }: Person): number {
  const [one, other] = [a, b].map(({ latitudeTenths, longitudeTenths }) =>
    latitudeTenths === null || longitudeTenths === null
      ? null
      : { latitudeTenths, longitudeTenths },
  )
  if (!one || !other) return a.country === b.country ? 3 : RINGS_KM.length
  return RINGS_KM.filter((edge) => distanceKm(one, other) > edge).length
}

/**
 * Aim: the recommender is what the plainest implementation of the same rules gives. Method: two homes
 * publish and withdraw invented members while members of a third site ask random questions; the
 * model reads all records anew for each.
 */
describe('recommend beside a naive implementation', () => {
  const RECORDS = 2000
  const QUERIES = 200
  const STEP = 25

  interface Known {
    home: SiteId
    record: RecordId
    id: string
    person: Person
    purposes: readonly string[]
  }
  const dice = mulberry32(20_260_301)
  const below = (bound: number): number => Math.floor(dice() * bound)
  const pick = <T>(list: readonly T[]): T => {
    const item = list[below(list.length)]
    if (item === undefined) throw new Error('an empty list')
    return item
  }
  const maybe = <T extends object>(field: T): T | object => (dice() < 0.6 ? field : {})

  function aRandom(id: string, givenAt: number) {
    const youngest = 18 + below(40)
    const isSomewhere = dice() < 0.9
    const profile = {
      nickname: `Somebody ${id.replaceAll(/\d/g, '')}`,
      birthDate: parseIsoDate(`${1950 + below(57)}-0${1 + below(9)}-1${below(9)}`),
      gender: pick(['man', 'woman', 'woman', 'man', 'non-binary', 'undisclosed']),
      seeks: pick([['man'], ['woman'], ['any'], ['man', 'non-binary', 'woman']]),
      seeksAgeMin: youngest,
      seeksAgeMax: youngest + below(40),
      country: pick(['DE', 'FR', 'GB']),
      language: 'en',
      ...(isSomewhere && {
        latitude: 48 + below(60) / 10,
        longitude: below(100) / 10,
      }),
      ...maybe({ languages: pick([['de', 'en'], ['en'], ['fr']]) }),
      ...maybe({ purpose: pick(['dating', 'relationship', 'marriage', 'casual', 'undisclosed']) }),
      ...maybe({ wantsChildren: pick(['yes', 'no', 'maybe']) }),
      ...maybe({ smoking: pick(['never', 'sometimes', 'daily']) }),
      ...maybe({ drinking: pick(['never', 'rarely', 'often']) }),
      ...maybe({ religion: pick(['none', 'spiritual', 'christian']) }),
    } as ProfileInput
    const scopes = pick<Scope[]>([
      SCOPES,
      ['birth-date', 'discovery', 'habits', 'recommendations'],
      ['discovery', 'habits', 'recommendations', 'religion'],
      ['discovery', 'religion'],
    ])
    const purposes: ConsentRecord['purposes'] =
      dice() < 0.1 ? ['account'] : ['account', 'recommend', 'viewable']
    const consent = { scopes, purposes, givenAt, expiresAt: givenAt + 300 * DAY_SECONDS }
    return { id, profile, consent }
  }

  function knownOf(
    home: SiteId,
    record: RecordId,
    one: ReturnType<typeof aRandom>,
    now: number,
  ): Known {
    const day = dayOf(now)
    const today = isoDateOfDay(day)
    const { profile } = shareProfile(one.profile, one.consent.scopes, today)
    const { languages, choices } = traitsOf(profile)
    const person: Person = {
      facts: factsOf(profile, now),
      age: ageOn(one.profile.birthDate, today),
      scopes: one.consent.scopes,
      languages,
      choices: { ...choices, ...(profile.religion && { religion: profile.religion }) },
    }
    return { home, record, id: one.id, person, purposes: one.consent.purposes }
  }

  function naive(
    all: readonly Known[],
    viewer: Known,
    key: Uint8Array,
    now: number,
    asked: { wishes: Wishes; seen: readonly RecordId[]; limit: number },
  ): { record: RecordId; score: number }[] {
    const draw = createDraw(systemCrypto, key, { viewer: viewer.record, day: dayOf(now) })
    const chance = ({ record }: Known): number => {
      const [first, second] = idWords(record)
      return mix32(mix32(first ^ draw.seed) ^ second)
    }
    const pool = all
      .filter(
        ({ home, record, person }) =>
          home !== viewer.home &&
          person.scopes.includes('recommendations') &&
          !asked.seen.includes(record) &&
          isWanted(viewer.person, person) &&
          isWanted(person, viewer.person),
      )
      .map((one) => ({ one, ring: ringOf(viewer.person, one.person), chance: chance(one) }))
      .toSorted((a, b) => a.ring - b.ring || a.chance - b.chance)
      .slice(0, POOL)
      .map(({ one }) => one)
    const order = (list: readonly Known[], isRead: boolean) =>
      list
        .map((one) => {
          const { religion: _religion, ...choices } = one.person.choices
          const person = isRead ? one.person : { ...one.person, choices }
          const number = draw.numberOf(one.record)
          return { one, number, score: scorePair(viewer.person, person, asked.wishes) }
        })
        .toSorted(
          (a, b) =>
            Number(a.number >= DRAWN_SHARE) - Number(b.number >= DRAWN_SHARE) ||
            b.score - a.score ||
            a.number - b.number,
        )
    const mayBe = ({ purposes }: Known): boolean => purposes.includes('recommend')
    let ranked = order(pool, false)
    if (asked.wishes.religion !== undefined)
      ranked = order(
        ranked
          .slice(0, SHORTLIST)
          .map(({ one }) => one)
          .filter(mayBe),
        true,
      )
    return ranked
      .filter(({ one }) => mayBe(one))
      .slice(0, asked.limit)
      .map(({ one, score }) => ({ record: one.record, score: Math.round(score * 100) / 100 }))
  }

  /** Ticks until the partner holds all that there is: who had nothing lately is asked again later. */
  async function untilHeld(world: World, b: SiteMachine, known: Map<string, Known>): Promise<void> {
    const expected = [...known.values()].filter(({ home }) => home !== B).length
    for (let ticks = 0; ticks < 100; ticks += 1) {
      if ((await heldBy(b, A)) + (await heldBy(b, C)) === expected) return
      await world.tick()
    }
    throw new Error('the partner does not get all bodies')
  }

  /** Publishes, and keeps what it knows by the member's id. */
  async function publish(
    world: World,
    site: SiteMachine,
    count: number,
    known: Map<string, Known>,
  ): Promise<void> {
    const now = world.clock.now()
    const made = Array.from({ length: count }, () =>
      aRandom(`${site.id} ${known.size} ${below(1e9)}`.replaceAll(' ', '-'), now),
    )
    const outcomes = await site.site.publisher.put(
      made.map(({ id, profile, consent }) => ({ id, profile, consent: aConsent(consent) })),
    )
    for (const [at, outcome] of outcomes.entries()) {
      const one = made[at]
      if (outcome.kind === 'refused' || one === undefined) throw new Error('refused')
      known.set(one.id, knownOf(site.id, outcome.record, one, now))
    }
    await world.tick()
  }

  it(`answers ${QUERIES} random questions alike while records come and go`, async () => {
    const world = await aWorld()
    const a = await world.addSite(A)
    const c = await world.addSite(C)
    const b = await world.addSite(B)
    const known = new Map<string, Known>()
    for (const site of [a, c]) await publish(world, site, RECORDS / 2, known)
    await publish(world, b, 60, known)
    await untilHeld(world, b, known)
    const members = [...known.values()].filter(({ home }) => home === B)
    let answers = 0
    for (let query = 0; query < QUERIES; query += 1) {
      if (query % STEP === STEP - 1) {
        await publish(world, pick([a, c]), 40, known)
        const ended = [...known.values()].filter(({ home }) => home === A && dice() < 0.03)
        const ids = ended.map(({ id }) => id)
        await a.site.withdrawer.withdraw(ids, 'consent-withdrawn', '')
        for (const id of ids) known.delete(id)
        await untilHeld(world, b, known)
      }
      const viewer = pick(members)
      const wishes: Wishes = pick<Wishes>([{}, {}, { religion: ['none'] }, { smoking: ['never'] }])
      const seen = [...known.values()].filter(() => dice() < 0.02).map(({ record }) => record)
      const asked = { wishes, seen, limit: 1 + below(60) }
      const ask = b.site.recommender.recommend({ member: viewer.id, ...asked })
      if (
        !viewer.person.scopes.includes('recommendations') ||
        !viewer.purposes.includes('recommend')
      ) {
        const refusal: unknown = await ask.catch((error: unknown) => error)
        if (!(refusal instanceof ProtocolError) || refusal.code !== 'no_consent') throw refusal
        continue
      }
      const found = (await ask).map(({ record, score }) => ({ record, score }))
      const expected = naive([...known.values()], viewer, b.keys.index, world.clock.now(), asked)
      expect(found).toEqual(expected)
      answers += found.length
    }
    expect(answers).toBeGreaterThan(QUERIES)
  }, 300_000)
})
