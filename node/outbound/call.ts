/**
 * One HTTP call to one address: resolved once and checked, connected to that very address, never
 * redirected, bounded in time.
 */
import { lookup } from 'node:dns/promises'
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { OutboundFault } from '../core/ports.ts'
import { classOfAddress } from './address.ts'

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<string[]>

export interface CallerOptions {
  /** The system's by default. */
  resolve?: Resolve
  /** Milliseconds for one call as a whole, from the name to the end of the answer. */
  timeoutMillis: number
  /** Certificates to trust in place of those of the system, as PEM. */
  ca?: string
}
export interface Call {
  url: string
  method: 'GET' | 'POST'
  headers: Readonly<Record<string, string>>
  body?: string
  /** Whether loopback and private addresses may be called. */
  allowPrivate: boolean
  /** Whether public addresses may be called without TLS. */
  allowClear: boolean
}
export type Called<T> = { kind: 'answered'; answer: T } | { kind: 'failed'; reason: OutboundFault }

export interface Caller {
  /**
   * Calls, and reads the answer.
   *
   * @param read takes what it needs of the answer; the connection ends with it
   */
  call: <T>(call: Call, read: (response: IncomingMessage) => Promise<T>) => Promise<Called<T>>
  /** Ends what is under way. */
  close: () => void
}

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

/** Creates a caller. */
export function createCaller(options: CallerOptions): Caller {
  const { resolve = resolveBySystem, timeoutMillis, ca } = options
  const closing = new AbortController()

  /** One address of the host, when all of them may be called. */
  async function addressOf(url: URL, { allowPrivate, allowClear }: Call): Promise<string> {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const found = isIP(host) === 0 ? await resolve(host) : [host]
    const [first] = found
    if (first === undefined) throw new Refused('unreachable')
    const classes = new Set(found.map(classOfAddress))
    if (classes.has('forbidden')) throw new Refused('forbidden-address')
    if (classes.has('private') && !allowPrivate) throw new Refused('forbidden-address')
    if (url.protocol === 'http:' && classes.has('public') && !allowClear)
      throw new Refused('forbidden-address')
    return first
  }

  async function send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(call.url)
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
    if (!isWeb || url.username !== '' || url.password !== '') throw new Refused('forbidden-address')
    const address = await addressOf(url, call)
    signal.throwIfAborted()
    const family = isIP(address)
    // The name was looked up once; whoever asks again gets the address that was checked.
    const pinned: LookupFunction = (_host, asked, done) => {
      if (asked.all === true) done(null, [{ address, family }])
      else done(null, address, family)
    }
    const { method, headers, body } = call
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const common: RequestOptions = {
      method,
      headers: { ...headers, ...length },
      lookup: pinned,
      agent: false,
      signal,
      maxHeaderSize: HEADER_BYTES,
    }
    const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>()
    const request =
      url.protocol === 'https:'
        ? requestHttps(url, ca === undefined ? common : { ...common, ca })
        : requestHttp(url, common)
    request.on('error', reject)
    request.on('response', answered)
    request.end(body)
    return promise
  }

  return {
    call: async (call, read) => {
      const ends = new AbortController()
      const timer = setTimeout(() => ends.abort(), timeoutMillis)
      const signal = AbortSignal.any([ends.signal, closing.signal])
      try {
        const response = await Promise.race([send(call, signal), whenAborted(signal)])
        return { kind: 'answered', answer: await read(response) }
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
