/** The old module as a caller: its key, the window in which it may ask for one, what is known of it. */
import type { Requirements } from '../../../protocol/requirements.ts'

/** Whether its PHP can carry out removals: unknown until it has sent an id. */
export type CanRemove = 'yes' | 'no' | 'unknown'

export type Pairing =
  { kind: 'paired'; key: string } | { kind: 'refused'; word: 'domain_exists' | 'invalid_data' }

export interface ModuleContact {
  /** Opens the window in which `get_key` is answered. Returns unix seconds of its end. */
  openWindow: () => Promise<number>
  /** `get_key`. The window closes with the first key. */
  pair: (domain: string) => Promise<Pairing>
  /** A key for the owner to enter by hand; one before is void. */
  makeKey: () => Promise<string>
  /** Whether key and domain are this site's. */
  isKnown: (key: string, domain: string) => Promise<boolean>
  /** Notes that the module has called. */
  seen: () => void
  /** Notes whether ids came as integers or as text. */
  noteIds: (ids: 'integers' | 'text') => Promise<void>
  canRemove: () => CanRemove
  /** `settings`: what the site accepts becomes its requirements, unless the owner has set some. */
  settings: (query: ReadonlyMap<string, readonly string[]>) => Promise<void>
  view: () => ContactView
  /** Writes what is only in memory, at most once a minute. */
  tick: () => Promise<void>
}
export interface ContactView {
  isPaired: boolean
  /** Unix seconds; null where no window is open. */
  windowUntil: number | null
  /** Unix seconds; null before the first call. */
  lastSeenAt: number | null
  canRemove: CanRemove
  /** What the module's settings amount to; null before it has sent them. */
  requirements: Requirements | null
}
