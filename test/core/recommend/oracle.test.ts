/**
 * Aim: the recommender is what the plainest implementation of SPEC §23 gives. Method: a real site node
 * holds 20,000 invented records of three homes; its members ask 2,000 random questions, and before
 * each of them records are published, changed and withdrawn. In the middle a new day begins. The model
 * reads all records anew for each question. There are no pages: the longest answer is asked for at
 * once.
 */
import { expect, it } from 'vitest'
import { memberKeyOf } from '../../../node/core/record/member.ts'
import { createDraw } from '../../../node/core/record/recommend/diversity.ts'
import { WISH_FIELDS, type Wishes } from '../../../node/core/record/recommend/score.ts'
import { systemCrypto } from '../../../node/roles/system.ts'
import { dayOf, DAY_SECONDS } from '../../../protocol/dates.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId, type RecordId } from '../../../protocol/ids.ts'
import { createDice, type Dice } from '../../sim/dice.ts'
import { createCrowd, type Person } from '../discover/crowd.ts'
import { createHolder } from '../discover/holder.ts'
import { ageOf, placeOf, shownFields } from '../discover/naive.ts'
import { A, aWorld, B, C, type SiteMachine } from '../world.ts'
import { naive, type Asked } from './naive.ts'
import { valuesOf } from './people.ts'

const SEED = 20_263
const RECORDS = 20_000
const QUERIES = 2_000
const VIEWERS = 60
const STEP_SECONDS = 6
const D = parseSiteId('dora.example')

/** Members of the site itself, with profiles as rich as those of the others. */
async function addViewers(b: SiteMachine, people: readonly Person[]): Promise<void> {
  await createHolder(b).apply(people, [], [])
  const members = people.map(({ record }) => ({
    memberKey: memberKeyOf(systemCrypto, b.keys, record),
    record,
    inputDigest: new Uint8Array(32),
    emailKey: null,
  }))
  await b.ports.store.write((tx) => tx.members.save(members))
}

function wishesOf(dice: Dice): Wishes {
  const wishes: Wishes = {}
  if (dice.chance(0.4)) return wishes
  for (const field of WISH_FIELDS)
    if (dice.chance(0.12))
      wishes[field] = dice.shuffled(valuesOf(field)).slice(0, dice.between(1, 4))
  return wishes
}

it(`equals a naive reading of all records (seed ${SEED})`, { timeout: 600_000 }, async () => {
  const dice = createDice(SEED)
  const blocked = new Map<RecordId, RecordId[]>()
  const world = await aWorld()
  const opening = (dayOf(world.clock.now()) + 1) * DAY_SECONDS - (QUERIES / 2) * STEP_SECONDS
  world.clock.set(opening)
  for (const home of [A, C, D]) await world.addSite(home)
  const b = await world.addSite(B, {
    company: {
      online: () => [],
      blocksOf: async (_tx, member) => blocked.get(member) ?? [],
    },
  })
  const begun = world.clock.now()
  const crowd = createCrowd(dice.fork(), [A, C, D], begun)
  const holder = createHolder(b)
  const live = new Map<RecordId, Person>()
  const join = (): Person => crowd.join(begun - dice.below(50) * 7000)
  for (let left = RECORDS; left > 0; left -= 1000) {
    const people = Array.from({ length: 1000 }, join)
    await holder.apply(people, [], [])
    for (const person of people) live.set(person.record, person)
  }
  const ownCrowd = createCrowd(dice.fork(), [B], begun)
  const viewers = Array.from({ length: VIEWERS }, () => ownCrowd.join(begun))
  await addViewers(b, viewers)
  const everybody = [...live.keys()]
  for (const { record } of viewers)
    blocked.set(
      record,
      Array.from({ length: 300 }, () => dice.pick(everybody)),
    )

  async function churn(): Promise<void> {
    const drawn = new Set<Person>()
    while (drawn.size < 6) {
      const person = live.get(dice.pick(everybody))
      if (person !== undefined) drawn.add(person)
    }
    const [gone, replaced] = [[...drawn].slice(0, 3), [...drawn].slice(3)]
    const changed = replaced.map((person) => crowd.change(person, begun))
    const joined = Array.from({ length: 3 }, join)
    await holder.apply([...changed, ...joined], gone, replaced)
    for (const { record } of gone) live.delete(record)
    for (const person of [...changed, ...joined]) live.set(person.record, person)
    everybody.push(...joined.map(({ record }) => record))
  }

  let [answers, refusals] = [0, 0]
  for (let n = 0; n < QUERIES; n += 1) {
    await churn()
    world.clock.set(opening + n * STEP_SECONDS)
    const now = world.clock.now()
    const viewer = dice.pick(viewers)
    const seen = Array.from({ length: dice.below(400) }, () => dice.pick(everybody))
    const asked: Asked = {
      viewer,
      now,
      leftOut: new Set([...seen, ...(blocked.get(viewer.record) ?? [])]),
      wishes: wishesOf(dice),
      limit: dice.between(1, 101),
    }
    if (placeOf(viewer.profile) !== null && dice.chance(0.2))
      asked.radiusKm = dice.pick([20, 100, 500, 5000])
    const { wishes, limit, radiusKm } = asked
    const request = { member: viewer.record, wishes, seen, limit }
    const ask = b.site.recommender.recommend({
      ...request,
      ...(radiusKm !== undefined && { radiusKm }),
    })
    const mayAsk =
      viewer.scopes.includes('recommendations') && viewer.purposes.includes('recommend')
    if (!mayAsk) {
      const refusal: unknown = await ask.catch((error: unknown) => error)
      if (!(refusal instanceof ProtocolError) || refusal.code !== 'no_consent') throw refusal
      refusals += 1
      continue
    }
    const found = await ask
    const draw = createDraw(systemCrypto, b.keys.index, {
      viewer: viewer.record,
      day: dayOf(now),
    })
    // The question is in the difference, where there is one.
    const place = `question ${n}: ${JSON.stringify({ wishes, radiusKm, limit })}`
    expect({ place, found: found.map(({ record, score }) => ({ record, score })) }).toEqual({
      place,
      found: naive(live.values(), draw, asked),
    })
    for (const { home, record, age, profile } of found) {
      const person = live.get(record)
      if (person === undefined) throw new Error(`${place}: a record that is gone`)
      const shown = { home: person.home, age: ageOf(person.profile, now) }
      expect({ home, age, profile }).toEqual({ ...shown, profile: shownFields(person.profile) })
    }
    answers += found.length
  }
  // Some may not ask; most who may are given many.
  expect(refusals).toBeGreaterThan(QUERIES / 10)
  expect(answers).toBeGreaterThan(QUERIES * 5)
})
