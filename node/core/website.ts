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

/** What the website is told durably, in order, and again after a pause. Ids only. */
export type Notice =
  | {
      type: 'record.appeared' | 'record.changed' | 'record.vanished'
      home: SiteId
      record: RecordId
    }
  /** Every site that had to has confirmed the withdrawal. */
  | { type: 'withdrawal.completed'; record: RecordId }
  /** A member of this site was reported by a member of another. */
  | { type: 'member.reported'; record: RecordId; by: SiteId; reason: string }
  /** A burst of identical texts by one of this site's members was held back. */
  | { type: 'messages.held'; record: RecordId; recipients: number }
