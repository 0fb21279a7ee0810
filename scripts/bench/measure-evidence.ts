/** Evidence of a month of withdrawals, made and checked, beside bare signatures and SHA-256. */
import { startChild } from './child.ts'
import { temporaryFolder, type FlagsOf } from './federation.ts'
import { median, rangeOf, short, type Figure } from './figures.ts'

const MONTH = { logs: 10, withdrawals: 10_000, members: 100, checkpoints: 40 }
const ROUNDS = 3
const MEGA = 1e6

const perSecond = (count: number, millis: number): number => (count / millis) * 1000

/** Measures the making and the checking in processes of their own, whose memory is told. */
export async function* measureEvidence(flagsOf: FlagsOf): AsyncGenerator<Figure> {
  using folder = temporaryFolder()
  await using maker = startChild('evidence', flagsOf('evidence'))
  const made = await maker.call('makeEvidence', { path: folder.path, ...MONTH })
  const makerMb = maker.peakMb()
  await maker.end()
  await using checker = startChild('evidence check', flagsOf('evidence-check'))
  const checked = []
  for (let round = 0; round < ROUNDS; round += 1)
    checked.push(await checker.call('checkEvidence', { file: made.file, vkey: made.vkey }))
  const checkerMb = checker.peakMb()
  const [{ receipts, bytes, withdrawals, checkpoints }] = checked as [(typeof checked)[0]]
  const signatures = await checker.call('signatureFloor', { count: receipts })
  const hashed = await checker.call('bytesFloor', { bytes })
  const pairs = withdrawals * MONTH.members
  const what = `${withdrawals.toLocaleString('en')} withdrawals x ${MONTH.members} members`
  const floor = (count: number, { millis }: { millis: number }, name: string) => ({
    floor: { name, value: perSecond(count, millis) },
  })
  yield {
    name: `evidence: size of ${what}`,
    value: bytes / MEGA,
    unit: 'MB',
    note: `${receipts.toLocaleString('en')} receipts on ${checkpoints} checkpoints, ${short(bytes / pairs)} bytes a pair`,
  }
  yield {
    name: 'evidence made',
    value: perSecond(bytes / MEGA, made.millis),
    unit: 'MB/s',
    ...floor(bytes / MEGA, hashed, 'SHA-256'),
    note: `${short(perSecond(withdrawals, made.millis))} withdrawals/s, ${short(made.millis / 1000)} s, ${short(made.cpuMillis / 1000)} s of CPU`,
  }
  const millis = checked.map((one) => one.millis)
  yield {
    name: 'evidence checked',
    value: median(millis.map((one) => perSecond(receipts, one))),
    unit: 'receipts/s',
    ...floor(receipts, signatures, 'bare signatures'),
    note: `${short(perSecond(pairs, median(millis)))} pairs/s, ${rangeOf(millis.map((one) => one / 1000))} s, ${short(median(checked.map((one) => one.cpuMillis)) / 1000)} s of CPU (bare: ${short(signatures.cpuMillis / 1000)})`,
  }
  yield {
    name: 'peak memory: evidence made',
    value: makerMb,
    unit: 'MB',
    note: 'and its logs written',
  }
  yield { name: 'peak memory: evidence checked', value: checkerMb, unit: 'MB' }
}
