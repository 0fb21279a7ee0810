/**
 * Orders as the payment provider tells them (policy §2.5): a call signed after the Standard Webhooks
 * specification, of which the address and the order number are kept, and nothing else is.
 */
import { equalBytes, fromBase64, toUtf8 } from '../../../protocol/bytes.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { refuseFinancial } from '../../../protocol/financial.ts'
import { parseEmail } from '../../../protocol/request.ts'
import type { Clock, Crypto } from '../ports.ts'
import type { Customers } from './customers.ts'

/** Seconds by which the time of a call may differ from this clock. */
const TOLERANCE_SECONDS = 300
const PREFIX = 'whsec_'
const SIGNATURES = 8

/** A call as it came. */
export interface OrderCall {
  id: string
  timestamp: string
  signature: string
  body: string
}

/** The key in a secret such as `whsec_…`; null where it is none of 24 to 64 bytes. */
export function parseOrderSecret(text: string): Uint8Array | null {
  if (!text.startsWith(PREFIX)) return null
  try {
    const key = fromBase64(text.slice(PREFIX.length))
    return key.length >= 24 && key.length <= 64 ? key : null
  } catch {
    return null
  }
}

function isSignedBy(call: OrderCall, key: Uint8Array, crypto: Pick<Crypto, 'hmacSha256'>): boolean {
  const { id, timestamp, signature, body } = call
  const expected = crypto.hmacSha256(key, toUtf8(`${id}.${timestamp}.${body}`))
  return signature.split(' ', SIGNATURES).some((one) => {
    if (!one.startsWith('v1,')) return false
    try {
      // Both are hashed once more, so that the time of the comparison tells nothing.
      const given = crypto.hmacSha256(key, fromBase64(one.slice('v1,'.length)))
      return equalBytes(given, crypto.hmacSha256(key, expected))
    } catch {
      return false
    }
  })
}

function textAt(json: unknown, name: string): string {
  const value: unknown =
    typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[name] : undefined
  if (typeof value !== 'string') throw new ProtocolError('wrong_type', `/${name}`, 'text')
  return value
}

/** Creates the taker of orders. */
export function createOrderTaker(ports: {
  /** Null where no provider is configured. */
  secret: Uint8Array | null
  clock: Clock
  crypto: Pick<Crypto, 'hmacSha256'>
  customers: Pick<Customers, 'order'>
}): (call: OrderCall) => Promise<void> {
  const { secret, clock, crypto, customers } = ports
  return async (call) => {
    if (secret === null) throw new ProtocolError('not_found', '', 'a coordinator that takes orders')
    const time = /^\d{1,12}$/.test(call.timestamp) ? Number(call.timestamp) : 0
    if (Math.abs(clock.now() - time) > TOLERANCE_SECONDS || !isSignedBy(call, secret, crypto))
      throw new ProtocolError(
        'bad_signature',
        '',
        'a call signed by the payment provider, just now',
      )
    let json: unknown
    try {
      json = JSON.parse(call.body)
    } catch {
      // The parser's own message quotes the input.
      throw new ProtocolError('malformed', '', 'JSON')
    }
    const order = textAt(json, 'order')
    if (!/^[\w./-]{1,64}$/.test(order))
      throw new ProtocolError('malformed', '/order', '1 to 64 letters, digits and . / _ -')
    // The order number is the provider's own, and may be long; all else is looked at.
    refuseFinancial({ ...(json as object), order: '' })
    const email = at('/email', () => parseEmail(textAt(json, 'email')))
    await customers.order({ email, order })
  }
}
