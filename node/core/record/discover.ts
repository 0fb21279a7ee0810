/** The records of other sites that may be shown here now: listed, found for a member, or one alone. */
import { decodeBody } from '../../../protocol/body.ts'
import { dayOf } from '../../../protocol/dates.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { decide, decideHome, decideRecord } from '../../../protocol/gate.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import { ageOfFacts, type Place } from '../../../protocol/requirements.ts'
import { FIELD_NAMES, FIELDS, type SharedProfile } from '../../../protocol/vocabulary.ts'
import type { PrivateKeys } from '../identity.ts'
import type { Clock, Crypto, Vault } from '../ports.ts'
import type {
  Facet,
  RecordName,
  SearchAnswer,
  SearchFilter,
  SearchOrder,
  SearchPosition,
  SearchQuery,
  SearchRow,
} from '../search/query.ts'
import type { HeldBody, ReadTransaction, Store } from '../store.ts'
import type { View } from '../view.ts'
import { createCursors } from './cursor.ts'
import { gatedOf } from './disclose.ts'
import { memberKeyOf } from './member.ts'
import { createSnapshots } from './snapshots.ts'

/** A record as a site may show it: no hidden field, no coordinates, no salt, no consent. */
export interface VisibleRecord extends RecordName {
  /** Whole years today, as far as this site may know. */
  age: number
  profile: Partial<SharedProfile>
}
export interface VisiblePage {
  records: VisibleRecord[]
  /** Pass it as `after` for the next page; null at the end. */
  next: RecordId | null
}
type PlainFilter = Pick<SearchFilter, 'genders' | 'countries' | 'languages' | 'ageMin' | 'ageMax'>
export type VisibleFilter = PlainFilter & { homes?: SiteId[]; after?: RecordId; limit: number }

export const SORTS = ['nearest', 'newest', 'active'] as const
export type Sort = (typeof SORTS)[number]

/** What a site asks, mostly for one of its members. */
export interface DiscoverRequest {
  /** The site's own id of the member. */
  member?: string
  /** Whether both must meet the wishes of the other; by default so where there is a member. */
  reciprocal?: boolean
  filter: Omit<SearchFilter, 'homes' | 'now' | 'mutual' | 'near' | 'scopes' | 'only' | 'without'>
  homes?: readonly SiteId[]
  /** Types of the home's site. */
  siteTypes?: readonly string[]
  /** From where distances are reckoned; by default from the member's place. */
  near?: Place
  radiusKm?: number
  /** Only who is online now. */
  isOnline?: boolean
  /** Records that the member has seen. */
  seen?: readonly RecordId[]
  /** By default the nearest first, and the newest where there is no place. */
  sort?: Sort
  facets?: readonly Facet[]
  limit: number
  cursor?: string
}
export interface FoundRecord extends VisibleRecord {
  /** Unix seconds. */
  joinedAt: number
  isOnline: boolean
  /** Kilometres that the record is away at most, one of {@link BANDS_KM}; null where not known. */
  withinKm: number | null
}
export interface DiscoverPage {
  records: FoundRecord[]
  next: string | null
  /** Records that fit now, on all pages. */
  total: number
  facets: SearchAnswer['facets']
}

/** What talking knows of people. */
export interface Company {
  /** Records of other sites that are online now and may be shown so. */
  online: () => Iterable<RecordName>
  /** Whom a member has blocked, and who has blocked it. */
  blocksOf: (tx: ReadTransaction, member: RecordId) => Promise<readonly RecordId[]>
}

export interface Discovery {
  list: (filter: VisibleFilter) => Promise<VisiblePage>
  get: (home: SiteId, record: RecordId) => Promise<VisibleRecord | null>
  /**
   * @throws ProtocolError `not_found` at `/member`, `out_of_range` at `/cursor`, `/sort`,
   *   `/radiusKm`, `conflict` at `/cursor`, `not_ready` for texts while they are being read
   */
  find: (request: DiscoverRequest) => Promise<DiscoverPage>
}

/** Distances are told in steps: exact ones, asked for often enough, would give a place away. */
export const BANDS_KM = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_100] as const

const bandOf = (km: number | null): number | null =>
  km === null ? null : (BANDS_KM.find((band) => km <= band) ?? null)

