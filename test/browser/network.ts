/** A coordinator behind a socket, with sites, withdrawals, and something to find, for browsers. */
import type { CoordinatorRole } from '../../node/core/access.ts'
import { serve } from '../../node/http/server.ts'
import { createWorld, type TestSite, type World } from '../fixtures/network.ts'
import { aConsent, aProfile } from '../fixtures/people.ts'
import { aCoordinatorApp, aSiteApp, send, type TestApp } from '../http/apps.ts'

export interface BrowsedNetwork {
  world: World
  sites: TestSite[]
  api: TestApp<CoordinatorRole>
  url: string
  close: () => Promise<void>
}

const SITES = ['amor.example', 'herz.example', 'kiss.example']
const MEMBERS = 8
/** Members of the first site that withdraw, one by one. */
const WITHDRAWN = 5

/** Starts the network: members at every site, some withdrawn at the first. */
export async function browsedNetwork(): Promise<BrowsedNetwork> {
  const world = await createWorld()
  const sites: TestSite[] = []
  for (const name of SITES) sites.push(await world.addSite(name))
  for (const site of sites) {
    const own = await aSiteApp(site)
    for (let member = 0; member < MEMBERS; member += 1) {
      const body = { profile: aProfile(), consent: aConsent() }
      await send(own, own.keys.write, `PUT /v1/members/m-${member}`, body)
    }
  }
  const [first] = sites
  if (first === undefined) throw new Error('a network of no sites')
  const home = await aSiteApp(first)
  for (let member = 0; member < WITHDRAWN; member += 1) {
    await send(home, home.keys.write, `POST /v1/members/m-${member}/withdraw`, {
      reason: 'consent-withdrawn',
      notice: `ticket-${member}`,
    })
    world.clock.advance(600)
  }
  const { coordinator } = world.coordinator
  await world.until(async () => {
    const { withdrawals } = await coordinator.followUp.withdrawals(first.identity.site, -1, 50)
    return withdrawals.length === WITHDRAWN && withdrawals.every((one) => one.isComplete)
  })
  const api = await aCoordinatorApp(world, {
    rates: {
      perAddress: { perSecond: 1000, burst: 10_000 },
      perKey: { perSecond: 1000, burst: 10_000 },
    },
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
