/** `/desk/applications` and `/desk/processors`: who wants in, what staff think, who works for us. */
import { html } from 'hono/html'
import { isCountry } from '../../../protocol/countries.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { ApplicationRow } from '../../core/store.ts'
import type { Processor } from '../../core/oversight/processors.ts'
import { keyTexts, siteIn, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { formOf } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { facts, longCode, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf } from '../words.ts'
import { attempt, choices, ofForm, type Again } from './attempt.ts'
import { actorIn, STAFF } from './staff.ts'

const PATH = '/desk/applications'
const ONE = '/desk/applications/{site}'
const PROCESSORS = '/desk/processors'
const NOTE_CHARS = 4000

const COLUMNS: readonly Column<ApplicationRow>[] = [
  {
    name: 'site',
    label: 'Site',
    value: (row) => row.site,
    show: (row) => html`<a href="${PATH}/${row.site}">${row.site}</a>`,
    isSortable: true,
  },
  { name: 'state', label: 'State', value: (row) => row.state, isSortable: true },
  { name: 'siteType', label: 'Type', value: (row) => row.siteType, isSortable: true },
  { name: 'jurisdiction', label: 'Country', value: (row) => row.jurisdiction, isSortable: true },
  {
    name: 'appliedAt',
    label: 'Applied',
    kind: 'time',
    value: (row) => row.appliedAt,
    isSortable: true,
  },
]
const FILTERS: readonly Filter[] = [
  { name: 'state', label: 'State', options: choices(['open', 'admitted', 'refused']) },
  { name: 'site', label: 'Site' },
]

/** Mounts the pages of applications. */
export function mountApplicationPages(web: Web, { coordinator }: CoordinatorPorts): void {
  const { admission, desk, node } = coordinator

  mountPage(web, { path: PATH, roles: STAFF }, async (visit) => {
    const rows = await admission.applications()
    const sheet = await tableOf(visit, {
      id: 'applications',
      caption: 'Applications',
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS, FILTERS),
      filters: FILTERS,
      sort: '-appliedAt',
      empty: 'Nobody has applied.',
    })
    return {
      title: 'Applications',
      lead: 'Sites that have asked to be admitted. Anybody can apply under any name: check who it is.',
      body: sheet.html,
      sheets: [sheet],
    }
  })

  async function one(visit: Visit, again?: Again): Promise<Page> {
    const site = siteIn(visit.c.req.param('site'))
    const notes = await desk.reviews.of(site)
    const row = (await admission.applications()).find((found) => found.site === site)
    if (row === undefined) throw new ProtocolError('not_found', '/id', 'a site that has applied')
    const keys = keyTexts(node.view.network, site, row)
    const step = (name: string, submit: string, isGrave: boolean) =>
      formOf(visit, {
        action: `${PATH}/${site}/${name}`,
        submit,
        fields: [],
        ...(isGrave && { isGrave: true }),
        ...ofForm(again, name),
      })
    return {
      title: `Application of ${site}`,
      lead: 'What the site says of itself, and what staff have found out.',
      body: [
        facts([
          ['State', row.state],
          ['Type', row.siteType],
          ['Country', row.jurisdiction],
          ['Contact', row.contact],
          ['Applied', timeOf(row.appliedAt)],
          ['Key of the log', longCode(keys.logKey)],
          ['Key of the cosignatures', longCode(keys.witnessKey)],
        ]),
        section('Notes', [
          notes.length === 0
            ? html`<p>None yet.</p>`
            : html`<ol>
                ${notes.map(
                  ({ time, actor, text }) => html`<li>${timeOf(time)}, ${actor}: ${text}</li>`,
                )}
              </ol>`,
          formOf(visit, {
            action: `${PATH}/${site}/notes`,
            submit: 'Write the note',
            fields: [
              {
                name: 'text',
                label: 'Note',
                kind: 'textarea',
                isRequired: true,
                maxLength: NOTE_CHARS,
              },
            ],
            ...ofForm(again, 'notes'),
          }),
        ]),
        section('Decide', [
          step(
            'admit',
            row.state === 'admitted' ? 'Prolong for a year' : 'Admit for a year',
            false,
          ),
          row.state === 'open' ? step('refuse', 'Refuse', true) : '',
        ]),
      ],
      data: { ...row, ...keys, notes: notes.length },
    }
  }
  mountPage(web, { path: ONE, roles: STAFF }, (visit) => one(visit))
  mountForm(web, { path: `${ONE}/notes`, roles: STAFF }, (visit, form) => {
    const site = siteIn(visit.c.req.param('site'))
    const text = form.text('text')
    return attempt(
      visit,
      { form: 'notes', values: { text } },
      async () => {
        if (text === '' || text.length > NOTE_CHARS)
          throw new ProtocolError('out_of_range', '/text', `1 to ${NOTE_CHARS} characters`)
        await desk.reviews.add(actorIn(visit), site, text)
        return `${PATH}/${site}`
      },
      (again) => one(visit, again),
    )
  })
  for (const name of ['admit', 'refuse'] as const)
    mountForm(web, { path: `${ONE}/${name}`, roles: STAFF }, (visit) => {
      const site = siteIn(visit.c.req.param('site'))
      return attempt(
        visit,
        { form: name, values: {} },
        async () => {
          await coordinator.admissionBy(actorIn(visit))[name](site)
          return `${PATH}/${site}`
        },
        (again) => one(visit, again),
      )
    })
}

