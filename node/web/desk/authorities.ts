/** `/desk/authorities`: what authorities ask for, who has approved, what was handed out. */
import { html } from 'hono/html'
import { toHex } from '../../../protocol/bytes.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { AuthorityDisclosure } from '../../core/request/authority.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { formOf } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, facts, link, longCode, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { timeOf, timeText } from '../words.ts'
import { attempt, NEWEST, ofForm, type Again } from './attempt.ts'
import { actorIn, STAFF } from './staff.ts'

const PATH = '/desk/authorities'
const ONE = '/desk/authorities/{id}'
const LEAST_CHARS = 3
const MOST_CHARS = { authority: 200, basis: 300 }

const COLUMNS: readonly Column<AuthorityDisclosure>[] = [
  {
    name: 'id',
    label: 'Disclosure',
    kind: 'code',
    value: (row) => row.id,
    show: (row) => html`<a href="${PATH}/${row.id}"><code>${row.id}</code></a>`,
  },
  { name: 'authority', label: 'Authority', value: (row) => row.authority, isSortable: true },
  { name: 'state', label: 'State', value: (row) => row.state, isSortable: true },
  { name: 'approvals', label: 'Approvals', kind: 'number', value: (row) => row.approvals.length },
  {
    name: 'proposedAt',
    label: 'Proposed',
    kind: 'time',
    value: (row) => row.proposedAt,
    isSortable: true,
  },
  { name: 'exportedAt', label: 'Handed out', kind: 'time', value: (row) => row.exportedAt },
]

/** Mounts the pages. */
export function mountAuthorityPages(web: Web, { coordinator }: CoordinatorPorts): void {
  const { authorities, customers } = coordinator.desk

  async function ownerOf(id: string): Promise<string> {
    try {
      return (await customers.get(id)).id
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== 'not_found') throw error
      throw new ProtocolError('not_found', '/customer', 'the id of a site owner')
    }
  }
  async function list(visit: Visit, again?: Again): Promise<Page> {
    const rows = await authorities.list(NEWEST)
    const sheet = await tableOf(visit, {
      id: 'disclosures',
      caption: 'Disclosures to authorities',
      note: `The newest ${NEWEST} at most.`,
      columns: COLUMNS,
      rows: inMemory(rows, COLUMNS),
      sort: '-proposedAt',
      empty: 'No authority has asked.',
    })
    return {
      title: 'Disclosures to authorities',
      lead:
        'Nothing leaves before two different people have approved, and before the row that says so ' +
        'is kept for good.',
      body: [
        sheet.html,
        section(
          'Propose one',
          formOf(visit, {
            action: PATH,
            submit: 'Propose it',
            fields: [
              {
                name: 'customer',
                label: 'Site owner',
                hint: 'The id, as in the list of site owners.',
                isRequired: true,
                maxLength: 40,
              },
              {
                name: 'authority',
                label: 'Authority',
                isRequired: true,
                maxLength: MOST_CHARS.authority,
              },
              {
                name: 'basis',
                label: 'The law, and the file number',
                isRequired: true,
                maxLength: MOST_CHARS.basis,
              },
            ],
            ...ofForm(again, 'propose'),
          }),
        ),
      ],
      sheets: [sheet],
    }
  }
  async function one(visit: Visit, again?: Again): Promise<Page> {
    const row = await authorities.get(visit.c.req.param('id') ?? '')
    const path = `${PATH}/${row.id}`
    const step = (name: string, title: string, submit: string, isGrave: boolean) =>
      section(
        title,
        formOf(visit, {
          action: `${path}/${name}`,
          submit,
          fields: [],
          ...(isGrave && { isGrave: true }),
          ...ofForm(again, name),
        }),
      )
    const isOpen = row.state === 'proposed'
    const isApproved = row.state === 'approved'
    return {
      title: `Disclosure ${row.id}`,
      lead: 'Who asks for what, by which law, and who has approved it.',
      body: [
        facts([
          ['State', badge(row.state === 'exported' ? 'bad' : 'calm', row.state)],
          ['Authority', row.authority],
          ['Law and file', row.basis],
          [
            'Of',
            row.customer === null
              ? row.subject
              : link(`/desk/owners/${row.customer}`, row.customer),
          ],
          ['Proposed', html`${timeOf(row.proposedAt)} by ${row.proposedBy}`],
          [
            'Approved by',
            row.approvals.map(({ actor, time }) => `${actor} (${timeText(time)})`).join(', ') ||
              'nobody',
          ],
          ['Handed out', row.exportedAt === null ? 'no' : timeOf(row.exportedAt)],
          ['SHA-256 of the file', row.digest === null ? 'none' : longCode(toHex(row.digest))],
        ]),
        isOpen ? step('approve', 'Approve', 'Approve it', true) : '',
        isApproved ? step('export', 'Hand it out', 'Write it down and get the file', true) : '',
        isOpen || isApproved ? step('decline', 'Decline', 'Decline it', false) : '',
      ],
      data: { ...row, digest: row.digest === null ? null : toHex(row.digest) },
    }
  }

  mountPage(web, { path: PATH, roles: STAFF }, (visit) => list(visit))
  mountPage(web, { path: ONE, roles: STAFF }, (visit) => one(visit))
  mountForm(web, { path: PATH, roles: STAFF }, (visit, form) => {
    const values = {
      customer: form.text('customer'),
      authority: form.text('authority'),
      basis: form.text('basis'),
    }
    return attempt(
      visit,
      { form: 'propose', values },
      async () => {
        for (const name of ['authority', 'basis'] as const) {
          const { length } = values[name]
          if (length < LEAST_CHARS || length > MOST_CHARS[name] || /\p{Cc}/u.test(values[name]))
            throw new ProtocolError('out_of_range', `/${name}`, 'text on one line')
        }
        const customer = await ownerOf(values.customer)
        const { authority, basis } = values
        const what = { subject: 'owner', customer, authority, basis } as const
        return `${PATH}/${(await authorities.propose(actorIn(visit), what)).id}`
      },
      (again) => list(visit, again),
    )
  })
  for (const name of ['approve', 'decline'] as const)
    mountForm(web, { path: `${ONE}/${name}`, roles: STAFF }, (visit) => {
      const id = visit.c.req.param('id') ?? ''
      return attempt(
        visit,
        { form: name, values: {} },
        async () => `${PATH}/${(await authorities[name](actorIn(visit), id)).id}`,
        (again) => one(visit, again),
      )
    })
  mountForm(web, { path: `${ONE}/export`, roles: STAFF }, async (visit) => {
    const file = await authorities.export(actorIn(visit), visit.c.req.param('id') ?? '')
    return visit.c.body(new Uint8Array(file), 200, {
      'content-type': 'application/json',
      'content-disposition': 'attachment; filename="disclosure.json"',
    })
  })
}
