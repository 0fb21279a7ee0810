/** WebSocket frames as the old module's daemon writes and reads them. */
import { randomBytes } from 'node:crypto'

const TEXT = 0x81
const LONG = 126
const SHORT_MOST = 125
const PING = 9
const CLOSE = 8

/** One text frame of a client, which is masked. */
export function textFrame(text: string): Buffer {
  const content = Buffer.from(text)
  const isShort = content.length <= SHORT_MOST
  const head = Buffer.alloc(isShort ? 2 : 4)
  head[0] = TEXT
  head[1] = 0x80 | (isShort ? content.length : LONG)
  if (!isShort) head.writeUInt16BE(content.length, 2)
  const mask = randomBytes(4)
  for (const [at, byte] of content.entries()) content[at] = byte ^ (mask[at % 4] ?? 0)
  return Buffer.concat([head, mask, content])
}

/** What a server's frame says. An empty ping is taken for the end of the stream. */
export type Heard = { kind: 'text'; text: string } | { kind: 'end' } | { kind: 'other' }

/**
 * Takes bytes as they come, and gives the frames that are complete: unmasked, whole, below 64 KiB,
 * as the daemon knows no others.
 */
export function createReader(): (bytes: Buffer) => Heard[] {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const heard: Heard[] = []
    for (let frame = cut(rest); frame !== null; frame = cut(rest)) {
      heard.push(frame.heard)
      rest = rest.subarray(frame.end)
    }
    return heard
  }
}

function cut(bytes: Buffer): { heard: Heard; end: number } | null {
  if (bytes.length < 2) return null
  const [first = 0, second = 0] = bytes
  const isLong = second === LONG
  if (second > LONG) throw new Error('a frame that is masked, or too long')
  if (isLong && bytes.length < 4) return null
  const from = isLong ? 4 : 2
  const end = from + (isLong ? bytes.readUInt16BE(2) : second)
  if (bytes.length < end) return null
  const opcode = first & 0x0f
  if (opcode === CLOSE || (opcode === PING && end === from)) return { heard: { kind: 'end' }, end }
  if (first !== TEXT) return { heard: { kind: 'other' }, end }
  return { heard: { kind: 'text', text: bytes.subarray(from, end).toString('utf8') }, end }
}
