/** `/processors`: who processes data of site owners for the controller. */
import { html } from 'hono/html'
import { mountPage } from '../page.ts'
import type { PageReaders, ProcessorRow } from '../readers.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Web } from '../visit.ts'

const COLUMNS: Column<ProcessorRow>[] = [
  { name: 'name', label: 'Name', value: (row) => row.name, isSortable: true },
  { name: 'purpose', label: 'What for', value: (row) => row.purpose },
  { name: 'category', label: 'Kind', value: (row) => row.category, isSortable: true },
  { name: 'country', label: 'Country', value: (row) => row.country, isSortable: true },
  {
    name: 'policy',
    label: 'Its policy',
    value: (row) => row.policy,
    show: (row) =>
      row.policy.startsWith('https://')
        ? html`<a href="${row.policy}" rel="noreferrer">${new URL(row.policy).host}</a>`
        : row.policy,
  },
]

/** Mounts the page, where there is a register to show. */
export function mountProcessorsPage(web: Web, { processors }: PageReaders): void {
  if (processors === undefined) return
  mountPage(web, { path: '/processors', roles: null }, async (visit) => {
    const sheet = await tableOf(visit, {
      id: 'processors',
      caption: 'Processors',
      columns: COLUMNS,
      rows: inMemory(await processors(), COLUMNS),
    })
    return {
      title: 'Processors',
      lead:
        'Who works with data of site owners on behalf of the controller: what for, and where. None ' +
        'of them gets data of members of the sites. The nodes call none of them, and these pages load ' +
        'nothing from them; what they do with what they were given stands in their own policies.',
      body: sheet.html,
      sheets: [sheet],
    }
  })
}
