/** Messages and presence between the old module's fast channel and the Network; nothing is stored. */
import type { ModuleValue } from './value.ts'

/** Events that the module knows, in either direction. */
export const TALK_EVENTS = ['im.message', 'active', 'inactive'] as const
export type TalkEvent = (typeof TALK_EVENTS)[number]
/** Its data: ids, and a text where it is a message. */
export type TalkData = Readonly<Record<string, string | number>>

/** One connected module. */
export interface ModuleLine {
  /** It asks for what has waited: whatever came while it was away for a moment. */
  saved: () => void
  /** It says something; what it may not say is left out and counted. */
  say: (event: string, data: Readonly<Record<string, ModuleValue>>) => void
  close: () => void
}
export interface ModuleTalk {
  /**
   * A module has connected; one that was connected before is replaced.
   *
   * @param send writes an event; false where it could not be written
   */
  connect: (send: (event: TalkEvent, data: TalkData) => boolean) => ModuleLine
  isConnected: () => boolean
  /** What was said and not carried on, by reason; since the start. */
  dropped: () => Readonly<Record<string, number>>
  /** Renews who is online, both ways. */
  tick: () => Promise<void>
  stop: () => void
}
