/** The listener of the bridge: for the module beside the node alone, never for the world. */
import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Context } from 'hono'
import { serve, type Served, type ServerLimits } from '../http/server.ts'
import { createSlow, type SlowPorts } from './slow.ts'

/** The fast channel, as this listener mounts it. */
export interface FastChannel {
  /** Answers the poll by which a connection begins. */
  handshake: (c: Context) => Response | Promise<Response>
  /** Takes over a connection that asks for a websocket. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Ends all connections. */
  close: () => void
}

export interface BridgeServerOptions {
  host: string
  port: number
  /** Whether an address is of this machine or of a private network. */
  isPrivate: (address: string) => boolean
  fast: FastChannel | null
  limits?: Partial<ServerLimits>
}

const MAX_CONNECTIONS = 64

/** A host that the bridge does not listen on; the message says what to do. */
export class BridgeHostError extends Error {
  override readonly name = 'BridgeHostError'
}

/** @throws BridgeHostError */
async function privateAddress({ host, isPrivate }: BridgeServerOptions): Promise<string> {
  const found = await lookup(host, { all: true }).catch((cause: unknown) => {
    throw new BridgeHostError('The host of the bridge is not found: correct DPN_BRIDGE_HOST', {
      cause,
    })
  })
  const [first] = found
  if (first === undefined || !found.every(({ address }) => isPrivate(address)))
    throw new BridgeHostError(
      'The bridge listens on loopback or private addresses only: set DPN_BRIDGE_HOST to one',
    )
  return first.address
}

/**
 * Starts the listener.
 *
 * @throws BridgeHostError where the address is public, or Error where the port is taken
 */
export async function serveBridge(ports: SlowPorts, options: BridgeServerOptions): Promise<Served> {
  const { port, isPrivate, fast } = options
  const host = await privateAddress(options)
  const app = createSlow(ports, fast?.handshake)
  const served = await serve(app, {
    host,
    port,
    admits: isPrivate,
    limits: { maxConnections: MAX_CONNECTIONS, ...options.limits },
    ...(fast !== null && { onUpgrade: fast.upgrade }),
  })
  return {
    ...served,
    close: async () => {
      fast?.close()
      await served.close()
    },
  }
}
