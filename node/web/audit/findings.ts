/** `/audit/findings` and each finding: what was found, the facts that bear it out, its history. */
import { html } from 'hono/html'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { FINDING_ORDERS, type FindingFilter, type FindingOrder } from '../../core/finding-rows.ts'
import {
  FINDING_KINDS,
  FINDING_STATES,
  type Finding,
  type FindingChange,
  type FindingKind,
  type FindingState,
} from '../../core/oversight/finding.ts'
import type { ChangeRequest } from '../../core/oversight/findings.ts'
import { ACT, LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { errorsOf, formOf, type FieldErrors } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, facts, longCode, section, type Tone } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { plainTable, tableOf, type Filter, type RowSource } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf, type Html } from '../words.ts'
import { SEVERITY_TONE } from './figures.ts'

/** The kinds in words, as a sentence that says what was seen. */
export const FINDING_WORDS: Readonly<Partial<Record<FindingKind, string>>> = {
  'overdue-erasure': 'A receipt for a withdrawal was not there by the deadline',
  fork: 'A log has shown two histories',
  'rolled-back': 'A log came back shorter than its site had signed',
  'lapsed-heartbeat': 'A site was silent for longer than its records may be shown',
  'missing-receipts': 'A member has cosigned nothing of a log for longer than the terms allow',
  'outdated-notice': 'A consent is bound to a notice that the terms do not name',
  'failed-challenge': 'A site did not open a consent that it has committed to',
  'failed-probe': 'A member answered for a withdrawn record as if it held it',
  'overdue-breach-step': 'A step of a breach was not taken in time',
}
const STATE_TONE: Readonly<Record<FindingState, Tone>> = {
  open: 'bad',
  explained: 'warn',
  confirmed: 'bad',
  closed: 'good',
}

const words = (kind: FindingKind): string => FINDING_WORDS[kind] ?? kind

