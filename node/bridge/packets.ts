/**
 * Packets of the fast channel: Engine.IO 2 with Socket.IO 1 in it, as far as the module speaks it.
 * It knows one namespace, no acknowledgements, no binary data, and flat objects alone.
 */
import type { ModuleValue } from '../core/bridge/value.ts'

/** What the client may send, by what is to be done about it. */
export type Packet =
  /** To be answered with `3` and the rest of it. */
  | { kind: 'ping'; rest: string }
  | { kind: 'connect'; namespace: string }
  | {
      kind: 'event'
      namespace: string
      event: string
      data: Readonly<Record<string, ModuleValue>>
    }
  | { kind: 'leave' }
  /** Pongs and fillers. */
  | { kind: 'nothing' }
  | { kind: 'garbage' }

/** Seconds between two signs of life of the client are five fewer than this says. */
export const PING_INTERVAL_MILLISECONDS = 25_000
/** The module does not look at it; it is after so long a silence that this side gives up. */
export const PING_TIMEOUT_MILLISECONDS = 60_000

const GARBAGE: Packet = { kind: 'garbage' }
const NAMESPACE = /^\/[\w./-]{1,64}$/
const REST = /^(?:\/[\w./-]{1,64}|probe)?$/
const EVENT_NAME_CHARS = 64
const EVENT_FIELDS = 16

function isFlat(data: unknown): data is Readonly<Record<string, ModuleValue>> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return false
  const values: unknown[] = Object.values(data)
  return (
    values.length <= EVENT_FIELDS &&
    values.every(
      (value) => value === null || ['string', 'number', 'boolean'].includes(typeof value),
    )
  )
}

/** `["name"]` or `["name",{…}]`. */
function parseEvent(namespace: string, json: string): Packet {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return GARBAGE
  }
  if (!Array.isArray(parsed) || parsed.length > 2) return GARBAGE
  const [event, data = {}] = parsed as unknown[]
  if (typeof event !== 'string' || event.length > EVENT_NAME_CHARS || !isFlat(data)) return GARBAGE
  return { kind: 'event', namespace, event, data }
}

/** Reads a text frame of the client; what is none of its packets is garbage. */
export function parsePacket(text: string): Packet {
  const rest = text.slice(1)
  switch (text[0]) {
    // An opening is the server's to send: by it the client says that it goes.
    case '0':
    case '1':
      return { kind: 'leave' }
    case '2':
      return REST.test(rest) ? { kind: 'ping', rest } : GARBAGE
    case '3':
    case '5':
    case '6':
      return { kind: 'nothing' }
    case '4':
      break
    default:
      return GARBAGE
  }
  const comma = text.indexOf(',')
  const namespace = text.slice(2, comma < 0 ? undefined : comma)
  if (!NAMESPACE.test(namespace)) return GARBAGE
  switch (text[1]) {
    case '0':
      return { kind: 'connect', namespace }
    case '1':
      return { kind: 'leave' }
    case '2':
      return comma < 0 ? GARBAGE : parseEvent(namespace, text.slice(comma + 1))
    default:
      return GARBAGE
  }
}

/** An event for the client. */
export function eventPacket(namespace: string, event: string, data: object): string {
  return `42${namespace},${JSON.stringify([event, data])}`
}

/** What a session begins with: its name, and how often it is to give a sign of life. */
export function openPacket(sid: string, upgrades: readonly string[]): string {
  const pingInterval = PING_INTERVAL_MILLISECONDS
  const pingTimeout = PING_TIMEOUT_MILLISECONDS
  return `0${JSON.stringify({ sid, upgrades, pingInterval, pingTimeout })}`
}
