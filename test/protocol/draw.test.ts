/**
 * Draws. Method: random networks whose sites publish, replace and withdraw; a coordinator that keeps
 * the rules; and a reader who has nothing but the logs and draws again.
 */
import { array, assert, constantFrom, nat, property, record as recordOf } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toUtf8 } from '../../protocol/bytes.ts'
import {
  drawnOf,
  drawPlaces,
  encodeGrowth,
  livePublishes,
  mixedLogs,
  mixOf,
  type Round,
} from '../../protocol/draw.ts'
import {
  encodeEntry,
  type CoordinatorEntry,
  type Draw,
  type SiteEntry,
} from '../../protocol/entry.ts'
import { parseSiteId, recordIdOf, type SiteId } from '../../protocol/ids.ts'
import { publicKeyOf, sha256 } from '../../protocol/keys.ts'
import { DEMANDS_PER_DAY, DRAWS_KEPT } from '../../protocol/limits.ts'
import { redraw } from '../../protocol/redraw.ts'
import {
  DEFAULT_TERMS,
  emptyRegistry,
  foldRegistry,
  type Registry,
} from '../../protocol/registry.ts'

const NETWORK = parseSiteId('network.example')
const SITES = ['amor', 'beso', 'cuore'].map((name) => parseSiteId(`${name}.example`))
const T = 1_772_323_200
const DAY = 86_400
const seedOf = (n: number): Uint8Array => sha256(toUtf8(`seed ${n}`))
const key = (n: number): Uint8Array => publicKeyOf(seedOf(n))

function publish(n: number, version = 1, expires = T + 300 * DAY): SiteEntry {
  return {
    type: 'publish',
    record: recordIdOf(new Uint8Array(16).fill(n)),
    version,
    profile: seedOf(n),
    consent: seedOf(version),
    time: T,
    expires,
  }
}
function withdraw(n: number): SiteEntry {
  const record = recordIdOf(new Uint8Array(16).fill(n))
  return { type: 'withdraw', record, reason: 'erased', time: T, notice: '' }
}

/** A network in one place: the logs, and a coordinator that draws by the rules. */
class Network {
  readonly log: CoordinatorEntry[] = []
  readonly logs = new Map<SiteId, SiteEntry[]>()
  registry: Registry = emptyRegistry(NETWORK)
  constructor(count = SITES.length) {
    for (const [n, site] of SITES.slice(0, count).entries()) this.admit(site, n)
  }
  write(entry: CoordinatorEntry): number {
    this.log.push(entry)
    this.registry = foldRegistry(this.registry, entry)
    return this.log.length - 1
  }
  admit(site: SiteId, n: number): void {
    this.logs.set(site, [])
    const keys = { logKey: key(2 * n), witnessKey: key(2 * n + 1) }
    const about = { siteType: 'general', jurisdiction: 'DE', time: T, expires: T + 900 * DAY }
    this.write({ type: 'admit', site, ...keys, ...about })
  }
  entriesOf(site: SiteId): Uint8Array[] {
    return (this.logs.get(site) ?? []).map(encodeEntry)
  }
  /** The next draw as the rules have it, with some fields changed. */
  draw(time: number, changes: Partial<Draw> = {}): { index: number; round: Round } {
    const { draws, members } = this.registry
    const sites = [...members.keys()]
    const sizes = sites.map((site) => this.logs.get(site)?.length ?? 0)
    const logs = sites.map((site, at) => {
      return { site, from: draws.sizes[at] ?? 0, size: sizes[at] ?? 0, isDrawn: false }
    })
    const mixed = mixedLogs(logs).map(({ site, from }) => {
      const entry = this.entriesOf(site)[from]
      if (entry === undefined) throw new Error('a log has all its entries')
      return entry
    })
    const last = draws.rounds.at(-1)
    const index = this.write({
      type: 'draw',
      seed: last === undefined ? null : seedOf(1000 + last.index),
      commitment: sha256(seedOf(1000 + this.log.length)),
      growth: encodeGrowth(draws.sizes, sizes),
      mix: mixOf(mixed),
      site: null,
      count: DEFAULT_TERMS.challengesPerRound,
      time,
      ...changes,
    })
    const round = this.registry.draws.rounds.at(-1)
    if (round === undefined) throw new Error('a draw is a round')
    return { index, round }
  }
  redraw(index: number) {
    return redraw(NETWORK, this.log.map(encodeEntry), index, (site) => this.entriesOf(site))
  }
}

