/** A coordinator behind a socket, with sites, days of withdrawals, and something to find, for browsers. */
import type { CoordinatorRole } from '../../node/core/access.ts'
import { serve } from '../../node/http/server.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send, type TestApp } from '../http/apps.ts'
import { someReaders } from '../web/readers.ts'

export interface BrowsedNetwork {
  world: World
  sites: TestSite[]
  api: TestApp<CoordinatorRole>
  url: string
  close: () => Promise<void>
}

const SITES = ['amor.example', 'herz.example', 'kiss.example']
const MEMBERS = 8
/** Days on which a member of the first site withdraws. */
const DAYS = 4
const HOUR = 3600
/** Below what the terms let a heartbeat be late. */
const STEP_HOURS = 8
const SLOW = { heartbeatSeconds: 6 * HOUR, hideAfterSeconds: 24 * HOUR }
const WIDE = { perSecond: 1000, burst: 10_000 }

async function publishAll(sites: readonly TestSite[]): Promise<void> {
  for (const site of sites) {
    const own = await aSiteApp(site)
    for (let member = 0; member < MEMBERS; member += 1) {
      const body = { profile: aProfile(), consent: aConsent() }
      await send(own, own.keys.write, `PUT /v1/members/m-${member}`, body)
    }
  }
}

/** Lets hours pass in steps in which the coordinator never misses its own heartbeats. */
async function pass(world: World, hours: number): Promise<void> {
  const { coordinator, ports } = world.coordinator
  const { network } = coordinator.node.view
  for (let hour = 0; hour < hours; hour += STEP_HOURS) {
    world.clock.advance(STEP_HOURS * HOUR)
    const from = ports.clock.now()
    await world.until(async () => {
      const state = await ports.store.read((tx) => tx.logs.get(network))
      return (state?.heartbeat ?? 0) >= from
    })
  }
}

/** One a day, each after a longer wait for the receipts; the last one with a partner away. */
async function withdrawSome(world: World, home: TestSite, away: TestSite): Promise<void> {
  const own = await aSiteApp(home)
  const { ports } = world.coordinator
  const log = home.identity.site
  const withdraw = (member: number) =>
    send(own, own.keys.write, `POST /v1/members/m-${member}/withdraw`, {
      reason: 'consent-withdrawn',
      notice: `ticket-${member}`,
    })
  const counts = () => ports.store.read((tx) => tx.audit.counts({ log }, ports.clock.now()))
  for (let day = 0; day < DAYS; day += 1) {
    world.cut(away.identity.site)
    await withdraw(day)
    world.clock.advance(day * HOUR)
    world.heal(away.identity.site)
    await world.until(async () => (await counts()).complete === day + 1)
    await pass(world, 22)
  }
  world.cut(away.identity.site)
  await withdraw(DAYS)
  await pass(world, 26)
  await world.until(async () => {
    const totals = await ports.store.read((tx) => tx.findings.totals(null))
    return totals.some(({ kind }) => kind === 'overdue-erasure')
  })
}

/** Starts the network, with a finding: the last site has not answered for the last withdrawal. */
export async function browsedNetwork(): Promise<BrowsedNetwork> {
  const world = await createWorld()
  const { coordinator } = world.coordinator
  const { terms } = coordinator.node.view.registry()
  await coordinator.admission.setTerms({ ...terms, ...SLOW })
  const sites: TestSite[] = []
  for (const name of SITES) sites.push(await world.addSite(name))
  await publishAll(sites)
  const [home] = sites
  const away = sites.at(-1)
  if (home === undefined || away === undefined) throw new Error('a network of no sites')
  await withdrawSome(world, home, away)
  const api = await aCoordinatorApp(world, {
    rates: { perAddress: WIDE, perKey: WIDE },
    readers: someReaders(home.identity.site, away.identity.site),
  })
  const served = await serve(api.app, { host: '127.0.0.1', port: 0 })
  return {
    world,
    sites,
    api,
    url: served.url,
    close: async () => {
      await served.close()
      await world.close()
    },
  }
}
