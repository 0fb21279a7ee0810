/** Serves an app on a socket, with bounds on connections, headers and slow bodies. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'

export interface ServeOptions {
  host: string
  /** 0 for any free one. */
  port: number
  /** Paths whose body is a stream of any length, so that only silence is bounded. */
  isStreamed?: (path: string) => boolean
  /** Takes over connections that ask for another protocol; without it they are answered as HTTP. */
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  limits?: Partial<ServerLimits>
  /** Whether an address may connect; by default each may. */
  admits?: (address: string) => boolean
}
export interface ServerLimits {
  maxConnections: number
  /** Milliseconds in which the headers of a request must be there. */
  headersTimeout: number
  /** Milliseconds in which a whole request must be there. */
  requestTimeout: number
  /** Milliseconds of silence after which a streamed body is given up. */
  silenceTimeout: number
}
export interface Served {
  url: string
  port: number
  close: () => Promise<void>
}

const LIMITS: ServerLimits = {
  maxConnections: 512,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  silenceTimeout: 60_000,
}
const CHECK_MILLISECONDS = 500
const KEEP_ALIVE_MILLISECONDS = 10_000
const MAX_HEADER_BYTES = 16 * 1024
const CLOSE_MILLISECONDS = 5_000
const TIMED_OUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** Bodies of many lines, and pictures, which take their time on a slow line. */
const isLong = (path: string): boolean => path.endsWith(':bulk') || path.endsWith('/pictures')

function giveUp(socket: Socket, response: ServerResponse): void {
  if (response.headersSent) socket.destroy()
  else socket.end(TIMED_OUT, () => socket.destroy())
}

/** Node's own request timeout knows no exception for streams, hence one timer for each body. */
function boundBody(
  request: IncomingMessage,
  response: ServerResponse,
  isStreamed: boolean,
  limits: ServerLimits,
): void {
  const { socket } = request
  const milliseconds = isStreamed ? limits.silenceTimeout : limits.requestTimeout
  const timer = setTimeout(() => {
    if (!request.complete) giveUp(socket, response)
  }, milliseconds)
  const onRead = isStreamed
    ? setInterval(() => {
        // Bytes read count as life; a body that stands still lets the timer run out.
        if (socket.bytesRead === seen) return
        seen = socket.bytesRead
        timer.refresh()
      }, CHECK_MILLISECONDS)
    : undefined
  let seen = socket.bytesRead
  const stop = (): void => {
    clearTimeout(timer)
    clearInterval(onRead)
  }
  request.once('close', stop)
  response.once('close', stop)
}

/** Why a server could not listen, in one line that says what to do. */
function explain(error: NodeJS.ErrnoException, { host, port }: ServeOptions): Error {
  const place = `${host}:${port}`
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(
        `Port ${port} on ${host} is in use: stop what uses it, or set another port`,
        {
          cause: error,
        },
      )
    case 'EACCES':
      return new Error(`No permission to listen on ${place}: choose a port above 1023`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${host} is no address of this machine: set another host`, { cause: error })
    default:
      return new Error(`Cannot listen on ${place}`, { cause: error })
  }
}

/**
 * Starts serving.
 *
 * @throws Error with one line for the operator where the port cannot be had
 */
export async function serve(
  app: { fetch: (request: Request, env: object) => Response | Promise<Response> },
  options: ServeOptions,
): Promise<Served> {
  const limits = { ...LIMITS, ...options.limits }
  const isStreamed = options.isStreamed ?? isLong
  const listener = getRequestListener((request, env) => app.fetch(request, env), {
    overrideGlobalObjects: false,
  })
  const server = createServer(
    {
      headersTimeout: limits.headersTimeout,
      requestTimeout: 0,
      connectionsCheckingInterval: CHECK_MILLISECONDS,
      keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      const path = (request.url ?? '').split('?', 1)[0] ?? ''
      boundBody(request, response, isStreamed(path), limits)
      listener(request, response).catch(() => request.socket.destroy())
    },
  )
  if (options.onUpgrade !== undefined) server.on('upgrade', options.onUpgrade)
  server.maxConnections = limits.maxConnections
  const { admits } = options
  if (admits !== undefined)
    server.on('connection', (socket: Socket) => {
      if (!admits(socket.remoteAddress ?? '')) socket.destroy()
    })
  // Whoever neither sends nor reads for so long has gone, or means to hold the connection.
  server.setTimeout(2 * limits.silenceTimeout)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(explain(error, options))
    })
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    url: `http://${host}:${port}`,
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MILLISECONDS)
      await closed
      clearTimeout(timer)
    },
  }
}
