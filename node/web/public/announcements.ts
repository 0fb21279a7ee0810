/** `/announcements`: notices of breaches for everybody, as they stand in the log. */
import { html } from 'hono/html'
import type { BreachNotice } from '../../../protocol/registry.ts'
import { announcementsOf, headlineOf } from '../../http/coordinator/announcements.ts'
import type { CoordinatorPorts } from '../../http/coordinator/ports.ts'
import { noticeOf } from '../../http/notice.ts'
import { mountPage } from '../page.ts'
import { facts, link } from '../parts.ts'
import type { Web } from '../visit.ts'
import { countText, timeOf, type Html } from '../words.ts'

const countOf = (number: number | null): string =>
  number === null ? 'number not known yet' : `about ${countText(number)}`

/** What a notice says, under its headings. */
export function noticeFacts(notice: BreachNotice): Html {
  return facts([
    ['Site concerned', notice.site],
    ['Known since', timeOf(notice.known)],
    ['Declared', timeOf(notice.time)],
    ['What happened', notice.nature],
    ['People concerned', `${notice.people.join(', ')}; ${countOf(notice.peopleCount)}`],
    ['Records concerned', `${notice.data.join(', ')}; ${countOf(notice.dataCount)}`],
    ['Likely consequences', notice.consequences],
    ['Measures', notice.measures],
    ['Contact', notice.contact],
  ])
}

/** Mounts the page. */
export function mountAnnouncementsPage(web: Web, ports: CoordinatorPorts): void {
  const { network } = ports.coordinator.node.view
  mountPage(web, { path: '/announcements', roles: null }, () => {
    const notices = announcementsOf(ports)
    return {
      title: 'Announcements',
      lead: html`Notices of breaches of personal data, the newest first. Each is a signed entry of
      the coordinator's log, which nobody can take back. Readers of feeds:
      ${link('/announcements.atom', 'Atom')}.`,
      body:
        notices.length === 0
          ? html`<p>There has been none.</p>`
          : notices.map(
              (notice) =>
                html`<article id="entry-${notice.index}">
                  <h2>${headlineOf(notice)}</h2>
                  ${noticeFacts(notice)}
                  <p>${link(`/entries/${network}/${notice.index}`, `Entry ${notice.index}`)}</p>
                </article>`,
            ),
      head: html`<link
        rel="alternate"
        type="application/atom+xml"
        href="/announcements.atom"
        title="Announcements"
      />`,
      data: { announcements: notices.map(noticeOf) },
    }
  })
}
