/**
 * The store port: what a node keeps, one part per noun. Reading works on any handle; writing only
 * on the handle given out inside a write transaction.
 */
import type { ConsentRecord, Scope } from '../../protocol/consent.ts'
import type { WithdrawReason } from '../../protocol/entry.ts'
import type { Branch } from '../../protocol/finding-file.ts'
import type { PictureId, RecordId, SiteId } from '../../protocol/ids.ts'
import type { CompactRange } from '../../protocol/merkle.ts'
import type { PictureSize } from '../../protocol/picture.ts'
import type { Facts, Requirements } from '../../protocol/requirements.ts'
import type { AuditReader, AuditWriter } from './audit-rows.ts'
import type { BridgeReader, BridgeWriter } from './bridge/rows.ts'
import type { FindingReader, FindingWriter } from './finding-rows.ts'
import type { FeedReader, FeedWriter, WebhookReader, WebhookWriter } from './feed-rows.ts'
import type { Disclosed } from '../../protocol/wire.ts'
import type { BreachReader, BreachWriter } from './oversight/breach-rows.ts'
import type {
  CustomerReader,
  CustomerWriter,
  ReviewReader,
  ReviewWriter,
} from './oversight/customer-rows.ts'
import type { NoticeReader, NoticeWriter } from './oversight/notice-rows.ts'
import type { ActReader, ActWriter } from './people/act-rows.ts'
import type {
  ChallengeReader,
  ChallengeWriter,
  ProbeReader,
  ProbeWriter,
} from './challenge-rows.ts'
import type { MailReader, MailWriter, PeopleReader, PeopleWriter } from './people/rows.ts'
import type { Sealed } from './ports.ts'
import type { RequestReader, RequestWriter } from './request/rows.ts'
import type { SearchReader } from './search/query.ts'
import type { ReportReader, ReportWriter } from './talk/report-rows.ts'
import type { Traits } from './search/traits.ts'

export interface Store {
  /** A consistent view. */
  read: <T>(work: (tx: ReadTransaction) => Promise<T>) => Promise<T>
  /**
   * One at a time; durable (fsync) when it resolves; rolled back when `work` rejects. For the
   * purpose `erase` a full disk is met with space kept back, and `work` is run once more.
   */
  write: <T>(work: (tx: WriteTransaction) => Promise<T>, purpose?: 'erase') => Promise<T>
  /** Moves the write-ahead log into the database and truncates it, so that deleted rows are gone. */
  settle: () => Promise<void>
  /** Rewrites the database so that no remnant of a deleted row is left in a live page. */
  compact: () => Promise<void>
}

export interface ReadTransaction {
  logs: LogReader
  records: RecordReader
  bodies: BodyReader
  pictures: PictureReader
  search: SearchReader
  members: MemberReader
  ledger: LedgerReader
  receipts: ReceiptReader
  desk: DeskReader
  acts: ActReader
  people: PeopleReader
  mail: MailReader
  breaches: BreachReader
  audit: AuditReader
  challenges: ChallengeReader
  probes: ProbeReader
  findings: FindingReader
  feed: FeedReader
  webhooks: WebhookReader
  blocks: BlockReader
  reports: ReportReader
  notices: NoticeReader
  requests: RequestReader
  customers: CustomerReader
  reviews: ReviewReader
  bridge: BridgeReader
}
export interface WriteTransaction {
  logs: LogWriter
  records: RecordWriter
  bodies: BodyWriter
  pictures: PictureWriter
  /** As of the last transaction that is durable. */
  search: SearchReader
  members: MemberWriter
  ledger: LedgerWriter
  receipts: ReceiptWriter
  desk: DeskWriter
  acts: ActWriter
  people: PeopleWriter
  mail: MailWriter
  breaches: BreachWriter
  audit: AuditWriter
  challenges: ChallengeWriter
  probes: ProbeWriter
  findings: FindingWriter
  feed: FeedWriter
  webhooks: WebhookWriter
  blocks: BlockWriter
  reports: ReportWriter
  notices: NoticeWriter
  requests: RequestWriter
  customers: CustomerWriter
  reviews: ReviewWriter
  bridge: BridgeWriter
}

/** A site's published `requirements` entry. */
export interface PublishedRequirements {
  requirements: Requirements
  excludes: SiteId[]
  /** Index of the entry in the site's log. */
  index: number
}

