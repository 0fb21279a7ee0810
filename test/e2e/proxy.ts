/** A TCP proxy that writes down every byte that passes it, in both directions. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './process.ts'

export interface Wire {
  /** Puts a proxy in front of a port; gives the port to announce instead. */
  before: (port: number) => Promise<number>
  /** All bytes so far, stream by stream and direction by direction. */
  recorded: () => Buffer[]
  stop: () => void
}

/** Creates a wire that is tapped. */
export function tapWire(): Wire {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const streams: Buffer[][] = []

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // Either end may go at any time: nodes are killed.
    socket.on('error', () => undefined)
  }
  function pass(from: Socket, to: Socket): void {
    const stream: Buffer[] = []
    streams.push(stream)
    from.on('data', (bytes: Buffer) => stream.push(bytes))
    from.pipe(to)
    from.on('close', () => to.destroy())
  }

  return {
    before: async (port) => {
      const server = createServer((inbound) => {
        const outbound = connect(port, '127.0.0.1')
        for (const socket of [inbound, outbound]) keep(socket)
        pass(inbound, outbound)
        pass(outbound, inbound)
      })
      const own = await freePort()
      await new Promise<void>((resolve) => server.listen(own, '127.0.0.1', resolve))
      servers.push(server)
      return own
    },
    recorded: () => streams.map((stream) => Buffer.concat(stream)),
    stop: () => {
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
