/** The module's own websocket client, as bytes on a socket: masked frames, and no check of anything. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export interface Frame {
  op: number
  text: string
  isMasked: boolean
  isWhole: boolean
}
export interface RawClient {
  /** The head of the answer to the upgrade. */
  head: string
  send: (text: string, op?: number) => void
  /** Bytes as they are. */
  raw: (bytes: Uint8Array) => void
  /** The next frame; null when the connection has ended. */
  next: () => Promise<Frame | null>
  /** All frames until the end. */
  rest: () => Promise<Frame[]>
  end: () => void
}

export const UPGRADE = [
  'GET /socket.io//?EIO=2&transport=websocket HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: WebSocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: QsIkl6/2YqgWnStJ9/JR+Q==',
  'Sec-WebSocket-Version: 13',
  'PGN-Key: KEY-abc-123',
  'PGN-Domain: example-one.test',
  'Origin: *',
]

/** A frame as clients write it: one piece, masked. */
export function maskedFrame(payload: Uint8Array, op = 1): Buffer {
  const mask = randomBytes(4)
  const { length } = payload
  const size =
    length < 126
      ? Buffer.from([0x80 | length])
      : length < 65_536
        ? Buffer.from([0x80 | 126, length >> 8, length & 255])
        : Buffer.from([
            0x80 | 127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ])
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))
  return Buffer.concat([Buffer.from([0x80 | op]), size, mask, masked])
}

/** The first frame of the bytes, and where it ends; null while it is not all there. */
function readFrame(bytes: Buffer): { frame: Frame; end: number } | null {
  if (bytes.length < 2) return null
  const [first = 0, second = 0] = bytes
  const short = second & 127
  const from = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < from) return null
  const length =
    short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  const end = from + length
  if (bytes.length < end) return null
  const frame = {
    op: first & 15,
    text: bytes.toString('utf8', from, end),
    isMasked: (second & 128) !== 0,
    isWhole: (first & 128) !== 0,
  }
  return { frame, end }
}

/** Connects to a port and asks for the upgrade. */
export async function aRawClient(
  port: number,
  lines: readonly string[] = UPGRADE,
): Promise<RawClient> {
  const socket: Socket = connect(port, '127.0.0.1')
  let bytes = Buffer.alloc(0)
  const state = { isOver: false }
  let turn = Promise.withResolvers<void>()
  /** Something has come, or the connection has ended. */
  const wake = (): void => {
    turn.resolve()
    turn = Promise.withResolvers<void>()
  }
  socket.on('data', (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece])
    wake()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    state.isOver = true
    wake()
  })
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  let at = -1
  while (!state.isOver && at < 0) {
    await turn.promise
    at = bytes.indexOf('\r\n\r\n')
  }
  const head = bytes.toString('latin1', 0, Math.max(0, at))
  bytes = bytes.subarray(at + 4)

  const next = async (): Promise<Frame | null> => {
    for (;;) {
      const read = readFrame(bytes)
      if (read !== null) {
        bytes = bytes.subarray(read.end)
        return read.frame
      }
      if (state.isOver) return null
      await turn.promise
    }
  }
  return {
    head,
    send: (text, op) => void socket.write(maskedFrame(Buffer.from(text), op)),
    raw: (piece) => void socket.write(piece),
    next,
    rest: async () => {
      const frames: Frame[] = []
      for (let frame = await next(); frame !== null; frame = await next()) frames.push(frame)
      return frames
    },
    end: () => socket.destroy(),
  }
}
