/** Fetches pictures of this site's members: from the site's own addresses only. */
import type { IncomingMessage } from 'node:http'
import type { SiteId } from '../../protocol/ids.ts'
import type { PhotoAnswer, Photos } from '../core/ports.ts'
import { createCaller, type Resolve } from './call.ts'

export interface PhotoOptions {
  /** The domain whose pictures may be fetched, by itself and with `www.` before it. */
  site: SiteId
  /** Further origins, such as `http://127.0.0.1:8080`; only they may be at private addresses. */
  origins: readonly string[]
  /** The system's by default. */
  resolve?: Resolve
  /** Milliseconds for one picture as a whole. */
  timeoutMillis?: number
  /** Certificates to trust in place of those of the system, as PEM. */
  ca?: string
}

const TIMEOUT_MILLIS = 20_000
/** Statuses of what is not there (RFC 9110 §15.5.5, §15.5.11). */
const GONE = new Set([404, 410])
/** Bytes of a picture. */
export const PHOTO_BYTES = 8 * 1024 * 1024

/** The whole body, or `too-large` as soon as it is. */
async function readBody(response: IncomingMessage): Promise<Uint8Array | 'too-large'> {
  if (Number(response.headers['content-length'] ?? 0) > PHOTO_BYTES) return 'too-large'
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > PHOTO_BYTES) return 'too-large'
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * Creates the adapter; `close` ends what is under way.
 *
 * @throws TypeError where an origin is no address
 */
export function createPhotos(options: PhotoOptions): Photos & { close: () => void } {
  const { site, origins, timeoutMillis = TIMEOUT_MILLIS } = options
  const caller = createCaller({ ...options, timeoutMillis })
  const configured = new Set(origins.map((origin) => new URL(origin).origin))
  const own = new Set(
    [site, `www.${site}`].flatMap((host) => [`https://${host}`, `http://${host}`]),
  )

  /** Null where the address is not the site's. */
  async function get<T>(address: string, read: (response: IncomingMessage) => Promise<T>) {
    const origin = URL.canParse(address) ? new URL(address).origin : ''
    const allowPrivate = configured.has(origin)
    if (!allowPrivate && !own.has(origin)) return null
    return caller.call(
      {
        url: address,
        method: 'GET',
        headers: { accept: 'image/*' },
        allowPrivate,
        // What is on a page that everybody may see is no secret on the way here.
        allowClear: true,
      },
      read,
    )
  }

  async function fetch(address: string): Promise<PhotoAnswer> {
    const called = await get(address, async (response) =>
      response.statusCode === 200 ? readBody(response) : null,
    )
    if (called === null) return { kind: 'refused' }
    if (called.kind === 'failed')
      return { kind: called.reason === 'forbidden-address' ? 'refused' : 'failed' }
    const { answer } = called
    if (answer === null) return { kind: 'failed' }
    return answer === 'too-large' ? { kind: 'refused' } : { kind: 'fetched', bytes: answer }
  }

  return {
    fetch,
    isGone: async (address) => {
      const called = await get(address, async ({ statusCode }) => statusCode)
      return called?.kind === 'answered' && GONE.has(called.answer ?? 0)
    },
    close: caller.close,
  }
}
