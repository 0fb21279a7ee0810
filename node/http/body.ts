/** Reads request bodies within bounds: bytes and JSON whole, NDJSON line by line. */
import type { Context } from 'hono'
import { ProtocolError } from '../../protocol/errors.ts'
import { HttpProblem } from './problem.ts'

/** Bytes of a JSON body. */
export const JSON_BYTES = 1024 * 1024
/** Bytes of one NDJSON line: a member with every text at its limit, and headroom. */
export const LINE_BYTES = 64 * 1024

const NEWLINE = 0x0a

function assertType(c: Context, accepted: readonly string[]): void {
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!accepted.includes(type))
    throw new HttpProblem('unsupported_media_type', `Content-Type: ${accepted.join(' or ')}`)
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ProtocolError('malformed', '', 'text in UTF-8')
  }
}

/**
 * The body as bytes.
 *
 * @throws ProtocolError `too_large` above `limit` bytes
 */
export async function readBytes(c: Context, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = (): never => {
    throw new ProtocolError('too_large', '', `a body of at most ${limit} bytes`)
  }
  if (Number(c.req.header('content-length') ?? 0) > limit) refuse()
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > limit) refuse()
    parts.push(part)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * The body as text.
 *
 * @throws ProtocolError `too_large` above `limit` bytes, `malformed` for bad UTF-8
 */
export async function readText(c: Context, limit: number): Promise<string> {
  return decode(await readBytes(c, limit))
}

/**
 * The body as plain text.
 *
 * @throws ProtocolError as {@link readText}, HttpProblem `unsupported_media_type`
 */
export async function readPlain(c: Context, limit: number): Promise<string> {
  assertType(c, ['text/plain'])
  return readText(c, limit)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the input.
    throw new ProtocolError('malformed', '', 'JSON')
  }
}

/**
 * The body as JSON.
 *
 * @throws ProtocolError `malformed` or `too_large`, HttpProblem `unsupported_media_type`
 */
export async function readJson(c: Context): Promise<unknown> {
  assertType(c, ['application/json'])
  return parseJson(await readText(c, JSON_BYTES))
}

/** One line of NDJSON. */
export interface JsonLine {
  /** Counts from 1; blank lines count too. */
  line: number
  bytes: number
  /** The parsed line, or why it was refused. */
  json: { value: unknown } | { error: ProtocolError }
}

function parseLine(bytes: Uint8Array): JsonLine['json'] {
  try {
    return { value: parseJson(decode(bytes)) }
  } catch (error) {
    if (error instanceof ProtocolError) return { error }
    throw error
  }
}

/** The rest of an overlong line is read past without being kept. */
function createLineReader() {
  let parts: Uint8Array[] = []
  let length = 0
  return {
    add: (part: Uint8Array): void => {
      length += part.length
      if (length > LINE_BYTES) parts = []
      else parts.push(part)
    },
    take: (line: number): JsonLine | null => {
      const bytes = length
      const whole = Buffer.concat(parts)
      parts = []
      length = 0
      if (bytes > LINE_BYTES) {
        const error = new ProtocolError('too_large', '', `lines of at most ${LINE_BYTES} bytes`)
        return { line, bytes: 0, json: { error } }
      }
      const isBlank = whole.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)
      return isBlank ? null : { line, bytes, json: parseLine(whole) }
    },
  }
}

/**
 * The lines of an NDJSON body as they come in. A bad line is given with its error and does not end
 * the iteration; blank lines are skipped.
 */
export async function* readLines(c: Context): AsyncGenerator<JsonLine> {
  const reader = createLineReader()
  let line = 1
  for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      reader.add(chunk.subarray(start, end))
      const taken = reader.take(line)
      if (taken !== null) yield taken
      line += 1
      start = end + 1
    }
    reader.add(chunk.subarray(start))
  }
  const last = reader.take(line)
  if (last !== null) yield last
}

/** @throws HttpProblem `unsupported_media_type` where the body is not NDJSON */
export function assertNdjson(c: Context): void {
  assertType(c, ['application/x-ndjson', 'application/ndjson', 'application/jsonl'])
}
