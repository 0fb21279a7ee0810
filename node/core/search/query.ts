/** What can be asked of the held records of other sites, and what the answer is. */
import type { Scope } from '../../../protocol/consent.ts'
import type { RecordId, SiteId } from '../../../protocol/ids.ts'
import type { Facts, Place } from '../../../protocol/requirements.ts'
import type { Around } from './rings.ts'
import type { ChoiceField, RangeField, SensitiveField, Traits, WordField } from './traits.ts'

/** One record, whatever its version. */
export interface RecordName {
  home: SiteId
  record: RecordId
}

/** The sorting of an answer; records that are equal in it come in the order of RecordId. */
export type SearchOrder =
  /** By distance; who has no coordinates comes last. */
  | { by: 'nearest'; from: Place }
  /** By the time of the record's first version, newest first. */
  | { by: 'newest' }
  /** These first, then by the time of the record's last version, newest first. */
  | { by: 'active'; online: readonly RecordName[] }
  | { by: 'record' }

/** Where a page has ended: the sort key of its last record, and that record. */
export interface SearchPosition extends RecordName {
  key: number
}

/** Conditions on held records; what is absent does not filter, an empty list accepts nothing. */
export interface SearchFilter {
  /** Homes whose records may be shown now; records of others are not looked at. */
  homes: readonly SiteId[]
  /** Unix seconds: ages are as of this day, and consents that have ended by then do not count. */
  now: number
  /** Facts of a member: both must meet the wishes of the other (gender and age). */
  mutual?: Facts
  genders?: readonly string[]
  /** Whole years. */
  ageMin?: number
  ageMax?: number
  /** Languages that are spoken; any of them. */
  languages?: readonly string[]
  countries?: readonly string[]
  near?: Place & { radiusKm: number }
  hasPicture?: boolean
  /** Unix seconds; the record's first version is not older. */
  joinedSince?: number
  /** All of these are among the scopes of the consent. */
  scopes?: readonly Scope[]
  choices?: Partial<Record<ChoiceField | SensitiveField, readonly string[]>>
  ranges?: Partial<Record<RangeField, { min?: number; max?: number }>>
  /** Every word begins a word of nickname, headline or description. */
  text?: string
  /** Every word begins a word of that field. */
  words?: Partial<Record<WordField, string>>
  /** Only these, e.g. who is online. */
  only?: readonly RecordName[]
  /** None of these: blocked, or seen before. */
  without?: readonly RecordId[]
}

/** What can be counted. */
export const FACETS = [
  'gender',
  'age',
  'country',
  'languages',
  'home',
  'hasPicture',
  'bodyType',
  'hairColour',
  'eyeColour',
  'race',
  'religion',
  'smoking',
  'drinking',
  'maritalStatus',
  'purpose',
  'wantsChildren',
  'hasChildren',
  'education',
] as const
export type Facet = (typeof FACETS)[number]

export interface SearchQuery extends SearchFilter {
  order: SearchOrder
  /** Distances in the answer are reckoned from here. */
  from?: Place
  after?: SearchPosition
  limit: number
  facets?: readonly Facet[]
}

/** A record that fits, with its columns. */
export interface SearchRow extends RecordName {
  /** Of the publish entry: names the version. */
  index: number
  facts: Facts
  traits: Traits
  scopes: Scope[]
  /** Unix seconds of the record's first version. */
  joinedAt: number
  /** Unix seconds of this version. */
  publishedAt: number
  /** From the place of the query; null without one, and without coordinates. */
  distanceKm: number | null
  /** Its sort key: with home and record the position after it. */
  key: number
}
export interface SearchAnswer {
  rows: SearchRow[]
  /** Records that fit, on all pages. */
  total: number
  /** How many of them have which value; an age by its decade, e.g. `30`. */
  facets: Partial<Record<Facet, Record<string, number>>>
}

/** Asks for those around somebody: by ring, and as if shuffled within each. */
export interface PoolQuery extends SearchFilter {
  around: Around
  /** An integer of 32 bits; the same shuffles alike. */
  seed: number
  limit: number
}
/** A record of the pool; how many fit beyond it is not counted. */
export interface PoolRow extends RecordName {
  /** Of the publish entry: names the version. */
  index: number
  /** Reads its columns, which costs more than to find it; within the transaction. */
  read: () => Pick<SearchRow, 'facts' | 'traits' | 'scopes'>
}

/** The index of the held records of other sites. Doomed bodies leave it with their transaction. */
export interface SearchReader {
  /**
   * Answers at once, however many records there are: everything is in memory.
   *
   * @throws ProtocolError `not_ready` for words, race and religion while bodies are being read
   */
  find: (query: SearchQuery) => Promise<SearchAnswer>
  /** The nearest who fit, in a chance order; throws as `find` does. */
  pool: (query: PoolQuery) => Promise<PoolRow[]>
  /** Bodies whose texts are not in the index yet, at most `limit`. */
  unread: (limit: number) => Promise<(RecordName & { index: number })[]>
  /** Adds what was read in bodies; those that are gone meanwhile are left out. */
  addRead: (bodies: readonly ReadBody[]) => Promise<void>
}
/** What the index takes from an opened body. */
export interface ReadBody extends RecordName {
  index: number
  /** Words of the general search, and words of single fields with the mark of the field. */
  words: readonly string[]
  sensitive: Partial<Record<SensitiveField, string>>
  traits: Traits
}
