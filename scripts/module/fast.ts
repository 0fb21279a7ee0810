/**
 * The old module's daemon for events: a handshake, a websocket with its key in the headers, packets
 * of Engine.IO 2 and Socket.IO, and a new start whenever the line is lost.
 */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createReader, textFrame } from './frames.ts'
import { jsonEncode, quote } from './serialize.ts'
import type { Website } from './website.ts'

export interface FastOptions {
  /** Origin and namespace: `http://127.0.0.1:8100/dpn`. */
  fast: string
  key: string
  domain: string
  /** Milliseconds before the next try, in place of the daemon's own. */
  retryMillis?: number
}
/** `dead`: the daemon has ended, as it does where a handshake is answered with a page. */
export type FastState = 'connecting' | 'connected' | 'dead' | 'stopped'

export interface FastLine {
  state: () => FastState
  /** Puts an event where the daemon looks for it. */
  emit: (event: string, data: Record<string, string | number>) => void
  stop: () => Promise<void>
}

const HANDSHAKE_MILLIS = 2000
const EVENT_MILLIS = 100
/** So long before the ping interval is over the daemon sends its own. */
const EARLY_MILLIS = 5000
type Outcome = 'lost' | 'refused' | 'down'
const WAIT_MILLIS: Readonly<Record<Outcome, number>> = { lost: 5000, refused: 5000, down: 10_000 }

