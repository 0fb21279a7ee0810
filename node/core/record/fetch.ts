/** Pulls the bodies of live records from any holder, checks each again, and keeps or drops it. */
import { reasonOf } from '../tasks.ts'
import { openBody, type Body } from '../../../protocol/body.ts'
import { checkConsentLive } from '../../../protocol/consent.ts'
import { dayOf, isoDateOfDay } from '../../../protocol/dates.ts'
import { decodeEntry, type Publish } from '../../../protocol/entry.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { decideHome } from '../../../protocol/gate.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { BODIES_PER_REQUEST, CLOCK_SKEW_SECONDS } from '../../../protocol/limits.ts'
import { factsOf, matches } from '../../../protocol/requirements.ts'
import type { BodyAnswer } from '../../../protocol/wire.ts'
import { namedBy } from '../picture/named.ts'
import type { Clock, Crypto, Events, Network, Vault } from '../ports.ts'
import { traitsOf } from '../search/traits.ts'
import { logStateOf } from '../log/writer.ts'
import type { BodyColumns, HeldBody, RecordState, Store, WriteTransaction } from '../store.ts'
import type { View } from '../view.ts'
import { createHearsay } from './hearsay.ts'

export interface Fetcher {
  /**
   * Asks connected holders for the bodies of a home that are wanted here. Who had nothing to give
   * lately is left in peace for a while, unless there is news to ask for.
   */
  fetch: (home: SiteId, hasNews?: boolean) => Promise<void>
}

/** Seconds for which a source that had nothing is not asked again; doubled each time. */
const PAUSE_SECONDS = 1
const LONGEST_PAUSE_SECONDS = 64

/** Bodies opened and checked in one go, for some milliseconds. */
const OPENED_AT_ONCE = 64

/** Takes own bodies that came back from partners, e.g. to rebuild the index of members. */
export type OwnBodiesReturned = (
  bodies: readonly { columns: BodyColumns; body: Body }[],
) => Promise<void>

interface Opened {
  columns: BodyColumns
  body: Body
  bytes: Uint8Array
}
/** What an answer and its checks rely on; if it moves, the batch is asked for again. */
interface Fence {
  registrySize: number
  /** Index of this site's own requirements. */
  requirements: number | null
  /** Index of the home's, which name whom it excludes. */
  homeRequirements: number | null
}
interface Batch {
  /** As it was when the question was put. */
  before: Fence
  wanted: RecordState[]
  answers: BodyAnswer[]
}

/** The columns of a body that stay in clear. */
export function columnsOf(body: Body, publish: Publish, index: number): BodyColumns {
  return {
    record: publish.record,
    index,
    expires: body.consent.expiresAt,
    scopes: body.consent.scopes,
    excludes: body.consent.excludes ?? [],
    facts: factsOf(body.profile, publish.time),
    traits: traitsOf(body.profile),
  }
}

/** The pictures that the bodies kept at `indexes` name. */
function namedIn(opened: readonly Opened[], indexes: ReadonlySet<number>) {
  return opened
    .filter(({ columns }) => indexes.has(columns.index))
    .map(({ body, columns: { record, index } }) => namedBy(body.profile, record, index))
}

/** Whoever may serve a home's bodies, the home itself first. */
function sourcesOf(home: SiteId, connected: readonly SiteId[], coordinator: SiteId): SiteId[] {
  const sites = connected.filter((site) => site !== coordinator)
  return sites.toSorted((a, b) => Number(b === home) - Number(a === home))
}

