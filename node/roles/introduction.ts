/** How a site finds its coordinator by the web address: its key is checked, its addresses learned. */
import { setInterval } from 'node:timers'
import { z } from 'zod'
import { formatVerifierKey } from '../../protocol/note.ts'
import type { Network } from '../core/ports.ts'
import type { SiteConfig } from './config.ts'
import { OperatorError } from './faults.ts'
import type { Steps } from './lifetime.ts'

/** Where the coordinator says who it is. */
export const DIRECTORY_PATH = '/v1/directory'
const TIMEOUT_MILLIS = 5_000
/** Seconds between two questions while there is no connection. */
const ASK_SECONDS = 60
const ANSWER_BYTES = 1024 * 1024

const answerSchema = z.object({
  network: z.string(),
  logKey: z.string(),
  addresses: z.array(z.string().max(256)).max(16).default([]),
})
/** What a coordinator says of itself. */
export type Introduction = z.output<typeof answerSchema>

/** Asks the node at `url`; null where nobody answers, or not as a coordinator does. */
export async function introductionAt(url: string): Promise<Introduction | null> {
  try {
    const answer = await fetch(`${url}${DIRECTORY_PATH}`, {
      signal: AbortSignal.timeout(TIMEOUT_MILLIS),
      headers: { accept: 'application/json' },
    })
    if (!answer.ok || Number(answer.headers.get('content-length') ?? 0) > ANSWER_BYTES) return null
    return answerSchema.parse(await answer.json())
  } catch {
    return null
  }
}

/**
 * The coordinator's libp2p addresses by its web address; none while it does not answer.
 *
 * @throws OperatorError where it answers under another key than the configured one
 */
export async function askCoordinator(config: SiteConfig): Promise<string[]> {
  if (config.coordinatorUrl === null) return []
  const said = await introductionAt(config.coordinatorUrl)
  if (said === null) return []
  if (said.logKey !== formatVerifierKey(config.coordinatorKey))
    throw new OperatorError(
      `${config.coordinatorUrl} is not the coordinator of DPN_COORDINATOR_KEY: it has another key`,
    )
  return said.addresses
}

/** Asks again, every minute, as long as there is no connection with the coordinator. */
export function keepAsking(
  config: SiteConfig,
  network: Pick<Network, 'connected'>,
  learn: (addresses: readonly string[]) => void,
  steps: Steps,
): void {
  const timer = setInterval(() => {
    if (network.connected().includes(config.network)) return
    // Another key than the configured one proves nothing about the connection: not asked again.
    askCoordinator(config).then(learn, () => clearInterval(timer))
  }, ASK_SECONDS * 1000)
  timer.unref()
  steps.add(() => clearInterval(timer))
}
