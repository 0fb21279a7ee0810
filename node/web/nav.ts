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
}
interface Group {
  label: string
  items: readonly Item[]
}

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
      { path: '/log', label: 'Logs', roles: null },
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
    items: [{ path: '/desk', label: 'Desk', roles: STAFF }],
  },
]

function itemOf(visit: Visit, { path, label }: Item): Html {
  const isHere = visit.path === path
  return html`<li><a href="${path}" ${isHere ? html`aria-current="page"` : ''}>${label}</a></li>`
}

/** The lists of links for a visit. */
export function navigation(web: Web, visit: Visit): Html[] {
  return GROUPS.flatMap(({ label, items }) => {
    const open = items.filter(
      ({ path, roles }) =>
        web.paths.has(path) &&
        (roles === null || (visit.actor !== null && roles.includes(visit.actor.role))),
    )
    if (open.length === 0) return []
    return [
      html`<nav aria-label="${label}">
        <ul>
          ${open.map((item) => itemOf(visit, item))}
        </ul>
      </nav>`,
    ]
  })
}
