/** `/audit/challenges`: consents that homes were asked to open, and what sites answered to probes. */
import { html } from 'hono/html'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { errorsOf, formOf, type FieldErrors } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, section, type Tone } from '../parts.ts'
import { rangeChart } from '../range-chart.ts'
import type {
  ChallengeShown,
  ChallengesReader,
  PageReaders,
  ProbeShown,
  ProbesReader,
  RateRow,
} from '../readers.ts'
import type { Column, Sheet } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import type { Html } from '../words.ts'

const PATH = '/audit/challenges'
/** Of each kind shown on the page; older ones are in the interface. */
const NEWEST = 1000
const MOST = 16

const TONES: Readonly<Record<string, Tone>> = {
  passed: 'good',
  failed: 'bad',
  unanswered: 'warn',
}
const toneOf = (state: string): Tone => TONES[state] ?? 'calm'

const siteLink = (site: string): Html => html`<a href="/audit/sites/${site}">${site}</a>`

const CHALLENGES: Column<ChallengeShown>[] = [
  { name: 'drawnAt', label: 'Drawn', kind: 'time', value: (row) => row.drawnAt, isSortable: true },
  {
    name: 'site',
    label: 'Home',
    value: (row) => row.site,
    show: (row) => siteLink(row.site),
    isSortable: true,
  },
  {
    name: 'index',
    label: 'Publish entry',
    kind: 'number',
    value: (row) => row.index,
    show: (row) => html`<a href="/entries/${row.site}/${row.index}">${row.index}</a>`,
  },
  { name: 'draw', label: 'By the draw', kind: 'number', value: (row) => row.draw },
  {
    name: 'state',
    label: 'What came of it',
    value: (row) => row.state,
    show: (row) => badge(toneOf(row.state), row.state),
    isSortable: true,
  },
  { name: 'reason', label: 'Why', value: (row) => row.reason },
  { name: 'dueAt', label: 'Due', kind: 'time', value: (row) => row.dueAt },
  { name: 'decidedAt', label: 'Decided', kind: 'time', value: (row) => row.decidedAt },
]
const PROBES: Column<ProbeShown>[] = [
  {
    name: 'plannedAt',
    label: 'Planned',
    kind: 'time',
    value: (row) => row.plannedAt,
    isSortable: true,
  },
  {
    name: 'target',
    label: 'Asked',
    value: (row) => row.target,
    show: (row) => siteLink(row.target),
    isSortable: true,
  },
  { name: 'home', label: 'Record of', value: (row) => row.home, show: (row) => siteLink(row.home) },
  {
    name: 'index',
    label: 'Publish entry',
    kind: 'number',
    value: (row) => row.index,
    show: (row) => html`<a href="/entries/${row.home}/${row.index}">${row.index}</a>`,
  },
  { name: 'via', label: 'Through', value: (row) => row.via ?? 'the coordinator' },
  { name: 'answer', label: 'Answer', value: (row) => row.answer },
  {
    name: 'state',
    label: 'What came of it',
    value: (row) => row.state,
    show: (row) => badge(toneOf(row.state), row.state),
    isSortable: true,
  },
  { name: 'decidedAt', label: 'Decided', kind: 'time', value: (row) => row.decidedAt },
]

function choice<Row>(rows: readonly Row[], name: keyof Row & string, label: string): Filter {
  const values = [...new Set(rows.map((row) => String(row[name])))].toSorted()
  return { name, label, options: values.map((value) => ({ value, label: value })) }
}

function ratesOf(visit: Visit, id: string, caption: string, rates: readonly RateRow[]): Sheet {
  const ranges = rates.map(({ site, share, low, high }) => ({ label: site, share, low, high }))
  return rangeChart(visit, {
    id,
    caption,
    description:
      'The dot is the share that passed, of what was decided; the line is where the true share lies ' +
      'with a certainty of 95 % (Wilson). Few tries make a long line.',
    unit: 'share',
    ranges,
    empty: 'No site was asked so far.',
  })
}

interface Tried {
  what: 'challenge' | 'probe'
  values: Record<string, string>
  errors: FieldErrors
}

