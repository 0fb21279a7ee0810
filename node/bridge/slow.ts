/** The slow channel: what the old module asks every minute, by HTTP, form-encoded. */
import type { IncomingMessage } from 'node:http'
import { Hono, type Context } from 'hono'
import { ProtocolError, type ProtocolErrorCode } from '../../protocol/errors.ts'
import type { Bridge } from '../core/bridge/bridge.ts'
import { isModuleArray, wholeOf, type ModuleValue } from '../core/bridge/value.ts'
import { createLock } from '../core/lock.ts'
import type { Events } from '../core/ports.ts'
import { readBytes } from '../http/body.ts'
import { HttpProblem } from '../http/problem.ts'
import { createLimiter, type Rate } from '../http/rate.ts'
import { byNumber, isNumber, isSafeProfile, numbers } from './answer.ts'
import { readForm, textsOf, type Form } from './form.ts'
import { readPhp } from './php.ts'

export interface SlowPorts {
  bridge: Pick<Bridge, 'contact' | 'holds' | 'deliveries' | 'removals'>
  events: Events
  /** An error that is answered with 500; it may name files and statements, never a body. */
  onFault?: (error: unknown) => void
  rates?: Partial<SlowRates>
  /** Milliseconds after which a question is answered with "nothing": the module waits four seconds. */
  answerMilliseconds?: number
}
export interface SlowRates {
  /** Calls with the right key: the module makes one a second. */
  known: Rate
  /** Calls of one address without it. */
  unknown: Rate
}

const RATES: SlowRates = {
  known: { perSecond: 20, burst: 400 },
  unknown: { perSecond: 2, burst: 60 },
}
const ANSWER_MILLISECONDS = 3_000
/** A flood is told of once in so long, and not once for each call. */
const FLOOD_MILLISECONDS = 10_000

/** A hundred profiles of 60 kB, of which every byte may take three in a form. */
const LIST_BYTES = 18 * 1024 * 1024
const SMALL_BYTES = 64 * 1024
/** Large bodies taken at once: the module sends one, or two where its loops overlap. */
const PUTS = 8
/** Profiles that the core is handed at once. */
const BATCH = 100

type Env = { Bindings: { incoming?: IncomingMessage } }
/** An answer: plain JSON, or the statuses that come without one. */
type Reply = object

interface Action {
  method: 'GET' | 'POST'
  /** Bytes of the body. */
  bytes: number
  /** What is answered where the core takes too long; only questions have it. */
  nothing?: Reply
  answer: (form: Form) => Promise<Reply>
}

const OK: Reply = { status: 'ok' }

const STATUS: Partial<Record<ProtocolErrorCode, 413 | 503>> = { too_large: 413, not_ready: 503 }

/** The list in a field. An absent one is malformed: the module always sends it. */
function listIn(form: Form, name: string): ModuleValue[] {
  const field = form.get(name)?.[0]
  if (field === undefined) throw new ProtocolError('malformed', `/${name}`, 'a list')
  const value = readPhp(field)
  if (!isModuleArray(value)) throw new ProtocolError('wrong_type', `/${name}`, 'a list')
  return [...value.values()]
}

/** By the form of its ids the module's PHP is known; null where nothing can be told. */
function formOf(ids: readonly (ModuleValue | undefined)[]): 'integers' | 'text' | null {
  if (ids.some((id) => typeof id === 'string' && wholeOf(id) !== null)) return 'text'
  return ids.some((id) => typeof id === 'number') ? 'integers' : null
}

