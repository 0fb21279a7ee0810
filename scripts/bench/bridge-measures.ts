/** The bridge at the size of a large site: what the old module sends and asks, beside its own pace. */
import type { BridgedModule } from './calls.ts'
import { startChild, type Child } from './child.ts'
import { startFederation, type Member } from './federation.ts'
import { median, quantile, short, type Figure } from './figures.ts'
import type { Context } from './measures.ts'

const HUNDRED = 100
const ROUNDS = 100
/** Seconds of one round of the module, with its pauses: one call of each kind. */
const ROUND_SECONDS = 39.5
const PACE = { name: "the module's own pace", value: HUNDRED / ROUND_SECONDS }

/** What a module asked of a node, and what it cost the node. */
interface Asked<T> {
  value: T
  cpuMillis: number
}

async function spend<T>({ child }: Member, work: () => Promise<T>): Promise<Asked<T>> {
  const before = await child.call('cpu', null)
  const value = await work()
  const after = await child.call('cpu', null)
  return { value, cpuMillis: after.cpuMillis - before.cpuMillis }
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)

/** Calls with a hundred members each. */
function callsFigure(name: string, call: string, members: number, asked: Asked<number[]>): Figure {
  const { value: millis, cpuMillis } = asked
  return {
    name: `bridge: ${name}`,
    value: members / (sum(millis) / 1000),
    unit: 'members/s',
    floor: PACE,
    note:
      `${millis.length} ${call} of ${HUNDRED}: p50 ${short(median(millis))} ms, ` +
      `max ${short(quantile(millis, 1))} ms; ${short((cpuMillis / members) * 1000)} µs of CPU a member`,
  }
}

/** Rounds of the whole slow loop, without its pauses. */
function roundFigure(name: string, { value: millis, cpuMillis }: Asked<number[]>): Figure {
  const cpu = cpuMillis / millis.length
  const share = short((cpu / (ROUND_SECONDS * 1000)) * 100)
  return {
    name: `bridge: ${name}`,
    value: median(millis),
    unit: 'ms',
    note:
      `${millis.length} rounds, max ${short(quantile(millis, 1))} ms; ` +
      `${short(cpu)} ms of CPU, ${share} % of a core`,
  }
}

async function* measureHome(
  home: Member,
  website: Child,
  module: BridgedModule,
  members: number,
): AsyncGenerator<Figure> {
  const put = await spend(home, () =>
    website.call('putProfiles', { module, from: 0, count: members }),
  )
  if (put.value.processed !== members) throw new Error(`only ${put.value.processed} are held`)
  yield callsFigure('profiles held', 'put_profiles', members, { ...put, value: put.value.millis })

  const given = await home.child.call('signedConsents', { from: 0, count: members })
  if (given.published !== members) throw new Error(`only ${given.published} are published`)
  yield {
    name: 'bridge: published by signed lists',
    value: members / (given.millis / 1000),
    unit: 'members/s',
    note: `${short((given.cpuMillis / members) * 1000)} µs of CPU a member, ${short(given.millis / 1000)} s`,
  }

  const told = await spend(home, () => website.call('getNumbers', { module, count: members }))
  const numbers = { ...told, value: told.value.millis }
  yield callsFigure('numbers told', 'get_profiles_status', members, numbers)

  const idle = await spend(home, () => website.call('rounds', { module, count: ROUNDS }))
  yield roundFigure('a round with nothing to say', { ...idle, value: idle.value.millis })
  yield { name: 'peak memory: home with a bridge', value: home.child.peakMb(), unit: 'MB' }
}

/** Measures members of the own site, then another bridged site that is given them. */
export async function* measureBridge({ members, flagsOf }: Context): AsyncGenerator<Figure> {
  await using federation = await startFederation(flagsOf)
  const { addresses } = federation.coordinator.facts
  await using website = startChild('module', flagsOf('module'))
  const home = await federation.addSite('home')
  await home.child.call('join', { addresses })
  yield* measureHome(home, website, await home.child.call('serveBridge', null), members)

  const partner = await federation.addSite('partner')
  const wish = { addresses, home: home.facts.site, size: members, requirements: {} }
  await partner.child.call('replicate', wish)
  const module = await partner.child.call('serveBridge', null)
  // By the form of its ids the node knows that it can remove, without which it is given nobody.
  await website.call('putProfiles', { module, from: 0, count: 1 })
  const taken = await spend(partner, () => website.call('rounds', { module, count: ROUNDS }))
  const { added, millis } = taken.value
  if (added === 0) throw new Error('the partner is given nobody')
  const figure = roundFigure('a round with records to take', { ...taken, value: millis })
  yield {
    ...figure,
    note: `${figure.note}; ${short(added / ROUNDS)} of ${members.toLocaleString('en')} a round`,
  }
  yield { name: 'peak memory: partner with a bridge', value: partner.child.peakMb(), unit: 'MB' }
}
