/**
 * The navigation: one line for each page that has a place in it. A page that is not mounted, or
 * that the visitor's role does not open, is left out.
 */
import { html } from 'hono/html'
import type { Visit, Web } from './visit.ts'
import type { Html } from './words.ts'

interface Item {
  path: string
  label: string
  /** Null for everybody. */
  roles: readonly string[] | null
  /** Other paths whose pages belong to it. */
  also?: readonly string[]
}
interface Group {
  label: string
  items: readonly Item[]
}

/** Pages that other items of their own group are below of. */
const TOPS = new Set(['/', '/audit', '/desk'])

const STAFF = ['staff', 'dpo']
const LOOK = [...STAFF, 'auditor']

const GROUPS: readonly Group[] = [
  {
    label: 'The Network',
    items: [
      { path: '/', label: 'Start', roles: null },
      { path: '/members', label: 'Sites', roles: null },
      { path: '/terms', label: 'Terms', roles: null },
      { path: '/policy', label: 'Promises', roles: null },
      { path: '/processors', label: 'Processors', roles: null },
      { path: '/announcements', label: 'Announcements', roles: null },
      { path: '/log', label: 'Logs', roles: null, also: ['/entries'] },
      { path: '/status', label: 'Status', roles: null },
    ],
  },
  {
    label: 'Audit',
    items: [
      { path: '/audit', label: 'Overview', roles: LOOK },
      { path: '/audit/sites', label: 'Sites', roles: LOOK },
      { path: '/audit/withdrawals', label: 'Withdrawals', roles: LOOK },
      { path: '/audit/findings', label: 'Findings', roles: LOOK },
      { path: '/audit/challenges', label: 'Challenges', roles: LOOK },
      { path: '/audit/downloads', label: 'Downloads', roles: LOOK },
    ],
  },
  {
    label: 'Desk',
    items: [
      { path: '/desk', label: 'What waits', roles: STAFF },
      { path: '/desk/notices', label: 'Notices', roles: STAFF },
      { path: '/desk/requests', label: 'Requests', roles: STAFF },
      { path: '/desk/applications', label: 'Applications', roles: STAFF },
      { path: '/desk/owners', label: 'Owners', roles: STAFF },
      { path: '/desk/breaches', label: 'Breaches', roles: LOOK },
      { path: '/desk/accounts', label: 'Accounts', roles: STAFF },
      { path: '/desk/acts', label: 'Access log', roles: LOOK },
      { path: '/account', label: 'Your account', roles: [...LOOK, 'owner'] },
    ],
  },
]

/** Whether a page is at, or below, one of the navigation. */
function placeOf({ path }: Visit, item: Item): 'page' | 'true' | null {
  if (path === item.path) return 'page'
  return [item.path, ...(item.also ?? [])].some((above) => path.startsWith(`${above}/`)) &&
    !TOPS.has(item.path)
    ? 'true'
    : null
}

function itemOf(visit: Visit, item: Item): Html {
  const place = placeOf(visit, item)
  return html`<li>
    <a href="${item.path}" ${place === null ? '' : html`aria-current="${place}"`}>${item.label}</a>
  </li>`
}

/** The lists of links for a visit. */
export function navigation(web: Web, visit: Visit): Html[] {
  return GROUPS.flatMap(({ label, items }, place) => {
    const open = items.filter(
      ({ path, roles }) =>
        web.paths.has(path) &&
        (roles === null || (visit.actor !== null && roles.includes(visit.actor.role))),
    )
    if (open.length === 0) return []
    return [
      html`<nav aria-label="${label}">
        ${place === 0 ? '' : html`<span class="nav-label" aria-hidden="true">${label}</span>`}
        <ul>
          ${open.map((item) => itemOf(visit, item))}
        </ul>
      </nav>`,
    ]
  })
}