/** Coarse as they are, coordinates are for reckoning distances, and not for showing. */
const KEPT_BACK: readonly string[] = ['latitudeTenths', 'longitudeTenths']
const SHOWN = FIELD_NAMES.filter(
  (name) => FIELDS[name].visibility !== 'hidden' && !KEPT_BACK.includes(name),
)
/** How often more is read where the gate has thinned a page out; then the page stays short. */
const ROUNDS = 8
/** Comes after every site's name. */
const LAST_HOME = '\uFFFF' as SiteId

/** The fields of a profile that a site may show. */
export function shownFields(profile: SharedProfile): Partial<SharedProfile> {
  return Object.fromEntries(
    SHOWN.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
  )
}

interface Shown {
  row: SearchRow
  held: HeldBody
  visible: VisibleRecord
}

function orderOf(sort: Sort, from: Place | null, online: readonly RecordName[]): SearchOrder {
  if (sort !== 'nearest') return sort === 'newest' ? { by: sort } : { by: sort, online }
  if (from === null)
    throw new ProtocolError('out_of_range', '/sort', 'nearest only with a place to reckon from')
  return { by: sort, from }
}

/** Creates discovery. Every answer passes the gate and the lease again. */
export function createDiscovery(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  crypto: Crypto
  keys: PrivateKeys
  company: Company
}): Discovery {
  const { view, store, vault, clock, crypto, keys, company } = ports
  const snapshots = createSnapshots(clock, company.online)

  function show(held: HeldBody): VisibleRecord | null {
    const gate = view.gate(held.home, view.self)
    if (decideHome(gate).kind === 'refused') return null
    if (decideRecord(gate, gatedOf(held), 'discovery').kind === 'refused') return null
    const bytes = vault.open(held.sealed)
    if (bytes === null) return null
    const { profile } = decodeBody(bytes)
    const age = ageOfFacts(held.facts, dayOf(clock.now()))
    return { record: held.record, home: held.home, age, profile: shownFields(profile) }
  }

  function openHomes(): SiteId[] {
    return [...view.registry().members.keys()].filter(
      (home) => home !== view.self && decideHome(view.gate(home, view.self)).kind === 'allowed',
    )
  }

  /** Opens rows; those that the gate refuses are left out. */
  async function showRows(tx: ReadTransaction, rows: readonly SearchRow[]): Promise<Shown[]> {
    const held = new Map<string, HeldBody>()
    for (const home of new Set(rows.map((row) => row.home))) {
      const indexes = rows.filter((row) => row.home === home).map(({ index }) => index)
      for (const body of await tx.bodies.atIndexes(home, indexes))
        held.set(`${home} ${body.record}`, body)
    }
    return rows.flatMap((row) => {
      const body = held.get(`${row.home} ${row.record}`)
      const visible = body === undefined ? null : show(body)
      return body === undefined || visible === null ? [] : [{ row, held: body, visible }]
    })
  }

  /** A page that is short only at the end, or where the gate refuses nearly everything. */
  async function pageOf(query: SearchQuery) {
    return store.read(async (tx) => {
      const { limit } = query
      // One more than the page has tells whether there is another one.
      let answer = await tx.search.find({ ...query, limit: limit + 1 })
      const { total, facets } = answer
      const shown: Shown[] = []
      let last: SearchPosition | null = null
      for (let round = 1; ; round += 1) {
        const rows = answer.rows.slice(0, limit - shown.length)
        shown.push(...(await showRows(tx, rows)))
        last = rows.at(-1) ?? last
        const isEnd = answer.rows.length <= rows.length
        if (isEnd || last === null) return { shown, total, facets, end: null }
        if (shown.length === limit || round === ROUNDS) return { shown, total, facets, end: last }
        const { home, record, key } = last
        answer = await tx.search.find({
          ...query,
          after: { home, record, key },
          limit: limit - shown.length + 1,
          facets: [],
        })
      }
    })
  }

  async function ownBody(member: string): Promise<HeldBody> {
    const key = memberKeyOf(crypto, keys, member)
    const held = await store.read(async (tx) => {
      const [row] = await tx.members.byKeys([key])
      return row === undefined ? null : tx.bodies.ofRecord(view.self, row.record)
    })
    if (held === null)
      throw new ProtocolError('not_found', '/member', 'a member with a live record')
    return held
  }

  /** Homes to look at: where it is mutual, those alone at which the member can be seen as well. */
  function homesFor(request: DiscoverRequest, mutualWith: HeldBody | null): SiteId[] {
    const { homes, siteTypes } = request
    const { members } = view.registry()
    return openHomes().filter(
      (home) =>
        homes?.includes(home) !== false &&
        siteTypes?.includes(members.get(home)?.siteType ?? '') !== false &&
        (mutualWith === null ||
          decide(view.gate(view.self, home), gatedOf(mutualWith), 'discovery').kind === 'allowed'),
    )
  }

  async function find(request: DiscoverRequest): Promise<DiscoverPage> {
    const { limit, facets = [], cursor, ...asked } = request
    const { member, filter, radiusKm, seen = [], ...rest } = asked
    const cursors = createCursors({ crypto, keys }, JSON.stringify(asked))
    const begun = cursor === undefined ? null : cursors.open(cursor)
    const own = member === undefined ? null : await ownBody(member)
    const mutual = own !== null && request.reciprocal !== false ? own : null
    if (own === null && request.reciprocal === true)
      throw new ProtocolError('out_of_range', '/reciprocal', 'false, or a member')
    const from = begun === null ? (rest.near ?? placeOf(own)) : begun.from
    if (radiusKm !== undefined && from === null)
      throw new ProtocolError('out_of_range', '/radiusKm', 'none without a place to reckon from')
    const sort = rest.sort ?? (from === null ? 'newest' : 'nearest')
    const { snapshot, online } =
      begun !== null && sort === 'active'
        ? { snapshot: begun.snapshot, online: snapshots.get(begun.snapshot) }
        : snapshots.take()
    const blocked = own === null ? [] : await store.read((tx) => company.blocksOf(tx, own.record))
    const page = await pageOf({
      ...filter,
      homes: homesFor(request, mutual),
      now: clock.now(),
      ...(mutual !== null && { mutual: mutual.facts }),
      ...(from !== null && { from }),
      ...(from !== null && radiusKm !== undefined && { near: { ...from, radiusKm } }),
      ...(rest.isOnline === true && { only: [...company.online()], scopes: ['presence'] }),
      without: [...seen, ...blocked],
      order: orderOf(sort, from, online),
      ...(begun !== null && { after: begun.position }),
      limit,
      facets,
    })
    return {
      records: page.shown.map(foundOf(online)),
      next: page.end === null ? null : cursors.seal({ position: page.end, from, snapshot }),
      total: page.total,
      facets: page.facets,
    }
  }

  function foundOf(online: readonly RecordName[]): (shown: Shown) => FoundRecord {
    const names = new Set(online.map(({ home, record }) => `${home} ${record}`))
    return ({ row, held, visible }) => {
      const gate = view.gate(held.home, view.self)
      const mayShowPresence = decideRecord(gate, gatedOf(held), 'presence').kind === 'allowed'
      return {
        ...visible,
        joinedAt: row.joinedAt,
        isOnline: mayShowPresence && names.has(`${row.home} ${row.record}`),
        withinKm: bandOf(row.distanceKm),
      }
    }
  }

  return {
    find,
    list: async ({ after, homes, ...filter }) => {
      const { shown, end } = await pageOf({
        ...filter,
        homes: openHomes().filter((home) => homes?.includes(home) !== false),
        now: clock.now(),
        order: { by: 'record' },
        ...(after !== undefined && { after: { home: LAST_HOME, record: after, key: 0 } }),
      })
      return { records: shown.map(({ visible }) => visible), next: end?.record ?? null }
    },
    get: async (home, record) => {
      const held = await store.read((tx) => tx.bodies.ofRecord(home, record))
      return held === null || home === view.self ? null : show(held)
    },
  }
}

function placeOf(held: HeldBody | null): Place | null {
  const { latitudeTenths = null, longitudeTenths = null } = held?.facts ?? {}
  return latitudeTenths === null || longitudeTenths === null
    ? null
    : { latitudeTenths, longitudeTenths }
}