/** Creates the fetcher of a site node. */
export function createFetcher(ports: {
  view: View
  store: Store
  vault: Vault
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'bodies' | 'connected'>
  events: Events
  /** Lets everything else that waits have its turn. */
  pause: () => Promise<unknown>
  onOwnBodies: OwnBodiesReturned
}): Fetcher {
  const { view, store, vault, clock, crypto, network, events } = ports
  const sources = (home: SiteId) => sourcesOf(home, network.connected(), view.network)
  const running = new Map<SiteId, Promise<void>>()
  const again = new Set<SiteId>()
  const hearsay = createHearsay(store)
  /** Homes of which an answer was put aside, since what it relied on had moved: no pause follows. */
  const moved = new Set<SiteId>()
  /** By "home source": when to ask again. A clock that jumps back ends a pause. */
  const pauses = new Map<string, { since: number; until: number; seconds: number }>()

  /** Whether this node may hold the body: the receiver's half of the gate. */
  function assertEligible(home: SiteId, body: Body, publish: Publish): void {
    const now = clock.now()
    // A consent given a minute ago must not fail at a clock that is two minutes behind: what is
    // refused now is not asked for again before the next day.
    const { givenAt } = body.consent
    checkConsentLive(
      body.consent,
      givenAt <= now + CLOCK_SKEW_SECONDS ? Math.max(now, givenAt) : now,
    )
    if (body.consent.expiresAt !== publish.expires)
      throw new ProtocolError('bad_commitment', '/consent/expiresAt', 'the expiry of the entry')
    if (home === view.self) return
    if (body.consent.excludes?.includes(view.self) === true)
      throw new ProtocolError('no_consent', '/consent/excludes', 'a consent that covers this site')
    const { requirements } = view.gate(home, view.self)
    const siteType = view.registry().members.get(home)?.siteType ?? ''
    const facts = factsOf(body.profile, publish.time)
    if (requirements === null || !matches(requirements, facts, siteType, dayOf(now)))
      throw new ProtocolError(
        'out_of_range',
        '/profile',
        "a body that meets this site's requirements",
      )
  }

  function open(home: SiteId, bytes: Uint8Array, publish: Publish, index: number): Opened {
    const { minimumAge } = view.registry().terms
    const today = isoDateOfDay(dayOf(clock.now()))
    const body = openBody(bytes, publish, { today, minimumAge }, crypto.sha256)
    assertEligible(home, body, publish)
    return { columns: columnsOf(body, publish, index), body, bytes }
  }

  const fence = (home: SiteId): Fence => ({
    registrySize: view.registry().size,
    requirements: view.requirements(view.self)?.index ?? null,
    homeRequirements: view.requirements(home)?.index ?? null,
  })

  async function stands(tx: WriteTransaction, home: SiteId, before: Fence): Promise<boolean> {
    const registry = await logStateOf(tx, view.network)
    const own = await logStateOf(tx, view.self)
    const homes = await logStateOf(tx, home)
    const isUnmoved =
      registry.size === before.registrySize &&
      (own.requirements?.index ?? null) === before.requirements &&
      (homes.requirements?.index ?? null) === before.homeRequirements
    if (!isUnmoved) moved.add(home)
    return isUnmoved
  }

  /** Marks what need not be asked for any more; returns how many. */
  async function settle(
    { home, source, before }: { home: SiteId; source: SiteId; before: Fence },
    settled: readonly number[],
  ): Promise<number> {
    if (settled.length === 0) return 0
    return store.write(async (tx) => {
      if (!(await stands(tx, home, before))) return 0
      await tx.records.setAsked(home, settled)
      if (source !== home) await hearsay.note(tx, home)
      return settled.length
    })
  }

  /** Own records whose withdrawal still waits for the log must not come back from a partner. */
  async function withoutPending<Row extends BodyColumns>(
    tx: WriteTransaction,
    home: SiteId,
    rows: readonly Row[],
  ): Promise<readonly Row[]> {
    if (home !== view.self) return rows
    const pending = new Set((await tx.records.pendingWithdrawals()).map(({ record }) => record))
    return rows.filter(({ record }) => !pending.has(record))
  }

  async function keep(
    home: SiteId,
    opened: readonly Opened[],
    before: Fence,
  ): Promise<Set<number>> {
    const sealed = await vault.seal(opened.map(({ bytes }) => bytes))
    const rows: Omit<HeldBody, 'home'>[] = opened.flatMap(({ columns }, at) => {
      const own = sealed[at]
      return own === undefined ? [] : [{ ...columns, sealed: own }]
    })
    const kept = new Set(
      await store.write(async (tx) => {
        if (!(await stands(tx, home, before))) return []
        const inserted = await tx.bodies.insert(home, await withoutPending(tx, home, rows))
        await tx.pictures.name(home, namedIn(opened, new Set(inserted)))
        return inserted
      }),
    )
    // A record may have ended while its body was on its way: then the key dies unused.
    const orphans = rows.filter(({ index }) => !kept.has(index)).map((row) => row.sealed.slot)
    if (orphans.length > 0) {
      await vault.destroy(orphans)
      vault.release(orphans)
    }
    return kept
  }

  /** Returns how many of the wanted bodies need not be asked for any more. */
  async function process(
    home: SiteId,
    source: SiteId,
    { before, wanted, answers }: Batch,
  ): Promise<number> {
    if (decideHome(view.gate(home, view.self)).kind === 'refused') return 0
    const indexes = wanted.map(({ index }) => index)
    const entries = await store.read((tx) => tx.logs.entriesAt(home, indexes))
    const opened: Opened[] = []
    const settled: number[] = []
    // A relay may lie: its word counts for as long as the home itself cannot be asked.
    const isFinal = source === home || !network.connected().includes(home)
    for (const [at, answer] of answers.entries()) {
      const { index } = answer
      // Else the next answer would stand still meanwhile, its window full, and its sender as well.
      if (at % OPENED_AT_ONCE === OPENED_AT_ONCE - 1) await ports.pause()
      if (isFinal && (answer.kind === 'withheld' || answer.kind === 'gone')) settled.push(index)
      if (answer.kind !== 'body') continue
      const entry = decodeEntry(entries.get(index) ?? new Uint8Array(0))
      if (entry.type !== 'publish') continue
      try {
        opened.push(open(home, answer.body, entry, index))
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        events.emit({ type: 'bodies.refused', home, from: source, code: error.code })
        // From the home itself it will not get better, unless one of the two clocks is wrong; a
        // relay may just have spoilt it.
        if (source === home && error.path !== '/givenAt') settled.push(index)
      }
    }
    const marked = await settle({ home, source, before }, settled)
    if (opened.length === 0) return marked
    const kept = await keep(home, opened, before)
    if (home === view.self)
      await ports.onOwnBodies(opened.filter(({ columns }) => kept.has(columns.index)))
    events.emit({ type: 'bodies.kept', home, from: source, count: kept.size })
    return marked + kept.size
  }

  async function ask(home: SiteId, source: SiteId, above: number): Promise<Batch | null> {
    const before = fence(home)
    const wanted = await store.read((tx) => tx.records.wanted(home, above, BODIES_PER_REQUEST))
    if (wanted.length === 0) return null
    const answers: BodyAnswer[] = []
    const indexes = wanted.map(({ index }) => index)
    const requirements = (before.requirements ?? -1) + 1
    const request = { home, indexes, requirements, registry: before.registrySize }
    for await (const reply of network.bodies(source, request)) answers.push(...reply.answers)
    return { before, wanted, answers }
  }

  /** Asks one source for all that is wanted; tells whether it was of any use. */
  async function fetchFrom(home: SiteId, source: SiteId): Promise<'useful' | 'useless' | 'idle'> {
    let asking = ask(home, source, -1)
    let asked = 0
    let settled = 0
    for (;;) {
      const batch = await asking
      const last = batch?.wanted.at(-1)
      if (batch === null || last === undefined) break
      // The next request travels while this answer is checked and stored.
      const next = ask(home, source, last.index)
      next.catch(() => undefined)
      asking = next
      asked += batch.wanted.length
      settled += await process(home, source, batch)
    }
    if (asked === 0) return 'idle'
    return settled > 0 ? 'useful' : 'useless'
  }

  function rest(home: SiteId, source: SiteId): void {
    const before = pauses.get(`${home} ${source}`)?.seconds ?? PAUSE_SECONDS / 2
    const seconds = Math.min(before * 2, LONGEST_PAUSE_SECONDS)
    const since = clock.now()
    pauses.set(`${home} ${source}`, { since, until: since + seconds, seconds })
  }

  async function fetchNow(home: SiteId): Promise<void> {
    if (network.connected().includes(home)) await hearsay.forget(home)
    for (const source of sources(home)) {
      if (decideHome(view.gate(home, view.self)).kind === 'refused') return
      const pause = pauses.get(`${home} ${source}`)
      if (pause !== undefined && clock.now() < pause.until && clock.now() >= pause.since) continue
      try {
        const use = await fetchFrom(home, source)
        // Nothing is wanted, whoever is asked.
        if (use === 'idle') return
        if (use === 'useless' && !moved.has(home)) rest(home, source)
        if (use === 'useful') pauses.delete(`${home} ${source}`)
      } catch (error) {
        events.emit({
          type: 'peer.failed',
          site: source,
          action: 'bodies',
          reason: reasonOf(error),
        })
      }
    }
  }

  async function fetchUntilQuiet(home: SiteId): Promise<void> {
    do {
      again.delete(home)
      moved.delete(home)
      await fetchNow(home)
    } while (again.has(home) || moved.has(home))
  }

  return {
    fetch: async (home, hasNews = false) => {
      if (hasNews) for (const source of sources(home)) pauses.delete(`${home} ${source}`)
      if (running.has(home)) again.add(home)
      const task =
        running.get(home) ??
        fetchUntilQuiet(home).finally(() => {
          running.delete(home)
        })
      running.set(home, task)
      await task
    },
  }
}
