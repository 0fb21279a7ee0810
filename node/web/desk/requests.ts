/** `/desk/requests`: what people ask for by their rights, step by step. */
import { html } from 'hono/html'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import { REQUEST_TEXT_CHARS } from '../../../protocol/limits.ts'
import { CHANNELS, parseEmail, RIGHTS } from '../../../protocol/request.ts'
import { COMPLAINT, type Person, type PersonsRequest } from '../../core/request/rights.ts'
import {
  EXTENSION_REASONS,
  IDENTITY_METHODS,
  PARTIAL_REASONS,
  REFUSAL_REASONS,
  REQUEST_STATES,
} from '../../core/request/rows.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { formOf, type Field } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, facts, section, type Tone } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf, type Html } from '../words.ts'
import { attempt, choices, NEWEST, ofForm, type Again } from './attempt.ts'
import { actorIn, STAFF } from './staff.ts'

const PATH = '/desk/requests'
const ONE = '/desk/requests/{id}'

const TONES: Readonly<Record<PersonsRequest['state'], Tone>> = {
  open: 'warn',
  fulfilled: 'good',
  'partly-fulfilled': 'good',
  refused: 'bad',
  withdrawn: 'calm',
  forwarded: 'calm',
}

function stateBadge({ state, isOverdue }: PersonsRequest): Html {
  return badge(isOverdue ? 'bad' : TONES[state], isOverdue ? 'open, overdue' : state)
}

const COLUMNS: readonly Column<PersonsRequest>[] = [
  {
    name: 'id',
    label: 'Request',
    kind: 'code',
    value: (row) => row.id,
    show: (row) => html`<a href="${PATH}/${row.id}"><code>${row.id}</code></a>`,
  },
  { name: 'right', label: 'Right', value: (row) => row.right, isSortable: true },
  { name: 'state', label: 'State', value: (row) => row.state, show: stateBadge, isSortable: true },
  {
    name: 'subject',
    label: 'Of',
    value: (row) => (row.site === null ? row.subject : `member of ${row.site}`),
    isSortable: true,
  },
  { name: 'identity', label: 'Identity', value: (row) => row.identity, isSortable: true },
  {
    name: 'receivedAt',
    label: 'Received',
    kind: 'time',
    value: (row) => row.receivedAt,
    isSortable: true,
  },
  { name: 'dueAt', label: 'Due', kind: 'time', value: (row) => row.dueAt, isSortable: true },
]
const FILTERS: readonly Filter[] = [
  { name: 'state', label: 'State', options: choices(REQUEST_STATES) },
  { name: 'right', label: 'Right', options: choices(RIGHTS) },
]

function openForm(visit: Visit, again?: Again): Html {
  return section(
    'Open a request',
    formOf(visit, {
      action: PATH,
      submit: 'Open the request',
      fields: [
        { name: 'email', label: 'E-mail address', kind: 'email', isRequired: true },
        { name: 'name', label: 'Name', maxLength: 200 },
        {
          name: 'site',
          label: 'Site of which the person is a member',
          hint: 'The site is told, and answers. Without it the person is a site owner.',
        },
        {
          name: 'right',
          label: 'Right',
          kind: 'select',
          options: choices(RIGHTS),
          isRequired: true,
        },
        {
          name: 'channel',
          label: 'How it came',
          kind: 'select',
          options: choices(CHANNELS),
          isRequired: true,
        },
        { name: 'receivedOn', label: 'Received on', kind: 'date', hint: 'If not today.' },
        {
          name: 'text',
          label: 'What the person says',
          kind: 'textarea',
          maxLength: REQUEST_TEXT_CHARS,
        },
      ],
      ...ofForm(again, 'open'),
    }),
  )
}

const choice = (name: string, label: string, words: readonly string[]): Field => ({
  name,
  label,
  kind: 'select',
  options: choices(words),
  isRequired: true,
})

