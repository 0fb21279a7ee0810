/** Mounts one operation: its place in the OpenAPI document, its guards, its strict input. */
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { parseWith } from '../../protocol/schema.ts'
import { assertRole, authenticate, bearerOf } from './auth.ts'
import type { Door, Env } from './app.ts'
import { readJson } from './body.ts'
import { HttpProblem } from './problem.ts'
import { assertForm } from './session.ts'

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete'

/** What an operation answers: words, and a schema where it answers JSON. */
export interface Answer {
  description: string
  schema?: z.ZodType
  /** Media type; `application/json` with a schema. */
  type?: string
}

export interface Operation<Query extends z.ZodObject, Body extends z.ZodType> {
  method: Method
  /** With parameters in braces: `/v1/members/{id}`. */
  path: string
  /** Roles that may call it; null for everybody. */
  roles: readonly string[] | null
  /** Guards it in place of a key and of the rate of an address, where `roles` is null. */
  guard?: (c: OperationContext) => void
  tag: string
  summary: string
  description?: string
  /** Not counted against the key: it answers what this node has sent, and comes as often as that. */
  isAnswer?: true
  /** Strict: a parameter that is not in it is refused. */
  query?: Query
  /** The JSON body, checked here. */
  body?: Body
  /** The body as documented, where the core checks it or the handler reads it as a stream. */
  shownBody?: { schema: z.ZodType; type?: string; example?: unknown }
  answers: Record<number, Answer>
  /** Not counted against the key, since what it does has limits of its own. */
  hasOwnLimits?: true
  /** Only for people who are signed in: it is about themselves. */
  isForPeople?: true
}

export type OperationContext = Context<Env>
export interface Input<Query, Body> {
  query: Query
  body: Body
}

const PARAMETERS: Readonly<Record<string, string>> = {
  id: "the site's own id of the member, or the id of a key, a notice, a request, an owner",
  record: 'the id of a record: 32 hexadecimal digits',
  picture: 'the id of a picture: 64 hexadecimal digits',
  size: 'small or large',
  home: 'the domain name of the site whose member it is',
  site: 'the domain name of a site',
  blocked: 'the id of a record of another site: 32 hexadecimal digits',
  report: 'the id of a report: 32 hexadecimal digits',
  finding: 'the id of a finding: 32 hexadecimal digits',
  index: 'the index of an entry in the log, from 0',
  account: 'the id of an account: 16 hexadecimal digits',
  passkey: 'the id of a passkey in hexadecimal digits',
  session: 'the id of a session: 16 hexadecimal digits',
  breach: 'the id of a breach: 32 hexadecimal digits',
  netId: 'the number by which the old module knows a record',
  name: 'the name of a picture: 32 hexadecimal digits, and .jpg',
  key: 'the id of an API key: 16 hexadecimal digits',
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodDefault
    ? unwrapped(schema.unwrap())
    : schema
}

/** A parameter as its schema expects it: a list where it may be repeated, a number, or text. */
function queryValue(schema: unknown, values: readonly string[]): unknown {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodArray) return values
  const [value] = values
  if (values.length !== 1 || value === undefined) return values
  if (inner instanceof z.ZodNumber && /^-?\d{1,15}$/.test(value)) return Number(value)
  if (inner instanceof z.ZodBoolean && /^(?:true|false)$/.test(value)) return value === 'true'
  return value
}

function parseQuery<Query extends z.ZodObject>(c: Context, schema: Query): z.output<Query> {
  const raw: Record<string, unknown> = {}
  for (const [name, values] of Object.entries(c.req.queries()))
    raw[name] = queryValue(schema.shape[name], values)
  return parseWith(schema, raw)
}

const noQuery = z.strictObject({})

