/** The coordinator node: its parts built, started in order, stopped in reverse. */
import { COORDINATOR_ROLES, createAccess } from '../core/access.ts'
import { createCoordinator, type Coordinator } from '../core/coordinator.ts'
import { NODE_ACTOR } from '../core/people/actor.ts'
import { reasonOf } from '../core/tasks.ts'
import { createCoordinatorApp } from '../http/coordinator-app.ts'
import type { CoordinatorPorts } from '../http/coordinator/ports.ts'
import { serve } from '../http/server.ts'
import { createWebAuthn } from '../http/webauthn.ts'
import { createMailer } from '../outbound/mail.ts'
import { mailReader } from '../inbound/mail.ts'
import { startIntake, type Intake } from '../inbound/smtp.ts'
import { createAccessLog, createEvents } from '../telemetry/events.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { mountCoordinatorPages } from '../web/coordinator-pages.ts'
import type { CoordinatorConfig } from './config.ts'
import { listening } from './faults.ts'
import { checkAdmittedKeys, compactDaily, layFoundation, startHost } from './foundation.ts'
import { closeServed, createSteps, type Running } from './lifetime.ts'
import { VERSION } from './version.ts'

/** Opens the desk's SMTP intake. */
function openIntake(
  { address, host, port }: NonNullable<CoordinatorConfig['intake']>,
  { desk }: Coordinator,
  logger: ReturnType<typeof createLogger>,
): Promise<Intake> {
  return listening(`${host}:${port}`, 'DPN_INTAKE_PORT', () =>
    startIntake({
      address,
      host,
      port,
      take: async (raw, envelopeFrom) => {
        const mail = await mailReader.read(raw)
        const senders = envelopeFrom === null ? mail.senders : [...mail.senders, envelopeFrom]
        await desk.notices.receive(NODE_ACTOR, { ...mail, senders }, { channel: 'smtp' })
      },
      // The error's name alone: a mail may be quoted in its message.
      onFault: (error) => logger.error({ reason: reasonOf(error) }, 'intake.failed'),
    }),
  )
}

/** The coordinator's own keys are what everybody is configured with: they are not rotated. */
const NEVER = new Promise<void>(() => undefined)

/**
 * Starts a coordinator.
 *
 * @throws an error with one line for the operator; whatever was started is stopped again
 */
export async function startCoordinator(config: CoordinatorConfig): Promise<Running> {
  const logger = createLogger(config.logLevel)
  const metrics = createMetrics()
  const events = createEvents(logger, metrics)
  const steps = createSteps()
  let coordinator: Coordinator | null = null
  let isOpen = false
  try {
    const { identity, keys, ports, host } = await layFoundation(config, {
      events,
      steps,
      core: () => (isOpen ? (coordinator?.node ?? null) : null),
      registry: () => coordinator?.node.view.registry() ?? null,
      circuits: [],
    })
    const mailer = config.mail && createMailer(config.mail)
    if (mailer !== null) steps.add(mailer.close)
    const url = config.httpUrl
    const webAuthn = url === null ? null : createWebAuthn(url, config.network)
    const people = { mailer, webAuthn }
    coordinator = await createCoordinator(
      { ...ports, ...people },
      {
        identity,
        keys,
        url,
        coordinatorKey: identity.logKey,
        tickSeconds: config.tickSeconds,
        exchangeSeconds: config.exchangeSeconds,
        jurisdiction: config.jurisdiction,
        deskAddresses: [
          config.controller.email,
          config.controller.dpoEmail,
          ...(config.intake === null ? [] : [config.intake.address]),
        ],
        orderSecret: config.orderSecret,
        ...(config.terms !== null && { terms: config.terms }),
      },
    )
    checkAdmittedKeys(coordinator.node.view.registry(), identity)
    await startHost(config, host, steps)
    steps.add(coordinator.stop)
    await coordinator.start()
    isOpen = true
    const { acts } = coordinator.people
    const access = createAccess({ ...ports, acts }, COORDINATOR_ROLES)
    const interfacePorts: CoordinatorPorts = {
      coordinator,
      store: ports.store,
      clock: ports.clock,
      crypto: ports.crypto,
      network: host,
      access,
      metrics,
      version: VERSION,
      controller: config.controller,
      url,
      mail: mailReader,
      addresses: host.ownAddresses,
      accessLog: createAccessLog(logger),
      onFault: (error, requestId) => logger.error({ error, requestId }, 'http.failed'),
      trustProxy: config.trustProxy,
    }
    const app = createCoordinatorApp({
      ...interfacePorts,
      pages: (door, gate) => mountCoordinatorPages(door, { ...interfacePorts, gate }),
    })
    const served = await serve(app, config.http)
    steps.add(() => closeServed(served))
    if (config.intake !== null) {
      const intake = await openIntake(config.intake, coordinator, logger)
      steps.add(intake.stop)
    }
    compactDaily(ports, steps)
    logger.info({ network: config.network, url: served.url }, 'started')
    const addresses = host.ownAddresses()
    return { url: served.url, addresses, bridgeUrl: null, replaced: NEVER, stop: steps.undo }
  } catch (error) {
    await steps.undo().catch(() => undefined)
    throw error
  }
}
