/** Records of other sites handed to the old module: a few at a time, and removals before all else. */
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { NetId } from './rows.ts'

/** A profile as the module reads it; every value is a fixed word, a number of ours, or quoted text. */
export type ModuleProfile = Readonly<
  Record<string, string | number | readonly string[] | Readonly<Record<string, string>>>
> & { readonly id: NetId }

export interface Deliveries {
  /** `get_profiles`: records that the module is to add. */
  offers: () => Promise<ModuleProfile[]>
  /** `put_profiles_status`: the module has added these. */
  added: (ids: readonly NetId[]) => Promise<void>
  /** `get_removed`: what the module is to remove. */
  removals: () => Promise<NetId[]>
  /** `put_removed`: the module has removed these, on our word or its own. Returns unknown ones. */
  removed: (ids: readonly NetId[]) => Promise<NetId[]>
  /** `get_updated`: records that the module has, as they are now. */
  updates: () => Promise<ModuleProfile[]>
  /** The record behind a number that the module has, where it may be shown now. */
  recordOf: (netId: NetId) => Promise<{ home: SiteId; record: RecordId } | null>
  /** The number under which the module has a record; null where it has not. */
  netIdOf: (home: SiteId, record: RecordId) => Promise<NetId | null>
  /** The file behind an address that was given to the module, as JPEG; null where it may not be seen. */
  picture: (netId: NetId, name: string) => Promise<{ bytes: Uint8Array; until: number } | null>
  /** Follows the feed: what appeared, changed, vanished. */
  tick: () => Promise<void>
}
