/** `/v1/breaches` of the coordinator: the breach desk. */
import { z } from '@hono/zod-openapi'
import {
  BREACH_PHASES,
  breachText,
  parseBreachId,
  type BreachId,
} from '../../../protocol/breach.ts'
import { at } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import type { BreachFile } from '../../core/oversight/breach.ts'
import type { Door } from '../app.ts'
import { actorIn } from '../auth.ts'
import { noticeOf, noticeShape, noticeText } from '../notice.ts'
import { mount, type OperationContext } from '../operation.ts'
import { seconds, siteId } from '../v1/shapes.ts'
import { ACT, LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Breaches'

const authority = {
  time: seconds,
  reference: z.string().nullable().describe("the authority's own number"),
  reason: z.string().nullable().describe('why it need not be told, or was told late'),
}
const fileShape = z.object({
  id: z.string(),
  site: siteId,
  knownAt: seconds,
  openedAt: seconds,
  draft: z.object(noticeText).nullable(),
  authority: z.object(authority).nullable(),
  notices: z.array(noticeShape),
  steps: z.array(
    z.object({
      step: z.enum(['notice', 'authority']),
      dueAt: seconds,
      doneAt: seconds.nullable(),
    }),
  ),
  alarms: z.array(z.int()).describe('hours whose alarm has gone out'),
  mails: z
    .object({ sent: z.int(), waiting: z.int(), refused: z.int(), expired: z.int() })
    .describe('to owners'),
  unreached: z.array(siteId).describe('members without an owner who could be written to'),
  words: z.array(
    z.object({
      site: siteId,
      dueAt: seconds,
      affected: z.int().nullable(),
      told: z.int().nullable(),
      time: seconds.nullable(),
      index: z.int().nullable().describe("of the entry in the site's log"),
    }),
  ),
})

function shownOf({ breach, notices, words, ...rest }: BreachFile) {
  return {
    ...breach,
    ...rest,
    notices: notices.map(noticeOf),
    words: words.map(({ site, dueAt, told }) => ({
      site,
      dueAt,
      affected: told?.affected ?? null,
      told: told?.told ?? null,
      time: told?.time ?? null,
      index: told?.index ?? null,
    })),
  }
}

/** The breach named in the path. */
export function breachIn(c: OperationContext): BreachId {
  return at('/breach', () => parseBreachId(c.req.param('breach') ?? ''))
}

function mountReading(door: Door, { coordinator }: CoordinatorPorts): void {
  mount(
    door,
    {
      method: 'get',
      path: '/v1/breaches',
      roles: LOOK,
      tag,
      summary: 'Breaches, the newest first: notices, steps and who has told whom',
      answers: {
        200: { description: 'All of them', schema: z.object({ breaches: z.array(fileShape) }) },
      },
    },
    async (c) => c.json({ breaches: (await coordinator.breaches.list()).map(shownOf) }),
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/breaches/{breach}',
      roles: LOOK,
      tag,
      summary: 'One breach',
      answers: { 200: { description: 'As it is', schema: fileShape } },
    },
    async (c) => c.json(shownOf(await coordinator.breaches.get(breachIn(c)))),
  )
}

function mountWriting(door: Door, { coordinator }: CoordinatorPorts): void {
  const { breaches } = coordinator
  mount(
    door,
    {
      method: 'post',
      path: '/v1/breaches',
      roles: ACT,
      tag,
      summary: 'Open a breach: the clock of 72 hours runs from when it became known',
      body: z.strictObject({
        site: siteId.max(253),
        knownAt: z.int().min(1).describe('unix seconds at which somebody here became aware'),
      }),
      answers: { 201: { description: 'Open', schema: fileShape } },
    },
    async (c, { body }) => {
      const site = at('/site', () => parseSiteId(body.site))
      const file = await breaches.open(actorIn(c), { site, knownAt: body.knownAt })
      return c.json(shownOf(file), 201)
    },
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/breaches/{breach}/draft',
      roles: ACT,
      tag,
      summary: 'Write what the next notice says (GDPR Art. 33(3))',
      description:
        'It goes into a public log for good: no personal data, and no contact details but those of ' +
        'a function. Together at most some 3,900 bytes.',
      body: z.strictObject(breachText),
      answers: { 200: { description: 'Kept, and told to nobody yet', schema: fileShape } },
    },
    async (c, { body }) => c.json(shownOf(await breaches.write(actorIn(c), breachIn(c), body))),
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/breaches/{breach}/notices',
      roles: ACT,
      tag,
      summary: 'Declare: a signed entry for all sites, and a mail to every registered owner',
      description: 'initial first; then, as more is known, update; final at last.',
      body: z.strictObject({ phase: z.enum(BREACH_PHASES) }),
      answers: {
        201: { description: 'Declared', schema: fileShape },
        409: { description: 'Nothing is written, or another phase comes next' },
      },
    },
    async (c, { body }) => {
      const file = await breaches.declare(actorIn(c), breachIn(c), body.phase)
      return c.json(shownOf(file), 201)
    },
  )
  mount(
    door,
    {
      method: 'put',
      path: '/v1/breaches/{breach}/authority',
      roles: ACT,
      tag,
      summary: 'Record that the supervisory authority was told, or why it need not be',
      body: z.strictObject({
        time: z.int().min(1),
        reference: z.string().min(1).max(100).nullable(),
        reason: z.string().min(1).max(1000).nullable(),
      }),
      answers: { 200: { description: 'On record', schema: fileShape } },
    },
    async (c, { body }) =>
      c.json(shownOf(await breaches.recordAuthority(actorIn(c), breachIn(c), body))),
  )
}

/** Mounts the resource. */
export function mountBreachDesk(door: Door, ports: CoordinatorPorts): void {
  mountReading(door, ports)
  mountWriting(door, ports)
}
