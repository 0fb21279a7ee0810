/**
 * The old module's slow loop: what it asks and tells over HTTP, in its order and to the byte. It
 * tells once, whatever comes of it, and reads nothing of an answer but a body of JSON.
 */
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { formOf, serialize, type FormFields, type PhpValue } from './serialize.ts'
import { profileOf, type NetStatus, type QueueRow, type Website } from './website.ts'

export interface ModuleOptions {
  /** The address that actions are appended to; ends in a slash. */
  slow: string
  key: string
  domain: string
  /** How rows come out of the database: PHP before 8.1 gives text. */
  ids: 'integers' | 'text'
  /** What the owner has chosen, as in {@link SETTINGS}. */
  settings?: FormFields
}

/** Everybody, as an owner who has chosen nothing in particular. */
export const SETTINGS: FormFields = {
  site_type: ['general'],
  user_type: ['all'],
  orientation: ['all'],
  lang: ['all'],
  land: ['all'],
  country_code: ['all'],
  min_age: 18,
  max_age: 80,
}

const GET_MILLIS = 4000
const POST_MILLIS = 60_000
const BATCH = 100
const FORM = 'application/x-www-form-urlencoded'

/** What the server said, as far as the module reads it; null is nothing. */
type Heard = Record<string, unknown> | null

function parse(body: string): Heard {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' ? (value as Heard) : null
  } catch {
    return null
  }
}

