/** Two sites, and the parts of a bridge on the second: what the module is given, with real cores. */
import {
  createModuleTalk,
  type ModuleLine,
  type TalkData,
} from '../../../node/core/bridge/module-talk.ts'
import type { SendOutcome } from '../../../node/core/talk/message.ts'
import { aWebsite } from '../website.ts'
import { createDeliveries, type Deliveries } from '../../../node/core/bridge/delivery/deliveries.ts'
import type { CanRemove } from '../../../node/core/bridge/contact/contact.ts'
import type { Terms } from '../../../protocol/entry.ts'
import type { RecordId } from '../../../protocol/ids.ts'
import type { ProfileInput } from '../../../protocol/vocabulary.ts'
import { memoryImages } from '../../fixtures/pictures.ts'
import { A, aMember, aWorld, B, put, type SiteMachine, type World } from '../world.ts'

export const PUBLIC_URL = 'https://node.beau.example'

export interface Bridged {
  world: World
  a: SiteMachine
  b: SiteMachine
  /** Those of the second site; made anew by {@link Bridged.restart}. */
  deliveries: Deliveries
  /** What is known of the module's PHP. */
  module: { canRemove: CanRemove }
  /** Publishes a member of the first site, and lets it arrive. */
  publish: (id: string, profile?: Partial<ProfileInput>) => Promise<RecordId>
  /** Lets time pass, and what comes of it reach the deliveries. */
  pass: (seconds?: number) => Promise<void>
  /** Ids of offers, confirmed at once. */
  take: () => Promise<number[]>
  restart: () => Promise<void>
}

export function deliveriesOf(b: SiteMachine, module: { canRemove: CanRemove }): Deliveries {
  const { site, ports, keys } = b
  return createDeliveries({
    ...ports,
    store: site.feed.store,
    feed: site.feed,
    view: site.node.view,
    discovery: site.discovery,
    pictures: site.pictures,
    images: memoryImages(),
    keys,
    contact: { canRemove: () => module.canRemove },
    publicUrl: PUBLIC_URL,
  })
}

export async function aBridge(terms: Partial<Terms> = {}): Promise<Bridged> {
  const world = await aWorld(terms)
  const a = await world.addSite(A)
  const b = await world.addSite(B)
  const module = { canRemove: 'yes' as CanRemove }
  const bridged: Bridged = {
    world,
    a,
    b,
    module,
    deliveries: deliveriesOf(b, module),
    publish: async (id, profile = {}) => {
      const consent = { scopes: ['discovery', 'messaging', 'presence', 'pictures'] as const }
      const member = aMember(id, {
        profile,
        consent: { scopes: [...consent.scopes], givenAt: world.clock.now() },
      })
      const record = await put(a, member)
      await bridged.pass()
      return record
    },
    pass: async (seconds = 60) => {
      await world.pass(seconds)
      await bridged.deliveries.tick()
    },
    take: async () => {
      const ids = (await bridged.deliveries.offers()).map(({ id }) => id)
      await bridged.deliveries.added(ids)
      return ids
    },
    restart: async () => {
      await world.restart(b)
      bridged.deliveries = deliveriesOf(b, module)
    },
  }
  await bridged.pass()
  return bridged
}

/** The number under which the module knows the member of the bridged site. */
export const BOB = 500

/** Ann is native to one site; Bob is a member of the bridged one, whose module has Ann. */
export async function aTalk() {
  const world = await aWorld()
  const website = aWebsite()
  const a = await world.addSite(A, { website: website.ports })
  const b = await world.addSite(B)
  const scopes = ['discovery', 'messaging', 'presence'] as const
  const consent = { scopes: [...scopes] }
  const ann = await put(a, aMember('ann', { consent }))
  const bob = await put(b, aMember('12', { consent, profile: { gender: 'man', seeks: ['any'] } }))
  await world.pass(60)
  const deliveries = deliveriesOf(b, { canRemove: 'yes' })
  await deliveries.tick()
  const annId = (await deliveries.offers())[0]?.id ?? 0
  await deliveries.added([annId])
  const { site, ports } = b
  const talk = createModuleTalk({
    clock: ports.clock,
    hub: site.hub,
    messages: site.talk.messages,
    presence: site.talk.presence,
    watch: site.talk.watch,
    holds: {
      memberOf: async (netId) => (netId === BOB ? '12' : null),
      netIdOf: async (record) => (record === bob ? BOB : null),
    },
    deliveries,
  })
  const sent: [string, TalkData][] = []
  const module = { isFull: false }
  const connect = (): ModuleLine =>
    talk.connect((event, data) => {
      if (!module.isFull) sent.push([event, data])
      return !module.isFull
    })
  const write = (text: string, to: RecordId = bob): Promise<SendOutcome> =>
    a.site.talk.messages.send({
      from: 'ann',
      to: { home: B, record: to },
      content: { kind: 'text', text },
    })
  const state = async (): Promise<string> => (await site.talk.presence.get('12')).state
  return {
    world,
    a,
    b,
    ann,
    bob,
    annId,
    talk,
    sent,
    module,
    connect,
    write,
    website,
    deliveries,
    state,
  }
}
