/** `/desk/owners` and `/desk/retention`: site owners' data, and what retention takes away. */
import { html } from 'hono/html'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { parseEmail } from '../../../protocol/request.ts'
import type { Customer } from '../../core/oversight/customers.ts'
import {
  OWNER_FIELD_NAMES,
  OWNER_FIELDS,
  SOURCES,
  type OwnerField,
} from '../../core/oversight/owner-fields.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { formOf } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { facts, figures, link, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { countText, timeOf, type Html } from '../words.ts'
import { attempt, choices, NEWEST, ofForm, type Again } from './attempt.ts'
import { actorIn, STAFF } from './staff.ts'

const PATH = '/desk/owners'
const RETENTION = '/desk/retention'

const COLUMNS: readonly Column<Customer>[] = [
  {
    name: 'id',
    label: 'Owner',
    kind: 'code',
    value: (row) => row.id,
    show: (row) => html`<a href="${PATH}/${row.id}"><code>${row.id}</code></a>`,
  },
  { name: 'site', label: 'Site', value: (row) => row.site, isSortable: true },
  { name: 'email', label: 'E-mail', value: (row) => row.content.email, isSortable: true },
  { name: 'orders', label: 'Orders', kind: 'number', value: (row) => row.content.orders.length },
  {
    name: 'lastContactAt',
    label: 'Last contact',
    kind: 'time',
    value: (row) => row.lastContactAt,
    isSortable: true,
  },
  {
    name: 'offers',
    label: 'May get offers',
    value: (row) =>
      row.objectedAt === null && row.restrictedAt === null && row.shrunkAt === null ? 'yes' : 'no',
    isSortable: true,
  },
]
const FILTERS: readonly Filter[] = [
  { name: 'site', label: 'Site' },
  { name: 'email', label: 'E-mail' },
  { name: 'offers', label: 'May get offers', options: choices(['yes', 'no']) },
]

interface FieldRow {
  name: OwnerField
  value: string
  source: string
  at: number
}
const FIELD_COLUMNS: readonly Column<FieldRow>[] = [
  { name: 'name', label: 'Field', value: (row) => row.name, isSortable: true },
  { name: 'value', label: 'Value', value: (row) => row.value },
  { name: 'purpose', label: 'Purpose', value: (row) => OWNER_FIELDS[row.name].purpose },
  { name: 'basis', label: 'Legal basis', value: (row) => OWNER_FIELDS[row.name].basis },
  { name: 'source', label: 'Source', value: (row) => row.source },
  { name: 'at', label: 'Since', kind: 'time', value: (row) => row.at },
]