function actionsOf({ bridge, events }: SlowPorts): ReadonlyMap<string, Action> {
  const { contact, holds, deliveries, removals } = bridge
  // In the order of their coming: an update that overtook another would undo it.
  const lock = createLock()

  async function noteForm(ids: readonly (ModuleValue | undefined)[]): Promise<void> {
    const form = formOf(ids)
    if (form !== null) await contact.noteIds(form)
  }
  async function profiles(list: Awaited<ReturnType<typeof deliveries.offers>>): Promise<Reply> {
    const safe = list.filter(isSafeProfile)
    if (safe.length < list.length)
      events.emit({ type: 'bridge.refused', action: 'profiles', reason: 'unsafe' })
    return { profiles: safe }
  }
  async function putProfiles(form: Form): Promise<Reply> {
    const list = listIn(form, 'profiles')
    await noteForm(list.map((one) => (isModuleArray(one) ? one.get('id') : undefined)))
    const words = new Map<number, 'processed'>()
    for (let at = 0; at < list.length; at += BATCH)
      for (const [id, word] of await holds.put(list.slice(at, at + BATCH))) words.set(id, word)
    return { profiles: byNumber(words) }
  }
  async function putUpdated(form: Form): Promise<Reply> {
    const list = listIn(form, 'profiles')
    for (let at = 0; at < list.length; at += BATCH) await holds.update(list.slice(at, at + BATCH))
    return OK
  }
  async function putRemoved(form: Form): Promise<Reply> {
    const list = listIn(form, 'id')
    await noteForm(list)
    const ids = list.map(wholeOf).filter((id) => id !== null && id >= 0)
    await removals.take(ids as number[])
    return OK
  }
  async function putStatus(form: Form): Promise<Reply> {
    const ids = (textsOf(form).get('id') ?? []).map(wholeOf)
    await deliveries.added(ids.filter((id) => id !== null && isNumber(id)) as number[])
    return OK
  }

  const put = (answer: Action['answer']): Action => ({
    method: 'POST',
    bytes: LIST_BYTES,
    answer: (form) => lock(() => answer(form)),
  })
  const get = (nothing: Reply, answer: () => Promise<Reply>, method: 'GET' | 'POST' = 'GET') => ({
    method,
    bytes: SMALL_BYTES,
    nothing,
    answer,
  })
  return new Map<string, Action>([
    ['put_profiles', put(putProfiles)],
    ['put_profiles_status', put(putStatus)],
    ['put_removed', put(putRemoved)],
    ['put_removed_status', put(putRemoved)],
    ['put_updated', put(putUpdated)],
    [
      'get_profiles_status',
      get({ status: {} }, async () => ({ status: byNumber(await holds.numbers()) })),
    ],
    ['get_profiles', get({ profiles: [] }, async () => profiles(await deliveries.offers()))],
    [
      'get_removed',
      get({ removed: [] }, async () => ({ removed: numbers(await deliveries.removals()) })),
    ],
    [
      'get_updated',
      get({ profiles: [] }, async () => profiles(await deliveries.updates()), 'POST'),
    ],
    ['test', { method: 'POST', bytes: SMALL_BYTES, answer: async () => ({ test: 1 }) }],
    [
      'settings',
      {
        method: 'GET',
        bytes: SMALL_BYTES,
        answer: async (form) => {
          await contact.settings(textsOf(form))
          return OK
        },
      },
    ],
  ])
}

/** The last part of a path: the owner chooses what stands before it. */
function actionIn(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function empty(status: 401 | 404 | 405 | 413 | 429 | 400 | 500 | 503, headers = {}): Response {
  return new Response(null, { status, headers: { 'content-length': '0', ...headers } })
}

/**
 * The answer, or null where it takes too long; it is then not waited for, and its failure is told to
 * `onLate`.
 */
async function inTime<T>(
  work: Promise<T>,
  milliseconds: number,
  onLate: (error: unknown) => void,
): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      work.catch(onLate)
      resolve(null)
    }, milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Creates the slow channel. Whatever goes wrong is an empty body, which means "nothing" there.
 *
 * @param handshake answers the first request of the fast channel, which has the same address
 */
