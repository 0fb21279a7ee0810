/** `/v1/presence` and `/v1/members/{id}/presence`: who is online, here and at the other sites. */
import { z } from '@hono/zod-openapi'
import { ProtocolError } from '../../../protocol/errors.ts'
import { PRESENCE_SECONDS } from '../../../protocol/limits.ts'
import { parseMemberId } from '../../core/record/member.ts'
import { PRESENCE_STATES } from '../../core/talk/presence.ts'
import type { Door } from '../app.ts'
import { mount, takeRows } from '../operation.ts'
import { problemOf } from '../problem.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { recordId, seconds, siteId } from './shapes.ts'

const tag = 'Presence'
const MOST_CHANGES = 1000
const MOST_ROWS = 1000

const state = z
  .enum(PRESENCE_STATES)
  .describe('invisible: online for your site, and for nobody else')
const own = z.object({
  state,
  until: seconds.nullable().describe('until when it holds; null for offline'),
})

const ABOUT =
  `Holds for ${PRESENCE_SECONDS} seconds: say it again while the member is there. It is in memory ` +
  'only, and told to partners that hold the record under a consent with the scope presence.'

function mountOwn(door: Door, { site }: SitePorts): void {
  const { presence } = site.talk
  mount(
    door,
    {
      method: 'put',
      path: '/v1/members/{id}/presence',
      roles: WRITE,
      tag,
      summary: 'Say that a member is online, offline or invisible',
      description: ABOUT,
      body: z.strictObject({ state }),
      shownBody: { schema: z.strictObject({ state }), example: { state: 'online' } },
      hasOwnLimits: true,
      answers: {
        200: { description: 'As it is now', schema: own },
        422: { description: 'no_consent: the consent has no scope presence' },
      },
    },
    async (c, { body }) => {
      const id = parseMemberId(c.req.param('id'))
      const [outcome] = await presence.set([{ id, state: body.state }])
      if (outcome === undefined) throw new Error('There is no outcome')
      if (outcome.kind === 'refused') throw outcome.error
      return c.json({ state: outcome.state, until: outcome.until })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/presence',
      roles: READ,
      tag,
      summary: 'What was said last of a member',
      answers: { 200: { description: 'As it is now', schema: own } },
    },
    async (c) => c.json(await presence.get(parseMemberId(c.req.param('id')))),
  )
}

function mountMany(door: Door, { site }: SitePorts): void {
  const { presence } = site.talk
  const changes = z.strictObject({
    members: z
      .array(z.strictObject({ id: z.string(), state }))
      .min(1)
      .max(MOST_CHANGES),
  })
  mount(
    door,
    {
      method: 'put',
      path: '/v1/presence',
      roles: WRITE,
      tag,
      summary: 'Say it of many members at once',
      description: ABOUT,
      body: changes,
      shownBody: { schema: changes, example: { members: [{ id: '42', state: 'online' }] } },
      answers: {
        200: {
          description: 'refused lists those of whom nothing is told, with the reason',
          schema: z.object({
            set: z.int(),
            refused: z.array(z.object({ id: z.string(), code: z.string() })),
          }),
        },
      },
    },
    async (c, { body }) => {
      const members = body.members.map(({ id, state: said }, place) => {
        try {
          return { id: parseMemberId(id), state: said }
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error
          throw new ProtocolError(error.code, `/members/${place}/id`, error.expected)
        }
      })
      const outcomes = await presence.set(members)
      const refused = outcomes.flatMap((one, place) =>
        one.kind === 'refused'
          ? [{ id: members[place]?.id ?? '', code: problemOf(one.error).code }]
          : [],
      )
      return c.json({ set: outcomes.length - refused.length, refused })
    },
  )
}

function mountOthers(door: Door, { site }: SitePorts): void {
  const one = z.object({ home: siteId, record: recordId })
  mount(
    door,
    {
      method: 'get',
      path: '/v1/presence',
      roles: READ,
      tag,
      summary: 'Records of other sites that may be shown as online now',
      description:
        'Changes come as events. Ask here after a start, and where an event may have been missed.',
      query: z.strictObject({
        limit: z.int().min(1).max(MOST_ROWS).default(MOST_ROWS),
        cursor: z.string().max(300).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ online: z.array(one), next: z.string().nullable() }),
        },
      },
    },
    (c, { query }) => {
      takeRows(door, c, query.limit)
      const named = site.talk.watch
        .list()
        .map((online) => ({ name: `${online.home} ${online.record}`, online }))
        .filter(({ name }) => name > (query.cursor ?? ''))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      const page = named.slice(0, query.limit)
      const next = named.length > page.length ? (page.at(-1)?.name ?? null) : null
      return c.json({ online: page.map(({ online }) => online), next })
    },
  )
}

/** Mounts the resource. */
export function mountPresence(door: Door, ports: SitePorts): void {
  mountOwn(door, ports)
  mountMany(door, ports)
  mountOthers(door, ports)
}
