/** `/v1/members/{id}/blocks`: the records with which a member wants nothing to do. */
import { z } from '@hono/zod-openapi'
import { at } from '../../../protocol/errors.ts'
import { parseRecordId, type RecordId } from '../../../protocol/ids.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { Door } from '../app.ts'
import { mount, type OperationContext } from '../operation.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { recordId, seconds, siteId } from './shapes.ts'

const tag = 'Blocks'

const block = z.object({ home: siteId, record: recordId, time: seconds })
const blocks = z.object({ blocks: z.array(block) })

function namesOf(c: OperationContext): { id: string; blocked: RecordId } {
  return {
    id: parseMemberId(c.req.param('id')),
    blocked: at('/record', () => parseRecordId(c.req.param('blocked') ?? '')),
  }
}

/** Mounts the resource. */
export function mountBlocks(door: Door, { site }: SitePorts): void {
  const { blocks: keeper } = site.talk
  const path = '/v1/members/{id}/blocks/{blocked}'
  mount(
    door,
    {
      method: 'put',
      path,
      roles: WRITE,
      tag,
      summary: 'Block a record for a member',
      description:
        'No message passes between the two from here on, neither way, and neither is proposed to ' +
        "the member. The member is not shown as online to the record's site any more, which cannot " +
        'tell to whom it would show it. It ends with either record.',
      answers: {
        204: { description: 'It is blocked' },
        404: { description: 'No such member, or no live record of another site' },
      },
    },
    async (c) => {
      const { id, blocked } = namesOf(c)
      await keeper.put(id, blocked)
      return c.body(null, 204)
    },
  )
  mount(
    door,
    {
      method: 'delete',
      path,
      roles: WRITE,
      tag,
      summary: 'Take a block back',
      answers: { 204: { description: 'It is not blocked any more' } },
    },
    async (c) => {
      const { id, blocked } = namesOf(c)
      await keeper.remove(id, blocked)
      return c.body(null, 204)
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/members/{id}/blocks',
      roles: READ,
      tag,
      summary: 'Whom a member has blocked',
      answers: { 200: { description: 'All of them', schema: blocks } },
    },
    async (c) => {
      const rows = await keeper.list(parseMemberId(c.req.param('id')))
      return c.json({
        blocks: rows.map(({ home, blocked, time }) => ({ home, record: blocked, time })),
      })
    },
  )
}
