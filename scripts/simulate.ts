/** Runs simulations: `npm run sim -- --seeds 1000 --from 1`. Exits with 1 at the first failure. */
import { parseArgs } from 'node:util'
import { LONG_STEPS, runSeed, SHORT_STEPS } from '../test/sim/run.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    /** Goes on after a failure, and prints no traces. */
    all: { type: 'boolean', default: false },
    /** As in the tests, where simulations are shorter. */
    short: { type: 'boolean', default: false },
    trace: { type: 'string', default: '60' },
  },
})
const from = Number(values.from)
const count = Number(values.seeds)
const EVERY = 100
const started = performance.now()
let failures = 0
let events = 0
let done = 0

for (let seed = from; seed < from + count; seed += 1) {
  const outcome = await runSeed(seed, values.short ? SHORT_STEPS : LONG_STEPS)
  done += 1
  events += outcome.events
  if (done % EVERY === 0) console.error(`${done} seeds, up to ${seed}: ${failures} failures`)
  if (outcome.failure === null) continue
  failures += 1
  console.log(`seed ${seed}: ${outcome.failure}`)
  if (values.all) continue
  for (const line of outcome.trace.slice(-Number(values.trace))) console.log(`  ${line}`)
  break
}
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage()
console.log(
  `${done} seeds, ${events} events, ${failures} failures; ${(done / seconds).toFixed(2)} seeds/s, ` +
    `${((user + system) / 1000 / done).toFixed(0)} ms of processor for each`,
)
process.exitCode = failures > 0 ? 1 : 0