/** How far this node is with one log. */
export interface LogState {
  site: SiteId
  /** Entries applied. */
  size: number
  range: CompactRange
  /** Newest fully applied checkpoint with its log signature and heartbeat; null before the first. */
  note: string | null
  /** Unix seconds of the newest heartbeat whose checkpoint is applied. */
  heartbeat: number | null
  requirements: PublishedRequirements | null
}
export interface LogReader {
  get: (site: SiteId) => Promise<LogState | null>
  all: () => Promise<LogState[]>
  /** Entries `from` to `to` (exclusive), in order. */
  entries: (site: SiteId, from: number, to: number) => Promise<Uint8Array[]>
  /** Entries at these indexes, by index; absent ones are left out. */
  entriesAt: (site: SiteId, indexes: readonly number[]) => Promise<Map<number, Uint8Array>>
  /** Hashes of a tile (C2SP tlog-tiles), as wide as the log reaches; null where it does not. */
  tile: (site: SiteId, level: number, index: number) => Promise<Uint8Array | null>
}
export interface TileRow {
  level: number
  index: number
  /** 1 to 256 hashes of 32 bytes. */
  hashes: Uint8Array
}
export interface LogWriter extends LogReader {
  /**
   * Appends entries and the tiles they touch, if the log's size is still `from`.
   *
   * @throws ProtocolError `conflict` where it is not: two writers must never give out one position
   */
  append: (
    site: SiteId,
    batch: { from: number; entries: Uint8Array[]; range: CompactRange; tiles: TileRow[] },
  ) => Promise<void>
  saveCheckpoint: (site: SiteId, note: string, heartbeat: number | null) => Promise<void>
  saveRequirements: (site: SiteId, published: PublishedRequirements) => Promise<void>
}

/** What a log says of one record. */
export interface RecordState {
  record: RecordId
  /** Index of the record's first publish entry; -1 where only its end is known. */
  firstIndex: number
  /** Index of the newest publish entry, which names this version everywhere. */
  index: number
  version: number
  live: boolean
  /** Index of the withdraw entry that ended it; null while it lives, and after an order. */
  endIndex: number | null
  /** Unix seconds of that publish entry; 0 where there is none. */
  publishedAt: number
  /** Unix seconds of the record's first publish entry; 0 where there is none. */
  joinedAt: number
  /** Unix seconds at which the consent ends; 0 where there is no publish entry. */
  expires: number
}
export interface RecordCounts {
  live: number
  withdrawn: number
  /** Bodies held here and not doomed. */
  held: number
}
export interface RecordReader {
  get: (home: SiteId, record: RecordId) => Promise<RecordState | null>
  /** In no order; absent ones are left out. */
  getMany: (home: SiteId, records: readonly RecordId[]) => Promise<RecordState[]>
  /** States whose newest publish entry is one of `indexes`. */
  atIndexes: (home: SiteId, indexes: readonly number[]) => Promise<RecordState[]>
  /** Live records whose body should be asked for, by index, from `above` (exclusive). */
  wanted: (home: SiteId, above: number, limit: number) => Promise<RecordState[]>
  /** Live records with `expires` at or before `now`, at most `limit`. */
  expired: (home: SiteId, now: number, limit: number) => Promise<RecordState[]>
  /** Records that withdraw entries ended, by `endIndex`, from `above` (exclusive). */
  ended: (home: SiteId, above: number, limit: number) => Promise<RecordState[]>
  counts: (home: SiteId) => Promise<RecordCounts>
  /** Withdrawals of a home that were asked for while its log could not be written. */
  pendingWithdrawals: () => Promise<PendingWithdrawal[]>
}
export interface PendingWithdrawal {
  record: RecordId
  reason: WithdrawReason
  time: number
  notice: string
}
export interface RecordWriter extends RecordReader {
  /** Inserts or replaces. A live state becomes wanted unless `wanted` is false. */
  save: (home: SiteId, states: readonly RecordState[], wanted: boolean) => Promise<void>
  /** Ends all records of the home with `firstIndex` below `size`. */
  endBelow: (home: SiteId, size: number) => Promise<void>
  /** Marks record versions as asked for: not wanted until {@link wantAll}. */
  setAsked: (home: SiteId, indexes: readonly number[]) => Promise<void>
  /** Makes every live record of the home without a body here wanted again. */
  wantAll: (home: SiteId) => Promise<void>
  addPending: (pending: PendingWithdrawal) => Promise<void>
  removePending: (record: RecordId) => Promise<void>
}