/** The steps of an open request: what the button says, and the fields. */
const STEPS: readonly {
  name: string
  title: string
  note?: string
  submit: string
  isGrave?: true
  fields: readonly Field[]
}[] = [
  {
    name: 'identity',
    title: 'Who it is',
    note: 'Look at what is shown and note the result. Documents are not kept, and not taken here.',
    submit: 'Note the result',
    fields: [
      choice('result', 'Result', ['asked', 'proven', 'not-proven']),
      {
        name: 'method',
        label: 'By what',
        kind: 'select',
        hint: 'With proven, and only then.',
        options: [{ value: '', label: '' }, ...choices(IDENTITY_METHODS)],
      },
    ],
  },
  {
    name: 'fulfil',
    title: 'Fulfil it',
    submit: 'Do it',
    isGrave: true,
    fields: [
      {
        name: 'reason',
        label: 'Why a deletion leaves something',
        kind: 'select',
        options: [{ value: '', label: '' }, ...choices(PARTIAL_REASONS)],
      },
      { name: 'kept', label: 'What it leaves', hint: 'Names of fields, separated by commas.' },
    ],
  },
  {
    name: 'refuse',
    title: 'Refuse it',
    note: COMPLAINT,
    submit: 'Refuse',
    isGrave: true,
    fields: [choice('reason', 'Reason', REFUSAL_REASONS)],
  },
  {
    name: 'extend',
    title: 'Take two months more',
    submit: 'Extend',
    fields: [choice('reason', 'Reason', EXTENSION_REASONS)],
  },
  { name: 'withdraw', title: 'The person asks no more', submit: 'End the request', fields: [] },
]

function personOf(person: Person | null): Html {
  if (person === null) return html`<p>Names and words are erased.</p>`
  return facts([
    ['Name', person.name || 'not given'],
    ['E-mail', person.email],
    ['Says', person.text || 'nothing more'],
  ])
}

/** A date field as unix seconds. */
function dayOfField(text: string): number | undefined {
  if (text === '') return undefined
  const millis = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(millis)) throw new ProtocolError('malformed', '/receivedOn', 'a date')
  return millis / 1000
}

const picked = <Word extends string>(words: readonly Word[], text: string, field: string): Word => {
  const word = words.find((known) => known === text)
  if (word === undefined)
    throw new ProtocolError('out_of_range', `/${field}`, `one of ${words.join(', ')}`)
  return word
}

