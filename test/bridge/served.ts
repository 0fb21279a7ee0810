/** A bridge of a site of its own, served on a socket, and raw requests to it. */
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { serveBridge, type BridgeServerOptions } from '../../node/bridge/server.ts'
import type { SlowPorts } from '../../node/bridge/slow.ts'
import { createBridge, type Bridge } from '../../node/core/bridge/bridge.ts'
import { createContact } from '../../node/core/bridge/contact/contact.ts'
import { classOfAddress } from '../../node/outbound/address.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { aWorld, type SiteMachine, type World } from '../core/world.ts'
import { scripted, scriptedParts, type Scripted } from './parts.ts'

/** The domain in the recordings. */
export const DOMAIN = 'example-one.test'

export interface Served {
  world: World
  machine: SiteMachine
  bridge: Bridge
  script: Scripted
  /** The key that the module has been given. */
  key: string
  port: number
  faults: unknown[]
}

/** Serves the slow channel of a site that has published no requirements. */
export async function aServedBridge(
  slow: Partial<SlowPorts> = {},
  options: Partial<BridgeServerOptions> = {},
): Promise<Served> {
  const world = await aWorld()
  const machine = await world.addSite(parseSiteId(DOMAIN), { requirements: null })
  const { site, ports, id } = machine
  const contact = await createContact({ ...ports, site: id, demands: site.demands })
  const script = scripted()
  const { tasks } = site.node
  const bridge = await createBridge({ ...ports, tasks, parts: scriptedParts(script, contact) })
  const faults: unknown[] = []
  const served = await serveBridge(
    { bridge, events: ports.events, onFault: (error) => void faults.push(error), ...slow },
    {
      host: '127.0.0.1',
      port: 0,
      isPrivate: (address) => classOfAddress(address) === 'private',
      fast: null,
      ...options,
    },
  )
  onTestFinished(served.close)
  const key = await contact.makeKey()
  return { world, machine, bridge, script, key, port: served.port, faults }
}

export interface Answer {
  status: number
  headers: Map<string, string>
  body: string
}

/** A connection to this machine, ended with the test. */
export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
    onTestFinished(() => void socket.destroy())
  })
}

function parse(text: string): Answer | null {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(first.split(' ')[1])
  // An interim answer, after which the real one comes.
  if (status === 100) return parse(text.slice(end + 4))
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = text.slice(end + 4)
  if (body.length < Number(headers.get('content-length') ?? '0')) return null
  return { status, headers, body }
}

/** Sends bytes as they are, and waits for one answer; null where the connection ends without. */
export async function send(port: number, bytes: string | Uint8Array): Promise<Answer | null> {
  const socket = await open(port)
  return new Promise((resolve) => {
    let text = ''
    const end = (answer: Answer | null): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1')
      const answer = parse(text)
      if (answer !== null) end(answer)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => end(parse(text)))
    socket.write(bytes)
  })
}

/** A request as the module's client writes it. */
export function request(
  method: 'GET' | 'POST',
  action: string,
  { key, domain = DOMAIN }: { key?: string; domain?: string },
  body = '',
): string {
  const lines = [`${method} /slow/${action} HTTP/1.1`, 'Host: 127.0.0.1:8090', 'Accept: */*']
  if (key !== undefined) lines.push(`x-pgn-key: ${key}`, `x-pgn-domain: ${domain}`)
  if (method === 'POST')
    lines.push(
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Content-Type: application/x-www-form-urlencoded',
    )
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Sends a call with the right key, and gives back the body. */
export async function call(
  { port, key }: Served,
  method: 'GET' | 'POST',
  action: string,
  body = '',
): Promise<string> {
  const answer = await send(port, request(method, action, { key }, body))
  expect(answer?.status).toBe(200)
  return answer?.body ?? ''
}

/** Sends a call that is refused: what comes back is empty, and says nothing of what was sent. */
export async function refused(served: Served, bytes: string | Uint8Array): Promise<number> {
  const answer = await send(served.port, bytes)
  expect(answer?.body).toBe('')
  return answer?.status ?? 0
}

/** The site that the bridge belongs to goes on as before. */
export async function expectAlive(served: Served): Promise<void> {
  expect(await call(served, 'POST', 'test')).toBe('{"test":1}')
}
