/** `/members`: the sites of the Network. */
import { html } from 'hono/html'
import { directoryOf, type Directory } from '../../http/coordinator/directory.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import { badge, type Tone } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Web } from '../visit.ts'

type Row = Directory['members'][number]

/** How the standing of a site is coloured. */
export const STATUS_TONE: Readonly<Record<Row['status'], Tone>> = {
  admitted: 'good',
  suspended: 'warn',
  expelled: 'bad',
}

const COLUMNS: Column<Row>[] = [
  {
    name: 'site',
    label: 'Site',
    value: (row) => row.site,
    show: (row) => html`<a href="/entries/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  { name: 'type', label: 'Type', value: (row) => row.type, isSortable: true },
  { name: 'jurisdiction', label: 'Country', value: (row) => row.jurisdiction, isSortable: true },
  {
    name: 'status',
    label: 'Standing',
    value: (row) => row.status,
    show: (row) => badge(STATUS_TONE[row.status], row.status),
    isSortable: true,
  },
  {
    name: 'admittedAt',
    label: 'Admitted',
    kind: 'time',
    value: (row) => row.admittedAt,
    isSortable: true,
  },
  { name: 'expires', label: 'Until', kind: 'time', value: (row) => row.expires, isSortable: true },
]

/** A choice of the values that there are. */
function choices(values: readonly string[]): { value: string; label: string }[] {
  return [...new Set(values)].toSorted().map((value) => ({ value, label: value }))
}

function filtersOf(rows: readonly Row[]): Filter[] {
  return [
    { name: 'site', label: 'Site' },
    { name: 'type', label: 'Type', options: choices(rows.map(({ type }) => type)) },
    {
      name: 'jurisdiction',
      label: 'Country',
      options: choices(rows.map(({ jurisdiction }) => jurisdiction)),
    },
    { name: 'status', label: 'Standing', options: choices(rows.map(({ status }) => status)) },
  ]
}

/** Mounts the page. */
export function mountMembersPage(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/members', roles: null }, async (visit) => {
    const { members } = directoryOf(ports)
    const filters = filtersOf(members)
    const sheet = await tableOf(visit, {
      id: 'sites',
      caption: 'Sites',
      columns: COLUMNS,
      rows: inMemory(members, COLUMNS, filters),
      filters,
      empty: 'No site matches.',
    })
    return {
      title: 'Sites of the Network',
      lead:
        'Who was admitted, from which country, and how they stand now, as the log of the coordinator ' +
        'says. Each site is the controller of the data of its own members. Standing says whether a ' +
        'site takes part; it is no seal of quality.',
      body: sheet.html,
      sheets: [sheet],
    }
  })
}