function register(door: Door, operation: Operation<z.ZodObject, z.ZodType>): void {
  const { method, path, roles, tag, summary, description, query, body, shownBody } = operation
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const params = z.object(
    Object.fromEntries(names.map((name) => [name, z.string().describe(PARAMETERS[name] ?? name)])),
  )
  const schema = body ?? shownBody?.schema
  const media = schema && {
    schema,
    ...(shownBody?.example !== undefined && { example: shownBody.example }),
  }
  const roleText = roles === null ? 'No key needed.' : `Roles: ${roles.join(', ')}.`
  const security = [
    ...(operation.isForPeople === true ? [] : [{ key: [] }]),
    ...(door.sessions === null ? [] : [{ session: [] }]),
  ]
  door.app.openAPIRegistry.registerPath({
    method,
    path,
    tags: [tag],
    summary,
    description: description === undefined ? roleText : `${description}\n\n${roleText}`,
    ...(roles !== null && { security }),
    request: {
      ...(names.length > 0 && { params }),
      ...(query !== undefined && { query }),
      ...(media !== undefined && {
        body: {
          required: true,
          content: { [shownBody?.type ?? 'application/json']: media },
        },
      }),
    },
    responses: Object.fromEntries(
      Object.entries(operation.answers).map(([status, answer]) => [
        status,
        {
          description: answer.description,
          ...((answer.schema !== undefined || answer.type !== undefined) && {
            content: {
              [answer.type ?? 'application/json']: { schema: answer.schema ?? z.string() },
            },
          }),
        },
      ]),
    ),
  })
}

type Guards = Pick<
  Operation<z.ZodObject, z.ZodType>,
  'roles' | 'guard' | 'hasOwnLimits' | 'isForPeople'
>

/** Lets in who is signed in; false where the request has no session. */
async function admitSession(
  c: OperationContext,
  door: Door,
  roles: readonly string[],
): Promise<boolean> {
  // A key is said on purpose, a cookie comes along: who sends both means the key.
  if (bearerOf(c) !== null) return false
  const signedIn = (await door.sessions?.read(c)) ?? null
  if (signedIn === null) return false
  assertRole(signedIn.actor.role, roles)
  assertForm(c, signedIn)
  door.perKey.take(`account ${signedIn.account.id}`)
  c.set('signedIn', signedIn)
  c.set('actor', signedIn.actor)
  return true
}

async function admit(
  c: OperationContext,
  door: Door,
  { roles, guard, hasOwnLimits, isForPeople }: Guards,
) {
  if (roles === null) {
    if (guard === undefined) door.perAddress.take(door.addressOf(c))
    else guard(c)
    return
  }
  if (await admitSession(c, door, roles)) return
  try {
    if (isForPeople === true)
      throw new HttpProblem('unauthorized', 'somebody who is signed in', {
        'www-authenticate': 'Cookie',
      })
    const key = await authenticate(c, door.access, roles)
    if (hasOwnLimits !== true) door.perKey.take(key.id)
    c.set('key', key)
    c.set('actor', { kind: 'key', id: key.id, role: key.role })
  } catch (error) {
    // Only who fails pays here: a site behind the same address is not shut out by a guesser.
    if (error instanceof HttpProblem && error.code === 'unauthorized')
      door.perAddress.take(`${door.addressOf(c)} wrong key`)
    throw error
  }
}

/**
 * Mounts an operation. Guards come first, then the query, then the body: who may not ask learns
 * nothing, and nothing is read for them.
 */
export function mount<
  Query extends z.ZodObject = typeof noQuery,
  Body extends z.ZodType = z.ZodUndefined,
>(
  door: Door,
  operation: Operation<Query, Body>,
  handle: (
    c: OperationContext,
    input: Input<z.output<Query>, z.output<Body>>,
  ) => Promise<Response> | Response,
): void {
  register(door, operation)
  const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
  const { query, body } = operation
  door.app.on(operation.method.toUpperCase(), path, async (c) => {
    c.set('route', operation.path)
    await admit(c, door, operation)
    const parsed = parseQuery(c, query ?? noQuery) as z.output<Query>
    const json = (
      body === undefined ? undefined : parseWith(body, await readJson(c))
    ) as z.output<Body>
    return handle(c, { query: parsed, body: json })
  })
}

/** Takes the rows of a page from what the caller's key may list. */
export function takeRows(door: Door, c: OperationContext, rows: number): void {
  door.rowsPerKey.take(c.get('actor')?.id ?? door.addressOf(c), rows)
}
