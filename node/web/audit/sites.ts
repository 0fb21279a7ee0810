/** `/audit/sites` and each site: what it has asserted, and how it keeps to the terms. */
import { html } from 'hono/html'
import type { Member } from '../../../protocol/registry.ts'
import type { AuditedPair, SiteFigures } from '../../core/audit-rows.ts'
import { keyTexts, LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { memberNamed, readLogs, type LogRow } from '../log/reading.ts'
import { mountPage, type Page } from '../page.ts'
import { badge, facts, figures, longCode } from '../parts.ts'
import { STATUS_TONE } from '../public/members.ts'
import { LEASE_TONE, LEASE_WORDS } from '../public/status.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { countText, durationText, timeOf, type Html } from '../words.ts'
import { daysChart, readAudit, timesChart } from './figures.ts'
import { FINDING_COLUMNS, findingSource } from './findings.ts'
import { WITHDRAWAL_COLUMNS, STATE_FILTER, withdrawalSource } from './withdrawals.ts'

type Row = LogRow & {
  member: Member
  figures: SiteFigures | null
  openFindings: number
}

const figure = (
  name: 'withdrawals' | 'complete' | 'late' | 'overdue',
  label: string,
): Column<Row> => ({
  name,
  label,
  kind: 'number',
  value: (row) => row.figures?.[name] ?? 0,
  isSortable: true,
})
const seconds = (name: 'medianSeconds' | 'maxSeconds', label: string): Column<Row> => ({
  name,
  label,
  kind: 'duration',
  value: (row) => row.figures?.[name] ?? null,
  isSortable: true,
})

/** Columns of the table of sites; the overview shows the same. */
export const SITE_COLUMNS: Column<Row>[] = [
  {
    name: 'site',
    label: 'Site',
    value: (row) => row.site,
    show: (row) => html`<a href="/audit/sites/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  {
    name: 'status',
    label: 'Standing',
    value: (row) => row.member.status,
    show: (row) => badge(STATUS_TONE[row.member.status], row.member.status),
    isSortable: true,
  },
  {
    name: 'lease',
    label: 'Heartbeat',
    value: (row) => row.lease,
    show: (row) => badge(LEASE_TONE[row.lease], LEASE_WORDS[row.lease]),
    isSortable: true,
  },
  {
    name: 'findings',
    label: 'Findings',
    kind: 'number',
    value: (row) => row.openFindings,
    isSortable: true,
  },
  { name: 'live', label: 'Records', kind: 'number', value: (row) => row.live, isSortable: true },
  figure('withdrawals', 'Withdrawn'),
  figure('complete', 'In time'),
  figure('late', 'Late'),
  figure('overdue', 'Overdue'),
  seconds('medianSeconds', 'Half within'),
  seconds('maxSeconds', 'All within'),
  { name: 'size', label: 'Entries', kind: 'number', value: (row) => row.size, isSortable: true },
]

/** Every site with its figures. */
export async function readSites(ports: CoordinatorPorts): Promise<Row[]> {
  const { network } = ports.coordinator.node.view
  const logs = (await readLogs(ports)).filter(({ site }) => site !== network)
  const bySite = await readAudit(ports, (audit) => audit.sites(ports.clock.now()))
  const open = await ports.store.read(async (tx) => {
    const counts = new Map<string, number>()
    for (const { site } of logs) {
      const totals = (await tx.findings.totals(site)).filter(({ state }) => state !== 'closed')
      counts.set(
        site,
        totals.reduce((sum, { count }) => sum + count, 0),
      )
    }
    return counts
  })
  return logs.map((log) => ({
    ...log,
    member: memberNamed(ports, log.site),
    figures: bySite.find(({ site }) => site === log.site) ?? null,
    openFindings: open.get(log.site) ?? 0,
  }))
}

interface PairRow extends AuditedPair {
  /** Entries of the log here. */
  size: number
}
/** Who has cosigned how much of whose log. */
export const PAIR_COLUMNS: Column<PairRow>[] = [
  { name: 'log', label: 'Log of', value: (row) => row.log, isSortable: true },
  {
    name: 'covered',
    label: 'Cosigned up to',
    kind: 'number',
    value: (row) => row.covered,
    isSortable: true,
  },
  { name: 'size', label: 'Of entries', kind: 'number', value: (row) => row.size },
  {
    name: 'gapAt',
    label: 'Behind since',
    kind: 'time',
    value: (row) => row.gapAt,
    isSortable: true,
  },
]

const SITE_FILTERS: Filter[] = [
  { name: 'site', label: 'Site' },
  {
    name: 'status',
    label: 'Standing',
    options: ['admitted', 'suspended', 'expelled'].map((value) => ({ value, label: value })),
  },
  {
    name: 'lease',
    label: 'Heartbeat',
    options: (['fresh', 'hidden', 'lapsed'] as const).map((value) => ({
      value,
      label: LEASE_WORDS[value],
    })),
  },
]

function keysOf(ports: CoordinatorPorts, member: Member): Html {
  const { network } = ports.coordinator.node.view
  return html`${member.keys.map((span) => {
    const { logKey, witnessKey } = keyTexts(network, member.site, span)
    return html`<div>${span.above > 0 ? `above size ${span.above}: ` : ''}${longCode(logKey)}</div>
      <div>${longCode(witnessKey)}</div>`
  })}`
}

async function sitePage(ports: CoordinatorPorts, visit: Visit): Promise<Page> {
  const member = memberNamed(ports, visit.c.req.param('site') ?? '')
  const { site } = member
  const rows = await readLogs(ports)
  const log = rows.find((row) => row.site === site)
  const counts = await readAudit(ports, (audit) => audit.counts({ site }, ports.clock.now()))
  const pairs = await readAudit(ports, (audit) => audit.pairs({ site }))
  const now = ports.clock.now()
  const sizes = new Map(rows.map((row) => [row.site as string, row.size]))
  const times = await timesChart(visit, ports, site)
  const days = await daysChart(visit, ports, site)
  const findings = await tableOf(visit, {
    id: 'findings',
    caption: 'Findings about it',
    columns: FINDING_COLUMNS.filter(({ name }) => name !== 'site'),
    rows: findingSource(ports, { site }),
    sort: '-since',
    prefix: 'f.',
    pageRows: 10,
    empty: 'Nothing was found so far.',
  })
  const withdrawals = await tableOf(visit, {
    id: 'withdrawals',
    caption: 'Withdrawals of its records',
    columns: WITHDRAWAL_COLUMNS.filter(({ name }) => name !== 'site'),
    rows: withdrawalSource(ports, { site }),
    filters: [STATE_FILTER],
    sort: '-time',
    prefix: 'w.',
    pageRows: 20,
    empty: 'None so far.',
  })
  const cosigned = await tableOf(visit, {
    id: 'cosigned',
    caption: 'Logs that it cosigns',
    note: 'What it has signed that it has applied, against what the coordinator has cosigned.',
    columns: PAIR_COLUMNS,
    rows: inMemory(
      pairs.map((pair) => ({ ...pair, size: sizes.get(pair.log) ?? 0 })),
      PAIR_COLUMNS,
    ),
    prefix: 'c.',
    empty: 'It has cosigned nothing so far.',
  })
  const overdue = counts.overdue
  const lease = log?.lease ?? 'lapsed'
  const heartbeat = log?.heartbeat ?? null
  return {
    title: site,
    lead:
      'What this site has asserted in its log, the receipts for withdrawals of its records, and what ' +
      'it has cosigned of the others. It shows what was signed and witnessed, not what the site does ' +
      'outside of that.',
    body: [
      figures([
        { label: 'Standing', value: member.status, tone: STATUS_TONE[member.status] },
        {
          label: 'Heartbeat',
          value: LEASE_WORDS[lease],
          tone: LEASE_TONE[lease],
          note:
            heartbeat === null ? 'none since the start' : `${durationText(now - heartbeat)} ago`,
        },
        { label: 'Records in force', value: countText(log?.live ?? 0) },
        {
          label: 'Withdrawals',
          value: countText(Object.values(counts).reduce((sum, one) => sum + one, 0)),
          note: `${countText(counts.complete)} with all receipts in time, ${countText(counts.late)} late`,
        },
        { label: 'Overdue', value: countText(overdue), tone: overdue === 0 ? 'good' : 'bad' },
      ]),
      facts([
        ['Type', member.siteType],
        ['Country', member.jurisdiction],
        ['Admitted', html`${timeOf(member.admittedAt)}, until ${timeOf(member.expires)}`],
        ...(member.expelledAt === null
          ? []
          : [['Expelled', timeOf(member.expelledAt)] as [string, Html]]),
        ['Log', html`<a href="/entries/${site}">${countText(log?.size ?? 0)} entries</a>`],
        ['Histories seen', log?.isForked === true ? badge('bad', 'two') : 'one'],
        ['Keys', keysOf(ports, member)],
      ]),
      findings.html,
      html`<div class="columns">${times.html} ${days.html}</div>`,
      withdrawals.html,
      cosigned.html,
    ],
    data: { site, status: member.status, lease, heartbeat, counts },
    sheets: [findings, times, days, withdrawals, cosigned],
  }
}

/** Mounts both pages. */
export function mountSites(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/audit/sites', roles: LOOK }, async (visit) => {
    const sheet = await tableOf(visit, {
      id: 'sites',
      caption: 'Sites',
      columns: SITE_COLUMNS,
      rows: inMemory(await readSites(ports), SITE_COLUMNS, SITE_FILTERS),
      filters: SITE_FILTERS,
      empty: 'No site matches.',
    })
    return {
      title: 'Sites',
      lead:
        'Every site that was ever admitted: how it stands, when it was heard, and how fast receipts ' +
        'for withdrawals of its records came. Figures compare what sites have signed; they are no ' +
        'verdict on a site.',
      body: sheet.html,
      sheets: [sheet],
    }
  })
  mountPage(web, { path: '/audit/sites/{site}', roles: LOOK }, (visit) => sitePage(ports, visit))
}
