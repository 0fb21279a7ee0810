/** Asks a home for a person, under the coordinator's log key. */
import type { SiteId } from '../../../protocol/ids.ts'
import { signRequest, type PersonRequest, type RequestAnswer } from '../../../protocol/request.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto, Network } from '../ports.ts'

type Without<T, Keys extends PropertyKey> = T extends unknown ? Omit<T, Keys> : never
/** What differs from request to request. */
export type Asking = Without<PersonRequest, 'network' | 'home' | 'time'>

/** Sends one request and waits for the answer. Rejects where the home is away or breaks a bound. */
export type AskHome = (home: SiteId, asking: Asking) => Promise<RequestAnswer>

/** Seconds before the second attempt; doubled each time, up to the most. */
const RETRY_SECONDS = 30
const MOST_RETRY_SECONDS = 900

/** Seconds until the next attempt after so many have failed. */
export function retryAfter(attempts: number): number {
  return Math.min(RETRY_SECONDS * 2 ** Math.min(attempts, 10), MOST_RETRY_SECONDS)
}

/** Creates the asking side. */
export function createAskHome(ports: {
  identity: Identity
  network: Pick<Network, 'request'>
  crypto: Pick<Crypto, 'sign'>
  clock: Clock
}): AskHome {
  const { identity, network, crypto, clock } = ports
  return (home, asking) => {
    const request: PersonRequest = {
      ...asking,
      network: identity.network,
      home,
      time: clock.now(),
    }
    return network.request(
      home,
      signRequest(request, { seed: identity.logSeed, signer: crypto.sign }),
    )
  }
}