/** What a site may write next; the numbers name records. */
const deed = recordOf({
  site: constantFrom(...SITES),
  kind: constantFrom('publish', 'publish', 'publish', 'replace', 'withdraw', 'short'),
  record: nat(30),
})

describe('a draw', () => {
  it('is the same for everybody who has the logs, whatever was written', () => {
    assert(
      property(array(array(deed, { maxLength: 30 }), { maxLength: 5 }), (rounds) => {
        const network = new Network()
        network.draw(T)
        for (const [at, deeds] of rounds.entries()) {
          for (const { site, kind, record } of deeds) {
            const log = network.logs.get(site) ?? []
            if (kind === 'withdraw') log.push(withdraw(record))
            else if (kind === 'short') log.push(publish(record, 1, T + DAY))
            else log.push(publish(record, kind === 'replace' ? log.length + 2 : 1))
          }
          const time = T + (at + 1) * DAY
          const { index, round } = network.draw(time)
          const again = network.redraw(index)
          expect(again.fault).toBeNull()
          for (const { site, size } of round.logs) {
            const drawn = again.drawn.filter((one) => one.site === site).map((one) => one.index)
            const entries = (network.logs.get(site) ?? []).slice(0, size)
            const live = livePublishes(entries, { orders: [], time })
            expect(drawn).toEqual(drawnOf(round, site, live))
            expect(new Set(drawn).size).toBe(drawn.length)
            expect(drawn.length).toBe(Math.min(live.size, DEFAULT_TERMS.challengesPerRound))
            for (const one of drawn) expect(live.has(one)).toBe(true)
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  it('does not change by what is written after it', () => {
    const network = new Network()
    network.draw(T)
    for (let n = 0; n < 20; n += 1) network.logs.get(SITES[0] ?? NETWORK)?.push(publish(n))
    const { index } = network.draw(T + DAY)
    const before = network.redraw(index)
    for (let n = 0; n < 20; n += 1) network.logs.get(SITES[0] ?? NETWORK)?.push(withdraw(n))
    expect(network.redraw(index)).toEqual(before)
    expect(before.drawn).toHaveLength(DEFAULT_TERMS.challengesPerRound)
  })

  it('comes out otherwise for another seed, and for another first entry of any site', () => {
    const drawnWith = (first: SiteEntry, seed: number): string => {
      const network = new Network()
      network.draw(T, { commitment: sha256(seedOf(seed)) })
      for (let n = 0; n < 200; n += 1) network.logs.get(SITES[0] ?? NETWORK)?.push(publish(n))
      network.logs.get(SITES[1] ?? NETWORK)?.push(first)
      const { index } = network.draw(T + DAY, { seed: seedOf(seed) })
      return JSON.stringify(network.redraw(index).drawn.filter(({ site }) => site === SITES[0]))
    }
    const one = drawnWith(publish(1), 1)
    expect(drawnWith(publish(1), 1)).toBe(one)
    expect(drawnWith(publish(1), 2)).not.toBe(one)
    expect(drawnWith(publish(2), 1)).not.toBe(one)
  })

  it('draws each live publish about as often as any other', () => {
    const counts = Array<number>(10).fill(0)
    for (let n = 0; n < 1000; n += 1) {
      const entry: Draw = {
        type: 'draw',
        seed: seedOf(n),
        commitment: seedOf(0),
        growth: new Uint8Array(3),
        mix: seedOf(0),
        site: null,
        count: 1,
        time: T,
      }
      const site = SITES[0] ?? NETWORK
      const logs = [{ site, from: 0, size: 40, isDrawn: true }]
      // Ten live publishes, far apart and next to each other.
      const live = [0, 1, 2, 3, 4, 35, 36, 37, 38, 39]
      const [drawn] = drawnOf({ index: 0, entry, fault: null, logs }, site, new Set(live))
      const place = live.indexOf(drawn ?? -1)
      counts[place] = (counts[place] ?? 0) + 1
    }
    // By chance alone one of ten counts is off by so much once in about ten thousand seeds.
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(42)
  })

  it('looks at each place once, and at all of a small log', () => {
    const network = new Network(1)
    network.draw(T)
    const site = SITES[0] ?? NETWORK
    for (let n = 0; n < 7; n += 1) network.logs.get(site)?.push(publish(n))
    const { round } = network.draw(T + DAY)
    expect([...drawPlaces(round, site)].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect([...drawPlaces(round, parseSiteId('other.example'))]).toEqual([])
  })

  it('tells when no site has written since the draw before', () => {
    const network = new Network(1)
    network.logs.get(SITES[0] ?? NETWORK)?.push(publish(1))
    network.draw(T)
    const { index } = network.draw(T + DAY)
    expect(network.redraw(index)).toMatchObject({ isMixed: false, drawn: [{ index: 0 }] })
  })

  it('takes no withdrawn, replaced, ordered or expired publish', () => {
    const orders = [
      {
        type: 'order' as const,
        site: NETWORK,
        record: recordIdOf(new Uint8Array(16).fill(4)),
        size: 0,
        time: T,
        notice: '',
      },
    ]
    const entries = [
      publish(1),
      publish(2),
      publish(3, 1, T),
      publish(4),
      publish(1, 2),
      withdraw(2),
      publish(2, 3),
    ]
    expect([...livePublishes(entries, { orders, time: T })]).toEqual([4])
    const all = [
      { type: 'order' as const, site: NETWORK, record: null, size: 3, time: T, notice: '' },
    ]
    expect([...livePublishes(entries, { orders: all, time: T })]).toEqual([3])
  })
})

describe('foldRegistry', () => {
  it.each([
    ['wrong-seed', { seed: seedOf(7) }, T + DAY],
    ['wrong-growth', { growth: new Uint8Array(6) }, T + DAY],
    ['wrong-count', { count: 16 }, T + DAY],
    ['too-early', {}, T + DAY - 1],
    ['not-active', { site: parseSiteId('other.example') }, T + 1],
  ] as const)('lets a draw draw nothing that has %s', (fault, changes, time) => {
    const network = new Network()
    network.draw(T)
    network.logs.get(SITES[0] ?? NETWORK)?.push(publish(1))
    const { index, round } = network.draw(time, changes)
    expect(round).toMatchObject({ fault, logs: [] })
    expect(network.redraw(index)).toMatchObject({ fault, drawn: [] })
  })

  it('bounds the draws on demand in a day', () => {
    const network = new Network()
    network.draw(T)
    const site = SITES[0] ?? null
    for (let n = 0; n < DEMANDS_PER_DAY; n += 1)
      expect(network.draw(T + n, { site, count: 1 }).round.fault).toBeNull()
    expect(network.draw(T + 30, { site, count: 1 }).round.fault).toBe('too-many')
    expect(network.draw(T + 2 * DAY, { site, count: 1 }).round.fault).toBeNull()
  })

  it('begins anew without a seed, and draws nothing then', () => {
    const network = new Network(1)
    network.draw(T)
    network.logs.get(SITES[0] ?? NETWORK)?.push(publish(1))
    const { index, round } = network.draw(T + 5, { seed: null })
    expect(round.fault).toBeNull()
    expect(network.redraw(index).drawn).toEqual([])
    expect(network.draw(T + DAY + 5).round.logs).toMatchObject([
      { from: 1, size: 1, isDrawn: true },
    ])
  })

  it('draws from nobody who is suspended, and finds a mix that the logs contradict', () => {
    const network = new Network(2)
    const [a = NETWORK, b = NETWORK] = SITES
    network.draw(T)
    for (const site of [a, b]) network.logs.get(site)?.push(publish(1))
    network.write({ type: 'suspend', site: a, reason: 'terms', time: T })
    const { round } = network.draw(T + DAY)
    expect(round.logs).toMatchObject([{ isDrawn: false }, { isDrawn: true }])
    network.logs.get(a)?.push(publish(2))
    const { index } = network.draw(T + 2 * DAY, { mix: seedOf(3) })
    expect(network.redraw(index)).toMatchObject({ fault: 'wrong-mix', drawn: [] })
  })

  it('keeps a bounded number of rounds', () => {
    const network = new Network(1)
    for (let n = 0; n < DRAWS_KEPT + 5; n += 1) network.draw(T + n * DAY)
    expect(network.registry.draws.rounds).toHaveLength(DRAWS_KEPT)
    expect(network.registry.draws.rounds.at(-1)?.fault).toBeNull()
  })
})

describe('encodeGrowth', () => {
  it('is told in parts where a log has grown by more than fits', () => {
    expect(encodeGrowth([5], [5 + 2 ** 24])).toEqual(new Uint8Array([255, 255, 255]))
    expect(encodeGrowth([5], [3, 258])).toEqual(new Uint8Array([0, 0, 0, 0, 1, 2]))
  })
})
