/** Discovery and recommendations beside the same questions in bare SQL. */
import { startChild, type Child } from './child.ts'
import { temporaryFolder, type FlagsOf } from './federation.ts'
import { median, quantile, short, type Figure } from './figures.ts'
import type { Asked } from './timing.ts'

const SIZES = [100_000, 1_000_000]

/** Rounds in which bare SQL is asked. At a million records a round takes minutes. */
function floorRoundsFor(records: number): number {
  return records > 200_000 ? 1 : 5
}

const p99 = (of: readonly number[]): number => quantile(of, 0.99)
const rateOf = (millis: readonly number[]): number =>
  (millis.length / millis.reduce((sum, one) => sum + one, 0)) * 1000

function noteOf({ millis, cpuMillis }: Asked): string {
  return `${millis.length} queries one after another, ${short(cpuMillis)} ms of CPU each`
}

function* figuresOf(
  name: string,
  { asked, floor }: { asked: Asked; floor: Asked | null },
): Generator<Figure> {
  const beside = (value: (of: readonly number[]) => number): Partial<Figure> =>
    floor === null ? {} : { floor: { name: 'bare SQL', value: value(floor.millis) } }
  const { millis } = asked
  yield { name: `${name}: p50`, value: median(millis), unit: 'ms', ...beside(median) }
  yield { name: `${name}: p99`, value: p99(millis), unit: 'ms', ...beside(p99) }
  yield {
    name: `${name}: rate`,
    value: rateOf(millis),
    unit: 'queries/s',
    ...beside(rateOf),
    note: noteOf(asked),
  }
}

/** Pages of 50 with the exact total, for members, under six kinds of filters. */
async function* measureDiscovery(child: Child, records: number): AsyncGenerator<Figure> {
  const name = `discovery at ${records.toLocaleString('en')}`
  const found = await child.call('discover', { floorRounds: floorRoundsFor(records) })
  yield* figuresOf(name, { asked: found.pages, floor: found.raw })
  yield* figuresOf(`${name}, three facets`, { asked: found.facets, floor: null })
  yield { name: `${name}: first answer after a start`, value: found.loadMillis / 1000, unit: 's' }
  yield { name: `${name}: memory of the columns`, value: found.columnsMb, unit: 'MB' }
}

async function* measureWords(child: Child, records: number): AsyncGenerator<Figure> {
  const name = `discovery at ${records.toLocaleString('en')}`
  const found = await child.call('discoverByWords', null)
  yield* figuresOf(`${name}, by words`, { asked: found.texts, floor: null })
  const note = `longest step ${short(found.slowest)} ms, during which nobody is answered`
  yield { name: `${name}: texts read`, value: found.readMillis / 1000, unit: 's', note }
  yield { name: `${name}: memory of the words`, value: found.textsMb, unit: 'MB' }
  yield { name: `${name}: memory in all`, value: found.rssMb, unit: 'MB' }
}

/** The first 50 recommendations, plain and with a wish for a religion; the floor finds the pool. */
async function* measureRecommendations(child: Child, records: number): AsyncGenerator<Figure> {
  const name = `50 recommendations at ${records.toLocaleString('en')}`
  const found = await child.call('recommend', { floorRounds: floorRoundsFor(records) })
  yield* figuresOf(name, { asked: found.lists, floor: found.raw })
  yield* figuresOf(`${name}, by religion`, { asked: found.wished, floor: null })
  yield { name: `${name}: on a list`, value: found.shown, unit: 'records' }
  yield { name: `${name}: memory in all`, value: found.rssMb, unit: 'MB' }
}

/** One crowd of each size for all that is wanted. */
export async function* measureMeeting(
  flagsOf: FlagsOf,
  isWanted: (part: 'discovery' | 'recommendations') => boolean,
  sizes: readonly number[] = SIZES,
): AsyncGenerator<Figure> {
  for (const records of sizes) {
    using folder = temporaryFolder()
    await using child = startChild('meeting', flagsOf('meeting'))
    const { cpuMillis } = await child.call('fill', { path: folder.path, records })
    const name = `a crowd of ${records.toLocaleString('en')}`
    yield { name: `${name}: filled, by CPU`, value: cpuMillis / 1000, unit: 's' }
    if (isWanted('recommendations')) yield* measureRecommendations(child, records)
    if (isWanted('discovery')) yield* measureDiscovery(child, records)
    if (isWanted('discovery')) yield* measureWords(child, records)
    yield { name: `peak memory: ${name}`, value: child.peakMb(), unit: 'MB' }
  }
}
