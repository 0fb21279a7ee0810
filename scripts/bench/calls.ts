/** What a benchmark can ask of a measured process. Arguments and answers travel as JSON. */
import type { Asked, Spent } from './timing.ts'

export interface NodeOptions {
  folder: string
  /** The environment by which the node is configured. */
  env: Record<string, string>
}
/** What a node says of itself once it has started. */
export interface NodeFacts {
  site: string
  /** The verifier key of its log. */
  vkey: string
  logKey: string
  witnessKey: string
  addresses: string[]
}
/** Requests and message bytes, both ways, that a node has exchanged with one site. */
export interface Traffic {
  requests: number
  bytes: number
  /** Milliseconds of `performance.timeOrigin` at the end of the last request. */
  lastAt: number
  open: number
}

/** Where and how the old module talks to a bridge. */
export interface BridgedModule {
  slow: string
  key: string
  domain: string
}

export interface Calls {
  startCoordinator: (options: NodeOptions) => Promise<NodeFacts>
  startSite: (options: NodeOptions) => Promise<NodeFacts>
  /** Coordinator: applies and admits. */
  admit: (facts: NodeFacts) => Promise<void>
  /** Site: learns where the coordinator is; resolves when the own log may be written. */
  join: (coordinator: { addresses: string[] }) => Promise<Spent>
  /** Publishes members in batches; only the time inside the publisher counts. */
  publish: (members: { from: number; count: number }) => Promise<Spent & { published: number }>
  /** Serves the HTTP interface of the site, under a new key. */
  serveHttp: (nothing: null) => Promise<{ url: string; key: string }>
  /** Client: publishes over HTTP. */
  bulk: (members: {
    url: string
    key: string
    from: number
    count: number
  }) => Promise<Spent & { published: number }>
  requirements: (requirements: object) => Promise<void>
  /** Joins, publishes requirements, and waits until all that matches of `home` is held here. */
  replicate: (wish: {
    addresses: string[]
    home: string
    size: number
    requirements: object
  }) => Promise<Spent & { held: number }>
  /** Waits until this node has `size` entries of a log and wants no body of it. */
  settled: (log: { home: string; size: number }) => Promise<{ held: number }>
  connected: (sites: string[]) => Promise<void>
  /** Cuts and makes the connection with a site, waits until both have nothing more to ask. */
  reconnect: (peer: { site: string }) => Promise<Traffic & { millis: number }>
  traffic: (peer: { site: string; reset: boolean }) => Promise<Traffic>
  /** Withdraws members and waits for the receipts of everybody. */
  withdraw: (members: { from: number; count: number }) => Promise<Spent & { localMillis: number }>
  /** Publishes members with pictures. */
  givePictures: (give: { members: number }) => Promise<{ bytes: number; pictures: number }>
  /** Joins, accepts everybody, and waits until all these pictures are held here. */
  pullPictures: (wish: { addresses: string[]; home: string; pictures: number }) => Promise<Spent>
  /** Publishes members who may be written to; ids and records in the same order. */
  talkers: (members: { count: number }) => Promise<{ ids: string[]; records: string[] }>
  /** Writes from each of these members to one of the records in turn, so many at a time. */
  talk: (wish: {
    home: string
    ids: string[]
    records: string[]
    count: number
    atOnce: number
  }) => Promise<Spent & { p50: number; p99: number }>
  /** Answers each frame with its like. */
  echoServer: (nothing: null) => Promise<{ address: string }>
  /** The same round trips without a node: so many frames of these bytes, so many at a time. */
  echoFloor: (wish: {
    address: string
    bytes: number
    count: number
    atOnce: number
  }) => Promise<Spent & { p50: number; p99: number }>
  /** Serves a bridge to the old module, paired, without limits of its rate. */
  serveBridge: (nothing: null) => Promise<BridgedModule>
  /** Publishes members by lists that are signed before the clock starts. */
  signedConsents: (members: {
    from: number
    count: number
  }) => Promise<Spent & { published: number }>
  /** Module: sends members by the hundred; the milliseconds of each call. */
  putProfiles: (members: { module: BridgedModule; from: number; count: number }) => Promise<{
    millis: number[]
    processed: number
  }>
  /** Module: asks for numbers until every member has one. */
  getNumbers: (members: { module: BridgedModule; count: number }) => Promise<{ millis: number[] }>
  /** Module: so many rounds with nothing to say; what it is given it takes at once. */
  rounds: (rounds: { module: BridgedModule; count: number }) => Promise<{
    millis: number[]
    added: number
  }>
  cpu: (nothing: null) => Promise<{ cpuMillis: number }>
  stop: (nothing: null) => Promise<void>
  insertFloor: (rows: { path: string; count: number; own: boolean }) => Promise<Spent>
  hashFloor: (input: { count: number }) => Promise<Spent & { bytes: number }>
  streamServer: (nothing: null) => Promise<{ address: string }>
  streamFloor: (input: { address: string; bytes: number }) => Promise<Spent>
  /** Fills a site with records of others, of which the next calls ask. */
  fill: (crowd: { path: string; records: number }) => Promise<Spent>
  /** Discovery, by the node and in bare SQL, which is asked so many rounds. */
  discover: (floor: { floorRounds: number }) => Promise<{
    pages: Asked
    raw: Asked
    facets: Asked
    /** Until the first answer after a start. */
    loadMillis: number
    columnsMb: number
  }>
  /** Reads all bodies, then asks by words. */
  discoverByWords: (nothing: null) => Promise<{
    texts: Asked
    readMillis: number
    /** Longest time in which reading let nobody else have a turn. */
    slowest: number
    textsMb: number
    rssMb: number
  }>
  /** The first recommendations: plain, with a wish for a religion, and their pool in bare SQL. */
  recommend: (floor: { floorRounds: number }) => Promise<{
    lists: Asked
    wished: Asked
    raw: Asked
    /** How many were recommended on average. */
    shown: number
    rssMb: number
  }>
  /** Writes a long log with receipts, and audits it; beside the bare hashes and signature checks. */
  audit: (logs: { path: string; entries: number; members: number }) => Promise<
    Spent & {
      /** Once more, with nothing new. */
      idleMillis: number
      complete: number
      receipts: number
      hashMillis: number
      /** One cosignature. */
      verifyMillis: number
    }
  >
  /** Writes logs with real signatures into a coordinator's store, then makes an archive of them. */
  makeEvidence: (month: {
    path: string
    logs: number
    withdrawals: number
    members: number
    checkpoints: number
  }) => Promise<Spent & { file: string; vkey: string }>
  /** Checks an archive. */
  checkEvidence: (archive: { file: string; vkey: string }) => Promise<
    Spent & {
      withdrawals: number
      receipts: number
      checkpoints: number
      bytes: number
    }
  >
  /** So many signatures checked, and nothing else. */
  signatureFloor: (input: { count: number }) => Promise<Spent>
  /** So many bytes hashed by a megabyte, and nothing else. */
  bytesFloor: (input: { bytes: number }) => Promise<Spent>
}
