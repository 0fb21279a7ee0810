/** `/audit`: the state of the Network today. */
import { html } from 'hono/html'
import { FINDING_STATES } from '../../core/oversight/finding.ts'
import { LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { readLogs } from '../log/reading.ts'
import { mountPage } from '../page.ts'
import { figures } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Web } from '../visit.ts'
import { countText, durationText, percentText } from '../words.ts'
import { daysChart, readAudit, timesChart } from './figures.ts'
import { FINDING_COLUMNS, findingSource } from './findings.ts'
import { PAIR_COLUMNS, readSites, SITE_COLUMNS } from './sites.ts'

type Totals = { severity: string; state: string; count: number }[]

function openOf(totals: Totals, severity?: string): number {
  return totals
    .filter(
      (one) => one.state !== 'closed' && (severity === undefined || one.severity === severity),
    )
    .reduce((sum, { count }) => sum + count, 0)
}

/** Members that are behind with a log, the longest first. */
async function gapsOf(ports: CoordinatorPorts) {
  const logs = await readLogs(ports)
  const sizes = new Map(logs.map((row) => [row.site as string, row.size]))
  const active = new Set(ports.coordinator.node.view.activeOthers() as string[])
  const pairs = await readAudit(ports, (audit) => audit.pairs({}))
  return pairs
    .filter(({ gapAt, site }) => gapAt !== null && active.has(site))
    .map((pair) => ({ ...pair, size: sizes.get(pair.log) ?? 0 }))
}
type Gap = Awaited<ReturnType<typeof gapsOf>>[number]

const GAP_COLUMNS: Column<Gap>[] = [
  {
    name: 'site',
    label: 'Member',
    value: (row) => row.site,
    show: (row) => html`<a href="/audit/sites/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  ...PAIR_COLUMNS,
]

/** Mounts the page. */
export function mountOverview(web: Web, ports: CoordinatorPorts): void {
  const { view } = ports.coordinator.node
  mountPage(web, { path: '/audit', roles: LOOK }, async (visit) => {
    const now = ports.clock.now()
    const { terms } = view.registry()
    const totals = await ports.store.read((tx) => tx.findings.totals(null))
    const counts = await readAudit(ports, (audit) => audit.counts({}, now))
    const sites = await readSites(ports)
    const heard = sites.filter(({ lease }) => lease === 'fresh').length
    const done = counts.complete + counts.late
    const forked = sites.filter(({ isForked }) => isForked).length
    const gaps = await gapsOf(ports)
    const times = await timesChart(visit, ports, null)
    const days = await daysChart(visit, ports, null)
    const findings = await tableOf(visit, {
      id: 'findings',
      caption: 'Open findings',
      columns: FINDING_COLUMNS,
      rows: findingSource(ports, { state: 'open' }),
      sort: '-since',
      prefix: 'f.',
      pageRows: 10,
      empty: 'Nothing is open.',
    })
    const table = await tableOf(visit, {
      id: 'sites',
      caption: 'Sites',
      columns: SITE_COLUMNS,
      rows: inMemory(sites, SITE_COLUMNS),
      prefix: 's.',
      pageRows: 20,
    })
    const behind = await tableOf(visit, {
      id: 'gaps',
      caption: 'Members behind with a log',
      note: 'A larger checkpoint was cosigned by the coordinator, and not yet by the member.',
      columns: GAP_COLUMNS,
      rows: inMemory(gaps, GAP_COLUMNS),
      sort: 'gapAt',
      prefix: 'g.',
      pageRows: 10,
      empty: 'Nobody is behind.',
    })
    const open = openOf(totals)
    const inForce = sites.reduce((sum, { live }) => sum + live, 0)
    return {
      title: 'The Network today',
      lead:
        'How withdrawals are followed, who is heard, and what the audit has found: all of it from logs, ' +
        'signatures and the times at which they came. It shows what sites have signed; it cannot show ' +
        'what a dishonest site does out of sight.',
      body: [
        figures([
          {
            label: 'Open findings',
            value: countText(open),
            note: `${countText(openOf(totals, 'critical'))} critical, ${countText(openOf(totals, 'serious'))} serious`,
            tone: open === 0 ? 'good' : openOf(totals, 'critical') > 0 ? 'bad' : 'warn',
            href: '/audit/findings',
          },
          {
            label: 'Withdrawals with all receipts',
            value: countText(done),
            note:
              done === 0
                ? 'none so far'
                : `${percentText(counts.complete / done)} by the deadline of ${durationText(terms.erasureDeadlineSeconds)}`,
            tone: counts.late === 0 ? 'good' : 'warn',
            href: '/audit/withdrawals?state=complete',
          },
          {
            label: 'Receipts awaited',
            value: countText(counts.awaited + counts.unwitnessed),
            note: 'the deadline is still ahead',
            href: '/audit/withdrawals?state=awaited',
          },
          {
            label: 'Overdue',
            value: countText(counts.overdue),
            tone: counts.overdue === 0 ? 'good' : 'bad',
            href: '/audit/withdrawals?state=overdue',
          },
          {
            label: 'Sites heard',
            value: `${countText(heard)} of ${countText(sites.length)}`,
            tone: heard === sites.length ? 'good' : 'warn',
            href: '/audit/sites',
          },
          {
            label: 'Logs with two histories',
            value: countText(forked),
            tone: forked === 0 ? 'good' : 'bad',
          },
          { label: 'Records in force', value: countText(inForce) },
        ]),
        findings.html,
        html`<div class="columns">${times.html} ${days.html}</div>`,
        table.html,
        behind.html,
      ],
      data: {
        at: now,
        findingsByState: Object.fromEntries(
          FINDING_STATES.map((state) => [
            state,
            totals.filter((one) => one.state === state).reduce((sum, one) => sum + one.count, 0),
          ]),
        ),
        withdrawals: counts,
        heard,
        forked,
        records: inForce,
      },
      sheets: [findings, times, days, table, behind],
    }
  })
}
