/** The fast channel: one websocket to the old module, for chat and presence. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Context } from 'hono'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { ModuleContact } from '../core/bridge/contact/contact.ts'
import type { ModuleLine, ModuleTalk } from '../core/bridge/module-talk.ts'
import { createBuckets } from '../core/talk/limits.ts'
import { eventPacket, openPacket, parsePacket, PING_TIMEOUT_MILLISECONDS } from './packets.ts'

/** Bytes of a frame that the module reads in one piece. */
const FRAME_BYTES = 65_535
/** Bytes of a frame of the module, which writes most letters as six. */
const TAKEN_BYTES = 128 * 1024
/** Bytes on their way to a module that does not read: it is thought to be gone. */
const UNREAD_BYTES = 1024 * 1024
/** Frames of the module; it waits a tenth of a second after each event. */
const FRAMES = { perSecond: 20, burst: 500 }
/** Frames that are none of its packets, after which it is another program. */
const GARBAGE_FRAMES = 10
/** Upgrades whose key is being looked at. */
const PENDING = 8
const PATHS = ['/socket.io//', '/socket.io/']
/** WebSocket close codes (RFC 6455 §7.4.1). */
const NORMAL = 1000
const UNSUPPORTED = 1003
const POLICY = 1008

export interface FastPorts {
  contact: Pick<ModuleContact, 'isKnown' | 'seen'>
  talk: Pick<ModuleTalk, 'connect'>
  /** Milliseconds of silence after which a connection is given up. */
  silenceMilliseconds?: number
}
export interface Fast {
  /** Answers the request with which a connection begins. It asks for no key, and tells nothing. */
  handshake: (c: Context) => Response
  /** Takes a connection over, where key and domain are the site's. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Ends the connection; to be called before the server is closed, which waits for it. */
  close: () => void
}

/** Refused without a body: the module takes any other than JSON for its end. */
function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
    socket.destroy(),
  )
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

function isAsked({ url = '', method }: IncomingMessage): boolean {
  const [path = '', query = ''] = url.split('?', 2)
  const transport = new URLSearchParams(query).get('transport')
  return method === 'GET' && PATHS.includes(path) && transport === 'websocket'
}

const sessionId = (): string => randomBytes(10).toString('hex')

/** One connection, from its first packet to its end. Returns how to end it. */
function converse(socket: WebSocket, ports: FastPorts, onEnd: () => void): (code: number) => void {
  const { talk, contact, silenceMilliseconds = PING_TIMEOUT_MILLISECONDS } = ports
  const mayCome = createBuckets(FRAMES, { now: () => performance.now() / 1000 })
  let namespace = ''
  let line: ModuleLine | null = null
  let garbage = 0
  let isOver = false

  const end = (code: number): void => {
    if (isOver) return
    isOver = true
    line?.close()
    line = null
    clearTimeout(silence)
    // Its half is not waited for: the module goes without a word.
    socket.close(code)
    setImmediate(() => socket.terminate())
    onEnd()
  }
  const silence = setTimeout(() => end(NORMAL), silenceMilliseconds)

  /** Writes a packet as one frame; false where it cannot be. */
  function write(packet: string): boolean {
    if (socket.readyState !== socket.OPEN || Buffer.byteLength(packet) > FRAME_BYTES) return false
    if (socket.bufferedAmount > UNREAD_BYTES) {
      end(POLICY)
      return false
    }
    socket.send(packet)
    return true
  }

  function take(text: string): void {
    const packet = parsePacket(text)
    switch (packet.kind) {
      case 'ping':
        write(`3${packet.rest}`)
        return
      case 'connect':
        namespace = packet.namespace
        write(`40${namespace}`)
        line ??= talk.connect((event, data) => write(eventPacket(namespace, event, data)))
        return
      case 'event':
        if (packet.namespace !== namespace || line === null) return
        if (packet.event === 'saved') line.saved()
        else if (packet.event !== 'heartbeat') line.say(packet.event, packet.data)
        return
      case 'leave':
        end(NORMAL)
        return
      case 'garbage':
        garbage += 1
        if (garbage >= GARBAGE_FRAMES) end(POLICY)
        return
      case 'nothing':
    }
  }

  socket.on('message', (bytes: RawData, isBinary: boolean) => {
    if (isOver) return
    silence.refresh()
    contact.seen()
    if (isBinary) end(UNSUPPORTED)
    else if (!mayCome('')) end(POLICY)
    else take(Buffer.isBuffer(bytes) ? bytes.toString('utf8') : '')
  })
  // A frame that breaks the protocol, or is too long: the library has begun to close.
  socket.on('error', () => end(NORMAL))
  socket.on('close', () => end(NORMAL))
  write(openPacket(sessionId(), []))
  write('40')
  return end
}

/** Creates the channel. The newest of several connections counts: the module has lost the others. */
export function createFast(ports: FastPorts): Fast {
  const { contact } = ports
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: TAKEN_BYTES,
    // The module takes an empty frame for the end of the connection; it sends no pings itself.
    autoPong: false,
  })
  let endCurrent: ((code: number) => void) | null = null
  let pending = 0
  let isClosed = false

  function open(socket: WebSocket): void {
    endCurrent?.(NORMAL)
    const end = converse(socket, ports, () => {
      if (endCurrent === end) endCurrent = null
    })
    endCurrent = end
  }

  async function admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const isKnown = await contact.isKnown(
      headerOf(request, 'pgn-key'),
      headerOf(request, 'pgn-domain'),
    )
    if (socket.destroyed) return
    if (isClosed) refuse(socket, '503 Service Unavailable')
    else if (!isKnown) refuse(socket, '401 Unauthorized')
    else {
      contact.seen()
      server.handleUpgrade(request, socket, head, open)
    }
  }

  return {
    handshake: (c) => {
      if (c.req.query('transport') !== 'polling') return c.body(null, 400)
      const packet = openPacket(sessionId(), ['websocket'])
      return c.body(`${packet.length}:${packet}`, 200, {
        'content-type': 'text/plain; charset=UTF-8',
        'cache-control': 'no-store',
      })
    },
    upgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      if (!isAsked(request)) {
        refuse(socket, '404 Not Found')
        return
      }
      if (isClosed || pending >= PENDING) {
        refuse(socket, '503 Service Unavailable')
        return
      }
      pending += 1
      admit(request, socket, head)
        .catch(() => refuse(socket, '503 Service Unavailable'))
        .finally(() => {
          pending -= 1
        })
    },
    close: () => {
      isClosed = true
      endCurrent?.(NORMAL)
      server.close()
    },
  }
}