/** Mounts the pages of site owners. */
export function mountOwnerPages(web: Web, { coordinator }: CoordinatorPorts): void {
  const { customers } = coordinator.desk

  async function list(visit: Visit, again?: Again): Promise<Page> {
    const rows = await customers.list({ limit: NEWEST })
    const sheet = await tableOf(visit, {
      id: 'owners',
      caption: 'Site owners',
      note: `The first ${NEWEST} at most.`,
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS, FILTERS),
      filters: FILTERS,
      sort: '-lastContactAt',
      empty: 'No site owner is kept.',
    })
    return {
      title: 'Site owners',
      lead:
        'What the coordinator keeps of people who run sites, each field with its source, purpose ' +
        'and legal basis. Payment data is refused in every field.',
      body: [
        sheet.html,
        section(
          'Add or change one',
          formOf(visit, {
            action: PATH,
            submit: 'Keep it',
            fields: [
              { name: 'email', label: 'E-mail address', kind: 'email', isRequired: true },
              { name: 'site', label: 'Site' },
              {
                name: 'source',
                label: 'Where it comes from',
                kind: 'select',
                options: choices(SOURCES),
                isRequired: true,
              },
              ...OWNER_FIELD_NAMES.map((name) => ({
                name,
                label: name,
                hint: `${OWNER_FIELDS[name].purpose} (${OWNER_FIELDS[name].basis})`,
                maxLength: OWNER_FIELDS[name].chars,
              })),
            ],
            ...ofForm(again, 'put'),
          }),
        ),
      ],
      sheets: [sheet],
    }
  }

  mountPage(web, { path: PATH, roles: STAFF }, (visit) => list(visit))
  mountForm(web, { path: PATH, roles: STAFF }, (visit, form) => {
    const names = ['email', 'site', 'source', ...OWNER_FIELD_NAMES]
    const values = Object.fromEntries(names.map((name) => [name, form.text(name)]))
    return attempt(
      visit,
      { form: 'put', values },
      async () => {
        const source = SOURCES.find((one) => one === form.text('source'))
        if (source === undefined) throw new ProtocolError('out_of_range', '/source', 'a source')
        const site = form.text('site')
        const fields = Object.fromEntries(
          OWNER_FIELD_NAMES.map((name) => [name, form.text(name)]).filter(
            ([, text]) => text !== '',
          ),
        ) as Partial<Record<OwnerField, string>>
        const { id } = await customers.put(actorIn(visit), {
          email: at('/email', () => parseEmail(form.text('email'))),
          site: site === '' ? undefined : at('/site', () => parseSiteId(site)),
          source,
          fields,
        })
        return `${PATH}/${id}`
      },
      (again) => list(visit, again),
    )
  })
  mountPage(web, { path: `${PATH}/{id}`, roles: STAFF }, async (visit) => {
    const owner = await customers.get(visit.c.req.param('id') ?? '')
    const { content } = owner
    const rows = OWNER_FIELD_NAMES.flatMap((name): FieldRow[] => {
      const kept = content.fields[name]
      return kept === undefined ? [] : [{ name, ...kept }]
    })
    const sheet = await tableOf(visit, {
      id: 'fields',
      caption: 'What is kept',
      columns: FIELD_COLUMNS,
      rows: inMemory(rows, FIELD_COLUMNS),
      empty: 'The address and the numbers of orders alone.',
    })
    return {
      title: `Site owner ${owner.id}`,
      lead: 'All that is kept of the owner: the copy that a request asks for is this page as JSON.',
      body: [
        facts([
          ['E-mail', `${content.email} (${content.emailSource})`],
          ['Site', owner.site ?? 'none'],
          ['Orders', content.orders.join(', ') || 'none'],
          ['Last contact', timeOf(owner.lastContactAt)],
          ['More than the minimum until', timeOf(owner.keptUntil)],
          ['Shrunk', owner.shrunkAt === null ? 'no' : timeOf(owner.shrunkAt)],
          ['Objected', owner.objectedAt === null ? 'no' : timeOf(owner.objectedAt)],
          ['Restricted', owner.restrictedAt === null ? 'no' : timeOf(owner.restrictedAt)],
        ]),
        sheet.html,
        section(
          'A contact',
          formOf(visit, {
            action: `${PATH}/${owner.id}/contact`,
            submit: 'Note a contact: two years begin anew',
            fields: [],
          }),
        ),
      ],
      sheets: [sheet],
      data: { id: owner.id, site: owner.site, email: content.email, orders: content.orders },
    }
  })
  mountForm(web, { path: `${PATH}/{id}/contact`, roles: STAFF }, async (visit) => {
    const { id } = await customers.touch(actorIn(visit), visit.c.req.param('id') ?? '')
    return visit.c.redirect(`${PATH}/${id}`, 303)
  })
}

function ownerLinks(ids: readonly string[]): Html {
  if (ids.length === 0) return html`<p>Nobody.</p>`
  return html`<ul>
    ${ids.slice(0, NEWEST).map((id) => html`<li>${link(`${PATH}/${id}`, id)}</li>`)}
  </ul>`
}

/** Mounts the page of the retention sweep. */
export function mountRetentionPage(web: Web, { coordinator }: CoordinatorPorts): void {
  const { customers } = coordinator.desk
  mountPage(web, { path: RETENTION, roles: STAFF }, async (visit) => {
    const { shrunk, removed } = await customers.due()
    return {
      title: 'Retention',
      lead:
        'Two years after the last contact the address and the order numbers of customers stay, and ' +
        'nothing of others. The sweep runs once a day by itself; this is what it would do now.',
      body: [
        figures([
          { label: 'To be shrunk', value: countText(shrunk.length) },
          { label: 'To be removed', value: countText(removed.length) },
        ]),
        section('To be shrunk', ownerLinks(shrunk)),
        section('To be removed', ownerLinks(removed)),
        section(
          'Sweep now',
          formOf(visit, {
            action: RETENTION,
            submit: 'Shrink and remove them',
            fields: [],
            isGrave: true,
          }),
        ),
      ],
      data: { shrunk, removed },
    }
  })
  mountForm(web, { path: RETENTION, roles: STAFF }, async (visit) => {
    await customers.sweep(actorIn(visit))
    return visit.c.redirect(RETENTION, 303)
  })
}
