/**
 * Aim: discovery is what a naive reading of every record gives, page by page, while records come and
 * go. Method: a real site node holds 20,000 invented records of three homes; 2,000 random queries of
 * its members are paged through, with records published, changed and withdrawn between the pages. The
 * model reads all records anew for each query; only whom a viewer fits both ways, which the passing of
 * time does not change within the test's one day, is found out once for each version of a record.
 */
import { expect, it } from 'vitest'
import { dayOf } from '../../../protocol/dates.ts'
import { parseSiteId, type RecordId, type SiteId } from '../../../protocol/ids.ts'
import type { Place } from '../../../protocol/requirements.ts'
import { FIELDS, GENDERS, type FieldName } from '../../../protocol/vocabulary.ts'
import type {
  DiscoverPage,
  DiscoverRequest,
  FoundRecord,
} from '../../../node/core/record/discover.ts'
import { FACETS } from '../../../node/core/search/query.ts'
import { CHOICE_FIELDS, SENSITIVE_FIELDS } from '../../../node/core/search/traits.ts'
import { NOW } from '../../fixtures/people.ts'
import { createDice, type Dice } from '../../sim/dice.ts'
import { A, aMember, aWorld, B, C, put } from '../world.ts'
import { COUNTRIES, createCrowd, DENSE, LANGUAGES, WORDS, type Person } from './crowd.ts'
import { createHolder } from './holder.ts'
import {
  ageOf,
  bandOf,
  compare,
  countBy,
  createFits,
  fitsWishes,
  placeOf,
  rankOf,
  shownFields,
  type Ranked,
  type Viewer,
} from './naive.ts'

const SEED = 20_261
const RECORDS = 20_000
const QUERIES = 2_000
const VIEWERS = 24
const MOST_PAGES = 4
const D = parseSiteId('dora.example')
const TYPES = new Map<SiteId, string>([
  [A, 'general'],
  [C, 'casual'],
  [D, 'senior'],
])

function wordFor(dice: Dice): string {
  if (dice.chance(0.2)) {
    const letters = Array.from(dice.pick(DENSE).replaceAll(' ', ''))
    const from = dice.below(letters.length)
    const piece = letters.slice(from, from + dice.between(1, 3)).join('')
    return DENSE.some((text) => text.includes(piece)) ? piece : '猫'
  }
  const word = dice.pick(WORDS)
  const cut = dice.chance(0.4)
    ? Array.from(word)
        .slice(0, Math.max(3, dice.below(8)))
        .join('')
    : word
  return dice.chance(0.3) ? cut.toUpperCase() : cut
}

function optionsOf(name: FieldName): string[] {
  return (FIELDS[name].schema as unknown as { options: string[] }).options
}

function requestOf(
  dice: Dice,
  viewer: number | null,
  spots: readonly Place[],
  seen: RecordId[],
): DiscoverRequest {
  const few = <T>(list: readonly T[]): T[] => dice.shuffled(list).slice(0, dice.between(1, 4))
  const may = <K extends string, T>(
    share: number,
    name: K,
    make: () => T,
  ): Partial<Record<K, T>> =>
    dice.chance(share) ? ({ [name]: make() } as Partial<Record<K, T>>) : {}
  const near = may(viewer === null ? 0.5 : 0.1, 'near', () => dice.pick(spots))
  const choices = Object.fromEntries(
    [...CHOICE_FIELDS, ...SENSITIVE_FIELDS].flatMap((name) =>
      dice.chance(0.04) ? [[name, few(optionsOf(name))]] : [],
    ),
  )
  const request: DiscoverRequest = {
    ...(viewer !== null && { member: `viewer-${viewer}` }),
    ...(viewer !== null && dice.chance(0.2) && { reciprocal: false }),
    ...near,
    ...may(0.15, 'homes', () => few([A, C, D])),
    ...may(0.1, 'siteTypes', () => few([...TYPES.values()])),
    ...may(0.1, 'isOnline', () => true),
    ...may(0.3, 'seen', () => seen),
    ...may(0.5, 'facets', () => few(FACETS)),
    limit: dice.between(1, 40),
    filter: {
      ...may(0.2, 'genders', () => few(GENDERS)),
      ...may(0.2, 'ageMin', () => dice.between(18, 40)),
      ...may(0.2, 'ageMax', () => dice.between(30, 70)),
      ...may(0.2, 'languages', () => few(LANGUAGES)),
      ...may(0.2, 'countries', () => few(COUNTRIES)),
      ...may(0.2, 'hasPicture', () => dice.chance(0.7)),
      ...may(0.2, 'joinedSince', () => NOW - dice.below(400_000)),
      ...may(0.2, 'text', () =>
        Array.from({ length: dice.between(1, 3) }, () => wordFor(dice)).join(' '),
      ),
      ...may(0.1, 'words', () => ({
        [dice.pick(['city', 'hobbies', 'occupation'])]: wordFor(dice),
      })),
      ...may(0.1, 'ranges', () => ({
        heightCm: { min: dice.between(150, 180) },
        ...(dice.chance(0.5) && { weightKg: { max: dice.between(60, 120) } }),
      })),
      choices,
    },
  }
  return request
}