/** The columns of a body that are on disk in clear, under a random id: what search needs. */
export interface BodyColumns {
  record: RecordId
  index: number
  expires: number
  scopes: Scope[]
  /** Sites that the member excludes. */
  excludes: SiteId[]
  facts: Facts
  /** Null where a body was kept before there were traits, until it is read again. */
  traits: Traits | null
}
export interface HeldBody extends BodyColumns {
  home: SiteId
  sealed: Sealed
}
/** What the gate asks of a body. */
export type GatedColumns = Pick<BodyColumns, 'expires' | 'scopes' | 'excludes' | 'facts'>
/** Columns of two held, not doomed bodies of live records; null where there is none. */
export interface PairColumns {
  own: GatedColumns | null
  other: GatedColumns | null
  /** Whether the own record has blocked the other. */
  isBlocked: boolean
}
export interface BodyReader {
  /** Held, not doomed bodies at these indexes. */
  atIndexes: (home: SiteId, indexes: readonly number[]) => Promise<HeldBody[]>
  ofRecord: (home: SiteId, record: RecordId) => Promise<HeldBody | null>
  /** Columns of the held, not doomed bodies of these records that are live; in no order. */
  ofRecords: (home: SiteId, records: readonly RecordId[]) => Promise<BodyColumns[]>
  /** What decides whether a record of this site and one of another may see each other. */
  ofPair: (own: RecordId, home: SiteId, other: RecordId) => Promise<PairColumns>
  /** Columns of all held bodies of a home, by index, from `above` (exclusive). */
  columns: (home: SiteId, above: number, limit: number) => Promise<BodyColumns[]>
  /** Bodies whose erasure is decided and not finished. */
  doomed: (limit: number) => Promise<{ home: SiteId; index: number; slot: number }[]>
  /** Every slot that a row, doomed or not, refers to. */
  slots: () => Promise<number[]>
}
/** A body that was held, and is not any more. */
export interface Doomed {
  record: RecordId
  /** Whether its record lives on in a newer version. */
  isSuperseded: boolean
}
export interface BodyWriter extends BodyReader {
  /**
   * Keeps bodies whose record is live at exactly that index, checked in this statement: a body must
   * not slip in after its withdrawal. Returns the indexes kept; the record is no longer wanted.
   */
  insert: (home: SiteId, bodies: readonly Omit<HeldBody, 'home'>[]) => Promise<number[]>
  /** Fills in traits that were not known when the bodies were kept. */
  setTraits: (home: SiteId, bodies: readonly { index: number; traits: Traits }[]) => Promise<void>
  /**
   * Decides the erasure of bodies: at these indexes, or every one of the home. Their pictures go
   * with them, but for those of a record that lives on in a newer version: they are loose then.
   */
  doom: (home: SiteId, indexes: readonly number[] | 'all') => Promise<Doomed[]>
  /** Decides the erasure of every body, and picture, whose record is not live at its index. */
  doomStale: (home: SiteId) => Promise<Doomed[]>
  /** Deletes the rows of doomed bodies after their keys are destroyed. */
  remove: (bodies: readonly { home: SiteId; index: number }[]) => Promise<void>
}

