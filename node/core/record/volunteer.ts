/**
 * Runs probes for the coordinator, where the operator has volunteered: the site that is asked cannot
 * tell them from any partner's question. Nothing is asked for that a partner may not ask for, and
 * nothing is told but what kind of answer came.
 */
import { signStatement, type AuditReply, type AuditRequest } from '../../../protocol/challenge.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { decideHome } from '../../../protocol/gate.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { PROBES_PER_HOUR } from '../../../protocol/limits.ts'
import type { Identity } from '../identity.ts'
import type { Clock, Crypto, Events, Network } from '../ports.ts'
import type { Store } from '../store.ts'
import { reasonOf } from '../tasks.ts'
import { isKnown, type View } from '../view.ts'
import { askForEnded } from './probe.ts'

const HOUR_SECONDS = 3600

/** Creates the volunteer of a site. */
export function createVolunteer(ports: {
  identity: Identity
  view: View
  store: Store
  clock: Clock
  crypto: Crypto
  network: Pick<Network, 'bodies'>
  events: Events
  /** Whether the operator has volunteered. */
  isWilling: boolean
}): (from: SiteId, request: Extract<AuditRequest, { kind: 'probe' }>) => Promise<AuditReply> {
  const { identity, view, clock, crypto, events, isWilling } = ports
  /** Times of the probes within the last hour. */
  let recent: number[] = []

  function hasRoom(): boolean {
    const now = clock.now()
    recent = recent.filter((time) => time <= now && now - time < HOUR_SECONDS)
    if (recent.length >= PROBES_PER_HOUR) return false
    recent.push(now)
    return true
  }

  return async (from, { target, home, index, nonce }) => {
    const { self, network } = view
    if (from !== network)
      throw new ProtocolError('not_admitted', '', 'the coordinator, which alone may probe')
    const isPartner = target !== self && target !== network && isKnown(view, target)
    if (!isWilling || !isPartner) return { kind: 'refused' }
    // Who may have nothing of this home may not ask for it either.
    if (decideHome(view.gate(home, self)).kind === 'refused' || !hasRoom())
      return { kind: 'unready' }
    try {
      const answer = await askForEnded(ports, { target, home, index })
      const time = clock.now()
      const statement = { network, volunteer: self, target, home, index, answer, time, nonce }
      const { logKey, logSeed } = identity
      return { kind: 'statement', note: signStatement(statement, logKey, logSeed, crypto.sign) }
    } catch (error) {
      events.emit({ type: 'peer.failed', site: target, action: 'probe', reason: reasonOf(error) })
      return { kind: 'unready' }
    }
  }
}
