/** `/v1/notices`: withdrawals that members have sent by e-mail, and how far each is. */
import { actorIn } from '../auth.ts'
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { HOWS, type MailReader } from '../../core/oversight/mail.ts'
import { CLOSE_REASONS, NOTICE_CHANNELS, NOTICE_STATES } from '../../core/oversight/notice-rows.ts'
import type { Door } from '../app.ts'
import { readBytes } from '../body.ts'
import { nextBefore, parseBefore } from '../cursor.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { HttpProblem } from '../problem.ts'
import { limit, recordId, seconds, siteId } from '../v1/shapes.ts'
import { ACT, LOOK, type CoordinatorPorts } from './ports.ts'

const tag = 'Withdrawal notices'
/** Bytes of an uploaded mail; the reader has its own bound. */
export const EML_BYTES = 6 * 1024 * 1024
const TEXT_CHARS = 100_000

const notice = z.object({
  id: z.string(),
  channel: z.enum(NOTICE_CHANNELS),
  receivedAt: seconds,
  site: siteId.nullable(),
  state: z.enum(NOTICE_STATES),
  confirmedAt: seconds.nullable(),
  deadline: seconds.nullable().describe("by when the home's entry has to be there"),
  attempts: z.int(),
  records: z.array(recordId).describe('as the home has named them'),
  orders: z.array(z.int()).describe("their places in the coordinator's log"),
  closedAt: seconds.nullable(),
  reason: z.enum(CLOSE_REASONS).nullable(),
  isLate: z.boolean(),
})
const content = z.object({
  forwarders: z.array(z.string()),
  candidates: z.array(z.object({ address: z.string(), how: z.enum(HOWS) })),
  address: z.string().nullable(),
  subject: z.string(),
  excerpt: z.string(),
})
const given = {
  site: siteId.max(253).optional(),
  address: z.string().max(254).optional().describe("the member's e-mail address"),
}

/** The site in a body, if there is one. */
function siteOf(site: string | undefined): SiteId | undefined {
  return site === undefined ? undefined : at('/site', () => parseSiteId(site))
}

/** Whether a pasted text is a whole mail with its headers. */
function isSource(text: string): boolean {
  const head = text.slice(0, 20_000).split(/\r?\n\r?\n/, 1)[0] ?? ''
  return /^from:/im.test(head) && /^(?:message-id|mime-version|received):/im.test(head)
}

/** Takes what was pasted: a whole mail, or its words. */
export async function takePasted(
  { coordinator, mail }: Pick<CoordinatorPorts, 'coordinator'> & { mail: MailReader },
  actor: ReturnType<typeof actorIn>,
  {
    text,
    ...rest
  }: {
    text: string
    channel: 'pasted' | 'post' | 'form' | 'telephone'
    site: SiteId | undefined
    address: string | undefined
  },
) {
  const { notices } = coordinator.desk
  if (rest.channel !== 'pasted' || !isSource(text)) return notices.enter(actor, text, rest)
  return notices.receive(actor, await mail.read(new TextEncoder().encode(text)), rest)
}

const idOf = (c: OperationContext): string => c.req.param('id') ?? ''

function mountTaking(door: Door, ports: CoordinatorPorts): void {
  const { coordinator, mail } = ports
  const answers = { 201: { description: 'It is here, once', schema: notice } }
  mount(
    door,
    {
      method: 'post',
      path: '/v1/notices',
      roles: ACT,
      tag,
      summary: 'Take a notice that was pasted or typed',
      description: 'A pasted mail with its headers is read as one. The mail itself is not kept.',
      body: z.strictObject({
        text: z.string().min(1).max(TEXT_CHARS),
        channel: z.enum(['pasted', 'post', 'form', 'telephone']).default('pasted'),
        ...given,
      }),
      answers,
    },
    async (c, { body }) => {
      const { text, channel, address } = body
      const pasted = { text, channel, address, site: siteOf(body.site) }
      return c.json(await takePasted(ports, actorIn(c), pasted), 201)
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/notices/eml',
      roles: ACT,
      tag,
      summary: 'Take a notice as an .eml file',
      shownBody: { schema: z.string(), type: 'message/rfc822' },
      answers,
    },
    async (c) => {
      const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase()
      if (type !== 'message/rfc822' && type !== 'application/octet-stream')
        throw new HttpProblem('unsupported_media_type', 'Content-Type: message/rfc822')
      const read = await mail.read(await readBytes(c, EML_BYTES))
      const taken = await coordinator.desk.notices.receive(actorIn(c), read, { channel: 'file' })
      return c.json(taken, 201)
    },
  )
}

function mountSteps(door: Door, { coordinator }: CoordinatorPorts): void {
  const { notices } = coordinator.desk
  const answers = {
    200: { description: 'As it is now', schema: notice },
    409: { description: 'The notice is not in a state for this' },
  }
  const common = { method: 'post', roles: ACT, tag, answers } as const
  mount(
    door,
    {
      ...common,
      path: '/v1/notices/{id}/confirm',
      summary: 'Confirm whom it is about: the home is asked from now on',
      body: z.strictObject(given),
    },
    async (c, { body }) =>
      c.json(
        await notices.confirm(actorIn(c), idOf(c), {
          site: siteOf(body.site),
          address: body.address,
        }),
      ),
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/notices/{id}/order',
      summary: 'Order the end of a record, or of all that the site has published so far',
      body: z.strictObject({
        record: recordId.optional().describe('as the member or the site has named it, or'),
        all: z.literal(true).optional(),
      }),
    },
    async (c, { body }) => {
      const { record, all } = body
      if ((record === undefined) === (all === undefined))
        throw new ProtocolError('malformed', '', 'either record, or all: true')
      const one = record === undefined ? null : at('/record', () => parseRecordId(record))
      return c.json(await notices.order(actorIn(c), idOf(c), one))
    },
  )
  mount(
    door,
    {
      ...common,
      path: '/v1/notices/{id}/close',
      summary: 'Close a notice that leads to no withdrawal',
      body: z.strictObject({ reason: z.enum(CLOSE_REASONS) }),
    },
    async (c, { body }) => c.json(await notices.close(actorIn(c), idOf(c), body.reason)),
  )
}

/** Mounts the resource. */
export function mountNotices(door: Door, ports: CoordinatorPorts): void {
  const { notices } = ports.coordinator.desk
  mountTaking(door, ports)
  mount(
    door,
    {
      method: 'get',
      path: '/v1/notices',
      roles: LOOK,
      tag,
      summary: 'Withdrawal notices, the newest first',
      description: 'Without addresses and words: staff see those in the single notice.',
      query: z.strictObject({
        limit,
        cursor: z.string().max(80).optional(),
        state: z.enum(NOTICE_STATES).optional(),
        site: siteId.max(253).optional(),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ notices: z.array(notice), next: z.string().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const before = parseBefore(query.cursor)
      const site = siteOf(query.site)
      const rows = await notices.list({
        limit: query.limit,
        ...(query.state !== undefined && { states: [query.state] }),
        ...(site !== undefined && { site }),
        ...(before !== null && { before }),
      })
      return c.json({ notices: rows, next: nextBefore(rows, query.limit) })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/notices/{id}',
      roles: ACT,
      tag,
      summary: 'A notice with what is kept of the people in it',
      answers: {
        200: {
          description: 'content is null once the notice is over, or the home has answered',
          schema: notice.extend({ content: content.nullable() }),
        },
      },
    },
    async (c) => {
      const found = await notices.get(idOf(c))
      return c.json({ ...found.notice, content: found.content })
    },
  )
  mountSteps(door, ports)
}