/** Slots of a picture's two files. */
export type PictureSlots = Record<PictureSize, number>
/** A picture that a held body names. */
export interface PictureRow {
  id: number
  home: SiteId
  record: RecordId
  /** Index of the record version that names it. */
  index: number
  picture: PictureId
  /** 0 for the main picture; the gallery counts from 1. */
  place: number
  /** Null while its files are not here. */
  slots: PictureSlots | null
  /** Keyed hash of what was uploaded, by which it is known again; null for another home's. */
  digest: Uint8Array | null
}
/** Which pictures a record version names, in their places. */
export interface NamedPictures {
  record: RecordId
  index: number
  pictures: { picture: PictureId; place: number }[]
}
export type FilledPicture = Pick<PictureRow, 'record' | 'picture' | 'digest'> & {
  slots: PictureSlots
}
/** Neither doomed nor loose ones, but where it says so. */
export interface PictureReader {
  /** By record, then place. */
  ofRecords: (home: SiteId, records: readonly RecordId[]) => Promise<PictureRow[]>
  get: (home: SiteId, record: RecordId, picture: PictureId) => Promise<PictureRow | null>
  /** Pictures whose files are not here, by id, from `above` (exclusive). */
  wanted: (home: SiteId, above: number, limit: number) => Promise<PictureRow[]>
  /** Whether a picture waits for the newer version of its record to say whether it stays. */
  hasLoose: (home: SiteId) => Promise<boolean>
  /** Pictures whose erasure is decided and not finished. */
  doomed: (limit: number) => Promise<{ id: number; slots: PictureSlots | null }[]>
  /** Every slot that a row, doomed and loose ones included, refers to. */
  slots: () => Promise<number[]>
}
export interface PictureWriter extends PictureReader {
  /**
   * Says which pictures the newest held version of a record names. Others of the record are doomed;
   * those that are not here are wanted.
   */
  name: (home: SiteId, versions: readonly NamedPictures[]) => Promise<void>
  /**
   * Keeps files of pictures that are wanted still, checked in this statement: a picture must not
   * slip in after the withdrawal. Returns those kept.
   */
  fill: (home: SiteId, filled: readonly FilledPicture[]) => Promise<FilledPicture[]>
  /** Decides the erasure of the loose pictures of a home. */
  doomLoose: (home: SiteId) => Promise<void>
  /** Deletes the rows of doomed pictures after their keys and files are destroyed. */
  remove: (ids: readonly number[]) => Promise<void>
}

/** A member of this site with a live record, named by a keyed hash of the site's own member id. */
export interface MemberRow {
  memberKey: Uint8Array
  record: RecordId
  /** Keyed hash of the last accepted input, so that repeating it publishes nothing. */
  inputDigest: Uint8Array
  /** Keyed hash of the e-mail address, by which a forwarded withdrawal is matched. */
  emailKey: Uint8Array | null
}
/** One event in the history of a consent: the proof that it was given, changed, withdrawn. */
export interface ConsentEvent {
  record: RecordId
  memberKey: Uint8Array
  kind: 'given' | 'changed' | 'withdrawn'
  time: number
  notice: ConsentRecord['notice']
  scopes: Scope[]
  channel: string
  expires: number
}
export interface MemberReader {
  byKeys: (memberKeys: readonly Uint8Array[]) => Promise<MemberRow[]>
  byRecord: (record: RecordId) => Promise<MemberRow | null>
  /** Those with this e-mail address; at most `limit`. */
  byEmail: (emailKey: Uint8Array, limit: number) => Promise<MemberRow[]>
  /** In the order of RecordId. */
  list: (after: RecordId | null, limit: number) => Promise<MemberRow[]>
  count: () => Promise<number>
  /** Consent history of a member (also after withdrawal), oldest first. */
  consents: (memberKey: Uint8Array) => Promise<ConsentEvent[]>
  /** The newest consent event of each of these members that has one. */
  lastConsents: (memberKeys: readonly Uint8Array[]) => Promise<ConsentEvent[]>
}
export interface MemberWriter extends MemberReader {
  save: (rows: readonly MemberRow[]) => Promise<void>
  remove: (records: readonly RecordId[]) => Promise<void>
  addConsents: (events: readonly ConsentEvent[]) => Promise<void>
}

/** One served batch: which record versions of a home went to whom, when, through whom. */
export interface LedgerRow {
  home: SiteId
  partner: SiteId
  /** `consent`: the consent record alone, to the coordinator that challenged it. */
  what: Disclosed | 'consent'
  time: number
  versions: { record: RecordId; index: number }[]
  /** The relay that served it; null for this node. */
  via: SiteId | null
}
export interface LedgerReader {
  ofRecord: (home: SiteId, record: RecordId) => Promise<LedgerRow[]>
  /** Batches of other homes' records, served by this node and not yet taken by the home. */
  unreported: (limit: number) => Promise<(LedgerRow & { id: number })[]>
  /** Batches of own records that a partner has got, by id, from `above` (exclusive). */
  ofPartner: (
    partner: SiteId,
    above: number,
    limit: number,
  ) => Promise<(LedgerRow & { id: number })[]>
  /** Record versions handed out, by home and partner. */
  totals: () => Promise<{ home: SiteId; partner: SiteId; versions: number }[]>
}
export interface LedgerWriter extends LedgerReader {
  add: (row: LedgerRow) => Promise<void>
  setReported: (ids: readonly number[]) => Promise<void>
}