const PROCESSOR_FIELDS = ['name', 'purpose', 'category', 'country', 'policy'] as const

function processorOf(values: Readonly<Record<string, string>>): Processor {
  const [name = '', purpose = '', category = '', country = '', policy = ''] = PROCESSOR_FIELDS.map(
    (field) => values[field],
  )
  for (const [field, text] of Object.entries({ name, purpose, category }))
    if (text.length < 2 || text.length > 300 || /\p{Cc}/u.test(text))
      throw new ProtocolError('out_of_range', `/${field}`, '2 to 300 characters on one line')
  if (!isCountry(country))
    throw new ProtocolError('out_of_range', '/country', 'an ISO 3166-1 alpha-2 country code')
  if (!/^https?:\/\/[^\s]{1,490}$/.test(policy) || !URL.canParse(policy))
    throw new ProtocolError('malformed', '/policy', 'an http(s) address')
  return { name, purpose, category, country, policy }
}

/** Mounts the page on which staff keep the register of processors. */
export function mountProcessorDesk(web: Web, { coordinator }: CoordinatorPorts): void {
  const { processors } = coordinator.desk

  async function list(visit: Visit, again?: Again): Promise<Page> {
    const rows = await processors.list()
    const columns: readonly Column<Processor>[] = PROCESSOR_FIELDS.map((name) => ({
      name,
      label: name,
      value: (row: Processor) => row[name],
      isSortable: true as const,
    }))
    const sheet = await tableOf(visit, {
      id: 'processors',
      caption: 'Processors',
      columns,
      rows: inMemory(rows, columns),
      acts: ({ name }) =>
        formOf(visit, {
          action: `${PROCESSORS}/remove`,
          submit: `Remove ${name}`,
          fields: [{ name: 'name', label: 'Name', kind: 'hidden', value: name }],
        }),
    })
    return {
      title: 'Register of processors',
      lead: 'Shown to everybody as it stands here. The node itself calls none of them.',
      body: [
        sheet.html,
        section(
          'Add one, or change the one of that name',
          formOf(visit, {
            action: PROCESSORS,
            submit: 'Keep it',
            fields: [
              { name: 'name', label: 'Name', isRequired: true, maxLength: 100 },
              { name: 'purpose', label: 'What for', isRequired: true, maxLength: 300 },
              { name: 'category', label: 'Category', isRequired: true, maxLength: 60 },
              {
                name: 'country',
                label: 'Country',
                hint: 'Two letters.',
                isRequired: true,
                maxLength: 2,
              },
              { name: 'policy', label: 'Address of its policy', isRequired: true, maxLength: 500 },
            ],
            ...ofForm(again, 'put'),
          }),
        ),
      ],
      sheets: [sheet],
    }
  }
  mountPage(web, { path: PROCESSORS, roles: STAFF }, (visit) => list(visit))
  mountForm(web, { path: PROCESSORS, roles: STAFF }, (visit, form) => {
    const values = Object.fromEntries(PROCESSOR_FIELDS.map((name) => [name, form.text(name)]))
    return attempt(
      visit,
      { form: 'put', values },
      async () => {
        const one = processorOf(values)
        const others = (await processors.list()).filter(({ name }) => name !== one.name)
        await processors.replace(actorIn(visit), [...others, one])
        return PROCESSORS
      },
      (again) => list(visit, again),
    )
  })
  mountForm(web, { path: `${PROCESSORS}/remove`, roles: STAFF }, async (visit, form) => {
    const rows = await processors.list()
    await processors.replace(
      actorIn(visit),
      rows.filter(({ name }) => name !== form.text('name')),
    )
    return visit.c.redirect(PROCESSORS, 303)
  })
}
