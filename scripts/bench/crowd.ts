/** A site that holds so many records of other sites, for the measures of discovery and recommendations. */
import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { createIdentity, derivePrivateKeys } from '../../node/core/identity.ts'
import { createDiscovery, type Discovery } from '../../node/core/record/discover.ts'
import { memberKeyOf } from '../../node/core/record/member.ts'
import { createRecommender, type Recommender } from '../../node/core/record/recommend.ts'
import { traitsOf, type Traits } from '../../node/core/search/traits.ts'
import type { BodyColumns, HeldBody, RecordState } from '../../node/core/store.ts'
import { createView } from '../../node/core/view.ts'
import { systemCrypto, systemRandom } from '../../node/roles/system.ts'
import { createFolder } from '../../node/store/folder.ts'
import { openStorage, type Storage } from '../../node/store/storage.ts'
import { encodeBody } from '../../protocol/body.ts'
import { parseConsentInput, type Scope } from '../../protocol/consent.ts'
import { dayOf, parseIsoDate } from '../../protocol/dates.ts'
import type { Admit } from '../../protocol/entry.ts'
import { parseSiteId, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { factsOf, type Facts } from '../../protocol/requirements.ts'
import { shareProfile, type ProfileInput } from '../../protocol/vocabulary.ts'
import { people } from '../people.ts'
import { BATCH, today } from './members.ts'
import { openSearchFloor, type Held, type SearchFloor } from './search-floor.ts'

const NETWORK = parseSiteId('bench.example')
const SELF = parseSiteId('self.example')
const HOMES = ['amor', 'bella', 'cher', 'dora', 'eros'].map((name) =>
  parseSiteId(`${name}.example`),
)
/** Bodies, each of which many records share here: all cost the same to open. */
const BODIES = 1000
export const VIEWERS = 64
const YEAR_SECONDS = 365 * 86_400

export interface Crowd {
  storage: Storage
  /** The same records as the raw floor keeps them. */
  floor: SearchFloor
  discovery: Discovery
  recommender: Recommender
  viewers: { id: string; facts: Facts; scopes: readonly Scope[] }[]
  close: () => Promise<void>
}

interface Template extends Pick<BodyColumns, 'scopes' | 'facts' | 'expires'> {
  traits: Traits
  bytes: Uint8Array
}

function templates(now: number): Template[] {
  return people(7, BODIES, today()).map(({ profile: input, consent: given }) => {
    const consent = parseConsentInput(given)
    const { profile } = shareProfile(
      input as unknown as ProfileInput,
      consent.scopes,
      parseIsoDate(today()),
    )
    const salt = new Uint8Array(32)
    const body = {
      profile: { ...profile, sealed: salt },
      consent,
      profileSalt: salt,
      consentSalt: salt,
    }
    return {
      scopes: consent.scopes,
      expires: consent.expiresAt,
      facts: factsOf(profile, now),
      traits: traitsOf(profile),
      bytes: encodeBody(body).bytes,
    }
  })
}

function shift(tenths: number | null): number | null {
  return tenths === null ? null : tenths + randomInt(-20, 21)
}

/** The same person at another age and place. */
function vary({ facts, traits, ...rest }: Template, now: number) {
  const age = randomInt(18, 70)
  const seeksAgeMin = Math.max(18, age - randomInt(3, 12))
  return {
    ...rest,
    traits,
    facts: {
      ...facts,
      birthDay: dayOf(now) - Math.floor(age * 365.25) - randomInt(1, 360),
      ageYears: null,
      agedOn: null,
      seeksAgeMin,
      seeksAgeMax: age + randomInt(3, 12),
      latitudeTenths: shift(facts.latitudeTenths),
      longitudeTenths: shift(facts.longitudeTenths),
    },
  }
}

function viewOf(clock: { now: () => number; every: () => () => void }) {
  const now = clock.now()
  const entries = [SELF, ...HOMES].map((site): Admit => {
    const { logKey, witnessKey } = createIdentity(NETWORK, site, randomBytes(32))
    const keys = { logKey: logKey.publicKey, witnessKey: witnessKey.publicKey }
    const rest = { siteType: 'general', jurisdiction: 'DE', time: now, expires: now + YEAR_SECONDS }
    return { type: 'admit', site, ...keys, ...rest }
  })
  const view = createView(
    { network: NETWORK, self: SELF, clock },
    { logs: [], entries, frozen: [] },
  )
  for (const site of [NETWORK, ...HOMES]) view.heard(site, now)
  for (const site of [SELF, ...HOMES])
    view.setRequirements(site, { requirements: {}, excludes: [], index: 0 })
  return view
}

type Insert = (home: SiteId, from: number, count: number) => Promise<Omit<HeldBody, 'home'>[]>

/** Inserts live records and their bodies; `each` is told the times of every one. */
async function createInsert({ store, vault }: Storage, now: number, each: (held: Held) => void) {
  const known = templates(now)
  const sealed = await vault.seal(known.map(({ bytes }) => bytes))
  let next = 0

  function rowOf(index: number): { state: RecordState; body: Omit<HeldBody, 'home'> } {
    const at = next % BODIES
    next += 1
    const [template, own] = [known[at], sealed[at]]
    if (template === undefined || own === undefined) throw new Error('no body')
    const { scopes, expires, facts, traits } = vary(template, now)
    const record = recordIdOf(new Uint8Array(randomBytes(16)))
    const joinedAt = now - randomInt(YEAR_SECONDS)
    const publishedAt = joinedAt + randomInt(now - joinedAt + 1)
    const common = { record, index, expires }
    const times = { joinedAt, publishedAt }
    each({ facts, traits, ...times })
    return {
      state: { ...common, firstIndex: 0, version: 1, live: true, endIndex: null, ...times },
      body: { ...common, scopes, excludes: [], facts, traits, sealed: own },
    }
  }
  const insert: Insert = async (home, from, count) => {
    const rows = Array.from({ length: count }, (_, at) => rowOf(from + at))
    const bodies = rows.map(({ body }) => body)
    await store.write(async (tx) => {
      await tx.records.save(
        home,
        rows.map(({ state }) => state),
        false,
      )
      await tx.bodies.insert(home, bodies)
    })
    return bodies
  }
  return insert
}

/** Fills a data folder, and the table of the floor. */
export async function startCrowd(path: string, records: number): Promise<Crowd> {
  const floor = openSearchFloor(join(path, 'floor.db'))
  let waiting: Held[] = []
  const keys = derivePrivateKeys(randomBytes(32))
  const clock = { now: () => Math.floor(Date.now() / 1000), every: () => () => undefined }
  const storage = await openStorage({
    folder: createFolder(join(path, 'site')),
    site: SELF,
    masterKey: keys.master,
    random: systemRandom,
    crypto: systemCrypto,
  })
  const { store, vault } = storage
  let isFilled = false
  const insert = await createInsert(storage, clock.now(), (held) => {
    if (isFilled || waiting.push(held) < BATCH) return
    floor.add(waiting)
    waiting = []
  })
  for (let done = 0; done < records; done += BATCH)
    await insert(HOMES[(done / BATCH) % HOMES.length] ?? SELF, done, BATCH)
  isFilled = true
  floor.finish()
  const own = await insert(SELF, 0, VIEWERS)
  const members = own.map(({ record }, at) => ({
    memberKey: memberKeyOf(systemCrypto, keys, `viewer-${at}`),
    record,
    inputDigest: new Uint8Array(32),
    emailKey: null,
  }))
  await store.write((tx) => tx.members.save(members))
  const viewers = own.map(({ facts, scopes }, at) => ({ id: `viewer-${at}`, facts, scopes }))
  const ports = {
    view: viewOf(clock),
    store,
    vault,
    clock,
    crypto: systemCrypto,
    keys,
    company: { online: () => [], blocksOf: () => Promise.resolve([]) },
  }
  return {
    storage,
    floor,
    discovery: createDiscovery(ports),
    recommender: createRecommender(ports),
    viewers,
    close: async () => {
      floor.close()
      await storage.close()
    },
  }
}