/** A cosignature by `cosigner` on the checkpoint of `size` of a log. */
export interface ReceiptRow {
  log: SiteId
  cosigner: SiteId
  size: number
  /** Unix seconds in the cosignature. */
  time: number
  /** Unix seconds at which this node kept it first: the cosigner's word on the time is its own. */
  receivedAt: number
  /** The signature line as it stands in the note. */
  line: string
}
export interface ReceiptReader {
  /** In the order of size. */
  ofLog: (log: SiteId, minimumSize: number) => Promise<ReceiptRow[]>
  /** Receipts on the checkpoint of exactly `size`. */
  atSize: (log: SiteId, size: number) => Promise<ReceiptRow[]>
  /** What one cosigner has signed of a log, in the order of size, from `above` (exclusive). */
  byCosigner: (
    log: SiteId,
    cosigner: SiteId,
    above: number,
    limit: number,
  ) => Promise<{ size: number; time: number }[]>
  /** The checkpoint (log signature only) of exactly `size`, kept because it has receipts. */
  checkpoint: (log: SiteId, size: number) => Promise<string | null>
  /** Largest size of a log that this cosigner has cosigned; 0 for none. */
  largest: (log: SiteId, cosigner: SiteId) => Promise<number>
  /** In the order in which they were kept first, from `place` (exclusive). */
  after: (place: number, limit: number) => Promise<(ReceiptRow & { place: number })[]>
  /** The smallest one by this cosigner of a size above `size`; null where there is none. */
  next: (log: SiteId, cosigner: SiteId, size: number) => Promise<ReceiptRow | null>
}
export interface ReceiptWriter extends ReceiptReader {
  saveCheckpoint: (log: SiteId, size: number, note: string) => Promise<void>
  /** The same size again takes time and line of the newer; when it was kept first stands. */
  save: (row: ReceiptRow) => Promise<void>
}

/** What the node's own operator and staff keep: settings, API keys, applications, forks. */
export interface ApiKeyRow {
  id: string
  name: string
  role: string
  /** SHA-256 of the key. */
  hash: Uint8Array
  createdAt: number
  revokedAt: number | null
}
export interface ApplicationRow {
  site: SiteId
  logKey: Uint8Array
  witnessKey: Uint8Array
  siteType: string
  jurisdiction: string
  /** How to reach the site's owner. */
  contact: string
  appliedAt: number
  state: 'open' | 'admitted' | 'refused'
}
export interface ForkRow {
  log: SiteId
  size: number
  notes: [string, string]
  /** How the second history goes on from that size, where it is the longer one. */
  branch?: Branch
  foundAt: number
}
export interface DeskReader {
  setting: (name: string) => Promise<string | null>
  apiKeyByHash: (hash: Uint8Array) => Promise<ApiKeyRow | null>
  apiKeys: () => Promise<ApiKeyRow[]>
  application: (site: SiteId) => Promise<ApplicationRow | null>
  applications: () => Promise<ApplicationRow[]>
  forks: () => Promise<ForkRow[]>
}
export interface DeskWriter extends DeskReader {
  setSetting: (name: string, value: string) => Promise<void>
  addApiKey: (row: ApiKeyRow) => Promise<void>
  revokeApiKey: (id: string, time: number) => Promise<void>
  saveApplication: (row: ApplicationRow) => Promise<void>
  addFork: (row: ForkRow) => Promise<void>
}

/** One record of this site has blocked one of another. */
export interface BlockRow {
  /** Of this site. */
  record: RecordId
  home: SiteId
  blocked: RecordId
  time: number
}
export interface BlockReader {
  /** Blocks by any of these records, in no order. */
  ofMany: (records: readonly RecordId[]) => Promise<BlockRow[]>
  has: (record: RecordId, home: SiteId, blocked: RecordId) => Promise<boolean>
  /** The homes whose logs have this record live. */
  homesOf: (record: RecordId) => Promise<SiteId[]>
}
export interface BlockWriter extends BlockReader {
  add: (row: BlockRow) => Promise<void>
  /** Of the record of whatever home. */
  remove: (record: RecordId, blocked: RecordId) => Promise<void>
  /** Removes blocks by or of a record that is no more. */
  prune: () => Promise<void>
}
