/** `/v1/breaches` of a site: what was declared, which own members are concerned, who was told. */
import { z } from '@hono/zod-openapi'
import { at } from '../../../protocol/errors.ts'
import { parseBreachId } from '../../../protocol/breach.ts'
import { parseRecordId } from '../../../protocol/ids.ts'
import type { KnownBreach } from '../../core/record/breaches.ts'
import type { Door } from '../app.ts'
import { noticeOf, noticeShape } from '../notice.ts'
import { mount, takeRows, type OperationContext } from '../operation.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { limit, recordId, seconds, siteId } from './shapes.ts'

const tag = 'Breaches'
/** People told: more than any site has members. */
const MOST_TOLD = 1_000_000_000

const breachShape = z.object({
  id: z.string(),
  site: siteId.describe('the site concerned'),
  notices: z.array(noticeShape).describe('oldest first; the last one says what is known now'),
  affected: z.int().describe('your members whose shared data that site has got'),
  duty: z
    .enum(['none', 'tell', 'done'])
    .describe('tell: tell them, then say so; none: you were not a member then'),
  told: z
    .object({
      affected: z.int(),
      told: z.int(),
      time: seconds,
      index: z.int().describe('of the entry in your log'),
    })
    .nullable(),
})

function dutyOf({ isOurs, told }: KnownBreach): 'none' | 'tell' | 'done' {
  if (told !== null) return 'done'
  return isOurs ? 'tell' : 'none'
}

function shownOf(breach: KnownBreach) {
  const { id, site, notices, affected, told } = breach
  return {
    id,
    site,
    notices: notices.map(noticeOf),
    affected,
    duty: dutyOf(breach),
    told: told && {
      affected: told.affected,
      told: told.told,
      time: told.time,
      index: told.index,
    },
  }
}

/** What the banner of a status says: breaches whose members wait to be told. */
export async function openBreaches({ site }: Pick<SitePorts, 'site'>) {
  return (await site.breaches.list())
    .filter((breach) => dutyOf(breach) === 'tell')
    .map((breach) => ({
      id: breach.id,
      site: breach.site,
      known: breach.notices[0]?.known ?? 0,
      affected: breach.affected,
    }))
}

const breachIn = (c: OperationContext) =>
  at('/breach', () => parseBreachId(c.req.param('breach') ?? ''))

/** Mounts the resource. */
export function mountBreaches(door: Door, { site }: SitePorts): void {
  const { breaches } = site
  mount(
    door,
    {
      method: 'get',
      path: '/v1/breaches',
      roles: READ,
      tag,
      summary: 'Breaches that the coordinator has declared, the newest first',
      answers: {
        200: { description: 'All of them', schema: z.object({ breaches: z.array(breachShape) }) },
      },
    },
    async (c) => c.json({ breaches: (await breaches.list()).map(shownOf) }),
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/breaches/{breach}/affected',
      roles: WRITE,
      tag,
      summary: 'Your members whose shared data the site concerned has got',
      description:
        'From the ledger of this node. The list never leaves it: only how many there are goes into ' +
        'your log. Where a record has ended the node has no id of the member any more; you may.',
      query: z.strictObject({ limit, cursor: z.string().max(32).optional() }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({
            members: z.array(
              z.object({
                record: recordId,
                id: z.string().nullable(),
                firstAt: seconds.describe('of the first and the last disclosure'),
                lastAt: seconds,
                pictures: z.boolean().describe('whether pictures were among it'),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (c, { query }) => {
      takeRows(door, c, query.limit)
      const { cursor } = query
      const after = cursor === undefined ? null : at('/cursor', () => parseRecordId(cursor))
      return c.json(await breaches.affected(breachIn(c), after, query.limit))
    },
  )
  mount(
    door,
    {
      method: 'post',
      path: '/v1/breaches/{breach}/told',
      roles: WRITE,
      tag,
      summary: 'Say that you have told them: a signed entry of your log, with numbers alone',
      body: z.strictObject({
        told: z.int().min(0).max(MOST_TOLD).describe('how many members you have told'),
      }),
      answers: { 201: { description: 'Written', schema: breachShape } },
    },
    async (c, { body }) => c.json(shownOf(await breaches.tell(breachIn(c), body.told)), 201),
  )
}
