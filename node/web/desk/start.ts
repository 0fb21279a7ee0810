/** `/desk`: what waits for staff, in figures that lead to it. */
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { mountPage } from '../page.ts'
import { figures, link, section } from '../parts.ts'
import type { Web } from '../visit.ts'
import { countText } from '../words.ts'
import { html } from 'hono/html'
import { NEWEST } from './attempt.ts'
import { STAFF } from './staff.ts'

const PAGES = [
  ['/desk/notices', 'Withdrawal notices'],
  ['/desk/requests', 'Requests of people'],
  ['/desk/applications', 'Applications'],
  ['/desk/owners', 'Site owners'],
  ['/desk/retention', 'Retention'],
  ['/desk/authorities', 'Disclosures to authorities'],
  ['/desk/processors', 'Register of processors'],
] as const

/** Mounts the page. */
export function mountDeskStart(web: Web, { coordinator }: CoordinatorPorts): void {
  const { desk, admission } = coordinator
  mountPage(web, { path: '/desk', roles: STAFF }, async () => {
    const notices = await desk.notices.counts()
    const waiting = (notices.received ?? 0) + (notices.parsed ?? 0) + (notices.unmatched ?? 0)
    const late = notices.overdue ?? 0
    const requests = await desk.rights.counts()
    const applications = (await admission.applications()).filter(({ state }) => state === 'open')
    const due = await desk.customers.due()
    const disclosures = (await desk.authorities.list(NEWEST)).filter(
      ({ state }) => state === 'proposed' || state === 'approved',
    )
    const retention = due.shrunk.length + due.removed.length
    return {
      title: 'The desk',
      lead: 'What waits for staff. Every act here is a line of the access log.',
      body: [
        figures([
          {
            label: 'Withdrawal notices to look at',
            value: countText(waiting),
            tone: waiting > 0 ? 'warn' : 'good',
            href: '/desk/notices',
          },
          {
            label: 'Withdrawal notices overdue',
            value: countText(late),
            note: 'the home has not answered by the deadline',
            tone: late > 0 ? 'bad' : 'good',
            href: '/desk/notices?state=overdue',
          },
          {
            label: 'Requests open',
            value: countText(requests.open),
            note: `${countText(requests.overdue)} overdue`,
            tone: requests.overdue > 0 ? 'bad' : 'calm',
            href: '/desk/requests?state=open',
          },
          {
            label: 'Applications open',
            value: countText(applications.length),
            href: '/desk/applications?state=open',
          },
          {
            label: 'Disclosures that wait',
            value: countText(disclosures.length),
            href: '/desk/authorities',
          },
          { label: 'Due for retention', value: countText(retention), href: '/desk/retention' },
        ]),
        section(
          'Everything',
          html`<ul>
            ${PAGES.map(([path, label]) => html`<li>${link(path, label)}</li>`)}
          </ul>`,
        ),
      ],
      data: { notices, requests, applications: applications.length, retention },
    }
  })
}