/** What a site may be told of a person. */
function shownAs(
  { home, record, joinedAt, scopes, profile }: Person,
  { from, now, online }: { from: Place | null; now: number; online: ReadonlySet<RecordId> },
): FoundRecord {
  return {
    home,
    record,
    joinedAt,
    age: ageOf(profile, now),
    isOnline: online.has(record) && scopes.includes('presence'),
    withinKm: bandOf(from, placeOf(profile)),
    profile: shownFields(profile),
  }
}

it(
  `equals a naive reading of all records, page by page (seed ${SEED})`,
  { timeout: 1_200_000 },
  async () => {
    const dice = createDice(SEED)
    let online: Person[] = []
    const blocked = new Map<RecordId, RecordId[]>()
    const world = await aWorld()
    for (const home of [A, C, D]) await world.addSite(home, { siteType: TYPES.get(home) ?? '' })
    const b = await world.addSite(B, {
      company: {
        online: () => online,
        blocksOf: async (_tx, member) => blocked.get(member) ?? [],
      },
    })
    const now = world.clock.now()
    const crowd = createCrowd(dice.fork(), [A, C, D], now)
    const holder = createHolder(b)
    const live = new Map<RecordId, Person>()

    const publish = async (count: number): Promise<void> => {
      const people = Array.from({ length: count }, () => crowd.join(now - dice.below(50) * 7000))
      await holder.apply(people, [], [])
      for (const person of people) live.set(person.record, person)
    }
    for (let left = RECORDS; left > 0; left -= 1000) await publish(1000)
    await holder.reader.run()

    const viewers: Viewer[] = []
    for (let n = 0; n < VIEWERS; n += 1) {
      const { profile } = crowd.join(now)
      const { nickname, gender, seeks, seeksAgeMin, seeksAgeMax } = profile
      const place = dice.pick(crowd.spots)
      const record = await put(
        b,
        aMember(`viewer-${n}`, {
          profile: {
            nickname,
            gender,
            seeks,
            seeksAgeMin,
            seeksAgeMax,
            latitude: place.latitudeTenths / 10,
            longitude: place.longitudeTenths / 10,
          },
          consent: { scopes: dice.chance(0.5) ? ['birth-date', 'discovery'] : ['discovery'] },
        }),
      )
      blocked.set(record, dice.shuffled([...live.keys()].slice(0, 400)).slice(0, 20))
      const age = ageOf({ ...profile, birthDate: '1990-05-12' as never }, now)
      viewers.push({
        gender,
        seeks,
        seeksAgeMin,
        seeksAgeMax,
        age,
        place,
      })
    }
    const viewerRecords = [...blocked.keys()]
    /** By viewer: those who fit both ways. */
    const mutual = viewers.map((viewer) => {
      const fitting = new Set<RecordId>()
      for (const person of live.values())
        if (fitsWishes(person, viewer, now)) fitting.add(person.record)
      return fitting
    })
    const forget = (record: RecordId): void => {
      live.delete(record)
      for (const fitting of mutual) fitting.delete(record)
    }
    const learn = (person: Person): void => {
      live.set(person.record, person)
      for (const [at, viewer] of viewers.entries())
        if (fitsWishes(person, viewer, now)) mutual[at]?.add(person.record)
        else mutual[at]?.delete(person.record)
    }

    async function churn(): Promise<Set<RecordId>> {
      const everybody = [...live.values()].slice(0, 2000)
      const drawn = new Set<Person>()
      while (drawn.size < 6) drawn.add(dice.pick(everybody))
      const touched = [...drawn]
      const gone = touched.slice(0, 3)
      const replaced = touched.slice(3)
      const changed = replaced.map((person) => crowd.change(person, now - dice.below(50) * 7000))
      const joined = Array.from({ length: 3 }, () => crowd.join(now - dice.below(50) * 7000))
      await holder.apply([...changed, ...joined], gone, replaced)
      for (const { record } of gone) forget(record)
      for (const person of [...changed, ...joined]) learn(person)
      return new Set([...touched, ...joined].map(({ record }) => record))
    }

    let pages = 0
    let shownInAll = 0
    const repeated: string[] = []
    for (let n = 0; n < QUERIES; n += 1) {
      if (n % 20 === 0) online = dice.shuffled([...live.values()].slice(0, 1000)).slice(0, 500)
      const who = dice.chance(0.85) ? dice.below(VIEWERS) : null
      const viewer = who === null ? null : (viewers[who] ?? null)
      const request = requestOf(dice, who, crowd.spots, [...live.keys()].slice(0, 300))
      const from = request.near ?? viewer?.place ?? null
      if (from !== null && dice.chance(0.4))
        request.radiusKm = dice.pick([15, 60, 300, 2000, 12_000])
      const sort = dice.pick(['nearest', 'newest', 'active'] as const)
      if (sort !== 'nearest' || from !== null) request.sort = sort
      const order = request.sort ?? 'newest'
      // A snapshot of who is online serves for some seconds: the model begins when it does.
      world.clock.set(world.clock.now() + 6)
      const begun = new Set(online.map(({ record }) => record))
      const fits = createFits(request, {
        now: world.clock.now(),
        viewer,
        blocked: new Set(who === null ? [] : blocked.get(viewerRecords[who] ?? ('' as RecordId))),
        online: begun,
        typeOf: (home) => TYPES.get(home) ?? '',
      })

      /** Who fits: all are looked at for the first page, and then those who came or went. */
      const model = new Map<RecordId, Person>()
      const isMutual = who !== null && request.reciprocal !== false
      let news: Iterable<RecordId> = (isMutual ? mutual[who] : undefined) ?? live.keys()
      let last: Ranked | null = null
      let cursor: string | null = null
      const shownBefore = new Set<RecordId>()
      const touched = new Set<RecordId>()
      for (let page = 0; page < MOST_PAGES; page += 1) {
        await holder.reader.run()
        const found: DiscoverPage = await b.site.discovery.find({
          ...request,
          ...(cursor !== null && { cursor }),
        })
        pages += 1
        shownInAll += found.records.length
        for (const record of news) {
          const person = live.get(record)
          if (person !== undefined && fits(person)) model.set(record, person)
          else model.delete(record)
        }
        const fitting = [...model.values()]
        const after: Ranked | null = last
        const rest: Ranked[] = fitting
          .map((person) => rankOf(person, order, from, begun))
          .filter((one) => after === null || compare(one, after) > 0)
          .toSorted(compare)
        const expected: Ranked[] = rest.slice(0, request.limit)
        // The query is in the difference, where there is one.
        const place = `query ${n}, page ${page}: ${JSON.stringify({ ...request, seen: request.seen?.length })}`
        expect({
          place,
          records: found.records.map(({ record }) => record),
          total: found.total,
          isEnd: found.next === null,
          facets: found.facets,
        }).toEqual({
          place,
          records: expected.map(({ record }) => record),
          total: fitting.length,
          isEnd: rest.length <= request.limit,
          facets: Object.fromEntries(
            (request.facets ?? []).map((facet) => [facet, countBy(fitting, facet, now)]),
          ),
        })
        for (const record of found.records) {
          const person = live.get(record.record)
          if (person === undefined) throw new Error(`${place}: a record that is gone`)
          expect(record).toEqual(shownAs(person, { from, now, online: begun }))
          // Whose own key changes is found at its new place; nobody else is shown twice.
          if (shownBefore.has(record.record) && !touched.has(record.record)) repeated.push(place)
          shownBefore.add(record.record)
        }
        last = expected.at(-1) ?? null
        if (found.next === null) break
        cursor = found.next
        news = await churn()
        for (const record of news) touched.add(record)
      }
    }
    expect(repeated).toEqual([])
    // Else somebody's age has changed, and with it who fits whom.
    expect(dayOf(world.clock.now())).toBe(dayOf(now))
    // Most queries find somebody, and many have more than one page.
    expect(pages).toBeGreaterThan(QUERIES * 1.5)
    expect(shownInAll).toBeGreaterThan(QUERIES * 10)
  },
)
