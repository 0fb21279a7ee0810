/** Recommends records of other sites to a member: who fits both ways, the best of them, and why. */
import { decodeBody, type Body } from '../../../protocol/body.ts'
import { dayOf } from '../../../protocol/dates.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { decide, decideHome, decideRecord } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { ageOfFacts, type Facts, type Place } from '../../../protocol/requirements.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto, Vault } from '../ports.ts'
import type { PoolRow, RecordName } from '../search/query.ts'
import { traitsOf } from '../search/traits.ts'
import type { HeldBody, ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import { gatedOf } from './disclose.ts'
import { shownFields, type Company, type VisibleRecord } from './discover.ts'
import { memberKeyOf } from './member.ts'
import { createDraw } from './recommend/diversity.ts'
import { rank, type Ranked } from './recommend/rank.ts'
import { reasonsFor, type Reason } from './recommend/reasons.ts'
import { scorePair, type Person, type Wishes } from './recommend/score.ts'

/** What a site asks for one of its members. */
export interface RecommendRequest {
  /** The site's own id of the member. */
  member: string
  /** What the site knows of its member's wishes beside the profile; used for this answer alone. */
  wishes?: Wishes
  radiusKm?: number
  /** Records that the member has seen. */
  seen?: readonly RecordId[]
  limit: number
}
export interface Recommendation extends VisibleRecord {
  /** How well both meet the wishes of the other, from 0 to 1, in hundredths. */
  score: number
  reasons: Reason[]
}
export interface Recommender {
  /**
   * The best come first; on one day the answer to the same question changes only with the records.
   *
   * @throws ProtocolError `not_found` at `/member`; `no_consent` where the member's does not cover
   *   it; `out_of_range` at `/radiusKm` without a place to reckon from
   */
  recommend: (request: RecommendRequest) => Promise<Recommendation[]>
}

/** From so many, nearest rings first, the best are chosen. */
export const POOL = 500
/** Of so many at most bodies are opened where race or religion are wished for. */
export const SHORTLIST = 100

/** Somebody of the pool. */
interface Candidate extends RecordName {
  index: number
  person: () => Person
  /** The body, once it has been opened. */
  opened: Opened | null
}
interface Opened {
  held: HeldBody
  body: Body
}

const placeOf = ({ latitudeTenths, longitudeTenths }: Facts): Place | null =>
  latitudeTenths === null || longitudeTenths === null ? null : { latitudeTenths, longitudeTenths }

/** A person with all that the profile says, race and religion too. */
function personOf({ held, body }: Opened, today: number): Person {
  const { profile } = body
  const { languages, choices } = traitsOf(profile)
  const { race, religion } = profile
  return {
    facts: held.facts,
    age: ageOfFacts(held.facts, today),
    scopes: held.scopes,
    languages,
    choices: { ...choices, ...(race && { race }), ...(religion && { religion }) },
  }
}

/** The candidate of a row, by its columns, which are read when somebody looks. */
function candidateOf({ home, record, index, read }: PoolRow, today: number): Candidate {
  let known: Person | null = null
  const person = (): Person => {
    if (known !== null) return known
    const { facts, scopes, traits } = read()
    const { languages, choices } = traits
    known = { facts, age: ageOfFacts(facts, today), scopes, languages, choices }
    return known
  }
  return { home, record, index, person, opened: null }
}

/** The next of an order, at most so many. */
function take<T>(order: Iterator<T>, count: number): T[] {
  const taken: T[] = []
  while (taken.length < count) {
    const next = order.next()
    if (next.done === true) break
    taken.push(next.value)
  }
  return taken
}

/** Creates the recommender of a site. Every answer passes the gate and the lease again. */
export function createRecommender(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  company: Pick<Company, 'blocksOf'>
}): Recommender {
  const { view, store, vault, clock, crypto, keys, company } = ports

  /** The body, where the gate lets it be recommended and the consent is for that purpose. */
  function open(held: HeldBody): Opened | null {
    const gate = view.gate(held.home, view.self)
    if (decideHome(gate).kind === 'refused') return null
    if (decideRecord(gate, gatedOf(held), 'recommendations').kind === 'refused') return null
    const bytes = vault.open(held.sealed)
    if (bytes === null) return null
    const body = decodeBody(bytes)
    return body.consent.purposes.includes('recommend') ? { held, body } : null
  }

  /** Opens the bodies of candidates; those that may not be recommended are left out. */
  async function openAll(
    tx: ReadTransaction,
    ranked: readonly Ranked<Candidate>[],
  ): Promise<(Ranked<Candidate> & { opened: Opened })[]> {
    const closed = ranked.flatMap(({ candidate }) => (candidate.opened === null ? candidate : []))
    const held = new Map<string, HeldBody>()
    for (const home of new Set(closed.map((candidate) => candidate.home))) {
      const indexes = closed.flatMap((one) => (one.home === home ? one.index : []))
      for (const body of await tx.bodies.atIndexes(home, indexes))
        held.set(`${home} ${body.index}`, body)
    }
    return ranked.flatMap((row) => {
      const { home, index, opened: known } = row.candidate
      const body = held.get(`${home} ${index}`)
      const opened = known ?? (body === undefined ? null : open(body))
      return opened === null ? [] : [{ ...row, opened }]
    })
  }

  async function viewerOf(tx: ReadTransaction, member: string): Promise<Opened> {
    const [row] = await tx.members.byKeys([memberKeyOf(crypto, keys, member)])
    const held = row === undefined ? null : await tx.bodies.ofRecord(view.self, row.record)
    if (held === null)
      throw new ProtocolError('not_found', '/member', 'a member with a live record')
    const opened = open(held)
    if (opened === null)
      throw new ProtocolError('no_consent', '', "the member's consent to recommendations")
    return opened
  }

  /** Homes whose records may be shown here, and at which the member can be recommended as well. */
  function homesFor(viewer: HeldBody): SiteId[] {
    return [...view.registry().members.keys()].filter(
      (home) =>
        home !== view.self &&
        decideHome(view.gate(home, view.self)).kind === 'allowed' &&
        decide(view.gate(view.self, home), gatedOf(viewer), 'recommendations').kind === 'allowed',
    )
  }

  async function recommend(tx: ReadTransaction, request: RecommendRequest) {
    const { member, wishes = {}, radiusKm, seen = [], limit } = request
    const now = clock.now()
    const today = dayOf(now)
    const viewer = await viewerOf(tx, member)
    const { record, facts } = viewer.held
    const place = placeOf(facts)
    if (radiusKm !== undefined && place === null)
      throw new ProtocolError('out_of_range', '/radiusKm', 'none without a place to reckon from')
    const draw = createDraw(crypto, keys.index, { viewer: record, day: today })
    const rows = await tx.search.pool({
      homes: homesFor(viewer.held),
      now,
      mutual: facts,
      scopes: ['recommendations'],
      without: [...seen, ...(await company.blocksOf(tx, record))],
      ...(place !== null && radiusKm !== undefined && { near: { ...place, radiusKm } }),
      around: { place, country: facts.country },
      seed: draw.seed,
      limit: POOL,
    })
    const own = personOf(viewer, today)
    const scoreOf = ({ person }: Candidate): number => scorePair(own, person(), wishes)
    let ranked = rank(
      rows.map((row) => candidateOf(row, today)),
      scoreOf,
      draw,
    )
    // Race and religion are in no column: only where they are wished for are bodies opened for them.
    if (wishes.race !== undefined || wishes.religion !== undefined) {
      const best = await openAll(tx, take(ranked, SHORTLIST))
      const read = best.map(({ candidate, opened }) => {
        const person = personOf(opened, today)
        return { ...candidate, person: () => person, opened }
      })
      ranked = rank(read, scoreOf, draw)
    }
    const found: Recommendation[] = []
    while (found.length < limit) {
      const next = take(ranked, limit - found.length)
      if (next.length === 0) break
      for (const { candidate, score, opened } of await openAll(tx, next)) {
        const { home, record: name } = candidate
        const person = candidate.person()
        found.push({
          home,
          record: name,
          age: person.age,
          profile: shownFields(opened.body.profile),
          score: Math.round(score * 100) / 100,
          reasons: reasonsFor(own, person, wishes),
        })
      }
    }
    return found
  }

  return { recommend: (request) => store.read((tx) => recommend(tx, request)) }
}
