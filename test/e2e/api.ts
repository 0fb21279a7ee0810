/** The HTTP interface of a node, typed as far as the tests use it. */
import { request } from 'node:http'
import type { Person } from '../../scripts/people.ts'

const TIMEOUT_MILLIS = 20_000

export interface Answer {
  status: number
  text: string
  headers: Record<string, string | string[] | undefined>
}

/** One request on a connection of its own, so that none is left over from a process that died. */
export function send(
  url: string,
  method: string,
  init: { key?: string; body?: string | Uint8Array; type?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = {}
  if (init.key !== undefined) headers['authorization'] = `Bearer ${init.key}`
  if (init.body !== undefined) headers['content-type'] = init.type ?? 'application/json'
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false, timeout: TIMEOUT_MILLIS }, (got) => {
      const parts: Buffer[] = []
      got.on('data', (part: Buffer) => parts.push(part))
      got.on('error', reject)
      got.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        resolve({ status: got.statusCode ?? 0, text, headers: got.headers })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`No answer to ${method} ${url}`)))
    sent.on('error', reject)
    sent.end(init.body)
  })
}

function parse(text: string): unknown {
  return text === '' ? {} : JSON.parse(text)
}

export interface Api {
  /** @throws Error where the answer is not a success */
  get: <T>(path: string) => Promise<T>
  send: <T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) => Promise<T>
  text: (path: string) => Promise<string>
  /** The answer, whatever it says. */
  ask: (method: string, path: string, body?: unknown) => Promise<Answer>
  lines: <T>(path: string, rows: readonly unknown[]) => Promise<T[]>
  /** Posts bytes as they are. @throws Error where the answer is not a success */
  upload: <T>(path: string, bytes: Uint8Array, type: string) => Promise<T>
}

/**
 * A client.
 *
 * @param keys API keys that take turns: each has a rate limit of its own, which tests that poll
 *   would meet
 */
export function createApi(url: string, keys: readonly string[]): Api {
  let turn = 0
  const nextKey = (): string => keys[turn++ % keys.length] ?? ''

  function ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    return send(`${url}${path}`, method, { key: nextKey(), ...text })
  }
  async function must(method: string, path: string, body?: unknown): Promise<string> {
    const { status, text } = await ask(method, path, body)
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text
  }
  return {
    ask,
    get: async <T>(path: string) => parse(await must('GET', path)) as T,
    send: async <T>(method: string, path: string, body?: unknown) =>
      parse(await must(method, path, body)) as T,
    text: (path) => must('GET', path),
    upload: async <T>(path: string, bytes: Uint8Array, type: string) => {
      const init = { key: nextKey(), body: bytes, type }
      const { status, text } = await send(`${url}${path}`, 'POST', init)
      if (status < 200 || status > 299) throw new Error(`POST ${path}: ${status} ${text}`)
      return parse(text) as T
    },
    lines: async <T>(path: string, rows: readonly unknown[]) => {
      const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
      const type = 'application/x-ndjson'
      const { status, text } = await send(`${url}${path}`, 'POST', { key: nextKey(), body, type })
      if (status !== 200) throw new Error(`POST ${path}: ${status} ${text}`)
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as T)
    },
  }
}

export interface Shown {
  record: string
  home: string
  age: number
  profile: Record<string, unknown>
  /** Those that are here. */
  pictures: unknown[]
}
export interface PutLine {
  line: number
  id: string
  outcome?: 'published' | 'updated' | 'unchanged'
  record?: string
  version?: number
  keptBack?: string[]
  problem?: { code: string; pointer?: string }
}
export interface Withdrawn {
  id: string
  record: string
  index: number | null
}
export interface Progress {
  record: string | null
  index: number | null
  state: 'pending' | 'partial' | 'complete'
  reason: string
  receipts: { site: string; receivedAt: number | null }[]
}
export interface Disclosure {
  what: string
  partner: string
  time: number
  via: string | null
  versions: { record: string; index: number }[]
}
export interface Status {
  site: string
  writable: boolean
  connected: string[]
  logs: {
    site: string
    size: number
    forked: boolean
    records: { live: number; withdrawn: number; held: number }
  }[]
}
export interface OwnMember {
  id: string
  record: string
  version: number
  profile: Record<string, unknown>
}

export type Requirements = Record<string, unknown>

/** What a website does with its node. */
export interface SiteApi extends Api {
  put: (person: Person) => Promise<{ outcome: string; record: string; version: number }>
  /** All lines published; record by the site's own id. */
  bulk: (people: readonly Person[]) => Promise<Map<string, string>>
  member: (id: string) => Promise<OwnMember | null>
  members: () => Promise<OwnMember[]>
  disclosures: (id: string) => Promise<Disclosure[]>
  withdraw: (ids: readonly string[]) => Promise<Withdrawn[]>
  progress: (record: string) => Promise<Progress>
  evidence: (record: string) => Promise<string>
  require: (requirements: Requirements) => Promise<{ index: number }>
  /** Every record that the node shows now. */
  records: () => Promise<Shown[]>
  status: () => Promise<Status>
}

const PAGE = 200

/** A client of a site node. */
export function createSiteApi(url: string, keys: readonly string[]): SiteApi {
  const api = createApi(url, keys)

  async function pages<T>(path: string, name: string): Promise<T[]> {
    const rows: T[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page = await api.get<Record<string, unknown>>(`${path}?limit=${PAGE}${query}`)
      rows.push(...(page[name] as T[]))
      cursor = page['next'] as string | null
    }
    return rows
  }
  return {
    ...api,
    put: ({ id, ...rest }) => api.send('PUT', `/v1/members/${id}`, rest),
    bulk: async (people) => {
      const lines = await api.lines<PutLine>('/v1/members:bulk', people)
      const failed = lines.find(({ outcome }) => outcome === undefined)
      if (failed !== undefined || lines.length !== people.length)
        throw new Error(`Not all were published: ${JSON.stringify(failed ?? lines.length)}`)
      return new Map(lines.map(({ id, record = '' }) => [id, record]))
    },
    member: async (id) => {
      const { status, text } = await api.ask('GET', `/v1/members/${id}`)
      if (status !== 200 && status !== 404) throw new Error(`${status} ${text}`)
      return status === 404 ? null : (JSON.parse(text) as OwnMember)
    },
    members: () => pages('/v1/members', 'members'),
    disclosures: async (id) =>
      (await api.get<{ disclosures: Disclosure[] }>(`/v1/members/${id}/disclosures`)).disclosures,
    withdraw: async (ids) =>
      (await api.send<{ withdrawn: Withdrawn[] }>('POST', '/v1/withdrawals', { ids })).withdrawn,
    progress: (record) => api.get(`/v1/withdrawals/${record}`),
    evidence: (record) => api.text(`/v1/withdrawals/${record}/evidence`),
    require: (requirements) => api.send('PUT', '/v1/requirements', { requirements }),
    records: () => pages('/v1/records', 'records'),
    status: () => api.get('/v1/status'),
  }
}
