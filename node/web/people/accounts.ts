/** `/desk/accounts` and `/desk/acts`: who may what here, and what they have done. */
import { html } from 'hono/html'
import { toHex } from '../../../protocol/bytes.ts'
import { parseSiteId, type SiteId } from '../../../protocol/ids.ts'
import { at } from '../../../protocol/errors.ts'
import type { Actor } from '../../core/people/actor.ts'
import type { Account } from '../../core/people/accounts.ts'
import { ACCOUNT_ROLES } from '../../core/people/rows.ts'
import type { ActRow } from '../../core/people/act-rows.ts'
import { ACT, LOOK, type CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { HttpProblem } from '../../http/problem.ts'
import type { FormBody } from '../body.ts'
import { banner, errorsOf, formOf, type FieldErrors } from '../form.ts'
import { mountForm, mountPage, type Page } from '../page.ts'
import { badge, section } from '../parts.ts'
import type { Column } from '../sheet.ts'
import { inMemory, tableOf, type Filter } from '../table.ts'
import type { Visit, Web } from '../visit.ts'
import { actButton } from './account.ts'

const ACCOUNTS = '/desk/accounts'
const ACTS = '/desk/acts'
const BATCH = 500
const ROLE_OPTIONS = ACCOUNT_ROLES.map((value) => ({ value, label: value }))

const COLUMNS: Column<Account>[] = [
  { name: 'email', label: 'Address', value: ({ email }) => email, isSortable: true },
  { name: 'role', label: 'Role', value: ({ role }) => role, isSortable: true },
  { name: 'sites', label: 'Sites', value: ({ sites }) => sites.join(' ') },
  {
    name: 'createdAt',
    label: 'Made',
    kind: 'time',
    value: (row) => row.createdAt,
    isSortable: true,
  },
  {
    name: 'seenAt',
    label: 'Last seen',
    kind: 'time',
    value: (row) => row.seenAt,
    isSortable: true,
  },
  {
    name: 'state',
    label: 'State',
    value: ({ disabledAt }) => (disabledAt === null ? 'in use' : 'disabled'),
    show: ({ disabledAt }) =>
      disabledAt === null ? badge('good', 'in use') : badge('warn', 'disabled'),
  },
  { name: 'id', label: 'Id', kind: 'code', value: ({ id }) => id },
]
const FILTERS: Filter[] = [
  { name: 'email', label: 'Address' },
  { name: 'role', label: 'Role', options: ROLE_OPTIONS },
]

/** Who acts on a page: the guard of the page has found out. */
function actorOf({ actor }: Visit): Actor {
  if (actor === null) throw new HttpProblem('unauthorized', 'somebody who is signed in')
  return actor
}

function sitesOf(text: string): SiteId[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '')
  return names.map((name) => at('/sites', () => parseSiteId(name)))
}

