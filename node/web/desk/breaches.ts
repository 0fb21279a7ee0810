/** `/desk/breaches`: the breach desk, with its clock. */
import { html } from 'hono/html'
import {
  BREACH_PHASES,
  DATA_KINDS,
  parseBreachId,
  PEOPLE_KINDS,
  type BreachId,
  type BreachPhase,
} from '../../../protocol/breach.ts'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId } from '../../../protocol/ids.ts'
import type { BreachFile, SiteWord } from '../../core/oversight/breach.ts'
import type { Actor } from '../../core/people/actor.ts'
import { ACT, LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { HttpProblem } from '../../http/problem.ts'
import type { FormBody } from '../body.ts'
import { errorsOf, formOf, type Field, type FieldErrors } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, facts, figures, link, section } from '../parts.ts'
import { noticeFacts } from '../public/announcements.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { countText, durationText, timeOf, type Html } from '../words.ts'
import { actButton } from '../people/account.ts'

const PATH = '/desk/breaches'
const ONE = `${PATH}/{breach}`
const STEP_WORDS = { notice: 'Sites and owners told', authority: 'Supervisory authority told' }
type Desk = CoordinatorPorts['coordinator']['breaches']

const COLUMNS: Column<BreachFile>[] = [
  {
    name: 'site',
    label: 'Site',
    value: ({ breach }) => breach.site,
    show: ({ breach }) => link(`${PATH}/${breach.id}`, breach.site),
  },
  { name: 'knownAt', label: 'Known since', kind: 'time', value: ({ breach }) => breach.knownAt },
  { name: 'notices', label: 'Notices', kind: 'number', value: ({ notices }) => notices.length },
  {
    name: 'open',
    label: 'Open steps',
    value: ({ steps }) =>
      steps
        .filter(({ doneAt }) => doneAt === null)
        .map(({ step }) => step)
        .join(', '),
  },
  {
    name: 'words',
    label: 'Sites that have answered',
    value: ({ words }) => `${words.filter(({ told }) => told !== null).length} of ${words.length}`,
  },
  { name: 'id', label: 'Id', kind: 'code', value: ({ breach }) => breach.id },
]
const WORD_COLUMNS: Column<SiteWord>[] = [
  { name: 'site', label: 'Site', value: ({ site }) => site, isSortable: true },
  { name: 'dueAt', label: 'Due', kind: 'time', value: ({ dueAt }) => dueAt },
  {
    name: 'affected',
    label: 'Members concerned',
    kind: 'number',
    value: ({ told }) => told?.affected ?? null,
  },
  { name: 'told', label: 'Members told', kind: 'number', value: ({ told }) => told?.told ?? null },
  { name: 'time', label: 'Said', kind: 'time', value: ({ told }) => told?.time ?? null },
  {
    name: 'index',
    label: 'Entry',
    kind: 'number',
    value: ({ told }) => told?.index ?? null,
    show: ({ site, told }) =>
      told === null ? '' : link(`/entries/${site}/${told.index}`, countText(told.index)),
  },
]

function actorOf({ actor }: Visit): Actor {
  if (actor === null) throw new HttpProblem('unauthorized', 'somebody who is signed in')
  return actor
}

/** A time as people type it: `2026-03-01T09:30`, in UTC. */
function parseTime(text: string, name: string): number {
  const millis = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d$/.test(text)
    ? Date.parse(`${text.replace(' ', 'T')}:00Z`)
    : Number.NaN
  if (Number.isNaN(millis))
    throw new ProtocolError('malformed', `/${name}`, 'a time such as 2026-03-01 09:30 (UTC)')
  return millis / 1000
}

function countIn(form: FormBody, name: string): number | null {
  const text = form.text(name)
  if (text === '') return null
  if (!/^\d{1,12}$/.test(text)) throw new ProtocolError('malformed', `/${name}`, 'a whole number')
  return Number(text)
}

function textIn(form: FormBody): object {
  return {
    nature: form.text('nature').replaceAll('\r\n', '\n'),
    people: PEOPLE_KINDS.filter((kind) => form.isTicked(`people-${kind}`)),
    peopleCount: countIn(form, 'peopleCount'),
    data: DATA_KINDS.filter((kind) => form.isTicked(`data-${kind}`)),
    dataCount: countIn(form, 'dataCount'),
    consequences: form.text('consequences').replaceAll('\r\n', '\n'),
    measures: form.text('measures').replaceAll('\r\n', '\n'),
    contact: form.text('contact'),
  }
}

const ticks = (
  group: 'people' | 'data',
  kinds: readonly string[],
  chosen: readonly string[],
  what: string,
): Field[] =>
  kinds.map((kind) => ({
    name: `${group}-${kind}`,
    label: `${what}: ${kind}`,
    kind: 'checkbox',
    value: chosen.includes(kind) ? 'yes' : '',
  }))