function get(url: URL): Promise<string | null> {
  return new Promise((resolve) => {
    const headers = ['Host', url.host, 'Accept', '*/*']
    const settings = {
      setDefaultHeaders: false,
      headers,
      agent: false,
      timeout: HANDSHAKE_MILLIS,
    } as const
    const sent = request(url, settings, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('error', () => resolve(null))
      answer.on('end', () => {
        sent.destroy()
        resolve(text)
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', () => resolve(null))
    sent.end()
  })
}

/**
 * The ping interval in milliseconds; null where the server is down.
 *
 * @throws Error where there is an answer without a JSON object, which ends the daemon
 */
async function shakeHands(origin: string): Promise<number | null> {
  const body = await get(new URL('/socket.io/?EIO=2&transport=polling', origin))
  if (body === null || body === '') return null
  const object = /\{[^{}]*\}/.exec(body)?.[0]
  if (object === undefined) throw new Error('the handshake is no JSON')
  return (JSON.parse(object) as { pingInterval: number }).pingInterval
}

/** Opens the websocket; the rest of what has come with the answer goes to the reader. */
function upgrade({
  fast,
  key,
  domain,
}: FastOptions): Promise<{ socket: Socket; rest: Buffer } | null> {
  const { hostname, port, host } = new URL(fast)
  const socket = connect(Number(port), hostname)
  socket.write(
    [
      'GET /socket.io//?EIO=2&transport=websocket HTTP/1.1',
      `Host: ${host}`,
      'Upgrade: WebSocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      `PGN-Key: ${key}`,
      `PGN-Domain: ${domain}`,
      'Origin: *',
      '\r\n',
    ].join('\r\n'),
  )
  return new Promise((resolve) => {
    let heard = Buffer.alloc(0)
    const refuse = (): void => {
      socket.destroy()
      resolve(null)
    }
    socket.once('error', refuse)
    socket.once('close', refuse)
    const take = (bytes: Buffer): void => {
      heard = Buffer.concat([heard, bytes])
      const end = heard.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', take).off('close', refuse)
      if (heard.toString('latin1').startsWith('HTTP/1.1 101 '))
        resolve({ socket, rest: heard.subarray(end + 4) })
      else refuse()
    }
    socket.on('data', take)
  })
}

/** The site's own id of a user; what is unknown is user 0, of whom things are said all the same. */
function localId(site: Website, netId: unknown): number {
  return [...site.users.values()].find((user) => user.netId === netId)?.id ?? 0
}

/** What an event does on the site. */
function hear(site: Website, event: unknown, data: Record<string, unknown>): void {
  const user = localId(site, data['id_user'])
  if (event === 'im.message')
    site.chats.push({
      from: user,
      to: localId(site, data['id_contact']),
      text: String(data['text']),
    })
  if (event === 'active') site.online.add(user)
  if (event === 'inactive') site.online.delete(user)
}

/** An event as `42/ns,["name",{}]`; what has no comma before it is lost, as a default namespace has. */
function readPacket(packet: string): [unknown, Record<string, unknown>] | null {
  if (!packet.startsWith('42')) return null
  try {
    const value: unknown = JSON.parse(packet.slice(packet.indexOf(',') + 1))
    return Array.isArray(value) ? [value[0], (value[1] ?? {}) as Record<string, unknown>] : null
  } catch {
    return null
  }
}

interface Daemon {
  site: Website
  options: FastOptions
  /** Files in a folder, by name. */
  outbox: Map<string, string>
  signal: AbortSignal
  connected: () => void
}

/** One life of the line, until it is lost. */
async function live({ site, options, outbox, signal, connected }: Daemon): Promise<Outcome> {
  const { origin, pathname: ns } = new URL(options.fast)
  const pingMillis = await shakeHands(origin)
  if (pingMillis === null) return 'down'
  const heartbeatMillis = Math.max(1000, pingMillis - EARLY_MILLIS)
  const opened = await upgrade(options)
  if (opened === null) return 'refused'
  const { socket, rest } = opened
  const say = (packet: string): void => {
    if (socket.writable) socket.write(textFrame(packet))
  }
  const read = createReader()
  const ended = Promise.withResolvers<void>()
  const timers: NodeJS.Timeout[] = []
  const every = (millis: number, work: () => void): unknown =>
    timers.push(setInterval(work, millis))

  function begin(): void {
    say(`40${ns}`)
    setTimeout(() => say(`42${ns},["saved"]`), EVENT_MILLIS)
    connected()
    every(heartbeatMillis, () => {
      say(`2${ns}`)
      say(`42${ns},["heartbeat"]`)
    })
    every(EVENT_MILLIS, () => {
      // As a folder lists its files: not in the order of time.
      const [name] = [...outbox.keys()].toSorted()
      if (name === undefined) return
      say(`42${ns},${outbox.get(name)}`)
      outbox.delete(name)
    })
  }
  function take(bytes: Buffer): void {
    for (const one of read(bytes)) {
      if (one.kind === 'end') leave()
      if (one.kind !== 'text') continue
      if (one.text.startsWith('0')) begin()
      const event = readPacket(one.text)
      if (event !== null) hear(site, ...event)
    }
  }
  function leave(): void {
    say(`0${ns}`)
    socket.destroySoon()
  }
  socket.on('data', take).on('error', () => socket.destroy())
  socket.once('close', () => ended.resolve())
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  take(rest)
  await ended.promise
  signal.removeEventListener('abort', leave)
  for (const timer of timers) clearInterval(timer)
  return 'lost'
}

/** Starts the daemon. */
export function startFast(site: Website, options: FastOptions): FastLine {
  const over = new AbortController()
  const { signal } = over
  const outbox = new Map<string, string>()
  let state: FastState = 'connecting'
  const connected = (): void => {
    state = 'connected'
  }
  async function run(): Promise<void> {
    while (!signal.aborted) {
      const outcome = await live({ site, options, outbox, signal, connected }).catch(() => null)
      if (outcome === null) {
        state = 'dead'
        return
      }
      state = 'connecting'
      const millis = options.retryMillis ?? WAIT_MILLIS[outcome]
      await delay(millis, undefined, { signal }).catch(() => undefined)
    }
    state = 'stopped'
  }
  const running = run()
  return {
    state: () => state,
    emit: (event, data) => {
      const name = `${event}${String(Date.now()).slice(-5)}${Math.floor(Math.random() * 1e5)}`
      outbox.set(name, jsonEncode([event, data]))
    },
    stop: async () => {
      over.abort()
      await running
    },
  }
}

/** A line of a chat, between users of this website. Who has no number causes no event. */
export function chat(site: Website, line: FastLine, from: number, to: number, text: string): void {
  const [author, addressee] = [from, to].map((id) => site.users.get(id)?.netId ?? 0)
  if (!author || !addressee) return
  line.emit('im.message', { id_user: author, id_contact: addressee, text: quote(text) })
}

/** A user comes or goes. */
export function showUp(
  site: Website,
  line: FastLine,
  id: number,
  event: 'active' | 'inactive',
): void {
  const netId = site.users.get(id)?.netId ?? 0
  if (netId > 0) line.emit(event, { id_user: netId })
}