function mountAccounts(web: Web, { coordinator }: CoordinatorPorts): void {
  const { accounts } = coordinator.people

  async function all(): Promise<Account[]> {
    const list: Account[] = []
    for (let after: string | null = ''; after !== null;) {
      const next = await accounts.list(after, BATCH)
      list.push(...next.accounts)
      after = next.next
    }
    return list
  }

  async function page(
    visit: Visit,
    {
      errors = {},
      values = {},
      link = null,
    }: {
      errors?: FieldErrors
      values?: Readonly<Record<string, string>>
      link?: string | null
    } = {},
  ): Promise<Page> {
    const sheet = await tableOf(visit, {
      id: 'accounts',
      caption: 'Accounts',
      columns: COLUMNS,
      rows: inMemory(await all(), COLUMNS, FILTERS),
      filters: FILTERS,
      sort: 'email',
      acts: ({ id, disabledAt }) =>
        html`${actButton(visit, `${ACCOUNTS}/${id}`, disabledAt === null ? 'Disable' : 'Enable', {
          act: disabledAt === null ? 'disable' : 'enable',
        })}
        ${actButton(visit, `${ACCOUNTS}/${id}`, 'End sessions', { act: 'sign-out' })}
        ${actButton(visit, `${ACCOUNTS}/${id}`, 'Remove', { act: 'remove' })}`,
    })
    return {
      title: 'Accounts',
      lead:
        'People who can sign in here. Their addresses are sealed in the database; each change is in ' +
        'the access log.',
      body: [
        ...(link === null
          ? []
          : [
              banner(
                'good',
                html`Made. There is no mail server, so hand over this link yourself; it signs in
                  once, within 15 minutes: <code class="long">${link}</code>`,
              ),
            ]),
        sheet.html,
        section(
          'Invite somebody',
          formOf(visit, {
            action: ACCOUNTS,
            submit: 'Make the account',
            errors,
            values,
            fields: [
              {
                name: 'email',
                label: 'E-mail address',
                kind: 'email',
                isRequired: true,
                maxLength: 254,
              },
              {
                name: 'role',
                label: 'Role',
                kind: 'select',
                isRequired: true,
                options: ROLE_OPTIONS,
              },
              {
                name: 'sites',
                label: 'Sites that the person owns',
                hint: 'Domain names, with spaces between them.',
              },
            ],
          }),
        ),
      ],
      sheets: [sheet],
      ...(Object.keys(errors).length > 0 && { status: 422 as const }),
    }
  }

  async function change(by: Actor, id: string, form: FormBody): Promise<unknown> {
    switch (form.text('act')) {
      case 'disable':
        return accounts.change(by, id, { isDisabled: true })
      case 'enable':
        return accounts.change(by, id, { isDisabled: false })
      case 'sign-out':
        return accounts.endSessions(by, id)
      case 'remove':
        return accounts.remove(by, id)
      default:
        throw new HttpProblem('forbidden', 'one of the buttons of the page')
    }
  }

  mountPage(web, { path: ACCOUNTS, roles: ACT }, (visit) => page(visit))
  mountForm(web, { path: ACCOUNTS, roles: ACT }, async (visit, form) => {
    const values = { email: form.text('email'), role: form.text('role'), sites: form.text('sites') }
    try {
      const role = ACCOUNT_ROLES.find((one) => one === values.role) ?? 'owner'
      const given = { email: values.email, role, sites: sitesOf(values.sites) }
      const { link } = await accounts.create(actorOf(visit), given)
      return link === null ? visit.c.redirect(ACCOUNTS, 303) : await page(visit, { link })
    } catch (error) {
      return page(visit, { errors: errorsOf(error), values })
    }
  })
  mountForm(web, { path: `${ACCOUNTS}/{account}`, roles: ACT }, async (visit, form) => {
    try {
      await change(actorOf(visit), visit.c.req.param('account') ?? '', form)
      return visit.c.redirect(ACCOUNTS, 303)
    } catch (error) {
      if (error instanceof HttpProblem) throw error
      return page({ ...visit, path: ACCOUNTS }, { errors: errorsOf(error) })
    }
  })
}

const ACT_COLUMNS: Column<ActRow>[] = [
  { name: 'id', label: 'Line', kind: 'number', value: ({ id }) => id },
  { name: 'time', label: 'Time', kind: 'time', value: ({ time }) => time },
  { name: 'who', label: 'Who', value: ({ actor }) => `${actor.kind} ${actor.id}` },
  { name: 'role', label: 'Role', value: ({ actor }) => actor.role },
  { name: 'act', label: 'Act', value: ({ act }) => act },
  { name: 'subject', label: 'On', kind: 'code', value: ({ subject }) => subject },
  {
    name: 'hash',
    label: 'Hash',
    kind: 'code',
    value: ({ hash }) => toHex(hash),
    show: ({ hash }) => html`<code>${toHex(hash).slice(0, 16)}</code>`,
  },
]

function mountActs(web: Web, { coordinator }: CoordinatorPorts): void {
  const { acts } = coordinator.people
  mountPage(web, { path: ACTS, roles: LOOK }, async (visit) => {
    const [newest] = await acts.list({ limit: 1 })
    const total = newest?.id ?? 0
    const sheet = await tableOf(visit, {
      id: 'acts',
      caption: 'The access log, the newest first',
      columns: ACT_COLUMNS,
      // Lines are numbered without a gap, so that a place in the list is a number.
      rows: async ({ offset, limit }) => ({
        rows: await acts.list({ before: total + 1 - offset, limit }),
        total,
      }),
      empty: 'Nobody has done anything yet.',
    })
    const { count, brokenAt } = await acts.verify()
    return {
      title: 'Access log',
      lead:
        'What people have done here. Each line has a hash over the line before and itself, so that ' +
        'a change or a gap shows; who cut off its end and keeps the node’s key could hide that.',
      body: [
        brokenAt === null
          ? banner('good', `All ${count} lines follow from one another.`)
          : banner('bad', `Line ${brokenAt} does not follow from the one before.`),
        sheet.html,
      ],
      data: { count, brokenAt },
      sheets: [sheet],
    }
  })
}

/** Mounts the pages. */
export function mountPeoplePages(web: Web, ports: CoordinatorPorts): void {
  mountAccounts(web, ports)
  mountActs(web, ports)
}
