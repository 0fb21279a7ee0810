/** The coordinator's audit beside the bare hashes and signature checks of the same logs. */
import { startChild } from './child.ts'
import { temporaryFolder, type FlagsOf } from './federation.ts'
import { short, type Figure } from './figures.ts'

const ENTRIES = 1_000_000
const MEMBERS = 100

/** One log with a withdrawal in a hundred entries, each with the receipts of a hundred members. */
export async function* measureAudit(
  flagsOf: FlagsOf,
  entries: number = ENTRIES,
): AsyncGenerator<Figure> {
  using folder = temporaryFolder()
  await using child = startChild('audit', flagsOf('audit'))
  const found = await child.call('audit', { path: folder.path, entries, members: MEMBERS })
  const { millis, cpuMillis, idleMillis, complete, receipts, hashMillis, verifyMillis } = found
  if (complete !== entries / 100) throw new Error(`only ${complete} withdrawals are complete`)
  const cells = (complete * (MEMBERS + 1)).toLocaleString('en')
  yield {
    name: `audit of ${entries.toLocaleString('en')} entries, ${cells} receipts due`,
    value: (entries / millis) * 1000,
    unit: 'entries/s',
    floor: { name: 'SHA-256', value: (entries / hashMillis) * 1000 },
    note: `${short(millis / 1000)} s, ${short(cpuMillis / 1000)} s of CPU, ${complete.toLocaleString('en')} withdrawals`,
  }
  yield {
    name: 'the same by receipts entered',
    value: (receipts / millis) * 1000,
    unit: 'receipts/s',
    floor: { name: 'signature checks', value: 1000 / verifyMillis },
    note: `${receipts.toLocaleString('en')} cosignatures`,
  }
  yield { name: 'audit with nothing new', value: idleMillis, unit: 'ms' }
  yield { name: 'peak memory: audit', value: child.peakMb(), unit: 'MB', note: 'logs written too' }
}