/** Labels of the fields of a notice, in the order of GDPR Art. 33(3). */
function draftFields({ breach: { draft } }: BreachFile): Field[] {
  const prose = (name: 'nature' | 'consequences' | 'measures', label: string): Field => ({
    name,
    label,
    kind: 'textarea',
    isRequired: true,
    maxLength: 1000,
    value: draft?.[name] ?? '',
  })
  const number = (name: 'peopleCount' | 'dataCount', label: string): Field => ({
    name,
    label,
    kind: 'number',
    hint: 'About how many; leave it empty while it is not known.',
    value: draft?.[name]?.toString() ?? '',
  })
  return [
    {
      ...prose('nature', 'What happened'),
      hint: 'It stays in a public log for good: no names, no addresses, nothing of any person.',
    },
    ...ticks('people', PEOPLE_KINDS, draft?.people ?? [], 'Concerns'),
    number('peopleCount', 'People concerned'),
    ...ticks('data', DATA_KINDS, draft?.data ?? [], 'Data'),
    number('dataCount', 'Records concerned'),
    prose('consequences', 'Likely consequences'),
    {
      ...prose('measures', 'Measures'),
      hint: 'What was done and will be done, and what sites and members can do.',
    },
    {
      name: 'contact',
      label: 'Contact',
      hint: 'A function, not a person.',
      isRequired: true,
      maxLength: 200,
      value: draft?.contact ?? '',
    },
  ]
}

/** Which phases can be declared now. */
function nextPhases({ notices }: BreachFile): BreachPhase[] {
  if (notices.length === 0) return ['initial']
  return notices.some(({ phase }) => phase === 'final') ? [] : ['update', 'final']
}

function stepsOf(file: BreachFile, now: number): Html {
  return figures(
    file.steps.map(({ step, dueAt, doneAt }) => {
      const isLate = (doneAt ?? now) > dueAt
      const left = dueAt - now
      return {
        label: STEP_WORDS[step],
        value:
          doneAt === null
            ? isLate
              ? `${durationText(-left)} late`
              : `${durationText(left)} left`
            : badge(isLate ? 'bad' : 'good', isLate ? 'late' : 'in time'),
        note: html`${doneAt === null ? 'due' : 'done'} ${timeOf(doneAt ?? dueAt)}`,
        tone: isLate ? ('bad' as const) : doneAt === null ? ('warn' as const) : ('good' as const),
      }
    }),
  )
}

/** What staff can do; auditors look. */
function formsOf(visit: Visit, file: BreachFile, errors: FieldErrors): Html[] {
  const { id, authority } = file.breach
  const phases = nextPhases(file)
  const forms: Html[] = []
  if (phases.length > 0)
    forms.push(
      section(
        'The next notice',
        formOf(visit, {
          action: `${PATH}/${id}/draft`,
          submit: 'Keep this text',
          fields: draftFields(file),
          errors,
        }),
      ),
    )
  if (file.breach.draft !== null && phases.length > 0)
    forms.push(
      section('Declare', [
        html`<p>
          A signed entry goes to all sites, and a mail to each registered owner. It cannot be taken
          back.
        </p>`,
        ...phases.map((phase) =>
          actButton(visit, `${PATH}/${id}/declare`, `Declare: ${phase}`, { phase }),
        ),
      ]),
    )
  if (authority === null)
    forms.push(
      section(
        'The supervisory authority',
        formOf(visit, {
          action: `${PATH}/${id}/authority`,
          submit: 'Put on record',
          fields: [
            { name: 'time', label: 'When (UTC)', hint: '2026-03-01 09:30', isRequired: true },
            { name: 'reference', label: "The authority's number", maxLength: 100 },
            {
              name: 'reason',
              label: 'Why it need not be told, or is told late',
              maxLength: 1000,
            },
          ],
        }),
      ),
    )
  return forms
}

