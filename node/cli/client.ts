/** The HTTP interface of a node, as the commands use it. */
import { FailureError, UsageError, type Surroundings } from './outcome.ts'

/** An answer of the interface that says no (RFC 9457 problem details). */
export class RefusedError extends FailureError {
  readonly status: number

  constructor(status: number, line: string) {
    super(line)
    this.status = status
  }
}

export interface Client {
  url: string
  get: <T = Record<string, unknown>>(path: string) => Promise<T>
  text: (path: string) => Promise<string>
  /** The bytes of an answer as they come, however long that takes. */
  stream: (path: string) => Promise<ReadableStream<Uint8Array>>
  send: <T = Record<string, unknown>>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<T>
  /** Posts bytes as they are. */
  upload: <T = Record<string, unknown>>(path: string, bytes: Uint8Array<ArrayBuffer>) => Promise<T>
  /** Sends text, lines of JSON by default, and reads the lines of the answer. */
  lines: (path: string, body: string, type?: string) => Promise<Record<string, unknown>[]>
}

const DEFAULT_URL = 'http://127.0.0.1:8080'
const TIMEOUT_MILLIS = 60_000
const BULK_MILLIS = 10 * 60_000

export interface ClientOptions {
  url?: string
  key?: string
}

interface Problem {
  title?: unknown
  detail?: unknown
  pointer?: unknown
}

/** What an answer says was wrong, as one line without any value. */
function problemLine(status: number, body: string): string {
  let problem: Problem = {}
  try {
    const json: unknown = JSON.parse(body)
    if (typeof json === 'object' && json !== null) problem = json
  } catch {
    // Not our kind of answer, from a proxy perhaps: the status says all there is to say.
  }
  const said = [problem.detail, problem.title].find((one) => typeof one === 'string')
  const field = typeof problem.pointer === 'string' ? problem.pointer : ''
  const where = field === '' || said?.includes(field) === true ? '' : ` (${field})`
  return `The node answered ${status}${said === undefined ? '' : `: ${said}${where}`}`
}

function refusal(status: number, body: string): Error {
  const line = problemLine(status, body)
  const isInput = status === 400 || status === 413 || status === 415 || status === 422
  if (isInput) return new UsageError(line)
  if (status === 401) return new RefusedError(status, `${line}. Pass an API key by DPN_API_KEY`)
  return new RefusedError(status, line)
}

function checkUrl(text: string): string {
  try {
    const { protocol } = new URL(text)
    if (protocol === 'http:' || protocol === 'https:') return text.replace(/\/+$/, '')
  } catch {
    // Said below.
  }
  throw new UsageError('--url or DPN_URL: expected an http(s) address')
}

/** A client by options, else by DPN_URL and DPN_API_KEY, else of a node on this machine. */
export function createClient({ env }: Surroundings, options: ClientOptions): Client {
  const url = checkUrl(options.url ?? (env['DPN_URL'] || DEFAULT_URL))
  const key = options.key ?? env['DPN_API_KEY'] ?? ''

  const authorization: Record<string, string> = key === '' ? {} : { authorization: `Bearer ${key}` }

  async function stream(path: string): Promise<ReadableStream<Uint8Array>> {
    const ended = new AbortController()
    const timer = setTimeout(() => ended.abort(), TIMEOUT_MILLIS)
    try {
      const init = { headers: authorization, signal: ended.signal }
      const answer = await fetch(`${url}${path}`, init).catch((cause: unknown) => {
        throw new FailureError(`No answer from ${url}: is the node running?`, { cause })
      })
      if (!answer.ok || answer.body === null) throw refusal(answer.status, await answer.text())
      return answer.body
    } finally {
      clearTimeout(timer)
    }
  }

  async function request(
    method: string,
    path: string,
    init: { body?: string | Uint8Array<ArrayBuffer>; type?: string; millis?: number } = {},
  ): Promise<string> {
    const headers = { ...authorization }
    if (init.body !== undefined) headers['content-type'] = init.type ?? 'application/json'
    let answer: Response
    let body: string
    try {
      answer = await fetch(`${url}${path}`, {
        method,
        headers,
        body: init.body ?? null,
        signal: AbortSignal.timeout(init.millis ?? TIMEOUT_MILLIS),
      })
      body = await answer.text()
    } catch (cause) {
      throw new FailureError(`No answer from ${url}: is the node running?`, { cause })
    }
    if (!answer.ok) throw refusal(answer.status, body)
    return body
  }

  const parse = (body: string): unknown => {
    try {
      return body === '' ? {} : (JSON.parse(body) as unknown)
    } catch (cause) {
      throw new FailureError(`${url} does not answer as a node does`, { cause })
    }
  }
  return {
    url,
    get: async <T>(path: string) => parse(await request('GET', path)) as T,
    text: (path) => request('GET', path),
    stream,
    send: async <T>(method: string, path: string, body?: unknown) => {
      const init = body === undefined ? {} : { body: JSON.stringify(body) }
      return parse(await request(method, path, init)) as T
    },
    upload: async <T>(path: string, bytes: Uint8Array<ArrayBuffer>) => {
      const init = { body: bytes, type: 'application/octet-stream', millis: BULK_MILLIS }
      return parse(await request('POST', path, init)) as T
    },
    lines: async (path, body, type = 'application/x-ndjson') => {
      const answer = await request('POST', path, {
        body,
        type,
        millis: BULK_MILLIS,
      })
      return answer
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => parse(line) as Record<string, unknown>)
    },
  }
}