export const FINDING_COLUMNS: Column<Finding>[] = [
  {
    name: 'kind',
    label: 'What was found',
    value: (row) => row.kind,
    show: (row) => html`<a href="/audit/findings/${row.id}">${words(row.kind)}</a>`,
    isSortable: true,
  },
  {
    name: 'site',
    label: 'About',
    value: (row) => row.site,
    show: (row) => html`<a href="/audit/sites/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  { name: 'subject', label: 'Subject', kind: 'code', value: (row) => row.subject },
  {
    name: 'severity',
    label: 'Severity',
    value: (row) => row.severity,
    show: (row) => badge(SEVERITY_TONE[row.severity], row.severity),
    isSortable: true,
  },
  { name: 'since', label: 'Since', kind: 'time', value: (row) => row.since, isSortable: true },
  {
    name: 'state',
    label: 'State',
    value: (row) => row.state,
    show: (row) => badge(STATE_TONE[row.state], row.state),
    isSortable: true,
  },
  { name: 'owner', label: 'Looked after by', value: (row) => row.owner, isSortable: true },
  { name: 'curedAt', label: 'Came at last', kind: 'time', value: (row) => row.curedAt },
]

const isOrder = (name: string): name is FindingOrder =>
  (FINDING_ORDERS as readonly string[]).includes(name)

/** Findings of a filter, page by page out of the database. */
export function findingSource(
  { coordinator }: CoordinatorPorts,
  fixed: FindingFilter = {},
): RowSource<Finding> {
  return async ({ sort, isDescending, filters, offset, limit }) => {
    const kind = filters['kind'] as FindingKind | undefined
    const state = filters['state'] as FindingState | undefined
    const site = filters['site'] as SiteId | undefined
    const filter: FindingFilter = {
      ...(kind !== undefined && { kind }),
      ...(state !== undefined && { state }),
      ...(site !== undefined && { site }),
      ...fixed,
    }
    const order = isOrder(sort) ? sort : 'since'
    const { findings, total } = await coordinator.findings.list({
      filter,
      order,
      isDescending,
      offset,
      limit,
    })
    return { rows: findings, total }
  }
}

function filtersOf(ports: CoordinatorPorts): Filter[] {
  const sites = [...ports.coordinator.node.view.registry().members.keys()]
  return [
    {
      name: 'kind',
      label: 'What',
      options: FINDING_KINDS.map((kind) => ({ value: kind, label: words(kind) })),
    },
    { name: 'site', label: 'About', options: sites.map((site) => ({ value: site, label: site })) },
    {
      name: 'state',
      label: 'State',
      options: FINDING_STATES.map((state) => ({ value: state, label: state })),
    },
  ]
}

const HISTORY: Column<FindingChange>[] = [
  { name: 'time', label: 'When', kind: 'time', value: (row) => row.time },
  {
    name: 'actor',
    label: 'Who',
    value: ({ actor }) => (actor.kind === 'node' ? 'the node' : `${actor.role}, ${actor.id}`),
  },
  {
    name: 'state',
    label: 'From here on',
    value: (row) => row.state,
    show: (row) => badge(STATE_TONE[row.state], row.state),
  },
  { name: 'note', label: 'Why', value: (row) => row.note },
]

function evidenceOf(evidence: Finding['evidence']): [string, Html | string][] {
  return Object.entries(evidence).map(([name, value]): [string, Html | string] => {
    if (Array.isArray(value))
      return [name, html`${value.map((note: string) => html`<pre tabindex="0">${note}</pre>`)}`]
    // Seconds since 1970 in facts are named so: `dueAt`, `foundAt`.
    if (typeof value === 'number' && /(?:At|since|until|time)$/.test(name))
      return [name, timeOf(value)]
    return [name, longCode(String(value))]
  })
}

const subjectLink = (finding: Finding): Html => {
  const match = /^([a-z0-9.-]+)\/(\d+)$/.exec(finding.subject)
  if (finding.kind !== 'overdue-erasure' || match === null) return longCode(finding.subject)
  return html`<a href="/audit/withdrawals/${match[1]}/${match[2]}">${finding.subject}</a>`
}

/** The form by which staff and the officer say something about it. */
function changeForm(
  visit: Visit,
  finding: Finding,
  tried: { values: Record<string, string>; errors: FieldErrors } | null,
): Html | string {
  if (visit.actor === null || !ACT.includes(visit.actor.role as (typeof ACT)[number])) return ''
  return section('Say something about it', [
    html`<p>
      Staff explain, note, or take it over; the data protection officer confirms, closes and
      reopens. The history keeps every change for good, so a note names no person.
    </p>`,
    formOf(visit, {
      action: `/audit/findings/${finding.id}`,
      submit: 'Add to the history',
      fields: [
        {
          name: 'state',
          label: 'State from here on',
          kind: 'select',
          isRequired: true,
          value: finding.state,
          options: FINDING_STATES.map((state) => ({ value: state, label: state })),
        },
        {
          name: 'own',
          label: 'I look after it',
          kind: 'checkbox',
          value: finding.owner === visit.actor.id ? 'yes' : '',
        },
        {
          name: 'note',
          label: 'Why',
          kind: 'textarea',
          rows: 3,
          isRequired: true,
          maxLength: 1000,
          hint: 'No names of people and no e-mail addresses.',
        },
      ],
      ...(tried !== null && tried),
    }),
  ])
}

async function findingPage(
  ports: CoordinatorPorts,
  visit: Visit,
  tried: { values: Record<string, string>; errors: FieldErrors } | null = null,
): Promise<Page> {
  const id = visit.c.req.param('finding') ?? ''
  const { finding, history } = await ports.coordinator.findings.get(id)
  const { kind, site, severity, since, foundAt, state, owner, curedAt, evidence } = finding
  return {
    title: words(kind),
    lead:
      'What the audit has found from logs and signatures: what was asserted or missed, by whom, and ' +
      'since when. It does not say why; that is for people, whose words are in the history.',
    ...(tried !== null && { status: 422 as const }),
    body: [
      facts([
        ['About', html`<a href="/audit/sites/${site}">${site}</a>`],
        ['Subject', subjectLink(finding)],
        ['Severity', badge(SEVERITY_TONE[severity], severity)],
        ['State', badge(STATE_TONE[state], state)],
        ['True since', timeOf(since)],
        ['Written down', timeOf(foundAt)],
        ['What was missing came', curedAt === null ? 'not so far' : timeOf(curedAt)],
        ['Looked after by', owner ?? 'nobody yet'],
      ]),
      section('Facts', facts(evidenceOf(evidence))),
      section('History', plainTable('History', HISTORY, history)),
      changeForm(visit, finding, tried),
    ],
    data: { ...finding, history },
  }
}

/** Mounts the pages and the form. */
export function mountFindingPages(web: Web, ports: CoordinatorPorts): void {
  mountPage(web, { path: '/audit/findings', roles: LOOK }, async (visit) => {
    const sheet = await tableOf(visit, {
      id: 'findings',
      caption: 'Findings',
      columns: FINDING_COLUMNS,
      rows: findingSource(ports),
      filters: filtersOf(ports),
      sort: '-since',
      empty: 'Nothing was found that matches.',
    })
    return {
      title: 'Findings',
      lead:
        'What the audit has found, from logs, signatures, challenges and probes alone. No finding is ' +
        'ever taken away. That nothing was found is no proof that nothing is wrong.',
      body: sheet.html,
      sheets: [sheet],
    }
  })
  mountPage(web, { path: '/audit/findings/{finding}', roles: LOOK }, (visit) =>
    findingPage(ports, visit),
  )
  mountForm(web, { path: '/audit/findings/{finding}', roles: ACT }, async (visit, form) => {
    const id = visit.c.req.param('finding') ?? ''
    const { actor } = visit
    if (actor === null) throw new ProtocolError('not_found', '', 'somebody who acts')
    const { finding } = await ports.coordinator.findings.get(id)
    const values = { state: form.text('state'), note: form.text('note') }
    const state = FINDING_STATES.find((one) => one === values.state)
    const owner = form.isTicked('own')
      ? actor.id
      : finding.owner === actor.id
        ? null
        : finding.owner
    const request: ChangeRequest = {
      note: values.note.replaceAll('\r\n', '\n'),
      ...(state !== undefined && state !== finding.state && { state }),
      ...(owner !== finding.owner && { owner }),
    }
    try {
      await ports.coordinator.findings.change(actor, id, request)
    } catch (error) {
      return findingPage(ports, visit, { values, errors: errorsOf(error) })
    }
    return visit.c.redirect(`/audit/findings/${id}`, 303)
  })
}
