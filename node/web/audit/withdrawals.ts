/** `/audit/withdrawals` and each withdrawal: whose receipts came, and when. */
import { html } from 'hono/html'
import { at } from '../../../protocol/errors.ts'
import { parseSize } from '../../../protocol/checkpoint.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import {
  WITHDRAWAL_ORDERS,
  WITHDRAWAL_STATES,
  type ListedWithdrawal,
  type WithdrawalFilter,
  type WithdrawalOrder,
  type WithdrawalState,
} from '../../core/audit-rows.ts'
import { LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { memberNamed, membersOf } from '../log/reading.ts'
import { mountFile, mountPage } from '../page.ts'
import { badge, facts, figures, longCode } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter, type RowSource } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { countText, durationText, timeOf, type Html } from '../words.ts'
import { readAudit, STATE_TONE, STATE_WORDS } from './figures.ts'

const KINDS = {
  withdraw: 'withdrawal',
  order: 'order of the coordinator',
  expel: 'expulsion of the site',
} as const

export const WITHDRAWAL_COLUMNS: Column<ListedWithdrawal>[] = [
  {
    name: 'entry',
    label: 'Entry',
    value: (row) => `${row.log}/${row.index}`,
    show: (row) =>
      html`<a href="/audit/withdrawals/${row.log}/${row.index}">${row.log}/${row.index}</a>`,
  },
  { name: 'site', label: 'Home', value: (row) => row.site, isSortable: true },
  { name: 'kind', label: 'What', value: (row) => row.kind, show: (row) => KINDS[row.kind] },
  { name: 'reason', label: 'Reason', value: (row) => row.reason },
  { name: 'time', label: 'Dated', kind: 'time', value: (row) => row.time, isSortable: true },
  { name: 'due', label: 'Receipts due', kind: 'time', value: (row) => row.dueAt, isSortable: true },
  {
    name: 'received',
    label: 'Receipts',
    kind: 'number',
    value: (row) => row.received,
    show: (row) => `${countText(row.received)} of ${countText(row.required)}`,
    isSortable: true,
  },
  { name: 'required', label: 'Of', kind: 'number', value: (row) => row.required, isFileOnly: true },
  {
    name: 'seconds',
    label: 'Until the last',
    kind: 'duration',
    value: (row) => row.seconds,
    isSortable: true,
  },
  {
    name: 'state',
    label: 'State',
    value: (row) => row.state,
    show: (row) => badge(STATE_TONE[row.state], STATE_WORDS[row.state]),
    isSortable: true,
  },
]

const isOrder = (name: string): name is WithdrawalOrder =>
  (WITHDRAWAL_ORDERS as readonly string[]).includes(name)

/** The withdrawals of a filter, page by page out of the database. */
export function withdrawalSource(
  ports: CoordinatorPorts,
  fixed: WithdrawalFilter = {},
): RowSource<ListedWithdrawal> {
  return ({ sort, isDescending, filters, offset, limit }) =>
    readAudit(ports, async (audit) => {
      const now = ports.clock.now()
      const state = filters['state'] as WithdrawalState | undefined
      const site = filters['site'] as SiteId | undefined
      const filter: WithdrawalFilter = {
        ...(site !== undefined && { site }),
        ...(state !== undefined && { state }),
        ...fixed,
      }
      const order = isOrder(sort) ? sort : 'time'
      const rows = await audit.list({ filter, order, isDescending, offset, limit }, now)
      const counts = await audit.counts(filter, now)
      const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
      return { rows, total: state === undefined ? all : counts[state] }
    })
}

/** The filter by state. */
export const STATE_FILTER: Filter = {
  name: 'state',
  label: 'State',
  options: WITHDRAWAL_STATES.map((value) => ({ value, label: STATE_WORDS[value] })),
}
function siteFilter(ports: CoordinatorPorts): Filter {
  const options = membersOf(ports).map(({ site }) => ({ value: site, label: site }))
  return { name: 'site', label: 'Home', options }
}