function demandForm(
  visit: Visit,
  sites: readonly SiteId[],
  what: Tried['what'],
  tried: Tried | null,
): Html {
  return formOf(visit, {
    action: `${PATH}/${what}`,
    submit: what === 'challenge' ? 'Draw now' : 'Probe within the hour',
    fields: [
      {
        name: 'site',
        label: 'Site',
        kind: 'select',
        isRequired: true,
        options: sites.map((site) => ({ value: site, label: site })),
      },
      {
        name: 'count',
        label: `How many, at most ${MOST}`,
        kind: 'number',
        value: '5',
        isRequired: true,
      },
    ],
    ...(tried?.what === what && { values: tried.values, errors: tried.errors }),
  })
}

async function challengesPage(
  ports: CoordinatorPorts,
  { challenges, probes }: { challenges: ChallengesReader; probes: ProbesReader },
  visit: Visit,
  tried: Tried | null = null,
): Promise<Page> {
  const opened = await challenges.list({ limit: NEWEST })
  const asked = await probes.list({ limit: NEWEST })
  const challengeRates = ratesOf(
    visit,
    'challenge-rates',
    'Challenges passed',
    await challenges.rates(),
  )
  const probeRates = ratesOf(visit, 'probe-rates', 'Probes passed', await probes.rates())
  const challengeFilters = [
    choice(opened, 'site', 'Home'),
    choice(opened, 'state', 'What came of it'),
  ]
  const list = await tableOf(visit, {
    id: 'challenges',
    caption: 'Challenges',
    note: `The newest ${NEWEST}; all of them are in the interface. Which publishes are drawn follows from a seed that the coordinator had committed to in its log before.`,
    columns: CHALLENGES,
    rows: inMemory(opened, CHALLENGES, challengeFilters),
    filters: challengeFilters,
    sort: '-drawnAt',
    prefix: 'c.',
    pageRows: 20,
    empty: 'Nothing was drawn that matches.',
  })
  const probeFilters = [choice(asked, 'target', 'Asked'), choice(asked, 'state', 'What came of it')]
  const probed = await tableOf(visit, {
    id: 'probes',
    caption: 'Probes',
    note: `The newest ${NEWEST}. The right answers are gone and unknown; a body that came was not kept.`,
    columns: PROBES,
    rows: inMemory(asked, PROBES, probeFilters),
    filters: probeFilters,
    sort: '-plannedAt',
    prefix: 'p.',
    pageRows: 20,
    empty: 'Nobody was asked so far.',
  })
  const sites = ports.coordinator.node.view.activeOthers()
  const forms =
    sites.length === 0
      ? ''
      : html`<div class="columns">
          ${section('Demand challenges', demandForm(visit, sites, 'challenge', tried))}
          ${section('Demand probes', demandForm(visit, sites, 'probe', tried))}
        </div>`
  return {
    title: 'Challenges and probes',
    lead:
      'Challenges ask a site to open the consent behind a publish drawn at random; probes ask a site ' +
      'for a record that was withdrawn. A passed one says that this consent was in order, or that this ' +
      'answer was right: it says nothing of what was not drawn, but for the intervals below.',
    ...(tried !== null && { status: 422 as const }),
    body: [
      html`<div class="columns">${challengeRates.html} ${probeRates.html}</div>`,
      list.html,
      probed.html,
      forms,
    ],
    sheets: [challengeRates, probeRates, list, probed],
  }
}

/** Mounts the page and its forms, where challenges and probes are made. */
export function mountChallengePages(
  web: Web,
  ports: CoordinatorPorts,
  { challenges, probes }: PageReaders,
): void {
  if (challenges === undefined || probes === undefined) return
  const readers = { challenges, probes }
  mountPage(web, { path: PATH, roles: LOOK }, (visit) => challengesPage(ports, readers, visit))
  for (const what of ['challenge', 'probe'] as const)
    mountForm(web, { path: `${PATH}/${what}`, roles: LOOK }, async (visit, form) => {
      const values = { site: form.text('site'), count: form.text('count') }
      const { actor } = visit
      try {
        if (actor === null) throw new ProtocolError('not_found', '', 'somebody who acts')
        const site = at('/site', () => parseSiteId(values.site))
        if (!ports.coordinator.node.view.activeOthers().includes(site))
          throw new ProtocolError('not_found', '/site', 'a site that takes part')
        const count = Number(values.count)
        if (!Number.isInteger(count) || count < 1 || count > MOST)
          throw new ProtocolError('out_of_range', '/count', `a number from 1 to ${MOST}`)
        await readers[`${what}s`].demand(actor, site, count)
      } catch (error) {
        const tried = { what, values, errors: errorsOf(error) }
        return challengesPage(ports, readers, visit, tried)
      }
      return visit.c.redirect(PATH, 303)
    })
}