export function createSlow(
  ports: SlowPorts,
  handshake?: (c: Context) => Response | Promise<Response>,
): Hono<Env> {
  const { bridge, events } = ports
  const { contact } = bridge
  const rates = { ...RATES, ...ports.rates }
  const known = createLimiter(rates.known)
  const unknown = createLimiter(rates.unknown)
  const milliseconds = ports.answerMilliseconds ?? ANSWER_MILLISECONDS
  const actions = actionsOf(ports)
  /** Questions under way: the module may ask twice at once, and asks again when it waited in vain. */
  const asked = new Map<string, Promise<Reply>>()
  let puts = 0
  let floodToldAt = -FLOOD_MILLISECONDS
  const fault = (error: unknown): void => ports.onFault?.(error)

  async function begin(name: string, action: Action): Promise<Reply> {
    const work = action.answer(new Map())
    asked.set(name, work)
    try {
      return await work
    } finally {
      asked.delete(name)
    }
  }
  async function ask(name: string, action: Action, nothing: Reply): Promise<Reply> {
    const work = asked.get(name) ?? begin(name, action)
    const reply = await inTime(work, milliseconds, fault)
    if (reply === null) events.emit({ type: 'bridge.refused', action: name, reason: 'late' })
    return reply ?? nothing
  }

  async function formOfCall(c: Context<Env>, { method, bytes }: Action): Promise<Form> {
    if (method === 'POST') return readForm(await readBytes(c, bytes))
    const { search } = new URL(c.req.url)
    return readForm(new TextEncoder().encode(search.slice(1)))
  }

  async function pair(c: Context<Env>): Promise<Response> {
    unknown.take(addressOf(c))
    const form = textsOf(readForm(await readBytes(c, SMALL_BYTES)))
    const pairing = await contact.pair(form.get('domain')?.[0] ?? '')
    return c.json(pairing.kind === 'paired' ? { code: pairing.key } : { error: pairing.word })
  }

  async function answer(c: Context<Env>, name: string): Promise<Response> {
    if (name === 'get_key') return c.req.method === 'POST' ? pair(c) : empty(405)
    const action = actions.get(name)
    if (action === undefined) {
      unknown.take(addressOf(c))
      return empty(404)
    }
    const { req } = c
    const isKnown = await contact.isKnown(
      req.header('x-pgn-key') ?? '',
      req.header('x-pgn-domain') ?? '',
    )
    if (!isKnown) {
      // Strangers have a measure of their own: they cannot use up the module's.
      unknown.take(addressOf(c))
      events.emit({ type: 'bridge.refused', action: name, reason: 'unknown-key' })
      return name === 'test' ? c.json({ test: 0 }, 401) : empty(401)
    }
    known.take('module')
    contact.seen()
    if (req.method !== action.method) return empty(405)
    if (action.nothing !== undefined) return c.json(await ask(name, action, action.nothing))
    if (action.bytes < LIST_BYTES) return c.json(await action.answer(await formOfCall(c, action)))
    if (puts >= PUTS) throw new ProtocolError('not_ready', '', 'fewer calls at once')
    puts += 1
    try {
      return c.json(await action.answer(await formOfCall(c, action)))
    } finally {
      puts -= 1
    }
  }

  function refuse(error: unknown, name: string): Response {
    const action = name === 'get_key' || actions.has(name) ? name : 'other'
    const emit = (reason: string): void => events.emit({ type: 'bridge.refused', action, reason })
    if (error instanceof ProtocolError) {
      emit(error.code)
      return empty(STATUS[error.code] ?? 400)
    }
    if (error instanceof HttpProblem) {
      const now = performance.now()
      if (now - floodToldAt >= FLOOD_MILLISECONDS) {
        floodToldAt = now
        emit('flood')
      }
      return empty(429, error.headers)
    }
    fault(error)
    return empty(500)
  }

  const app = new Hono<Env>()
  if (handshake !== undefined) app.get('/socket.io/*', handshake)
  app.all('*', (c) => answer(c, actionIn(c.req.path)))
  app.onError((error, c) => refuse(error, actionIn(c.req.path)))
  return app
}

function addressOf(c: Context<Env>): string {
  return c.env?.incoming?.socket.remoteAddress ?? 'unknown'
}