async function filePage(
  visit: Visit,
  file: BreachFile,
  now: number,
  errors: FieldErrors = {},
): Promise<Page> {
  const { breach, notices, mails, unreached, alarms, words } = file
  const sheet = await tableOf(visit, {
    id: 'words',
    caption: 'What sites have said in their logs',
    columns: WORD_COLUMNS,
    rows: inMemory(words, WORD_COLUMNS),
    empty: 'Nothing was declared yet.',
  })
  const mayAct = visit.actor !== null && (ACT as readonly string[]).includes(visit.actor.role)
  return {
    title: `Breach at ${breach.site}`,
    lead:
      'The clock runs from when somebody here became aware. That members were told is what their ' +
      'sites have signed; nobody else can know it.',
    body: [
      facts([
        ['Known since', timeOf(breach.knownAt)],
        ['Opened', timeOf(breach.openedAt)],
        ['Alarms sent', alarms.length === 0 ? 'none' : alarms.map((h) => `${h} h`).join(', ')],
        [
          'Mails to owners',
          `${mails.sent} sent, ${mails.waiting} waiting, ${mails.refused} refused, ${mails.expired} given up`,
        ],
        ['Nobody to write to', unreached.length === 0 ? 'none' : unreached.join(', ')],
        ...(breach.authority === null
          ? []
          : [
              [
                'Authority',
                `${breach.authority.reference ?? 'not told'} ${breach.authority.reason ?? ''}`,
              ] as const,
            ]),
      ]),
      stepsOf(file, now),
      ...(mayAct ? formsOf(visit, file, errors) : []),
      sheet.html,
      ...notices.map((notice) => section(`Notice: ${notice.phase}`, noticeFacts(notice))),
    ],
    data: { breach, notices, steps: file.steps, mails, unreached, alarms },
    sheets: [sheet],
    ...(Object.keys(errors).length > 0 && { status: 422 as const }),
  }
}

const idOf = ({ c }: Visit): BreachId =>
  at('/breach', () => parseBreachId(c.req.param('breach') ?? ''))

function mountOne(web: Web, desk: Desk, now: () => number): void {
  const act = (
    path: string,
    work: (by: Actor, id: BreachId, form: FormBody) => Promise<unknown>,
  ): void =>
    mountForm(web, { path: `${ONE}/${path}`, roles: ACT }, async (visit, form) => {
      const id = idOf(visit)
      try {
        await work(actorOf(visit), id, form)
        return visit.c.redirect(`${PATH}/${id}`, 303)
      } catch (error) {
        return filePage(
          { ...visit, path: `${PATH}/${id}` },
          await desk.get(id),
          now(),
          errorsOf(error),
        )
      }
    })

  mountPage(web, { path: ONE, roles: LOOK }, async (visit) =>
    filePage(visit, await desk.get(idOf(visit)), now()),
  )
  act('draft', (by, id, form) => desk.write(by, id, textIn(form)))
  act('declare', (by, id, form) => {
    const phase = BREACH_PHASES.find((one) => one === form.text('phase')) ?? 'initial'
    return desk.declare(by, id, phase)
  })
  act('authority', (by, id, form) =>
    desk.recordAuthority(by, id, {
      time: parseTime(form.text('time'), 'time'),
      reference: form.text('reference') || null,
      reason: form.text('reason') || null,
    }),
  )
}

/** Mounts the pages. */
export function mountBreachPages(web: Web, { coordinator, clock }: CoordinatorPorts): void {
  const desk = coordinator.breaches

  async function page(
    visit: Visit,
    errors: FieldErrors = {},
    values: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const sheet = await tableOf(visit, {
      id: 'breaches',
      caption: 'Breaches',
      columns: COLUMNS,
      rows: inMemory(await desk.list(), COLUMNS),
      empty: 'None is known.',
    })
    const mayAct = visit.actor !== null && (ACT as readonly string[]).includes(visit.actor.role)
    const form = formOf(visit, {
      action: PATH,
      submit: 'Open the breach',
      isGrave: true,
      errors,
      values,
      fields: [
        {
          name: 'site',
          label: 'Site concerned',
          hint: "The network's own name where it is the coordinator.",
          isRequired: true,
        },
        {
          name: 'knownAt',
          label: 'Known since (UTC)',
          hint: 'When somebody here became aware: 2026-03-01 09:30',
          isRequired: true,
        },
      ],
    })
    return {
      title: 'Breach desk',
      lead:
        'Breaches of personal data: 72 hours from becoming aware to telling the authority, the ' +
        'sites and their owners (GDPR Art. 33).',
      body: [sheet.html, ...(mayAct ? [section('Open a breach', form)] : [])],
      sheets: [sheet],
      ...(Object.keys(errors).length > 0 && { status: 422 as const }),
    }
  }

  mountPage(web, { path: PATH, roles: LOOK }, (visit) => page(visit))
  mountForm(web, { path: PATH, roles: ACT }, async (visit, form) => {
    const values = { site: form.text('site'), knownAt: form.text('knownAt') }
    try {
      const site = at('/site', () => parseSiteId(values.site))
      const knownAt = parseTime(values.knownAt, 'knownAt')
      const { breach } = await desk.open(actorOf(visit), { site, knownAt })
      return visit.c.redirect(`${PATH}/${breach.id}`, 303)
    } catch (error) {
      return page(visit, errorsOf(error), values)
    }
  })
  mountOne(web, desk, clock.now)
}
