/** What the owner of a bridged site should know now, as closed words with what to do about each. */
import { DAY_SECONDS } from '../../../protocol/dates.ts'
import type { ContactView } from './contact/contact.ts'

/** Every word, and its explanation. */
export const BRIDGE_WARNINGS = {
  'not-paired':
    'The module has no key yet. Open the pairing window and ask for a key on its page, or make one and enter it.',
  'never-called':
    'The module has a key and has not called yet. Check the two addresses in it, and start its services.',
  silent:
    'The module has not called for a day or longer. Start its services: after the days set for it, the site counts as having left, and its members are withdrawn.',
  'cannot-remove':
    'The module runs under a PHP that cannot carry out removals (before 8.1). Nobody of other sites is handed to it until that is changed.',
  'removals-late':
    'The module has not removed somebody within the time that the Network allows. Nobody new is handed to it until it has. Check that its jobs run; where it has nobody of that number (dpn bridge removals), say so.',
  undecided:
    'Members are hidden, since the module has sent a withdrawal that names nobody. Ask them, then keep or withdraw each: whoever is left is withdrawn after 30 days.',
  'notice-refused':
    'The Network does not accept the version of the notice on the consent page. Update this node; nobody can consent until then.',
  'fast-channel':
    'The module calls, and its fast channel is not connected: messages from other sites do not come through. Start its fast service.',
} as const
export type BridgeWarning = keyof typeof BRIDGE_WARNINGS

/** What the warnings follow from. */
export interface BridgeFacts {
  now: number
  contact: ContactView
  isFastConnected: boolean
  /** Members that are hidden and not decided on. */
  suspended: number
  /** Unix seconds since when the oldest removal waits; null where none does. */
  oldestRemovalAt: number | null
  /** Of the Network's terms. */
  erasureDeadlineSeconds: number
  isNoticeAccepted: boolean
}

/** The warnings that hold, in the order of the list. */
export function warningsOf(facts: BridgeFacts): BridgeWarning[] {
  const { now, contact, oldestRemovalAt } = facts
  const { isPaired, lastSeenAt, canRemove } = contact
  const isSilent = lastSeenAt !== null && now - lastSeenAt >= DAY_SECONDS
  const holds: Record<BridgeWarning, boolean> = {
    'not-paired': !isPaired,
    'never-called': isPaired && lastSeenAt === null,
    silent: isSilent,
    'cannot-remove': canRemove === 'no',
    'removals-late':
      oldestRemovalAt !== null && now - oldestRemovalAt > facts.erasureDeadlineSeconds,
    undecided: facts.suspended > 0,
    'notice-refused': !facts.isNoticeAccepted,
    'fast-channel': lastSeenAt !== null && !isSilent && !facts.isFastConnected,
  }
  return (Object.keys(BRIDGE_WARNINGS) as BridgeWarning[]).filter((word) => holds[word])
}
