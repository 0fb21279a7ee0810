/** `/v1/messages`: from a member of this site to a record of another. */
import { z } from '@hono/zod-openapi'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId } from '../../../protocol/ids.ts'
import { MESSAGE_BYTES } from '../../../protocol/limits.ts'
import { REFUSALS, type Content } from '../../../protocol/talk.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { WRITE, type SitePorts } from './ports.ts'
import { recordId, siteId } from './shapes.ts'

const tag = 'Messages'

const body = z.strictObject({
  from: z.string().describe("the site's own id of the member who writes"),
  to: z.strictObject({ home: siteId, record: recordId }),
  kind: z.enum(['text', 'typing', 'read']).default('text'),
  text: z.string().optional().describe(`1 to ${MESSAGE_BYTES} bytes of UTF-8; for kind text`),
  replyTo: z.string().optional().describe('the id of the message that it answers'),
  id: z
    .string()
    .optional()
    .describe('32 hexadecimal digits; send it again with the same id, and it arrives once'),
})

const outcome = z.discriminatedUnion('outcome', [
  z.object({ id: z.string(), outcome: z.literal('delivered') }),
  z.object({ id: z.string(), outcome: z.literal('refused'), reason: z.enum(REFUSALS) }),
  z.object({ id: z.string(), outcome: z.literal('unreachable') }),
])

const EXAMPLE = {
  from: '42',
  to: { home: 'brio.example', record: '0f1e2d3c4b5a69788796a5b4c3d2e1f0' },
  text: 'Wollen wir am Sonntag Brot backen?',
}

function contentOf({ kind, text, replyTo }: z.output<typeof body>): Content {
  if (kind === 'text') {
    if (text === undefined) throw new ProtocolError('wrong_type', '/text', 'text')
    return { kind, text, ...(replyTo !== undefined && { replyTo }) }
  }
  if (text !== undefined || replyTo !== undefined)
    throw new ProtocolError(
      'unknown_field',
      text === undefined ? '/replyTo' : '/text',
      `nothing but whom it concerns, for the kind ${kind}`,
    )
  return { kind }
}

/** Mounts the resource. */
export function mountMessages(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/messages',
      roles: WRITE,
      tag,
      summary: 'Send a message to a record of another site',
      description:
        'Straight to the other site; no node keeps it. The answer comes when the other website has ' +
        'it: `delivered`; or says at once why not. `refused`: `blocked`; `not-visible` (one of the ' +
        'two may not be seen by the other side now); `no-scope` (no consent to messages); `rate`; ' +
        '`held` (one text to many). `unreachable`: nothing is kept, so try again later under the ' +
        'same id. Say `typing` and `read` likewise. Members of one site talk without the Network.',
      body,
      shownBody: { schema: body, example: EXAMPLE },
      hasOwnLimits: true,
      answers: {
        200: { description: 'What became of it', schema: outcome },
        404: { description: 'from is no member with a live record' },
      },
    },
    async (c, { body: given }) => {
      const { id } = given
      const sent = await site.talk.messages.send({
        from: at('/from', () => parseMemberId(given.from)),
        to: {
          home: at('/to/home', () => parseSiteId(given.to.home)),
          record: at('/to/record', () => parseRecordId(given.to.record)),
        },
        ...(id !== undefined && { id }),
        content: contentOf(given),
      })
      return c.json(sent)
    },
  )
}
