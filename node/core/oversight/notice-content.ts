/** What is kept of people in a notice, and what its parts share. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SiteId } from '../../../protocol/ids.ts'
import { memberOf } from '../../../protocol/registry.ts'
import type { View } from '../view.ts'
import type { Candidate } from './mail.ts'
import type { NoticeChannel, NoticeRow } from './notice-rows.ts'

/** What is kept of people while a notice is not over. */
export interface NoticeContent {
  forwarders: string[]
  candidates: Candidate[]
  /** The address that staff have chosen, or the only one there is. */
  address: string | null
  subject: string
  excerpt: string
}
export interface NewNotice {
  channel: NoticeChannel
  site?: SiteId | undefined
  address?: string | undefined
}

/** @throws ProtocolError `not_found` where the site is no member */
export function memberSite(view: View, site: SiteId): SiteId {
  if (memberOf(view.registry(), site) === undefined || site === view.network)
    throw new ProtocolError('not_found', '/site', 'a member of the Network')
  return site
}

/** A notice that is over: nothing of the person stays. */
export function overNow(
  row: NoticeRow,
  state: 'done' | 'ordered' | 'closed',
  now: number,
): NoticeRow {
  return { ...row, state, sealed: null, dueAt: null, closedAt: now }
}
