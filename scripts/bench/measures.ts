/** The measurements, each giving lines of the table. */ import type { Spent } from './timing.ts'

import { join } from 'node:path'
import { startChild } from './child.ts'
import {
  startFederation,
  temporaryFolder,
  type Federation,
  type FlagsOf,
  type Member,
} from './federation.ts'
import { median, quantile, rangeOf, short, type Figure } from './figures.ts'

const FLOOR_ROUNDS = 3
const RESYNC_ROUNDS = 5
const SINGLE_WITHDRAWALS = 30
const BATCH_WITHDRAWALS = 5
const WITHDRAWN_AT_ONCE = 100
const FEW = 10_000
/** Members published over HTTP, beyond those that the site has. */
const OVER_HTTP = 20_000
/** One country of five and one gender of two: about a tenth of the invented members. */
const A_TENTH = { countries: ['DE'], genders: ['woman'] }
const MEGA = 1e6

/** What the floors give, for the ratios of the others. */
export interface Floors {
  insertOwn: number
  insertHeld: number
  stream: number
  hash: number
}

export interface Context {
  members: number
  flagsOf: FlagsOf
  floors: Floors | null
}

const perSecond = (count: number, millis: number): number => (count / millis) * 1000

async function rounds<T>(count: number, one: () => Promise<T>): Promise<T[]> {
  const values: T[] = []
  for (let round = 0; round < count; round += 1) values.push(await one())
  return values
}

/** Members a second, and microseconds of CPU for each. */
interface Rate {
  rate: number
  cpu: number
}
function rateOf(members: number, { millis, cpuMillis }: Spent): Rate {
  return { rate: perSecond(members, millis), cpu: (cpuMillis / members) * 1000 }
}

const medianRate = (all: readonly Rate[]): number => median(all.map(({ rate }) => rate))

async function insertRate(members: number, own: boolean): Promise<Rate> {
  using folder = temporaryFolder()
  await using child = startChild('floor')
  const path = join(folder.path, 'floor.db')
  return rateOf(members, await child.call('insertFloor', { path, count: members, own }))
}

async function hashRate(members: number): Promise<Rate & { bytes: number }> {
  await using child = startChild('floor')
  const spent = await child.call('hashFloor', { count: members })
  return { ...rateOf(members, spent), bytes: spent.bytes }
}

async function streamRate(members: number, bytes: number): Promise<Rate> {
  await using server = startChild('floor server')
  await using client = startChild('floor client')
  const { address } = await server.call('streamServer', null)
  return rateOf(members, await client.call('streamFloor', { address, bytes }))
}

/** The raw floors, in members a second: median of three. */
export async function measureFloors(
  members: number,
): Promise<{ floors: Floors; figures: Figure[] }> {
  const own = await rounds(FLOOR_ROUNDS, () => insertRate(members, true))
  const held = await rounds(FLOOR_ROUNDS, () => insertRate(members, false))
  const hash = await rounds(FLOOR_ROUNDS, () => hashRate(members))
  const bytes = hash[0]?.bytes ?? 0
  const stream = await rounds(FLOOR_ROUNDS, () => streamRate(members, bytes))
  const figureOf = (name: string, all: readonly Rate[], note: string): Figure => ({
    name: `floor: ${name}`,
    value: medianRate(all),
    unit: 'members/s',
    note: `${short(median(all.map(({ cpu }) => cpu)))} µs of CPU a member, ${rangeOf(all.map((one) => one.rate))}, ${note}`,
  })
  const batches = 'batches of 1,000, fsync each'
  const size = `${short(bytes / members)} bytes a member`
  const speed = `${short((medianRate(stream) * bytes) / members / MEGA)} MB/s`
  return {
    floors: {
      insertOwn: medianRate(own),
      insertHeld: medianRate(held),
      stream: medianRate(stream),
      hash: medianRate(hash),
    },
    figures: [
      figureOf("insert a home's rows", own, batches),
      figureOf("insert a partner's rows", held, batches),
      figureOf('libp2p stream', stream, `${size}, ${speed}`),
      figureOf('SHA-256', hash, size),
    ],
  }
}

function rateFigure(
  name: string,
  spent: { count: number; millis: number; cpuMillis: number },
  floor: Figure['floor'],
): Figure {
  const { count, millis, cpuMillis } = spent
  return {
    name,
    value: perSecond(count, millis),
    unit: 'members/s',
    ...(floor && { floor }),
    note: `${short((cpuMillis / count) * 1000)} µs of CPU a member, ${short(millis / 1000)} s`,
  }
}

function memoryFigure({ child }: Member, what: string): Figure {
  return { name: `peak memory: ${what}`, value: child.peakMb(), unit: 'MB' }
}

/** A site with so many members, joined. */
async function publishAll(federation: Federation, members: number) {
  const home = await federation.addSite('home')
  const { addresses } = federation.coordinator.facts
  await home.child.call('join', { addresses })
  const spent = await home.child.call('publish', { from: 0, count: members })
  return { home, spent }
}

async function replicate(
  federation: Federation,
  home: Member,
  wish: { name: string; members: number; requirements: object },
) {
  const partner = await federation.addSite(wish.name)
  const before = await home.child.call('cpu', null)
  const spent = await partner.child.call('replicate', {
    addresses: federation.coordinator.facts.addresses,
    home: home.facts.site,
    size: wish.members,
    requirements: wish.requirements,
  })
  const after = await home.child.call('cpu', null)
  return { partner, spent, homeCpuMillis: after.cpuMillis - before.cpuMillis }
}

