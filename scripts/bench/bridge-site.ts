/** A site with a bridge in a measured process, and the owner's signed lists. */
import { serveBridge } from '../../node/bridge/server.ts'
import type { Bridge } from '../../node/core/bridge/bridge.ts'
import { OPERATOR_ACTOR } from '../../node/core/people/actor.ts'
import { openBridge } from '../../node/roles/bridge.ts'
import { makeOwnerKey, signList, verifierKeyOf } from '../../node/roles/consent-list.ts'
import { NOTICE } from '../people.ts'
import type { BridgedModule, Calls } from './calls.ts'
import type { BenchSite } from './node.ts'
import { timed } from './timing.ts'

const DAYS = 30
/** Members on one list. */
const LIST = 10_000
const SCOPES = ['appearance', 'discovery', 'messaging', 'names', 'presence', 'recommendations']
const UNBOUND = { perSecond: 1e9, burst: 1e9 }

let bridge: Bridge | null = null

async function serve({ site, ports, keys, steps, identity }: BenchSite): Promise<BridgedModule> {
  const config = {
    host: '127.0.0.1',
    port: 0,
    publicUrl: 'http://127.0.0.1:1',
    origins: [],
    holdDays: DAYS,
    silenceDays: DAYS,
  }
  bridge = await openBridge({ ...ports, site, keys }, config, steps)
  const rates = { known: UNBOUND, unknown: UNBOUND }
  const served = await serveBridge(
    { bridge, events: ports.events, rates },
    { host: config.host, port: 0, isPrivate: () => true, fast: null },
  )
  steps.add(served.close)
  return { slow: `${served.url}/slow/`, key: await bridge.contact.makeKey(), domain: identity.site }
}

function listOf(from: number, count: number, givenAt: number): string {
  const { version, language, hash } = NOTICE
  const notice = { url: 'https://home.example/notice', version, language, hash }
  const rest = { scopes: SCOPES, notice, givenAt, channel: 'web' }
  return Array.from({ length: count }, (_, at) => {
    const localId = from + at + 1
    return `${JSON.stringify({ localId, ...rest, evidence: `row ${localId}` })}\n`
  }).join('')
}

async function consents({ identity }: BenchSite, from: number, count: number) {
  if (bridge === null) throw new Error('no bridge is served')
  const { consents: desk } = bridge
  const key = makeOwnerKey(identity.site)
  await desk.setOwnerKey(verifierKeyOf(key), OPERATOR_ACTOR)
  const spent = { millis: 0, cpuMillis: 0, published: 0 }
  for (let at = 0; at < count; at += LIST) {
    const list = listOf(from + at, Math.min(LIST, count - at), Math.floor(Date.now() / 1000))
    const { note } = signList(list, key)
    const { millis, cpuMillis, value } = await timed(() => desk.importSigned(note, OPERATOR_ACTOR))
    spent.millis += millis
    spent.cpuMillis += cpuMillis
    spent.published += value.filter(({ outcome }) => outcome === 'published').length
  }
  return spent
}

/** The calls of the site that runs in this process. */
export function bridgeSiteCallsOn(bySite: () => BenchSite) {
  return {
    serveBridge: () => serve(bySite()),
    signedConsents: ({ from, count }) => consents(bySite(), from, count),
  } satisfies Partial<Calls>
}