/** Mounts the pages. */
export function mountRequestPages(web: Web, { coordinator }: CoordinatorPorts): void {
  const { rights, customers, forwardSoon } = coordinator.desk

  async function list(visit: Visit, again?: Again): Promise<Page> {
    const rows = await rights.list({ limit: NEWEST })
    const sheet = await tableOf(visit, {
      id: 'requests',
      caption: 'Requests',
      note: `The newest ${NEWEST} at most.`,
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS, FILTERS),
      filters: FILTERS,
      sort: '-receivedAt',
      empty: 'Nobody has asked for anything.',
    })
    return {
      title: 'Requests of people',
      lead:
        'Copy, correction, deletion, restriction, objection. Each has a calendar month for its ' +
        'answer, three where it was extended with a reason.',
      body: [sheet.html, openForm(visit, again)],
      sheets: [sheet],
      data: await rights.counts(),
    }
  }
  async function one(visit: Visit, again?: Again): Promise<Page> {
    const { request, person } = await rights.get(visit.c.req.param('id') ?? '')
    const isLasting = request.right === 'restriction' && request.state === 'fulfilled'
    const open = request.state === 'open' ? STEPS : []
    const steps = isLasting ? STEPS.filter(({ name }) => name === 'withdraw') : open
    const isLess = request.state === 'refused' || request.state === 'partly-fulfilled'
    return {
      title: `Request ${request.id}`,
      lead: 'Who asks for what, by when there has to be an answer, and what was done.',
      body: [
        facts([
          ['Right', request.right],
          ['State', stateBadge(request)],
          ['Of', request.site === null ? request.subject : `a member of ${request.site}`],
          ['Came by', request.channel],
          ['Received', timeOf(request.receivedAt)],
          ['Answer due', timeOf(request.dueAt)],
          ['Extended', request.extension ?? 'no'],
          [
            'Identity',
            `${request.identity}${request.method === null ? '' : `, ${request.method}`}`,
          ],
          ['Reason', request.reason ?? 'none'],
          ['Left', request.kept.join(', ') || 'nothing'],
          ...(isLess ? [['How to complain', COMPLAINT] as const] : []),
        ]),
        section('Who asks', personOf(person)),
        section(
          'What was done',
          html`<ol>
            ${request.steps.map(
              ({ time, actor, what }) => html`<li>${timeOf(time)}: ${what} (${actor})</li>`,
            )}
          </ol>`,
        ),
        ...steps.map(({ name, title, note, submit, isGrave, fields }) =>
          section(title, [
            note === undefined ? '' : html`<p>${note}</p>`,
            formOf(visit, {
              action: `${PATH}/${request.id}/${name}`,
              submit,
              fields,
              ...(isGrave && { isGrave }),
              ...ofForm(again, name),
            }),
          ]),
        ),
      ],
      data: { ...request },
    }
  }

  mountPage(web, { path: PATH, roles: STAFF }, (visit) => list(visit))
  mountPage(web, { path: ONE, roles: STAFF }, (visit) => one(visit))
  mountForm(web, { path: PATH, roles: STAFF }, (visit, form) => {
    const names = ['email', 'name', 'site', 'right', 'channel', 'receivedOn', 'text'] as const
    const values = Object.fromEntries(names.map((name) => [name, form.text(name)]))
    const open = async (): Promise<string> => {
      const email = at('/email', () => parseEmail(form.text('email')))
      const right = RIGHTS.find((word) => word === form.text('right'))
      const channel = CHANNELS.find((word) => word === form.text('channel'))
      if (right === undefined) throw new ProtocolError('out_of_range', '/right', 'a right')
      if (channel === undefined) throw new ProtocolError('out_of_range', '/channel', 'a channel')
      const given = form.text('site')
      const site = given === '' ? undefined : at('/site', () => parseSiteId(given))
      const owner = site === undefined ? await customers.byEmail(email) : null
      const { id } = await rights.open(actorIn(visit), {
        subject: site === undefined ? 'owner' : 'member',
        ...(owner !== null && { customer: owner.id }),
        ...(site !== undefined && { site, tell: true }),
        right,
        channel,
        receivedAt: dayOfField(form.text('receivedOn')),
        person: {
          name: form.text('name').slice(0, 200),
          email,
          member: '',
          text: form.text('text').slice(0, REQUEST_TEXT_CHARS),
        },
      })
      if (site !== undefined) forwardSoon()
      return `${PATH}/${id}`
    }
    return attempt(visit, { form: 'open', values }, open, (again) => list(visit, again))
  })

  type Text = (name: string) => string
  const acts: Readonly<
    Record<string, (visit: Visit, id: string, text: Text) => Promise<PersonsRequest>>
  > = {
    identity: (visit, id, text) => {
      const method = text('method')
      return rights.identify(actorIn(visit), id, {
        result: picked(['asked', 'proven', 'not-proven'] as const, text('result'), 'result'),
        method: method === '' ? undefined : picked(IDENTITY_METHODS, method, 'method'),
      })
    },
    fulfil: (visit, id, text) => {
      const reason = text('reason')
      const kept = text('kept')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => /^[\w-]{1,40}$/.test(name))
      if (reason !== '' && kept.length === 0)
        throw new ProtocolError('malformed', '/kept', 'what stays')
      const partial =
        reason === '' ? null : { reason: picked(PARTIAL_REASONS, reason, 'reason'), kept }
      return rights.fulfil(actorIn(visit), id, { partial })
    },
    refuse: (visit, id, text) =>
      rights.refuse(actorIn(visit), id, picked(REFUSAL_REASONS, text('reason'), 'reason')),
    extend: (visit, id, text) =>
      rights.extend(actorIn(visit), id, picked(EXTENSION_REASONS, text('reason'), 'reason')),
    withdraw: (visit, id) => rights.withdraw(actorIn(visit), id),
  }
  for (const { name, fields } of STEPS)
    mountForm(web, { path: `${ONE}/${name}`, roles: STAFF }, (visit, form) => {
      const values = Object.fromEntries(fields.map((field) => [field.name, form.text(field.name)]))
      const id = visit.c.req.param('id') ?? ''
      return attempt(
        visit,
        { form: name, values },
        async () => {
          await acts[name]?.(visit, id, form.text)
          return `${PATH}/${id}`
        },
        (again) => one(visit, again),
      )
    })
}
