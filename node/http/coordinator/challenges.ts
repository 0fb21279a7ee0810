/** `/v1/draws` and `/v1/challenges`: what was drawn, whether anybody can check it, what came of it. */
import { z } from '@hono/zod-openapi'
import { toHex } from '../../../protocol/bytes.ts'
import { mixedLogs, type Round } from '../../../protocol/draw.ts'
import { at } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { DRAWN_PER_LOG } from '../../../protocol/limits.ts'
import {
  CHALLENGE_REASONS,
  CHALLENGE_STATES,
  type ChallengeRow,
} from '../../core/challenge-rows.ts'
import type { Actor } from '../../core/people/actor.ts'
import type { Door } from '../app.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { limit, recordId, seconds, siteId } from '../v1/shapes.ts'
import { LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Audit'
const share = z.number().min(0).max(1)

/** How often a site has passed; the interval is that of Wilson for 95 %. */
export const rateShape = z.object({
  site: siteId,
  passed: z.int(),
  failed: z.int(),
  share: share.nullable().describe('passed of passed and failed; null where there are none'),
  low: share.describe('lower end of the 95 % interval (Wilson)'),
  high: share.describe('its upper end'),
  waiting: z.int(),
})

const draw = z.object({
  index: z.int().describe("of the entry in the coordinator's log"),
  time: seconds,
  site: siteId.nullable().describe('null by the schedule; else the site that was demanded'),
  count: z.int().describe('publishes drawn from each log'),
  seed: z.string().nullable().describe('hexadecimal; null where it begins the chain'),
  commitment: z.string().describe('hexadecimal SHA-256 of the seed of the next draw'),
  mix: z.string().describe('hexadecimal; see the protocol'),
  mixed: z
    .boolean()
    .describe('whether a site has written since the draw before: else the seed alone decided'),
  fault: z.string().nullable().describe('the rule that it breaks; it draws nothing then'),
  logs: z.array(z.object({ site: siteId, from: z.int(), size: z.int(), drawn: z.boolean() })),
})
const challenge = z.object({
  id: z.int(),
  draw: z.int().describe("index of the draw in the coordinator's log"),
  site: siteId,
  index: z.int().describe('of the publish entry that was drawn'),
  record: recordId,
  state: z.enum(CHALLENGE_STATES),
  reason: z
    .enum(CHALLENGE_REASONS)
    .nullable()
    .describe('why it failed; while it waits, what came last'),
  drawnAt: seconds,
  dueAt: seconds,
  decidedAt: seconds.nullable(),
  openedIndex: z.int().nullable().describe('the version that was opened'),
  digest: z.string().nullable().describe('hexadecimal: the commitment that the opening made'),
})

function drawOf({ index, entry, fault, logs }: Round): object {
  const { time, site, count, seed, commitment, mix } = entry
  return {
    index,
    time,
    site,
    count,
    seed: seed && toHex(seed),
    commitment: toHex(commitment),
    mix: toHex(mix),
    mixed: mixedLogs(logs).length > 0,
    fault,
    logs: logs.map(({ isDrawn, ...log }) => ({ ...log, drawn: isDrawn })),
  }
}
function challengeOf({ retryAt: _retryAt, tries: _tries, digest, ...row }: ChallengeRow): object {
  return { ...row, digest: digest && toHex(digest) }
}

/** Who acts: the key of the call. */
export function actorOf(c: OperationContext): Actor {
  const key = c.get('key')
  return { kind: 'key', id: key?.id ?? '', role: key?.role ?? '' }
}

function mountDemand(door: Door, { coordinator }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/challenges',
      roles: LOOK,
      tag,
      summary: 'Draw from one site now',
      description:
        "Stands in the coordinator's log as drawn on demand, and in the access log. Which publishes it " +
        'draws nobody can choose.',
      body: z.strictObject({
        site: z.string().max(253),
        count: z.int().min(1).max(DRAWN_PER_LOG),
      }),
      answers: {
        201: {
          description: 'How many were drawn: fewer where fewer are live',
          schema: z.object({ draw: z.int(), drawn: z.int() }),
        },
        404: { description: 'No such site takes part' },
        409: { description: 'Too many of them in a day' },
      },
    },
    async (c, { body }) => {
      const site = at('/site', () => parseSiteId(body.site))
      return c.json(await coordinator.challenges.demand(actorOf(c), site, body.count), 201)
    },
  )
}

function mountList(door: Door, { coordinator }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/challenges',
      roles: LOOK,
      tag,
      summary: 'Publishes that were drawn, and what came of it; the newest first',
      description: 'What homes have opened is not kept, but for the commitment that it made.',
      query: z.strictObject({
        limit,
        cursor: z.int().min(0).optional().describe('id of the last one of the page before'),
        site: z.string().max(253).optional(),
        state: z.enum(CHALLENGE_STATES).optional(),
        draw: z.int().min(0).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ challenges: z.array(challenge), next: z.int().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const { cursor, site, state } = query
      const rows = await coordinator.challenges.list({
        limit: query.limit,
        ...(cursor !== undefined && { before: cursor }),
        ...(site !== undefined && { site: at('/site', () => parseSiteId(site)) }),
        ...(state !== undefined && { state }),
        ...(query.draw !== undefined && { draw: query.draw }),
      })
      const next = rows.length < query.limit ? null : (rows.at(-1)?.id ?? null)
      return c.json({ challenges: rows.map(challengeOf), next })
    },
  )
}

/** Mounts the resources. */
export function mountChallenges(door: Door, ports: CoordinatorPorts): void {
  const { challenges, node } = ports.coordinator
  mountDemand(door, ports)
  mountList(door, ports)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/challenges/rates',
      roles: LOOK,
      tag,
      summary: 'How often each site has passed',
      description:
        'A record that ended, or that a newer version replaced, before it was opened counts for neither.',
      answers: {
        200: {
          description: 'Each site that was ever drawn from',
          schema: z.object({
            rates: z.array(rateShape.extend({ ended: z.int(), superseded: z.int() })),
          }),
        },
      },
    },
    async (c) => c.json({ rates: await challenges.rates() }),
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/draws',
      roles: LOOK,
      tag,
      summary: 'The newest draws, with all that it takes to draw again',
      answers: {
        200: {
          description: 'The newest first; older ones are in the log',
          schema: z.object({ draws: z.array(draw) }),
        },
      },
    },
    (c) => c.json({ draws: node.view.registry().draws.rounds.toReversed().map(drawOf) }),
  )
}
