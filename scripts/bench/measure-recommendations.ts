/** Recommendations beside the bare SQL that finds as many candidates. */
import { startChild } from './child.ts'
import { temporaryFolder, type FlagsOf } from './federation.ts'
import { median, quantile, short, type Figure } from './figures.ts'
import { floorRoundsFor, noteOf } from './measure-discovery.ts'

const SIZES = [100_000, 1_000_000]
const p99 = (millis: readonly number[]): number => quantile(millis, 0.99)

/** The first 50 recommendations for members, plain and with a wish for a religion. */
export async function* measureRecommendations(
  flagsOf: FlagsOf,
  sizes: readonly number[] = SIZES,
): AsyncGenerator<Figure> {
  for (const records of sizes) {
    using folder = temporaryFolder()
    await using child = startChild('recommendations', flagsOf('recommendations'))
    const found = await child.call('recommend', {
      path: folder.path,
      records,
      floorRounds: floorRoundsFor(records),
    })
    const name = `50 recommendations at ${records.toLocaleString('en')}`
    const beside = (value: (of: readonly number[]) => number): Figure['floor'] => ({
      name: 'bare SQL, the nearest 500 who fit',
      value: value(found.raw.millis),
    })
    const note = `${noteOf(found.lists)}, ${short(found.shown)} shown`
    for (const [what, of] of Object.entries({ p50: median, p99 })) {
      const floor = beside(of)
      yield {
        name: `${name}: ${what}`,
        value: of(found.lists.millis),
        unit: 'ms',
        ...(floor && { floor }),
        note,
      }
      yield {
        name: `${name}, by religion: ${what}`,
        value: of(found.wished.millis),
        unit: 'ms',
        note: noteOf(found.wished),
      }
    }
    yield { name: `${name}: memory in all`, value: found.rssMb, unit: 'MB' }
    yield { name: `peak memory: ${name}`, value: child.peakMb(), unit: 'MB' }
  }
}
