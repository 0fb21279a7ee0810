/**
 * Calls addresses of the operator: resolved once and checked, connected to that very address, never
 * redirected, bounded in time and size.
 */
import { lookup } from 'node:dns/promises'
import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Outbound, OutboundAnswer, OutboundFault, OutboundRequest } from '../core/ports.ts'
import { classOfAddress } from './address.ts'

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<string[]>

export interface OutboundOptions {
  /** Whether loopback and private addresses may be called, and those without TLS. */
  allowPrivate: boolean
  /** The system's by default. */
  resolve?: Resolve
  /** Milliseconds for one call as a whole, from the name to the end of the answer. */
  timeoutMillis?: number
  /** Certificates to trust in place of those of the system, as PEM. */
  ca?: string
}

const TIMEOUT_MILLIS = 8000
/** Bytes of an answer that are read: only its status counts. */
const ANSWER_BYTES = 64 * 1024
const HEADER_BYTES = 16 * 1024

class Refused extends Error {
  readonly fault: OutboundFault
  constructor(fault: OutboundFault) {
    super(fault)
    this.fault = fault
  }
}

async function resolveBySystem(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** Whether this is a fault of a certificate; Node names them so. */
function isTlsFault(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^ERR_TLS|^ERR_SSL|CERT|SELF_SIGNED|UNABLE_TO_/.test(code)
}

/** Rejects when the signal fires, which a look-up of a name does not heed by itself. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(new Refused('timeout'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

/** Reads the answer to its end, but not longer than it is allowed to be. */
function readBounded(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    response.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > ANSWER_BYTES) response.destroy()
    })
    // The status has come: however the rest ends, it is the answer.
    response.on('error', () => resolve())
    response.on('close', () => resolve())
  })
}

/** Creates the adapter; `close` ends what is under way. */
export function createOutbound(options: OutboundOptions): Outbound & { close: () => void } {
  const { allowPrivate, resolve = resolveBySystem, timeoutMillis = TIMEOUT_MILLIS, ca } = options
  const closing = new AbortController()

  /** One address of the host, when all of them may be called. */
  async function addressOf(url: URL): Promise<string> {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const found = isIP(host) === 0 ? await resolve(host) : [host]
    const [first] = found
    if (first === undefined) throw new Refused('unreachable')
    const classes = new Set(found.map(classOfAddress))
    if (classes.has('forbidden')) throw new Refused('forbidden-address')
    if (classes.has('private') && !allowPrivate) throw new Refused('forbidden-address')
    // Without TLS anybody on the way could read a message: only where there is no way.
    if (url.protocol === 'http:' && classes.has('public')) throw new Refused('forbidden-address')
    return first
  }

  function open(
    url: URL,
    address: string,
    sent: OutboundRequest,
    signal: AbortSignal,
  ): ClientRequest {
    const family = isIP(address)
    // The name was looked up once; whoever asks again gets the address that was checked.
    const pinned: LookupFunction = (_host, asked, done) => {
      if (asked.all === true) done(null, [{ address, family }])
      else done(null, address, family)
    }
    const common = {
      method: 'POST',
      headers: { ...sent.headers, 'content-length': String(Buffer.byteLength(sent.body)) },
      lookup: pinned,
      agent: false as const,
      signal,
      maxHeaderSize: HEADER_BYTES,
    }
    return url.protocol === 'https:'
      ? requestHttps(url, ca === undefined ? common : { ...common, ca })
      : requestHttp(url, common)
  }

  async function send(sent: OutboundRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(sent.url)
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
    if (!isWeb || url.username !== '' || url.password !== '') throw new Refused('forbidden-address')
    const address = await addressOf(url)
    signal.throwIfAborted()
    const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>()
    const request = open(url, address, sent, signal)
    request.on('error', reject)
    request.on('response', answered)
    request.end(sent.body)
    return promise
  }

  return {
    post: async (sent): Promise<OutboundAnswer> => {
      const ends = new AbortController()
      const timer = setTimeout(() => ends.abort(), timeoutMillis)
      const signal = AbortSignal.any([ends.signal, closing.signal])
      try {
        const response = await Promise.race([send(sent, signal), whenAborted(signal)])
        // Read to its end, so that a website that answers before it has done is not cut off.
        await readBounded(response)
        return { kind: 'answered', status: response.statusCode ?? 0 }
      } catch (error) {
        if (error instanceof Refused) return { kind: 'failed', reason: error.fault }
        if (signal.aborted) return { kind: 'failed', reason: 'timeout' }
        return { kind: 'failed', reason: isTlsFault(error) ? 'untrusted' : 'unreachable' }
      } finally {
        clearTimeout(timer)
        // Whatever has not ended by now ends here.
        ends.abort()
      }
    },
    close: () => closing.abort(),
  }
}
