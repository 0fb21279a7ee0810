/** The site node: its parts built, started in order, stopped in reverse. */
import { setImmediate } from 'node:timers/promises'
import { createAccess, SITE_ROLES } from '../core/access.ts'
import { createSite, type Site } from '../core/site.ts'
import type { WebsitePorts } from '../core/talk/talk.ts'
import { createWebhooks } from '../core/webhook/delivery.ts'
import { serve } from '../http/server.ts'
import { createSiteApp } from '../http/site-app.ts'
import { peerOfKey } from '../network/peers.ts'
import { createOutbound } from '../outbound/webhook.ts'
import { createImages } from '../store/images.ts'
import { createAccessLog, createEvents } from '../telemetry/events.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { openBridge, serveBridgeOf } from './bridge.ts'
import { mountConsentPages } from '../web/consent/pages.ts'
import type { SiteConfig } from './config.ts'
import {
  checkAdmittedKeys,
  checkCoordinatorKey,
  compactDaily,
  layFoundation,
  startHost,
} from './foundation.ts'
import { askCoordinator, keepAsking } from './introduction.ts'
import { closeServed, createSteps, type Running } from './lifetime.ts'
import { keepReading } from './reading.ts'
import { watchRotation } from './rotation.ts'
import { VERSION } from './version.ts'

/**
 * Starts a site node.
 *
 * @param website who is handed messages and presence in place of the site's own website
 * @throws an error with one line for the operator; whatever was started is stopped again
 */
export async function startSite(config: SiteConfig, website: WebsitePorts = {}): Promise<Running> {
  const logger = createLogger(config.logLevel)
  const metrics = createMetrics()
  const events = createEvents(logger, metrics)
  const steps = createSteps()
  let site: Site | null = null
  let isOpen = false
  try {
    // A wrong key is found out here, where it can be said, and not by connections that fail.
    const introduced = await askCoordinator(config)
    const coordinatorAddresses = [...config.coordinatorAddresses, ...introduced]
    const peer = peerOfKey(config.coordinatorKey.publicKey).toString()
    const { folder, identity, keys, ports, host } = await layFoundation(config, {
      events,
      steps,
      core: () => (isOpen ? (site?.node ?? null) : null),
      registry: () => site?.node.view.registry() ?? null,
      circuits: coordinatorAddresses.map((address) => `${address}/p2p/${peer}/p2p-circuit`),
    })
    site = await createSite(
      { ...ports, images: createImages(), ...website, pause: () => setImmediate() },
      {
        identity,
        keys,
        coordinatorKey: config.coordinatorKey,
        tickSeconds: config.tickSeconds,
        exchangeSeconds: config.exchangeSeconds,
        isVolunteer: config.volunteer,
      },
    )
    checkCoordinatorKey(site.node.view.registry(), config)
    checkAdmittedKeys(site.node.view.registry(), identity)
    await startHost(config, host, steps)
    steps.add(site.stop)
    await site.start()
    isOpen = true
    const learn = (addresses: readonly string[]): void =>
      host.learnAddresses([{ site: config.network, addresses: [...addresses] }])
    learn(coordinatorAddresses)
    keepAsking(config, host, learn, steps)
    keepReading(ports, steps)
    const outbound = createOutbound({ allowPrivate: config.webhookAllowPrivate })
    const webhooks = createWebhooks({
      ...ports,
      feed: site.feed,
      hub: site.hub,
      tasks: site.node.tasks,
      outbound,
      key: keys.webhook,
    })
    steps.add(outbound.close)
    await webhooks.start()
    steps.add(webhooks.stop)
    const bridge =
      config.bridge === null
        ? null
        : await openBridge(
            { ...ports, site, keys, tickSeconds: config.tickSeconds },
            config.bridge,
            steps,
          )
    const access = createAccess(ports, SITE_ROLES)
    const closers: (() => void)[] = []
    const app = createSiteApp({
      site,
      store: site.feed.store,
      clock: ports.clock,
      network: host,
      access,
      webhooks,
      bridge,
      ...(bridge !== null && {
        bridgePicture: bridge.deliveries.picture,
        pages: (door) =>
          mountConsentPages(door, {
            bridge,
            site: config.site,
            network: config.network,
            crypto: ports.crypto,
          }),
      }),
      onClose: (close) => void closers.push(close),
      metrics,
      version: VERSION,
      accessLog: createAccessLog(logger),
      onFault: (error, requestId) => logger.error({ error, requestId }, 'http.failed'),
      trustProxy: config.trustProxy,
    })
    const served = await serve(app, config.http)
    steps.add(() => closeServed(served))
    // Streams of events would not end by themselves.
    steps.add(() => {
      for (const close of closers) close()
    })
    const bridgeUrl =
      config.bridge === null || bridge === null
        ? null
        : await serveBridgeOf(bridge, config.bridge, { events, logger, steps })
    compactDaily(ports, steps)
    logger.info({ site: config.site, network: config.network, url: served.url }, 'started')
    const replaced = watchRotation(folder, site.node.view, steps)
    const addresses = host.ownAddresses()
    return { url: served.url, addresses, bridgeUrl, replaced, stop: steps.undo }
  } catch (error) {
    await steps.undo().catch(() => undefined)
    throw error
  }
}
