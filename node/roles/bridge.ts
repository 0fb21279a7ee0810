/** The bridge of a site whose website runs the old Dating Pro module: built, started, served. */
import { createFast } from '../bridge/fast.ts'
import { BridgeHostError, serveBridge } from '../bridge/server.ts'
import { createBridge, type Bridge, type BridgeParts } from '../core/bridge/bridge.ts'
import { createContact, type ModuleContact } from '../core/bridge/contact/contact.ts'
import { createConsentDesk } from '../core/bridge/consent/consents.ts'
import { createDeliveries } from '../core/bridge/delivery/deliveries.ts'
import { createHolds } from '../core/bridge/members/keeper.ts'
import { createModuleTalk } from '../core/bridge/module-talk.ts'
import type { PrivateKeys } from '../core/identity.ts'
import type { NodePorts } from '../core/node.ts'
import type { Site } from '../core/site.ts'
import { DAY_SECONDS } from '../../protocol/dates.ts'
import { classOfAddress } from '../outbound/address.ts'
import { createPhotos } from '../outbound/photo.ts'
import { createImages } from '../store/images.ts'
import type { createLogger } from '../telemetry/logger.ts'
import type { BridgeConfig } from './config.ts'
import { listening, OperatorError } from './faults.ts'
import { closeServed, type Steps } from './lifetime.ts'

/** What the bridge is built on: a site that has started, and what it stands on. */
export interface BridgeGround extends NodePorts {
  site: Site
  keys: PrivateKeys
  /** Seconds between two looks at what is due. */
  tickSeconds?: number
}

/** The parts of a bridge around its contact. */
function makeParts(
  ground: BridgeGround,
  config: BridgeConfig,
  contact: ModuleContact,
  steps: Steps,
): Omit<BridgeParts, 'contact'> {
  const { site } = ground
  const { view } = site.node
  const { publicUrl, origins, holdDays, silenceDays } = config
  const photos = createPhotos({ site: view.self, origins })
  steps.add(photos.close)
  const holds = createHolds(
    { ...ground, photos, contact: { lastSeenAt: () => contact.view().lastSeenAt } },
    { holdSeconds: holdDays * DAY_SECONDS, silenceSeconds: silenceDays * DAY_SECONDS },
  )
  const { feed, discovery, pictures, hub, talk } = site
  const deliveries = createDeliveries({
    ...ground,
    view,
    feed,
    discovery,
    pictures,
    images: createImages(),
    contact,
    publicUrl,
  })
  const { messages, presence, watch } = talk
  return {
    holds,
    deliveries,
    talk: createModuleTalk({ ...ground, hub, messages, presence, watch, holds, deliveries }),
    consents: createConsentDesk({ ...ground, holds, publicUrl }),
  }
}

/** Builds and starts the bridge of a site that has started. */
export async function openBridge(
  ground: BridgeGround,
  config: BridgeConfig,
  steps: Steps,
): Promise<Bridge> {
  const { site } = ground
  // The feed's store: what is written there is told to the website in the same transaction.
  const ports = { ...ground, store: site.feed.store, tasks: site.node.tasks }
  const { demands } = site
  const contact = await createContact({ ...ports, site: site.node.view.self, demands })
  const parts = { contact, ...makeParts({ ...ground, store: ports.store }, config, contact, steps) }
  const bridge = await createBridge({ ...ports, parts })
  steps.add(bridge.stop)
  await bridge.start()
  return bridge
}

/**
 * Serves the bridge to the module. Returns the base address.
 *
 * @throws OperatorError where the address is public, or the port is taken
 */
export async function serveBridgeOf(
  bridge: Bridge,
  { host, port }: BridgeConfig,
  {
    events,
    logger,
    steps,
  }: Pick<NodePorts, 'events'> & {
    logger: ReturnType<typeof createLogger>
    steps: Steps
  },
): Promise<string> {
  const fast = createFast(bridge)
  const served = await listening(`${host}:${port}`, 'DPN_BRIDGE_PORT', () =>
    serveBridge(
      { bridge, events, onFault: (error) => logger.error({ error }, 'bridge.failed') },
      { host, port, isPrivate: (address) => classOfAddress(address) === 'private', fast },
    ),
  ).catch((error: unknown) => {
    if (error instanceof BridgeHostError) throw new OperatorError(error.message, { cause: error })
    throw error
  })
  steps.add(() => closeServed(served))
  logger.info({ url: served.url }, 'bridge.started')
  return served.url
}
