/** Announcements for everybody: notices of breaches, as JSON and as an Atom feed. */
import { z } from '@hono/zod-openapi'
import { dayOf, isoDateOfDay } from '../../../protocol/dates.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import type { BreachNotice } from '../../../protocol/registry.ts'
import type { Door } from '../app.ts'
import { mount } from '../operation.ts'
import { noticeOf, noticeShape } from '../notice.ts'
import type { CoordinatorPorts } from './ports.ts'

const tag = 'Announcements'
/** Entries of the feed. */
const FEED_ENTRIES = 50
const PHASES: Record<BreachNotice['phase'], string> = {
  initial: 'first notice',
  update: 'further notice',
  final: 'last notice',
}

/** The newest first. */
export function announcementsOf({ coordinator }: CoordinatorPorts): BreachNotice[] {
  return coordinator.node.view.registry().breaches.toReversed()
}

/** The headline of an announcement. */
export function headlineOf({ site, phase }: BreachNotice): string {
  return `Data breach at ${site}: ${PHASES[phase]}`
}

const two = (value: number): string => String(value).padStart(2, '0')

/** A time as RFC 3339 writes it. */
function timeText(unixSeconds: number): string {
  const rest = unixSeconds % 86_400
  const time = [rest / 3600, (rest % 3600) / 60, rest % 60].map((part) => two(Math.floor(part)))
  return `${isoDateOfDay(dayOf(unixSeconds))}T${time.join(':')}Z`
}

const countText = (number: number | null): string =>
  number === null ? 'number not known yet' : `about ${number}`

function contentOf(notice: BreachNotice): string {
  return [
    notice.nature,
    `People concerned: ${notice.people.join(', ')} (${countText(notice.peopleCount)}).`,
    `Records concerned: ${notice.data.join(', ')} (${countText(notice.dataCount)}).`,
    `Likely consequences: ${notice.consequences}`,
    `Measures: ${notice.measures}`,
    `Contact: ${notice.contact}`,
  ].join('\n\n')
}

const XML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => XML[sign] ?? '')
const element = (name: string, text: string): string => `<${name}>${escaped(text)}</${name}>`

/**
 * The feed. White space counts in it, so that it is put together line by line.
 *
 * @param url where the pages are reached from outside; links are relative to the feed without it
 * @see RFC 4287
 */
export function atomOf(
  notices: readonly BreachNotice[],
  about: { network: SiteId; name: string; url: string | null; foundedAt: number },
): string {
  const { network, name, url, foundedAt } = about
  const tagOf = (what: string): string => `tag:${network},${isoDateOfDay(dayOf(foundedAt))}:${what}`
  const link = (rel: string, path: string): string =>
    `<link rel="${rel}" href="${escaped(`${url ?? ''}${path}`)}"/>`
  const entries = notices
    .slice(0, FEED_ENTRIES)
    .flatMap((notice) => [
      '<entry>',
      element('id', tagOf(`breach-${notice.id}-${notice.index}`)),
      element('title', headlineOf(notice)),
      element('updated', timeText(notice.time)),
      link('alternate', `/announcements#entry-${notice.index}`),
      `<content type="text">${escaped(contentOf(notice))}</content>`,
      '</entry>',
    ])
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    element('id', tagOf('announcements')),
    element('title', `${network}: announcements`),
    element('updated', timeText(notices[0]?.time ?? foundedAt)),
    `<author>${element('name', name)}</author>`,
    link('self', '/announcements.atom'),
    link('alternate', '/announcements'),
    ...entries,
    '</feed>',
    '',
  ].join('\n')
}

/** Mounts the resources. */
export function mountAnnouncements(door: Door, ports: CoordinatorPorts): void {
  const { view } = ports.coordinator.node
  mount(
    door,
    {
      method: 'get',
      path: '/v1/announcements',
      roles: null,
      tag,
      summary: 'Announcements, the newest first: notices of breaches',
      answers: {
        200: {
          description: "All of them; each is an entry of the coordinator's log",
          schema: z.object({ announcements: z.array(noticeShape) }),
        },
      },
    },
    (c) => c.json({ announcements: announcementsOf(ports).map(noticeOf) }),
  )
  mount(
    door,
    {
      method: 'get',
      path: '/announcements.atom',
      roles: null,
      tag,
      summary: 'The newest announcements as an Atom feed (RFC 4287)',
      answers: { 200: { description: 'A feed', type: 'application/atom+xml' } },
    },
    (c) => {
      const feed = atomOf(announcementsOf(ports), {
        network: view.network,
        name: ports.controller.name,
        url: ports.url ?? null,
        foundedAt: view.registry().coordinator?.admittedAt ?? 0,
      })
      return c.body(feed, 200, {
        'content-type': 'application/atom+xml; charset=utf-8',
        'cache-control': 'public, max-age=300',
      })
    },
  )
}