interface ReceiptRow {
  site: SiteId
  receivedAt: number | null
  afterSeconds: number | null
  state: 'in time' | 'late' | 'awaited' | 'overdue'
}
const RECEIPT_TONE = { 'in time': 'good', late: 'warn', awaited: 'calm', overdue: 'bad' } as const
const RECEIPTS: Column<ReceiptRow>[] = [
  {
    name: 'site',
    label: 'Member',
    value: (row) => row.site,
    show: (row) => html`<a href="/audit/sites/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  {
    name: 'receivedAt',
    label: 'Receipt received',
    kind: 'time',
    value: (row) => row.receivedAt,
    isSortable: true,
  },
  {
    name: 'afterSeconds',
    label: 'After',
    kind: 'duration',
    value: (row) => row.afterSeconds,
    isSortable: true,
  },
  {
    name: 'state',
    label: 'State',
    value: (row) => row.state,
    show: (row) => badge(RECEIPT_TONE[row.state], row.state),
    isSortable: true,
  },
]

function receiptState(receivedAt: number | null, dueAt: number, now: number): ReceiptRow['state'] {
  if (receivedAt === null) return now > dueAt ? 'overdue' : 'awaited'
  return receivedAt > dueAt ? 'late' : 'in time'
}

async function withdrawalPage(ports: CoordinatorPorts, visit: Visit) {
  const { site: log } = memberNamed(ports, visit.c.req.param('log') ?? '')
  const index = at('/index', () => parseSize(visit.c.req.param('index') ?? ''))
  const now = ports.clock.now()
  const progress = await ports.coordinator.node.evidence.progress(log, index)
  const { withdrawal: known, receipts } = await ports.coordinator.figures.withdrawal(log, index)
  const { entry, isComplete } = progress
  // The audit's clock stands still while the coordinator is away.
  const deadline = known.dueAt ?? progress.deadline
  // Before the coordinator has cosigned the entry, nobody knows whose receipt will count.
  const counted = known.witnessedAt === null ? progress.receipts : receipts
  const rows = counted.map(({ site, receivedAt }): ReceiptRow => ({
    site,
    receivedAt,
    afterSeconds: receivedAt === null ? null : Math.max(0, receivedAt - entry.time),
    state: receiptState(receivedAt, deadline, now),
  }))
  const sheet = await tableOf(visit, {
    id: 'receipts',
    caption: 'Receipts',
    note: 'Everybody who was a member when the coordinator cosigned the entry. A receipt says: I have applied every entry up to here, and hold nothing of what was withdrawn in it.',
    columns: RECEIPTS,
    rows: inMemory(rows, RECEIPTS),
    pageRows: 200,
  })
  const received = rows.filter(({ receivedAt }) => receivedAt !== null).length
  const evidence = `/audit/withdrawals/${log}/${index}/evidence`
  const record = 'record' in entry ? entry.record : null
  return {
    title: `Withdrawal ${log}/${index}`,
    lead:
      'Which members have signed that they applied this withdrawal, and when their receipt came. ' +
      'A receipt is the word of its signer, given under its key; nothing can prove that a dishonest ' +
      'site kept no copy.',
    body: [
      figures([
        {
          label: 'Receipts',
          value: `${countText(received)} of ${countText(rows.length)}`,
          tone: received === rows.length ? 'good' : now > deadline ? 'bad' : 'calm',
        },
        {
          label: 'Deadline',
          value: timeOf(deadline),
          note:
            now > deadline
              ? `passed ${durationText(now - deadline)} ago`
              : `in ${durationText(deadline - now)}`,
        },
      ]),
      facts([
        ['State', badge(STATE_TONE[known.state], STATE_WORDS[known.state])],
        ['Dated by its writer', timeOf(entry.time)],
        ...(record === null ? [] : [['Record', longCode(record)] as [string, Html]]),
        ...('reason' in entry ? [['Reason', entry.reason] as [string, string]] : []),
        ...('notice' in entry && entry.notice !== ''
          ? [['Notice', longCode(entry.notice)] as [string, Html]]
          : []),
        ['Entry', html`<a href="/entries/${log}/${index}">${log}, entry ${index}</a>`],
        [
          'Evidence file',
          isComplete
            ? html`<a href="${evidence}" download>download</a>, to be checked offline with
                <code>dpn verify</code>`
            : 'there is none until all receipts are on one checkpoint',
        ],
      ]),
      sheet.html,
    ],
    data: {
      log,
      index,
      record,
      time: entry.time,
      deadline,
      isComplete,
      state: known.state,
      evidence: isComplete ? evidence : null,
    },
    sheets: [sheet],
  }
}

/** Mounts both pages. */
export function mountWithdrawals(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/audit/withdrawals', roles: LOOK }, async (visit) => {
    const filters = [siteFilter(ports), STATE_FILTER]
    const counts = await readAudit(ports, (audit) => audit.counts({}, ports.clock.now()))
    const sheet = await tableOf(visit, {
      id: 'withdrawals',
      caption: 'Withdrawals',
      columns: WITHDRAWAL_COLUMNS,
      rows: withdrawalSource(ports),
      filters,
      sort: '-time',
      empty: 'No withdrawal matches.',
    })
    return {
      title: 'Withdrawals',
      lead:
        'Every entry that ends records, and how many of the members have signed a receipt for it. ' +
        'It shows what was signed and when it came here, not what is on the disks of a site.',
      body: sheet.html,
      data: { counts },
      sheets: [sheet],
    }
  })
  mountPage(web, { path: '/audit/withdrawals/{log}/{index}', roles: LOOK }, (visit) =>
    withdrawalPage(ports, visit),
  )
  mountFile(
    web,
    { path: '/audit/withdrawals/{log}/{index}/evidence', roles: LOOK },
    async (visit) => {
      const { site } = memberNamed(ports, visit.c.req.param('log') ?? '')
      const index = at('/index', () => parseSize(visit.c.req.param('index') ?? ''))
      const file = await ports.coordinator.node.evidence.file(site, index)
      return visit.c.body(file, 200, {
        'content-type': 'application/json',
        'content-disposition': `attachment; filename="${site}-${index}.evidence.json"`,
      })
    },
  )
}
