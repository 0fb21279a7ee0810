/** `/v1/withdrawals`: end many records, see how far each has come, fetch the evidence. */
import { z } from '@hono/zod-openapi'
import { decodeEntry } from '../../../protocol/entry.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, type RecordId, type SiteId } from '../../../protocol/ids.ts'
import { createFollowUp } from '../../core/oversight/follow-up.ts'
import { parseMemberId } from '../../core/record/member.ts'
import type { ReadTransaction, RecordState } from '../../core/store.ts'
import type { Door } from '../app.ts'
import { mount, type OperationContext } from '../operation.ts'
import { problemResponse } from '../problem.ts'
import { READ, WRITE, type SitePorts } from './ports.ts'
import { limit, notice, progress, progressOf, recordId, siteReason } from './shapes.ts'

const tag = 'Withdrawals'
/** Members withdrawn by one request. */
const MOST_IDS = 1000

/** What ended a record: an entry of the own log, an order in the coordinator's, or none yet. */
type Ending =
  | { kind: 'entry'; log: SiteId; index: number }
  | { kind: 'pending'; pending: { reason: string; time: number; notice: string } }

async function orderOf(
  tx: ReadTransaction,
  site: SitePorts['site'],
  state: RecordState,
): Promise<Ending | null> {
  const { network, self, registry } = site.node.view
  const entries = await tx.logs.entries(network, 0, registry().size)
  const index = entries.findIndex((bytes) => {
    const entry = decodeEntry(bytes)
    if (entry.type !== 'order' || entry.site !== self) return false
    return entry.record === state.record || (entry.record === null && state.firstIndex < entry.size)
  })
  return index < 0 ? null : { kind: 'entry', log: network, index }
}

/** @throws ProtocolError `not_found` for a record that lives, or never did */
async function endingOf({ site, store }: SitePorts, record: RecordId): Promise<Ending> {
  const { self } = site.node.view
  const ending = await store.read(async (tx): Promise<Ending | null> => {
    const pending = (await tx.records.pendingWithdrawals()).find((one) => one.record === record)
    if (pending !== undefined) return { kind: 'pending', pending }
    const state = await tx.records.get(self, record)
    if (state === null || state.live) return null
    if (state.endIndex !== null) return { kind: 'entry', log: self, index: state.endIndex }
    return orderOf(tx, site, state)
  })
  if (ending === null) throw new ProtocolError('not_found', '/record', 'a record that has ended')
  return ending
}

function recordOf(c: OperationContext): RecordId {
  return at('/record', () => parseRecordId(c.req.param('record') ?? ''))
}

function mountPost(door: Door, { site }: SitePorts): void {
  mount(
    door,
    {
      method: 'post',
      path: '/v1/withdrawals',
      roles: WRITE,
      tag,
      summary: 'Withdraw many members everywhere',
      body: z.strictObject({
        ids: z.array(z.string()).min(1).max(MOST_IDS),
        reason: siteReason.default('consent-withdrawn'),
        notice: notice.default(''),
      }),
      answers: {
        200: {
          description: 'unknown lists the ids without a live record',
          schema: z.object({
            withdrawn: z.array(
              z.object({ id: z.string(), record: recordId, index: z.int().nullable() }),
            ),
            unknown: z.array(z.string()),
          }),
        },
      },
    },
    async (c, { body }) => {
      const ids = body.ids.map((id, place) => {
        try {
          return parseMemberId(id)
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error
          throw new ProtocolError(error.code, `/ids/${place}`, error.expected)
        }
      })
      const done = await site.withdrawer.withdraw(ids, body.reason, body.notice)
      const distinct = [...new Set(ids)]
      return c.json({
        withdrawn: distinct.flatMap((id) => {
          const withdrawn = done.get(id)
          return withdrawn === undefined ? [] : [{ id, ...withdrawn }]
        }),
        unknown: distinct.filter((id) => !done.has(id)),
      })
    },
  )
}

function mountList(door: Door, { site, store, clock }: SitePorts): void {
  const followUp = createFollowUp({
    indexes: async (log, above, rows) => {
      const ended = await store.read((tx) => tx.records.ended(log, above, rows))
      return ended.flatMap(({ endIndex }) => endIndex ?? [])
    },
    evidence: site.node.evidence,
  })
  mount(
    door,
    {
      method: 'get',
      path: '/v1/withdrawals',
      roles: READ,
      tag,
      summary: 'Withdrawals in the order of their entries, with progress by partner',
      query: z.strictObject({
        limit,
        cursor: z.int().min(0).optional().describe('index of the last entry of the page before'),
      }),
      answers: {
        200: {
          description: 'A page; next is the cursor of the following one, null at the end',
          schema: z.object({ withdrawals: z.array(progress), next: z.int().nullable() }),
        },
      },
    },
    async (c, { query }) => {
      const { self } = site.node.view
      const page = await followUp.withdrawals(self, query.cursor ?? -1, query.limit)
      const withdrawals = page.withdrawals.map((one) => progressOf(one, clock.now()))
      return c.json({ withdrawals, next: page.next })
    },
  )
}

function mountOne(door: Door, ports: SitePorts): void {
  const { site, clock } = ports
  mount(
    door,
    {
      method: 'get',
      path: '/v1/withdrawals/{record}',
      roles: READ,
      tag,
      summary: 'How far a withdrawal has come',
      description:
        'By partner: when its receipt was received. A receipt says that the partner has applied ' +
        'the withdrawal and keeps nothing of the record.',
      answers: { 200: { description: 'Progress', schema: progress } },
    },
    async (c) => {
      const record = recordOf(c)
      const ending = await endingOf(ports, record)
      if (ending.kind === 'entry') {
        const one = await site.node.evidence.progress(ending.log, ending.index)
        return c.json({ ...progressOf(one, clock.now()), record })
      }
      const { reason, time, notice: text } = ending.pending
      const { erasureDeadlineSeconds } = site.node.view.registry().terms
      const deadline = time + erasureDeadlineSeconds
      const overdue = clock.now() > deadline
      const shown = { record, index: null, state: 'pending', reason, notice: text, time, deadline }
      return c.json({ ...shown, overdue, receipts: [] })
    },
  )
  mount(
    door,
    {
      method: 'get',
      path: '/v1/withdrawals/{record}/evidence',
      roles: READ,
      tag,
      summary: 'The evidence file of a withdrawal',
      description: 'Anybody can check it offline with the verifier key of the coordinator alone.',
      answers: {
        200: { description: 'A file', schema: z.record(z.string(), z.unknown()) },
        409: { description: 'not_ready: receipts are missing' },
      },
    },
    async (c) => {
      const record = recordOf(c)
      const ending = await endingOf(ports, record)
      try {
        if (ending.kind === 'pending')
          throw new ProtocolError('not_ready', '', 'an entry that is written')
        const file = await site.node.evidence.file(ending.log, ending.index)
        return c.body(file, 200, {
          'content-type': 'application/json',
          'content-disposition': `attachment; filename="${record}.evidence.json"`,
        })
      } catch (error) {
        if (error instanceof ProtocolError && error.code === 'not_ready')
          return problemResponse(error, 409)
        throw error
      }
    },
  )
}

/** Mounts the resource. */
export function mountWithdrawals(door: Door, ports: SitePorts): void {
  mountPost(door, ports)
  mountList(door, ports)
  mountOne(door, ports)
}
