/** What goes wrong between two nodes, told without addresses or contents. */
import { ProtocolError } from '../../protocol/errors.ts'

/** Why a stream or a dial failed. */
export type FaultReason = 'timeout' | 'truncated' | 'closed' | 'unreachable' | 'busy' | 'cancelled'

/** A fault of the network or the peer's machine; retrying may help. The cause is the transport's. */
export class NetworkFault extends Error {
  override readonly name = 'NetworkFault'
  readonly reason: FaultReason

  constructor(reason: FaultReason, options?: ErrorOptions) {
    super(`network fault: ${reason}`, options)
    this.reason = reason
  }
}

/** A word for Events. Messages are left out: the transport's carry addresses. */
export function reasonOf(error: unknown): string {
  if (error instanceof ProtocolError) return error.code
  if (error instanceof NetworkFault) return error.reason
  return error instanceof Error ? error.name : 'unknown'
}
