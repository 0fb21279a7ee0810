/** `/policy`: every promise with what is done for it, the test that shows it, and the evidence of now. */
import { html } from 'hono/html'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import { section } from '../parts.ts'
import type { Evidence, PageReaders } from '../readers.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Web } from '../visit.ts'
import { evidenceSources } from './policy-evidence.ts'
import { POLICY_ROWS, type PolicyRow } from './policy-rows.ts'

interface Row extends PolicyRow {
  evidence: Evidence | null
}

const PLACES = {
  site: 'each site',
  coordinator: 'coordinator',
  both: 'sites and coordinator',
} as const

const COLUMNS: Column<Row>[] = [
  { name: 'clause', label: '§', value: (row) => row.clause },
  {
    name: 'promise',
    label: 'Promise, and what is done for it',
    value: (row) => row.promise,
    show: (row) => html`<strong id="${row.id}">${row.promise}</strong> ${row.kept}`,
  },
  { name: 'kept', label: 'What is done', value: (row) => row.kept, isFileOnly: true },
  { name: 'place', label: 'Where', value: (row) => row.place, show: (row) => PLACES[row.place] },
  {
    name: 'evidence',
    label: 'Evidence of now',
    value: (row) => row.evidence?.plain ?? null,
    show: ({ evidence, tests }) => {
      if (evidence === null)
        return html`<span class="none"
          >${tests.length === 0 ? 'Nothing to show yet.' : 'Nothing that the coordinator could see; the tests show it.'}</span
        >`
      const { text, href } = evidence
      return href === undefined ? html`${text}` : html`<a href="${href}">${text}</a>`
    },
  },
  {
    name: 'tests',
    label: 'Shown by the tests',
    value: (row) => row.tests.map(({ file, name }) => `${file}: ${name}`).join('; '),
    show: (row) =>
      row.tests.length === 0
        ? html`<span class="none">none named yet</span>`
        : html`<details>
            <summary>${row.tests.length} ${row.tests.length === 1 ? 'test' : 'tests'}</summary>
            ${row.tests.map(
              ({ file, name }) => html`<div class="test"><code>${file}</code> ${name}</div>`,
            )}
          </details>`,
  },
]

const FILTERS: Filter[] = [
  { name: 'promise', label: 'Promise contains' },
  {
    name: 'place',
    label: 'Where',
    options: Object.entries(PLACES).map(([value, label]) => ({ value, label })),
  },
]

/** Mounts the page. */
export function mountPolicy(web: Web, ports: CoordinatorPorts, readers: PageReaders): void {
  const sources = evidenceSources(ports, readers)
  mountPage(web, { path: '/policy', roles: null }, async (visit) => {
    const rows: Row[] = []
    for (const row of POLICY_ROWS)
      rows.push({ ...row, evidence: (await sources[row.id]?.()) ?? null })
    const sheet = await tableOf(visit, {
      id: 'promises',
      caption: 'Promises',
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS, FILTERS),
      filters: FILTERS,
      pageRows: 100,
    })
    return {
      title: 'What is promised, and what shows it',
      lead:
        'Every clause of the privacy policy in force since 19 June 2018, in our words: what is done ' +
        'for it, what the running system shows of it now, and the test of the software that shows it. ' +
        'The figures are of this moment; a test shows what the software does, not what somebody does ' +
        'who runs other software.',
      body: [
        html`<div class="wide">${sheet.html}</div>`,
        section('Stricter than the policy', [
          html`<p>
            Withdrawal is also one click. Orientation follows from gender and wishes, so that all
            consent is explicit (GDPR Art. 9). Recipients are named one by one. Who has withdrawn
            never comes back by an automatic update. Places are given to about 11 km, because exact
            ones have been used to find people's homes.
          </p>`,
        ]),
        section('Said openly', [
          html`<p>
            No protocol can stop a dishonest partner from keeping a copy. Receipts, challenges,
            probes and expulsion make it evident, attributable and costly.
          </p>`,
        ]),
      ],
      sheets: [sheet],
    }
  })
}
