/** `/desk/notices`: withdrawals by e-mail, taken, confirmed, ordered, closed. */
import { html } from 'hono/html'
import { at, ProtocolError } from '../../../protocol/errors.ts'
import { parseRecordId, parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import type { Notice } from '../../core/oversight/notice.ts'
import type { NoticeContent } from '../../core/oversight/notice-content.ts'
import {
  CLOSE_REASONS,
  NOTICE_STATES,
  type CloseReason,
  type NoticeState,
} from '../../core/oversight/notice-rows.ts'
import { EML_BYTES, takePasted } from '../../http/coordinator/notices.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { formOf } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, facts, longCode, section, type Tone } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf, type Html } from '../words.ts'
import { attempt, choices, NEWEST, ofForm, type Again } from './attempt.ts'
import { actorIn, STAFF } from './staff.ts'

const PATH = '/desk/notices'
const ONE = '/desk/notices/{id}'

const TONES: Partial<Record<NoticeState, Tone>> = {
  received: 'warn',
  parsed: 'warn',
  unmatched: 'warn',
  overdue: 'bad',
  done: 'good',
  ordered: 'bad',
}

function stateBadge({ state, isLate }: Notice): Html {
  return badge(isLate ? 'bad' : (TONES[state] ?? 'calm'), isLate ? `${state}, late` : state)
}

const COLUMNS: readonly Column<Notice>[] = [
  {
    name: 'id',
    label: 'Notice',
    kind: 'code',
    value: (row) => row.id,
    show: (row) => html`<a href="${PATH}/${row.id}"><code>${row.id}</code></a>`,
  },
  {
    name: 'state',
    label: 'State',
    value: (row) => row.state,
    show: stateBadge,
    isSortable: true,
  },
  { name: 'site', label: 'Site', value: (row) => row.site, isSortable: true },
  { name: 'channel', label: 'Came by', value: (row) => row.channel, isSortable: true },
  {
    name: 'receivedAt',
    label: 'Received',
    kind: 'time',
    value: (row) => row.receivedAt,
    isSortable: true,
  },
  {
    name: 'deadline',
    label: 'Deadline',
    kind: 'time',
    value: (row) => row.deadline,
    isSortable: true,
  },
  { name: 'records', label: 'Records', kind: 'number', value: (row) => row.records.length },
]
const FILTERS: readonly Filter[] = [
  { name: 'state', label: 'State', options: choices(NOTICE_STATES) },
  { name: 'site', label: 'Site' },
]

function siteOf(text: string): SiteId | undefined {
  return text === '' ? undefined : at('/site', () => parseSiteId(text))
}

function takeForms(visit: Visit, again?: Again): Html {
  return html`${section(
    'Take a notice',
    formOf(visit, {
      action: PATH,
      submit: 'Take the notice',
      fields: [
        {
          name: 'text',
          label: 'The e-mail, or the words of the letter',
          kind: 'textarea',
          hint: 'With its headers it is read as a mail. It is not kept: addresses and some lines are.',
          isRequired: true,
          maxLength: 100_000,
          rows: 10,
        },
        {
          name: 'channel',
          label: 'How it came',
          kind: 'select',
          options: choices(['pasted', 'post', 'form', 'telephone']),
          isRequired: true,
        },
        { name: 'site', label: "The member's site", hint: 'Where the mail does not show it.' },
        { name: 'address', label: "The member's e-mail address", kind: 'email' },
      ],
      ...ofForm(again, 'text'),
    }),
  )}
  ${section(
    'Upload a notice',
    formOf(visit, {
      action: `${PATH}/file`,
      submit: 'Upload the mail',
      fields: [
        {
          name: 'file',
          label: 'The forwarded mail',
          kind: 'file',
          accept: '.eml,message/rfc822',
          isRequired: true,
        },
      ],
      ...ofForm(again, 'file'),
    }),
  )}`
}

function contentOf(content: NoticeContent | null): Html {
  if (content === null)
    return html`<p>
      Nothing of the person is kept any more: the notice is over, or the home knows.
    </p>`
  return html`${facts([
      ['Forwarded by', content.forwarders.join(', ') || 'nobody'],
      [
        'May be the member',
        html`<ul>
          ${content.candidates.map(({ address, how }) => html`<li>${address} (${how})</li>`)}
        </ul>`,
      ],
      ['Chosen', content.address ?? 'nobody yet'],
      ['Subject', content.subject],
    ])}
    <blockquote class="excerpt">${content.excerpt}</blockquote>`
}

const WAITS: readonly NoticeState[] = ['received', 'parsed', 'unmatched']

function stepForms(
  visit: Visit,
  notice: Notice,
  content: NoticeContent | null,
  again?: Again,
): (Html | string)[] {
  const path = `${PATH}/${notice.id}`
  const forms: (Html | string)[] = []
  if (WAITS.includes(notice.state))
    forms.push(
      section(
        'Confirm whom it is about',
        formOf(visit, {
          action: `${path}/confirm`,
          submit: 'Confirm: the home withdraws',
          isGrave: true,
          fields: [
            {
              name: 'site',
              label: "The member's site",
              value: notice.site ?? '',
              isRequired: true,
            },
            {
              name: 'address',
              label: "The member's e-mail address",
              kind: 'email',
              value: content?.address ?? content?.candidates[0]?.address ?? '',
              isRequired: true,
            },
          ],
          ...ofForm(again, 'confirm'),
        }),
      ),
    )
  if (notice.site !== null)
    forms.push(
      section('Order it', [
        html`<p>
          Where the home does not act. Without an answer of the home nobody here can tell which
          record it is: the member finds its id in the export of the site.
        </p>`,
        formOf(visit, {
          action: `${path}/order`,
          submit: 'Write the order',
          isGrave: true,
          fields: [
            { name: 'record', label: 'Record', hint: '32 hexadecimal digits', maxLength: 32 },
            {
              name: 'all',
              label: 'All that the site has published so far',
              kind: 'checkbox',
            },
          ],
          ...ofForm(again, 'order'),
        }),
      ]),
    )
  if (notice.state !== 'answered')
    forms.push(
      section(
        'Close it without a withdrawal',
        formOf(visit, {
          action: `${path}/close`,
          submit: 'Close the notice',
          fields: [
            {
              name: 'reason',
              label: 'Why',
              kind: 'select',
              options: choices(CLOSE_REASONS),
              isRequired: true,
            },
          ],
          ...ofForm(again, 'close'),
        }),
      ),
    )
  return forms
}

/** Mounts the pages. */
export function mountNoticePages(web: Web, ports: CoordinatorPorts): void {
  const { notices } = ports.coordinator.desk

  async function list(visit: Visit, again?: Again): Promise<Page> {
    const rows = await notices.list({ limit: NEWEST })
    const sheet = await tableOf(visit, {
      id: 'notices',
      caption: 'Withdrawal notices',
      note: `The newest ${NEWEST} at most.`,
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS, FILTERS),
      filters: FILTERS,
      sort: '-receivedAt',
      empty: 'There is no notice.',
    })
    return {
      title: 'Withdrawal notices',
      lead:
        'Members withdraw by a mail to their site, which forwards it here. The sender of a mail ' +
        'proves nothing: staff confirm whom it is about before the home is asked.',
      body: [sheet.html, takeForms(visit, again)],
      sheets: [sheet],
    }
  }
  async function one(visit: Visit, again?: Again): Promise<Page> {
    const { notice, content } = await notices.get(visit.c.req.param('id') ?? '')
    return {
      title: `Notice ${notice.id}`,
      lead: 'How far it is. Its address and its words are erased when the home has answered.',
      body: [
        facts([
          ['State', stateBadge(notice)],
          ['Site', notice.site ?? 'not known'],
          ['Came by', notice.channel],
          ['Received', timeOf(notice.receivedAt)],
          ['Confirmed', notice.confirmedAt === null ? 'no' : timeOf(notice.confirmedAt)],
          ['Deadline', notice.deadline === null ? 'none yet' : timeOf(notice.deadline)],
          ['Attempts', String(notice.attempts)],
          ['Records', html`${notice.records.map(longCode)}`],
          ['Orders', notice.orders.join(', ') || 'none'],
        ]),
        section('What was written', contentOf(content)),
        ...(notice.closedAt === null ? stepForms(visit, notice, content, again) : []),
      ],
      data: { ...notice },
    }
  }

  mountPage(web, { path: PATH, roles: STAFF }, (visit) => list(visit))
  mountPage(web, { path: ONE, roles: STAFF }, (visit) => one(visit))
  mountForm(web, { path: PATH, roles: STAFF, bytes: 512 * 1024 }, (visit, form) => {
    const [text, site, address] = ['text', 'site', 'address'].map(form.text)
    const values = { text: text ?? '', site: site ?? '', address: address ?? '' }
    const channel = (['post', 'form', 'telephone'] as const).find(
      (name) => name === form.text('channel'),
    )
    const take = async (): Promise<string> => {
      if (values.text === '') throw new ProtocolError('malformed', '/text', 'a text')
      const notice = await takePasted(ports, actorIn(visit), {
        text: values.text,
        channel: channel ?? 'pasted',
        site: siteOf(values.site),
        address: values.address === '' ? undefined : values.address,
      })
      return `${PATH}/${notice.id}`
    }
    return attempt(visit, { form: 'text', values }, take, (again) => list(visit, again))
  })
  mountForm(web, { path: `${PATH}/file`, roles: STAFF, bytes: EML_BYTES }, (visit, form) =>
    attempt(
      visit,
      { form: 'file', values: {} },
      async () => {
        const file = form.file('file')
        if (file === null) throw new ProtocolError('malformed', '/file', 'a file')
        const mail = await ports.mail.read(await file.bytes())
        const notice = await notices.receive(actorIn(visit), mail, { channel: 'file' })
        return `${PATH}/${notice.id}`
      },
      (again) => list(visit, again),
    ),
  )
  const step = (
    name: string,
    fields: readonly string[],
    act: (visit: Visit, id: string, text: (name: string) => string) => Promise<Notice>,
  ): void =>
    mountForm(web, { path: `${ONE}/${name}`, roles: STAFF }, (visit, form) => {
      const id = visit.c.req.param('id') ?? ''
      const values = Object.fromEntries(fields.map((field) => [field, form.text(field)]))
      return attempt(
        visit,
        { form: name, values },
        async () => `${PATH}/${(await act(visit, id, form.text)).id}`,
        (again) => one(visit, again),
      )
    })
  step('confirm', ['site', 'address'], (visit, id, text) => {
    const address = text('address')
    const site = siteOf(text('site'))
    return notices.confirm(actorIn(visit), id, {
      site,
      address: address === '' ? undefined : address,
    })
  })
  step('order', ['record', 'all'], (visit, id, text) => {
    const record = text('record')
    const isAll = text('all') === 'yes'
    if ((record === '') === !isAll)
      throw new ProtocolError('malformed', '/record', 'either a record, or all of them')
    const wanted = isAll ? null : at('/record', () => parseRecordId(record))
    return notices.order(actorIn(visit), id, wanted)
  })
  step('close', ['reason'], (visit, id, text) => {
    const reason = CLOSE_REASONS.find((word): word is CloseReason => word === text('reason'))
    if (reason === undefined) throw new ProtocolError('out_of_range', '/reason', 'a reason')
    return notices.close(actorIn(visit), id, reason)
  })
}
