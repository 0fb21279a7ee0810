/** Signs calls after the Standard Webhooks specification, version 1.0.0 (symmetric, `v1`). */
import { fromBase64, toBase64, toUtf8 } from '../../../protocol/bytes.ts'
import { dayOf, isoDateOfDay, DAY_SECONDS } from '../../../protocol/dates.ts'
import type { Crypto, OutboundRequest, Random } from '../ports.ts'

const PREFIX = 'whsec_'
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32

/** A new secret, as the website is given it. */
export function makeSecret(random: Random): string {
  return `${PREFIX}${toBase64(random.bytes(SECRET_BYTES))}`
}

function two(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}

/** A time in UTC as ISO 8601. */
export function isoTime(seconds: number): string {
  const of = seconds - dayOf(seconds) * DAY_SECONDS
  const time = `${two(of / 3600)}:${two((of % 3600) / 60)}:${two(of % 60)}`
  return `${isoDateOfDay(dayOf(seconds))}T${time}Z`
}

/** One call: what is told, and when that was. */
export interface Call {
  /** The same for each attempt, so that the website can tell a repetition. */
  id: string
  type: string
  /** Unix seconds of the event. */
  time: number
  data: object
}

/**
 * The signed request of a call.
 *
 * @param secret as {@link makeSecret} gave it
 * @param now unix seconds of the attempt, which the signature covers
 */
export function signCall(
  { id, type, time, data }: Call,
  { url, secret, now, crypto }: { url: string; secret: string; now: number; crypto: Crypto },
): OutboundRequest {
  const body = JSON.stringify({ type, timestamp: isoTime(time), data })
  const key = fromBase64(secret.slice(PREFIX.length))
  const signature = crypto.hmacSha256(key, toUtf8(`${id}.${now}.${body}`))
  return {
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'dating-pro-network',
      'webhook-id': id,
      'webhook-timestamp': String(now),
      'webhook-signature': `v1,${toBase64(signature)}`,
    },
    body,
  }
}
