/**
 * The website beside a site node, as the core sees it. What passes here without being kept (policy
 * §12.2) is a live event; what may be told later as well is a notice, and names no person.
 */
import type { RecordId, SiteId } from '../../protocol/ids.ts'

/** A record with the site whose member it is. */
export interface Party {
  home: SiteId
  record: RecordId
}

/** What passes between two members. It is in memory only, and only until the website has it. */
export interface MessageEvent {
  type: 'message'
  /** 16 random bytes in hexadecimal, by the sending site. */
  id: string
  from: Party
  /** A record of this site. */
  to: RecordId
  content: { kind: 'text'; text: string; replyTo?: string } | { kind: 'typing' | 'read' }
  /** Unix seconds, by the sending node. */
  time: number
}
export interface PresenceEvent {
  type: 'presence'
  who: Party
  state: 'online' | 'offline'
}
export type LiveEvent = MessageEvent | PresenceEvent

/** Hands live events to the website. */
export interface Website {
  /**
   * Hands over a message and waits: `taken` when the website has acknowledged it, `absent` where it
   * does not listen or does not answer in time.
   */
  deliver: (message: MessageEvent) => Promise<'taken' | 'absent'>
  /** Shows a change of presence to whoever listens just now. */
  show: (presence: PresenceEvent) => void
}

/** What the website is told durably, in order, and again after a pause. Ids and words only. */
export type Notice =
  /** Appeared and changed: a record of another site; vanished: also one of this site. */
  | {
      type: 'record.appeared' | 'record.changed' | 'record.vanished'
      home: SiteId
      record: RecordId
    }
  /** All records of a home may not be shown for now, or may be shown again. */
  | { type: 'home.hidden' | 'home.shown'; home: SiteId }
  /** Every site that had to has confirmed the withdrawal. */
  | { type: 'withdrawal.completed'; record: RecordId }
  /** A member of this site was reported by a member of another. */
  | { type: 'member.reported'; record: RecordId; by: SiteId; reason: string }
  /** The coordinator has looked at the consent record, by a draw that nobody chose. */
  | { type: 'consent.opened'; record: RecordId; draw: number }
  /** A burst of identical texts by one of this site's members was held back. */
  | { type: 'messages.held'; record: RecordId; recipients: number }

/** Every type of notice, and what it says. */
export const NOTICE_TYPES = {
  'record.appeared': 'records of another site can be shown',
  'record.changed': 'a newer version of them is here',
  'record.vanished': 'they are gone: show them no longer, and drop what you kept of them',
  'home.hidden': 'all records of a site are hidden: it is silent, suspended or not to be trusted',
  'home.shown': 'they can be shown again',
  'withdrawal.completed': 'every site that had to has confirmed the withdrawal',
  'member.reported': 'members of this site were reported by a member of another',
  'consent.opened': 'the coordinator has checked the consent records of these members',
  'messages.held': 'identical texts of one of your members to many were held back',
} satisfies Record<Notice['type'], string>

/** Every type of live event. */
export const LIVE_TYPES = {
  message: 'a message for one of your members; acknowledge it',
  presence: 'a member of another site came online or went offline',
} satisfies Record<LiveEvent['type'], string>

/** Every type that a reader can choose. */
export const EVENT_TYPES = [...Object.keys(NOTICE_TYPES), ...Object.keys(LIVE_TYPES)]