async function resync(members: number, home: Member, partner: Member): Promise<Figure[]> {
  const millis: number[] = []
  const bytes: number[] = []
  const requests: number[] = []
  for (let round = 0; round < RESYNC_ROUNDS; round += 1) {
    await home.child.call('traffic', { site: partner.facts.site, reset: true })
    const asked = await partner.child.call('reconnect', { site: home.facts.site })
    const answered = await home.child.call('traffic', { site: partner.facts.site, reset: true })
    millis.push(asked.millis)
    bytes.push(asked.bytes + answered.bytes)
    requests.push(asked.requests + answered.requests)
  }
  const name = `idle resync at ${members.toLocaleString('en')}`
  return [
    { name: `${name}: time`, value: median(millis), unit: 'ms', note: rangeOf(millis) },
    { name: `${name}: messages`, value: median(bytes), unit: 'bytes', note: rangeOf(bytes) },
    { name: `${name}: requests`, value: median(requests), unit: '', note: rangeOf(requests) },
  ]
}

/** More members, through the HTTP interface. */
async function publishOverHttp(
  flagsOf: FlagsOf,
  home: Member,
  from: number,
  floor: Figure['floor'],
): Promise<Figure> {
  const server = await home.child.call('serveHttp', null)
  await using client = startChild('client', flagsOf('client'))
  const before = await home.child.call('cpu', null)
  const spent = await client.call('bulk', { ...server, from, count: OVER_HTTP })
  const after = await home.child.call('cpu', null)
  if (spent.published !== OVER_HTTP) throw new Error(`only ${spent.published} were published`)
  return rateFigure(
    'durable bulk publish over HTTP',
    { count: OVER_HTTP, millis: spent.millis, cpuMillis: after.cpuMillis - before.cpuMillis },
    floor,
  )
}

/** Bulk publish, replication to empty partners, idle resync, and the memory of each process. */
export async function* measureLarge({ members, flagsOf, floors }: Context): AsyncGenerator<Figure> {
  await using federation = await startFederation(flagsOf)
  const { home, spent } = await publishAll(federation, members)
  const own = floors === null ? undefined : { name: 'insert', value: floors.insertOwn }
  const held = floors === null ? undefined : { name: 'insert', value: floors.insertHeld }
  yield rateFigure('durable bulk publish', { ...spent, count: members }, own)
  yield memoryFigure(home, 'home after publishing')
  await federation.coordinator.child.call('connected', [home.facts.site])

  const all = await replicate(federation, home, { name: 'all', members, requirements: {} })
  if (all.spent.held !== members) throw new Error(`only ${all.spent.held} bodies have arrived`)
  const figure = rateFigure('replication, all match', { ...all.spent, count: members }, held)
  const homeCpu = `${short((all.homeCpuMillis / members) * 1000)} µs at home`
  yield { ...figure, note: `${figure.note}, ${homeCpu}` }
  yield memoryFigure(all.partner, 'partner that holds all')
  yield* await resync(members, home, all.partner)
  await all.partner.child.end()

  const wish = { name: 'tenth', members, requirements: A_TENTH }
  const tenth = await replicate(federation, home, wish)
  const count = tenth.spent.held.toLocaleString('en')
  yield rateFigure(`replication, ${count} match`, { ...tenth.spent, count: members }, held)
  yield memoryFigure(tenth.partner, 'partner that holds a tenth')
  await tenth.partner.child.end()
  yield await publishOverHttp(flagsOf, home, members, own)
  yield memoryFigure(home, 'home in the end')
  yield memoryFigure(federation.coordinator, 'coordinator')
}

async function withdrawals(home: Member, atOnce: number, times: number, from: number) {
  const millis: number[] = []
  const local: number[] = []
  for (let round = 0; round < times; round += 1) {
    const spent = await home.child.call('withdraw', { from: from + round * atOnce, count: atOnce })
    millis.push(spent.millis)
    local.push(spent.localMillis)
  }
  return { millis, local }
}

/** Idle resync at 10,000 records, and withdrawals to the last receipt of five sites. */
export async function* measureSmall({ members, flagsOf }: Context): AsyncGenerator<Figure> {
  const few = Math.min(FEW, members)
  await using federation = await startFederation(flagsOf)
  const { home } = await publishAll(federation, few)
  const add = async (name: string): Promise<Member> =>
    (await replicate(federation, home, { name, members: few, requirements: {} })).partner
  // As many sites as in the large one: the answer names where every member can be reached.
  const partners = [await add('p1')]
  for (const partner of partners) yield* await resync(few, home, partner)
  for (const name of ['p2', 'p3', 'p4']) partners.push(await add(name))
  const sites = partners.map(({ facts }) => facts.site)
  await home.child.call('connected', [federation.coordinator.facts.site, ...sites])

  const single = await withdrawals(home, 1, SINGLE_WITHDRAWALS, 0)
  const many = await withdrawals(home, WITHDRAWN_AT_ONCE, BATCH_WITHDRAWALS, SINGLE_WITHDRAWALS)
  const lines = { 'one withdrawal': single, 'a batch of 100': many }
  for (const [name, { millis, local }] of Object.entries(lines)) {
    const note = `${millis.length} rounds; erased at home after ${short(median(local))} ms`
    const what = `${name} to the last receipt`
    yield { name: `${what}: p50`, value: median(millis), unit: 'ms', note }
    yield { name: `${what}: max`, value: quantile(millis, 1), unit: 'ms' }
  }
}