/** One request on a connection of its own, with these headers and no others. */
function send(address: string, headers: string[], body: string | null): Promise<Heard> {
  const { host, hostname, port, origin } = new URL(address)
  return new Promise((resolve) => {
    const settings = {
      method: body === null ? 'GET' : 'POST',
      hostname,
      port,
      // As it is: a URL would lose a question mark with nothing behind it.
      path: address.slice(origin.length),
      setDefaultHeaders: false,
      headers: ['Host', host, 'Accept', '*/*', ...headers],
      agent: false,
      timeout: body === null ? GET_MILLIS : POST_MILLIS,
    } as const
    const sent = request(settings, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('error', () => resolve(null))
      answer.on('end', () => {
        sent.destroy()
        resolve(parse(text))
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', () => resolve(null))
    sent.end(body ?? undefined)
  })
}

/** One call. The module knows no status: what is no JSON is nothing. */
export function call(
  options: Pick<ModuleOptions, 'slow' | 'key' | 'domain'>,
  action: string,
  content: { query: string } | { body: string },
): Promise<Heard> {
  const { slow, key, domain } = options
  const who = key === '' ? [] : ['x-pgn-key', key, 'x-pgn-domain', domain]
  if ('query' in content) return send(`${slow}${action}?${content.query}`, who, null)
  const { body } = content
  const length = ['Content-Length', String(Buffer.byteLength(body)), 'Content-Type', FORM]
  return send(`${slow}${action}`, [...who, ...length], body)
}

/** Asks for a key, as the admin page does where there is none. Null where it is refused. */
export async function pair({
  slow,
  domain,
}: {
  slow: string
  domain: string
}): Promise<string | null> {
  const heard = await call({ slow, key: '', domain }, 'get_key', { body: formOf({ domain }) })
  const code = heard?.['code']
  return typeof code === 'string' ? code : null
}

/** Whether the server takes the key, as every view of the admin page asks. */
export async function test(options: ModuleOptions): Promise<boolean> {
  return Boolean((await call(options, 'test', { body: '' }))?.['test'])
}

const ERRORS = new Set(
  (
    'hash icon icon_req id_req email_req nickname_req user_type_req user_type_inv ' +
    'looking_user_type_req looking_user_type_inv birth_date_req city_req region_req ' +
    'country_code_req country_code_inv lang_req'
  ).split(' '),
)
const WORDS = new Set<unknown>(['not_agree', 'ready', 'processed', 'error', 'ok'])

/** Takes numbers and words by local id. To PHP 8 every word is greater than 0, as a number would be. */
function takeStatus(site: Website, { ids }: ModuleOptions, map: unknown): void {
  if (typeof map !== 'object' || map === null) return
  for (const [localId, value] of Object.entries(map as Record<string, unknown>)) {
    const user = site.users.get(Number(localId))
    if (user === undefined) continue
    if (typeof value === 'number' && value > 0) {
      user.netId = value
      user.status = 'ok'
      continue
    }
    user.netId = 0
    if (typeof value === 'string' && ids === 'integers') user.status = 'ok'
    else if (ERRORS.has(String(value))) user.status = 'error'
    else user.status = WORDS.has(value) ? (value as NetStatus) : ''
  }
}

type Out<Kind> = Extract<QueueRow, { direction: 'out'; kind: Kind }>

function rowsOf<Kind extends Out<QueueRow['kind']>['kind']>(site: Website, kind: Kind) {
  return site.queue.filter((row): row is Out<Kind> => row.direction === 'out' && row.kind === kind)
}

/**
 * Rows of the users that were told of leave the queue, also those that came while they were told;
 * where nobody was, all do. The module does not look at whether anything has arrived.
 */
function forget<Kind extends Out<QueueRow['kind']>['kind']>(
  site: Website,
  told: readonly Out<Kind>[],
  kind: Kind,
): void {
  const names = new Set(told.map(nameOf))
  site.queue = site.queue.filter(
    (row) =>
      row.direction === 'in' || row.kind !== kind || (told.length > 0 && !names.has(nameOf(row))),
  )
}
const nameOf = (row: Extract<QueueRow, { direction: 'out' }>): PhpValue =>
  row.kind === 'update' ? (row.data['local_id'] ?? 0) : row.netId

/** An id as the database gives it. */
const idOf = ({ ids }: ModuleOptions, id: number): PhpValue => (ids === 'text' ? String(id) : id)

/** `put_profiles`: a hundred of those who are ready. */
export async function putProfiles(site: Website, options: ModuleOptions): Promise<void> {
  const ready = [...site.users.values()].filter(
    ({ netId, status, fields }) => netId === 0 && status === 'ready' && fields.icon !== '',
  )
  const profiles = ready.slice(0, BATCH).map((user) => ({
    id: idOf(options, user.id),
    net_id: idOf(options, 0),
    ...profileOf(user),
  }))
  const body = formOf({ profiles: serialize(profiles) })
  takeStatus(site, options, (await call(options, 'put_profiles', { body }))?.['profiles'])
}

/** `get_profiles_status`: numbers that have come to be since. */
export async function getProfilesStatus(site: Website, options: ModuleOptions): Promise<void> {
  const heard = await call(options, 'get_profiles_status', { query: '' })
  takeStatus(site, options, heard?.['status'])
}

/** The highest number in the queue, else of the users, its own ones among them. */
function lastIdOf({ queue, users }: Website): number {
  const queued = queue.flatMap((row) => (row.direction === 'in' ? [row.netId] : []))
  const known = queued.length > 0 ? queued : [...users.values()].map(({ netId }) => netId)
  return Math.max(0, ...known)
}

type In = Extract<QueueRow, { direction: 'in' }>

/** Rows that the module writes at once. */
const IN_BATCH = 50

/**
 * Queues what has come, but for adds and removals of numbers that are queued already. Where the last
 * one of a list is such a number, those that were not written before it are lost.
 */
function queueIn(site: Website, rows: readonly In[]): void {
  let batch: In[] = []
  let size = 0
  for (const [at, row] of rows.entries()) {
    const isQueued = site.queue.some(
      ({ direction, kind, ...other }) =>
        direction === 'in' && kind === row.kind && 'netId' in other && other.netId === row.netId,
    )
    if (row.kind === 'update' || !isQueued) {
      batch.push(row)
      if (size > IN_BATCH || at === rows.length - 1) {
        site.queue.push(...batch)
        batch = []
        size = 0
      }
    }
    size += 1
  }
}
const inOf = (kind: 'add' | 'update', profiles: unknown): In[] =>
  Array.isArray(profiles)
    ? (profiles as Record<string, unknown>[]).map((data) => ({
        direction: 'in',
        kind,
        netId: Number(data['id']),
        data,
      }))
    : []

async function getProfiles(site: Website, options: ModuleOptions): Promise<void> {
  const query = formOf({ last_id: lastIdOf(site) })
  queueIn(site, inOf('add', (await call(options, 'get_profiles', { query }))?.['profiles']))
}

async function putProfilesStatus(site: Website, options: ModuleOptions): Promise<void> {
  const rows = rowsOf(site, 'added')
  if (rows.length === 0) return
  const id = rows.map(({ netId }) => netId)
  await call(options, 'put_profiles_status', { body: formOf({ id }) })
  forget(site, rows, 'added')
}

async function putRemoved(site: Website, options: ModuleOptions): Promise<void> {
  const rows = rowsOf(site, 'remove')
  const ids = rows.map(({ netId, isConfirmation }) =>
    isConfirmation ? netId : idOf(options, netId),
  )
  await call(options, 'put_removed', { body: formOf({ id: serialize(ids) }) })
  forget(site, rows, 'remove')
}

async function getRemoved(site: Website, options: ModuleOptions): Promise<void> {
  const removed = (await call(options, 'get_removed', { query: '' }))?.['removed']
  if (!Array.isArray(removed)) return
  queueIn(
    site,
    (removed as number[]).map((netId) => ({ direction: 'in', kind: 'remove', netId })),
  )
}

async function putUpdated(site: Website, options: ModuleOptions): Promise<void> {
  const rows = rowsOf(site, 'update')
  const profiles = rows.map(({ data }) => ({
    ...data,
    net_id: idOf(options, Number(data['net_id'])),
  }))
  await call(options, 'put_updated', { body: formOf({ profiles: serialize(profiles) }) })
  forget(site, rows, 'update')
}

/** With a body and no content: the method is written in capitals, which the module takes for POST. */
async function getUpdated(site: Website, options: ModuleOptions): Promise<void> {
  queueIn(site, inOf('update', (await call(options, 'get_updated', { body: '' }))?.['profiles']))
}

/** What one round does. The second status call follows put_removed, which has emptied the queue. */
const ROUND = [
  putProfiles,
  getProfilesStatus,
  getProfiles,
  putProfilesStatus,
  putRemoved,
  getRemoved,
  putUpdated,
  getUpdated,
]

export interface SlowLoop {
  /** One round; before the first, the settings. */
  round: () => Promise<void>
  /** Goes on until it is told to stop: 39.5 s a round with the pauses of the module. */
  run: (signal: AbortSignal, pauses?: { step: number; round: number }) => Promise<void>
}

const PAUSES = { step: 1000, round: 30_000 }

/** Waits, or not so long where it is told to stop. */
async function wait(millis: number, signal: AbortSignal): Promise<void> {
  await delay(millis, undefined, { signal }).catch(() => undefined)
}

/** A loop that has just started. */
export function createSlowLoop(site: Website, options: ModuleOptions): SlowLoop {
  let isStarted = false
  async function begin(): Promise<void> {
    if (isStarted) return
    isStarted = true
    await call(options, 'settings', { query: formOf(options.settings ?? SETTINGS) })
  }
  return {
    round: async () => {
      await begin()
      for (const step of ROUND) await step(site, options)
    },
    run: async (signal, pauses = PAUSES) => {
      await begin()
      while (!signal.aborted) {
        for (const step of ROUND) {
          await step(site, options)
          await wait(pauses.step, signal)
          if (signal.aborted) return
        }
        await wait(pauses.round, signal)
      }
    },
  }
}
